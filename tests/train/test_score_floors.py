"""What a score has to beat: by hand, and what holds of any scores."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hfm.train import measures, score_floors, scoring
from hfm.train.score_floors import ScoreFloor
from hfm.train.scoring import ModelForecast, ModelScore, Truth
from tests.train.test_scoring import N, sample, stale_sample

UP = np.array([1.0, 1.0, 1.0, 0.0, 1.0, 0.0, 0.0, np.nan])
"""Labels of eight rows: four ups, three downs, one that did not move."""


def eight(folds: int = 1) -> Truth:
    """Those rows, in so many folds."""
    nan = np.full(len(UP), np.nan)
    return Truth(UP, nan, nan, nan, nan, np.arange(len(UP)) * folds // len(UP), np.arange(len(UP)))


def calls(p: list[float]) -> ModelForecast:
    """P(up) alone."""
    return ModelForecast(np.array(p), np.full(len(p), np.nan), np.full((len(p), 5), np.nan))


def score(model: str, metric: str, value: float, fold: int = -1) -> ModelScore:
    """Of the direction."""
    return ModelScore(model, fold, "direction", metric, value, 0.01, 7)


def test_floors_by_hand() -> None:
    """Of seven labelled rows four are ups: 4/7 is the larger class; in the rows that the model speaks of, 3 of 4."""
    truth = eight()
    models = {"m": calls([0.6] * 8), "half": calls([0.6, 0.6, 0.6, 0.6, np.nan, np.nan, np.nan, np.nan])}
    accuracy = [score("m", "accuracy", 0.5), score("half", "accuracy", 0.5)]
    assert score_floors.floors(accuracy, (), truth, models) == [
        ScoreFloor(pytest.approx(4 / 7), score_floors.LARGER),
        ScoreFloor(pytest.approx(3 / 4), score_floors.LARGER),
    ]


def test_the_best_is_the_most_of_an_accuracy_and_the_least_of_a_loss() -> None:
    """And `constant`, as a floor of the direction, is called what it is."""
    models = dict.fromkeys(("m", "har", "constant"), calls([0.6] * 8))
    scores = [
        score("m", "log_loss", 0.60), score("har", "log_loss", 0.69), score("constant", "log_loss", 0.68),
        score("m", "accuracy", 0.40), score("har", "accuracy", 0.90), score("constant", "accuracy", 0.58),
    ]  # fmt: skip
    found = score_floors.floors(scores, ("har", "constant"), eight(), models)
    assert found == [
        ScoreFloor(0.68, score_floors.BASE), ScoreFloor(0.68, score_floors.BASE), ScoreFloor(0.69, "har"),
        ScoreFloor(0.90, "har"), ScoreFloor(0.58, score_floors.BASE), ScoreFloor(0.90, "har"),
    ]  # fmt: skip


def test_a_score_without_a_rival_has_no_floor() -> None:
    """NaN and no name; nor does a floor whose value is NaN count."""
    scores = [score("m", "log_loss", 0.6), score("har", "log_loss", float("nan"))]
    for floor in score_floors.floors(scores, ("har",), eight(), dict.fromkeys(("m", "har"), calls([0.6] * 8))):
        assert np.isnan(floor.value)
        assert floor.label == ""


@given(
    st.lists(st.tuples(st.sampled_from("abcde"), st.sampled_from(("auc", "log_loss")), st.sampled_from((-1, 0, 1)),
                       st.floats(0, 1)), max_size=30, unique_by=lambda line: line[:3]),
    st.sets(st.sampled_from("abcde")),
    st.sampled_from("abcde"),
)  # fmt: skip
def test_a_floor_is_a_rival_s_of_the_same_fold_and_more_rivals_make_it_no_lower(
    lines: list[tuple[str, str, int, float]], names: set[str], more: str
) -> None:
    """No model is its own floor, and none of the floors is better than the one that is given."""
    scores = [score(model, metric, value, fold) for model, metric, fold, value in lines]
    models = dict.fromkeys("abcde", calls([0.6] * 8))
    found, harder = (score_floors.floors(scores, tuple(of), eight(2), models) for of in (names, names | {more}))
    for s, f, g in zip(scores, found, harder, strict=True):
        rivals = {
            r.model: r.value
            for r in scores
            if r.model in names and r.model != s.model and (r.metric, r.fold) == (s.metric, s.fold)
        }
        sign = 1 if s.metric == "auc" else -1
        assert np.isnan(f.value) == (not rivals)
        if rivals:
            assert rivals[f.label] == f.value
            assert sign * f.value == max(sign * value for value in rivals.values())
            assert sign * g.value >= sign * f.value


def test_the_floor_of_a_score_is_the_best_rival_floor() -> None:
    """The floor model itself is measured against the others; an ECE against the one expected by chance."""
    truth, said = sample()
    coin = ModelForecast(np.full(N, 0.5), said.p_widen, said.heads)
    models = {"m": said, "coin": coin, "other": coin}
    scores = scoring.score(truth, models)
    floor = score_floors.floors(scores, ("coin", "other"), truth, models)
    for s, f in zip(scores, floor, strict=True):
        if s.metric == "log_loss" and s.model == "m":
            assert f == ScoreFloor(pytest.approx(np.log(2)), "coin")
        if s.metric == "auc" and s.model == "coin":
            assert f == ScoreFloor(0.5, "other")
        if s.metric == scoring.GAIN:
            assert f == ScoreFloor(0, "har")
        if s.metric == "ece" and s.fold < 0 and s.model == "m":
            assert f == ScoreFloor(measures.expected_error(said.p_up), score_floors.PERFECT)


@pytest.mark.parametrize("share", [0.3, 0.45, 0.6])
def test_the_floor_of_an_accuracy_is_the_better_of_base_rate_and_larger_class(share: float) -> None:
    """A training base rate of .55 calls up: right in `share` of the rows, or beaten by who calls what came more often.
    Each says which it is, over the very rows of the model, by fold and pooled; the spread's and the sign's over so many
    events alike."""
    truth, said = sample(folds=2)
    up = (np.arange(N) % 20 < 20 * share).astype(float)
    truth = replace(truth, up=up, ahead=np.column_stack([up, 1 - up, up]))
    heard = np.arange(N) % 3 > 0  # the model says nothing of a third of the rows
    models = {"constant": ModelForecast(np.full(N, 0.55), said.p_widen, said.heads),
              "m": ModelForecast(np.where(heard, said.p_up, np.nan), said.p_widen, said.heads)}  # fmt: skip
    scores = scoring.score(truth, models)
    seen = 0
    for s, f in zip(scores, score_floors.floors(scores, ("constant",), truth, models), strict=True):
        if s.metric != "accuracy" or s.model != "m":
            continue
        rows = (truth.fold == s.fold) | (s.fold < 0)
        if s.task == "spread":
            wide = (truth.log_spread > truth.own_spread)[rows].mean()
            assert f.value >= max(wide, 1 - wide)
            continue
        seen += 1
        rose = 1 - share if s.task == "direction_10" else share
        larger, called = up[rows & heard].mean(), up[rows].mean()
        larger, called = (1 - larger, 1 - called) if s.task == "direction_10" else (larger, called)
        larger = max(larger, 1 - larger)
        want = (called, score_floors.BASE) if called > larger - 1e-12 else (larger, score_floors.LARGER)
        assert f == ScoreFloor(pytest.approx(want[0]), want[1]), s
        assert f.value >= max(rose, 1 - rose) - 0.01
    assert seen == 4 * 3


def test_floors_of_stale_and_moving_rows_are_over_their_own_rows() -> None:
    """Larger class and calibration error of the rows that the score is of."""
    truth, models = stale_sample()
    assert truth.stale is not None
    truth = replace(truth, up=np.where(truth.stale, 1.0, truth.up))
    scores = scoring.score(truth, models)
    floors = score_floors.floors(scores, (), truth, models)
    floor = {
        (s.metric, s.model): f.value
        for s, f in zip(scores, floors, strict=True)
        if s.fold < 0 and s.task == "direction"
    }
    assert floor["accuracy_all_rows", "m"] == pytest.approx(max(truth.up.mean(), 1 - truth.up.mean()))
    assert floor["accuracy", "m"] < floor["accuracy_all_rows", "m"] - 0.1
    assert floor["ece", "m"] > floor["ece_all_rows", "m"]

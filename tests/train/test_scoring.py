"""Scores against scikit-learn, hand-computed cases and simulation."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from sklearn.metrics import log_loss, r2_score, roc_auc_score

from hfm.train import score_floors, scoring
from hfm.train.score_floors import ScoreFloor
from hfm.train.scoring import ModelForecast, Truth

N = 3000


def sample(seed: int = 0, folds: int = 1) -> tuple[Truth, ModelForecast]:
    """Calibrated probabilities and fair level forecasts."""
    rng = np.random.default_rng(seed)
    p = 0.5 + 0.2 * (rng.random(N) - 0.5)
    own, vol = rng.standard_normal(N), rng.standard_normal(N)
    heads = np.column_stack([np.log(p / (1 - p)), vol, own - 1.28, own, own + 1.28])
    truth = Truth(
        up=(rng.random(N) < p).astype(float), log_spread=own + rng.standard_normal(N),
        log_vol=vol + rng.standard_normal(N), own_spread=own + 0.1 * rng.standard_normal(N), oracle=p,
        fold=np.arange(N) * folds // N, cluster=np.arange(N) // 50,
    )  # fmt: skip
    widen = np.where(truth.own_spread > own, 0.4, 0.6)
    return truth, ModelForecast(p, widen, heads)


def values(truth: Truth, said: ModelForecast) -> dict[tuple[str, str], tuple[float, float, int]]:
    """(task, metric) -> (value, se, n) of the pooled scores."""
    return {(s.task, s.metric): (s.value, s.se, s.n) for s in scoring.score(truth, {"m": said}) if s.fold < 0}


def test_the_scores_equal_scikit_learns() -> None:
    """Accuracy, log-loss, AUC in one fold, R2, MAE."""
    truth, said = sample()
    found = values(truth, said)
    assert found["direction", "accuracy"][0] == pytest.approx(np.mean((said.p_up > 0.5) == truth.up))
    assert found["direction", "log_loss"][0] == pytest.approx(log_loss(truth.up, said.p_up))
    assert found["direction", "auc"][0] == pytest.approx(roc_auc_score(truth.up, said.p_up))
    assert found["volatility", "r2"][0] == pytest.approx(r2_score(truth.log_vol, said.heads[:, 1]))
    assert found["spread", "mae"][0] == pytest.approx(np.abs(truth.log_spread - said.heads[:, 3]).mean())


@pytest.mark.parametrize(
    ("task", "metric"), [("direction", "auc"), ("direction", "accuracy"), ("volatility", "r2"), ("spread", "pinball")]
)
def test_standard_errors_are_the_spread_over_fresh_samples(task: str, metric: str) -> None:
    """80 samples: the mean stated error is their standard deviation within 25 %."""
    found = [values(*sample(seed))[task, metric] for seed in range(80)]
    assert np.mean([se for _, se, _ in found]) == pytest.approx(np.std([v for v, _, _ in found]), rel=0.25)


def test_the_auc_is_taken_by_fold_and_averaged() -> None:
    """Folds whose probabilities stand on different levels do not mix."""
    truth, said = sample(folds=3)
    each = [roc_auc_score(truth.up[truth.fold == k], said.p_up[truth.fold == k]) for k in range(3)]
    assert values(truth, said)["direction", "auc"][0] == pytest.approx(np.mean(each))


@pytest.mark.parametrize(("n", "expected"), [(470, 0.072), (15_400, 0.012)])
def test_the_expected_calibration_error_of_a_calibrated_forecaster(n: int, expected: float) -> None:
    """The figures of the design, and the mean over simulated draws."""
    p = np.full(n, 0.5)
    assert scoring.expected_error(p) == pytest.approx(expected, abs=0.001)
    rng = np.random.default_rng(0)
    p = 0.5 + 0.1 * (rng.random(n) - 0.5)
    drawn = [scoring.calibration_error(p, (rng.random(n) < p).astype(float)) for _ in range(100)]
    assert np.mean(drawn) == pytest.approx(scoring.expected_error(p), rel=0.05)


def test_the_share_of_the_oracle_is_1_for_the_oracle_and_0_for_a_coin() -> None:
    """Negative where a forecast is worse than a coin; NaN where there is nothing to know."""
    truth, said = sample()
    assert scoring.oracle_share(said.p_up, truth.oracle) == pytest.approx(1)
    assert scoring.oracle_share(np.full(N, 0.5), truth.oracle) == pytest.approx(0)
    assert scoring.oracle_share(1 - said.p_up, truth.oracle) < -1
    assert np.isnan(scoring.oracle_share(said.p_up, np.full(N, 0.5)))


def test_masked_rows_and_silent_models_are_left_out() -> None:
    """NaN labels are not scored; a model without a head has no row for it."""
    truth, said = sample()
    truth.up[::2] = np.nan
    assert values(truth, said)["direction", "accuracy"][2] == N // 2
    mute = ModelForecast(np.full(N, np.nan), np.full(N, np.nan), np.full((N, 5), np.nan))
    assert values(truth, mute) == {}


def test_a_probability_of_one_half_is_half_right() -> None:
    """It calls no direction."""
    truth, said = sample()
    coin = ModelForecast(np.full(N, 0.5), said.p_widen, said.heads)
    assert values(truth, coin)["direction", "accuracy"][:2] == (0.5, 0.0)


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
            assert f == ScoreFloor(scoring.expected_error(said.p_up), score_floors.PERFECT)


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


def stale_sample(share: float = 0.3) -> tuple[Truth, dict[str, ModelForecast]]:
    """Rows of which a part have a log volatility of -5 that every model foresees, as filled prices are."""
    truth, said = sample(folds=2)
    stale = np.arange(N) % 100 < 100 * share
    vol = np.where(stale, -5.0, truth.log_vol)
    heads = said.heads.copy()
    heads[stale, 1] = -5.0
    better = heads.copy()
    better[:, 1] += np.where(stale, 0.0, 0.1)
    truth = replace(truth, log_vol=vol, stale=stale)
    return truth, {
        "har": ModelForecast(said.p_up, said.p_widen, better),
        "m": ModelForecast(said.p_up, said.p_widen, heads),
    }


def test_stale_rows_are_left_out_of_scores_and_scored_apart() -> None:
    """The headline is that of the rows that move; over all rows the volatility seems foreseen. By fold the
    first alone."""
    truth, models = stale_sample()
    assert truth.stale is not None
    found = {(s.model, s.fold, s.task, s.metric): s for s in scoring.score(truth, models)}
    value = {key: s.value for key, s in found.items()}
    moving = truth.take(~truth.stale)
    kept = {k: m.take(~truth.stale) for k, m in models.items()}
    want = {(s.model, s.fold, s.task, s.metric): s.value for s in scoring.score(replace(moving, stale=None), kept)}
    assert {k: v for k, v in value.items() if not k[3].endswith(scoring.ALL_ROWS)} == pytest.approx(want, nan_ok=True)
    every = {(s.model, s.fold, s.task, s.metric + scoring.ALL_ROWS): s.value
             for s in scoring.score(replace(truth, stale=None), models) if s.fold < 0}  # fmt: skip
    assert {k: v for k, v in value.items() if k[3].endswith(scoring.ALL_ROWS)} == pytest.approx(every, nan_ok=True)
    assert found["m", -1, "volatility", "r2"].value < 0.6
    assert found["m", -1, "volatility", "r2_all_rows"].value > 0.85
    assert found["m", -1, "volatility", "gain_over_har"].n == int((~truth.stale).sum())
    assert scoring.smallest_edge(truth) > scoring.smallest_edge(replace(truth, stale=None))


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


def test_the_gain_over_a_floor_is_its_difference_of_r2() -> None:
    """With sessions of equal length it is the plain difference; its lower bound lies below it."""
    truth, said = sample()
    worse = ModelForecast(said.p_up, said.p_widen, said.heads + np.array([0, 0.5, 0, 0.5, 0]))
    for task, at, y in (("volatility", 1, truth.log_vol), ("spread", 3, truth.log_spread)):
        mean, se, n = scoring.gain(truth, said, worse, task)
        r2 = [1 - np.mean((y - f.heads[:, at]) ** 2) / y.var() for f in (said, worse)]
        assert mean == pytest.approx(r2[0] - r2[1])
        assert 0 < mean - 1.96 * se < mean
        assert n == N


def test_the_gain_over_har_is_a_score_of_every_other_model_that_says_a_level() -> None:
    """Pooled and by fold; none of HAR itself, none of a model that is silent, none without HAR."""
    truth, said = sample(folds=2)
    silent = ModelForecast(said.p_up, said.p_widen, np.full_like(said.heads, np.nan))
    worse = ModelForecast(said.p_up, said.p_widen, said.heads + 0.5)
    made = [s for s in scoring.score(truth, {"har": worse, "m": said, "silent": silent}) if s.metric == scoring.GAIN]
    assert {(s.model, s.fold, s.task) for s in made} == {
        ("m", k, t) for k in (-1, 0, 1) for t in ("spread", "volatility")
    }
    assert all(s.value > 0 and s.se > 0 and s.n > 0 for s in made)
    assert not [s for s in scoring.score(truth, {"m": said}) if s.metric == scoring.GAIN]


def test_what_the_simulator_knows_of_the_spread_is_scored_as_the_oracle() -> None:
    """Pooled and by fold; where it says nothing there is no such line."""
    truth, said = sample(folds=2)
    assert not [s for s in scoring.score(truth, {"m": said}) if s.model == scoring.ORACLE]
    known = replace(truth, oracle_spread=said.heads[:, 3])
    made = {(s.fold, s.metric): s.value for s in scoring.score(known, {"m": said}) if s.model == scoring.ORACLE}
    assert set(made) == {(k, m) for k in (-1, 0, 1) for m in ("r2", "mae")}
    assert made[-1, "r2"] == pytest.approx(values(truth, said)["spread", "r2"][0])


def test_one_class_and_constant_labels_give_no_auc_and_no_r2() -> None:
    """Undefined is NaN or absent, never a number."""
    truth, said = sample()
    truth.up[:] = 1
    truth.log_vol[:] = 3.0
    found = values(truth, said)
    assert ("direction", "auc") not in found
    assert np.isnan(found["volatility", "r2"][0])


def test_the_smallest_edge_that_the_rows_could_show() -> None:
    """2.8 standard errors of a coin."""
    truth, _ = sample()
    assert scoring.smallest_edge(truth) == pytest.approx(2.8016 * 0.5 / np.sqrt(N), rel=1e-3)

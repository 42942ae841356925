"""Scores against scikit-learn, hand-computed cases and simulation."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from sklearn.metrics import log_loss, r2_score, roc_auc_score

from hfm.train import scoring
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

"""Gains over gbm on the same rows."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from hfm.stage import Context
from hfm.train import fold_rows, paired_gains, training_output, walk_forward
from hfm.train.calibration import clustered
from hfm.train.folds import Fold
from hfm.train.scoring import ModelForecast, Truth
from tests.train.blocks import market_in_blocks
from tests.train.market import SMALL


def truth(up: list[float], events: bool = True) -> Truth:
    """Rows in two blocks of one fold."""
    n = len(up)
    nan = np.full(n, np.nan)
    return Truth(np.array(up), nan, nan, nan, nan, np.zeros(n, np.int64), np.arange(n) * 2 // n,
                 np.full((n, 3), np.nan) if events else None)  # fmt: skip


def said(p: list[float]) -> ModelForecast:
    """P(up) alone."""
    return ModelForecast(np.array(p), np.full(len(p), np.nan), np.full((len(p), 5), np.nan))


def test_gains_by_hand() -> None:
    """Four rows, two blocks: right where gbm is not in one of them; the logs of what each gave the truth."""
    ours, theirs, y = [0.8, 0.6, 0.4, 0.5], [0.8, 0.4, 0.4, 0.4], [1.0, 1.0, 0.0, 1.0]
    (hit, loss) = paired_gains.gains(truth(y), said(ours), said(theirs))
    assert hit[:2] == (paired_gains.ACCURACY, pytest.approx((0 + 1 + 0 + 0.5) / 4))
    nats = np.log(np.array([0.8, 0.6, 0.6, 0.5]) / np.array([0.8, 0.4, 0.6, 0.4]))
    assert loss[1:] == (pytest.approx(nats.mean()), pytest.approx(clustered(nats, np.array([0, 0, 1, 1]))[1]), 4)


def test_rows_that_either_does_not_speak_of_are_left_out() -> None:
    """NaN in labels, in ours, in theirs; none left: no gain."""
    lines = paired_gains.gains(
        truth([1.0, np.nan, 1.0, 0.0]), said([0.6, 0.6, np.nan, 0.6]), said([0.6, 0.6, 0.6, 0.6])
    )
    assert [n for *_, n in lines] == [2, 2]
    assert paired_gains.gains(truth([np.nan]), said([0.6]), said([0.6])) == []


def test_bars_and_runs_without_trees_have_no_such_scores() -> None:
    """gbm itself has none either."""
    models = {"gbm": said([0.6] * 4), "lstm": said([0.7] * 4)}
    assert {(s.model, s.fold) for s in paired_gains.score(truth([1.0, 0.0] * 2), models)} == {("lstm", -1), ("lstm", 0)}
    assert paired_gains.score(truth([1.0, 0.0] * 2, events=False), models) == []
    assert paired_gains.score(truth([1.0, 0.0] * 2), {"lstm": models["lstm"]}) == []


@pytest.mark.parametrize("signal", ["threshold", "linear", "none"])
def test_where_either_floor_is_the_best_network_and_ensemble_are_no_worse_than_gbm(signal: str) -> None:
    """Blocks of a market that trees read, that a line reads, that nothing reads: neither interval lies below 0."""
    data, fold = market_in_blocks(signal), Fold(0, (0, 60), (60, 75), (75, 120))
    options = replace(SMALL, model="ensemble", epochs=6, seeds=1)
    names = walk_forward.model_names("ensemble")
    made = walk_forward.WalkForward(data, [fold], "ensemble", names,
                     walk_forward.fit(data.panel, [fold], names, options, Context("train", seed=1)))  # fmt: skip
    test, found = fold_rows.lead(data.panel, *fold.test), {}
    for name in names:
        walk_forward.calibrate(made, name, fold)
        heads, out = (part[test.inside] for part in walk_forward.predict(made, name, fold, test.panel))
        found[name] = ModelForecast(out["p_up"], out["p_widen"], heads)
    of = training_output.truth(data, [fold], None)
    for name in ("lstm", "ensemble"):
        for metric, gain, se, n in paired_gains.gains(of, found[name], found["gbm"]):
            print(f"{signal} {name} {metric} {gain:+.4f} ({se:.4f})")
            assert n > 2000
            assert gain + 1.96 * se >= 0, (name, metric, gain, se)
    share = made.arrays["lstm", 0].get("floor/share", np.zeros(1))[0]
    if signal != "none":
        assert share >= 0.75 if signal == "threshold" else share <= 0.25

"""What each score has to beat: the best that knows nothing of the row, or less than the model does, and whose it is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from hfm.plugins import Float
from hfm.train.labels import AHEAD
from hfm.train.scoring import ALL_ROWS, BESIDE, GAIN, HIGHER, Forecast, Score, Truth, expected_error

LARGER, BASE, PERFECT = "larger class of these rows", "training base rate", "perfectly calibrated"
"""Floors that are no model, and the name of the model `constant` as one of the direction."""


@dataclass(frozen=True)
class Floor:
    """What a score has to beat: the value of the same metric, and whose it is. NaN and empty: nothing."""

    value: float
    label: str


def floors(scores: Sequence[Score], names: Sequence[str], truth: Truth, models: Mapping[str, Forecast]) -> list[Floor]:
    """[len(scores)] the best value of the same metric on the same fold among the floor models `names`, itself left out.

    For an accuracy the larger class of the rows is a floor too; for the ECE it is the ECE expected of a perfectly
    calibrated forecaster with the same probabilities, for GAIN 0.
    """
    best: dict[tuple[int, str, str], list[Floor]] = {}
    for s in scores:
        if s.model in names and np.isfinite(s.value):
            best.setdefault((s.fold, s.task, s.metric), []).append(Floor(s.value, s.model))
    return [_floor(s, best.get((s.fold, s.task, s.metric), []), truth, models) for s in scores]


def _floor(s: Score, rivals: Sequence[Floor], truth: Truth, models: Mapping[str, Forecast]) -> Floor:
    metric = s.metric.removesuffix(ALL_ROWS)
    if metric == GAIN:
        return Floor(0.0, BESIDE)
    rows = ((truth.fold == s.fold) | (s.fold < 0)) & (truth.fresh | (metric != s.metric))
    if metric == "ece":
        p = models[s.model].p_up[rows & np.isfinite(truth.up)]
        return Floor(expected_error(p[np.isfinite(p)]), PERFECT)
    found = [r for r in rivals if r.label != s.model]
    if metric == "accuracy":
        called = _called(s.task, truth, models[s.model])
        share = float(called[rows & np.isfinite(called)].mean())
        found.append(Floor(max(share, 1 - share), LARGER))
    if not found:
        return Floor(float("nan"), "")
    pick = (max if metric in HIGHER else min)(found, key=lambda r: r.value)
    return Floor(pick.value, BASE) if pick.label == "constant" and s.task.startswith("direction") else pick


def _called(task: str, truth: Truth, said: Forecast) -> Float:
    """[n] 1 or 0: the class that the accuracy of a task is about, NaN where the model is not scored on the row."""
    if task == "spread":
        moved = (truth.log_spread != truth.own_spread) & np.isfinite(truth.log_spread) & np.isfinite(said.p_widen)
        return np.where(moved, truth.log_spread > truth.own_spread, np.nan)
    up = truth.up
    if task != "direction" and truth.ahead is not None:
        up = truth.ahead[:, AHEAD.index(int(task.removeprefix("direction_")))]
    return np.where(np.isfinite(said.p_up), up, np.nan)

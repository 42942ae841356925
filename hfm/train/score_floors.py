"""What each score has to beat: the best that knows nothing of the row, or less than the model does, and whose it is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from hfm.plugins import Float
from hfm.train.measures import expected_error
from hfm.train.scoring import ALL_ROWS, BESIDE, GAIN, HIGHER, ModelForecast, ModelScore, Truth

LARGER, BASE, PERFECT = "larger class of these rows", "training base rate", "perfectly calibrated"
"""Floors that are no model, and the name of the model `constant` as one of the direction."""


@dataclass(frozen=True)
class ScoreFloor:
    """What a score has to beat: the value of the same metric, and whose it is. NaN and empty: nothing."""

    value: float
    label: str


def floors(
    scores: Sequence[ModelScore], names: Sequence[str], truth: Truth, models: Mapping[str, ModelForecast]
) -> list[ScoreFloor]:
    """What each score has to beat.

    It is the best value of the same metric on the same fold among the floor models, itself left out. For an accuracy
    the larger class of the rows is a floor too; for the ECE it is the ECE expected of a perfectly calibrated forecaster
    with the same probabilities, for GAIN 0.

    Parameters
    ----------
    scores : sequence of ModelScore
        Those of the floor models among them.
    names : sequence of str
        The floor models.
    truth : Truth
        What the scores are of.
    models : mapping
        Name -> forecast of every model that is scored.

    Returns
    -------
    list of ScoreFloor
        One a score.
    """
    best: dict[tuple[int, str, str], list[ScoreFloor]] = {}
    for s in scores:
        if s.model in names and np.isfinite(s.value):
            best.setdefault((s.fold, s.task, s.metric), []).append(ScoreFloor(s.value, s.model))
    return [_floor(s, best.get((s.fold, s.task, s.metric), []), truth, models) for s in scores]


def _floor(
    s: ModelScore, rivals: Sequence[ScoreFloor], truth: Truth, models: Mapping[str, ModelForecast]
) -> ScoreFloor:
    metric = s.metric.removesuffix(ALL_ROWS)
    if metric == GAIN:
        return ScoreFloor(0.0, BESIDE)
    rows = ((truth.fold == s.fold) | (s.fold < 0)) & (truth.fresh | (metric != s.metric))
    if metric == "ece":
        p = models[s.model].p_up[rows & np.isfinite(truth.up)]
        return ScoreFloor(expected_error(p[np.isfinite(p)]), PERFECT)
    found = [r for r in rivals if r.label != s.model]
    if metric == "accuracy":
        actual = _actual_class(s.task, truth, models[s.model])
        share = float(actual[rows & np.isfinite(actual)].mean())
        found.append(ScoreFloor(max(share, 1 - share), LARGER))
    if not found:
        return ScoreFloor(float("nan"), "")
    pick = (max if metric in HIGHER else min)(found, key=lambda r: r.value)
    return ScoreFloor(pick.value, BASE) if pick.label == "constant" and s.task.startswith("direction") else pick


def _actual_class(task: str, truth: Truth, forecast: ModelForecast) -> Float:
    """[n] 1 or 0: the class that the accuracy of a task is about, NaN where the model is not scored on the row."""
    if task == "spread":
        moved = (truth.log_spread != truth.own_spread) & np.isfinite(truth.log_spread) & np.isfinite(forecast.p_widen)
        return np.where(moved, truth.log_spread > truth.own_spread, np.nan)
    up = truth.up
    if task != "direction" and truth.ahead is not None:
        up = truth.over(int(task.removeprefix("direction_")))
    return np.where(np.isfinite(forecast.p_up), up, np.nan)

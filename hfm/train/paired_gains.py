"""Each model's direction beside that of boosted trees, on the same rows: paired gains, with errors by block.

Of event rows alone: there the trees are the rival that a network has to justify itself against.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from hfm.plugins import Float
from hfm.train.calibration import clustered
from hfm.train.scoring import ModelForecast, ModelScore, Truth

BESIDE = "gbm"
ACCURACY, LOG_LOSS = "accuracy_gain_over_gbm", "log_loss_gain_over_gbm"
"""Metrics of the direction; both are gains: above 0 the model is better. Shares of the rows, and nats a row."""


def gains(truth: Truth, forecast: ModelForecast, rival: ModelForecast) -> list[tuple[str, float, float, int]]:
    """The gains of one model over another, in the rows that both speak of.

    Parameters
    ----------
    truth : Truth
        Of n rows.
    forecast, rival : ModelForecast
        Of the same rows; where P(up) is NaN in either, neither is scored.

    Returns
    -------
    list of (metric, mean gain, standard error by block, rows)
        Of ACCURACY and LOG_LOSS; empty without a row.
    """
    rows = np.isfinite(truth.up) & np.isfinite(forecast.p_up) & np.isfinite(rival.p_up)
    y, at = truth.up[rows], truth.cluster[rows]
    if len(y) == 0:
        return []
    ours, theirs = forecast.p_up[rows], rival.p_up[rows]
    return [(ACCURACY, *clustered(_hit(ours, y) - _hit(theirs, y), at), len(y)),
            (LOG_LOSS, *clustered(_loss(theirs, y) - _loss(ours, y), at), len(y))]  # fmt: skip


def score(truth: Truth, models: Mapping[str, ModelForecast]) -> list[ModelScore]:
    """The gains of all other models, pooled (fold -1) and by fold; none of bars, nor where there are no trees."""
    if truth.ahead is None or BESIDE not in models:
        return []
    out = []
    for fold in (-1, *np.unique(truth.fold).tolist()):
        rows = np.full(len(truth.fold), True) if fold < 0 else truth.fold == fold
        part, rival = truth.take(rows), models[BESIDE].take(rows)
        for name, forecast in models.items():
            if name != BESIDE:
                out += [ModelScore(name, fold, "direction", *line) for line in gains(part, forecast.take(rows), rival)]
    return out


def _hit(p: Float, y: Float) -> Float:
    """1 where the side is right, one half where it is not forecast."""
    return np.where(p == 0.5, 0.5, (p > 0.5) == (y > 0.5)).astype(np.float64)


def _loss(p: Float, y: Float) -> Float:
    sure = np.clip(p, 1e-12, 1 - 1e-12)
    return np.asarray(-np.where(y > 0.5, np.log(sure), np.log1p(-sure)))

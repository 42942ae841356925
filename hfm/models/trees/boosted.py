"""gbm: histogram gradient boosting (Ke et al. 2017) of the direction, the log volatility and the log spread.

Fitted by scikit-learn on the chosen features and the clock slot, stored as arrays (see trees); the number of trees of
each head is the one with the least loss on the validation rows, none where that is best.
"""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from hfm.config import Train
from hfm.models.heads import HEADS, QUANTILES, columns_of
from hfm.models.linear import floor_arrays
from hfm.models.linear.ridge import LabelScale, known, label_scale, rows_of, standardise
from hfm.models.networks.losses import log_loss
from hfm.models.trees import tree_arrays
from hfm.plugins import Arrays, Float, Panel
from hfm.stage import Context

TREES, RATE, LEAVES, LEAST = 150, 0.05, 15, 100
"""At most so many trees, each with so small a step, so many leaves and at least so many rows in a leaf."""


class Gbm:
    """Gradient boosting, one model a head; the quantiles are those of its errors on validation rows."""

    base: ClassVar[str | None] = None
    deep, stepped = True, False
    members: ClassVar[tuple[str, ...]] = ()

    def fit(self, train: Panel, valid: Panel, options: Train, ctx: Context) -> Arrays:
        """Grow trees for each head, and keep as many as the validation rows ask for.

        Parameters
        ----------
        train, valid, options, ctx
            See Forecaster.

        Returns
        -------
        arrays by name
            Of floor_arrays.blank, and of tree_arrays.from_sklearn for `direction`, `vol` and `spread`.
        """
        arrays = floor_arrays.blank(train, ctx)
        for k, name in enumerate(("direction", "vol", "spread")):
            x, y = rows(arrays, train, name)
            if len(y) < 2 * LEAST or (name == "direction" and y.min() == y.max()):
                arrays |= _flat(train, name)
                continue
            found = grown(x, y, name, options.threads)
            arrays |= tree_arrays.first_trees(found, name, best(found, name, *rows(arrays, valid, name)))
            ctx.progress("trees", k + 1, 3, f"{len(arrays[f'{name}/roots'])} trees of {name}")
        return _settled(arrays, train, valid)

    def predict(self, arrays: Arrays, panel: Panel) -> Float:
        """See Forecaster."""
        out = np.full((len(panel.slot), len(HEADS)), np.nan)
        heads, seen, scale = columns_of(out), known(panel), label_scale(arrays, panel)
        x, scale = design(arrays, panel)[seen], LabelScale(*(column[seen] for column in scale))
        heads.logit[seen] = tree_arrays.summed(arrays, "direction", x)
        heads.log_vol[seen] = scale.volatility_centre + scale.volatility_sd * tree_arrays.summed(arrays, "vol", x)
        spread = tree_arrays.summed(arrays, "spread", x)
        for quantile, residual in zip(heads.quantiles, arrays["floor/residual"], strict=True):
            quantile[seen] = scale.spread_centre + scale.spread_sd * (spread + residual)
        return out


def grown(x: Float, y: Float, name: str, threads: int) -> Arrays:
    """TREES trees of one head, of the direction a classifier.

    Parameters
    ----------
    x : float64 [n, F + 1]
        Complete rows of `design`.
    y : float64 [n]
        Their labels.
    name : str
        `direction`, `vol` or `spread`.
    threads : int
        Of scikit-learn.

    Returns
    -------
    arrays by name
        Of tree_arrays.from_sklearn.
    """
    from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
    from threadpoolctl import threadpool_limits

    kind = HistGradientBoostingClassifier if name == "direction" else HistGradientBoostingRegressor
    model = kind(max_iter=TREES, learning_rate=RATE, max_leaf_nodes=LEAVES, min_samples_leaf=LEAST,
                 early_stopping=False, random_state=0)  # fmt: skip
    with threadpool_limits(threads):
        return tree_arrays.from_sklearn(model.fit(x, y), name)


def design(arrays: Arrays, panel: Panel) -> Float:
    """[n, own + 1] standardised features of the chosen group, and the clock slot."""
    z = standardise(panel.x, rows_of(panel), arrays["floor/centre"], arrays["floor/factor"])
    return np.column_stack([z[:, : panel.own], np.minimum(panel.slot, panel.slots - 1)])


def rows(arrays: Arrays, panel: Panel, name: str) -> tuple[Float, Float]:
    """The complete and labelled rows of one head.

    Parameters
    ----------
    arrays : arrays by name
        Of floor_arrays.blank.
    panel : Panel
        Of which the rows are.
    name : str
        `direction`, `vol` or `spread`.

    Returns
    -------
    x : float64 [m, F + 1]
        Of `design`.
    y : float64 [m]
        1 or 0, or a level in standard deviations of its symbol's labels.
    """
    scale = label_scale(arrays, panel)
    y = {"direction": panel.up, "vol": (panel.log_vol - scale.volatility_centre) / scale.volatility_sd,
         "spread": (panel.log_spread - scale.spread_centre) / scale.spread_sd}[name]  # fmt: skip
    rows = known(panel) & np.isfinite(y)
    return design(arrays, panel)[rows], y[rows]


def best(found: Arrays, name: str, x: Float, y: Float) -> int:
    """How many trees have the least loss on these rows.

    Parameters
    ----------
    found : arrays by name
        The trees.
    name : str
        `direction`: by log-loss; others by squared error.
    x, y : float64 [m, F + 1], [m]
        Of `rows`.

    Returns
    -------
    int
        All of them without a row; 0 where none is better.
    """
    if len(y) == 0:
        return len(found[f"{name}/roots"])
    path = tree_arrays.running_sums(found, name, x)
    loss = log_loss(path, y[:, None]) if name == "direction" else (y[:, None] - path) ** 2
    return int(np.argmin(loss.mean(axis=0)))


def _flat(train: Panel, name: str) -> Arrays:
    """No tree: the base rate, or the mean (0 in the labels' own units)."""
    base = floor_arrays.base_logit(train) if name == "direction" else 0.0
    return {f"{name}/links": np.zeros((0, 3), np.int64), f"{name}/values": np.zeros((0, 2)),
            f"{name}/roots": np.zeros(0, np.int64), f"{name}/base": np.array([base])}  # fmt: skip


def _settled(arrays: Arrays, train: Panel, valid: Panel) -> Arrays:
    """With residual quantiles and the return's sd over exp(log volatility) from rows that were not fitted."""
    panel = valid if np.isfinite(valid.log_spread).sum() > 50 else train
    heads = columns_of(Gbm().predict(arrays, panel))
    error = (panel.log_spread - heads.median) / label_scale(arrays, panel).spread_sd
    ratio = panel.ret_bps * np.exp(-heads.log_vol)
    if np.isfinite(error).any():
        arrays["floor/residual"] = np.quantile(error[np.isfinite(error)], QUANTILES)
    if np.isfinite(ratio).any():
        arrays["floor/ret_sd"] = np.array([np.sqrt(np.nanmean(ratio * ratio))])
    return arrays

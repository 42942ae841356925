"""What all floors' arrays begin with and end with: scalers by symbol, and what their forecasts leave over.

Legend: n rows, F features, S symbols.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from hfm.models import inference
from hfm.models.heads import QUANTILES, columns_of
from hfm.models.linear.ridge import LabelScale, known, label_scale, rows_of, scaler
from hfm.plugins import Arrays, Panel
from hfm.stage import Context


def blank(train: Panel, ctx: Context) -> Arrays:
    """The arrays of a floor that says nothing, scalers fitted: features and labels by symbol.

    Parameters
    ----------
    train : Panel
        The rows that are fitted.
    ctx : Context
        Scalers that another floor has fitted on the same rows are taken from it (`fitted`).

    Returns
    -------
    arrays by name
        floor/...: `centre`, `factor` [S+1, F] of the features and `label` [S+1, 4] of the labels (LabelScale) are
        fitted; the weights are zero.
    """
    scales = ctx.fitted["constant"] if "constant" in ctx.fitted else _scales(train)
    return {
        **{name: scales[name].copy() for name in ("floor/centre", "floor/factor", "floor/label")},
        "floor/direction": np.zeros(train.x.shape[1] + 1),
        "floor/vol": np.zeros(train.x.shape[1]), "floor/vol_slot": np.zeros(train.slots),
        "floor/spread": np.zeros(train.x.shape[1]), "floor/spread_slot": np.zeros(train.slots),
        "floor/residual": np.zeros(3), "floor/ret_sd": np.ones(1),
    }  # fmt: skip


def _scales(train: Panel) -> Arrays:
    """The scalers of `blank`."""
    count, symbol = len(train.symbols), rows_of(train)
    centre, factor = scaler(train.x, symbol, count)
    label = np.column_stack([train.log_vol, train.log_spread])
    label[~known(train)] = np.nan
    middle, inverse = scaler(label, symbol, count)
    width = 1.0 / np.where(inverse > 0, inverse, 1.0)
    scale = LabelScale(volatility_centre=middle[:, 0], volatility_sd=width[:, 0],
                       spread_centre=middle[:, 1], spread_sd=width[:, 1])  # fmt: skip
    return {"floor/centre": centre, "floor/factor": factor, "floor/label": np.column_stack(scale)}


def fitted(ctx: Context, name: str, fit: Callable[[], Arrays]) -> Arrays:
    """A floor's arrays to go on from, which may be changed.

    Parameters
    ----------
    ctx : Context
        Of the fit.
    name : str
        Of the floor.
    fit : callable
        Fits it, where the context does not have it fitted on the same rows.

    Returns
    -------
    arrays by name
    """
    known = ctx.fitted.get(name)
    return fit() if known is None else {key: value.copy() for key, value in known.items()}


def with_residuals(arrays: Arrays, train: Panel) -> Arrays:
    """`arrays` with the spread's residual quantiles and the return's sd over exp(log volatility), on train."""
    floor = columns_of(inference.heads(arrays, train))
    error = (train.log_spread - floor.median) / label_scale(arrays, train).spread_sd
    error = error[np.isfinite(error)]
    if error.size:
        arrays["floor/residual"] = np.quantile(error, QUANTILES)
    ratio = train.ret_bps * np.exp(-floor.log_vol)
    ratio = ratio[np.isfinite(ratio)]
    if ratio.size:
        arrays["floor/ret_sd"] = np.array([np.sqrt(np.mean(ratio * ratio))])
    return arrays


def base_logit(train: Panel) -> float:
    """Log-odds of the share of up moves among the labelled rows, Laplace-smoothed."""
    up = train.up[known(train) & np.isfinite(train.up)]
    return float(np.log((up.sum() + 1) / (len(up) - up.sum() + 1)))

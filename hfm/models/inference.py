"""Inference, one row at a time, without torch: the linear floors and, on top of them, the mean of recurrent networks.

`step` is what live calls; `heads` and `finish` loop over the same kernels, so batch equals live bit for bit. The state
is one flat array, zero at each session's open, that may be saved and loaded. A masked row (any feature NaN) gives NaN;
the network then sees zeros, so that its state still advances.
Legend: n rows, F features, K slots, H hidden units, L layers. Networks run in float32, all else in float64.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from hfm.arrays import Float, Int
from hfm.kernels.jit import kernel
from hfm.models.heads import HEADS, OUTPUTS, Z_HIGH, corrected_row, fill_row, of_row
from hfm.models.lstm_step import advance, input_size
from hfm.models.packed_model import PackedModel, pack
from hfm.models.trees import tree_arrays
from hfm.plugins import Arrays, Panel
from hfm.tables import PREDICTIONS
from hfm.tables.records import Records, record_dtype

FORECAST_COLUMNS = ("p_up", "p_raw", "conf_rank", "ret_sd_bps", "spread_q10", "spread_q50", "spread_q90", "p_widen")
"""What a step gives of a row: columns of the predictions table."""
FORECAST = record_dtype(PREDICTIONS, FORECAST_COLUMNS)
CLIP = 8.0
"""Standardised features are cut here: one bad print must not throw a session."""


class Calibration(NamedTuple):
    """What turns heads into a forecast, chosen on validation rows.

    inverse_temperature: factor of the logit. ret_sd: standard deviation of the return over exp(log volatility), NaN
    where it is not known. confidences: sorted |p - .5| of the fold's validation rows.
    """

    inverse_temperature: float
    ret_sd: float
    confidences: Float


@kernel
def calibration(finish: Float) -> Calibration:
    """The Calibration that a checkpoint's array `finish` holds.

    Parameters
    ----------
    finish : float64 [2 + v]
        Inverse temperature, ret_sd, and the v confidences.

    Returns
    -------
    Calibration
        Its confidences are a view.
    """
    return Calibration(finish[0], finish[1], finish[2:])


@kernel
def _standardised(x: Float, features: Records, z: Float) -> bool:
    """z [:F] filled with the features in units of their scaler, cut at +-CLIP; whether the row is masked."""
    masked = False
    for f in range(features.shape[0]):
        value = (x[f] - features[f].centre) * features[f].factor
        masked |= not np.isfinite(x[f])
        z[f] = min(max(value, -CLIP), CLIP)
    return masked


@kernel
def row(state: Float, x: Float, slot: int, model: PackedModel, out: Float) -> None:
    """The heads of one row.

    Parameters
    ----------
    state : float64 [state_size]
        Of the networks; advanced.
    x : float64 [F]
        Raw features; NaN or infinite in one of them masks the row.
    slot : int
        Clock slot; one beyond the table's is its last.
    model : PackedModel
        Of the row's symbol.
    out : float64 [5]
        Filled with HEADS; NaN of a masked row.
    """
    c, features = model.constants[0], model.features
    count = features.shape[0]
    z = np.zeros(count + 1)  # the last is the slot, for the trees
    masked = _standardised(x, features, z)
    delta = np.zeros(OUTPUTS)
    if c.networks > 0:
        v = np.zeros(input_size(model), np.float32)
        if not masked:  # else the networks see zeros
            for f in range(c.inputs):
                v[f] = z[f]
        advance(state, v, model, delta)
        for q in range(OUTPUTS):
            delta[q] /= c.networks
    if masked:
        for q in range(out.shape[0]):
            out[q] = np.nan
        return
    slot = min(max(slot, 0), model.slots.shape[0] - 1)
    z[count] = slot
    logit, volatility, spread = 0.0, 0.0, 0.0
    for f in range(count):
        logit += z[f] * features[f].direction
        volatility += z[f] * features[f].volatility
        spread += z[f] * features[f].spread
    volatility += model.slots[slot].volatility
    spread += model.slots[slot].spread
    logit += c.intercept
    share = c.head.tree_share
    if share > 0.0:
        logit = (1.0 - share) * logit + share * tree_arrays.total(z, model.nodes, model.roots, c.tree_base)
    fill_row(corrected_row(logit, volatility, spread, delta, c.head), out)


@kernel
def finish_row(head: Float, spread_bps: float, final: Calibration, out: np.record) -> None:
    """The forecast of one row from its heads.

    Parameters
    ----------
    head : float64 [5]
        HEADS; what hangs on a head that is NaN is NaN.
    spread_bps : float
        The row's own quoted spread.
    final : Calibration
        Of the fit.
    out : FORECAST
        Filled.
    """
    logit, log_vol, low, median, high = of_row(head)
    out.p_raw = 1.0 / (1.0 + math.exp(-logit))
    # temperature scaling: Guo et al. 2017, arXiv:1706.04599
    out.p_up = 1.0 / (1.0 + math.exp(-logit * final.inverse_temperature))
    # conf_rank: the share of the sorted |p - .5| that lies below the row's, by bisection
    confidence = abs(out.p_up - 0.5)
    first, last = 0, final.confidences.shape[0]
    while first < last:
        middle = (first + last) // 2
        if final.confidences[middle] < confidence:
            first = middle + 1
        else:
            last = middle
    out.conf_rank = first / max(final.confidences.shape[0], 1) if np.isfinite(confidence) else np.nan
    out.ret_sd_bps = final.ret_sd * math.exp(log_vol)
    out.spread_q10, out.spread_q50, out.spread_q90 = math.exp(low), math.exp(median), math.exp(high)
    # p_widen: two half normals through the median and the quantile on the side of the spread as it is
    now = math.log(spread_bps)
    width = high - median if now > median else median - low
    score = (now - median) / max(width, 1e-12) * Z_HIGH
    out.p_widen = 0.5 * math.erfc(score / math.sqrt(2.0))


@kernel
def step(
    state: Float, x: Float, slot: int, spread_bps: float, model: PackedModel, final: Calibration, out: np.record
) -> None:
    """The forecast of one row: what live calls.

    Parameters
    ----------
    state, x, slot, model
        As in `row`.
    spread_bps, final, out
        As in `finish_row`.
    """
    head = np.empty(OUTPUTS)
    row(state, x, slot, model, head)
    finish_row(head, spread_bps, final, out)


@kernel
def state_size(model: PackedModel) -> int:
    """Numbers in the state of a model's networks: h and c of every layer of every network, and one more."""
    c = model.constants[0]
    return int(2 * c.networks * c.hidden * c.layers + 1)


def state_new(model: PackedModel) -> Float:
    """The state at a session's open: zeros."""
    return np.zeros(state_size.py_func(model))


@kernel
def heads_loop(x: Float, slot: Int, start: Int, model: PackedModel, out: Float) -> None:
    """The heads of rows of one symbol.

    Parameters
    ----------
    x : float64 [n, F]
        Raw features.
    slot : int64 [n]
        Clock slots.
    start : int64 [S+1]
        Borders of the sequences; the state is zero at the start of each.
    model : PackedModel
        Of the symbol.
    out : float64 [n, 5]
        Filled with HEADS; NaN in masked rows.
    """
    for s in range(start.shape[0] - 1):
        state = np.zeros(state_size(model))
        for t in range(start[s], start[s + 1]):
            row(state, x[t], slot[t], model, out[t])


@kernel
def finish(heads: Float, spread_bps: Float, final: Calibration, out: Records) -> None:
    """The forecasts of rows.

    Parameters
    ----------
    heads : float64 [n, 5]
        HEADS.
    spread_bps : float64 [n]
        The rows' own quoted spread.
    final : Calibration
        Of the fit.
    out : records [n] of FORECAST
        Filled.
    """
    for t in range(heads.shape[0]):
        finish_row(heads[t], spread_bps[t], final, out[t])


def finished(heads: Float, spread_bps: Float, arrays: Arrays) -> Records:
    """The forecasts of rows.

    Parameters
    ----------
    heads : float64 [n, 5]
        HEADS; what hangs on a head that is NaN is NaN.
    spread_bps : float64 [n]
        The rows' own quoted spread.
    arrays : arrays by name
        Of the fit, with `finish`.

    Returns
    -------
    records [n] of FORECAST
    """
    out = np.empty(len(heads), FORECAST)
    finish(np.ascontiguousarray(heads), spread_bps, calibration.py_func(arrays["finish"]), out)
    return out


def heads(arrays: Arrays, panel: Panel) -> Float:
    """The heads of all rows of a panel: Forecaster.predict of every stepped model.

    Parameters
    ----------
    arrays : arrays by name
        Of a fit.
    panel : Panel
        Of n rows; each sequence begins with a state of zeros.

    Returns
    -------
    float64 [n, 5]
        HEADS; NaN in masked rows.
    """
    out = np.empty((len(panel.slot), len(HEADS)))
    x = np.ascontiguousarray(panel.x)
    for s in np.unique(panel.symbol):
        model, own = pack(arrays, int(s)), np.flatnonzero(panel.symbol == s)
        for run in np.split(own, np.flatnonzero(np.diff(own) > 1) + 1):  # of sequences that lie side by side: one call
            start = panel.start[run[0] : run[-1] + 2]
            rows = slice(int(start[0]), int(start[-1]))
            heads_loop(x[rows], panel.slot[rows], start - start[0], model, out[rows])
    return out

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

from hfm.arrays import Float, Float32, Int
from hfm.kernels.jit import kernel
from hfm.models.heads import HEADS, HIGH, LOG_VOL, LOGIT, LOW, MEDIAN, Z_HIGH, corrected_row
from hfm.models.lstm_cpu.tanh import tanh
from hfm.models.packed_model import BLOCK_COLUMNS, BLOCK_ROWS, PackedModel, pack
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
    """The Calibration of the array `finish` of a checkpoint."""
    return Calibration(finish[0], finish[1], finish[2:])


_HALF, _ZERO = np.float32(0.5), np.float32(0.0)
_COLUMNS, _BLOCK = np.uint64(BLOCK_COLUMNS), np.uint64(BLOCK_ROWS * BLOCK_COLUMNS)
_W1, _W2, _W3, _W4, _W5, _W6, _W7 = (np.uint64(row * BLOCK_COLUMNS) for row in range(1, BLOCK_ROWS))


@kernel
def _affine(weights: Float32, at: int, n: int, x: Float32, acc: Float32) -> None:
    """acc[g] += sum_j W[j, g] x[j] for j < n; W stands at weights[at:] in blocks.

    The cache, not acc, sets the pace: so a block's rows are read side by side, in the order in which they lie. Unsigned
    indices cannot wrap around, so the inner loop has no branch and vectorises.
    """
    p = np.uint64(at)
    for j in range(0, n, BLOCK_ROWS):
        x0, x1, x2, x3 = x[j], x[j + 1], x[j + 2], x[j + 3]
        x4, x5, x6, x7 = x[j + 4], x[j + 5], x[j + 6], x[j + 7]
        for g in range(np.uint64(0), np.uint64(acc.shape[0]), _COLUMNS):
            for k in range(_COLUMNS):
                o = p + k
                low = (weights[o] * x0 + weights[o + _W1] * x1) + (weights[o + _W2] * x2 + weights[o + _W3] * x3)
                high = (weights[o + _W4] * x4 + weights[o + _W5] * x5) + (weights[o + _W6] * x6 + weights[o + _W7] * x7)
                acc[g + k] += low + high
            p += _BLOCK


@kernel
def _cell(acc: Float32, state: Float, at: int, n: int, v: Float32) -> None:
    """One LSTM cell: gates i, f, g, o stand in acc [4n]; h then c at state[at:]; the new h is copied to v[:n].

    Loop by loop, each over few arrays: one loop over all of them is not vectorised.
    """
    one, h = np.uint64(n), np.uint64(at)
    two, three, c = one + one, one + one + one, h + one
    for k in range(two):
        acc[k] = _HALF + _HALF * tanh(_HALF * acc[k])
    for k in range(two, three):
        acc[k] = tanh(acc[k])
    for k in range(three, three + one):
        acc[k] = _HALF + _HALF * tanh(_HALF * acc[k])
    for k in range(one):
        v[k] = acc[one + k] * np.float32(state[c + k]) + acc[k] * acc[two + k]
    for k in range(one):
        state[c + k] = v[k]
    for k in range(one):
        v[k] = acc[three + k] * tanh(v[k])
    for k in range(one):
        state[h + k] = v[k]


@kernel
def _network(state: Float, v: Float32, model: PackedModel, out: Float) -> None:
    """out [5] += the sum of the networks' corrections after a row; state advances.

    v: zeros, long enough for a layer's padded input and padded h one after the other; its head holds the row's z.
    Numbers are copied one by one: numba takes seconds to compile each slice.
    """
    c, weights = model.constants[0], model.weights
    count, hidden, layers = c.networks, c.hidden, c.layers
    first, padded, width = (
        _padded(c.inputs, BLOCK_ROWS),
        _padded(hidden, BLOCK_ROWS),
        _padded(4 * hidden, BLOCK_COLUMNS),
    )
    z, at, here = v.copy(), 0, 0
    acc = np.empty(width, np.float32)
    for _ in range(count):
        n = first
        _copy(z, 0, n, v, 0)
        for _ in range(layers):
            _copy(state, here, hidden, v, n)
            for k in range(hidden, padded):
                v[n + k] = _ZERO
            _copy(weights, at, width, acc, 0)
            _affine(weights, at + width, n + padded, v, acc)
            at += width * (1 + n + padded)
            _cell(acc, state, here, hidden, v)
            for k in range(hidden, padded):
                v[k] = _ZERO
            n = padded
            here += 2 * hidden
        _head(weights, at, v[:hidden], out)
        at += 5 + 5 * hidden


@kernel
def _copy(source, at, n, target, to):  # type: ignore[no-untyped-def]  # arrays of either float
    """target[to:][:n] = source[at:][:n]."""
    a, b = np.uint64(at), np.uint64(to)
    for k in range(np.uint64(n)):
        target[b + k] = source[a + k]


@kernel
def _head(weights: Float32, at: int, v: Float32, out: Float) -> None:
    """out [5] += b + W v in float64; b [5] and W [H, 5] stand at weights[at:]. The five sums go side by side."""
    s0, s1 = np.float64(weights[at]), np.float64(weights[at + 1])
    s2, s3, s4 = np.float64(weights[at + 2]), np.float64(weights[at + 3]), np.float64(weights[at + 4])
    for k in range(v.shape[0]):
        at += 5
        h = np.float64(v[k])
        s0, s1, s2 = s0 + h * weights[at], s1 + h * weights[at + 1], s2 + h * weights[at + 2]
        s3, s4 = s3 + h * weights[at + 3], s4 + h * weights[at + 4]
    out[0], out[1], out[2], out[3], out[4] = out[0] + s0, out[1] + s1, out[2] + s2, out[3] + s3, out[4] + s4


@kernel
def _padded(n: int, unit: int) -> int:
    """n, up to the next multiple of unit."""
    return unit * ((n + unit - 1) // unit)


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
    masked = False
    for f in range(count):
        value = (x[f] - features[f].centre) * features[f].factor
        masked |= not np.isfinite(x[f])
        z[f] = min(max(value, -CLIP), CLIP)
    delta = np.zeros(5)
    if c.networks > 0:
        hidden = _padded(c.hidden, BLOCK_ROWS)
        v = np.zeros(max(_padded(c.inputs, BLOCK_ROWS), hidden) + hidden, np.float32)
        if not masked:
            for f in range(c.inputs):
                v[f] = z[f]
        _network(state, v, model, delta)
        for q in range(5):
            delta[q] /= c.networks
    if masked:
        for q in range(5):
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
    heads = corrected_row(logit, volatility, spread, delta, c.head)
    for q in range(5):
        out[q] = heads[q]


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
    out.p_raw = 1.0 / (1.0 + math.exp(-head[LOGIT]))
    out.p_up = 1.0 / (1.0 + math.exp(-head[LOGIT] * final.inverse_temperature))
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
    out.ret_sd_bps = final.ret_sd * math.exp(head[LOG_VOL])
    out.spread_q10, out.spread_q50 = math.exp(head[LOW]), math.exp(head[MEDIAN])
    out.spread_q90 = math.exp(head[HIGH])
    # p_widen: two half normals through the median and the quantile on the side of the spread as it is
    now = math.log(spread_bps)
    width = head[HIGH] - head[MEDIAN] if now > head[MEDIAN] else head[MEDIAN] - head[LOW]
    score = (now - head[MEDIAN]) / max(width, 1e-12) * Z_HIGH
    out.p_widen = 0.5 * math.erfc(score / math.sqrt(2.0))


@kernel
def step(
    state: Float, x: Float, slot: int, spread_bps: float, model: PackedModel, final: Calibration, out: np.record
) -> None:
    """The forecast of one row: what live calls. Parameters as in `row` and `finish_row`."""
    head = np.empty(5)
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
    """[n] FORECAST of rows from heads [n, 5] and their own quoted spread [n]; arrays: of the fit, with `finish`."""
    out = np.empty(len(heads), FORECAST)
    finish(np.ascontiguousarray(heads), spread_bps, calibration.py_func(arrays["finish"]), out)
    return out


def heads(arrays: Arrays, panel: Panel) -> Float:
    """[n, 5] of HEADS for all rows of the panel: Forecaster.predict of every stepped model."""
    out = np.empty((len(panel.slot), len(HEADS)))
    x = np.ascontiguousarray(panel.x)
    for s in np.unique(panel.symbol):
        model = pack(arrays, int(s))
        for i in np.flatnonzero(panel.symbol == s):
            a, b = int(panel.start[i]), int(panel.start[i + 1])
            heads_loop(x[a:b], panel.slot[a:b], np.array([0, b - a]), model, out[a:b])
    return out

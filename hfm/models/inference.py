"""Inference, one row at a time, without torch: the linear floors and, on top of them, the mean of recurrent networks.

`step` is what live calls; `heads` and `finish` loop over the same kernels, so batch equals live bit for bit. A model is
three flat arrays (`pack`); the state is one flat array, zero at each session's open, that may be saved and loaded.
A masked row (any feature NaN) gives NaN; the network then sees zeros, so that its state still advances.
Legend: F features, K slots, H hidden units, L layers. Networks run in float32, all else in float64.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from hfm.kernels.jit import kernel
from hfm.models.lstm_cpu.tanh import tanh
from hfm.models.trees import tree_arrays
from hfm.plugins import Arrays, Float, Int, Panel

Float32 = npt.NDArray[np.float32]
OUT = ("p_up", "p_raw", "conf_rank", "ret_sd_bps", "spread_q10", "spread_q50", "spread_q90", "p_widen")
"""What a step says of a row: columns of the predictions table."""
GATES = 3
"""Of the network: direction, volatility, spread."""
ROWS, TILE = 8, 32
"""Rows and columns of a weight matrix are padded with zeros to a multiple of these, and stored in such blocks."""
TREES = "floor/trees"
"""Arrays of the boosted trees beside the logistic direction, where there are any (stacked)."""
TAIL = 13
"""Numbers in Model.params between the linear floors and the trees."""
CLIP = 8.0
"""Standardised features are cut here: one bad print must not throw a session."""

_HALF, _ZERO = np.float32(0.5), np.float32(0.0)
_TILE, _BLOCK = np.uint64(TILE), np.uint64(ROWS * TILE)
_W1, _W2, _W3, _W4, _W5, _W6, _W7 = (np.uint64(row * TILE) for row in range(1, ROWS))


class Model(NamedTuple):
    """A fitted model for one symbol. spec: F, features of the network, K, networks, H, L. params: see pack."""

    spec: Int
    params: Float
    weights: Float32


@kernel
def _affine(weights: Float32, at: int, n: int, x: Float32, acc: Float32) -> None:
    """acc[g] += sum_j W[j, g] x[j] for j < n; W stands at weights[at:] in blocks of ROWS rows and TILE columns.

    The cache, not acc, sets the pace: so a block's rows are read side by side, in the order in which they lie. Unsigned
    indices cannot wrap around, so the inner loop has no branch and vectorises.
    """
    p = np.uint64(at)
    for j in range(0, n, ROWS):
        x0, x1, x2, x3 = x[j], x[j + 1], x[j + 2], x[j + 3]
        x4, x5, x6, x7 = x[j + 4], x[j + 5], x[j + 6], x[j + 7]
        for g in range(np.uint64(0), np.uint64(acc.shape[0]), _TILE):
            for k in range(_TILE):
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
def _network(state: Float, v: Float32, model: Model, out: Float) -> None:
    """out [5] += the sum of the networks' corrections after a row; state advances.

    v: zeros, long enough for a layer's padded input and padded h one after the other; its head holds the row's z.
    Numbers are copied one by one: numba takes seconds to compile each slice.
    """
    count, hidden, layers, weights = model.spec[3], model.spec[4], model.spec[5], model.weights
    first, padded, width = _padded(model.spec[1], ROWS), _padded(hidden, ROWS), _padded(4 * hidden, TILE)
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
def row(state: Float, x: Float, model: Model, out: Float) -> None:
    """out [5]: the heads of one row. x [F + 2]: raw features, clock slot, quoted spread in bps. State advances."""
    features, slots = model.spec[0], model.spec[2]
    params = model.params
    z = np.zeros(features + 1)  # the last is the slot, for the trees
    masked = False
    for f in range(features):
        value = (x[f] - params[f]) * params[features + f]
        masked |= not np.isfinite(x[f])
        z[f] = min(max(value, -CLIP), CLIP)
    delta = np.zeros(5)
    if model.spec[3] > 0:
        hidden = _padded(model.spec[4], ROWS)
        v = np.zeros(max(_padded(model.spec[1], ROWS), hidden) + hidden, np.float32)
        if not masked:
            for f in range(model.spec[1]):
                v[f] = z[f]
        _network(state, v, model, delta)
        for q in range(5):
            delta[q] /= model.spec[3]
    if masked:
        for q in range(5):
            out[q] = np.nan
        return
    slot = min(max(int(x[features]), 0), slots - 1)
    z[features] = slot
    logit, vol, spread = 0.0, 0.0, 0.0
    at_vol, at_spread = 3 * features + 1, 4 * features + 1 + slots
    for f in range(features):
        logit += z[f] * params[2 * features + f]
        vol += z[f] * params[at_vol + f]
        spread += z[f] * params[at_spread + f]
    vol += params[at_vol + features + slot]
    spread += params[at_spread + features + slot]
    tail = params[at_spread + features + slots :]
    low, mid, high = tail[4], tail[5], tail[6]
    logit += params[3 * features]
    if tail[12] > 0.0:
        logit = (1.0 - tail[12]) * logit + tail[12] * tree_arrays.total(z, tail, TAIL)
    out[0] = logit + tail[9] * delta[0]
    out[1] = tail[0] + tail[1] * (vol + tail[10] * tail[7] * delta[1])
    centre = spread + mid + tail[11] * tail[8] * delta[2]
    out[2] = tail[2] + tail[3] * (centre - (mid - low) * math.exp(tail[11] * delta[3]))
    out[3] = tail[2] + tail[3] * centre
    out[4] = tail[2] + tail[3] * (centre + (high - mid) * math.exp(tail[11] * delta[4]))


@kernel
def finish_row(head: Float, spread_bps: float, final: Float, out: Float) -> None:
    """out [8] of OUT from the heads of a row and `final` (see Final.flat); a NaN head gives NaN."""
    inverse, sd = final[0], final[1]
    out[1] = 1.0 / (1.0 + math.exp(-head[0]))
    out[0] = 1.0 / (1.0 + math.exp(-head[0] * inverse))
    sure = abs(out[0] - 0.5)
    first, last = 2, final.shape[0]
    while first < last:  # how many of the sorted |p - .5| lie below
        middle = (first + last) // 2
        if final[middle] < sure:
            first = middle + 1
        else:
            last = middle
    out[2] = (first - 2) / max(final.shape[0] - 2, 1) if np.isfinite(sure) else np.nan
    out[3] = sd * math.exp(head[1])
    for q in range(3):
        out[4 + q] = math.exp(head[2 + q])
    now = math.log(spread_bps)
    side = head[4] - head[3] if now > head[3] else head[3] - head[2]
    score = (now - head[3]) / max(side, 1e-12) * 1.2815515655446004
    out[7] = 0.5 * math.erfc(score / math.sqrt(2.0))


@kernel
def step(state: Float, x: Float, model: Model, final: Float, out: Float) -> None:
    """out [8] of OUT for one row: what live calls. Arguments as in row and finish_row."""
    head = np.empty(5)
    row(state, x, model, head)
    finish_row(head, x[model.spec[0] + 1], final, out)


@kernel
def heads_loop(x: Float, start: Int, model: Model, out: Float) -> None:
    """out [n, 5]: the heads of rows x [n, F + 2]; the state is zero at each border of start [S+1]."""
    for s in range(start.shape[0] - 1):
        state = np.zeros(2 * model.spec[3] * model.spec[4] * model.spec[5] + 1)
        for t in range(start[s], start[s + 1]):
            row(state, x[t], model, out[t])


@kernel
def finish(heads: Float, spread_bps: Float, final: Float, out: Float) -> None:
    """out [n, 8] of OUT from heads [n, 5] and the rows' own spread [n] in bps."""
    for t in range(heads.shape[0]):
        finish_row(heads[t], spread_bps[t], final, out[t])


def state_new(model: Model) -> Float:
    """The state at a session's open: zeros [networks x layers x (h, c) x H + 1]."""
    return np.zeros(int(2 * model.spec[3] * model.spec[4] * model.spec[5]) + 1)


def pack(arrays: Arrays, symbol: int) -> Model:
    """The model of one symbol from fitted arrays; symbol -1: one not seen in training (the pooled scaler).

    params: centre [F], factor [F], direction [F+1], volatility [F] and table [K], spread [F] and table [K], then centre
    and sd of the volatility and of the spread, three residual quantiles, two units of the network, three gates, the
    share of the boosted trees in the logit, and where there are any the trees (trees.flat).
    """
    count = sum(1 for name in arrays if name.endswith("/head/b"))
    table = arrays["floor/vol_slot"]
    params = np.concatenate([
        arrays["floor/centre"][symbol], arrays["floor/factor"][symbol], arrays["floor/direction"],
        arrays["floor/vol"], table, arrays["floor/spread"], arrays["floor/spread_slot"], arrays["floor/label"][symbol],
        arrays["floor/residual"], arrays["unit"] if count else np.ones(2), arrays.get("gates", np.ones(GATES)),
        *((arrays["floor/share"], tree_arrays.flat(arrays, TREES)) if "floor/share" in arrays else (np.zeros(1),)),
    ])  # fmt: skip
    parts, hidden, layers, inputs = [], 0, 0, 0
    for s in range(count):
        layers = sum(1 for name in arrays if name.startswith(f"seed{s}/l") and name.endswith("/b"))
        inputs, hidden = arrays[f"seed{s}/l0/ih"].shape[0], arrays[f"seed{s}/l0/hh"].shape[0]
        for layer in range(layers):
            bias = arrays[f"seed{s}/l{layer}/b"]
            parts.append(np.pad(bias, (0, -len(bias) % TILE)))
            parts += [_tiles(arrays[f"seed{s}/l{layer}/{part}"]) for part in ("ih", "hh")]
        parts += [arrays[f"seed{s}/head/{part}"].ravel() for part in ("b", "w")]
    weights = np.concatenate(parts) if parts else np.zeros(1)
    spec = np.array([arrays["floor/centre"].shape[1], inputs, len(table), count, hidden, layers], np.int64)
    return Model(spec, params.astype(np.float64), weights.astype(np.float32))


def tail(model: Model) -> Float:
    """The numbers of `params` from the labels' scale on: TAIL of them, then the trees."""
    return model.params[5 * int(model.spec[0]) + 1 + 2 * int(model.spec[2]) :]


def _tiles(matrix: Float32) -> Float32:
    """A matrix [n, 4H], padded with zeros, in blocks of ROWS x TILE: blocks of a row of blocks one after the other."""
    rows, columns = (-size % unit for size, unit in zip(matrix.shape, (ROWS, TILE), strict=True))
    whole = np.pad(matrix, ((0, rows), (0, columns)))
    return whole.reshape(len(whole) // ROWS, ROWS, -1, TILE).swapaxes(1, 2).ravel()


def heads(arrays: Arrays, panel: Panel) -> Float:
    """[n, 5] of plugins.HEADS for all rows of the panel: Forecaster.predict of every stepped model."""
    out = np.empty((len(panel.slot), 5))
    x = np.ascontiguousarray(np.column_stack([panel.x, panel.slot.astype(np.float64), panel.spread_bps]))
    for s in np.unique(panel.symbol):
        model = pack(arrays, int(s))
        for i in np.flatnonzero(panel.symbol == s):
            a, b = int(panel.start[i]), int(panel.start[i + 1])
            heads_loop(x[a:b], np.array([0, b - a]), model, out[a:b])
    return out

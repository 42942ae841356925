"""Recurrent networks one row at a time, without torch: the LSTM's equations on the weights of a packed model.

`advance` is what inference.row calls; its slow twin is torch.nn.LSTM (tests/models/test_lstm_step.py). In float32, as
the networks were fitted; their outputs are summed in float64. It serves the bench row `latency`: what is odd about
the loops below makes numba vectorise them.
Legend: H hidden units, L layers, I inputs of a layer.
"""

from __future__ import annotations

import numpy as np

from hfm.arrays import Float, Float32
from hfm.kernels.jit import kernel
from hfm.models.heads import OUTPUTS
from hfm.models.lstm_cpu.tanh import tanh
from hfm.models.packed_model import BLOCK_COLUMNS, BLOCK_ROWS, PackedModel

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
    """One LSTM cell (Hochreiter, Schmidhuber 1997, doi:10.1162/neco.1997.9.8.1735; forget gate: Gers et al. 2000,
    doi:10.1162/089976600300015015): gates i, f, g, o before their functions stand in acc [4n]; h then c at state[at:];
    the new h is copied to v[:n].

    Loop by loop, each over few arrays: one loop over all of them is not vectorised.
    """
    one, h = np.uint64(n), np.uint64(at)
    two, three, c = one + one, one + one + one, h + one
    for k in range(two):  # i, f = sigmoid(.), which is (1 + tanh(. / 2)) / 2
        acc[k] = _HALF + _HALF * tanh(_HALF * acc[k])
    for k in range(two, three):  # g = tanh(.)
        acc[k] = tanh(acc[k])
    for k in range(three, three + one):  # o = sigmoid(.)
        acc[k] = _HALF + _HALF * tanh(_HALF * acc[k])
    for k in range(one):  # c_t = f c_(t-1) + i g
        v[k] = acc[one + k] * np.float32(state[c + k]) + acc[k] * acc[two + k]
    for k in range(one):
        state[c + k] = v[k]
    for k in range(one):  # h_t = o tanh(c_t)
        v[k] = acc[three + k] * tanh(v[k])
    for k in range(one):
        state[h + k] = v[k]


@kernel
def input_size(model: PackedModel) -> int:
    """Numbers in `advance`'s v: a layer's padded input and padded h, one after the other."""
    c = model.constants[0]
    hidden = _padded(c.hidden, BLOCK_ROWS)
    return int(max(_padded(c.inputs, BLOCK_ROWS), hidden) + hidden)


@kernel
def advance(state: Float, v: Float32, model: PackedModel, out: Float) -> None:
    """The sum of the networks' corrections after one more row.

    Numbers are copied one by one: numba takes seconds to compile each slice.

    Parameters
    ----------
    state : float64 [inference.state_size]
        h and c of every layer of every network; advanced.
    v : float32 [input_size]
        The row's standardised inputs, then zeros; overwritten.
    model : PackedModel
        With at least one network.
    out : float64 [5]
        CORRECTIONS, to which the sum is added.
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
        at += OUTPUTS + OUTPUTS * hidden


@kernel
def _copy(source, at, n, target, to):  # type: ignore[no-untyped-def]  # arrays of either float
    """target[to:][:n] = source[at:][:n]."""
    a, b = np.uint64(at), np.uint64(to)
    for k in range(np.uint64(n)):
        target[b + k] = source[a + k]


@kernel
def _head(weights: Float32, at: int, v: Float32, out: Float) -> None:
    """out [5] += b + W v in float64; b [5] and W [H, 5] stand at weights[at:]. The five sums go side by side."""
    s0, s1, s2 = np.float64(weights[at]), np.float64(weights[at + 1]), np.float64(weights[at + 2])
    s3, s4 = np.float64(weights[at + 3]), np.float64(weights[at + 4])
    for k in range(v.shape[0]):
        at += OUTPUTS
        h = np.float64(v[k])
        s0, s1, s2 = s0 + h * weights[at], s1 + h * weights[at + 1], s2 + h * weights[at + 2]
        s3, s4 = s3 + h * weights[at + 3], s4 + h * weights[at + 4]
    for q, s in enumerate((s0, s1, s2, s3, s4)):
        out[q] += s


@kernel
def _padded(n: int, unit: int) -> int:
    """n, up to the next multiple of unit."""
    return unit * ((n + unit - 1) // unit)

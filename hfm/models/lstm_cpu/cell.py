"""An LSTM's cell and its gradient, LANES units of a row at a time: what stands between a layer's matrix products.

Hochreiter, Schmidhuber 1997, doi:10.1162/neco.1997.9.8.1735; forget gate: Gers et al. 2000,
doi:10.1162/089976600300015015. The slow twin is torch.nn.LSTM (tests/models/lstm_cpu/test_recurrence.py); it serves the
bench row `train`. All arrays are flat, float32, C-contiguous.
Legend: T rows, N sequences, I inputs, H units (a multiple of LANES), W = H rounded up to TILE_COLUMNS.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from hfm.kernels.jit import bare
from hfm.kernels.simd import Float32, Lanes, fma, load, same, store
from hfm.models.lstm_cpu.tanh import tanh_ratio
from hfm.models.lstm_cpu.tile import Tile

_HALF, _ONE = np.float32(0.5), np.float32(1.0)


class LayerShape(NamedTuple):
    """T, N, I, H."""

    rows: int
    sequences: int
    inputs: int
    units: int


class Activations(NamedTuple):
    """What forward leaves for backward: gates i f g o [T, N, 4H]; h, c [T+1, N, H], row 0 the state before; tanh of c
    [T, N, H].
    """

    gates: Float32
    h: Float32
    c: Float32
    tanh_c: Float32


class Output(NamedTuple):
    """A layer's output under dropout: mask [T, N, H], and z [T, N, H], the masked h, or in backward its gradient."""

    mask: Float32
    z: Float32


class Carried(NamedTuple):
    """What backward hands from row to row: the gradients of h [N, W] and c [N, H]; and sums up, of the bias [4H]."""

    grad_h: Float32
    grad_c: Float32
    grad_bias: Float32


@bare
def gate_activations(before: Tile) -> tuple[Lanes, Lanes, Lanes, Lanes]:
    """Gates i f g o from what they are before their functions: logistic, tanh for g.

    sigmoid(x) = (1 + tanh(x / 2)) / 2, and tanh is a ratio: one division serves all four, since it takes as long as
    thirty products.

    Returns
    -------
    i, f, g, o : Lanes
    """
    half = same(_HALF)
    to_i, to_f, to_g, to_o = before
    pi, qi = tanh_ratio(half * to_i)
    pf, qf = tanh_ratio(half * to_f)
    pg, qg = tanh_ratio(to_g)
    po, qo = tanh_ratio(half * to_o)
    first, second = qi * qf, qg * qo
    inverse = same(_ONE) / (first * second)
    by_first, by_second = inverse * second, inverse * first
    i, f = fma(half, pi * (by_first * qf), half), fma(half, pf * (by_first * qi), half)
    return i, f, pg * (by_second * qo), fma(half, po * (by_second * qg), half)


@bare
def cell_forward(tile: Tile, row: int, unit: int, count: int, units: int, acts: Activations, out: Output) -> None:
    """LANES units of a row: from the gates before their functions to h and z.

    Parameters
    ----------
    tile : Tile
        The four gates' vectors before their functions.
    row : int
        Of the T N rows.
    unit : int
        The first of the units.
    count, units : int
        N and H.
    acts : Activations
        Filled for these units; c of the row before is read.
    out : Output
        z filled, the mask read.
    """
    at, gate = row * units + unit, row * 4 * units + unit
    i, f, g, o = gate_activations(tile)
    store(acts.gates, gate, i)
    store(acts.gates, gate + units, f)
    store(acts.gates, gate + 2 * units, g)
    store(acts.gates, gate + 3 * units, o)
    cell = fma(f, load(acts.c, at), i * g)  # c_t = f c_(t-1) + i g
    p, q = tanh_ratio(cell)
    tanh_c = p / q
    h = o * tanh_c  # h_t = o tanh(c_t)
    store(acts.c, at + count * units, cell)
    store(acts.tanh_c, at, tanh_c)
    store(acts.h, at + count * units, h)
    store(out.z, at, h * load(out.mask, at))


@bare
def cell_backward(
    row: int, unit: int, n: int, shape: LayerShape, acts: Activations, out: Output, grad_gates: Float32,
    carried: Carried,
) -> None:  # fmt: skip
    """LANES units of a row of sequence n: from the gradient of h to that of the gates before their functions.

    Parameters
    ----------
    row, unit : int
        As in `cell_forward`.
    n : int
        The row's sequence.
    shape : LayerShape
        Of which inputs is W here, the width of a row of carried.grad_h.
    acts : Activations
        As forward left them.
    out : Output
        The mask of forward, and the gradient of z.
    grad_gates : float32 [T, N, 4H]
        Filled for these units.
    carried : Carried
        grad_h read, grad_c replaced, grad_bias added to.
    """
    _, _, wide, units = shape
    at, gate, one = row * units + unit, row * 4 * units + unit, same(_ONE)
    i, f = load(acts.gates, gate), load(acts.gates, gate + units)
    g, o = load(acts.gates, gate + 2 * units), load(acts.gates, gate + 3 * units)
    tanh_c = load(acts.tanh_c, at)
    # h_t reaches the loss through its own output and through the next row
    grad_h = fma(load(out.z, at), load(out.mask, at), load(carried.grad_h, n * wide + unit))
    # c_t through h_t = o tanh(c_t), and through c_(t+1)
    grad_c = load(carried.grad_c, n * units + unit) + grad_h * o * (one - tanh_c * tanh_c)
    # the functions' slopes: s (1 - s) of the logistic, 1 - g^2 of tanh
    grad_i, grad_f = grad_c * g * i * (one - i), grad_c * load(acts.c, at) * f * (one - f)
    grad_g, grad_o = grad_c * i * (one - g * g), grad_h * tanh_c * o * (one - o)
    store(carried.grad_c, n * units + unit, grad_c * f)
    store(grad_gates, gate, grad_i)
    store(grad_gates, gate + units, grad_f)
    store(grad_gates, gate + 2 * units, grad_g)
    store(grad_gates, gate + 3 * units, grad_o)
    grad_bias = carried.grad_bias
    store(grad_bias, unit, load(grad_bias, unit) + grad_i)
    store(grad_bias, unit + units, load(grad_bias, unit + units) + grad_f)
    store(grad_bias, unit + 2 * units, load(grad_bias, unit + 2 * units) + grad_g)
    store(grad_bias, unit + 3 * units, load(grad_bias, unit + 3 * units) + grad_o)

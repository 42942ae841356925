"""An LSTM layer and its gradient over whole sequences, row by row, in the processor's registers.

The slow twin is torch.nn.LSTM; tests/models/lstm_cpu/test_recurrence.py holds both passes to it, and the compiled
kernels to their plain functions. What is left out: the gradients of the weights, which are matrix products over all
rows and stay torch's. It serves the bench row `train`; layout and tile are drawn in hfm/docs/lstm-cpu.md.

A tile is four sequences by four vectors. Forward, the vectors are the gates i f g o of LANES units, so that its sums
become gates, cell and output where they stand (Hochreiter, Schmidhuber 1997, doi:10.1162/neco.1997.9.8.1735; forget
gate: Gers et al. 2000, doi:10.1162/089976600300015015). All arrays are flat, float32, C-contiguous.
Legend: T rows, N sequences, I inputs, H units (a multiple of LANES), W = H rounded up to TILE_COLUMNS.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from hfm.kernels.cpu import LANES
from hfm.kernels.jit import bare, kernel
from hfm.kernels.simd import Float32, Lanes, fma, load, same, spread, store
from hfm.models.lstm_cpu.tanh import tanh_ratio

TILE_ROWS = 4
"""Sequences in a tile."""
TILE_COLUMNS = 4 * LANES
"""Columns in a tile."""
Tile = tuple[Lanes, ...]
"""Four vectors of the first sequence, then of the second, ..."""
_HALF, _ONE, _ZERO = np.float32(0.5), np.float32(1.0), np.float32(0.0)


class LayerShape(NamedTuple):
    """T, N, I, H."""

    rows: int
    sequences: int
    inputs: int
    units: int


class PackedWeights(NamedTuple):
    """What `forward` reads: weights of `pack_weights`, and the sum of both biases [4H]."""

    weights: Float32
    bias: Float32


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


@kernel
def pack_weights(shape: LayerShape, w_ih: Float32, w_hh: Float32, out: Float32) -> None:
    """Lay weights out as `forward` reads them, one after the other.

    Parameters
    ----------
    shape : LayerShape
        Of which I and H are read.
    w_ih, w_hh : float32 [4H, I], [4H, H]
        As torch has them.
    out : float32 [H / LANES, I + H, 4, LANES]
        Filled: of each block of units, for each input and then each unit, its weights in the four gates.
    """
    _, _, inputs, units = shape
    for block in range(0, units, LANES):
        for lane in range(TILE_COLUMNS):
            row = (lane // LANES) * units + block + lane % LANES
            at = block * 4 * (inputs + units) + lane
            for k in range(inputs):
                out[at] = w_ih[row * inputs + k]
                at += TILE_COLUMNS
            for k in range(units):
                out[at] = w_hh[row * units + k]
                at += TILE_COLUMNS


@kernel
def transpose_weights(units: int, w_hh: Float32, out: Float32) -> None:
    """Lay W_hh out as `backward` reads it, one column of tiles after the other.

    Parameters
    ----------
    units : int
        H.
    w_hh : float32 [4H, H]
        As torch has it.
    out : float32 [W / TILE_COLUMNS, 4H, TILE_COLUMNS]
        Filled; zeros beyond H.
    """
    at = 0
    for column in range(0, units, TILE_COLUMNS):
        for row in range(4 * units):
            for k in range(column, column + TILE_COLUMNS):
                out[at] = w_hh[row * units + k] if k < units else _ZERO
                at += 1


@kernel
def forward(shape: LayerShape, packed: PackedWeights, x: Float32, acts: Activations, out: Output) -> None:
    """The layer over all rows.

    Parameters
    ----------
    shape : LayerShape
        T, N, I, H.
    packed : PackedWeights
        Of the layer.
    x : float32 [T, N, I]
        Its input.
    acts : Activations
        Filled; row 0 of h and c is the state at the start.
    out : Output
        z is filled with h times the mask.
    """
    rows, count, inputs, units = shape
    w, bias = packed
    for t in range(rows):
        for unit in range(0, units, LANES):
            at = unit * 4 * (inputs + units)
            b0, b1 = load(bias, unit), load(bias, unit + units)
            b2, b3 = load(bias, unit + 2 * units), load(bias, unit + 3 * units)
            tiles_end, end = (t + 1) * count - count % TILE_ROWS, (t + 1) * count
            for n in range(t * count, tiles_end, TILE_ROWS):
                # gates before their functions: b + W_ih x_t + W_hh h_(t-1), of four sequences
                tile: Tile = (b0, b1, b2, b3, b0, b1, b2, b3, b0, b1, b2, b3, b0, b1, b2, b3)
                tile = gemm(w, at, x, n * inputs, inputs, tile)
                tile = gemm(w, at + inputs * TILE_COLUMNS, acts.h, n * units, units, tile)
                cell_forward(tile[:4], n, unit, count, units, acts, out)
                cell_forward(tile[4:8], n + 1, unit, count, units, acts, out)
                cell_forward(tile[8:12], n + 2, unit, count, units, acts, out)
                cell_forward(tile[12:], n + 3, unit, count, units, acts, out)
            for n in range(tiles_end, end):  # sequences beside whole tiles
                line: Tile = gemv(w, at, x, n * inputs, inputs, (b0, b1, b2, b3))
                line = gemv(w, at + inputs * TILE_COLUMNS, acts.h, n * units, units, line)
                cell_forward(line, n, unit, count, units, acts, out)


@kernel
def backward(
    shape: LayerShape, transposed: Float32, acts: Activations, out: Output, grad_gates: Float32, grad_bias: Float32
) -> None:
    """The gradient of the loss in the gates before their functions, from the last row to the first.

    Parameters
    ----------
    shape : LayerShape
        T, N, I, H.
    transposed : float32
        Of `transpose_weights`.
    acts : Activations
        As forward left them.
    out : Output
        The mask of forward, and the gradient of z.
    grad_gates : float32 [T, N, 4H]
        Filled. It may be the memory of acts.gates: each gate is read for the last time before its gradient is written,
        and a batch needs less of the cache.
    grad_bias : float32 [4H]
        Filled with the gradient's sum over all rows.
    """
    rows, count, _, units = shape
    wide = (units + TILE_COLUMNS - 1) // TILE_COLUMNS * TILE_COLUMNS
    grad_h, grad_c = np.zeros(count * wide, np.float32), np.zeros(count * units, np.float32)
    grad_bias[:] = _ZERO
    carried, zero, padded = Carried(grad_h, grad_c, grad_bias), same(_ZERO), LayerShape(rows, count, wide, units)
    for back in range(rows):
        t = rows - 1 - back
        for n in range(count):
            for unit in range(0, units, LANES):
                cell_backward(t * count + n, unit, n, padded, acts, out, grad_gates, carried)
        # the gradient of h_(t-1): W_hh^T times that of the gates
        for column in range(0, wide if t else 0, TILE_COLUMNS):
            at_w = column * 4 * units
            for n in range(0, count - count % TILE_ROWS, TILE_ROWS):
                tile: Tile = (
                    zero, zero, zero, zero, zero, zero, zero, zero, zero, zero, zero, zero, zero, zero, zero, zero,
                )  # fmt: skip
                tile = gemm(transposed, at_w, grad_gates, (t * count + n) * 4 * units, 4 * units, tile)
                at = n * wide + column
                store_tile(grad_h, at, tile[:4])
                store_tile(grad_h, at + wide, tile[4:8])
                store_tile(grad_h, at + 2 * wide, tile[8:12])
                store_tile(grad_h, at + 3 * wide, tile[12:])
            for n in range(count - count % TILE_ROWS, count):
                line: Tile = (zero, zero, zero, zero)
                line = gemv(transposed, at_w, grad_gates, (t * count + n) * 4 * units, 4 * units, line)
                store_tile(grad_h, n * wide + column, line)


@bare
def gemm(w: Float32, at: int, x: Float32, row: int, n: int, tile: Tile) -> Tile:
    """tile + the sum over k < n of x[row + r n + k] w[at + k TILE_COLUMNS ...], of sequences r = 0 .. 3.

    16 sums, 4 weights and 4 inputs are 24 of AVX-512's 32 registers: no sum goes to memory before all its terms are in.
    """
    a0, a1, a2, a3, b0, b1, b2, b3, c0, c1, c2, c3, d0, d1, d2, d3 = tile
    for k in range(row, row + n):
        w0, w1, w2, w3 = load(w, at), load(w, at + LANES), load(w, at + 2 * LANES), load(w, at + 3 * LANES)
        a, b, c, d = spread(x, k), spread(x, k + n), spread(x, k + 2 * n), spread(x, k + 3 * n)
        a0, a1, a2, a3 = fma(a, w0, a0), fma(a, w1, a1), fma(a, w2, a2), fma(a, w3, a3)
        b0, b1, b2, b3 = fma(b, w0, b0), fma(b, w1, b1), fma(b, w2, b2), fma(b, w3, b3)
        c0, c1, c2, c3 = fma(c, w0, c0), fma(c, w1, c1), fma(c, w2, c2), fma(c, w3, c3)
        d0, d1, d2, d3 = fma(d, w0, d0), fma(d, w1, d1), fma(d, w2, d2), fma(d, w3, d3)
        at += TILE_COLUMNS
    return a0, a1, a2, a3, b0, b1, b2, b3, c0, c1, c2, c3, d0, d1, d2, d3


@bare
def gemv(w: Float32, at: int, x: Float32, row: int, n: int, line: Tile) -> Tile:
    """`gemm` of one sequence."""
    a0, a1, a2, a3 = line
    b0 = b1 = b2 = b3 = same(_ZERO)  # of every other k: a sum waits for the one before it
    for k in range(row, row + n - n % 2, 2):
        a, b = spread(x, k), spread(x, k + 1)
        a0, a1 = fma(a, load(w, at), a0), fma(a, load(w, at + LANES), a1)
        a2, a3 = fma(a, load(w, at + 2 * LANES), a2), fma(a, load(w, at + 3 * LANES), a3)
        at += TILE_COLUMNS
        b0, b1 = fma(b, load(w, at), b0), fma(b, load(w, at + LANES), b1)
        b2, b3 = fma(b, load(w, at + 2 * LANES), b2), fma(b, load(w, at + 3 * LANES), b3)
        at += TILE_COLUMNS
    for k in range(row + n - n % 2, row + n):
        a = spread(x, k)
        a0, a1 = fma(a, load(w, at), a0), fma(a, load(w, at + LANES), a1)
        a2, a3 = fma(a, load(w, at + 2 * LANES), a2), fma(a, load(w, at + 3 * LANES), a3)
    return a0 + b0, a1 + b1, a2 + b2, a3 + b3


@bare
def store_tile(a: Float32, at: int, four: Tile) -> None:
    """Four vectors one after the other."""
    store(a, at, four[0])
    store(a, at + LANES, four[1])
    store(a, at + 2 * LANES, four[2])
    store(a, at + 3 * LANES, four[3])


@bare
def gate_activations(before: Tile) -> tuple[Lanes, Lanes, Lanes, Lanes]:
    """Gates i f g o from what they are before their functions: logistic, tanh for g.

    sigmoid(x) = (1 + tanh(x / 2)) / 2, and tanh is a ratio: one division serves all four, since it takes as long as
    thirty products.
    """
    half = same(_HALF)
    pi, qi = tanh_ratio(half * before[0])
    pf, qf = tanh_ratio(half * before[1])
    pg, qg = tanh_ratio(before[2])
    po, qo = tanh_ratio(half * before[3])
    first, second = qi * qf, qg * qo
    inverse = same(_ONE) / (first * second)
    by_first, by_second = inverse * second, inverse * first
    i, f = fma(half, pi * (by_first * qf), half), fma(half, pf * (by_first * qi), half)
    return i, f, pg * (by_second * qo), fma(half, po * (by_second * qg), half)


@bare
def cell_forward(tile: Tile, row: int, unit: int, count: int, units: int, acts: Activations, out: Output) -> None:
    """LANES units of a row: from the gates before their functions to h and z."""
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

    shape.inputs is W here, the width of a row of carried.grad_h.
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

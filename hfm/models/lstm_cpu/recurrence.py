"""An LSTM layer and its gradient over whole sequences, row by row, in the processor's registers.

A tile is four sequences by four vectors. Forward, the vectors are the gates i f g o of LANES units, so that its sums
become gates, cell and output where they stand (Hochreiter, Schmidhuber 1997, doi:10.1162/neco.1997.9.8.1735; forget
gate: Gers et al. 2000, doi:10.1162/089976600300015015). The weights' own gradients are products over all rows, and left
to the caller. All arrays are flat, float32, C-contiguous.
Legend: T rows, N sequences, I inputs, H units (a multiple of LANES), W = H rounded up to WIDE.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from hfm.kernels.cpu import LANES
from hfm.kernels.jit import bare, kernel
from hfm.kernels.simd import Float32, Lanes, fma, load, same, spread, store
from hfm.models.lstm_cpu.tanh import fraction

ROWS = 4
"""Sequences in a tile."""
WIDE = 4 * LANES
"""Columns in a tile."""
Tile = tuple[Lanes, ...]
"""Four vectors of the first sequence, then of the second, ..."""
Pair = tuple[Float32, Float32]
_HALF, _ONE, _ZERO = np.float32(0.5), np.float32(1.0), np.float32(0.0)


class Shape(NamedTuple):
    """T, N, I, H."""

    rows: int
    sequences: int
    inputs: int
    units: int


class Kept(NamedTuple):
    """What forward leaves for backward: gates [T, N, 4H]; h, c [T+1, N, H], row 0 the state before; tanh of c."""

    gates: Float32
    h: Float32
    c: Float32
    bent: Float32


@kernel
def packed(shape: Shape, w_ih: Float32, w_hh: Float32, out: Float32) -> None:
    """out [H / LANES, I + H, 4, LANES] of `forward`, from w_ih [4H, I] and w_hh [4H, H]."""
    _, _, inputs, units = shape
    for block in range(0, units, LANES):
        for lane in range(WIDE):
            row = (lane // LANES) * units + block + lane % LANES
            at = block * 4 * (inputs + units) + lane
            for k in range(inputs):
                out[at] = w_ih[row * inputs + k]
                at += WIDE
            for k in range(units):
                out[at] = w_hh[row * units + k]
                at += WIDE


@kernel
def turned(units: int, w_hh: Float32, out: Float32) -> None:
    """out [W / WIDE, 4H, WIDE] of `backward`, from w_hh [4H, H]; zeros beyond H."""
    at = 0
    for column in range(0, units, WIDE):
        for row in range(4 * units):
            for k in range(column, column + WIDE):
                out[at] = w_hh[row * units + k] if k < units else _ZERO
                at += 1


@kernel
def forward(shape: Shape, weights: Pair, x: Float32, kept: Kept, masked: Pair) -> None:
    """Fill `kept` over x [T, N, I], and z [T, N, H] with h under a mask.

    weights: `packed`, and biases [4H]. masked: the mask and z.
    """
    rows, count, inputs, units = shape
    w, bias = weights
    for t in range(rows):
        for unit in range(0, units, LANES):
            at = unit * 4 * (inputs + units)
            b0, b1 = load(bias, unit), load(bias, unit + units)
            b2, b3 = load(bias, unit + 2 * units), load(bias, unit + 3 * units)
            whole, end = (t + 1) * count - count % ROWS, (t + 1) * count
            for n in range(t * count, whole, ROWS):
                tile: Tile = (b0, b1, b2, b3, b0, b1, b2, b3, b0, b1, b2, b3, b0, b1, b2, b3)
                tile = _product(w, at, x, n * inputs, inputs, tile)
                tile = _product(w, at + inputs * WIDE, kept.h, n * units, units, tile)
                _cell(tile[:4], n, unit, (count, units), kept, masked)
                _cell(tile[4:8], n + 1, unit, (count, units), kept, masked)
                _cell(tile[8:12], n + 2, unit, (count, units), kept, masked)
                _cell(tile[12:], n + 3, unit, (count, units), kept, masked)
            for n in range(whole, end):
                line: Tile = _line(w, at, x, n * inputs, inputs, (b0, b1, b2, b3))
                line = _line(w, at + inputs * WIDE, kept.h, n * units, units, line)
                _cell(line, n, unit, (count, units), kept, masked)


@kernel
def backward(shape: Shape, w: Float32, kept: Kept, masked: Pair, by_bias: Float32) -> None:
    """kept.gates, as forward left them, become the loss's gradient before the gates' functions.

    w: `turned`. masked: the mask, and the gradient of z [T, N, H]. by_bias [4H]: the gradient's sum over all rows.
    """
    rows, count, _, units = shape
    wide = (units + WIDE - 1) // WIDE * WIDE
    by_h, by_c = np.zeros(count * wide, np.float32), np.zeros(count * units, np.float32)
    by_bias[:] = _ZERO
    zero = same(_ZERO)
    for back in range(rows):
        t = rows - 1 - back
        for n in range(count):
            for unit in range(0, units, LANES):
                _uncell(t * count + n, unit, (n, units, wide), kept, masked, (by_h, by_c, by_bias))
        for column in range(0, wide if t else 0, WIDE):
            for n in range(0, count - count % ROWS, ROWS):
                tile: Tile = (
                    zero, zero, zero, zero, zero, zero, zero, zero, zero, zero, zero, zero, zero, zero, zero, zero,
                )  # fmt: skip
                tile = _product(w, column * 4 * units, kept.gates, (t * count + n) * 4 * units, 4 * units, tile)
                at = n * wide + column
                _put(by_h, at, tile[:4])
                _put(by_h, at + wide, tile[4:8])
                _put(by_h, at + 2 * wide, tile[8:12])
                _put(by_h, at + 3 * wide, tile[12:])
            for n in range(count - count % ROWS, count):
                line: Tile = (zero, zero, zero, zero)
                line = _line(w, column * 4 * units, kept.gates, (t * count + n) * 4 * units, 4 * units, line)
                _put(by_h, n * wide + column, line)


@bare
def _product(w: Float32, at: int, x: Float32, row: int, n: int, tile: Tile) -> Tile:
    """tile + the sum over k < n of x[row + r n + k] w[at + k WIDE ...], of sequences r = 0 .. 3."""
    a0, a1, a2, a3, b0, b1, b2, b3, c0, c1, c2, c3, d0, d1, d2, d3 = tile
    for k in range(row, row + n):
        w0, w1, w2, w3 = load(w, at), load(w, at + LANES), load(w, at + 2 * LANES), load(w, at + 3 * LANES)
        a, b, c, d = spread(x, k), spread(x, k + n), spread(x, k + 2 * n), spread(x, k + 3 * n)
        a0, a1, a2, a3 = fma(a, w0, a0), fma(a, w1, a1), fma(a, w2, a2), fma(a, w3, a3)
        b0, b1, b2, b3 = fma(b, w0, b0), fma(b, w1, b1), fma(b, w2, b2), fma(b, w3, b3)
        c0, c1, c2, c3 = fma(c, w0, c0), fma(c, w1, c1), fma(c, w2, c2), fma(c, w3, c3)
        d0, d1, d2, d3 = fma(d, w0, d0), fma(d, w1, d1), fma(d, w2, d2), fma(d, w3, d3)
        at += WIDE
    return a0, a1, a2, a3, b0, b1, b2, b3, c0, c1, c2, c3, d0, d1, d2, d3


@bare
def _line(w: Float32, at: int, x: Float32, row: int, n: int, line: Tile) -> Tile:
    """`_product` of one sequence."""
    a0, a1, a2, a3 = line
    b0 = b1 = b2 = b3 = same(_ZERO)  # of every other k: a sum waits for the one before it
    for k in range(row, row + n - n % 2, 2):
        a, b = spread(x, k), spread(x, k + 1)
        a0, a1 = fma(a, load(w, at), a0), fma(a, load(w, at + LANES), a1)
        a2, a3 = fma(a, load(w, at + 2 * LANES), a2), fma(a, load(w, at + 3 * LANES), a3)
        at += WIDE
        b0, b1 = fma(b, load(w, at), b0), fma(b, load(w, at + LANES), b1)
        b2, b3 = fma(b, load(w, at + 2 * LANES), b2), fma(b, load(w, at + 3 * LANES), b3)
        at += WIDE
    for k in range(row + n - n % 2, row + n):
        a = spread(x, k)
        a0, a1 = fma(a, load(w, at), a0), fma(a, load(w, at + LANES), a1)
        a2, a3 = fma(a, load(w, at + 2 * LANES), a2), fma(a, load(w, at + 3 * LANES), a3)
    return a0 + b0, a1 + b1, a2 + b2, a3 + b3


@bare
def _put(a: Float32, at: int, four: Tile) -> None:
    """Four vectors one after the other."""
    store(a, at, four[0])
    store(a, at + LANES, four[1])
    store(a, at + 2 * LANES, four[2])
    store(a, at + 3 * LANES, four[3])


@bare
def _functions(before: Tile) -> tuple[Lanes, Lanes, Lanes, Lanes]:
    """Gates i f g o from what they are before their functions: logistic, tanh for g.

    One division for four: it takes as long as thirty products.
    """
    half = same(_HALF)
    pi, qi = fraction(half * before[0])
    pf, qf = fraction(half * before[1])
    pg, qg = fraction(before[2])
    po, qo = fraction(half * before[3])
    first, second = qi * qf, qg * qo
    whole = same(_ONE) / (first * second)
    by_first, by_second = whole * second, whole * first
    i, f = fma(half, pi * (by_first * qf), half), fma(half, pf * (by_first * qi), half)
    return i, f, pg * (by_second * qo), fma(half, po * (by_second * qg), half)


@bare
def _cell(tile: Tile, row: int, unit: int, size: tuple[int, int], kept: Kept, masked: Pair) -> None:
    """LANES units of a row: from the gates before their functions to h and z."""
    count, units = size
    at, gate = row * units + unit, row * 4 * units + unit
    i, f, g, o = _functions(tile)
    store(kept.gates, gate, i)
    store(kept.gates, gate + units, f)
    store(kept.gates, gate + 2 * units, g)
    store(kept.gates, gate + 3 * units, o)
    cell = fma(f, load(kept.c, at), i * g)
    p, q = fraction(cell)
    bent = p / q
    out = o * bent
    store(kept.c, at + count * units, cell)
    store(kept.bent, at, bent)
    store(kept.h, at + count * units, out)
    store(masked[1], at, out * load(masked[0], at))


@bare
def _uncell(
    row: int, unit: int, size: tuple[int, int, int], kept: Kept, masked: Pair,
    sums: tuple[Float32, Float32, Float32],
) -> None:  # fmt: skip
    """LANES units of a row: from the gradient of h to that of the gates before their functions."""
    n, units, wide = size
    by_h, by_c, by_bias = sums
    at, gate, one = row * units + unit, row * 4 * units + unit, same(_ONE)
    i, f = load(kept.gates, gate), load(kept.gates, gate + units)
    g, o = load(kept.gates, gate + 2 * units), load(kept.gates, gate + 3 * units)
    bent = load(kept.bent, at)
    d = fma(load(masked[1], at), load(masked[0], at), load(by_h, n * wide + unit))
    e = load(by_c, n * units + unit) + d * o * (one - bent * bent)
    before = (e * g * i * (one - i), e * load(kept.c, at) * f * (one - f), e * i * (one - g * g),
              d * bent * o * (one - o))  # fmt: skip
    store(by_c, n * units + unit, e * f)
    store(kept.gates, gate, before[0])
    store(kept.gates, gate + units, before[1])
    store(kept.gates, gate + 2 * units, before[2])
    store(kept.gates, gate + 3 * units, before[3])
    store(by_bias, unit, load(by_bias, unit) + before[0])
    store(by_bias, unit + units, load(by_bias, unit + units) + before[1])
    store(by_bias, unit + 2 * units, load(by_bias, unit + 2 * units) + before[2])
    store(by_bias, unit + 3 * units, load(by_bias, unit + 3 * units) + before[3])

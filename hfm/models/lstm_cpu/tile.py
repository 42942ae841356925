"""Matrix products of the LSTM on the processor, a tile of four sequences by four vectors at a time.

The slow twin is NumPy's `@` (tests/models/lstm_cpu/test_tile.py); the tile is drawn in hfm/docs/lstm-cpu.md, and serves
the bench row `train`. All arrays are flat, float32, C-contiguous.
"""

from __future__ import annotations

import numpy as np

from hfm.kernels.cpu import LANES
from hfm.kernels.jit import bare
from hfm.kernels.simd import Float32, Lanes, fma, load, same, spread, store

TILE_ROWS = 4
"""Sequences in a tile."""
TILE_COLUMNS = 4 * LANES
"""Columns in a tile."""
Tile = tuple[Lanes, ...]
"""Four vectors of the first sequence, then of the second, ..."""
_ZERO = np.float32(0.0)


@bare
def gemm(w: Float32, at: int, x: Float32, row: int, n: int, tile: Tile) -> Tile:
    """The sums of a tile with n more terms each: of sequence r those of x[row + r n + k] w[at + k TILE_COLUMNS ..].

    16 sums, 4 weights and 4 inputs are 24 of AVX-512's 32 registers: no sum goes to memory before all its terms are in.

    Parameters
    ----------
    w : float32
        Weights as `recurrence.pack_weights` or `recurrence.transpose_weights` lays them out.
    at : int
        Where those of the tile begin.
    x : float32 [.., n]
        Inputs.
    row : int
        Where the first sequence's begin; those of the next three follow.
    n : int
        Terms of a sum.
    tile : Tile
        The sums so far.

    Returns
    -------
    Tile
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
    """`gemm` of one sequence.

    Parameters
    ----------
    w, at, x, row, n
        As in `gemm`.
    line : Tile
        The four vectors of sums so far.

    Returns
    -------
    Tile
        Four vectors.
    """
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
    """Write four vectors one after the other.

    Parameters
    ----------
    a : float32
        Filled in TILE_COLUMNS places.
    at : int
        The first of them.
    four : Tile
        Of one sequence.
    """
    first, second, third, fourth = four
    store(a, at, first)
    store(a, at + LANES, second)
    store(a, at + 2 * LANES, third)
    store(a, at + 3 * LANES, fourth)

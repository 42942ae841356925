"""The products of a tile against NumPy's."""

from __future__ import annotations

import numpy as np
import pytest

from hfm.kernels.cpu import LANES
from hfm.kernels.jit import kernel
from hfm.kernels.simd import Float32, same
from hfm.models.lstm_cpu.tile import TILE_COLUMNS, TILE_ROWS, Tile, gemm, gemv, store_tile


@kernel
def by_tile(w: Float32, x: Float32, n: int, out: Float32) -> None:
    one = same(np.float32(1.0))
    tile: Tile = (one, one, one, one, one, one, one, one, one, one, one, one, one, one, one, one)
    tile = gemm(w, TILE_COLUMNS, x, n, n, tile)
    store_tile(out, 0, tile[:4])
    store_tile(out, TILE_COLUMNS, tile[4:8])
    store_tile(out, 2 * TILE_COLUMNS, tile[8:12])
    store_tile(out, 3 * TILE_COLUMNS, tile[12:])


@kernel
def by_line(w: Float32, x: Float32, n: int, out: Float32) -> None:
    one = same(np.float32(1.0))
    for r in range(TILE_ROWS):
        store_tile(out, r * TILE_COLUMNS, gemv(w, TILE_COLUMNS, x, (1 + r) * n, n, (one, one, one, one)))


@pytest.mark.parametrize("n", [0, 1, 2, 7, 64])
def test_a_tile_is_a_product_of_matrices(n: int) -> None:
    """Added to what was there, from places inside the arrays; even and odd numbers of terms."""
    rng = np.random.default_rng(n)
    w = rng.standard_normal((n + 2, TILE_COLUMNS)).astype(np.float32)
    x = rng.standard_normal((TILE_ROWS + 2, n)).astype(np.float32)
    want = 1 + x[1 : 1 + TILE_ROWS].astype(float) @ w[1 : 1 + n].astype(float)
    for function in (by_tile, by_line):
        out = np.zeros((TILE_ROWS, TILE_COLUMNS), np.float32)
        function(w.reshape(-1), x.reshape(-1), n, out.reshape(-1))
        np.testing.assert_allclose(out, want, atol=2e-5)


def test_four_vectors_are_stored_in_their_order_and_nowhere_else() -> None:
    """The plain function; before and behind stands what stood there."""
    out = np.full(TILE_COLUMNS + 2, -1.0, np.float32)
    store_tile.py_func(out, 1, tuple(np.full(LANES, k, np.float32) for k in range(4)))
    np.testing.assert_array_equal(out[1:-1], np.repeat(np.arange(4.0), LANES))
    assert out[0] == out[-1] == -1

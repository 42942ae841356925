"""Vectors in kernels: each function against NumPy, compiled and not."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from hfm.kernels.cpu import LANES
from hfm.kernels.jit import kernel
from hfm.kernels.simd import Float32, bounded, fma, load, same, spread, store, total


@kernel
def every(a: Float32, b: Float32, out: Float32) -> float:
    """out [8, LANES]: one row for each function."""
    x, y, two = load(a, LANES), load(b, 0), same(np.float32(2.0))
    store(out, 0, x + y)
    store(out, LANES, x - y)
    store(out, 2 * LANES, x * y)
    store(out, 3 * LANES, x / y)
    store(out, 4 * LANES, fma(x, y, two))
    store(out, 5 * LANES, bounded(x, two))
    store(out, 6 * LANES, spread(a, 3))
    store(out, 7 * LANES, two)
    return total(x)


WAYS = pytest.mark.parametrize("run", [every, getattr(every, "py_func", every)], ids=["compiled", "plain"])
Every = Callable[[Float32, Float32, Float32], float]


@WAYS
def test_each_function_is_numpy_s(run: Every) -> None:
    """Bit for bit where a result is rounded once; load and store at any place, aligned or not."""
    rng = np.random.default_rng(1)
    a, b = rng.normal(0, 3, 3 * LANES).astype(np.float32), rng.normal(0, 3, LANES).astype(np.float32)
    out = np.full((8, LANES), np.nan, np.float32)
    summed = run(a, b, out.reshape(-1))
    x = a[LANES : 2 * LANES]
    expected = [x + b, x - b, x * b, x / b, None, np.clip(x, -2, 2), np.full(LANES, a[3]), np.full(LANES, 2.0)]
    for row, values in zip(out, expected, strict=True):
        if values is not None:
            np.testing.assert_array_equal(row, values.astype(np.float32))
    np.testing.assert_allclose(out[4], x.astype(float) * b + 2, rtol=3e-7, atol=3e-6)
    assert summed == pytest.approx(float(x.astype(float).sum()), abs=1e-5)


@WAYS
def test_what_is_not_a_number_stays_so(run: Every) -> None:
    """A network that has diverged may not be cut back to one that has not."""
    out = np.empty((8, LANES), np.float32)
    with np.errstate(invalid="ignore"):
        run(np.full(2 * LANES, np.nan, np.float32), np.ones(LANES, np.float32), out.reshape(-1))
    assert np.isnan(out[5]).all()

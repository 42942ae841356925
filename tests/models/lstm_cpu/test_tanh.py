"""tanh of float32 against NumPy's, one by one and in vectors."""

from __future__ import annotations

import numpy as np

from hfm.kernels.cpu import LANES
from hfm.kernels.jit import kernel
from hfm.kernels.simd import Float32, load, store
from hfm.models.lstm_cpu.tanh import tanh, tanh_ratio

POINTS = np.concatenate([
    np.linspace(-12, 12, 64 * LANES - 6), [0.0, -0.0, 1e-30, -1e-30, np.inf, -np.inf]
]).astype(np.float32)  # fmt: skip


@kernel
def vectors(x: Float32, out: Float32) -> None:
    for at in range(0, x.size, LANES):
        p, q = tanh_ratio(load(x, at))
        store(out, at, p / q)


@kernel
def numbers(x: Float32, out: Float32) -> None:
    for i in range(x.size):
        out[i] = tanh(x[i])


def test_both_are_tanh() -> None:
    """Within 3e-7, at the ends of the line too; odd, and never beyond 1."""
    for function in (vectors, numbers):
        out, other = np.empty_like(POINTS), np.empty_like(POINTS)
        function(POINTS, out)
        function(-POINTS, other)
        np.testing.assert_allclose(out, np.tanh(POINTS.astype(float)), atol=3e-7)
        np.testing.assert_array_equal(other, -out)
        assert np.abs(out).max() <= 1


def test_a_vector_that_is_not_a_number_stays_so() -> None:
    """A network that has diverged says so."""
    out = np.zeros(LANES, np.float32)
    vectors(np.full(LANES, np.nan, np.float32), out)
    assert np.isnan(out).all()

"""What the compiler makes of vectors: rounded as the processor rounds, and refused where they do not fit."""

from __future__ import annotations

import numpy as np
import pytest
from numba.core.errors import TypingError

from hfm.kernels.cpu import FUSED, LANES
from hfm.kernels.jit import kernel
from hfm.kernels.simd import Float32, fma, load, same, store


@pytest.mark.skipif(not FUSED, reason="this processor has no fused product")
def test_a_fused_product_is_rounded_once() -> None:
    """(1 + e)^2 - (1 + 2e) is e^2, which the rounding of a product in between loses."""
    e = np.float32(2.0**-12)

    @kernel
    def fused(a: Float32, out: Float32) -> None:
        store(out, 0, fma(load(a, 0), load(a, 0), same(np.float32(-1.0 - 2.0 * 2.0**-12))))

    out = np.empty(LANES, np.float32)
    fused(np.full(LANES, 1 + e, np.float32), out)
    np.testing.assert_array_equal(out, np.full(LANES, e * e))


REFUSED = {
    "every other number": np.ones(4 * LANES, np.float32)[::2],
    "float64": np.ones(LANES),
    "what may not be written": np.frombuffer(bytes(4 * LANES), np.float32),
}


@pytest.mark.parametrize("array", REFUSED.values(), ids=REFUSED)
def test_an_array_that_does_not_fit_is_refused_when_a_kernel_is_compiled(array: np.ndarray) -> None:
    """Not read as if it did."""

    @kernel
    def copied(a: Float32) -> None:
        store(a, 0, load(a, 0))

    with pytest.raises(TypingError):
        copied(array)

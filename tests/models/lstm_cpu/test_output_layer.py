"""The last layer and its gradient against NumPy's products; sequences as rows."""

from __future__ import annotations

import numpy as np

from hfm.kernels.cpu import LANES
from hfm.models.lstm_cpu import output_layer


def test_outputs_and_their_gradient_are_products() -> None:
    """Against NumPy's, in float64."""
    rng = np.random.default_rng(3)
    z, weight, by_out = (rng.normal(size=s).astype(np.float32) for s in ((11, 2 * LANES), (5, 2 * LANES), (11, 5)))
    bias, out = rng.normal(size=5).astype(np.float32), np.empty((11, 5), np.float32)
    by_z, by_weight, by_bias = (np.full_like(a.reshape(-1), np.nan) for a in (z, weight, bias))
    output_layer.linear(z.reshape(-1), weight.reshape(-1), bias, out)
    output_layer.linear_backward(by_out, weight.reshape(-1), z.reshape(-1), by_z, by_weight, by_bias)
    np.testing.assert_allclose(out, bias + z.astype(float) @ weight.T, atol=1e-5)
    np.testing.assert_allclose(by_z.reshape(z.shape), by_out.astype(float) @ weight, atol=1e-5)
    np.testing.assert_allclose(by_weight.reshape(weight.shape), by_out.T.astype(float) @ z, atol=1e-5)
    np.testing.assert_allclose(by_bias, by_out.sum(0), atol=1e-5)


def test_sequences_are_gathered_row_by_row() -> None:
    """A sequence may come twice."""
    source = np.arange(24, dtype=np.float32).reshape(3, 4, 2)
    out = np.empty((4, 3, 2), np.float32)
    output_layer.gather_sequences(source, np.array([2, 0, 2]), out)
    np.testing.assert_array_equal(out, source[[2, 0, 2]].transpose(1, 0, 2))

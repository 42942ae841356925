"""The recurrence and its gradient against torch's, and the masks' law."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from hfm.models import unroll


def passes(rows: int, count: int, units: int) -> tuple[np.ndarray, ...]:
    """(h by the kernel, by torch; gradient before the gates by the kernel, by torch) of a layer on random inputs."""
    torch.manual_seed(rows)
    cell = torch.nn.LSTM(4 * units, units, batch_first=False)
    with torch.no_grad():
        cell.weight_ih_l0.copy_(torch.eye(4 * units))  # the inputs are the gates' own
    x = torch.randn(rows, count, 4 * units, requires_grad=True)
    y, _ = cell(x)
    above = torch.randn_like(y)
    y.backward(above)
    gates = (x + cell.bias_ih_l0 + cell.bias_hh_l0).detach().numpy()
    h, c, tc = (np.zeros((rows + extra, count, units), np.float32) for extra in (1, 1, 0))
    weight = cell.weight_hh_l0.detach().numpy()
    unroll.forward(gates, np.ascontiguousarray(weight.T), h, c, tc, unroll.scales(units))
    unroll.backward(gates, weight, c, tc, above.numpy())
    assert x.grad is not None
    return h[1:], y.detach().numpy(), gates, x.grad.numpy()


@pytest.mark.parametrize(("rows", "count", "units"), [(1, 1, 1), (5, 3, 8), (78, 8, 64), (7, 2, 5)])
def test_a_layer_and_its_gradient_are_torch_s(rows: int, count: int, units: int) -> None:
    """Within float32 rounding, any number of units."""
    h, expected, gradient, by_torch = passes(rows, count, units)
    np.testing.assert_allclose(h, expected, atol=1e-6)
    np.testing.assert_allclose(gradient, by_torch, atol=2e-6 * max(1, np.abs(by_torch).max()))


@pytest.mark.parametrize("share", [0.1, 0.3, 0.5])
def test_masks_keep_what_they_should_and_their_mean_is_one(share: float) -> None:
    """Zeros in their share, the rest scaled; neighbours and seeds independent; the same seed, the same mask."""
    out, again, other = (np.empty(100_003, np.float32) for _ in range(3))
    for seed, where in ((1, out), (1, again), (2, other)):
        unroll.mask(seed, share, where)
    assert set(np.unique(out)) == {np.float32(0), np.float32(1 / (1 - share))}
    error = np.sqrt(share * (1 - share) / len(out))
    assert abs((out == 0).mean() - share) < 4 * error
    np.testing.assert_array_equal(out, again)
    for one, two in ((out, other), (out[1:], out[:-1]), (out[4:], out[:-4])):
        assert abs(((one == 0) & (two == 0)).mean() - share**2) < 4 * error


def test_a_mask_of_a_length_that_four_does_not_divide_is_filled_to_its_end() -> None:
    """Its first elements are those of a longer one."""
    short, long = np.full(7, np.nan, np.float32), np.empty(8, np.float32)
    unroll.mask(3, 0.4, short)
    unroll.mask(3, 0.4, long)
    np.testing.assert_array_equal(short, long[:7])

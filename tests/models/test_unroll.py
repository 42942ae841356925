"""The recurrence and its gradient against torch's, and the masks' law."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest
import torch

from hfm.models import unroll
from hfm.vector import LANES

SIZES = pytest.mark.parametrize(
    ("rows", "count", "inputs", "units"), [(1, 1, 3, LANES), (5, 3, 7, 2 * LANES), (78, 8, 29, 64), (7, 6, 64, 80)]
)
SHARE = 0.25


@dataclass(frozen=True)
class Passes:
    """A layer on random inputs: z and the gradients of gates, bias and input, by the kernels and by torch."""

    z: np.ndarray
    gates: np.ndarray
    bias: np.ndarray
    expected: tuple[np.ndarray, np.ndarray, np.ndarray]


def passes(rows: int, count: int, inputs: int, units: int) -> Passes:
    """Forward and backward under a mask, from a state of zeros."""
    torch.manual_seed(rows)
    cell = torch.nn.LSTM(inputs, units, batch_first=False)
    x, mask = torch.randn(rows, count, inputs), (torch.rand(rows, count, units) > SHARE) / (1 - SHARE)
    y, _ = cell(x)
    by_z = torch.randn_like(y)
    (y * mask).backward(by_z)
    w_ih, w_hh, one, two = (p.detach().numpy().reshape(-1) for p in cell.parameters())
    shape, n = unroll.Shape(rows, count, inputs, units), rows * count * units
    more = count * units
    kept = unroll.Kept(*(np.zeros(size, np.float32) for size in (4 * n, n + more, n + more, n)))
    ahead = np.empty(4 * units * (inputs + units), np.float32)
    unroll.packed(shape, w_ih, w_hh, ahead)
    back = np.empty(4 * units * -(-units // unroll.WIDE) * unroll.WIDE, np.float32)
    unroll.turned(units, w_hh, back)
    kept_z, by_bias, flat = np.empty(n, np.float32), np.empty(4 * units, np.float32), mask.numpy().reshape(-1)
    unroll.forward(shape, (ahead, one + two), x.numpy().reshape(-1), kept, (flat, kept_z))
    unroll.backward(shape, back, kept, (flat, by_z.numpy().reshape(-1)), by_bias)
    found = cell.weight_ih_l0.grad, cell.bias_ih_l0.grad
    assert found[0] is not None
    assert found[1] is not None
    gates = kept.gates.reshape(-1, 4 * units)
    return Passes(kept_z, gates.T @ x.reshape(-1, inputs).numpy(), by_bias,
                  ((y * mask).detach().numpy().reshape(-1), found[0].numpy(), found[1].numpy()))  # fmt: skip


@SIZES
def test_a_layer_and_its_gradient_are_torch_s(rows: int, count: int, inputs: int, units: int) -> None:
    """Within float32 rounding: sequences beside whole tiles, units that no tile's columns divide."""
    found = passes(rows, count, inputs, units)
    z, by_ih, by_bias = found.expected
    np.testing.assert_allclose(found.z, z, atol=1e-6)
    np.testing.assert_allclose(found.gates, by_ih, atol=3e-6 * max(1, np.abs(by_ih).max()))
    np.testing.assert_allclose(found.bias, by_bias, atol=3e-6 * max(1, np.abs(by_bias).max()))


def test_the_compiled_layer_is_the_plain_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """To the rounding of a product before its sum: a tile, a sequence beside it, and two columns of tiles."""
    one = passes(4, 5, 3, 5 * LANES)
    for name, function in list(vars(unroll).items()):
        monkeypatch.setattr(unroll, name, getattr(function, "py_func", function))
    two = passes(4, 5, 3, 5 * LANES)
    for name in ("z", "gates", "bias"):
        np.testing.assert_allclose(getattr(one, name), getattr(two, name), atol=2e-5)


def test_a_layer_that_has_diverged_says_so() -> None:
    """A weight that is not a number leaves no finite state."""
    shape, n = unroll.Shape(1, 4, 2, LANES), 4 * LANES
    kept = unroll.Kept(*(np.zeros(size, np.float32) for size in (4 * n, 2 * n, 2 * n, n)))
    z, mask = np.zeros(n, np.float32), np.ones(n, np.float32)
    w = np.full(4 * LANES * (2 + LANES), np.nan, np.float32)
    unroll.forward(shape, (w, np.zeros(4 * LANES, np.float32)), np.ones(8, np.float32), kept, (mask, z))
    assert np.isnan(z).all()


def test_outputs_and_their_gradient_are_products() -> None:
    """Against NumPy's, in float64."""
    rng = np.random.default_rng(3)
    z, weight, by_out = (rng.normal(size=s).astype(np.float32) for s in ((11, 2 * LANES), (5, 2 * LANES), (11, 5)))
    bias, out = rng.normal(size=5).astype(np.float32), np.empty((11, 5), np.float32)
    by_z, by_weight, by_bias = (np.full_like(a.reshape(-1), np.nan) for a in (z, weight, bias))
    unroll.outputs(z.reshape(-1), weight.reshape(-1), bias, out)
    unroll.by_outputs(by_out, weight.reshape(-1), z.reshape(-1), by_z, (by_weight, by_bias))
    np.testing.assert_allclose(out, bias + z.astype(float) @ weight.T, atol=1e-5)
    np.testing.assert_allclose(by_z.reshape(z.shape), by_out.astype(float) @ weight, atol=1e-5)
    np.testing.assert_allclose(by_weight.reshape(weight.shape), by_out.T.astype(float) @ z, atol=1e-5)
    np.testing.assert_allclose(by_bias, by_out.sum(0), atol=1e-5)


def test_sequences_are_gathered_row_by_row() -> None:
    """A sequence may come twice."""
    source = np.arange(24, dtype=np.float32).reshape(3, 4, 2)
    out = np.empty((4, 3, 2), np.float32)
    unroll.gathered(source, np.array([2, 0, 2]), out)
    np.testing.assert_array_equal(out, source[[2, 0, 2]].transpose(1, 0, 2))


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

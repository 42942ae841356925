"""The recurrence and its gradient against torch's."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest
import torch

from hfm.kernels.cpu import LANES
from hfm.models.lstm_cpu import recurrence

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
    shape, n = recurrence.Shape(rows, count, inputs, units), rows * count * units
    more = count * units
    kept = recurrence.Kept(*(np.zeros(size, np.float32) for size in (4 * n, n + more, n + more, n)))
    ahead = np.empty(4 * units * (inputs + units), np.float32)
    recurrence.packed(shape, w_ih, w_hh, ahead)
    back = np.empty(4 * units * -(-units // recurrence.WIDE) * recurrence.WIDE, np.float32)
    recurrence.turned(units, w_hh, back)
    kept_z, by_bias, flat = np.empty(n, np.float32), np.empty(4 * units, np.float32), mask.numpy().reshape(-1)
    recurrence.forward(shape, (ahead, one + two), x.numpy().reshape(-1), kept, (flat, kept_z))
    recurrence.backward(shape, back, kept, (flat, by_z.numpy().reshape(-1)), by_bias)
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
    for name, function in list(vars(recurrence).items()):
        monkeypatch.setattr(recurrence, name, getattr(function, "py_func", function))
    two = passes(4, 5, 3, 5 * LANES)
    for name in ("z", "gates", "bias"):
        np.testing.assert_allclose(getattr(one, name), getattr(two, name), atol=2e-5)


def test_a_layer_that_has_diverged_says_so() -> None:
    """A weight that is not a number leaves no finite state."""
    shape, n = recurrence.Shape(1, 4, 2, LANES), 4 * LANES
    kept = recurrence.Kept(*(np.zeros(size, np.float32) for size in (4 * n, 2 * n, 2 * n, n)))
    z, mask = np.zeros(n, np.float32), np.ones(n, np.float32)
    w = np.full(4 * LANES * (2 + LANES), np.nan, np.float32)
    recurrence.forward(shape, (w, np.zeros(4 * LANES, np.float32)), np.ones(8, np.float32), kept, (mask, z))
    assert np.isnan(z).all()

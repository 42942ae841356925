"""The recurrence and its gradient against torch's."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest
import torch

from hfm.kernels.cpu import LANES
from hfm.models.lstm_cpu import cell, recurrence, tile
from hfm.models.lstm_cpu.cell import Activations, LayerShape, Output
from hfm.models.lstm_cpu.tile import TILE_COLUMNS

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


def activations(n: int, first: int) -> Activations:
    """Zeros for n units of all rows, `first` of them in each row."""
    return Activations(*(np.zeros(size, np.float32) for size in (4 * n, n + first, n + first, n)))


def passes(rows: int, count: int, inputs: int, units: int, in_place: bool = True) -> Passes:
    """Forward and backward under a mask, from a state of zeros."""
    torch.manual_seed(rows)
    lstm = torch.nn.LSTM(inputs, units, batch_first=False)
    x, mask = torch.randn(rows, count, inputs), (torch.rand(rows, count, units) > SHARE) / (1 - SHARE)
    y, _ = lstm(x)
    by_z = torch.randn_like(y)
    (y * mask).backward(by_z)
    w_ih, w_hh, one, two = (p.detach().numpy().reshape(-1) for p in lstm.parameters())
    shape, n = LayerShape(rows, count, inputs, units), rows * count * units
    acts = activations(n, count * units)
    packed = recurrence.PackedWeights(np.empty(4 * units * (inputs + units), np.float32), one + two)
    recurrence.pack_weights(shape, w_ih, w_hh, packed.weights)
    transposed = np.empty(4 * units * -(-units // TILE_COLUMNS) * TILE_COLUMNS, np.float32)
    recurrence.transpose_weights(units, w_hh, transposed)
    out = Output(mask.numpy().reshape(-1), np.empty(n, np.float32))
    recurrence.forward(shape, packed, x.numpy().reshape(-1), acts, out)
    by_bias, by_out = np.empty(4 * units, np.float32), Output(out.mask, by_z.numpy().reshape(-1))
    grad_gates = acts.gates if in_place else np.empty_like(acts.gates)
    recurrence.backward(shape, transposed, acts, by_out, grad_gates, by_bias)
    found = lstm.weight_ih_l0.grad, lstm.bias_ih_l0.grad
    assert found[0] is not None
    assert found[1] is not None
    gates = grad_gates.reshape(-1, 4 * units)
    return Passes(out.z, gates.T @ x.reshape(-1, inputs).numpy(), by_bias,
                  ((y * mask).detach().numpy().reshape(-1), found[0].numpy(), found[1].numpy()))  # fmt: skip


@SIZES
def test_a_layer_and_its_gradient_are_torch_s(rows: int, count: int, inputs: int, units: int) -> None:
    """Within float32 rounding: sequences beside whole tiles, units that no tile's columns divide."""
    found = passes(rows, count, inputs, units)
    z, by_ih, by_bias = found.expected
    np.testing.assert_allclose(found.z, z, atol=1e-6)
    np.testing.assert_allclose(found.gates, by_ih, atol=3e-6 * max(1, np.abs(by_ih).max()))
    np.testing.assert_allclose(found.bias, by_bias, atol=3e-6 * max(1, np.abs(by_bias).max()))


def test_the_gradient_of_the_gates_may_lie_in_their_memory() -> None:
    """To the bit what it is elsewhere."""
    one, two = passes(5, 6, 7, 2 * LANES), passes(5, 6, 7, 2 * LANES, in_place=False)
    np.testing.assert_array_equal(one.gates, two.gates)
    np.testing.assert_array_equal(one.bias, two.bias)


def test_the_compiled_layer_is_the_plain_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """To the rounding of a product before its sum: a tile, a sequence beside it, and two columns of tiles."""
    one = passes(4, 5, 3, 5 * LANES)
    for module in (recurrence, cell, tile):
        for name, function in list(vars(module).items()):
            monkeypatch.setattr(module, name, getattr(function, "py_func", function))
    two = passes(4, 5, 3, 5 * LANES)
    for name in ("z", "gates", "bias"):
        np.testing.assert_allclose(getattr(one, name), getattr(two, name), atol=2e-5)


def test_a_layer_that_has_diverged_says_so() -> None:
    """A weight that is not a number leaves no finite state."""
    shape, n = LayerShape(1, 4, 2, LANES), 4 * LANES
    out = Output(np.ones(n, np.float32), np.zeros(n, np.float32))
    weights = np.full(4 * LANES * (2 + LANES), np.nan, np.float32)
    packed = recurrence.PackedWeights(weights, np.zeros(4 * LANES, np.float32))
    recurrence.forward(shape, packed, np.ones(8, np.float32), activations(n, n), out)
    assert np.isnan(out.z).all()

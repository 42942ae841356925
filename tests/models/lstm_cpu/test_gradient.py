"""The LSTM network's gradient without autograd is autograd's."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from hfm.models.lstm_cpu import gradient
from hfm.models.networks import losses, lstm_network
from tests.models.networks.test_losses import batch

WIDTHS = np.array([0.7, 1.1])
ALL = torch.tensor([0, 1])


def case(units: int, layers: int, dropout: float) -> tuple[lstm_network.LstmNetwork, losses.Batch]:
    """A network whose head is not zero, and a batch."""
    _, data = batch(11, units)
    net = lstm_network.LstmNetwork(3, units, layers, dropout)
    torch.nn.init.normal_(net.head.weight, std=0.3)
    return net, losses.Batch(torch.randn(2, 11, 3), data.y)


@pytest.mark.parametrize(("units", "layers"), [(8, 1), (8, 2), (5, 3), (64, 2)])
def test_loss_and_gradient_are_autograd_s(units: int, layers: int) -> None:
    """Every weight; a second batch of another shape, and the first shape again, leave no trace."""
    net, data = case(units, layers, 0.0)
    fused = gradient.FusedGradient(net)
    fused.loss_and_gradient(losses.Batch(data.x[:, :5], data.y[:, :5]), torch.tensor([1]), WIDTHS)
    fused.loss_and_gradient(data, ALL, WIDTHS)
    value = fused.loss_and_gradient(data, ALL, WIDTHS)
    found = [p.grad.clone() for p in net.parameters() if p.grad is not None]
    net.zero_grad()
    whole = losses.losses(net(data.x), data, WIDTHS).sum()
    whole.backward()
    assert abs(value - float(whole.detach())) < 1e-5
    for mine, (name, weight) in zip(found, net.named_parameters(), strict=True):
        assert weight.grad is not None
        assert torch.allclose(mine, weight.grad, atol=1e-6), name


@pytest.mark.parametrize("count", [4, 5, 9])
@pytest.mark.parametrize("units", [7, 64])
def test_whole_tiles_and_what_is_beside_them_have_autograd_s_gradient(count: int, units: int) -> None:
    """Sequences in fours, padded units or not; a sequence may come twice."""
    net, data = case(units, 2, 0.0)
    index = torch.arange(count) * 2 % 3 % 2
    fused = gradient.FusedGradient(net)
    value = fused.loss_and_gradient(data, index, WIDTHS)
    found = [p.grad.clone() for p in net.parameters() if p.grad is not None]
    net.zero_grad()
    whole = losses.losses(net(data.x[index]), data.pick(index), WIDTHS).sum()
    whole.backward()
    assert abs(value - float(whole.detach())) < 1e-5
    for mine, (name, weight) in zip(found, net.named_parameters(), strict=True):
        assert weight.grad is not None
        assert torch.allclose(mine, weight.grad, atol=1e-6), name


def test_dropout_s_gradient_is_that_of_the_masks_drawn() -> None:
    """With the generator put back, finite differences of the loss along the gradient itself."""
    net, data = case(8, 2, 0.5)
    whole, fused = gradient.flatten(net), gradient.FusedGradient(net)

    def loss(step: float, along: torch.Tensor) -> float:
        torch.manual_seed(3)
        whole.data.add_(along, alpha=step)
        value = fused.loss_and_gradient(data, ALL, WIDTHS)
        whole.data.sub_(along, alpha=step)
        return value

    loss(0.0, torch.zeros_like(whole))
    assert whole.grad is not None
    along = whole.grad / whole.grad.norm()
    slope = float(whole.grad.norm())
    assert abs((loss(1e-2, along) - loss(-1e-2, along)) / 2e-2 - slope) < 0.02 * slope


def test_weights_flattened_are_views_of_one_vector() -> None:
    """What the one is, the others are; gradients too."""
    net, data = case(8, 2, 0.0)
    before = {name: value.clone() for name, value in net.state_dict().items()}
    whole = gradient.flatten(net)
    assert all(torch.equal(before[name], value) for name, value in net.state_dict().items())
    gradient.FusedGradient(net).loss_and_gradient(data, ALL, WIDTHS)
    assert whole.grad is not None
    assert torch.equal(whole.grad, torch.cat([p.grad.flatten() for p in net.parameters() if p.grad is not None]))
    whole.data.zero_()
    assert not any(value.any() for value in net.state_dict().values())

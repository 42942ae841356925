"""The network alone; as a forecaster it inherits tests/contract."""

from __future__ import annotations

import pytest
import torch

from hfm.models.gated import Gated


def test_a_fresh_network_corrects_nothing() -> None:
    """The last layer is zero: epoch 0 is the floor."""
    torch.manual_seed(0)
    assert not Gated(3, 8, 2, 0.3)(torch.randn(2, 30, 3)).any()


@pytest.mark.parametrize(("rows", "cut"), [(78, 1), (78, 40), (300, 250)])
def test_later_rows_change_no_bit_of_earlier_ones(rows: int, cut: int) -> None:
    """A session, and a sequence of several blocks."""
    torch.manual_seed(0)
    net = Gated(3, 8, 2, 0.3).eval()
    torch.nn.init.normal_(net.head.weight)
    x = torch.randn(2, rows, 3)
    poisoned = x.clone()
    poisoned[:, cut:] += 5
    assert torch.equal(net(x)[:, :cut], net(poisoned)[:, :cut])
    assert not torch.equal(net(x)[:, cut:], net(poisoned)[:, cut:])


def test_every_weight_is_learnt() -> None:
    """Each has a gradient once the last layer is not zero."""
    torch.manual_seed(0)
    net = Gated(3, 8, 2, 0.0)
    torch.nn.init.normal_(net.head.weight)
    net(torch.randn(2, 30, 3)).square().sum().backward()
    for name, weight in net.named_parameters():
        assert weight.grad is not None, name
        assert weight.grad.any(), name

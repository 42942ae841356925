"""What every network on top of the floors promises; a class with `net` inherits these tests."""

from __future__ import annotations

from typing import Any

import pytest
import torch


class NetworkContract:
    """net: the class of a network that is made with (features, hidden, layers, dropout) and has a `head`."""

    net: Any  # Any: a torch module's class

    def test_a_fresh_network_corrects_nothing(self) -> None:
        """The last layer is zero: epoch 0 is the floor."""
        torch.manual_seed(0)
        assert not self.net(3, 8, 2, 0.3)(torch.randn(2, 30, 3)).any()

    @pytest.mark.parametrize(("rows", "cut"), [(78, 1), (78, 40), (300, 250)])
    def test_later_rows_change_no_bit_of_earlier_ones(self, rows: int, cut: int) -> None:
        """A session, and a sequence of several blocks."""
        torch.manual_seed(0)
        net = self.net(3, 8, 2, 0.3).eval()
        torch.nn.init.normal_(net.head.weight)
        x = torch.randn(2, rows, 3)
        poisoned = x.clone()
        poisoned[:, cut:] += 5
        assert torch.equal(net(x)[:, :cut], net(poisoned)[:, :cut])
        assert not torch.equal(net(x)[:, cut:], net(poisoned)[:, cut:])

    def test_every_weight_is_learnt(self) -> None:
        """Each has a gradient once the last layer is not zero."""
        torch.manual_seed(0)
        net = self.net(3, 8, 2, 0.0)
        torch.nn.init.normal_(net.head.weight)
        net(torch.randn(2, 30, 3)).square().sum().backward()
        for name, weight in net.named_parameters():
            assert weight.grad is not None, name
            assert weight.grad.any(), name

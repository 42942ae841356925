"""The network and its export."""

from __future__ import annotations

import numpy as np
import torch

from hfm.models.networks import lstm_network


def test_a_fresh_network_corrects_nothing_and_is_causal() -> None:
    """Zeros at first; with a head, a later input changes no earlier output."""
    torch.manual_seed(0)
    net = lstm_network.LstmNetwork(3, 8, 2, 0.3).eval()
    x = torch.randn(2, 10, 3)
    assert not net(x).any()
    torch.nn.init.normal_(net.head.weight)
    poisoned = x.clone()
    poisoned[:, 6:] += 5
    assert torch.equal(net(x)[:, :6], net(poisoned)[:, :6])
    assert not torch.equal(net(x)[:, 6:], net(poisoned)[:, 6:])


def test_the_export_has_inputs_first_and_one_bias_a_layer() -> None:
    """Shapes in the layout of packed_model.pack, float32."""
    found = lstm_network.packable_arrays(lstm_network.LstmNetwork(3, 8, 2, 0.0).state_dict(), "seed4")
    assert {k: v.shape for k, v in found.items()} == {
        "seed4/l0/ih": (3, 32), "seed4/l0/hh": (8, 32), "seed4/l0/b": (32,), "seed4/l1/ih": (8, 32),
        "seed4/l1/hh": (8, 32), "seed4/l1/b": (32,), "seed4/head/w": (8, 5), "seed4/head/b": (5,),
    }  # fmt: skip
    assert all(v.dtype == np.float32 and v.flags.c_contiguous for v in found.values())


def test_what_is_exported_is_the_same_network_again() -> None:
    """Its outputs; from nothing comes nothing."""
    torch.manual_seed(1)
    net = lstm_network.LstmNetwork(3, 8, 2, 0.0).eval()
    torch.nn.init.normal_(net.head.weight)
    again = lstm_network.LstmNetwork(3, 8, 2, 0.0).eval()
    again.load_state_dict(lstm_network.packed_weights(lstm_network.packable_arrays(net.state_dict(), "seed1"), "seed1"))
    x = torch.randn(2, 10, 3)
    torch.testing.assert_close(again(x), net(x))
    plain = lstm_network.plain_weights(lstm_network.plain_arrays(net.state_dict(), "seed1"), "seed1")
    assert all(torch.equal(plain[name], value) for name, value in net.state_dict().items())
    assert lstm_network.packed_weights({}, "seed1") == lstm_network.plain_weights({}, "seed1") == {}

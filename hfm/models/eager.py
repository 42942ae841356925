"""The network in torch, as a benchmark's other side: the window again at each row, as a first draft would serve it."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch

from hfm.arrays import Float32
from hfm.models.networks.lstm_network import LstmNetwork
from hfm.plugins import Arrays

Step = Callable[[Float32], Float32]


def network(arrays: Arrays, prefix: str) -> LstmNetwork:
    """The LstmNetwork whose export under `prefix` the arrays are; dropout off."""
    layers = sum(1 for name in arrays if name.startswith(f"{prefix}/l") and name.endswith("/b"))
    inputs, hidden = arrays[f"{prefix}/l0/ih"].shape[0], arrays[f"{prefix}/l0/hh"].shape[0]
    net = LstmNetwork(inputs, hidden, layers, 0.0)
    weights = {"head.weight": arrays[f"{prefix}/head/w"].T, "head.bias": arrays[f"{prefix}/head/b"]}
    for k in range(layers):
        weights[f"cell.weight_ih_l{k}"] = arrays[f"{prefix}/l{k}/ih"].T
        weights[f"cell.weight_hh_l{k}"] = arrays[f"{prefix}/l{k}/hh"].T
        weights[f"cell.bias_ih_l{k}"] = arrays[f"{prefix}/l{k}/b"]
        weights[f"cell.bias_hh_l{k}"] = np.zeros_like(arrays[f"{prefix}/l{k}/b"])
    net.load_state_dict({name: torch.from_numpy(np.ascontiguousarray(value)) for name, value in weights.items()})
    return net.eval()


def window(arrays: Arrays, prefix: str) -> Step:
    """A function from the rows of a session so far [T, F] to the corrections of the last one [5], on one thread."""
    torch.set_num_threads(1)
    net = network(arrays, prefix)

    def run(x: Float32) -> Float32:
        with torch.inference_mode():
            out: Float32 = net(torch.from_numpy(x)[None])[0, -1].numpy()
        return out

    return run

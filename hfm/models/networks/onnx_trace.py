"""Networks that no step knows as an ONNX graph over a session of so many rows, and what torch says of a trial input."""

from __future__ import annotations

import tempfile
import warnings
from pathlib import Path

import numpy as np
import torch
from torch import nn

from hfm import plugins
from hfm.arrays import Float32
from hfm.plugins import Arrays

OPSET = 17


class Mean(nn.Module):
    """[N, T, F] float32 -> [N, T, 5]: the mean of networks."""

    def __init__(self, nets: list[nn.Module]) -> None:
        super().__init__()
        self.nets = nn.ModuleList(nets)

    def forward(self, z: torch.Tensor) -> torch.Tensor:
        """See the class."""
        return torch.stack([net(z) for net in self.nets]).mean(dim=0)


def trace(arrays: Arrays, model: str, rows: int) -> tuple[bytes, Float32, Float32]:
    """(graph, trial input [1, T, F], torch's answer [1, T, 5]) of a model's networks; z in, delta out, T = rows."""
    features, hidden, layers = (int(v) for v in arrays["shape"])
    nets = []
    for seed in range(len({name.partition("/")[0] for name in arrays if "/net/" in name})):
        net, start = plugins.find("models", model)().build(features, hidden, layers, 0.0), f"seed{seed}/net/"
        net.load_state_dict({name.removeprefix(start): torch.from_numpy(value)
                             for name, value in arrays.items() if name.startswith(start)})  # fmt: skip
        nets.append(net)
    whole = Mean(nets).eval()
    trial = np.random.default_rng(7).normal(0, 1, (1, rows, features)).astype(np.float32)
    with torch.no_grad(), warnings.catch_warnings(), tempfile.TemporaryDirectory() as folder:
        warnings.simplefilter("ignore")  # the exporter warns of shapes that it takes for constants: here they are
        path = Path(folder) / "graph.onnx"
        torch.onnx.export(whole, (torch.from_numpy(trial),), path, input_names=["z"], output_names=["delta"],
                          opset_version=OPSET, dynamo=False)  # fmt: skip
        return path.read_bytes(), trial, whole(torch.from_numpy(trial)).numpy()

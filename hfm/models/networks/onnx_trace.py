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


class MeanNetwork(nn.Module):
    """[N, T, F] float32 -> [N, T, 5]: the mean of networks."""

    def __init__(self, nets: list[nn.Module]) -> None:
        super().__init__()
        self.nets = nn.ModuleList(nets)

    def forward(self, z: torch.Tensor) -> torch.Tensor:
        """See the class."""
        return torch.stack([net(z) for net in self.nets]).mean(dim=0)


def trace(arrays: Arrays, model: str, rows: int) -> tuple[bytes, Float32, Float32]:
    """A model's networks as one ONNX graph, z in and delta out, and what torch says of a trial input.

    Parameters
    ----------
    arrays : arrays by name
        Of a fit.
    model : str
        Its name, of one that only torch runs.
    rows : int
        T, for which alone the graph holds.

    Returns
    -------
    graph : bytes
    trial : float32 [1, T, F]
        Standard normal numbers, always the same.
    answer : float32 [1, T, 5]
        CORRECTIONS.
    """
    forecaster = plugins.find("models", model)()
    features = int(arrays["shape"][0])
    mean = MeanNetwork(forecaster.networks(arrays)).eval()
    trial = np.random.default_rng(7).normal(0, 1, (1, rows, features)).astype(np.float32)
    with torch.no_grad(), warnings.catch_warnings(), tempfile.TemporaryDirectory() as folder:
        warnings.simplefilter("ignore")  # the exporter warns of shapes that it takes for constants: here they are
        path = Path(folder) / "graph.onnx"
        torch.onnx.export(mean, (torch.from_numpy(trial),), path, input_names=["z"], output_names=["delta"],
                          opset_version=OPSET, dynamo=False)  # fmt: skip
        return path.read_bytes(), trial, mean(torch.from_numpy(trial)).numpy()

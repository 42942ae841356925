"""A traced network says what torch says, over sessions of the length that it was traced for."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from hfm import plugins
from hfm.models.networks import onnx_trace
from hfm.plugins import Arrays

pytest.importorskip("onnxruntime", reason="the extra onnx is not installed")
from hfm.live import onnx_export


def invented(model: str, seeds: int) -> Arrays:
    """Networks of 8 units on 6 features."""
    out: Arrays = {"shape": np.array([6, 8, 2])}
    for seed in range(seeds):
        torch.manual_seed(seed)
        net = plugins.find("models", model)().build(6, 8, 2, 0.5)
        torch.nn.init.normal_(net.head.weight, 0.0, 0.3)
        out |= {f"seed{seed}/net/{name}": value.numpy() for name, value in net.state_dict().items()}
    return out


@pytest.mark.parametrize("model", ["attention", "transformer", "deeplob"])
def test_the_graph_is_the_mean_of_the_networks(model: str) -> None:
    """Within 1e-5; later rows change no earlier one, so that zeros may stand for what is still to come."""
    data, trial, want = onnx_trace.trace(invented(model, 2), model, 20)
    run = onnx_export.session_of(data)
    np.testing.assert_allclose(run({"z": trial})[0], want, rtol=1e-5, atol=1e-5)
    assert np.abs(want).max() > 0.01
    cut = trial.copy()
    cut[:, 12:] = 0.0
    np.testing.assert_allclose(run({"z": cut})[0][:, :12], want[:, :12], rtol=1e-5, atol=1e-5)

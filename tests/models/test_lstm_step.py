"""A row at a time against torch's LSTM over the whole sequence."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from hfm.models import inference, lstm_step
from hfm.models.packed_model import pack
from tests.models.test_inference import arrays, net


@pytest.mark.parametrize(("hidden", "layers", "networks"), [(16, 2, 2), (7, 1, 1), (64, 2, 1), (3, 3, 2)])
def test_the_corrections_of_each_row_are_torch_s(hidden: int, layers: int, networks: int) -> None:
    """The sum of the networks', added to what stands there; units and inputs that fill no block too."""
    inputs, rows = 9, 30
    model = pack(arrays(inputs, hidden=hidden, layers=layers, seeds=networks), 0)
    x = np.random.default_rng(hidden).standard_normal((rows, inputs)).astype(np.float32)
    with torch.inference_mode():
        each = [net(inputs, hidden, layers, s)(torch.from_numpy(x)[None])[0].double().numpy() for s in range(networks)]
    state = inference.state_new(model)
    for t in range(rows):
        v, out = np.zeros(lstm_step.input_size(model), np.float32), np.ones(5)
        v[:inputs] = x[t]
        lstm_step.advance(state, v, model, out)
        np.testing.assert_allclose(out, 1 + np.sum(each, axis=0)[t], atol=5e-6)

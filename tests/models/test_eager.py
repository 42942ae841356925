"""The bench's other side is the same network."""

from __future__ import annotations

import numpy as np

from hfm.models import checkpoint, eager, inference, lstm_step
from hfm.models.packed_model import pack
from tests.train.market import market, rows, small
from tests.train.test_stage import train


def test_the_window_in_torch_is_the_step_s_network() -> None:
    """Its corrections of the last row, within 1e-6 of the kernel's."""
    found, _ = train(market()[0], small(epochs=2, seeds=1))
    arrays = checkpoint.load(found["train/model.safetensors"], found["train/model.json"]).part("final")
    data, model = rows().panel, pack(arrays, 0)
    first, last = int(data.start[-2]), int(data.start[-1])
    z = (data.x[first:last] - arrays["floor/centre"][0]) * arrays["floor/factor"][0]
    inputs = int(model.constants["inputs"][0])
    z = np.clip(z, -inference.CLIP, inference.CLIP)[:, :inputs].astype(np.float32)
    corrections = eager.window(arrays, "seed0")(z)
    state, out = inference.state_new(model), np.zeros(5)
    for row in z:
        v, out = np.zeros(lstm_step.input_size(model), np.float32), np.zeros(5)
        v[:inputs] = row
        lstm_step.advance(state, v, model, out)
    np.testing.assert_allclose(out, corrections, atol=1e-6)

"""The bench's other side is the same network."""

from __future__ import annotations

import numpy as np

from hfm.models import checkpoint, eager, inference
from tests.train.market import market, rows, small
from tests.train.test_stage import train


def test_the_window_in_torch_is_the_step_s_network() -> None:
    """Its corrections of the last row, within 1e-6 of the kernel's."""
    found, _ = train(market()[0], small(epochs=2, seeds=1))
    arrays = checkpoint.load(found["train/model.safetensors"], found["train/model.json"]).part("final")
    data, model = rows().panel, inference.pack(arrays, 0)
    first, last = int(data.start[-2]), int(data.start[-1])
    x = data.x[first:last]
    z = np.clip((x - arrays["floor/centre"][0]) * arrays["floor/factor"][0], -inference.CLIP, inference.CLIP).astype(
        np.float32
    )
    said = eager.window(arrays, "seed0")(z[:, : int(model.spec[1])])
    state, out = inference.state_new(model), np.zeros(5)
    hidden = inference._padded(8, inference.ROWS)
    width = max(inference._padded(int(model.spec[1]), inference.ROWS), hidden) + hidden
    for row in z:
        v, out = np.zeros(width, np.float32), np.zeros(5)
        v[: int(model.spec[1])] = row[: int(model.spec[1])]
        inference._network(state, v, model, out)
    np.testing.assert_allclose(out, said, atol=1e-6)

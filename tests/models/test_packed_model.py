"""Fitted arrays as records: every number is where its name says."""

from __future__ import annotations

import numpy as np

from hfm.models.packed_model import BLOCK_COLUMNS, BLOCK_ROWS, pack
from tests.models.test_inference import arrays


def test_every_number_stands_under_its_name() -> None:
    """Of a known symbol, and of one not seen in training the pooled scaler."""
    fitted = arrays(inputs=9, features=12, hidden=16, layers=2, seeds=3)
    for symbol in (0, -1):
        model = pack(fitted, symbol)
        c = model.constants[0]
        assert (c.inputs, c.networks, c.hidden, c.layers, c.tree_base) == (9, 3, 16, 2, 0.0)
        np.testing.assert_array_equal(model.features["centre"], fitted["floor/centre"][symbol])
        np.testing.assert_array_equal(model.features["factor"], fitted["floor/factor"][symbol])
        np.testing.assert_array_equal(model.features["direction"], fitted["floor/direction"][:-1])
        np.testing.assert_array_equal(model.features["spread"], fitted["floor/spread"])
        np.testing.assert_array_equal(model.slots["volatility"], fitted["floor/vol_slot"])
        assert c.intercept == fitted["floor/direction"][-1]
        head = c.head.item()
        want = [*fitted["floor/label"][symbol], *fitted["floor/residual"], *fitted["unit"], *fitted["gates"], 0.0]
        np.testing.assert_array_equal(head, want)


def test_a_weight_matrix_lies_in_blocks() -> None:
    """Entry (row, column) of W_ih of the first layer, behind the padded bias."""
    fitted = arrays(inputs=9, hidden=10, layers=1, seeds=1)
    weights, ih = pack(fitted, 0).weights, fitted["seed0/l0/ih"]
    width = -(-4 * 10 // BLOCK_COLUMNS) * BLOCK_COLUMNS
    blocks = weights[width : width + 16 * width].reshape(2, width // BLOCK_COLUMNS, BLOCK_ROWS, BLOCK_COLUMNS)
    for row, column in ((0, 0), (8, 39), (5, 33)):
        block = blocks[row // BLOCK_ROWS, column // BLOCK_COLUMNS]
        assert block[row % BLOCK_ROWS, column % BLOCK_COLUMNS] == ih[row, column]
    np.testing.assert_array_equal(weights[:40], fitted["seed0/l0/b"])
    np.testing.assert_array_equal(weights[-50:], fitted["seed0/head/w"].ravel())


def test_without_networks_the_state_is_one_number() -> None:
    """The floors alone: one weight that nobody reads."""
    fitted = {k: v for k, v in arrays().items() if not k.startswith("seed")}
    model = pack({k: v for k, v in fitted.items() if k not in ("unit", "gates")}, 0)
    assert model.constants["networks"] == 0
    assert model.weights.tolist() == [0.0]
    assert model.constants[0].head.spread_gate == 1.0

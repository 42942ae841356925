"""The exported graph is the step: rows one by one with carried state, and windows of other lengths and batches."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.ensemble import HistGradientBoostingClassifier

from hfm import tables
from hfm.errors import CheckError
from hfm.features import batch
from hfm.models.packed_model import TREES
from hfm.models.trees import tree_arrays
from hfm.plugins import Float
from hfm.tables import MemoryReader
from tests.live.market import made

pytest.importorskip("onnxruntime", reason="the extra onnx is not installed")
from hfm.live import onnx_export


def rows_of() -> Float:
    """[n, F + 2] inputs of the step over the whole market, masked rows included."""
    of = made()
    meta, names = MemoryReader(of.quotes).meta, of.checkpoint.document["features"]["names"]
    columns = tables.arrays(of.quotes, (*batch.INPUTS, "spread_bps"))
    states = {"SPY": batch.state_new(meta.slots_per_session, meta.interval_s)}
    x = batch.compute(columns, states, names)
    return np.column_stack([x, columns["seq"].astype(np.float64), columns["spread_bps"]])


@pytest.mark.parametrize("model", ["lstm", "logistic", "har", "persistence"])
def test_the_graph_is_the_step(model: str) -> None:
    """Within 1e-6 over all rows, NaN where it is NaN, and for three sequences at once."""
    arrays = made().checkpoint.part("final", model)
    data = onnx_export.build(arrays, 0)
    assert onnx_export.check(data, arrays, 0, rows_of()) <= onnx_export.TOLERANCE


@pytest.mark.parametrize("scale", [1.0, 40.0])
def test_parity_holds_over_two_thousand_steps_of_wild_inputs(scale: float) -> None:
    """State carried over 2,000 rows, far outside what was fitted."""
    arrays = made().checkpoint.part("final")
    features = arrays["floor/centre"].shape[1]
    rng = np.random.default_rng(3)
    width = 1.0 / np.where(arrays["floor/factor"][0] > 0, arrays["floor/factor"][0], 1.0)
    x = arrays["floor/centre"][0] + scale * width * rng.standard_normal((onnx_export.STEPS, features))
    x[::97, 0] = np.nan
    whole = np.column_stack([x, rng.integers(0, 26, onnx_export.STEPS), np.exp(rng.normal(0, 1, onnx_export.STEPS))])
    assert onnx_export.check(onnx_export.build(arrays, 0), arrays, 0, whole) <= onnx_export.TOLERANCE


def test_trees_beside_the_linear_direction_are_in_the_graph() -> None:
    """Of fits whose floor has some, at different shares and on the clock slot too."""
    rng = np.random.default_rng(2)
    arrays = dict(made().checkpoint.part("final"))
    features = arrays["floor/centre"].shape[1]
    z = rng.standard_normal((2000, features + 1))
    z[:, -1] = rng.integers(0, 26, 2000)
    up = z[:, 0] * z[:, 1] + (z[:, -1] > 12) + rng.standard_normal(2000) > 0
    model = HistGradientBoostingClassifier(max_iter=20, early_stopping=False, random_state=0).fit(z, up)
    arrays |= tree_arrays.from_sklearn(model, TREES)
    for share in (0.25, 1.0):
        arrays["floor/share"] = np.array([share])
        assert onnx_export.check(onnx_export.build(arrays, 0), arrays, 0, rows_of()) <= onnx_export.TOLERANCE
    with pytest.raises(CheckError, match="away from the step"):
        onnx_export.check(onnx_export.build(arrays, 0), {**arrays, "floor/share": np.array([0.5])}, 0, rows_of())


def test_a_graph_that_is_not_the_step_is_refused() -> None:
    """One weight changed: the check fails."""
    arrays = dict(made().checkpoint.part("final"))
    data = onnx_export.build(arrays, 0)
    arrays["floor/direction"] = arrays["floor/direction"] + 1e-3
    with pytest.raises(CheckError, match="away from the step"):
        onnx_export.check(data, arrays, 0, rows_of())

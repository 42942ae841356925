"""A network without a step: live's row by row is the batch's session at once, through the exported graph."""

from __future__ import annotations

import json
import sys
from functools import cache

import numpy as np
import pyarrow as pa
import pytest
import torch

from hfm import plugins
from hfm.config import Backtest
from hfm.errors import ConfigError, DataError
from hfm.features import batch as batch_features
from hfm.live.node import MarketSpec, Node
from hfm.live.stream import Stream
from hfm.models import checkpoint as store
from hfm.models import inference
from hfm.plugins import Float
from hfm.tables import MemoryReader
from hfm.train import training_panel
from tests.live.market import keys, made, rows_of

pytest.importorskip("onnxruntime", reason="the extra onnx is not installed")
from hfm.live import onnx_session
from hfm.models.networks import onnx_trace

MINE, WEIGHTS = "attention", "abc"


@cache
def trained() -> tuple[pa.Table, store.Checkpoint]:
    """Quotes, and a checkpoint whose fits are invented networks of 8 units on trained floors."""
    of = made()
    own = len(batch_features.GROUPS["default"])
    arrays = {k: v for k, v in of.checkpoint.arrays.items() if "/models/" not in k and "/seed" not in k}
    for number, fit in enumerate(sorted({k.partition("/")[0] for k in arrays})):
        torch.manual_seed(4 + number)
        net = plugins.find("models", MINE)().build(own, 8, 2, 0.0)
        torch.nn.init.normal_(net.head.weight, 0.0, 0.3)
        arrays |= {f"{fit}/seed0/net/{k}": v.numpy() for k, v in net.state_dict().items()}
        arrays |= {f"{fit}/shape": np.array([own, 8, 2]), f"{fit}/gates": np.ones(3)}
        arrays[f"{fit}/unit"] = np.full(2, 0.7)
    return of.quotes, store.Checkpoint(arrays, {**of.checkpoint.document, "model": MINE})


@cache
def sealed(fit: str) -> bytes:
    _, checkpoint = trained()
    graph, trial, want = onnx_trace.trace(checkpoint.part(fit), MINE, 27)
    return onnx_session.seal(graph, onnx_session.GraphOrigin(MINE, fit, WEIGHTS), trial, want)


def node() -> Node:
    quotes, checkpoint = trained()
    about = MarketSpec.of(MemoryReader(quotes).meta)
    graph = onnx_session.OnnxNetwork(sealed, MINE, WEIGHTS, len(about.symbols))
    return Node(checkpoint, Backtest(threshold="0.5"), about, graph)


def batch(fit: str = "final") -> Float:
    """[n, 8] FORECAST_COLUMNS by the batch, with one fit."""
    quotes, checkpoint = trained()
    data, fitted = training_panel.read(MemoryReader(quotes), training_panel.ForecastTask()).panel, checkpoint.part(fit)
    out = inference.finished(plugins.find("models", MINE)().predict(fitted, data), data.spread_bps, fitted)
    return np.column_stack([out[name] for name in inference.FORECAST_COLUMNS])


def forecasts(live: Node) -> Float:
    """[n, 8] FORECAST_COLUMNS, row by row."""
    out = []
    for row in rows_of(made()):
        live.take(row)
        out.append(live.result[:8])
    return np.array(out)


def test_row_by_row_is_the_session_at_once() -> None:
    """Within 1e-5 over all rows, NaN where it is NaN; the networks do move what the floors say."""
    live, want = node(), batch()
    got = forecasts(live)
    np.testing.assert_allclose(got[:, [0, 1, 3, 4, 5, 6]], want[:, [0, 1, 3, 4, 5, 6]], rtol=1e-5, atol=1e-5)
    plain = node()
    plain.onnx, plain._fused = None, True
    floors = forecasts(plain)
    assert np.nanmax(np.abs(floors[:, 0] - got[:, 0])) > 1e-3


def test_a_restart_goes_on_inside_a_session() -> None:
    """The session so far is part of the state."""
    rows = rows_of(made())[-40:]
    one, two = node(), node()
    for row in rows[:33]:
        one.take(row)
    two.load(one.save(), "final")
    for row in rows[33:]:
        for live in (one, two):
            live.take(row)
        np.testing.assert_array_equal(list(one.result), list(two.result))


def test_a_replay_asks_the_graph_of_each_session_s_fold() -> None:
    """Within 1e-5 of the batch with that fold's fit, whose answers are others than the final one's."""
    quotes, checkpoint = trained()
    number = {key: k for k, key in enumerate(keys(quotes))}
    want = {fit: batch(fit) for fit in {k.partition("/")[0] for k in checkpoint.arrays}}
    seen = set()
    for line in Stream(node()).replay(MemoryReader(quotes)):
        said = json.loads(line)
        fit, at = said["model"].partition("/")[2], number[said["symbol"], said["session"], said["seq"]]
        seen.add(fit)
        np.testing.assert_allclose(said["p_up"], want[fit][at, 0], atol=1e-5)
        np.testing.assert_allclose(said["spread_q50"], want[fit][at, 5], rtol=1e-5)
    assert len(seen) > 1
    assert np.nanmax(np.abs(want["fold0"][:, 0] - want["final"][:, 0])) > 1e-3


def test_the_graph_of_another_training_or_fit_or_without_the_extra_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """Exit 4 and exit 3, each with its cure."""
    _, checkpoint = trained()
    arrays = checkpoint.part("final")
    for graphs, weights in ((sealed, "other"), (lambda fit: sealed("fold0"), WEIGHTS)):
        with pytest.raises(DataError, match="another training") as error:
            onnx_session.OnnxNetwork(graphs, MINE, weights, 1).use("final", arrays)
        assert error.value.hint == "hfm export --format onnx"
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(ConfigError, match="onnxruntime is not installed") as absent:
        onnx_session.OnnxNetwork(sealed, MINE, WEIGHTS, 1).use("final", arrays)
    assert "hfm[onnx]" in absent.value.hint

"""Event rows: folds that are cut inside a session, each fit with the state that it has carried since the open."""

from __future__ import annotations

import itertools
import json
from functools import cache

import numpy as np
import pytest

from hfm import tables
from hfm.config import Backtest
from hfm.features import event_features
from hfm.live import predict, snapshot
from hfm.live.node import MarketSpec, Node
from hfm.models import checkpoint
from hfm.models.fold_chooser import FoldChooser
from hfm.tables import MemoryReader
from tests.live.market import Made, batch
from tests.live.test_stream import assert_is_batch, replayed, stream
from tests.train.market import small
from tests.train.test_events import quotes
from tests.train.test_stage import train

Q60 = Backtest(threshold="q60", fill="cross")


@cache
def race() -> Made:
    """An invented book's event rows of an hour and a half, with a small network."""
    table = quotes(1500)
    found, _ = train(table, small(epochs=1, seeds=1))
    document = json.loads(json.dumps(found["train/model.json"]))
    weights = bytes(found["train/model.safetensors"])
    return Made(table, found["train/predictions.parquet"], checkpoint.load(weights, document), {})


@pytest.mark.parametrize("settings", [Q60, Backtest(threshold="0.5", fill="passive", queue=True, cash=2e4)])
def test_a_replay_of_events_is_the_batch_to_the_bit(settings: Backtest) -> None:
    """Every row of every test part, over changes of fit inside the session; rows before them are not answered.

    Trees are a part of some of the fits.
    """
    of = race()
    assert any(name.endswith("floor/share") for name in of.checkpoint.arrays)
    lines = replayed(of, settings)
    assert_is_batch(lines, of, settings)
    assert len({json.loads(line)["model"] for line in lines}) > 2
    assert any(json.loads(line)["position"] for line in lines)


@pytest.mark.parametrize("settings", [Q60, Backtest(threshold="0.5", fill="passive", queue=True, cash=2e4)])
def test_of_a_model_of_one_row_in_k_only_those_are_answered(settings: Backtest) -> None:
    """As the batch has them, to the bit: a position taken at one of them is closed at the next row."""
    table = quotes(1500)
    found, _ = train(table, small(model="logistic", rows=1000))
    document = json.loads(json.dumps(found["train/model.json"]))
    fit = checkpoint.load(bytes(found["train/model.safetensors"]), document)
    of = Made(table, found["train/predictions.parquet"], fit, {})
    assert document["stride"] == tables.header(found["train/predictions.parquet"].schema)["meta"]["stride"] == 2
    lines = replayed(of, settings)
    assert_is_batch(lines, of, settings)
    assert {json.loads(line)["seq"] % 2 for line in lines} == {0}
    assert any(json.loads(line)["target"] for line in lines)


def test_the_newest_row_has_a_forecast_whatever_its_number() -> None:
    """Of a model of one row in k, too."""
    found, _ = train(quotes(1500), small(model="logistic", rows=1000))
    document = json.loads(json.dumps(found["train/model.json"]))
    fit = checkpoint.load(bytes(found["train/model.safetensors"]), document)
    for count in (1399, 1400):
        table = quotes(1500).slice(0, count)
        live = stream(Made(table, found["train/predictions.parquet"], fit, {}), Q60)
        (answer,) = predict.predict(live, MemoryReader(table), 0, lambda _, now: now).answers
        assert answer["p_up"] is not None


def test_a_restart_inside_a_session_changes_nothing() -> None:
    """Wherever it stopped: before the first answer, at a change of fit, at the end."""
    of = race()
    whole = replayed(of, Q60)
    models = [json.loads(line)["model"] for line in whole]
    change = next(i for i in range(1, len(models)) if models[i] != models[i - 1])
    live, lines = stream(of, Q60), list[str]()
    for stop in (0, 1, change - 1, change, change + 1, len(whole)):
        answers = live.replay(MemoryReader(of.quotes))
        while len(lines) < stop:
            lines.append(next(answers))
        kept = snapshot.dump(live, {})
        live = stream(of, Q60)
        snapshot.load(kept, live, {}, "s")
    assert lines == whole
    assert not list(live.replay(MemoryReader(of.quotes)))


def test_a_fit_speaks_of_its_own_stretch_alone() -> None:
    """By time inside the session; of none before the first test part; `final` afterwards."""
    of = race()
    plan = FoldChooser(of.checkpoint.document)
    assert plan.within_sessions
    day = plan.of_session(15_512)
    assert day is not None
    found = {json.loads(line)["seq"]: json.loads(line)["model"] for line in replayed(of, Q60)}
    assert set(found) == {seq for _, _, seq in batch(of, Q60)}
    times = [f["times"]["test"] for f in of.checkpoint.document["folds"] if f["test"]]
    assert all(a[1] < b[0] for a, b in itertools.pairwise(times))
    assert plan.of_session(15_513) == "final"
    assert plan.of_session(15_511) is None


def test_features_of_events_are_those_of_the_model() -> None:
    """The node takes the step that makes them, with its own state."""
    of = race()
    node = Node(of.checkpoint, Q60, MarketSpec.of(MemoryReader(of.quotes).meta))
    assert node.memory.views["features"].dtype == event_features.STATE
    x = node.all_inputs(MemoryReader(of.quotes))
    assert x.shape == (of.quotes.num_rows, len(of.checkpoint.document["features"]["names"]) + 2)
    assert np.isfinite(x[100:]).mean() > 0.95

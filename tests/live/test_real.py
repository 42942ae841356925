"""Thirty sessions of real bars through the stages: the replay is the back-test, whatever interrupts it."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from hfm import tables
from hfm.config import Backtest, Config, Fetch, Simulate
from hfm.features import batch as features
from hfm.fetch import stage as fetch
from hfm.live import snapshot
from hfm.models import checkpoint
from hfm.simulate import stage as simulate
from hfm.stage import Context
from hfm.tables import MemoryReader
from tests.live.market import LEDGER, Q50, Made, batch, keys
from tests.live.test_stream import assert_is_batch, replayed, stream
from tests.train.market import small
from tests.train.test_stage import train

NOW = datetime(2025, 4, 2, tzinfo=UTC)


def thirty(real: Path) -> Made:
    """real30 with a small network, in memory."""
    config = Config(fetch=Fetch(symbols=("SPY",), source="file", path=str(real / "bars" / "spy_5m_30d.csv")))
    bars = pa.concat_tables([p for _, p in fetch.run({}, config, Context("fetch", as_of=NOW))]).unify_dictionaries()
    made = simulate.run({"fetch/bars.parquet": MemoryReader(bars)}, config, Context("simulate", seed=7))
    quotes = pa.concat_tables([p for name, p in made if name == "simulate/quotes.parquet"]).unify_dictionaries()
    found, _ = train(quotes, small(epochs=2))
    document = json.loads(json.dumps(found["train/model.json"]))
    weights = bytes(found["train/model.safetensors"])
    return Made(quotes, found["train/predictions.parquet"], checkpoint.load(weights, document), {})


def assert_features_are_batch(of: Made) -> None:
    """What a stream's model reads of each row it answers is the batch's feature row, and so is every ledger column."""
    names, of_batch = of.checkpoint.document["features"]["names"], batch(of, Q50)
    columns = tables.arrays(of.quotes, features.INPUTS)
    meta = MemoryReader(of.quotes).meta
    states = {s: features.state_new(meta.slots_per_session, meta.interval_s) for s in meta.symbols}
    want = dict(zip(keys(of.quotes), features.compute(columns, states, names), strict=True))
    live = stream(of, Q50)
    for line in live.replay(MemoryReader(of.quotes)):
        key = (json.loads(line)["symbol"], json.loads(line)["session"], json.loads(line)["seq"])
        np.testing.assert_array_equal(live.node.memory.views["x"][: len(names)], want[key])
        np.testing.assert_array_equal([getattr(live.node.result, name) for name in LEDGER], of_batch[key][1])


@pytest.mark.slow
def test_every_out_of_sample_session_of_real30_is_the_batch_after_fifty_restarts(real: Path) -> None:
    """Forecasts, positions and money to the bit."""
    of = thirty(real)
    whole = replayed(of, Q50)
    assert_is_batch(whole, of, Q50)
    assert_features_are_batch(of)
    live, lines = stream(of, Q50), list[str]()
    for stop in sorted(np.random.default_rng(8).choice(len(whole), 50, replace=False)):
        answers = live.replay(MemoryReader(of.quotes))
        while len(lines) < stop:
            lines.append(next(answers))
        kept = snapshot.dump(live, {})
        live = stream(of, Q50)
        snapshot.load(kept, live, {}, "s")
    assert lines + list(live.replay(MemoryReader(of.quotes))) == whole


@cache
def hour_of_amzn(real: Path) -> Made:
    """Event rows of the first hour of AMZN's book on 2012-06-21, with a small network, in memory."""
    config = Config(
        fetch=Fetch(symbols=("AMZN",), source="lobster", path=str(real / "book")), simulate=Simulate(fidelity="replay")
    )
    book = [part for name, part in fetch.run({}, config, Context("fetch", as_of=NOW)) if name == "fetch/book.parquet"]
    inputs = {"fetch/book.parquet": MemoryReader(pa.concat_tables(book).unify_dictionaries())}
    made = simulate.run(inputs, config, Context("simulate", seed=7))
    quotes = pa.concat_tables([p for name, p in made if name == "simulate/quotes.parquet"]).unify_dictionaries()
    time = tables.column_array(quotes["time"])
    quotes = quotes.slice(0, int(np.searchsorted(time, time[0] + 3600 * 10**9)))
    found, _ = train(quotes, small(epochs=1, seeds=1))
    document = json.loads(json.dumps(found["train/model.json"]))
    weights = bytes(found["train/model.safetensors"])
    return Made(quotes, found["train/predictions.parquet"], checkpoint.load(weights, document), {})


@pytest.mark.slow
def test_an_hour_of_amzn_in_event_time_is_the_batch_after_fifty_restarts(real: Path) -> None:
    """Thousands of events, fits that change inside the session, orders that cross the spread: to the bit."""
    of, settings = hour_of_amzn(real), Backtest(threshold="0.55", fill="cross")
    whole = replayed(of, settings)
    assert len(whole) > 3000
    assert_is_batch(whole, of, settings)
    passive = Backtest(threshold="0.5", fill="passive", queue=True, cash=20_000.0)
    assert_is_batch(replayed(of, passive), of, passive)
    live, lines = stream(of, settings), list[str]()
    for stop in sorted(np.random.default_rng(8).choice(len(whole), 50, replace=False)):
        answers = live.replay(MemoryReader(of.quotes))
        while len(lines) < stop:
            lines.append(next(answers))
        kept = snapshot.dump(live, {})
        live = stream(of, settings)
        snapshot.load(kept, live, {}, "s")
    assert lines + list(live.replay(MemoryReader(of.quotes))) == whole

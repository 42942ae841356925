"""Events, trades and snapshots on demand."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from hfm import tables
from hfm.config import Config, Simulate
from hfm.simulate import stage
from hfm.stage import Context
from hfm.tables import MemoryReader
from tests.bars import bar_table


@pytest.fixture(scope="module")
def tables_of() -> dict[str, list[Any]]:
    """Payloads by stem of two symbols' two sessions of four bars, all that there is to ask for."""
    bars = bar_table(2, ("AAA", "BBB"), slots=4)
    config = Config(simulate=Simulate(fidelity="book", events=True, prints=True, snapshots=True))
    found: dict[str, list[Any]] = {}
    for name, payload in stage.run({"fetch/bars.parquet": MemoryReader(bars)}, config, Context("simulate", seed=7)):
        found.setdefault(name.split("/")[1].split(".")[0], []).append(payload)
    return found


def test_trades_are_the_executions_of_the_events(tables_of: dict[str, list[Any]]) -> None:
    """Instant, price, size and side of each, on the book and beside it; a group is a day, whatever the symbols."""
    assert len(tables_of["prints"]) == 2
    prints = tables.arrays(pa.concat_tables(tables_of["prints"]).unify_dictionaries())
    book = tables.arrays(pa.concat_tables(tables_of["book"]).unify_dictionaries())
    event = book["event"].astype(str)
    order = ("session", "symbol", "time")
    for word, lit in (("execute", True), ("execute_hidden", False)):
        rows, ours = np.flatnonzero(event == word), np.flatnonzero(prints["lit"] == lit)
        assert len(rows) > 20
        assert len(ours) <= len(rows)  # one trade may meet several orders
        for name in order:
            assert set(prints[name][ours].tolist()) <= set(book[name][rows].tolist())
        if not lit:
            np.testing.assert_array_equal(book["price"][rows], prints["price"][ours])
            assert (prints["side"][ours] == 0).all()


def test_trades_add_up_to_the_quotes(tables_of: dict[str, list[Any]]) -> None:
    """Volume to the share, signed volume, number of trades."""
    prints = tables.arrays(pa.concat_tables(tables_of["prints"]).unify_dictionaries())
    quotes = tables.arrays(pa.concat_tables(tables_of["quotes"]).unify_dictionaries())
    assert prints["size"].sum() == pytest.approx(quotes["volume"].sum(), rel=1e-12)
    assert (prints["size"] * prints["side"]).sum() == pytest.approx(quotes["signed_volume"].sum(), rel=1e-9)
    assert len(prints["size"]) == quotes["trades"].sum()


def test_snapshots_are_the_book_at_each_second(tables_of: dict[str, list[Any]]) -> None:
    """One a second; the last event's best prices and sizes before it, but for what comes at that very instant."""
    snaps = tables.arrays(pa.concat_tables(tables_of["snapshots"]).unify_dictionaries())
    book = tables.arrays(tables_of["book"][0])
    ours = (snaps["session"] == book["session"][0]) & (snaps["symbol"].astype(str) == str(book["symbol"][0]))
    time = snaps["time"][ours]
    assert len(time) == 4 * 300
    np.testing.assert_array_equal(np.diff(time), 1_000_000_000)
    at = np.searchsorted(book["time"], time[1:], "left") - 1
    for name, column in (
        ("bid", "bid_px_1"),
        ("ask", "ask_px_1"),
        ("depth_bid", "bid_sz_1"),
        ("depth_ask", "ask_sz_1"),
    ):
        agree = np.isclose(snaps[name][ours][1:], book[column][at], rtol=0, atol=1e-9)
        assert agree.mean() > 0.99


def test_nothing_is_written_that_was_not_asked_for() -> None:
    """Quotes, oracle and facts alone."""
    config = Config(simulate=Simulate(fidelity="book"))
    made = stage.run({"fetch/bars.parquet": MemoryReader(bar_table(1, slots=2))}, config, Context("simulate", seed=7))
    assert {name for name, _ in made} == {"simulate/quotes.parquet", "simulate/oracle.parquet", "simulate/facts.json"}

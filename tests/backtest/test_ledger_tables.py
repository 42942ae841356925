"""From columns to the kernel's rows, and from its results to tables: by place, in time order, to the bit."""

from __future__ import annotations

import dataclasses

import numpy as np
import pyarrow as pa
import pytest

from hfm import tables
from hfm.backtest import ledger_tables
from hfm.backtest.family import trial
from hfm.backtest.joined_panel import RESTING, JoinedPanel, panels
from hfm.backtest.sweep.summary_ledger import EDGE, rows_new
from hfm.ledger import ledger_records as rec
from hfm.tables.records import Records, RecordType
from hfm.tables.schema import columns
from tests.backtest import market

NAMES = ["AAA", "BBB"]


def panel_of(quoted: pa.Table, *, resting: bool = True) -> JoinedPanel:
    predicted = market.predictions(quoted, {"lstm": np.linspace(0.1, 0.9, quoted.num_rows)})
    return next(
        panels(tables.MemoryReader(quoted), tables.MemoryReader(predicted), "lstm", NAMES, RESTING if resting else ())
    )


def table_of(panel: JoinedPanel) -> Records:
    n = len(panel.seq)
    out = rows_new(n)
    ledger_tables.kernel_rows(
        panel, np.full(n, 0.01), np.full(n, 1e6), np.full(n, 0.4), ledger_tables.time_order(panel), out
    )
    for name in rec.HOT_ROW.names or ():
        np.testing.assert_array_equal(out.hot[name], out.full[name])
    return out.full


def test_rows_of_several_symbols_come_in_time_order_symbols_of_an_instant_in_theirs() -> None:
    """Two symbols, three sessions, four slots; each instant holds AAA, then BBB."""
    panel = panel_of(market.walk(NAMES, 3, 4))
    table = table_of(panel)
    assert table["symbol"].tolist() == [0, 1] * 12
    assert table["seq"].tolist() == np.repeat(np.tile(np.arange(4), 3), 2).tolist()
    assert (table["sigma_day"] == 0.01).all()
    assert (table["is_last"] == (table["seq"] == 3)).all()
    order = ledger_tables.time_order(panel)
    assert order is not None
    for name in ("mid_open", "ask_close", "trade_low"):
        np.testing.assert_array_equal(table[name], panel.quotes[name][order])
    np.testing.assert_array_equal(table["time"], panel.time[order])
    np.testing.assert_array_equal(table["p_up"], panel.forecasts["p_up"][order])
    assert ledger_tables.time_order(panel_of(market.walk(["AAA"], 3, 4))) is None


def test_what_only_a_resting_order_reads_is_not_known_where_it_was_not_read() -> None:
    """NaN, at which nothing fills; all else is the same."""
    quoted = market.walk(NAMES, 2, 4)
    whole, lean = table_of(panel_of(quoted)), table_of(panel_of(quoted, resting=False))
    places = ["trade_high", "trade_low", "depth_bid", "depth_ask", "signed_volume"]
    assert all(np.isnan(lean[name]).all() for name in places)
    for name in rec.LEDGER_ROW.names or ():
        if name not in (*places, "target"):
            np.testing.assert_array_equal(whole[name], lean[name])


def test_edges_are_the_rows_that_a_sweep_must_look_at() -> None:
    """The first and the last of each session, and those without a price."""
    table = table_of(panel_of(market.walk(["AAA"], 2, 5)))
    table["mid_close"][2] = np.nan
    assert np.flatnonzero(ledger_tables.edges(table)).tolist() == [0, 2, 4, 5, 9]
    assert set(ledger_tables.edges(table).tolist()) == {0, EDGE}


def test_the_ledgers_table_has_the_kernels_columns_in_their_places() -> None:
    """Column by column, whatever the number of rows; signal and reason as integers; the memory is its own."""
    panel = panel_of(market.walk(NAMES, 3, 4))
    out = counted(rec.LEDGER_RESULT, len(panel.seq))
    table = ledger_tables.ledger_table(panel, out, "lstm", "p0.55", tables.TableMeta(model="lstm"))
    tables.check(table, tables.LEDGER)
    before = out.copy()
    out[:] = 0
    for name in out.dtype.names or ():
        np.testing.assert_array_equal(tables.column_array(table.column(name)), before[name])
    assert set(table.column("trial").to_pylist()) == {"p0.55"}


def counted(dtype: RecordType, n: int) -> Records:
    """Records whose fields all differ."""
    out = np.zeros(n, dtype)
    for place, name in enumerate(dtype.names or ()):
        out[name] = (np.arange(n) * 31 + place) % 100
    return out


def test_another_column_of_the_ledger_is_one_line_of_its_schema(monkeypatch: pytest.MonkeyPatch) -> None:
    """Added there, it is a field that the kernel can fill, and stands in the table that is written."""
    more = dataclasses.replace(
        tables.LEDGER, columns=(*tables.LEDGER.columns, *columns("slippage f8 bps price less mid over the mid"))
    )
    monkeypatch.setattr(tables, "LEDGER", more)
    panel = panel_of(market.walk(NAMES, 3, 4))
    out = counted(rec.result_type(more), len(panel.seq))
    table = ledger_tables.ledger_table(panel, out, "lstm", "p0.55", tables.TableMeta())
    tables.check(table, more)
    np.testing.assert_array_equal(tables.column_array(table.column("slippage")), out["slippage"])


def test_trips_are_sorted_by_entry_and_numbered_on() -> None:
    """Session, symbol, seq, then their end; the running number goes on from where it stood."""
    trips = np.zeros(4, rec.ROUND_TRIP)
    trips["session"] = trips["exit_session"] = [5, 4, 4, 4]
    trips["symbol"], trips["seq"] = [0, 1, 0, 0], [0, 0, 7, 2]
    table = ledger_tables.trades_table(ledger_tables.by_entry(trips), 10, "m", "t", NAMES, tables.TableMeta())
    tables.check(table, tables.TRADES)
    assert table.column("symbol").to_pylist() == ["AAA", "AAA", "BBB", "AAA"]
    assert table.column("seq").to_pylist() == [2, 7, 0, 0]
    assert table.column("trade").to_pylist() == [10, 11, 12, 13]


def test_trials_are_one_row_for_each_block_and_policy_by_name() -> None:
    """Sums over capital; exposure over the block's rows."""
    panel = panel_of(market.walk(NAMES, 2, 4))
    trials = [trial("0.55"), trial("q90", user=True)]
    sums = np.zeros((2, 4), rec.BLOCK_SUMS)
    sums["net"][1], sums["held"][1], sums["trips"][1] = 50.0, 400.0, 3.0
    table = ledger_tables.trials_table(panel, trials, sums, {}, 1000.0, NAMES, tables.TableMeta())
    tables.check(table, tables.TRIALS)
    mine = tables.arrays(table.filter(table.column("user")))
    assert mine["net_return"].tolist() == [0.05] * 4
    assert mine["exposure"].tolist() == [0.1] * 4
    assert mine["trips"].tolist() == [3] * 4

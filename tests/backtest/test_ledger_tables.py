"""From columns to the kernel's rows, and from its results to tables: by place, in time order, to the bit."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from hfm import tables
from hfm.backtest import ledger_tables
from hfm.backtest.family import trial
from hfm.backtest.joined_panel import RESTING, Panel, panels
from hfm.backtest.sweep.summary_ledger import rows_new
from hfm.ledger import layout as at
from tests.backtest import market

NAMES = ["AAA", "BBB"]


def panel_of(quoted: pa.Table, *, resting: bool = True) -> Panel:
    predicted = market.predictions(quoted, {"lstm": np.linspace(0.1, 0.9, quoted.num_rows)})
    return next(
        panels(tables.MemoryReader(quoted), tables.MemoryReader(predicted), "lstm", NAMES, RESTING if resting else ())
    )


def table_of(panel: Panel) -> np.ndarray:
    n = len(panel.seq)
    out = rows_new(n)
    ledger_tables.kernel_rows(
        panel, (np.full(n, 0.01), np.full(n, 1e6), np.full(n, 0.4)), ledger_tables.time_order(panel), out
    )
    np.testing.assert_array_equal(out.near, out.whole[:, : at.NEAR])
    return out.whole


def test_rows_of_several_symbols_come_in_time_order_symbols_of_an_instant_in_theirs() -> None:
    """Two symbols, three sessions, four slots; each instant holds AAA, then BBB."""
    panel = panel_of(market.walk(NAMES, 3, 4))
    table = table_of(panel)
    assert table[:, at.R_SYMBOL].tolist() == [0, 1] * 12
    assert table[:, at.R_SEQ].tolist() == np.repeat(np.tile(np.arange(4), 3), 2).tolist()
    assert (table[:, at.R_SIGMA_DAY] == 0.01).all()
    assert (table[:, at.R_LAST] == (table[:, at.R_SEQ] == 3)).all()
    order = ledger_tables.time_order(panel)
    assert order is not None
    for place, name in ((at.R_MID_OPEN, "mid_open"), (at.R_ASK_CLOSE, "ask_close"), (at.R_LOW, "trade_low")):
        np.testing.assert_array_equal(table[:, place], panel.quotes[name][order])
    np.testing.assert_array_equal(table[:, at.R_P_UP], panel.forecasts["p_up"][order])
    assert ledger_tables.time_order(panel_of(market.walk(["AAA"], 3, 4))) is None


def test_what_only_a_resting_order_reads_is_not_known_where_it_was_not_read() -> None:
    """NaN, at which nothing fills; all else is the same."""
    quoted = market.walk(NAMES, 2, 4)
    whole, lean = table_of(panel_of(quoted)), table_of(panel_of(quoted, resting=False))
    places = [at.R_HIGH, at.R_LOW, at.R_DEPTH_BID, at.R_DEPTH_ASK, at.R_SIGNED]
    assert np.isnan(lean[:, places]).all()
    rest = [place for place in range(at.ROW) if place not in places]
    np.testing.assert_array_equal(whole[:, rest], lean[:, rest])


def test_edges_are_the_rows_that_a_sweep_must_look_at() -> None:
    """The first and the last of each session, and those without a price."""
    table = table_of(panel_of(market.walk(["AAA"], 2, 5)))
    table[2, at.R_MID_CLOSE] = np.nan
    assert np.flatnonzero(ledger_tables.edges(table)).tolist() == [0, 2, 4, 5, 9]
    assert set(ledger_tables.edges(table).tolist()) == {0, at.EDGE}


def test_the_ledgers_table_has_the_kernels_columns_in_their_places() -> None:
    """Column by column, whatever the number of rows; signal and reason as integers; the memory is its own."""
    panel = panel_of(market.walk(NAMES, 3, 4))
    out = np.arange(len(panel.seq) * at.OUT, dtype=float).reshape(-1, at.OUT)
    out[:, at.O_SIGNAL] = 1.0
    table = ledger_tables.ledger_table(panel, out, ("lstm", "p0.55"), tables.TableMeta(model="lstm"))
    tables.check(table, tables.LEDGER)
    kept = out.copy()
    out[:] = -5.0
    for place, name in enumerate(tables.LEDGER.names[6:]):
        np.testing.assert_array_equal(tables.column_array(table.column(name)), kept[:, place])
    assert set(table.column("trial").to_pylist()) == {"p0.55"}


def test_trips_are_sorted_by_entry_and_numbered_on() -> None:
    """Session, symbol, seq, then their end; the running number goes on from where it stood."""
    trips = np.zeros((4, at.TRADE))
    trips[:, at.T_SESSION] = trips[:, at.T_EXIT_SESSION] = [5, 4, 4, 4]
    trips[:, at.T_SYMBOL], trips[:, at.T_SEQ] = [0, 1, 0, 0], [0, 0, 7, 2]
    table = ledger_tables.trades_table(ledger_tables.by_entry(trips), 10, ("m", "t"), NAMES, tables.TableMeta())
    tables.check(table, tables.TRADES)
    assert table.column("symbol").to_pylist() == ["AAA", "AAA", "BBB", "AAA"]
    assert table.column("seq").to_pylist() == [2, 7, 0, 0]
    assert table.column("trade").to_pylist() == [10, 11, 12, 13]


def test_trials_are_one_row_for_each_block_and_policy_by_name() -> None:
    """Sums over capital; exposure over the block's rows."""
    panel = panel_of(market.walk(NAMES, 2, 4))
    trials = [trial("0.55"), trial("q90", user=True)]
    sums = np.zeros((2, 4, at.SUMS))
    sums[1, :, at.SUM_NET], sums[1, :, at.SUM_HELD], sums[1, :, at.SUM_TRIPS] = 50.0, 400.0, 3.0
    table = ledger_tables.trials_table(panel, trials, sums, {}, 1000.0, NAMES, tables.TableMeta())
    tables.check(table, tables.TRIALS)
    mine = tables.arrays(table.filter(table.column("user")))
    assert mine["net_return"].tolist() == [0.05] * 4
    assert mine["exposure"].tolist() == [0.1] * 4
    assert mine["trips"].tolist() == [3] * 4


def test_holding_runs_from_the_open_after_the_first_prediction_to_the_last_price() -> None:
    """0 for a block whose only prediction is in its last row, and where a price is missing at either end."""
    quoted = market.walk(["AAA"], 3, 4)
    keep = np.ones(12, bool)
    keep[[0, 4, 5, 6]] = False
    predicted = market.predictions(quoted, {"lstm": 0.5}, keep)
    panel = next(panels(tables.MemoryReader(quoted), tables.MemoryReader(predicted), "lstm", ["AAA"]))
    q = panel.quotes
    expected = [q["mid_close"][3] / q["mid_open"][2] - 1, 0.0, q["mid_close"][11] / q["mid_open"][9] - 1]
    assert ledger_tables.hold(panel).tolist() == pytest.approx(expected)

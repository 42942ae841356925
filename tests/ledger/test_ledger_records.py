"""The ledger's records: names that the tables have, true integers, no dtype that depends on the number of symbols."""

from __future__ import annotations

import numpy as np

from hfm import tables
from hfm.backtest.sweep.summary_ledger import EDGE
from hfm.config import Backtest
from hfm.ledger import ledger_records as rec
from hfm.ledger.account import params_new, state_new
from hfm.orders.order_records import ORDER


def test_a_row_begins_with_what_pnl_alone_reads() -> None:
    """The same fields in the same places, in one line of the cache."""
    names = rec.HOT_ROW.names or ()
    assert (rec.LEDGER_ROW.names or ())[: len(names)] == names
    assert [rec.LEDGER_ROW.fields[n][1] for n in names] == [rec.HOT_ROW.fields[n][1] for n in names]  # type: ignore[index]
    assert rec.HOT_ROW.itemsize == 64
    assert sorted(place for _, place, *_ in (rec.LEDGER_ROW.fields or {}).values()) == list(range(0, 224, 8))


def test_results_are_the_columns_of_the_ledgers_table() -> None:
    """In its order, all but the key and the words."""
    assert list(rec.LEDGER_RESULT.names or ()) == tables.LEDGER.names[6:]
    assert rec.LEDGER_RESULT["reason"] == np.int32


def test_what_is_counted_is_an_integer() -> None:
    """Numbers of symbols, sessions, rows and instants, and reason bits."""
    for dtype, names in (
        (rec.LEDGER_ROW, "symbol session seq time time_open block"), (rec.LEDGER_BOOK, "session stopped_session halt"),
        (rec.LEDGER_SYMBOL, "session rows trip_side"), (ORDER, "state decided entry_row queue_side"),
        (rec.ROUND_TRIP, "symbol session seq time exit_session exit_time bars reason side"),
    ):  # fmt: skip
        assert {dtype[name].kind for name in names.split()} == {"i"}


def test_no_dtype_depends_on_the_number_of_symbols() -> None:
    """State and parameters are one record a symbol: a kernel is compiled once."""
    few, many = state_new(1.0, 1), state_new(1.0, 3)
    assert [part.dtype for part in few] == [part.dtype for part in many]
    assert len(many.symbol) == len(many.order) == 3
    params = params_new(Backtest(), 3, (0.1, 0.2, 0.3))
    assert params["tick"].tolist() == [0.1, 0.2, 0.3]
    assert params.dtype == params_new(Backtest(), 1, 0.1).dtype


def test_no_field_hides_behind_an_attribute_of_numpys_records() -> None:
    """`row.size` would be NumPy's own in plain Python."""
    for name in ("LEDGER_ROW", "PARAMS", "LEDGER_BOOK", "LEDGER_SYMBOL", "LEDGER_RESULT", "ROUND_TRIP", "BLOCK_SUMS"):
        dtype = getattr(rec, name)
        assert [field for field in dtype.names if hasattr(np.void, field)] == []


def test_an_edge_can_be_told_from_every_side() -> None:
    """Codes are a side -1, 0, 1 and EDGE or not: six different numbers, those with EDGE above 1."""
    codes = {side + edge for side in (-1, 0, 1) for edge in (0, EDGE)}
    assert len(codes) == 6
    assert all((code > 1) == (code - EDGE in (-1, 0, 1)) for code in codes)

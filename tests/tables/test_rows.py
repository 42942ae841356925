"""Row groups have exactly their schema, in order, or are refused with the reason."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from hfm import tables
from hfm.errors import DataError
from hfm.tables import rows


def bars(sessions: int = 3, slots: int = 4, symbols: tuple[str, ...] = ("SPY",), **changes: Any) -> pa.Table:
    """A small ordered bars group."""
    n = sessions * slots * len(symbols)
    day = np.repeat(np.arange(sessions), slots * len(symbols))
    seq = np.tile(np.arange(slots), sessions * len(symbols))
    columns: dict[str, Any] = {
        "symbol": np.tile(np.repeat(np.array(symbols, object), slots), sessions),
        "session": day.astype("datetime64[D]"),
        "seq": seq, "time": (day * 86_400 + seq * 300) * 10**9, "open": 1.0, "high": 2.0, "low": 0.5,
        "close": np.linspace(1, 2, n), "volume": 100.0, "is_last": seq == slots - 1,
    }  # fmt: skip
    return tables.build(tables.BARS, columns | changes, tables.TableMeta(source="test"), "observed")


def test_a_built_group_passes_its_own_check_and_says_where_it_comes_from() -> None:
    """Types, order, units, provenance, meta."""
    group = bars(symbols=("A", "B"))
    tables.check(group, tables.BARS)
    assert tables.header(group.schema)["meta"] == {"source": "test"}
    assert set(tables.provenance(group.schema).values()) == {"observed"}
    assert group.schema.field("open").metadata[b"unit"] == b"currency"


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"seq": np.array([0, 1, 1, 3] * 3)}, "row 2"),
        ({"seq": np.array([3, 2, 1, 0] * 3)}, "row 1"),
        ({"symbol": np.array(["B"] * 11 + ["A"], object)}, "row 11"),
    ],
)
def test_disorder_and_doubles_are_found_at_their_row(changes: dict[str, Any], says: str) -> None:
    """A join on such a table would be wrong in silence."""
    with pytest.raises(DataError, match=says):
        tables.check(bars(**changes), tables.BARS)


def test_a_null_a_wrong_type_or_a_missing_column_is_found() -> None:
    """The schema is exact."""
    group = bars()
    nulls = group.set_column(4, "open", pa.array([None] + [1.0] * 11))
    words = group.set_column(4, "open", pa.array(["x"] * 12))
    for broken, says in ((nulls, "nulls"), (words, "double"), (group.drop_columns(["open"]), "columns")):
        with pytest.raises(DataError, match=says):
            tables.check(broken, tables.BARS)


def test_an_unknown_or_forgotten_column_is_a_bug_at_once() -> None:
    """KeyError, at the line that built it."""
    with pytest.raises(KeyError):
        bars(sprad=1.0)
    with pytest.raises(KeyError):
        tables.build(tables.BARS, {"symbol": "SPY"})


def test_columns_come_back_as_plain_arrays() -> None:
    """Dates as days, times as int64 ns, words as str, null labels as -1."""
    group = bars()
    got = tables.arrays(group, ["symbol", "session", "time"])
    assert got["symbol"][0] == "SPY"
    assert got["session"].dtype == "datetime64[D]"
    assert got["time"].dtype == np.int64
    assert tables.column_array(pa.chunked_array([pa.array([1, None, 0], pa.int8())])).tolist() == [1, -1, 0]


@pytest.mark.parametrize("values", [
    np.arange(5.0), np.array([np.nan, 1.0]), np.arange(10)[::3], np.array([1, -1, 0], np.int8),
    np.array([True, False, True] * 7), np.array(["2024-01-02", "1969-12-31"], "datetime64[D]"), np.empty(0),
])  # fmt: skip
def test_arrays_become_columns_and_come_back_without_pandas(values: np.ndarray) -> None:
    """By their buffers, also from the middle of a table; NaN stays NaN."""
    made = rows.fixed(values)
    assert made.null_count == 0
    assert made.equals(pa.array(values)) or np.isnan(values.astype(float)).any()
    np.testing.assert_array_equal(tables.column_array(pa.chunked_array([made])), values)
    np.testing.assert_array_equal(tables.column_array(pa.chunked_array([made.slice(1)])), values[1:])
    assert rows.strings(["a", "", "äb"]).to_pylist() == ["a", "", "äb"]


@pytest.mark.parametrize(("made", "values"), [
    (pa.array([3, None, -1, 7], pa.int8()), [3, -1, -1, 7]),
    (pa.array([5, None, None, 2**40], pa.int64()), [5, -1, -1, 2**40]),
    (pa.array([10**18, None, 0, None], pa.int64()).cast(pa.timestamp("ns", tz="UTC")),
     [10**18, np.iinfo(np.int64).min, 0, np.iinfo(np.int64).min]),
    (pa.array(["b", None, "a", "b"]).dictionary_encode(), ["b", None, "a", "b"]),
])  # fmt: skip
def test_nulls_have_a_value_of_their_own_also_in_parts_of_a_table(made: pa.Array, values: list[object]) -> None:
    """-1, the least time, no word; whole, cut, and in several pieces of which one has no null."""
    for at in (0, 1, 3):
        assert tables.column_array(pa.chunked_array([made.slice(at)])).tolist() == values[at:]
    pieces = pa.chunked_array([made.slice(0, 1), made.slice(1)])
    assert tables.column_array(pieces).tolist() == values


def test_a_value_that_is_not_known_is_null_and_its_neighbours_are_not() -> None:
    """Numbers by their mask, times by NaT, words by None; with all known there is no mask at all."""
    known = np.arange(19) % 3 > 0
    for values in (np.arange(19.0), np.arange(19).astype(np.int8), known, np.arange(19).astype("datetime64[D]")):
        made = rows.fixed(values, known)
        assert made.equals(pa.array(values, mask=~known))
        assert rows.fixed(values, known | True).buffers()[0] is None
    group = bars(symbol=np.array(["B", None, "A", "B"] * 3, object), time=np.array([0, "NaT"] * 6, "datetime64[ns]"))
    assert group.column("symbol").to_pylist() == ["B", None, "A", "B"] * 3
    assert group.column("symbol").chunk(0).dictionary.to_pylist() == ["B", "A"]
    assert group.column("time").null_count == 6


def test_building_and_reading_tables_imports_neither_pandas_nor_scipys_algebra() -> None:
    """Each would cost every command a fifth of a second and more."""
    code = """
import sys, numpy as np
from hfm import tables
from hfm.config import Backtest
from hfm.ledger import ledger_records as rec
from hfm.orders import step
from hfm.ledger.account import params_new, state_new
step.loop(state_new(1e6, 1), params_new(Backtest(), 1, 0.01), np.zeros(1, rec.LEDGER_ROW),
                np.zeros(1, rec.LEDGER_RESULT), np.zeros(4, rec.ROUND_TRIP))
made = tables.build(tables.SCORES, {"model": "m", "fold": 0, "task": "t", "metric": "a", "value": np.ones(2),
                                    "se": 0.0, "n": 1, "floor": np.nan, "floor_label": "b"})
tables.arrays(made)
column = tables.fixed(np.arange(3), np.array([True, False, True]))
tables.column_array(tables.rows.pa.chunked_array([column]))
words = np.array(["a"], object)
tables.build(tables.HISTORY, {c.name: words if c.kind == "word" else 0 for c in tables.HISTORY.columns})
heavy = {"pandas", "scipy.linalg", "torch", "pyarrow.compute"} & set(sys.modules)
assert not heavy, heavy
"""
    subprocess.run([sys.executable, "-c", code], check=True)


def test_blocks_are_the_borders_of_each_session_and_symbol() -> None:
    """Also where the words' codes are not in order."""
    group = bars(sessions=2, slots=3, symbols=("A", "B"))
    assert tables.blocks(group).tolist() == [0, 3, 6, 9, 12]
    assert tables.blocks(group, ("session",)).tolist() == [0, 6, 12]
    assert tables.blocks(group.slice(0, 0)).tolist() == [0]


@pytest.mark.parametrize("rows", [1, 4, 5, 8, 100])
def test_splitting_keeps_every_row_and_whole_sessions(rows: int) -> None:
    """The pieces are the table again, and none cuts a session."""
    group = bars(sessions=5)
    parts = list(tables.split_sessions(group, rows))
    assert pa.concat_tables(parts).equals(group)
    assert all(p.num_rows % 4 == 0 for p in parts)
    assert all(p.num_rows <= max(rows, 4) for p in parts)


@pytest.mark.parametrize("name", list(tables.TABLES))
def test_every_table_has_an_empty_form_that_passes(name: str) -> None:
    """A stage with nothing to say still writes its table."""
    tables.check(tables.empty(tables.TABLES[name]), tables.TABLES[name])

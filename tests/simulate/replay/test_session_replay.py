"""One session part by part: what is given when, and what it says of itself."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest

from hfm import artifacts, tables
from hfm.simulate.replay import session_replay
from hfm.simulate.replay.flow_sample import FlowSample
from hfm.simulate.replay.session_replay import SessionKey, SessionReplay
from tests.orderbook import DAY, NAN, OPEN, SECOND, book_meta, book_table
from tests.simulate.replay.test_stage import wild

KEY = SessionKey("XYZ", np.datetime64("2012-06-21"), OPEN, OPEN + 3600 * SECOND)


def new(every: int | None = None) -> SessionReplay:
    """Before the session's first event."""
    about = replace(book_meta(("XYZ",)), every="event" if every is None else "1s")
    return SessionReplay(KEY, every, FlowSample(0.01, 12), about, 0.01)


def quotes(replay: SessionReplay, book: pa.Table, rows: int) -> list[pa.Table]:
    """All groups of quotes, of parts of so many events."""
    found = []
    for i in range(0, book.num_rows, rows):
        for name, table in replay.take(book.slice(i, rows), 1, i + rows >= book.num_rows):
            if name == artifacts.QUOTES:
                found.append(table)
    return found


def test_nothing_is_given_before_a_group_is_full(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each group but the last has GROUP_ROWS rows at least; numbers go on; only the session's last row may be last."""
    monkeypatch.setattr(session_replay, "GROUP_ROWS", 100)
    replay, book = new(), wild(900, 3)
    found = quotes(replay, book, 30)
    assert len(found) > 2
    assert min(group.num_rows for group in found[:-1]) >= 100
    table = pa.concat_tables(found)
    assert replay.rows == table.num_rows
    np.testing.assert_array_equal(table["seq"].to_numpy(), np.arange(table.num_rows))
    last = tables.column_array(table["is_last"])
    assert last.tolist() == [False] * (table.num_rows - 1) + [True]
    close, opens = (tables.column_array(table[name]) for name in ("mid_close", "mid_open"))
    np.testing.assert_array_equal(opens[1:], close[:-1])


def test_a_session_that_never_has_two_sides_has_no_rows() -> None:
    """What came before the first quote with two sides is kept until it comes."""
    one_sided = [(k / 10, "add", 1, 9.0, 5.0, 9.0, 5.0, NAN, 0.0) for k in range(5)]
    replay = new()
    assert quotes(replay, book_table(one_sided), 2) == []
    assert replay.states is None
    assert replay.rows == 0
    late = [*one_sided, *DAY]
    (table,) = quotes(new(), book_table(late), 3)
    (whole,) = quotes(new(), book_table(late), len(late))
    assert table.num_rows == whole.num_rows > 0
    for name in whole.column_names:
        np.testing.assert_array_equal(*(tables.column_array(t[name]) for t in (table, whole)), err_msg=name)


def test_a_session_says_how_long_it_is() -> None:
    """And only the forecast sd is no observation."""
    assert KEY.length == 3600 * SECOND
    said = session_replay.provenance()
    assert {name for name, of in said.items() if of == "estimated"} == {"sigma_bps"}

"""Sessions as tasks: what is counted of them, and the order in which they are taken."""

from __future__ import annotations

import dataclasses

import numpy as np
import pyarrow as pa
import pytest

from hfm.config import Simulate
from hfm.simulate.bars import bar_stream
from hfm.simulate.book import book_session, book_tape, session_tasks
from hfm.simulate.moments import Moments
from hfm.simulate.spread_model import DEPTH_SPY
from hfm.stage import Context
from hfm.tables import MemoryReader, arrays
from tests.bars import bar_table
from tests.simulate.book.test_book_tape import played

BARS = bar_table(2, ("AAA", "BBB"), slots=3)


def test_bars_are_counted_by_what_they_lack() -> None:
    """One that was made again, one silent, one of fewer shares than its four prices need."""
    bar = dataclasses.replace(played([]), events=7)
    one = book_session.BookSession(np.arange(3), [bar] * 3, np.array([100.0, 0.0, 3.0]), 1.0, 0, 10, 100)
    counts = session_tasks.BookCounts()
    counts.add(one, np.array([True, False, False]))
    counts.add(one, np.array([True, True, True]))
    assert (counts.sessions, counts.bars, counts.equal, counts.silent, counts.thin, counts.events) == (
        2,
        6,
        4,
        2,
        2,
        42,
    )


def test_sessions_come_day_by_day_and_their_rows_stand_where_the_bars_do() -> None:
    """Every row of the group is filled once; tables of a day stand together; progress is told a day at a time."""
    sim = Simulate(fidelity="book", prints=True)
    seen: list[tuple[str, int, int]] = []
    ctx = Context("simulate", seed=7, progress=lambda what, done, total, *_: seen.append((what, done, total)))
    reader = MemoryReader(BARS)
    settings = bar_stream.settings(reader, sim, ctx)
    ((group, per_symbol),) = bar_stream.simulate_groups(reader, settings, ctx)
    columns = {name: np.full(group.num_rows, np.nan) for name in book_tape.COLUMNS}
    results = session_tasks.SessionSums(columns, Moments(), session_tasks.BookCounts())
    made = list(session_tasks.sessions(group, per_symbol, settings, results, reader.meta, ctx))
    np.testing.assert_array_equal(columns["trade_close"], arrays(BARS)["close"])
    assert results.moments.sessions == 2  # two symbols of a day are one cluster
    assert (results.counts.sessions, results.counts.equal) == (4, BARS.num_rows)
    assert [name for name, _ in made] == ["simulate/prints.parquet"] * 2
    for day, (_, table) in zip(np.unique(arrays(BARS)["session"]), made, strict=True):
        assert isinstance(table, pa.Table)
        assert set(arrays(table)["session"]) == {day}
        assert list(dict.fromkeys(arrays(table)["symbol"])) == ["AAA", "BBB"]
    assert seen == [("sessions", 1, 2), ("sessions", 2, 2)]


@pytest.mark.parametrize("depth", [None, 50.0])
def test_a_session_has_the_depth_of_the_calibration_or_of_spy(depth: float | None) -> None:
    """Invented bars are like SPY; a constant stands above that."""
    constants = {} if depth is None else {"depth": depth}
    ctx, reader = Context("simulate", seed=7), MemoryReader(BARS)
    settings = bar_stream.settings(reader, Simulate(fidelity="book", constants=constants), ctx)
    ((group, per_symbol),) = bar_stream.simulate_groups(reader, settings, ctx)
    tasks = list(session_tasks._tasks_of(group, per_symbol, settings, reader.meta))
    assert {task.depth for task in tasks} == {depth or DEPTH_SPY}
    assert [(task.of.grid.symbol, task.s) for task in tasks] == [("AAA", 0), ("BBB", 0), ("AAA", 1), ("BBB", 1)]
    assert sorted(np.concatenate([task.rows for task in tasks])) == list(range(BARS.num_rows))

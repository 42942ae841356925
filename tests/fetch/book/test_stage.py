"""The fetch stage of order books, and as a user types it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from hfm import tables
from hfm.errors import DataError, HfmError, UsageError
from hfm.fetch.book import stage as books
from hfm.plugins import BarRequest
from hfm.raw_data import RawBook
from hfm.stage import Context
from tests.command import hfm
from tests.fetch.book.test_book_events import book
from tests.fetch.flow import flow, refile
from tests.fetch.sources.test_lobster import write

REQUEST = BarRequest(
    symbols=("XYZ",), interval_s=300, calendar="XNYS", as_of=datetime(2030, 1, 1, tzinfo=UTC), path="p"
)


class Given:
    """A source that gives what it is told to."""

    network = False
    synthetic = False
    calendar: str | None = None

    def __init__(self, *results: tuple[str, RawBook | HfmError]) -> None:
        self.results = results

    def books(self, request: BarRequest, ctx: Context) -> Iterator[tuple[str, RawBook | HfmError]]:
        """As told."""
        yield from self.results


def at(day: str) -> RawBook:
    """The events of `book` after 09:30 in New York."""
    opening = np.datetime64(f"{day}T15:00", "ns").astype(np.int64)
    return replace(book(), session=np.datetime64(day), time=book().time + opening)


def test_what_the_table_says_of_itself_grows_to_the_whole() -> None:
    """Quality sums over sessions, the tick is the finest, notes come once; the last header has it all."""
    first, later = (replace(at(day), notes=("told",)) for day in ("2024-03-01", "2024-03-04"))
    ctx = Context("fetch")
    source = Given(("XYZ", first), ("ABC", replace(later, estimated=True)), ("XYZ", replace(later, tick=0.005)))
    groups = [group for _, group in books.run(source, "given", REQUEST, ctx)]
    metas = [tables.header(group.schema)["meta"] for group in groups]
    assert [meta["symbols"] for meta in metas] == [["XYZ"], ["ABC", "XYZ"], ["ABC", "XYZ"]]
    assert metas[-1]["quality"]["XYZ"]["rows"] == 8
    assert metas[-1]["quality"]["XYZ"]["sessions"] == 2
    assert metas[-1]["tick"] == {"ABC": 0.01, "XYZ": 0.005}
    assert metas[-1]["rebuilt"] == ["ABC"]
    assert metas[-1]["notes"] == {"ABC": ["told"], "XYZ": ["told"]}
    assert (metas[-1]["source"], metas[-1]["synthetic"], metas[-1]["levels"]) == ("given", False, 1)
    assert ctx.figures["events"] == 12
    assert any("crossed after 2 of 8" in text for text in ctx.warnings)


def test_a_day_without_a_session_is_warned_of() -> None:
    """A Saturday in New York; not where the calendar is 24/7."""
    ctx = Context("fetch")
    list(books.run(Given(("XYZ", at("2024-03-02"))), "given", REQUEST, ctx))
    assert ctx.warnings[0] == "2024-03-02 is no session of XNYS"
    source, ctx = Given(("XYZ", at("2024-03-02"))), Context("fetch")
    source.calendar = "24/7"
    list(books.run(source, "given", REQUEST, ctx))
    assert not any("no session" in text for text in ctx.warnings)


def test_nothing_left_is_an_error_and_something_lost_a_loss() -> None:
    """The source's own error where it is the only answer; the horizon's where all lies after it."""
    wrong = DataError("XYZ: line 5 is cut", hint="again")
    with pytest.raises(DataError, match="line 5"):
        list(books.run(Given(("XYZ", wrong)), "given", REQUEST, Context("fetch")))
    early = replace(REQUEST, as_of=datetime(2020, 1, 1, tzinfo=UTC))
    with pytest.raises(DataError, match="up to 2020"):
        list(books.run(Given(("XYZ", at("2024-03-01"))), "given", early, Context("fetch")))
    with pytest.raises(DataError, match="no events"):
        list(books.run(Given(), "given", REQUEST, Context("fetch")))
    ctx = Context("fetch")
    list(books.run(Given(("ABC", at("2024-03-01")), ("XYZ", wrong)), "given", REQUEST, ctx))
    assert ctx.losses == ["XYZ is left out: XYZ: line 5 is cut"]


def test_a_span_cannot_be_asked_of_files() -> None:
    """Days and sessions are chosen by choosing files."""
    for more in ({"days": 3}, {"sessions": 2}):
        with pytest.raises(UsageError, match="whole files"):
            list(books.run(Given(), "given", replace(REQUEST, **more), Context("fetch")))  # type: ignore[arg-type]


def test_a_book_is_fetched_from_the_command_line(tmp_path: Path) -> None:
    """A symbol that is cut is exit 7, the other's path is printed; the next command says what it needs instead."""
    made = flow(seed=1, events=100, level=2)
    write(tmp_path, made, 2, "GOOD")
    write(tmp_path, refile(made, orderbook=made.orderbook[:-20]), 2, "BAD")
    done = hfm("fetch", "good", "BAD", "--source", "lobster", "--path", tmp_path, "--run", "one", cwd=tmp_path)
    assert done.code == 7
    assert done.out == f"{Path('runs', 'one', 'fetch', 'book.parquet')}\n"
    assert "BAD is left out" in done.err
    assert "line 100" in done.err
    assert pq.ParquetFile(tmp_path / done.out.strip()).metadata.num_rows == 100
    done = hfm("simulate", "--run", "one", cwd=tmp_path)
    assert done.code == 2
    assert "order book" in done.err

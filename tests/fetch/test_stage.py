"""The stage: request, grid, losses, metadata, row groups."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import numpy as np
import pytest

from hfm import plugins, tables
from hfm.config import Config, Fetch
from hfm.errors import ConfigError, DataError, HfmError, RateLimitError, UsageError
from hfm.fetch import stage
from hfm.instants import parse_instant
from hfm.plugins import BarRequest, RawBars
from hfm.stage import Context
from tests.fetch.drive import AS_OF, fetch, frame, raw, week

SEEN: list[BarRequest] = []


class Scripted:
    """A source that gives what a test put into `answers`."""

    network = False
    synthetic = False
    answers: dict[str, RawBars | HfmError] = {}  # noqa: RUF012  # set whole by each test

    def fetch(self, request: BarRequest, ctx: Context) -> Iterator[tuple[str, RawBars | HfmError]]:
        SEEN.append(request)
        yield from self.answers.items()


@pytest.fixture
def answers(monkeypatch: pytest.MonkeyPatch) -> dict[str, RawBars | HfmError]:
    """What the source `scripted` gives."""
    monkeypatch.setitem(plugins.REGISTRY["sources"], "scripted", "tests.fetch.test_stage:Scripted")
    found = plugins.find("sources", "scripted")
    found.answers = {}
    return found.answers


def part(rows: slice, seed: int = 1) -> RawBars:
    bars = raw(week(), seed)
    return RawBars(*(getattr(bars, n)[rows] for n in ("time", "open", "high", "low", "close", "volume")))


def test_rows_are_ordered_by_session_symbol_and_slot_and_know_the_last(answers: dict[str, RawBars | HfmError]) -> None:
    """Two symbols, five sessions; is_last only where the calendar's last slot is there."""
    answers.update({"B": raw(week()), "A": part(slice(0, 389), 2)})
    got = fetch(source="scripted")
    assert got.column("symbol")[:79].tolist() == ["A"] * 78 + ["B"]
    last = got.column("is_last")
    assert last.sum() == 9
    assert (got.column("seq")[last] == 77).all()
    assert tables.provenance(got.bars.schema)["open"] == "observed"


def test_the_metadata_say_what_the_bars_are(answers: dict[str, RawBars | HfmError]) -> None:
    """Calendar, zone, slots of a day and a year, symbols, notes, quality."""
    answers["SPY"] = raw(week())
    meta = fetch(source="scripted").meta
    assert (meta["calendar"], meta["tz"], meta["interval_s"]) == ("XNYS", "America/New_York", 300)
    assert (meta["slots_per_session"], meta["slots_per_year"], meta["sessions_per_year"]) == (78, 19_506.0, 251.0)
    assert (meta["source"], meta["synthetic"], meta["symbols"]) == ("scripted", False, ["SPY"])
    assert meta["quality"]["SPY"]["present"] == 390


def test_one_bad_symbol_is_named_and_spoils_no_other(answers: dict[str, RawBars | HfmError]) -> None:
    """A vendor's error, too many holes: left out by name, the rest committed."""
    answers.update({"SPY": raw(week()), "NOPE": DataError("NOPE: delisted", hint="x"), "HOLE": part(slice(0, 390, 2))})
    got = fetch(source="scripted")
    assert got.meta["symbols"] == ["SPY"]
    assert [loss.split(" is left out")[0] for loss in got.ctx.losses] == ["NOPE", "HOLE"]
    assert "misses 50.00% of the bars in its 5 sessions, the limit is 5.00%" in got.ctx.losses[1]


def test_the_adjustment_of_a_symbol_that_a_vendor_failed_today_spoils_no_other(
    answers: dict[str, RawBars | HfmError],
) -> None:
    """It is kept for the day on which the symbol is there again; one of a symbol that was not asked for is refused."""
    answers.update({"SPY": raw(week()), "NVDA": DataError("NVDA: no answer", hint="x")})
    got = fetch(source="scripted", adjust=("NVDA:2026-03-04=10",))
    assert got.meta["symbols"] == ["SPY"]
    with pytest.raises(ConfigError, match="not there"):
        fetch(source="scripted", adjust=("QQQ:2026-03-04=10",))


def test_with_no_symbol_left_the_error_is_the_vendors(answers: dict[str, RawBars | HfmError]) -> None:
    """One symbol: its own error. Several: their reasons once, and the kind of the first."""
    answers["SPY"] = RateLimitError("SPY: Yahoo answers 429", hint="wait")
    with pytest.raises(RateLimitError, match=r"^SPY: Yahoo answers 429$"):
        fetch(source="scripted")
    answers["QQQ"] = RateLimitError("QQQ: Yahoo answers 429", hint="wait")
    with pytest.raises(RateLimitError, match="none of 2 symbols is left: SPY, QQQ: Yahoo"):
        fetch(source="scripted")
    answers.clear()
    with pytest.raises(DataError, match="no bars at all"):
        fetch(source="scripted")


def test_the_warnings_of_a_source_are_said_once_for_all_symbols_that_have_them(
    answers: dict[str, RawBars | HfmError],
) -> None:
    """Also where rows before the span are dropped."""
    a, b = replace(raw(week()), warnings=("prices are odd",)), replace(raw(week(), 2), warnings=("prices are odd",))
    answers.update({"A": a, "B": b, "C": raw(week(), 3)})
    assert fetch(source="scripted", sessions=2).ctx.warnings == ["A, B: prices are odd"]


def test_bars_outside_the_sessions_alone_are_no_bars_and_counted(answers: dict[str, RawBars | HfmError]) -> None:
    """The reason names what the rows were."""
    night = raw(week())
    answers["SPY"] = RawBars(
        night.time + 8 * 3600 * 10**9, night.open, night.high, night.low, night.close, night.volume
    )
    with pytest.raises(DataError, match="has no usable bar") as e:
        fetch(source="scripted")
    assert "390 rows: 390 outside the sessions" in e.value.why


def test_many_rows_come_in_groups_of_whole_sessions(
    answers: dict[str, RawBars | HfmError], monkeypatch: pytest.MonkeyPatch
) -> None:
    """About GROUP_ROWS rows each; the writer finds them in order and never within a session."""
    monkeypatch.setattr(tables, "GROUP_ROWS", 200)
    answers.update({"A": raw(week()), "B": raw(week(), 2)})
    groups = [g for _, g in stage.run({}, Config(fetch=Fetch(source="scripted")), Context("fetch", as_of=AS_OF))]
    assert [g.num_rows for g in groups] == [156, 156, 156, 156 * 2]
    joined = np.concatenate([tables.column_array(g.column("session")) for g in groups])
    assert len(np.unique(joined)) == sum(len(np.unique(tables.column_array(g.column("session")))) for g in groups)


@pytest.mark.parametrize("symbol", ["../../etc", "", "x" * 33, "A B", "€", "-x", "a/b", "SPY\n"])
def test_a_name_that_is_no_symbol_is_a_usage_error(symbol: str) -> None:
    """Paths, blanks, ten kilobytes, emoji: exit 2, cut to one line."""
    with pytest.raises(UsageError, match="is not a symbol"):
        fetch(source="synthetic", symbols=(symbol,))


def test_a_live_source_needs_a_symbol_and_one_span() -> None:
    """Exit 2 for neither and for both."""
    with pytest.raises(UsageError, match="needs a symbol"):
        fetch(source="synthetic")
    with pytest.raises(UsageError, match="exclude each other"):
        fetch(source="synthetic", symbols=("SPY",), days=3, sessions=3)
    with pytest.raises(UsageError, match="yaho"):
        fetch(source="yaho", symbols=("SPY",))


@pytest.mark.parametrize(
    ("text", "last"),
    [
        ("2026-03-06T15:02:00Z", "2026-03-06T15:00:00Z"),
        ("2026-03-06 15:02", "2026-03-06T15:00:00Z"),
        ("2026-03-06T10:02-05:00", "2026-03-06T15:00:00Z"),
        ("2026-03-06", "2026-03-05T21:00:00Z"),
    ],
)
def test_as_of_stands_for_now(text: str, last: str) -> None:
    """With a zone, or UTC; bars that end later are not there."""
    assert fetch(source="synthetic", symbols=("SPY",), days=5).quality()["last"] == "2026-03-13T20:00:00Z"
    early = fetch(source="synthetic", symbols=("SPY",), days=5, as_of=parse_instant(text))
    assert early.quality()["last"] == last


def test_no_session_in_the_days_asked_for_is_said() -> None:
    """One day back from a Sunday."""
    with pytest.raises(DataError, match="no usable bar in the last 1 days"):
        fetch(source="synthetic", symbols=("SPY",), days=1, as_of=datetime(2026, 3, 15, 12, tzinfo=UTC))


def test_the_zone_of_the_caller_changes_nothing() -> None:
    """The same instant in Tokyo's clock."""
    tokyo = AS_OF.astimezone(timezone(timedelta(hours=9)))
    one, other = (fetch(source="synthetic", symbols=("SPY",), days=5, as_of=t) for t in (AS_OF, tokyo))
    assert one.bars.equals(other.bars)


def test_symbols_that_begin_and_end_elsewhere_are_warned_of(
    tmp_path: Path, answers: dict[str, RawBars | HfmError]
) -> None:
    """A whole file: each symbol's own span, no loss."""
    answers.update({"A": raw(week()), "B": part(slice(78, 312))})
    got = fetch(source="scripted")
    assert not got.ctx.losses
    assert got.ctx.warnings == [
        "B: first session 2026-03-03, others 2026-03-02",
        "B: last session 2026-03-05, others 2026-03-06",
    ]
    assert got.quality("B")["gap"] == 0
    assert frame(raw(week())).shape == (390, 6)

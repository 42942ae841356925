"""Network sources through the archive, with a vendor that is a function of time."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from hfm import plugins
from hfm.config import Config, Fetch
from hfm.errors import DataError, HfmError, LockedError, UpstreamError
from hfm.fetch import sessions, stage
from hfm.fetch.archive import month_files
from hfm.fetch.archive.overlap import scaled
from hfm.instants import DAY_NS, SECOND_NS, instant_ns
from hfm.plugins import BarRequest, RawBars
from hfm.stage import Context
from tests.fetch.archive.test_month_files import tree
from tests.fetch.drive import Fetched, fetch, raw, week

YEAR = week(first="2025-10-01", last="2026-03-13")
"""Half a year with both clock changes (2 November, 8 March) and two half days (28 November, 24 December)."""
TRUTH = {"SPY": raw(YEAR, 1), "QQQ": raw(YEAR, 2)}
ASKED: list[tuple[str, str]] = []
"""(symbol, first instant asked for) of each request."""


class Vendor:
    """Keeps sixty calendar days; has what TRUTH has, times `ratio`; fails where a test says so."""

    network = True
    synthetic = False
    kept = {300: 60}  # noqa: RUF012  # a constant
    ratio = 1.0
    change: dict[int, float] = {}  # noqa: RUF012  # row -> factor of its close; set whole by each test
    broken: HfmError | None = None

    def fetch(self, request: BarRequest, ctx: Context) -> Iterator[tuple[str, RawBars | HfmError]]:
        until = instant_ns(request.as_of)
        wanted = sessions.recent(request.calendar, 300, until, request.days, request.sessions)
        for symbol in request.symbols:
            since = (request.since or {}).get(symbol)
            start = max(int(wanted.open[0]) if since is None else instant_ns(since), until - 60 * DAY_NS)
            ASKED.append((symbol, str(np.datetime64(start, "ns"))[:16]))
            if self.broken is not None:
                yield symbol, self.broken
                continue
            if symbol not in TRUTH:
                yield symbol, DataError(f"{symbol}: unknown", hint="x")
                continue
            bars = TRUTH[symbol]
            close = bars.close.copy()
            for row, factor in self.change.items():
                close[row] *= factor
            bars = RawBars(bars.time, bars.open, np.maximum(bars.high, close), bars.low, close, bars.volume)
            rows = np.flatnonzero((bars.time > start) & (bars.time - 300 * SECOND_NS <= until))
            yield symbol, scaled(bars.take(rows), self.ratio)


@pytest.fixture
def vendor(monkeypatch: pytest.MonkeyPatch) -> type[Vendor]:
    """The vendor as new."""
    monkeypatch.setitem(plugins.REGISTRY["sources"], "vendor", "tests.fetch.archive.test_network:Vendor")
    found: type[Vendor] = plugins.find("sources", "vendor")
    monkeypatch.setattr(found, "ratio", 1.0)
    monkeypatch.setattr(found, "change", {})
    monkeypatch.setattr(found, "broken", None)
    _asked().clear()
    return found


def _asked() -> list[tuple[str, str]]:
    """The requests, in the module that the registry imports."""
    import sys

    return sys.modules[plugins.find("sources", "vendor").__module__].ASKED  # type: ignore[no-any-return]  # a module


def get(home: Path, day: str, symbols: tuple[str, ...] = ("SPY",), **settings: object) -> Fetched:
    """A fetch at 21:30 UTC of `day`."""
    as_of = datetime.fromisoformat(f"{day}T21:30:00+00:00")
    return fetch(as_of=as_of, archive=home, source="vendor", symbols=symbols, **settings)


def test_daily_fetches_build_one_gapless_archive_that_outgrows_the_vendor(tmp_path: Path, vendor: type[Vendor]) -> None:
    """Sixty weekdays of --days 5: every bar once, beyond the vendor's sixty days; then nothing is asked."""
    day = datetime(2025, 12, 22, tzinfo=UTC)
    while day <= datetime(2026, 3, 13, tzinfo=UTC):
        if day.weekday() < 5:
            get(tmp_path, f"{day:%Y-%m-%d}", days=5)
        day += timedelta(days=1)
    span = (TRUTH["SPY"].time > np.datetime64("2025-12-18T13:30", "ns").astype(int)) & (
        TRUTH["SPY"].time < np.datetime64("2026-03-14", "ns").astype(int)
    )
    have = month_files.read(month_files.folder(tmp_path, "vendor", "SPY", 300))
    assert (have.time == TRUTH["SPY"].time[span]).all()
    assert (have.close == TRUTH["SPY"].close[span]).all()
    _asked().clear()
    got = get(tmp_path, "2026-03-13", days=84)
    assert _asked() == []
    assert got.quality()["gap"] == 0
    assert not got.ctx.losses
    assert got.meta["notes"]["SPY"] == ["all from the archive"]


def test_only_what_is_missing_is_asked_for_with_two_sessions_before(tmp_path: Path, vendor: type[Vendor]) -> None:
    """Monday's fetch after Thursday's asks from Wednesday on; a day in progress is asked for again."""
    get(tmp_path, "2026-03-05", days=10)
    get(tmp_path, "2026-03-09", days=10)
    assert _asked()[1] == ("SPY", "2026-03-04T14:30")
    noon = datetime(2026, 3, 10, 16, tzinfo=UTC)
    fetch(as_of=noon, archive=tmp_path, source="vendor", symbols=("SPY",), days=10)
    got = get(tmp_path, "2026-03-10", days=10)
    assert _asked()[3] == ("SPY", "2026-03-06T14:30")
    assert got.quality()["gap"] == 0
    assert "30 new" not in got.meta["notes"]["SPY"][0]


def test_a_pause_is_filled_from_the_archives_last_bar_on(tmp_path: Path, vendor: type[Vendor]) -> None:
    """Three weeks without cron, then --days 3: the archive has no gap, and a split in between is seen."""
    get(tmp_path, "2026-02-13", days=10)
    get(tmp_path, "2026-03-06", days=3)
    have = month_files.read(month_files.folder(tmp_path, "vendor", "SPY", 300))
    assert _asked()[1] == ("SPY", "2026-02-12T14:30")
    span = (TRUTH["SPY"].time >= have.time[0]) & (TRUTH["SPY"].time <= have.time[-1])
    assert (have.time == TRUTH["SPY"].time[span]).all()
    vendor.ratio = 0.5
    with pytest.raises(DataError, match="times what they were"):
        get(tmp_path, "2026-03-13", days=3)


def test_a_bar_is_archived_once_it_has_settled(tmp_path: Path, vendor: type[Vendor]) -> None:
    """Five minutes after the close the last fifteen are handed on but not archived; half an hour later they are."""
    early = datetime(2026, 3, 6, 21, 5, tzinfo=UTC)
    got = fetch(as_of=early, archive=tmp_path, source="vendor", symbols=("SPY",), days=3)
    assert got.quality()["gap"] == 0
    where = month_files.folder(tmp_path, "vendor", "SPY", 300)
    assert str(np.datetime64(int(month_files.read(where).time[-1]), "ns"))[:16] == "2026-03-06T20:45"
    get(tmp_path, "2026-03-06", days=3)
    assert str(np.datetime64(int(month_files.read(where).time[-1]), "ns"))[:16] == "2026-03-06T21:00"


def test_what_the_vendor_no_longer_keeps_is_not_asked_for(tmp_path: Path, vendor: type[Vendor]) -> None:
    """100 days asked, 60 kept: the lost sessions are named, and the second time nothing is asked."""
    first = get(tmp_path, "2026-03-06", days=100)
    assert "sessions without a bar" in first.ctx.losses[0]
    assert get(tmp_path, "2026-03-06", days=100).ctx.losses == first.ctx.losses
    assert len(_asked()) == 1


@pytest.mark.parametrize("kind", ["upstream", "split", "another"])
def test_a_failure_leaves_the_archives_bytes_as_they_were(tmp_path: Path, vendor: type[Vendor], kind: str) -> None:
    """An error of the vendor, a split, another instrument: its exit code, not one byte changed."""
    get(tmp_path, "2026-03-05")
    before = tree(tmp_path / "bars")
    if kind == "upstream":
        vendor.broken = UpstreamError("SPY: down", hint="x")
    elif kind == "split":
        vendor.ratio = 0.5
    else:
        vendor.change = dict(enumerate(np.exp(np.random.default_rng(0).normal(0, 0.05, len(TRUTH["SPY"].time)))))
    with pytest.raises(UpstreamError if kind == "upstream" else DataError):
        get(tmp_path, "2026-03-06")
    assert tree(tmp_path / "bars") == before


def test_a_split_is_taken_over_with_rebase(tmp_path: Path, vendor: type[Vendor]) -> None:
    """The whole archive is scaled, journalled, and daily fetches go on."""
    get(tmp_path, "2026-03-05", days=60)
    vendor.ratio = 0.5
    got = get(tmp_path, "2026-03-06", days=60, rebase=True)
    assert got.ctx.events == [{"event": "rebase", "symbol": "SPY", "ratio": 0.5}]
    have = month_files.read(month_files.folder(tmp_path, "vendor", "SPY", 300))
    assert have.close.max() < 0.6 * TRUTH["SPY"].close.max()
    assert not got.ctx.losses
    assert get(tmp_path, "2026-03-09").quality()["moves"] == 0


def test_a_revised_bar_is_reported_and_the_first_value_stays(tmp_path: Path, vendor: type[Vendor]) -> None:
    """In the warnings, the notes and the journal."""
    get(tmp_path, "2026-03-05")
    row = int(np.searchsorted(TRUTH["SPY"].time, np.datetime64("2026-03-05T18:00", "ns").astype(np.int64)))
    vendor.change = {row: 1.003}
    got = get(tmp_path, "2026-03-06")
    assert "1 bars are revised by the vendor (first 2026-03-05T18:00:00Z)" in got.ctx.warnings[0]
    assert TRUTH["SPY"].close[row] in got.column("close")


def test_one_unknown_symbol_spoils_no_other_and_leaves_no_folder(tmp_path: Path, vendor: type[Vendor]) -> None:
    """Exit 7, the rest archived."""
    got = get(tmp_path, "2026-03-06", ("SPY", "NOPE"))
    assert got.ctx.losses == ["NOPE is left out: unknown"]
    assert [p.name for p in (tmp_path / "bars/source=vendor").iterdir()] == ["symbol=SPY"]


def test_a_damaged_month_is_that_symbols_error_alone(tmp_path: Path, vendor: type[Vendor]) -> None:
    """QQQ goes on."""
    get(tmp_path, "2026-03-05", ("SPY", "QQQ"))
    path = month_files.folder(tmp_path, "vendor", "SPY", 300) / "2026-03.parquet"
    path.write_bytes(path.read_bytes()[:-5])
    got = get(tmp_path, "2026-03-06", ("SPY", "QQQ"))
    assert got.meta["symbols"] == ["QQQ"]
    assert "is damaged" in got.ctx.losses[0]


def test_a_symbol_in_other_hands_is_locked(tmp_path: Path, vendor: type[Vendor]) -> None:
    """Exit 9 before a request is made."""
    with month_files.locked(tmp_path, "vendor", "SPY", 0), pytest.raises(LockedError):
        get(tmp_path, "2026-03-06")
    assert _asked() == []


def test_sources_and_files_never_mix_under_one_symbol(tmp_path: Path, vendor: type[Vendor]) -> None:
    """Synthetic bars of SPY leave the archive of SPY alone, and are not taken from it."""
    get(tmp_path, "2026-03-05")
    before = tree(tmp_path / "bars")
    made = fetch(archive=tmp_path, source="synthetic", symbols=("SPY",))
    assert tree(tmp_path / "bars") == before
    assert made.meta["synthetic"] is True
    assert not np.isin(made.column("close"), TRUTH["SPY"].close).all()


def test_a_dry_run_says_what_would_be_asked_and_asks_nothing(tmp_path: Path, vendor: type[Vendor]) -> None:
    """Held and missing sessions; no request, no file."""
    get(tmp_path, "2026-03-05", days=10)
    before, asked = tree(tmp_path), len(_asked())
    ctx = Context("fetch", as_of=datetime(2026, 3, 9, 21, 30, tzinfo=UTC), archive=tmp_path)
    stage.dry(Config(fetch=Fetch(symbols=("SPY", "QQQ"), source="vendor", days=10)), ctx)
    assert ctx.lines[0] == "SPY: 4 sessions archived, 2 missing; vendor is asked from 2026-03-04T14:30Z on"
    assert ctx.figures["QQQ"]["missing"][0] == "2026-03-02"
    assert (tree(tmp_path), len(_asked())) == (before, asked)
    ctx = Context("fetch", as_of=ctx.as_of)
    stage.dry(Config(fetch=Fetch(symbols=("SPY",), source="synthetic")), ctx)
    assert ctx.lines[0].startswith("SYNTHETIC: 30 calendar days gave")


def test_a_span_without_a_session_asks_for_nothing_that_the_archive_knows(
    tmp_path: Path, vendor: type[Vendor], monkeypatch: pytest.MonkeyPatch
) -> None:
    """One day back from a Sunday: the source is left to say so, in its own words."""
    refusal = DataError("SPY: no session is asked for", hint="more --days")
    monkeypatch.setattr(vendor, "fetch", lambda self, request, ctx: iter([("SPY", refusal)]))
    with pytest.raises(DataError, match="no session"):
        get(tmp_path, "2025-03-16", days=1)
    assert not list(tmp_path.rglob("*.parquet"))

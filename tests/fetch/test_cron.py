"""The archive as cron builds it: the real client, the stand-in, and everything that goes wrong on the way."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pyarrow.dataset as ds
import pytest

from hfm.fetch.archive import month_files
from hfm.fetch.sessions import sessions
from hfm.instants import SECOND_NS
from tests.command import hfm
from tests.fetch.archive.test_month_files import tree
from tests.fetch.child import Child, start
from tests.yahoo import Yahoo

THURSDAY, FRIDAY = "2026-03-12T20:30:00+00:00", "2026-03-13T20:30:00+00:00"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Yahoo]:
    """One stand-in for the module."""
    with Yahoo(tmp_path_factory.mktemp("yahoo"), THURSDAY) as found:
        yield found


@pytest.fixture(scope="module")
def shared(server: Yahoo) -> Iterator[Child]:
    """One child for the module, quiet to its end."""
    child = start(server.env())
    child.ask(symbols=["QQQ"], now=THURSDAY)
    yield child
    assert child.end() == ""


@pytest.fixture
def yahoo(server: Yahoo, shared: Child, tmp_path: Path) -> Yahoo:
    """Friday, with an archive of five days up to Thursday."""
    server.reset(THURSDAY)
    assert shared.ask(now=THURSDAY, home=str(tmp_path))["code"] == 0
    server.reset(FRIDAY)
    return server


def at(text: str) -> int:
    return int(np.datetime64(text, "s").astype(np.int64))


@pytest.mark.parametrize(
    ("what", "code"),
    [(401, 5), (404, 4), (422, 4), (429, 6), (500, 5), ("html", 5), ("truncated", 5), ("reset", 5), ("empty", 4)],
)
def test_a_scripted_failure_leaves_the_archives_bytes(
    yahoo: Yahoo, shared: Child, tmp_path: Path, what: int | str, code: int
) -> None:
    """Whatever Yahoo sends instead of bars."""
    before = tree(tmp_path)
    yahoo.script("chart", what, times=100)
    assert shared.ask(now=FRIDAY, home=str(tmp_path), max_time=0.6)["code"] == code
    assert tree(tmp_path) == before


@pytest.mark.parametrize("what", [429, "truncated"])
def test_a_failure_that_passes_extends_the_archive_by_one_day(
    yahoo: Yahoo, shared: Child, tmp_path: Path, what: int | str
) -> None:
    """Seventy-eight new bars, two requests, from two sessions before the missing one on."""
    yahoo.script("chart", what)
    said = shared.ask(now=FRIDAY, home=str(tmp_path), max_time=60)
    assert said["code"] == 0
    assert said["notes"]["SPY"] == ["312 bars archived before, 78 new"]
    assert [entry["query"]["period1"] for entry in yahoo.log if entry["kind"] == "chart"] == [
        str(at("2026-03-11T13:30"))
    ] * 2


def test_a_second_fetch_of_the_same_day_asks_nothing(yahoo: Yahoo, shared: Child, tmp_path: Path) -> None:
    """The archive has it all."""
    shared.ask(now=FRIDAY, home=str(tmp_path))
    count = yahoo.count("chart")
    said = shared.ask(now=FRIDAY, home=str(tmp_path))
    assert (said["code"], yahoo.count("chart"), said["notes"]["SPY"]) == (0, count, ["all from the archive"])


def test_a_live_last_bar_is_not_archived_before_it_is_over(yahoo: Yahoo, shared: Child, tmp_path: Path) -> None:
    """At 15:32 UTC the bar that ends at 15:35 is not there; at the close it is, with its final values."""
    noon = "2026-03-13T15:32:00+00:00"
    yahoo.now = noon
    said = shared.ask(now=noon, home=str(tmp_path))
    assert said["quality"]["SPY"]["last"] == "2026-03-13T15:30:00Z"
    yahoo.now = FRIDAY
    assert shared.ask(now=FRIDAY, home=str(tmp_path))["quality"]["SPY"]["gap"] == 0


def test_a_split_inside_the_overlap_is_refused_until_rebase(yahoo: Yahoo, shared: Child, tmp_path: Path) -> None:
    """2:1 on Friday: exit 4 with the flag, bytes as they were; with --rebase one scale from end to end."""
    before = tree(tmp_path)
    yahoo.split = ("2026-03-13", 2.0)
    said = shared.ask(now=FRIDAY, home=str(tmp_path))
    assert said["code"] == 4
    assert "split of 2:1" in said["lines"][1]
    assert "--rebase" in said["lines"][2]
    assert tree(tmp_path) == before
    said = shared.ask(now=FRIDAY, home=str(tmp_path), rebase=True)
    assert said["code"] == 0
    assert np.ptp(said["close"][:312]) < 50 < 200 < min(said["close"][:312]) < 300


def test_a_price_in_another_unit_is_dropped_from_a_vendor_too(yahoo: Yahoo, shared: Child, tmp_path: Path) -> None:
    """A bar at a hundred times its price, and half a session later the newest one at a hundredth: exit 7, by name."""
    yahoo.factor = {at("2026-03-13T14:30"): 100.0, at("2026-03-13T19:55"): 0.01}
    said = shared.ask(now=FRIDAY, home=str(tmp_path))
    assert said["quality"]["SPY"]["rejected"] == {"level": 2}
    assert said["code"] == 7


def test_a_revised_a_null_a_shifted_and_a_lost_bar_in_the_overlap(yahoo: Yahoo, shared: Child, tmp_path: Path) -> None:
    """The archive's first-seen bars stand; each oddity is counted; the new day is appended."""
    first = at("2026-03-12T13:30")
    yahoo.factor, yahoo.null, yahoo.shift, yahoo.drop = {first: 1.01}, {first + 300}, {first + 600: 17}, {first + 900}
    said = shared.ask(now=FRIDAY, home=str(tmp_path))
    quality = said["quality"]["SPY"]
    assert said["warnings"][0].startswith("SPY: 1 bars are revised by the vendor (first 2026-03-12T13:35:00Z)")
    assert (quality["empty"], quality["rejected"], quality["gap"]) == (1, {"off_grid": 1}, 0)
    assert said["code"] == 7


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_sixty_daily_commands_build_one_gapless_archive_and_a_later_one_asks_nothing(
    server: Yahoo, tmp_path: Path
) -> None:
    """`hfm fetch SPY QQQ --days 5 --as-of ...` as cron types it; then a run over eighty days without a request."""
    server.reset(THURSDAY)
    day, last, count = datetime(2025, 12, 22, 21, 30, tzinfo=UTC), datetime(2026, 3, 13, 21, 30, tzinfo=UTC), 0
    while day <= last:
        if day.weekday() < 5:
            server.now = day.isoformat()
            options = ("--days", 5, "--as-of", day.isoformat(), "--home", tmp_path, "-q")
            done = hfm("fetch", "SPY", "QQQ", *options, cwd=tmp_path, env=server.env())
            assert (done.code, done.err) == (0, "")
            count += 1
        day += timedelta(days=1)
    assert count == 60
    asked = server.count("chart")
    options = ("--days", 80, "--as-of", last.isoformat(), "--home", tmp_path, "--run", "all", "--set", "train.epochs=2")
    done = hfm("run", "SPY", *options, cwd=tmp_path, env=server.env())
    assert done.code == 0, done.err
    assert server.count("chart") == asked
    over = sessions("XNYS", 300, "2025-12-18", "2026-03-13")
    index = np.repeat(np.arange(len(over)), over.slots)
    seq = np.concatenate([np.arange(n) for n in over.slots])
    table = ds.dataset(tmp_path / "data" / "bars", format="parquet", partitioning="hive").to_table()
    for symbol in ("SPY", "QQQ"):
        have = month_files.read(month_files.folder(tmp_path / "data", "yahoo", symbol, 300))
        assert (have.time == over.slot_end(index, seq)).all()
    assert table.num_rows == 2 * len(index)
    assert over.close[0] // SECOND_NS

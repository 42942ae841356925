"""Times as vendors write them: the bars are the true ones, or the file is refused with what helps."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hfm.arrays import Int
from hfm.errors import DataError, HfmError
from hfm.fetch.sessions import Sessions
from hfm.instants import SECOND_NS
from hfm.plugins import RawBars
from tests.fetch.drive import Fetched, fetch, raw, week
from tests.fetch.faults.clocks import ABBREVIATED, STYLES, WALL, Labels, clock_columns

LATER = datetime(2027, 1, 1, tzinfo=UTC)
VALUES = ("open", "high", "low", "close", "volume")
MINUTE = 60 * SECOND_NS


def truth(over: Sessions) -> tuple[RawBars, Int]:
    """(bars in every slot in which one is due, where each begins)."""
    bars = raw(over)
    keep = over.holding(bars.time)[1]
    bars = RawBars(*(getattr(bars, name)[keep] for name in ("time", *VALUES)))
    index, seq, _, _ = over.grid(bars.time)
    return bars, over.open[index] + seq * over.interval


def write(path: Path, bars: RawBars, starts: Int, style: str, zone: str, labels: Labels = "start") -> dict[str, object]:
    """A CSV of the bars; gives the settings that it needs."""
    columns, needed = clock_columns(bars.time, starts, style, zone, labels)
    if labels == "inclusive":
        columns = {"close_time" if name == "time" and len(columns) == 1 else name: c for name, c in columns.items()}
    pd.DataFrame({**columns, **{name: getattr(bars, name) for name in VALUES}}).to_csv(path, index=False)
    return needed


def take(
    path: Path, interval: str = "5m", symbol: str = "SPY", as_of: str | None = None, **settings: object
) -> Fetched:
    """The stage's product for a file."""
    later = LATER if as_of is None else datetime.fromisoformat(as_of).replace(tzinfo=UTC)
    return fetch(later, symbols=(symbol,), source="file", path=str(path), interval=interval, **settings)


def same(got: Fetched, bars: RawBars) -> bool:
    """Whether the bars are exactly the true ones."""
    return all(np.array_equal(got.column(name), getattr(bars, name)) for name in ("time", *VALUES))


def typed(hint: str) -> dict[str, object]:
    """The settings of the first alternative of a `next:` line that is to be typed."""
    words = hint.split(", or ")[0].split()
    names = {"--tz": "tz", "--label": "label", "--interval": "interval", "--as-of": "as_of"}
    if words[0] == "--set":
        section, _, value = words[1].partition("=")
        return {section.removeprefix("fetch."): value}
    return {names[words[0]]: words[1]}


OVER = week(first="2026-03-02", last="2026-03-13")
"""Two weeks, the clock change of New York between them."""
BARS, STARTS = truth(OVER)


@pytest.mark.parametrize("style", STYLES)
def test_each_style_of_times_gives_the_true_bars_or_a_refusal_that_says_why(tmp_path: Path, style: str) -> None:
    """A1 to A3, I1, I6, I9, H11 and their kin. A week whose days are all up to the 12th leaves day and month open."""
    needed = write(tmp_path / "a.csv", BARS, STARTS, style, "America/New_York")
    got = take(tmp_path / "a.csv", **needed)
    assert same(got, BARS)
    assert not got.ctx.losses
    assert not got.ctx.warnings
    if style not in WALL and style not in ("ms", "us", "ns"):
        other = take(tmp_path / "a.csv", tz="Asia/Tokyo")
        assert same(other, BARS)
        assert any("--tz Asia/Tokyo is not needed and not used" in note for note in other.meta["notes"]["SPY"])


@pytest.mark.parametrize("name", ["A1_postgres_offset_new_york.csv", "A3_iso_basic_utc.csv", "I6_ib_zone_name.csv"])
def test_the_zone_in_the_times_of_the_collection_is_used(real: Path, name: str) -> None:
    """A1, A3, I6: 390 bars, the first ends 13:35Z with 470.10, the last 460.97 and 73,343."""
    for asked in (None, "America/New_York", "Asia/Tokyo"):
        _clean(take(real / "faults" / name, tz=asked))


def _clean(got: Fetched, losses: int = 0) -> None:
    """The bars are those of the collection's clean twin."""
    assert got.bars.num_rows == 390
    assert got.column("time")[0] == np.datetime64("2024-03-18T13:35", "ns").astype(np.int64)
    assert (got.column("close")[0], got.column("close")[-1], got.column("volume")[-1]) == (470.10, 460.97, 73_343)
    assert len(got.ctx.losses) == losses


def test_the_offset_of_a_coin_is_used_whatever_tz_says(real: Path) -> None:
    """A2: the first bar ends 01:00Z, the last at midnight."""
    got = take(
        real / "faults/A2_postgres_offset_btc_1h.csv", "1h", calendar="24/7", label="start", tz="America/New_York"
    )
    ends = [np.datetime64(int(t), "ns").astype("datetime64[s]") for t in got.column("time")[[0, -1]]]
    assert [str(end) for end in ends] == ["2024-03-18T01:00:00", "2024-03-28T00:00:00"]
    assert got.bars.num_rows == 240


@pytest.mark.parametrize(
    ("name", "settings"),
    [
        ("I1_tradestation_hhmm.csv", {"tz": "America/New_York"}),
        ("I9_yyyymmddhhmm.csv", {"tz": "America/New_York"}),
        ("H11_date_and_minute_columns.csv", {"tz": "America/New_York", "map": {"clock": "minute"}}),
        ("H5_close_time_4_59_999.csv", {}),
        ("clean_5m.csv", {}),
    ],
)
def test_digits_clock_columns_and_inclusive_ends_of_the_collection_are_read(
    real: Path, name: str, settings: dict[str, object]
) -> None:
    """I1, I9, H11, H5 are the clean twin."""
    _clean(take(real / "faults" / name, **settings))


def test_whole_numbers_in_parquet_are_calendar_times_too(tmp_path: Path) -> None:
    """202403180930 as int64 is no epoch of 1976; 20240318093000 none of any year."""
    local = pd.DatetimeIndex(STARTS).tz_localize("UTC").tz_convert("America/New_York")
    for pattern in ("%Y%m%d%H%M", "%Y%m%d%H%M%S"):
        table = pd.DataFrame({"t": local.strftime(pattern).astype("int64"), **{n: getattr(BARS, n) for n in VALUES}})
        table.to_parquet(tmp_path / "a.parquet")
        assert same(take(tmp_path / "a.parquet", tz="America/New_York"), BARS)


@pytest.mark.parametrize("labels", ["start", "end", "inclusive"])
@pytest.mark.parametrize("style", ["ms", "us", "comma"])
def test_the_side_of_the_stamps_is_found(tmp_path: Path, style: str, labels: Labels) -> None:
    """H5: a close_time of x:04:59.999 is the bar's end."""
    write(tmp_path / "a.csv", BARS, STARTS, style, "America/New_York", labels)
    assert same(take(tmp_path / "a.csv"), BARS)


def test_the_columns_name_tells_the_side_where_no_session_does(tmp_path: Path) -> None:
    """A market that never closes: open_time and close_time say it, a timestamp does not."""
    over = week("24/7", 3600)
    bars, starts = truth(over)
    values = {name: getattr(bars, name) for name in VALUES}
    for column, times in (("open_time", starts), ("close_time", bars.time), ("close_time", bars.time - 10**6)):
        pd.DataFrame({column: times // 10**6, **values}).to_csv(tmp_path / "a.csv", index=False)
        assert same(take(tmp_path / "a.csv", "1h", calendar="24/7"), bars)
    pd.DataFrame({"timestamp": starts // 10**6, **values}).to_csv(tmp_path / "a.csv", index=False)
    with pytest.raises(DataError, match="fit bars labelled at their start and at their end"):
        take(tmp_path / "a.csv", "1h", calendar="24/7")


def _opening(bars: RawBars, starts: Int, flat: bool) -> tuple[RawBars, Int]:
    """End labels, and beside them the print (or a bar) of the opening auction, stamped at the open."""
    first = np.flatnonzero(np.isin(starts, OVER.open))
    at = np.repeat(bars.open[first][:, None], 4, 1) + (0.0 if flat else np.array([0.0, 0.05, -0.05, 0.02]))
    parts = [np.concatenate([getattr(bars, n), at[:, k]]) for k, n in enumerate(VALUES[:4])]
    volume = np.concatenate([bars.volume, np.full(len(first), 250_000.0)])
    time = np.concatenate([bars.time, OVER.open])
    order = np.argsort(time, kind="stable")
    return RawBars(time[order], *(p[order] for p in parts), volume[order]), time[order]


def test_an_opening_print_beside_end_labels_is_no_bar(tmp_path: Path) -> None:
    """E1: 79 stamps a session, of which that at the open has one price: the labels are ends."""
    bars, _ = _opening(BARS, STARTS, True)
    write(tmp_path / "a.csv", bars, bars.time, "iso", "America/New_York", "end")
    got = take(tmp_path / "a.csv")
    assert same(got, BARS)
    assert got.quality()["outside"] == 10


def test_79_stamps_that_fit_both_labels_are_refused_with_the_options(tmp_path: Path) -> None:
    """The bar at the open is like any other: only the user knows."""
    bars, _ = _opening(BARS, STARTS, False)
    write(tmp_path / "a.csv", bars, bars.time, "iso", "America/New_York", "end")
    with pytest.raises(DataError, match="10 have one at the open and 10 at the close") as e:
        take(tmp_path / "a.csv")
    assert e.value.hint == "--label start, or --label end"
    assert same(take(tmp_path / "a.csv", label="end"), BARS)


def test_the_closing_print_of_a_start_labelled_file_is_no_bar(tmp_path: Path) -> None:
    """The mirror: a stamp of one price at the close."""
    first = OVER.close
    values = [np.concatenate([getattr(BARS, n), np.full(len(first), 100.0)]) for n in VALUES]
    bars = RawBars(np.concatenate([STARTS, first]), *values)
    write(tmp_path / "a.csv", bars, bars.time, "iso", "America/New_York", "start")
    assert same(take(tmp_path / "a.csv"), BARS)


def test_the_opening_print_of_the_collection(real: Path) -> None:
    """E1: last close 465.46 with 586,744."""
    got = take(real / "faults/E1_end_labels_with_opening_print_5m.csv")
    assert (got.column("close")[-1], got.column("volume")[-1], got.bars.num_rows) == (465.46, 586_744, 390)


@pytest.mark.parametrize(
    ("calendar", "minutes_before", "side"),
    [
        ("XNYS", 0.4, "start"),
        ("XNYS", 7.3, "start"),
        ("XNYS", 0.4, "end"),
        ("XTKS", 242.5, "start"),
        ("24/7", 1, "start"),
    ],
)
def test_a_quote_off_the_grid_replaces_no_bar(
    tmp_path: Path, calendar: str, minutes_before: float, side: Labels
) -> None:
    """F1: wherever in the session it is stamped, also before a lunch break, in the last bar: off grid, exit 7."""
    bars, starts = truth(week(calendar))
    write(tmp_path / "a.csv", bars, starts, "iso", "UTC", side)
    stamp = np.datetime64(int(bars.time[-1] - minutes_before * MINUTE), "ns")
    with (tmp_path / "a.csv").open("a") as file:
        file.write(f"{stamp}+00:00,101,101,101,101,0\n")
    got = take(tmp_path / "a.csv", calendar=calendar, label=side)
    assert same(got, bars)
    assert got.quality()["rejected"] == {"off_grid": 1}
    assert "off grid" in got.ctx.losses[0]


def test_the_live_quote_of_the_collection(real: Path) -> None:
    """F1."""
    _clean(take(real / "faults/F1_live_quote_in_the_last_bar.csv"), losses=1)


def test_a_quote_on_the_grid_gives_way_to_the_bar_and_is_warned_of(tmp_path: Path) -> None:
    """A doubled stamp of one price without volume is no newer bar."""
    write(tmp_path / "a.csv", BARS, STARTS, "iso", "UTC")
    with (tmp_path / "a.csv").open("a") as file:
        file.write(f"{np.datetime64(int(STARTS[-1]), 'ns')}+00:00,101,101,101,101,0\n")
    got = take(tmp_path / "a.csv")
    assert same(got, BARS)
    assert got.ctx.warnings == ["SPY: 1 of 1 doubled bars disagree; the newest with volume is kept"]


@pytest.mark.parametrize("asked", ["America/New_York", "UTC", "Europe/London"])
@pytest.mark.parametrize("true", ["America/Chicago", "UTC", "Asia/Tokyo", "America/New_York"])
def test_the_clock_of_another_zone_is_told_by_its_zone(tmp_path: Path, true: str, asked: str) -> None:
    """H1: the hint is --tz with the zone that fits, and it works; --max-gap never."""
    if true == asked or {true, asked} == {"UTC", "Europe/London"}:
        return
    write(tmp_path / "a.csv", BARS, STARTS, "plain", true)
    with pytest.raises(DataError) as e:
        take(tmp_path / "a.csv", tz=asked, max_gap=1.0)
    assert same(take(tmp_path / "a.csv", **typed(e.value.hint)), BARS)


def test_the_wall_clock_of_the_collection(real: Path) -> None:
    """H1: Chicago's."""
    path = real / "faults/H1_chicago_wall_clock.csv"
    with pytest.raises(DataError) as e:
        take(path, tz="America/New_York")
    assert e.value.hint == "--tz America/Chicago"
    _clean(take(path, tz="America/Chicago"))


def test_a_clock_that_the_text_calls_utc_and_is_not_is_refused_without_an_option(tmp_path: Path) -> None:
    """--tz does not override what stands in the time: the file is to be written again."""
    columns, _ = clock_columns(BARS.time, STARTS, "plain", "America/New_York")
    times = [f"{t}Z" for t in columns["time"]]
    pd.DataFrame({"time": times, **{n: getattr(BARS, n) for n in VALUES}}).to_csv(tmp_path / "a.csv", index=False)
    with pytest.raises(DataError, match="off the hours of XNYS") as e:
        take(tmp_path / "a.csv", max_gap=1.0)
    assert e.value.hint.startswith("no option mends this")


def test_one_session_is_enough_to_tell_another_clock_and_a_morning_is_none(tmp_path: Path) -> None:
    """A day whose text calls New York's clock UTC; a day so far, with the hours before it."""
    one = slice(0, 78)
    local = pd.DatetimeIndex(STARTS[one]).tz_localize("UTC").tz_convert("America/New_York")
    values = {n: getattr(BARS, n)[one] for n in VALUES}
    pd.DataFrame({"t": local.strftime("%Y-%m-%dT%H:%MZ"), **values}).to_csv(tmp_path / "a.csv", index=False)
    with pytest.raises(DataError, match="off the hours of XNYS"):
        take(tmp_path / "a.csv", max_gap=1.0)
    bars, starts = _extended()
    morning = RawBars(*(getattr(bars, n)[:80] for n in ("time", *VALUES)))
    write(tmp_path / "a.csv", morning, starts[:80], "plain", "America/New_York")
    assert take(tmp_path / "a.csv", tz="America/New_York").bars.num_rows == 14


def test_sessions_after_a_clock_change_that_the_file_does_not_follow(tmp_path: Path) -> None:
    """New York's winter clock kept all the year: a fixed zone fits, and is named."""
    write(tmp_path / "a.csv", BARS, STARTS, "plain", "Etc/GMT+5")
    with pytest.raises(DataError) as e:
        take(tmp_path / "a.csv", tz="America/New_York", max_gap=1.0)
    assert e.value.hint == "--tz Etc/GMT+5"
    assert same(take(tmp_path / "a.csv", tz="Etc/GMT+5"), BARS)


def test_a_few_sessions_by_another_clock_are_left_out_by_name(tmp_path: Path) -> None:
    """MetaTrader's clock is New York's and seven hours: Athens', but in the weeks between two clock changes."""
    over = week(first="2025-09-02", last="2026-02-27")
    bars, starts = truth(over)
    local = pd.DatetimeIndex(starts).tz_localize("UTC").tz_convert("America/New_York").tz_localize(None)
    times = (local + pd.Timedelta("7h")).strftime("%Y.%m.%d %H:%M")
    pd.DataFrame({"time": times, **{n: getattr(bars, n) for n in VALUES}}).to_csv(tmp_path / "a.csv", index=False)
    got = take(tmp_path / "a.csv", tz="Europe/Athens")
    assert got.ctx.losses[0].startswith("SPY: 5 sessions without a bar: 2025-10-27")
    assert "5 of 124 sessions lie +1 h off" in got.ctx.warnings[0]
    place = np.searchsorted(bars.time, got.column("time"))
    assert np.array_equal(got.column("close"), bars.close[place])


@pytest.mark.parametrize("calendar", ["XTKS", "24/7", "XLON"])
def test_a_calendar_that_is_not_the_files_names_the_one_that_is(tmp_path: Path, calendar: str) -> None:
    """New York's bars: --set fetch.calendar=XNYS, and it works."""
    write(tmp_path / "a.csv", BARS, STARTS, "iso", "UTC")
    with pytest.raises(DataError) as e:
        take(tmp_path / "a.csv", calendar=calendar, label="start")
    assert e.value.hint == "--set fetch.calendar=XNYS"
    assert same(take(tmp_path / "a.csv", label="start", **typed(e.value.hint)), BARS)


def _extended() -> tuple[RawBars, Int]:
    """Bars from 04:00 to 20:00, quiet before the open and after the close."""
    step = OVER.interval
    stamps = [np.arange(a - 66 * step, b + 48 * step, step) for a, b in zip(OVER.open, OVER.close, strict=True)]
    starts = np.concatenate(stamps)
    regular = OVER.holding(starts + step)[1]
    price = np.full(len(starts), 100.0)
    volume = np.where(regular, 5000.0, 40.0) + np.arange(len(starts)) % 7
    return RawBars(starts + step, price, price + 0.1, price - 0.1, price, volume), starts


@pytest.mark.parametrize("side", ["auto", "start", "end"])
def test_the_clock_of_another_zone_is_told_by_the_volume_where_hours_lie_around(tmp_path: Path, side: str) -> None:
    """Extended hours fill every slot whatever the zone: the rise of the volume tells the open."""
    bars, starts = _extended()
    write(tmp_path / "a.csv", bars, starts, "plain", "America/Chicago", "end" if side == "end" else "start")
    with pytest.raises(DataError, match="by their volume the market opens -1 h off the opens of XNYS") as e:
        take(tmp_path / "a.csv", tz="America/New_York", label=side)
    got = take(tmp_path / "a.csv", label=side, **typed(e.value.hint))
    assert got.bars.num_rows == 780
    assert (got.column("volume") >= 5000).all()


def _hours(over: Sessions) -> RawBars:
    """Hours by the clock (09:30, 10:00, 11:00 ...), of a market that opens at half past."""
    stamps = np.concatenate(
        [[o, *np.arange(o + 30 * MINUTE, c, 60 * MINUTE)] for o, c in zip(over.open, over.close, strict=True)]
    )
    price = np.full(len(stamps), 100.0)
    return RawBars(stamps, price, price + 1, price - 1, price, price)


@pytest.mark.parametrize("side", ["auto", "start", "end"])
def test_hours_by_the_clock_are_named_as_off_the_grid(tmp_path: Path, side: str) -> None:
    """H10: no bar is taken for another, and nothing is offered that does harm."""
    bars = _hours(week())
    write(tmp_path / "a.csv", bars, bars.time, "iso", "America/New_York")
    with pytest.raises(DataError, match=r"off the grid of 09:30 \+ 1h") as e:
        take(tmp_path / "a.csv", "1h", label=side, max_gap=1.0)
    assert "clock's 1h" in e.value.why
    assert e.value.hint.startswith("no option mends this")


def test_the_hours_of_the_collection(real: Path) -> None:
    """H10."""
    with pytest.raises(DataError, match="off the grid"):
        take(real / "faults/H10_hours_by_the_clock_ib.csv", "1h", max_gap=1.0)


def test_stamps_in_the_middle_of_the_bars_are_named(tmp_path: Path) -> None:
    """09:32:30 is neither start nor end."""
    write(tmp_path / "a.csv", BARS, STARTS + 150 * SECOND_NS, "iso", "America/New_York")
    with pytest.raises(DataError, match="off the grid") as e:
        take(tmp_path / "a.csv")
    assert "150 s after it" in e.value.why


def test_slots_missing_in_every_session_are_no_gap_to_allow(tmp_path: Path) -> None:
    """A file that ends at noon each day: no --max-gap; one with holes here and there: --max-gap, and it works."""
    keep = OVER.grid(BARS.time)[1] < 30
    half = RawBars(*(getattr(BARS, name)[keep] for name in ("time", *VALUES)))
    write(tmp_path / "a.csv", half, STARTS[keep], "iso", "UTC")
    with pytest.raises(DataError, match="misses") as e:
        take(tmp_path / "a.csv", label="start")
    assert "missing in every session" in e.value.why
    assert "max-gap" not in e.value.hint
    rng = np.random.default_rng(1).random(len(BARS.time)) < 0.8
    holes = RawBars(*(getattr(BARS, name)[rng] for name in ("time", *VALUES)))
    write(tmp_path / "a.csv", holes, STARTS[rng], "iso", "UTC")
    with pytest.raises(DataError, match="misses") as e:
        take(tmp_path / "a.csv", label="start")
    assert e.value.hint.startswith("--max-gap 2")


def test_bars_of_another_market_name_its_calendar(tmp_path: Path) -> None:
    """London's bars, asked for in New York's calendar."""
    bars, starts = truth(week("XLON"))
    write(tmp_path / "a.csv", bars, starts, "iso", "UTC")
    with pytest.raises(DataError) as e:
        take(tmp_path / "a.csv", label="start")
    assert e.value.hint == "--set fetch.calendar=XLON"
    assert same(take(tmp_path / "a.csv", **typed(e.value.hint)), bars)


def test_bars_after_the_moment_asked_for_name_it(tmp_path: Path) -> None:
    """--as-of before the whole file: a later one, and it works."""
    write(tmp_path / "a.csv", BARS, STARTS, "iso", "UTC")
    with pytest.raises(DataError, match="no usable bar") as e:
        take(tmp_path / "a.csv", as_of="2026-02-01")
    assert "780 after the horizon" in e.value.why
    assert e.value.hint == "--as-of 2026-03-13T20:00:00Z"


CALENDARS = {
    "XNYS": (
        "America/New_York",
        ("2026-03-02", "2026-03-13"),
        ("2025-10-27", "2025-11-07"),
        ("2025-11-24", "2025-12-01"),
    ),
    "XLON": ("Europe/London", ("2026-03-23", "2026-04-02"), ("2025-10-20", "2025-10-31"), ("2025-12-22", "2025-12-31")),
    "XTKS": ("Asia/Tokyo", ("2026-03-02", "2026-03-13"), ("2025-10-27", "2025-11-07"), ("2026-01-05", "2026-01-09")),
    "XHKG": (
        "Asia/Hong_Kong",
        ("2026-03-02", "2026-03-13"),
        ("2025-12-22", "2026-01-02"),
        ("2026-02-16", "2026-02-27"),
    ),
    "24/5": ("UTC", ("2026-03-02", "2026-03-13"), ("2025-10-27", "2025-11-07"), ("2026-01-05", "2026-01-09")),
    "24/7": ("UTC", ("2026-03-06", "2026-03-10"), ("2025-10-24", "2025-11-04"), ("2026-01-05", "2026-01-09")),
}
"""Calendar -> its exchange's zone, spans with clock changes and half days."""
ELSEWHERE = ("UTC", "America/New_York", "America/Chicago", "Europe/London", "Asia/Kolkata", "Asia/Tokyo", "Etc/GMT-2")


@st.composite
def files(draw: st.DrawFn) -> dict[str, object]:
    """A market, a span, bars, and a way to write their times and to ask for them."""
    calendar = draw(st.sampled_from(sorted(CALENDARS)))
    exchange, *spans = CALENDARS[calendar]
    style = draw(st.sampled_from(STYLES))
    zone = draw(st.sampled_from((exchange, *ELSEWHERE)))
    if style in ("abbreviation", "unix date"):
        zone = exchange if exchange in ABBREVIATED else "America/New_York"
    return {
        "calendar": calendar,
        "span": draw(st.sampled_from(spans)),
        "interval": draw(st.sampled_from(["5m", "15m", "30m", *["1h"] * (calendar not in ("XTKS", "XHKG"))])),
        "style": style,
        "zone": zone,
        "labels": draw(st.sampled_from(["start", "end", "inclusive"])),
        "told": draw(st.booleans()),
        "asked": draw(st.sampled_from([None, None, *ELSEWHERE])),
        "extra": draw(st.sampled_from(["", "", "live", "live on grid", "opening print", "holes", "one day"])),
        "seed": draw(st.integers(0, 99)),
    }


def outcome(path: Path, case: dict[str, object]) -> str:
    """`refused`, or `right` where every bar is the true one; asserts that nothing is wrong in silence."""
    minutes = {"5m": 5, "15m": 15, "30m": 30, "1h": 60}[str(case["interval"])]
    first, last = case["span"]  # type: ignore[misc]
    over = week(str(case["calendar"]), minutes * 60, first, last)
    over = over.pick(slice(0, 1)) if case["extra"] == "one day" else over
    bars, starts = truth(over)
    keep = np.random.default_rng(int(str(case["seed"]))).random(len(starts)) < (0.97 if case["extra"] == "holes" else 2)
    bars, starts = RawBars(*(getattr(bars, name)[keep] for name in ("time", *VALUES))), starts[keep]
    written, begun = _with_extra(bars, starts, over, case)
    labels: Labels = case["labels"]  # type: ignore[assignment]
    needed = write(path, written, begun, str(case["style"]), str(case["zone"]), labels)
    if case["asked"] and over.calendar not in ("24/5", "24/7"):
        needed["tz"] = case["asked"]
    if case["told"] or over.calendar in ("24/5", "24/7"):
        needed["label"] = "start" if labels == "start" else "end"
    try:
        got = take(path, str(case["interval"]), calendar=over.calendar, **needed)
    except HfmError as e:
        assert e.hint
        if e.hint.startswith("--tz") and not case.get("again"):
            return outcome(path, {**case, "asked": str(typed(e.hint)["tz"]), "again": True})
        return f"refused: {e.hint[:30]} | {e.what.split(': ')[-1][:40]}"
    place = np.minimum(np.searchsorted(bars.time, got.column("time")), len(bars.time) - 1)
    good = bars.time[place] == got.column("time")
    for name in VALUES:
        good &= getattr(bars, name)[place] == got.column(name)
    known = bool(got.ctx.warnings or got.ctx.losses)
    assert good.all() or (known and any("clock" in text or "other side" in text for text in got.ctx.warnings)), case
    assert got.bars.num_rows == len(bars.time) or known, case
    return "right" if good.all() else "warned"


def _with_extra(bars: RawBars, starts: Int, over: Sessions, case: dict[str, object]) -> tuple[RawBars, Int]:
    """The bars with a live quote after the last, or the print of each opening auction."""
    price = float(bars.close[-1])
    at, begun = np.empty(0, np.int64), np.empty(0, np.int64)
    if case["extra"] == "live":
        at = bars.time[-1:] - int(over.interval * 0.42) // SECOND_NS * SECOND_NS
        begun = at
    elif case["extra"] == "live on grid":
        at, begun = bars.time[-1:], starts[-1:]
    elif case["extra"] == "opening print" and case["labels"] == "end" and "24" not in over.calendar:
        at = begun = over.open
    values = [np.concatenate([getattr(bars, n), np.full(len(at), price)]) for n in VALUES[:4]]
    volume = np.concatenate([bars.volume, np.full(len(at), 0.0 if "live" in str(case["extra"]) else 5e4)])
    return RawBars(np.concatenate([bars.time, at]), *values, volume), np.concatenate([starts, begun])


@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture], derandomize=True)
@given(case=files())
def test_no_file_of_times_is_wrong_in_silence(tmp_path: Path, case: dict[str, object]) -> None:
    """Styles, zones, labels, calendars, clock changes, live rows, opening prints: the true bars, or a refusal."""
    outcome(tmp_path / "a.csv", case)


@pytest.mark.slow
@settings(max_examples=600, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(case=files())
def test_no_file_of_many_is_wrong_in_silence(tmp_path: Path, case: dict[str, object]) -> None:
    """The same, on more."""
    outcome(tmp_path / "a.csv", case)

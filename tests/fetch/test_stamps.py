"""Times as instants, their labels, their spacing."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from hfm.errors import DataError, UsageError
from hfm.fetch.labelling import label
from hfm.fetch.sessions import SECOND
from hfm.fetch.stamps import epoch, instants, spacing
from tests.fetch.drive import raw, week

T = 1_772_461_800_000_000_000
"""2026-03-02T14:30 UTC, 09:30 in New York."""


def words(*text: str) -> pa.ChunkedArray:
    return pa.chunked_array([pa.array(text)])


@pytest.mark.parametrize(
    ("text", "tz"),
    [
        ("2026-03-02T14:30:00Z", None),
        ("2026-03-02 14:30:00+00:00", None),
        ("2026-03-02T09:30:00.000-05:00", None),
        ("2026-03-02 09:30", "America/New_York"),
        ("2026-03-02T09:30:00", "America/New_York"),
        ("03/02/2026 09:30", "America/New_York"),
        ("2026.03.02 09:30", "America/New_York"),
        ("20260302 093000", "America/New_York"),
        ("2-Mar-2026 9:30 AM", "America/New_York"),
        ("1772461800", None),
        ("1772461800000", None),
        ("1772461800000000000", None),
        ("2026-03-02 23:30:00", "Asia/Tokyo"),
    ],
)
def test_times_in_words_are_read_in_their_zone(text: str, tz: str | None) -> None:
    """ISO and other formats, epochs in words; what has its own zone needs none."""
    second = {"03/02/2026 09:30": "03/13/2026 09:30", "2-Mar-2026 9:30 AM": "13-Mar-2026 9:30 AM"}.get(text, text)
    assert instants(words(text, second), "t", tz).utc[0] == T


@pytest.mark.parametrize(("unit", "factor"), [("s", 1), ("ms", 1000), ("us", 10**6), ("ns", 10**9)])
def test_epochs_are_told_apart_by_size(unit: str, factor: int) -> None:
    """Whole numbers and fractions of seconds; the unit is said."""
    found = instants(pa.chunked_array([pa.array([T // 10**9 * factor])]), "t", None)
    assert found.utc[0] == T
    assert found.notes == (f"times are epoch {unit}",)
    quarter = epoch(np.array([T / 1e9 + 0.25]))
    assert quarter is not None
    assert quarter[0][0] == T + 250_000_000


@pytest.mark.parametrize(("unit", "zone"), [("s", "UTC"), ("us", "America/New_York"), ("ns", "Asia/Tokyo")])
def test_timestamps_with_a_zone_are_instants_whatever_their_unit(unit: str, zone: str) -> None:
    """Parquet's own types."""
    column = pa.chunked_array([pa.array([T], pa.timestamp("ns", "UTC")).cast(pa.timestamp(unit, zone))])
    assert instants(column, "t", None).utc[0] == T


@pytest.mark.parametrize(
    ("column", "tz", "said"),
    [
        (words("2026-03-02 09:30"), None, "has no time zone"),
        (pa.chunked_array([pa.array([T], pa.timestamp("ns"))]), None, "has no time zone"),
        (words("2026-03-02 09:30", "2026-03-02 09:35+00:00"), "UTC", "mixes times"),
        (words("2026-03-02 09:30", "tea time"), "UTC", "data row 2: 'tea time' is not a time"),
        (words("2026-03-02", "2026-03-03"), "UTC", "dates without a time of day"),
        (pa.chunked_array([pa.array([20514], pa.date32())]), "UTC", "dates without a time of day"),
        (words("03/02/2026 09:30", "03/04/2026 09:30"), "UTC", "can be read as %m/%d/%Y %H:%M and as %d/%m/%Y %H:%M"),
        (pa.chunked_array([pa.array([1.0, 2.0])]), None, "no times since 1970"),
        (pa.chunked_array([pa.array([T // 10**9, T])]), None, "no times since 1970"),
        (words("2025-11-02 01:30"), "America/New_York", "comes twice or never"),
        (words("2026-03-08 02:30"), "America/New_York", "comes twice or never"),
        (pa.chunked_array([pa.array(["2026-03-02T09:30Z", None])]), None, "data row 2: there is no time"),
    ],
)
def test_times_that_are_not_certain_are_refused(column: pa.ChunkedArray, tz: str | None, said: str) -> None:
    """No zone, two readings, no unit, the hour that a clock repeats or skips, junk."""
    with pytest.raises(DataError) as e:
        instants(column, "t", tz)
    assert said in e.value.what


def test_an_unknown_zone_is_a_bad_flag() -> None:
    """Exit 2."""
    with pytest.raises(UsageError, match="Amrica"):
        instants(words("2026-03-02 09:30"), "t", "Amrica/New_York")


def test_a_spacing_that_is_not_the_interval_is_refused_with_both_numbers() -> None:
    """One-minute bars asked for as five-minute ones; holes do not matter."""
    minutes = np.delete(np.arange(100), [3, 4, 50]) * 60 * SECOND
    spacing([minutes], 60)
    with pytest.raises(DataError, match=r"60 s apart .* asks for 300 s") as e:
        spacing([minutes], 300)
    assert e.value.hint == "--interval 1m"
    spacing([minutes[:1]], 300)
    with pytest.raises(DataError, match="86400 s apart"):
        spacing([np.arange(5) * 86400 * SECOND], 300)


def test_labels_in_regular_hours_are_told_by_the_open_and_the_close() -> None:
    """Stamps with the open and not the close stand at the start; the other way round, at the end."""
    bars, over = raw(week()), week()
    assert label(bars.time, bars.volume, over) == "end"
    assert label(bars.time - over.interval, bars.volume, over) == "start"
    keep = np.ones(390, bool)
    keep[[0, 77, 160]] = False
    assert label(bars.time[keep], bars.volume[keep], over) == "end"


@pytest.mark.parametrize("shift", [0, -1])
def test_labels_with_hours_around_are_told_by_the_volume_at_the_open(shift: int) -> None:
    """Both the open and the close are stamped then; the market's first bar is the one with the volume."""
    over = week()
    start, end = over.open - 60 * over.interval, over.close + 40 * over.interval
    time = np.concatenate([np.arange(a + over.interval, b + 1, over.interval) for a, b in zip(start, end, strict=True)])
    regular = over.holding(time)[1]
    volume = np.where(regular, 1000.0, 20.0)
    assert label(time + shift * over.interval, volume, over) == ("start" if shift else "end")
    with pytest.raises(DataError, match="labelled at their start and at their end"):
        label(time + shift * over.interval, np.ones(len(time)), over)


def test_labels_without_the_first_and_the_last_bar_are_not_known() -> None:
    """Nothing to tell by: refused, with the flag that says it."""
    bars, over = raw(week()), week()
    inner = (over.grid(bars.time)[1] > 0) & (over.grid(bars.time)[1] < 77)
    with pytest.raises(DataError) as e:
        label(bars.time[inner], bars.volume[inner], over)
    assert "--label" in e.value.hint

"""Times as instants, and their spacing."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hfm.errors import DataError, UsageError
from hfm.fetch.files.timestamps import check_spacing, parse_epoch, parse_instants
from hfm.instants import SECOND_NS

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
        ("2026-03-02 09:30:00-05", None),
        ("2026-03-02 14:30:00+00", "Asia/Tokyo"),
        ("2026-03-02 20:00:00+0530", None),
        ("2026-03-02T14:30:00-00:00", None),
        ("2026-03-02T14:30:00,000Z", None),
        ("20260302T143000Z", None),
        ("20260302T143000+0000", None),
        ("202603021430Z", None),
        ("20260302 09:30:00 US/Eastern", None),
        ("20260302 09:30:00 America/New_York", None),
        ("2026-03-02T09:30[America/New_York]", None),
        ("2026-03-02T09:30-05:00[America/New_York]", None),
        ("2026-03-02 09:30:00 EST", None),
        ("2026-03-02 09:30 AM ET", None),
        ("2026-03-02 15:30 CET", None),
        ("2026-03-02 23:30 JST", None),
        ("2026-03-02 08:30 CST", "America/Chicago"),
        ("2026-03-02 22:30 CST", "Asia/Shanghai"),
        ("2026-03-02 09:30:00 GMT-0500", None),
        ("2026-03-02 16:30 UTC+2", None),
        ("Mon, 2 Mar 2026 14:30:00 GMT", None),
        ("Mon Mar 02 2026 09:30:00 GMT-0500 (Eastern Standard Time)", None),
        ("Mon Mar  2 09:30:00 EST 2026", None),
        ("2026-03-02 0930", "America/New_York"),
        ("20260302 930", "America/New_York"),
        ("20260302 93000", "America/New_York"),
        ("20260302093000", "America/New_York"),
        ("20260302093000000", "America/New_York"),
        ("20260302-09:30:00", "America/New_York"),
        ("02MAR2026:09:30:00", "America/New_York"),
        ("Monday, March 2, 2026 9:30:00 a.m.", "America/New_York"),
        ("09:30:00 2026-03-02", "America/New_York"),
        ("2026-03-02 00:00:00 09:30", "America/New_York"),
        ("2026-03-02 24:00", "Australia/Darwin"),
        ("46083.395833", "America/New_York"),
    ],
)
def test_times_in_words_are_read_in_their_zone(text: str, tz: str | None) -> None:
    """ISO and other formats, epochs in words; what has its own zone needs none."""
    second = {"03/02/2026 09:30": "03/13/2026 09:30", "2-Mar-2026 9:30 AM": "13-Mar-2026 9:30 AM"}.get(text, text)
    assert parse_instants(words(text, second), "t", tz).utc[0] == T


@pytest.mark.parametrize(("unit", "factor"), [("s", 1), ("ms", 1000), ("us", 10**6), ("ns", 10**9)])
def test_epochs_are_told_apart_by_size(unit: str, factor: int) -> None:
    """Whole numbers and fractions of seconds; the unit is said."""
    found = parse_instants(pa.chunked_array([pa.array([T // 10**9 * factor])]), "t", None)
    assert found.utc[0] == T
    assert found.notes == (f"times are epoch {unit}",)
    quarter = parse_epoch(np.array([T / 1e9 + 0.25]))
    assert quarter is not None
    assert quarter[0][0] == T + 250_000_000


@pytest.mark.parametrize(("unit", "zone"), [("s", "UTC"), ("us", "America/New_York"), ("ns", "Asia/Tokyo")])
def test_timestamps_with_a_zone_are_instants_whatever_their_unit(unit: str, zone: str) -> None:
    """Parquet's own types."""
    column = pa.chunked_array([pa.array([T], pa.timestamp("ns", "UTC")).cast(pa.timestamp(unit, zone))])
    assert parse_instants(column, "t", None).utc[0] == T


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
        (words("2026-03-02 08:30 CST"), None, "CST is not certain"),
        (words("2026-07-02 09:30 EST"), None, "EST is not certain"),
        (words("2026-07-02 08:30 IST"), "UTC", "IST is not certain"),
        (words("2026-03-02T09:30-04:00[America/New_York]"), None, "contradict each other"),
        (words("2026-03-02 09:30 Mars/Olympus"), None, "is no time zone"),
        (words("Tue, 2 Mar 2026 14:30:00 GMT"), None, "is not a time"),
        (words("2026-03-02 09:30 AM", "2026-03-02 09:35"), "UTC", "is not a time"),
        (words("2026-03-02 13:30 PM"), "UTC", "is not a time"),
        (words("26/03/02 09:30"), "UTC", "can be read as"),
        (words("202603020930"), "UTC", "can be read as %Y%m%d%H%M and as epoch ms"),
        (pa.chunked_array([pa.array([20260302, 20260303])]), "UTC", "dates without a time of day"),
        (words("30:00.0"), "UTC", "is not a time"),
        (words("2025-11-02 01:30"), "America/New_York", "comes twice or never"),
        (words("2026-03-08 02:30"), "America/New_York", "comes twice or never"),
        (pa.chunked_array([pa.array(["2026-03-02T09:30Z", None])]), None, "data row 2: there is no time"),
    ],
)
def test_times_that_are_not_certain_are_refused(column: pa.ChunkedArray, tz: str | None, said: str) -> None:
    """No zone, two readings, no unit, the hour that a clock repeats or skips, junk."""
    with pytest.raises(DataError) as e:
        parse_instants(column, "t", tz)
    assert said in e.value.what


def test_an_unknown_zone_is_a_bad_flag() -> None:
    """Exit 2."""
    with pytest.raises(UsageError, match="Amrica"):
        parse_instants(words("2026-03-02 09:30"), "t", "Amrica/New_York")


def test_a_spacing_that_is_not_the_interval_is_refused_with_both_numbers() -> None:
    """One-minute bars asked for as five-minute ones; holes do not matter."""
    minutes = np.delete(np.arange(100), [3, 4, 50]) * 60 * SECOND_NS
    check_spacing([minutes], 60)
    with pytest.raises(DataError, match=r"60 s apart .* asks for 300 s") as e:
        check_spacing([minutes], 300)
    assert e.value.hint == "--interval 1m"
    check_spacing([minutes[:1]], 300)
    with pytest.raises(DataError, match="86400 s apart"):
        check_spacing([np.arange(5) * 86400 * SECOND_NS], 300)


PIECES = (
    *("2024-03-18", "09:30:00", "T", "Z", " ", "-04", "+05:30", "America/New_York", "[", "]", "(", ")", "EDT", "PM"),
    *(
        "Mon, ",
        "Mar",
        "18",
        "2024",
        "20240318",
        "0930",
        ".000",
        ",5",
        "٣",
        "−",
        "24:00",
        "1710768600",
        "/",
        "\x00",
        "+",
    ),
    *("EST5EDT", "9999999999999999999", "45369.39", "inf", "nan", "1e9", "UTC", "GMT+", "../x", "ET", "-", "99:99"),
)


@settings(max_examples=300, deadline=None, derandomize=True)
@given(
    text=st.lists(st.sampled_from(PIECES), min_size=1, max_size=5).map("".join),
    other=st.lists(st.sampled_from(PIECES), min_size=1, max_size=5).map("".join) | st.none(),
    tz=st.sampled_from([None, "UTC", "America/New_York"]),
)
def test_any_words_are_times_or_one_clear_error(text: str, other: str | None, tz: str | None) -> None:
    """Pieces of times in any order: never another exception."""
    try:
        found = parse_instants(words(text, other or text, text), "t", tz, 300)
        assert len(found.utc) == 3
    except DataError as e:
        assert e.hint
        assert "\n" not in e.what


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -5.0, -202403180930.0, 0.0, 1e308, 20240318.5])
def test_numbers_that_are_no_times_are_refused(value: float) -> None:
    """Whatever their size and sign."""
    with pytest.raises(DataError):
        parse_instants(pa.chunked_array([pa.array([value, value])]), "t", "UTC", 300)


def test_the_spacing_tells_what_digits_mean() -> None:
    """Calendar time or epoch, hours or minutes: the reading whose bars are as far apart as those asked for."""
    for text, interval_s, first in (
        (("202603020930", "202603020935"), 300, "2026-03-02T09:30"),
        (("2026030209", "2026030210"), 3600, "2026-03-02T09:00"),
        (("2026-03-02 9", "2026-03-02 10"), 3600, "2026-03-02T09:00"),
        (("2026-03-02 5", "2026-03-02 10", "2026-03-02 100"), 300, "2026-03-02T00:05"),
        (("2026-03-02 570", "2026-03-02 575"), 300, "2026-03-02T09:30"),
        (("26/03/30 09:30", "26/03/31 09:30", "26/04/01 09:30"), 300, "2026-03-30T09:30"),
    ):
        found = parse_instants(words(*text), "t", "UTC", interval_s).utc[0]
        assert np.datetime64(int(found), "ns") == np.datetime64(first, "ns")


def test_the_hour_that_a_clock_repeats_is_told_by_its_abbreviation() -> None:
    """EDT, then EST: an hour apart."""
    found = parse_instants(words("2025-11-02 01:30 EDT", "2025-11-02 01:30 EST"), "t", None).utc
    assert np.diff(found) == 3600 * SECOND_NS


def test_tz_beside_a_zone_in_the_times_is_said_not_to_be_used() -> None:
    """A note; of numbers since 1970 a warning, for some vendors count them by a wall clock."""
    assert (
        parse_instants(words("2026-03-02T09:30-05:00"), "t", "Asia/Tokyo").notes[1].startswith("--tz Asia/Tokyo is not")
    )
    assert "counted from 1970 in UTC" in parse_instants(words("1772461800"), "t", "Asia/Tokyo").warnings[0]
    assert not parse_instants(words("1772461800"), "t", "UTC").warnings


def test_a_fixed_offset_for_tz_names_the_zone_that_keeps_it() -> None:
    """POSIX turns the sign."""
    with pytest.raises(UsageError) as e:
        parse_instants(words("2026-03-02 09:30"), "t", "UTC-5")
    assert e.value.hint == "--tz Etc/GMT+5"


@pytest.mark.parametrize(
    ("name", "first"),
    [
        ("time_utc", "2026-03-02T09:30"),
        ("Gmt time", "2026-03-02T09:30"),
        ("Date (UTC+00:00)", "2026-03-02T09:30"),
        ("Open Time (UTC+8)", "2026-03-02T01:30"),
        ("Date (GMT-0500) Time", "2026-03-02T14:30"),
        ("time_utc-5", "2026-03-02T14:30"),
        ("Time (UTC\u221205:00)", "2026-03-02T14:30"),
    ],
)
@pytest.mark.parametrize("tz", [None, "Asia/Tokyo"])
def test_a_zone_in_the_name_of_the_column_is_the_zone_of_its_times(name: str, first: str, tz: str | None) -> None:
    """UTC, or so many hours from it; --tz does not override it, and that is a note."""
    found = parse_instants(words("2026-03-02 09:30"), name, tz)
    assert np.datetime64(int(found.utc[0]), "ns") == np.datetime64(first, "ns")
    assert found.wall is None
    assert found.notes[1:] == (() if tz is None else ("--tz Asia/Tokyo is not needed and not used",))
    assert parse_instants(words("2026-03-02T14:30Z"), name, None).notes == ("times have their own zone",)


@pytest.mark.parametrize("name", ["time", "utcoffset", "Time (UTC+5:30)", "time (UTC+99)", "outcome_gmtx"])
def test_a_name_that_says_no_zone_for_certain_says_none(name: str) -> None:
    """No name is taken for UTC because three of its letters are."""
    with pytest.raises(DataError, match="has no time zone"):
        parse_instants(words("2026-03-02 09:30"), name, None)

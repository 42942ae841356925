"""Wall clocks as instants."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hfm.errors import DataError, UsageError
from hfm.fetch.files.time_zones import (
    ABBREVIATIONS,
    ZoneText,
    check_zone,
    localise,
    offset_at,
    parse_zone,
    wall_to_utc,
    zone_of_name,
    zones_to_utc,
)  # fmt: skip
from hfm.instants import SECOND_NS

ZONES = st.sampled_from(["America/New_York", "Europe/London", "Asia/Kolkata", "Australia/Sydney", "UTC"])
SECONDS = st.integers(0, 2_000_000_000)


@given(SECONDS, ZONES)
def test_an_instant_comes_back_from_its_wall_clock(second: int, zone: str) -> None:
    """But for the hour that comes twice, which is named."""
    utc = np.array([second * SECOND_NS])
    found, bad = wall_to_utc(utc + offset_at(utc, zone), zone)
    assert bad.size or found[0] == utc[0]
    local = datetime.fromtimestamp(second, UTC).astimezone(ZoneInfo(zone))
    offset = local.utcoffset()
    assert offset is not None
    assert offset_at(utc, zone)[0] == offset.total_seconds() * SECOND_NS


@given(st.integers(-12 * 4, 14 * 4))
def test_an_offset_is_read_in_every_writing(quarters: int) -> None:
    """+0530, +05:30, UTC+05:30."""
    sign, (hours, minutes) = "-" if quarters < 0 else "+", divmod(abs(quarters) * 15, 60)
    for form in ("{s}{h:02d}{m:02d}", "{s}{h:02d}:{m:02d}", "UTC{s}{h}:{m:02d}"):
        zone = parse_zone(form.format(s=sign, h=hours, m=minutes))
        assert zone == ZoneText(quarters * 900 * SECOND_NS)


@pytest.mark.parametrize("text", [*ABBREVIATIONS, "Z", "US/Eastern", "-04:00[America/New_York]", "us/eastern"])
def test_what_names_a_zone_is_one(text: str) -> None:
    """An abbreviation, UTC, a name in any case, both."""
    assert parse_zone(text) is not None
    assert parse_zone(f"{text}?") is None


def test_the_hour_that_comes_twice_is_refused() -> None:
    """And so is a clock without a zone."""
    twice = np.array([np.datetime64("2025-11-02T01:30", "ns").astype(np.int64)])
    with pytest.raises(DataError, match="comes twice or never"):
        localise(twice, "time", "America/New_York")
    with pytest.raises(DataError, match="has no time zone"):
        localise(twice, "time", None)


def test_an_abbreviation_of_several_zones_waits_for_the_option() -> None:
    """CST is Chicago's or Shanghai's."""
    clock, code = np.array([np.datetime64("2025-01-02T09:30", "ns").astype(np.int64)]), np.zeros(1, np.int64)
    with pytest.raises(DataError, match="not certain"):
        zones_to_utc(clock, code, ["CST"], "time", None)
    utc, settled = zones_to_utc(clock, code, ["CST"], "time", "Asia/Shanghai")
    assert settled
    assert utc[0] == clock[0] - 8 * 3600 * SECOND_NS


def test_a_column_may_name_its_zone() -> None:
    """UTC, or whole hours from it."""
    assert [zone_of_name(name) for name in ("time_utc", "Time (UTC+8)", "Gmt time", "utcx", "time")] == [
        "UTC", "Etc/GMT-8", "UTC", None, None
    ]  # fmt: skip


def test_a_zone_that_is_none_is_a_usage_error() -> None:
    """With one that is meant."""
    check_zone(None)
    with pytest.raises(UsageError) as caught:
        check_zone("UTC-5")
    assert caught.value.hint == "--tz Etc/GMT+5"

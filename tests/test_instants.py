"""Instants: texts, datetimes, nanoseconds."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hfm.instants import DAY_NS, SECOND_NS, instant_ns, instant_of, midnight, parse_instant

ZONES = st.integers(-14 * 60, 14 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))
MOMENTS = st.datetimes(datetime(1700, 1, 2), datetime(2200, 1, 1), timezones=ZONES)


@given(MOMENTS)
def test_a_moment_comes_back_from_its_text_and_its_nanoseconds(moment: datetime) -> None:
    """Text and ns hold all that a datetime does, in every zone and before 1970 too."""
    assert parse_instant(moment.isoformat()) == moment
    assert instant_of(instant_ns(moment)) == moment


@given(MOMENTS)
def test_nanoseconds_are_those_of_numpy(moment: datetime) -> None:
    """The count is NumPy's own of the same moment."""
    assert instant_ns(moment) == np.datetime64(moment.astimezone(UTC).replace(tzinfo=None), "ns").astype(np.int64)


@pytest.mark.parametrize(("text", "hour"), [("2026-03-02T16:00", 16), ("2026-03-02T16:00Z", 16),
                                            ("2026-03-02T16:00-05:00", 21), ("2026-03-02", 0)])  # fmt: skip
def test_a_text_without_a_zone_is_utc(text: str, hour: int) -> None:
    """A zone that is named counts, none is UTC, and a date alone is its midnight."""
    assert parse_instant(text) == datetime(2026, 3, 2, hour, tzinfo=UTC)


@pytest.mark.parametrize("text", ["", "soon", "2026-13-01", "2026-03-02T25:00", "1772467200"])
def test_what_is_no_iso_time_is_refused(text: str) -> None:
    """The text is not guessed at."""
    with pytest.raises(ValueError, match="not an ISO time"):
        parse_instant(text)


@pytest.mark.parametrize(("day", "hours"), [("2026-01-05", 5), ("2026-07-06", 4), ("2026-03-08", 5), ("2026-11-01", 4)])
def test_midnight_in_new_york_knows_summer_time(day: str, hours: int) -> None:
    """Five hours behind UTC in winter and four in summer; a day on which the clocks change begins before the change."""
    since = midnight(day, "America/New_York") - np.datetime64(day, "ns").astype(np.int64)
    assert since == hours * 3600 * SECOND_NS


def test_midnight_of_utc_is_a_whole_number_of_days() -> None:
    """Days since 1970 times a day."""
    assert midnight("1970-01-11", "UTC") == 10 * DAY_NS

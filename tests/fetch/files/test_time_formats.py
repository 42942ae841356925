"""Times in words or digits as date, clock and zone."""

from __future__ import annotations

from datetime import date, datetime, timedelta

import numpy as np
import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from hfm.fetch.files.time_formats import TimeParts, parse_digits, parse_excel, parse_times, split_times

MOMENTS = st.datetimes(datetime(1971, 1, 1), datetime(2069, 1, 1)).map(lambda t: t.replace(microsecond=0))


@given(MOMENTS, st.sampled_from(["%Y-%m-%d %H:%M:%S", "%d %b %Y, %H:%M:%S", "%H:%M:%S %Y-%m-%d", "%Y%m%dT%H%M%S"]))
def test_a_time_is_split_into_what_it_was_made_of(moment: datetime, form: str) -> None:
    """The true instant is among the readings of its text."""
    parts = split_times(pa.array([moment.strftime(form)]))
    assert isinstance(parts, TimeParts)
    found = parse_times(parts)
    assert not isinstance(found, str)
    assert np.datetime64(moment, "ns").astype(np.int64) in [int(ns[0]) for ns in found.values()]


def test_the_first_row_that_fits_no_pattern_is_given_back() -> None:
    """Its position, whatever follows."""
    assert split_times(pa.array(["2024-03-18 09:30", "soon", "2024-03-18 09:40"])) == 1


@given(MOMENTS)
def test_a_serial_day_of_a_spreadsheet_is_its_second(moment: datetime) -> None:
    """Days since 1899-12-30, the clock as the fraction."""
    serial = (moment - datetime(1899, 12, 30)) / timedelta(days=1)
    assert parse_excel(np.array([serial]))[0] == np.datetime64(moment, "ns").astype(np.int64)


def test_numbers_that_are_no_calendar_times_have_no_reading() -> None:
    """Epochs of today, widths that differ, months above 12."""
    for numbers in ([1710768600, 1710768900], [202413180930], [202403180930, 20240318093000]):
        assert not parse_digits(np.array(numbers))
    assert (
        parse_digits(np.array([202403180930]))["%Y%m%d%H%M"][0]
        == ((date(2024, 3, 18) - date(1970, 1, 1)) // timedelta(seconds=1) + 34_200) * 10**9
    )

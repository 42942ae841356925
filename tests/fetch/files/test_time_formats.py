"""Dates and clocks in words and digits: every reading that a column allows."""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hfm.fetch.files.clock_formats import parse_clocks
from hfm.fetch.files.date_formats import date_readings, parse_dates
from hfm.fetch.files.time_formats import parse_digits

FORMATS = ("%Y-%m-%d", "%m/%d/%Y", "%d/%m/%Y", "%d.%m.%Y", "%Y%m%d", "%d-%b-%Y", "%B %d, %Y", "%a, %d %b %Y", "%y%m%d")


@given(day=st.dates(date(1970, 1, 1), date(2069, 12, 31)), form=st.sampled_from(FORMATS))
def test_a_date_is_among_its_readings(day: date, form: str) -> None:
    """The true day is never left out; where it is the only reading it is the answer."""
    assert day in date_readings(day.strftime(form)).values()


@pytest.mark.parametrize(
    "text", ["2024-02-30", "13/13/2024", "2024-078", "1803-01-01", "Tue, 18 Mar 2024", "18 Mrz 2024"]
)
def test_what_is_no_date_has_no_reading(text: str) -> None:
    """No such day, no such format, a weekday that is another's."""
    assert not date_readings(text)


def test_days_in_a_row_tell_a_year_of_two_digits() -> None:
    """24/03/18 and the days after it are March of 2024; one day alone is not told."""
    row = [f"24/03/{day}" for day in (18, 19, 20)]
    assert list(parse_dates(row)) == ["%y/%m/%d"]
    assert len(parse_dates(row[:1])) == 2
    assert len(parse_dates(["03/04/2024", "03/05/2024"])) == 2


@given(minute=st.integers(0, 1439))
def test_a_clock_is_the_same_in_words_and_in_digits(minute: int) -> None:
    """HH:MM, HHMM, H:MM AM, without leading zeros."""
    hour, rest = divmod(minute, 60)
    half = "AM" if hour < 12 else "PM"
    for text in (f"{hour}:{rest:02d}", f"{hour:02d}{rest:02d}", f"{hour % 12 or 12}:{rest:02d} {half}"):
        found = parse_clocks([text, "1:00 PM" if "M" in text else "13:00" if ":" in text else "1300"])
        assert not isinstance(found, str)
        assert next(iter(found.values()))[0] == minute * 60 * 10**9


@pytest.mark.parametrize("text", ["25:00", "09:60", "24:01", "13:00 PM", "0:30 AM", "2460", "9:5"])
def test_what_is_no_clock_is_given_back(text: str) -> None:
    """The first text that cannot be read."""
    assert parse_clocks([text]) == text


def test_numbers_that_are_no_calendar_times_have_no_reading() -> None:
    """Epochs of today, widths that differ, months above 12."""
    for numbers in ([1710768600, 1710768900], [202413180930], [202403180930, 20240318093000]):
        assert not parse_digits(np.array(numbers))
    assert (
        parse_digits(np.array([202403180930]))["%Y%m%d%H%M"][0]
        == ((date(2024, 3, 18) - date(1970, 1, 1)) // timedelta(seconds=1) + 34_200) * 10**9
    )

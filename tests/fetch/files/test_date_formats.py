"""Dates in words and digits: every format that a column allows."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hfm.fetch.files.date_formats import date_readings, parse_dates

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

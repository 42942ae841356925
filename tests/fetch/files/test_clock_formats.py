"""Times of day in words and digits: every format that a column allows."""

from __future__ import annotations

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hfm.fetch.files.clock_formats import normalise_clock, parse_clocks


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


@given(minute=st.integers(1, 1439), other=st.integers(601, 959))
def test_a_clock_of_a_spreadsheet_is_written_as_one_of_words(minute: int, other: int) -> None:
    """09h30, and 0.395833 of a day, are 09:30."""
    clocks = [divmod(m, 60) for m in (minute, other)]
    by_h = normalise_clock(pa.chunked_array([[f"{h:02d}h{m:02d}" for h, m in clocks]])).to_pylist()
    assert by_h == [f"{h:02d}:{m:02d}" for h, m in clocks]
    parts = normalise_clock(pa.chunked_array([[f"{(h * 60 + m) / 1440:.9f}" for h, m in clocks]])).to_pylist()
    assert parts == [f"{h:02d}:{m:02d}:00" for h, m in clocks]


def test_clocks_of_two_writings_stay_as_they_are() -> None:
    """All cells must be of one."""
    cells = ["09h30", "9.45"]
    assert normalise_clock(pa.chunked_array([cells])).to_pylist() == cells

"""A text as a table of text, without what is certainly no row."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hfm.errors import DataError
from hfm.fetch.files.dialect import delimited

HEAD = "Date,Open,High,Low,Close"
ROWS = [f"2024-03-18 09:{minute}:00,1.5,2.5,0.5,{minute}" for minute in range(30, 40)]


def closes(lines: list[str]) -> list[str]:
    table = delimited("\n".join([*lines, ""]).encode(), Path("a.csv"))
    return table.columns[table.names.index("Close")].to_pylist()


@given(st.integers(1, 9), st.sampled_from([HEAD, "", "# note", ",,,,"]))
def test_a_line_that_is_certainly_no_row_is_left_out(at: int, line: str) -> None:
    """The header again, a blank line, a comment, a line of commas, anywhere."""
    assert closes([HEAD, *ROWS[:at], line, *ROWS[at:]]) == [str(k) for k in range(30, 40)]


def test_words_at_the_end_are_left_out_and_told() -> None:
    """A vendor's last line."""
    table = delimited("\n".join([HEAD, *ROWS, "End of data,,,,", ""]).encode(), Path("a.csv"))
    assert len(table.columns[0]) == 10
    assert "End of data" in table.warnings[0]


def test_a_line_that_may_be_a_row_is_refused_by_name() -> None:
    """Half a row."""
    with pytest.raises(DataError, match="line 4 has 2 columns, most have 5"):
        closes([HEAD, *ROWS[:2], "2024-03-18 09:32:00,1.5", *ROWS[2:]])


def test_a_header_without_rows_is_refused() -> None:
    """It has nothing to give."""
    with pytest.raises(DataError, match="no rows"):
        closes([HEAD])

"""Where a text's table begins, and what parts its columns."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hfm.errors import DataError
from hfm.fetch.files.preamble import column_names, read_preamble, split_line

NAMES = ("Date", "Open", "High", "Low", "Close", "Volume")
ROW = ("2024-03-18 09:30", "1.5", "2.5", "0.5", "1.5", "100")


def text(delimiter: str, top: list[str], named: bool = True) -> bytes:
    rows = [*([NAMES] if named else []), ROW, ROW, ROW]
    return "\n".join([*top, *(delimiter.join(row) for row in rows), ""]).encode()


@given(st.sampled_from(";\t|,"), st.lists(st.sampled_from(["", "Prices of a vendor", "# a comment"]), max_size=3))
def test_the_header_is_found_below_what_stands_above(delimiter: str, top: list[str]) -> None:
    """Its names, and how many lines come before the rows."""
    found = read_preamble(text(delimiter, top), Path("a.csv"))
    assert (found.delimiter, found.width, found.skipped) == (delimiter, 6, len(top) + 1)
    assert column_names(found) == (NAMES, None)


def test_a_table_without_a_header_has_positions() -> None:
    """Counted from 1."""
    found = read_preamble(text(",", [], named=False), Path("a.csv"))
    assert (found.header, found.skipped) == ((), 0)
    assert column_names(found)[0] == ("1", "2", "3", "4", "5", "6")


def test_a_line_of_another_width_is_named() -> None:
    """Before the rows too."""
    torn = b"2024-03-18 09:25,1,2\n" + text(",", [], named=False)
    with pytest.raises(DataError, match="line 1 has 3 columns, most have 6"):
        read_preamble(torn, Path("a.csv"))


@pytest.mark.parametrize("data", [b"", b"\n\n", b"one\ntwo\n"])
def test_a_text_without_a_table_is_refused(data: bytes) -> None:
    """Empty, or words alone."""
    with pytest.raises(DataError):
        read_preamble(data, Path("a.csv"))


def test_cells_have_no_blanks_around_and_keep_a_delimiter_in_quotes() -> None:
    """As CSV has it."""
    assert split_line(' a , "b, c" ,d', ",") == ("a", "b, c", "d")

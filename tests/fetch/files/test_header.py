"""Which cells are times, numbers and names; headers that name a symbol a column."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hfm.fetch.files.header import FIELDS, flat_names, header_levels, is_header, is_number, is_row, is_time, plain


@pytest.mark.parametrize("cell", ["2024-03-18", "18.03.2024 09:30", "09:30", "1710768600", "Mar 18, 2024 9:30:00 AM"])
def test_a_time_looks_like_one(cell: str) -> None:
    """Dates, clocks, epochs."""
    assert is_time(cell)


@given(st.floats(0.01, 1e9))
def test_a_number_looks_like_one_whatever_its_marks(x: float) -> None:
    """Decimals by either mark, thousands, a currency."""
    for cell in (f"{x:.2f}", f"{x:.2f}".replace(".", ","), f"{x:,.2f}", f"$ {x:.2f}", f"-{x:.4g}"):
        assert is_number(cell)
    assert not is_number("open")


def test_a_row_has_a_time_and_numbers_and_a_header_has_neither() -> None:
    """No line is both."""
    row, names = ("2024-03-18 09:30", "1", "2", "0.5", "1.5"), ("Date", "Open", "High", "Low", "Close")
    assert (is_row(row), is_header(row)) == (True, False)
    assert (is_row(names), is_header(names)) == (False, True)


@given(st.sampled_from(sorted(FIELDS.values())), st.sampled_from(["{}", "{} (USD)", "1. {}", " {}_", "{}:"]))
def test_a_name_is_plain_without_its_marks(field: str, form: str) -> None:
    """Case, punctuation, a number in front, a unit behind."""
    assert plain(form.format(field.upper())) == field.replace(" ", "")


@pytest.mark.parametrize("form", ["{s}.{f}", "{f}_{s}", "('{f}', '{s}')", "{s} {f}"])
def test_a_flat_header_names_symbol_and_field(form: str) -> None:
    """Each symbol has its columns; the time belongs to all."""
    fields = ("Open", "High", "Low", "Close")
    names = ["Date", *(form.format(s=symbol, f=field) for symbol in ("SPY", "QQQ") for field in fields)]
    wide = flat_names(names)
    assert wide is not None
    assert {symbol: [part[f.lower()] for f in fields] for symbol, part in wide.items()} == {
        "SPY": [1, 2, 3, 4], "QQQ": [5, 6, 7, 8]
    }  # fmt: skip


def test_a_header_in_two_lines_may_have_either_above() -> None:
    """Fields over symbols, and symbols over fields."""
    fields, owners = ["", "Open", "High", "Low", "Close"], ["Date", "SPY", "SPY", "SPY", "SPY"]
    for rows in ([fields, owners], [owners, fields]):
        found = header_levels(rows)
        assert found is not None
        assert found[0][0] == "Date"
        assert found[1] == {"SPY": {"open": 1, "high": 2, "low": 3, "close": 4}}
    assert header_levels([fields]) is None

"""Text as numbers: one mark of decimals for a file, or a refusal."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hfm.errors import DataError
from hfm.fetch.files.numerals import parse_numbers

PRICES = st.lists(st.decimals(1, 9999, places=2), min_size=1, max_size=8)


def parse(cells: list[str], decimal: str = "auto", delimiter: str | None = ",") -> list[float]:
    values, _ = parse_numbers({"close": pa.chunked_array([cells])}, {"close": "Close"}, Path("a"), decimal, delimiter)
    return values["close"].tolist()


@given(PRICES)
def test_numbers_come_back_from_either_mark(prices: list[object]) -> None:
    """A point, and a comma with two decimals, in one file."""
    numbers = [float(str(price)) for price in prices]
    assert parse([f"{x:.2f}" for x in numbers]) == numbers
    assert parse([f"{x:.2f}".replace(".", ",") for x in numbers], delimiter=";") == numbers


@given(st.lists(st.integers(1_000_000, 999_999_999), min_size=1, max_size=5))
def test_thousands_are_known_by_two_marks(numbers: list[int]) -> None:
    """1,234,567 can be nothing else."""
    assert parse([f"{n:,}" for n in numbers]) == numbers


def test_three_digits_behind_a_mark_are_refused_until_one_is_given() -> None:
    """1,234 is 1234 or 1.234."""
    with pytest.raises(DataError) as caught:
        parse(["1,234", "5,678"], delimiter=";")
    assert "fetch.decimal" in caught.value.hint
    assert parse(["1,234"], decimal="comma") == [1.234]
    assert parse(["1,234"], decimal="point") == [1234.0]


@pytest.mark.parametrize("cell", ["", "NaN", "null", "N/A", "-"])
def test_a_cell_that_says_nothing_is_nan(cell: str) -> None:
    """Beside a number."""
    assert np.isnan(parse([cell, "1.5"])[0])


def test_a_word_is_refused_with_its_row() -> None:
    """The first one, counted from 1."""
    with pytest.raises(DataError, match="data row 2: 'soon' is not a number"):
        parse(["1.5", "soon"])

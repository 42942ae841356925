"""The symbol that a file's name says."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hfm.fetch.files.filenames import symbol, symbols

TICKERS = st.from_regex(r"[A-Z]{3}X[A-Z]?", fullmatch=True)


@given(TICKERS, st.sampled_from(["{}.csv", "{}_5min.csv.gz", "{}-2024-03.parquet", "{}_1m_2024-03-18_adjusted.txt",
                                 "2024-03_{}.csv", "{} (1).csv", "data_{}_full.zip"]))  # fmt: skip
def test_dates_lengths_and_words_are_no_part_of_a_symbol(ticker: str, form: str) -> None:
    """Whatever stands around it."""
    assert symbol(Path(form.format(ticker))) == ticker


@pytest.mark.parametrize("name", ["bars.csv", "2024-03.csv", "5min_data.parquet", "export (2).csv"])
def test_a_name_of_nothing_else_says_no_symbol(name: str) -> None:
    """None, and no guess."""
    assert symbol(Path(name)) is None


def test_numbers_that_are_no_dates_are_symbols_of_all_files() -> None:
    """Codes of Tokyo and Shanghai."""
    assert symbols([Path("7203.csv"), Path("600519.csv")]) == ["7203", "600519"]

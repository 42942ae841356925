"""Columns that could play a role which no name gives them."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from hfm.fetch.files.candidates import candidates, is_times, other_volume_warning, volume_candidates
from hfm.fetch.files.dialect import Delimited


def table(**columns: list[str]) -> Delimited:
    return Delimited(tuple(columns), tuple(pa.chunked_array([cells]) for cells in columns.values()))


@pytest.mark.parametrize(("cells", "times"), [
    (["2024-03-18 09:30", "2024-03-18 09:35"], True), (["1710768600", "1710768900"], True),
    (["2024-03-18 09:30", "soon"], False), (["1.5", "2.5"], False),
])  # fmt: skip
def test_a_column_of_instants_is_one(cells: list[str], times: bool) -> None:
    """All cells must look so."""
    assert is_times(pa.chunked_array([cells])) is times


def test_a_price_between_low_and_high_could_be_the_close() -> None:
    """An average is named, and is none."""
    found = table(high=["2", "3"], low=["1", "2"], x=["1.5", "2.5"], vwap=["1.5", "2.5"], y=["9", "9"])
    assert candidates("close", {"high": 0, "low": 1}, found) == [2]
    assert candidates("close", {"high": 0}, found) == []


def test_volumes_with_something_in_them_come_first() -> None:
    """Of two of which one is the other times the price, the shares."""
    found = table(close=["10", "10"], vol0=["0", "0"], volquote=["1000", "2000"], volbase=["100", "200"])
    assert volume_candidates(found, {"close": 0}) == [3, 2, 1]


def test_a_volume_of_zeros_beside_a_real_one_is_warned_of() -> None:
    """With the option that takes it; not where it has any."""
    found = table(volume=["0", "0"], volbase=["100", "200"])
    assert "--map volume=volbase" in other_volume_warning({"volume": 0}, found, np.zeros(2))[0]
    assert other_volume_warning({"volume": 0}, found, np.ones(2)) == []

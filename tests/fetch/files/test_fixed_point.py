"""Prices in whole units of a small scale."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hfm.arrays import Float
from hfm.errors import DataError
from hfm.fetch.files.fixed_point import scale_prices
from hfm.fetch.files.roles import PRICES

CENTS = st.lists(st.integers(1_001, 99_999), min_size=1, max_size=6)


def scale(prices: list[float], names: tuple[str, ...] = (), unit: float | None = None) -> Float:
    values = {role: np.array(prices, float) for role in PRICES} | {"volume": np.full(len(prices), 7.0)}
    columns = {role: pa.chunked_array([[str(int(p)) for p in prices]]) for role in PRICES}
    scaled, _, _ = scale_prices(values, columns, names, unit, Path("a.csv"))
    assert (scaled["volume"] == 7.0).all()
    return scaled["close"]


@given(CENTS, st.sampled_from([1e-2, 1e-4, 1e-9]))
def test_a_unit_that_is_given_is_the_price_of_one(cents: list[int], unit: float) -> None:
    """A quotient, rounded once: the price is the decimal's own."""
    whole = [round(c / 100 / unit) for c in cents]
    assert scale(whole, unit=unit).tolist() == [c / 100 for c in cents]


@given(CENTS)
def test_databentos_whole_numbers_are_nanos(cents: list[int]) -> None:
    """Known by its columns."""
    assert scale([c * 10_000_000 for c in cents], ("rtype", "publisher_id")).tolist() == [c / 100 for c in cents]


def test_whole_prices_that_are_too_large_are_refused() -> None:
    """Nobody says their scale."""
    with pytest.raises(DataError, match="units of a small scale") as caught:
        scale([470_030_000, 470_040_000])
    assert "fetch.price_unit=1e-6" in caught.value.hint


@given(st.lists(st.floats(0.01, 1e4), min_size=1, max_size=5))
def test_prices_with_decimals_stay(prices: list[float]) -> None:
    """They are in currency."""
    assert scale([*prices, 0.5]).tolist() == [*prices, 0.5]

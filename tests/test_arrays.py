"""Dates as numbers."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from hfm.arrays import day_ns, day_numbers
from hfm.instants import DAY_NS


@given(st.lists(st.integers(-100_000, 100_000), max_size=5), st.sampled_from(["D", "s", "ns"]))
def test_a_date_and_its_number_are_one_thing_in_each_unit(days: list[int], unit: str) -> None:
    """Days since 1970 come back from dates, whatever unit these are held in, before 1970 as well."""
    dates = np.array(days, "datetime64[D]").astype(f"datetime64[{unit}]")
    assert day_numbers(dates).tolist() == days
    assert day_ns(dates).tolist() == [day * DAY_NS for day in days]


def test_an_hour_of_a_day_belongs_to_that_day() -> None:
    """An instant counts as the date that it lies in, before 1970 too."""
    assert day_numbers(np.array(["1969-12-31T23:00", "1970-01-01T23:00"], "datetime64[m]")).tolist() == [-1, 0]


def test_none_gives_none() -> None:
    """No dates, no numbers."""
    assert day_ns(np.empty(0, "datetime64[D]")).shape == (0,)

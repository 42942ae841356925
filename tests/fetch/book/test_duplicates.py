"""Rows that stand in a vendor's files twice, or out of order."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hfm.errors import DataError
from hfm.fetch.book.dumps import Dump
from hfm.fetch.book.duplicates import by_id, check_time_order, find_repeats

FILES = [Dump(Path(f"{name}.csv"), "trades", 0, ("id", "price")) for name in "ab"]
IDS = st.lists(st.integers(0, 99), unique=True, min_size=1, max_size=20)


def table(ids: list[int], prices: list[float]) -> pa.Table:
    return pa.table({"id": pa.array(ids, pa.int64()), "price": pa.array(prices, pa.float64())})


@given(IDS, st.randoms())
def test_each_id_comes_once_and_in_order_whatever_the_files(ids: list[int], random: object) -> None:
    """Rows doubled over two files, shuffled."""
    order = list(ids)
    random.shuffle(order)  # type: ignore[attr-defined]
    parts = [table(part, [x / 2 for x in part]) for part in (ids, order)]
    data, notes = by_id(FILES, parts, "id", "trades")
    assert data["id"].to_pylist() == sorted(ids)
    assert data["price"].to_pylist() == [x / 2 for x in sorted(ids)]
    assert f"{len(ids)} trades that stood there twice" in notes[0]


def test_rows_of_one_id_that_differ_are_refused_by_line() -> None:
    """One of them is wrong; where that is no fault both stay."""
    parts = [table([1, 2], [5.0, 6.0]), table([2], [7.0])]
    with pytest.raises(DataError, match=r"b\.csv: line 2: a second row of id 2"):
        by_id(FILES, parts, "id", "trades")
    assert by_id(FILES, parts, "id", "trades", strict=False)[0]["price"].to_pylist() == [5.0, 6.0, 7.0]


def test_a_repeat_is_alike_or_different() -> None:
    """The first of a key is neither."""
    found = find_repeats(np.array([4, 4, 4, 5]), table([4, 4, 4, 5], [1.0, 1.0, 2.0, 1.0]), ["price"])
    assert found.alike.tolist() == [False, True, False, False]
    assert found.different.tolist() == [False, False, True, False]


def test_a_time_that_runs_back_is_named() -> None:
    """By file and line."""
    data, _ = by_id(FILES[:1], [table([1, 2, 3], [1.0, 1.0, 1.0])], "id", "trades")
    check_time_order(FILES, data, np.array([5, 5, 6]), "id")
    with pytest.raises(DataError, match=r"a\.csv: line 4"):
        check_time_order(FILES, data, np.array([5, 6, 5]), "id")

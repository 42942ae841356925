"""LOBSTER's files as arrays, checked line by line."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from hfm.errors import DataError
from hfm.fetch.book.lobster_files import LobsterDay, read_messages, read_orderbook, rebuild_book

GOOD = ["34200.5,1,11,100,100000,1", "34201,1,12,50,100200,-1", "34202,2,11,40,100000,1"]
BOOK = ["9999999999,0,100000,100", "100200,50,100000,100", "100200,50,100000,60"]


def write(path: Path, rows: list[str]) -> Path:
    path.write_text("\n".join([*rows, ""]))
    return path


@pytest.mark.parametrize(("row", "why"), [
    ("34203,9,1,1,1,1", "its type"), ("34203,1,13,10,100000,0", "its direction"), ("34203,1,13,0,100000,1", "its size"),
    ("34203,7,0,0,5,1", "a halt's"), ("86400,1,13,1,1,1", "no second"), ("34200,1,13,1,1,1", "before the line before"),
    ("34203,1,11,1,1,1", "submitted before"),
])  # fmt: skip
def test_an_impossible_message_is_named_by_its_line(tmp_path: Path, row: str, why: str) -> None:
    """With what is wrong with it."""
    with pytest.raises(DataError, match="line 4") as caught:
        read_messages(write(tmp_path / "m.csv", [*GOOD, row]))
    assert why in caught.value.why


def test_levels_have_the_sides_of_the_file(tmp_path: Path) -> None:
    """Asks first in the file, bids first here; a level that is not there is NaN."""
    message = write(tmp_path / "m.csv", GOOD)
    day = LobsterDay("XYZ", "2012-06-21", 1, message, write(tmp_path / "b.csv", BOOK))
    assert day.orderbook is not None
    book = read_orderbook(day, day.orderbook, read_messages(message))
    np.testing.assert_array_equal(book, [[10, 10, 10], [100, 100, 60], [np.nan, 10.02, 10.02], [0, 50, 50]])


def test_a_book_that_is_rebuilt_is_the_vendors(tmp_path: Path) -> None:
    """Of messages of enough levels, where no order was there before."""
    messages = read_messages(write(tmp_path / "m.csv", GOOD))
    rebuilt = rebuild_book(LobsterDay("XYZ", "2012-06-21", 5, tmp_path / "m.csv", None), messages, 1)
    np.testing.assert_array_equal(rebuilt.levels, [[10, 10, 10], [100, 100, 60], [np.nan, 10.02, 10.02], [0, 50, 50]])
    assert rebuilt.counts == {"unseen_orders": 0, "short_changes": 0}
    with pytest.raises(DataError, match="is alone"):
        rebuild_book(LobsterDay("XYZ", "2012-06-21", 1, tmp_path / "message.csv", None), messages, 0)

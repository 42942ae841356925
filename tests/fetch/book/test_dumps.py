"""Files of one vendor: units of time, names of symbols."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from hfm.errors import DataError
from hfm.fetch.book import dumps
from hfm.fetch.book.dumps import Dump

HERE = Dump(Path("BTCUSDT-trades-2024-03-01.csv"), "trades", 0, ("a",))


@pytest.mark.parametrize("factor", [1, 10**3, 10**6])
def test_stamps_are_ns_whatever_their_unit(factor: int) -> None:
    """Milliseconds, microseconds and ns of 2001 and of 2100."""
    stamp = np.array([1_000_000_000_000, 4_102_444_800_000])
    assert dumps.to_ns(HERE, stamp * factor).tolist() == (stamp * 10**6).tolist()
    assert dumps.to_ns(HERE, stamp[:0]).tolist() == []


def test_stamps_of_no_unit_or_of_two_are_refused() -> None:
    """Seconds since midnight; milliseconds that become microseconds within a file."""
    for stamp in ([34_200], [1_709_251_200_000, 1_709_251_200_000_000]):
        with pytest.raises(DataError, match="neither ms, us nor ns"):
            dumps.to_ns(HERE, np.array(stamp))


def test_a_symbol_is_the_one_asked_for_with_or_without_its_venue() -> None:
    """But no other one that begins alike."""
    assert dumps.is_same_name("BTCUSDT", "btcusdt")
    assert dumps.is_same_name("BTCUSDT", "BTCUSDT-usdm")
    assert not dumps.is_same_name("BTC", "BTCUSDT")


def test_a_files_day_is_in_its_name() -> None:
    """Or nowhere."""
    assert HERE.span == "2024-03-01"
    assert Dump(Path("states.parquet"), "states", 5, ()).span == ""
    assert Dump(Path("BTCUSDT-trades-2024-03.zip"), "trades", 0, ()).span == "2024-03"


def test_the_first_bad_row_is_a_line() -> None:
    """Counted with the header."""
    with pytest.raises(DataError, match=r"line 3: odd"):
        dumps.require(HERE, np.array([True, False, False]), "odd")
    with pytest.raises(DataError, match=r"line 4: its time"):
        dumps.check_order(HERE, np.array([1, 1, 0]))

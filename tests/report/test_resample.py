"""Five-minute bars of an order book: by hand on a book of a few events."""

from __future__ import annotations

import numpy as np
import pytest

from hfm.report import resample
from hfm.tables import MemoryReader
from tests.orderbook import DAY, OPEN, SECOND, book_table, queue_race


def test_a_short_day_is_one_bar_of_its_mids_and_trades() -> None:
    """Mids 10.01 to 10.005, 65 shares traded; rows without a two-sided quote are left out."""
    data, meta = resample.bars(MemoryReader(book_table(DAY)))
    assert meta.interval_s == 300
    assert meta.slots_per_session == 1
    assert data["seq"].tolist() == [0]
    assert data["open"][0] == pytest.approx(10.01)
    assert data["close"][0] == pytest.approx(10.005)
    assert data["volume"][0] == 65
    assert data["time"][0] == OPEN + 300 * SECOND


def test_slots_count_from_the_sessions_first_and_bars_join() -> None:
    """An hour is twelve bars; each opens where the one before closed; the volume is all that was traded."""
    table = queue_race(600, seconds=3600.0)
    data, meta = resample.bars(MemoryReader(table))
    np.testing.assert_array_equal(data["seq"], np.arange(12))
    np.testing.assert_array_equal(data["open"][1:], data["close"][:-1])
    traded = [s for s, e in zip(table["size"].to_pylist(), table["event"].to_pylist(), strict=True) if e == "execute"]
    assert data["volume"].sum() == sum(traded)
    assert meta.slots_per_session == 12


def test_slots_begin_anew_in_each_session() -> None:
    """Two days, the second begins later in the day."""
    time = np.array([0, 400, 86_400 + 900, 86_400 + 1201], np.int64) * SECOND
    np.testing.assert_array_equal(resample.slots(time, np.array([0, 0, 1, 1])), [0, 1, 0, 1])


def test_hours_are_local() -> None:
    """Half past nine in New York."""
    np.testing.assert_allclose(resample.hours(np.array([OPEN, OPEN + 1800 * SECOND]), "America/New_York"), [9.5, 10.0])
    assert len(resample.hours(np.empty(0, np.int64), "UTC")) == 0

"""Events to arrays, by hand."""

from __future__ import annotations

import numpy as np
import pytest

from hfm.simulate.replay import event_tape
from tests.orderbook import DAY, NAN, book_table


def test_order_flow_is_that_of_cont_kukanov_and_stoikov_by_hand() -> None:
    """Bids up, sizes up, a queue taken, a side that empties and comes back: shares event by event."""
    found = event_tape.read(book_table(DAY), 1)
    assert found is not None
    np.testing.assert_array_equal(found.ofi, [0, -50, 30, 20, 10, -50, 0, 40, -10])
    assert found.first == 1
    np.testing.assert_allclose(found.mid, [10.01, 10.01, 10.02, 10.02, 10.02, 10.01, 10.01, 10.01, 10.005])
    np.testing.assert_allclose(found.spread, [NAN, 0.04, 0.02, 0.02, 0.02, 0.04, 0.04, NAN, 0.03])


def test_trades_have_the_sign_of_who_took() -> None:
    """A resting ask hit is a buyer, a resting bid hit a seller; without a side, the mid before decides."""
    found = event_tape.read(book_table(DAY), 1)
    assert found is not None
    np.testing.assert_array_equal(found.sign, [1, -1, -1])
    np.testing.assert_allclose(found.before, [10.02, 10.02, 10.01])
    np.testing.assert_array_equal(found.size, [10, 50, 5])


def test_a_cross_counts_as_volume_and_takes_no_side() -> None:
    """An auction has no aggressor."""
    found = event_tape.read(book_table([*DAY, (8.0, "cross", 0, 10.0, 500, 9.99, 100, 10.02, 10)]), 1)
    assert found is not None
    assert found.sign[-1] == 0
    assert found.size[-1] == 500


def test_lee_ready_at_the_mid_takes_the_sign_of_the_last_change() -> None:
    """Above +1, below -1; at the mid after a rise +1, after a fall -1, before any change 0."""
    price = np.array([10.0, 10.0, 10.1, 10.1, 9.9, 9.9])
    mid = np.array([10.0, 9.9, 10.2, 10.1, 9.9, 9.8])
    np.testing.assert_array_equal(event_tape.lee_ready(price, mid), [0, 1, -1, 1, -1, 1])


def test_a_book_that_never_has_two_sides_has_no_tape() -> None:
    """Nothing but bids: None."""
    assert event_tape.read(book_table(DAY[:1]), 1) is None


def test_imbalance_counts_all_levels() -> None:
    """One level: (100 - 50) / 150 after the second event, (50 - 40) / 90 after the fifth."""
    found = event_tape.read(book_table(DAY), 1)
    assert found is not None
    assert found.imbalance[1] == pytest.approx(1 / 3)
    assert found.imbalance[4] == pytest.approx(1 / 9)


def test_sizes_below_one_are_sizes() -> None:
    """A crypto book of fractions: the imbalance of .3 against .1 is a half."""
    found = event_tape.read(book_table([(1.0, "add", -1, 10.03, 0.1, 9.99, 0.3, 10.03, 0.1)]), 1)
    assert found is not None
    assert found.imbalance[0] == pytest.approx(0.5)

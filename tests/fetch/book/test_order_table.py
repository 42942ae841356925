"""Orders by number, against a dict of them."""

from __future__ import annotations

import numpy as np
import pytest

from hfm.fetch.book.order_table import ORDER, move_orders, place_of, remove_order
from hfm.tables.records import Records


def standing(orders: Records) -> dict[int, tuple[int, int]]:
    """Number -> price and size."""
    return {int(o["number"]): (int(o["price"]), int(o["qty"])) for o in orders[orders["qty"] > 0]}


@pytest.mark.parametrize("spread", [1, 64, 2**40])
def test_orders_come_change_and_go_as_in_a_dict(spread: int) -> None:
    """Half of the places taken; numbers in a row, far apart and negative, and so many that share a place."""
    rng = np.random.default_rng(spread % 97)
    orders, known = np.zeros(64, ORDER), dict[int, tuple[int, int]]()
    numbers = (rng.integers(-50, 50, 3000) * spread).tolist()
    for number in numbers:
        at = place_of(orders, number)
        assert (orders[at]["qty"] > 0) == (number in known)
        if number in known and rng.random() < 0.6:
            remove_order(orders, at)
            del known[number]
        elif number in known or len(known) < 32:
            known[number] = (int(rng.integers(1, 99)), int(rng.integers(1, 9)))
            orders[at] = (number, *known[number])
        assert standing(orders) == known
    assert all(orders[place_of(orders, number)]["number"] == number for number in known)


def test_a_larger_table_has_the_same_orders() -> None:
    """Each is found there, and places that were freed stay behind."""
    orders, larger = np.zeros(16, ORDER), np.zeros(64, ORDER)
    for number in range(7):
        orders[place_of(orders, number)] = (number, 100 + number, 1 + number)
    remove_order(orders, place_of(orders, 3))
    move_orders(orders, larger)
    assert standing(larger) == standing(orders) == {k: (100 + k, 1 + k) for k in (0, 1, 2, 4, 5, 6)}
    assert all(larger[place_of(larger, number)]["number"] == number for number in standing(orders))

"""Price levels against a dict of them, and the rows that show them."""

from __future__ import annotations

import numpy as np
import pytest

from hfm.fetch.book.order_levels import (
    NO_LEVEL,
    SHOWN,
    BookState,
    OrderEvents,
    change_level,
    clear,
    fill,
    set_order,
    show,
)  # fmt: skip
from hfm.fetch.book.order_table import ORDER, place_of


def empty(levels: int, room: int = 400) -> BookState:
    """No order stands."""
    shown = np.zeros(2 * levels, SHOWN)
    shown["key"] = NO_LEVEL
    return BookState(
        np.zeros(64, ORDER), np.zeros((2, room), np.int64), np.zeros((2, room)), np.zeros(3, np.int64), shown
    )


def rows_of(levels: int, rows: int) -> OrderEvents:
    """Room for rows."""
    sign, whole, real = np.zeros(rows, np.int8), np.zeros(rows, np.int64), np.zeros(rows)
    return OrderEvents(whole, sign, sign, real, real, whole, np.full((4 * levels, rows), -7.0))


@pytest.mark.parametrize("side", [1, -1])
def test_levels_are_sorted_and_those_of_a_dict(side: int) -> None:
    """The best one last; what takes more than there is empties a level, and of one that is not there takes nothing."""
    rng, state, known = np.random.default_rng(5), empty(1), dict[int, float]()
    for _ in range(4000):
        price, change = int(rng.integers(1, 120)), float(rng.integers(-6, 6))
        change_level(state, side, price, change)
        known[price] = max(known.get(price, 0.0) + change, 0.0)
        known = {p: size for p, size in known.items() if size}
    s = 0 if side > 0 else 1
    count = int(state.counts[s])
    prices = state.keys[s, :count] * side
    assert prices.tolist() == sorted(known, reverse=side < 0)
    assert state.sizes[s, :count].tolist() == [known[p] for p in prices.tolist()]
    assert state.counts[1 - s] == 0


def test_a_record_without_a_side_changes_no_level() -> None:
    """And a cleared book has none, nor an order."""
    state = empty(1)
    change_level(state, 0, 100, 5.0)
    assert not state.counts.any()
    change_level(state, 1, 100, 5.0)
    set_order(state, 7, 100, 5)
    assert state.counts.tolist() == [1, 0, 1]
    clear(state)
    assert not state.counts.any()
    assert state.orders[place_of(state.orders, 7)]["qty"] == 0


def test_an_order_is_counted_once_and_gone_at_nothing() -> None:
    """Brought, changed, brought again, taken; taken once more it is still gone."""
    state = empty(1)
    for size, count in ((5, 1), (3, 1), (9, 1), (0, 0), (0, 0), (4, 1), (-1, 0)):
        set_order(state, 11, 100, size)
        assert state.counts[2] == count


def test_rows_show_the_levels_as_they_were_then() -> None:
    """Filled when a level changes, the same as if each row were written at once."""
    rng, levels, n = np.random.default_rng(8), 3, 300
    state, out, want = empty(levels), rows_of(levels, n), np.full((4 * levels, n), np.nan)
    for row in range(n):
        if rng.random() < 0.02:
            clear(state)
        side = int(rng.choice([-1, 1]))
        change_level(state, side, 100 - side * int(rng.integers(1, 9)), float(rng.integers(-9, 12)))
        show(state, 2.0, out, row)
        for s, sign in enumerate((1, -1)):
            for k in range(levels):
                at = int(state.counts[s]) - 1 - k
                want[4 * k + 2 * s, row] = sign * state.keys[s, at] / 2.0 if at >= 0 else np.nan
                want[4 * k + 2 * s + 1, row] = state.sizes[s, at] if at >= 0 else 0.0
    for c in range(2 * levels):
        fill(state.shown[c], 2 * c, 2.0, out, n)
    np.testing.assert_array_equal(out.levels, want)


def test_rows_are_cut_out_and_put_where_they_belong() -> None:
    """All columns; views of the same memory."""
    out, other = rows_of(2, 6), rows_of(2, 6)
    out.levels[:, 2:4] = 5.0
    out.price[2:4] = 3.0
    other.put(1, out.rows(2, 4))
    assert (other.levels[:, 1:3] == 5.0).all()
    assert other.price.tolist() == [0.0, 3.0, 3.0, 0.0, 0.0, 0.0]
    assert np.shares_memory(out.rows(2, 4).levels, out.levels)

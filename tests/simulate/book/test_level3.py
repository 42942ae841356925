"""Orders one by one: first in, first out, numbered, and none is lost."""

from __future__ import annotations

import numpy as np
import pytest

from hfm.simulate.book import book_state as at
from hfm.simulate.book import level3
from tests.board import board

PRICES = (240, 241, 262)


def line(i: np.ndarray, price: int) -> list[tuple[int, int]]:
    """(number, size) of the orders at a price from the first on, both ways round."""
    out, n = [], int(i[level3.ends(i, price)])
    while n:
        a = level3.node(i, n)
        out.append((int(i[a + level3.NUMBER]), int(i[a + level3.SIZE])))
        n = int(i[a + level3.NEXT])
    back, n = [], int(i[level3.ends(i, price) + 1])
    while n:
        a = level3.node(i, n)
        back.append(int(i[a + level3.NUMBER]))
        n = int(i[a + level3.PREVIOUS])
    assert back[::-1] == [number for number, _ in out]
    return out


def test_orders_are_those_of_a_plain_list() -> None:
    """A thousand comings, shrinkings and goings at three prices beside Python lists."""
    i, rng = board(l3=True, full=False).i, np.random.default_rng(0)
    wanted: dict[int, list[list[int]]] = {p: [] for p in PRICES}
    for _ in range(1000):
        price = int(rng.choice(PRICES))
        if rng.random() < 0.55 or not wanted[price]:
            size = int(rng.integers(1, 500))
            level3.append(i, price, size)
            wanted[price].append([int(i[at.ORDER_ID]), size])
            continue
        k = int(rng.integers(len(wanted[price])))
        n = int(i[level3.ends(i, price)])
        for _ in range(k):
            n = int(i[level3.node(i, n) + level3.NEXT])
        size = int(rng.integers(1, wanted[price][k][1] + 1))
        level3.shrink(i, price, n, size)
        assert i[at.ORDER_ID] == wanted[price][k][0]
        wanted[price][k][1] -= size
        wanted[price] = [o for o in wanted[price] if o[1]]
    assert {p: [tuple(o) for o in wanted[p]] for p in PRICES} == {p: line(i, p) for p in PRICES}
    assert sum(map(len, wanted.values())) > 20


def test_numbers_are_never_used_twice_and_places_are() -> None:
    """An order that goes leaves its place to the next one, not its number."""
    i = board(l3=True, full=False).i
    for size in (10, 20):
        level3.append(i, 250, size)
    first = int(i[level3.ends(i, 250)])
    level3.shrink(i, 250, first, 10)
    level3.append(i, 251, 30)
    assert int(i[level3.ends(i, 251)]) == first
    assert line(i, 251) == [(3, 30)]


def test_the_impatient_go_first() -> None:
    """Of three classes in line the one with the short life is cancelled most often, of one order that one."""
    book = board(l3=True, full=False)
    level3.append(book.i, 250, 10)
    assert level3.restless(book.i, book.u, 250) == book.i[level3.ends(book.i, 250)]
    for _ in range(29):
        level3.append(book.i, 250, 10)
    counts = np.zeros(3)
    for _ in range(2000):
        n = level3.restless(book.i, book.u, 250)
        counts[book.i[level3.node(book.i, n) + level3.CLASS]] += 1
    assert counts[0] > 8 * counts[1] > 0
    assert counts.sum() == pytest.approx(2000)

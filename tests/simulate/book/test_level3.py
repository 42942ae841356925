"""Orders one by one: first in, first out, numbered, and none is lost."""

from __future__ import annotations

import numpy as np
import pytest

from hfm.simulate.book import level3
from hfm.simulate.book.book_state import BookEngine
from tests.board import board

PRICES = (240, 241, 262)


def line(engine: BookEngine, price: int) -> list[tuple[int, int]]:
    """(number, qty) of the orders at a price from the oldest on, both ways round."""
    out, n = [], int(engine.levels[price].first)
    while n:
        order = engine.orders[n]
        out.append((int(order.number), int(order.qty)))
        n = int(order.next)
    back, n = [], int(engine.levels[price].last)
    while n:
        back.append(int(engine.orders[n].number))
        n = int(engine.orders[n].previous)
    assert back[::-1] == [number for number, _ in out]
    return out


def test_orders_are_those_of_a_plain_list() -> None:
    """A thousand comings, shrinkings and goings at three prices beside Python lists."""
    engine, rng = board(l3=True, full=False), np.random.default_rng(0)
    wanted: dict[int, list[list[int]]] = {p: [] for p in PRICES}
    for _ in range(1000):
        price = int(rng.choice(PRICES))
        if rng.random() < 0.55 or not wanted[price]:
            qty = int(rng.integers(1, 500))
            level3.append_order(engine, price, qty)
            wanted[price].append([int(engine.book[0].order_id), qty])
            continue
        k = int(rng.integers(len(wanted[price])))
        n = int(engine.levels[price].first)
        for _ in range(k):
            n = int(engine.orders[n].next)
        qty = int(rng.integers(1, wanted[price][k][1] + 1))
        level3.reduce_order(engine, price, n, qty)
        assert engine.book[0].order_id == wanted[price][k][0]
        wanted[price][k][1] -= qty
        wanted[price] = [o for o in wanted[price] if o[1]]
    assert {p: [tuple(o) for o in wanted[p]] for p in PRICES} == {p: line(engine, p) for p in PRICES}
    assert sum(map(len, wanted.values())) > 20


def test_numbers_are_never_used_twice_and_places_are() -> None:
    """An order that goes leaves its place to the next one, not its number."""
    engine = board(l3=True, full=False)
    for qty in (10, 20):
        level3.append_order(engine, 250, qty)
    first = int(engine.levels[250].first)
    level3.reduce_order(engine, 250, first, 10)
    level3.append_order(engine, 251, 30)
    assert int(engine.levels[251].first) == first
    assert line(engine, 251) == [(3, 30)]


def test_the_impatient_go_first() -> None:
    """Of three classes in line the one with the short life is cancelled most often, of one order that one."""
    engine = board(l3=True, full=False)
    level3.append_order(engine, 250, 10)
    assert level3.is_single_order(engine, 250)
    assert level3.impatient_order(engine, 250) == engine.levels[250].first
    for _ in range(29):
        level3.append_order(engine, 250, 10)
    assert not level3.is_single_order(engine, 250)
    counts = np.zeros(3)
    for _ in range(2000):
        counts[engine.orders[level3.impatient_order(engine, 250)].patience] += 1
    assert counts[0] > 8 * counts[1] > 0
    assert counts.sum() == pytest.approx(2000)

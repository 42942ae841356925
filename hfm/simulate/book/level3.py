"""Orders one by one (`l3`): first in, first out at each tick, numbered, with a lifetime class of their own.

The orders of a tick are a doubly linked list in `engine.orders`, by place, counted from 1 (0: none); `engine.levels`
has each tick's oldest and newest. Places that orders left are chained by `next` from `book.free_order` on.
"""

from __future__ import annotations

from hfm.kernels.jit import bare
from hfm.simulate.book.book_state import BookEngine
from hfm.simulate.book.random_draws import uniform

LIFETIMES = (5.0, 50.0, 500.0)
"""Seconds: mean lifetimes of the three classes, which come in equal numbers."""


@bare
def append_order(engine: BookEngine, price: int, qty: int) -> None:
    """Put a new order behind all others at a price; `book.order_id` is its number.

    Parameters
    ----------
    engine
        Read and written.
    price
        Ticks.
    qty
        Units.
    """
    book = engine.book[0]
    n = book.free_order
    order, level = engine.orders[n], engine.levels[price]
    book.free_order = order.next if order.next > 0 else n + 1  # a place never used yet is followed by the next one
    book.last_number += 1
    book.order_id = book.last_number
    order.next = 0
    order.previous = level.last
    order.qty = qty
    order.number = book.last_number
    order.patience = book.last_number % 3
    if level.last:
        engine.orders[level.last].next = n
    else:
        level.first = n
    level.last = n


@bare
def reduce_order(engine: BookEngine, price: int, n: int, qty: int) -> None:
    """Take units from an order, and unlink it where none is left; `book.order_id` is its number.

    Parameters
    ----------
    engine
        Read and written.
    price
        Ticks.
    n
        Place of the order.
    qty
        Units, at most what it has.
    """
    book, order, level = engine.book[0], engine.orders[n], engine.levels[price]
    book.order_id = order.number
    order.qty -= qty
    if order.qty > 0:
        return
    before, after = order.previous, order.next
    if before:
        engine.orders[before].next = after
    else:
        level.first = after
    if after:
        engine.orders[after].previous = before
    else:
        level.last = before
    order.next = book.free_order
    book.free_order = n


@bare
def impatient_order(engine: BookEngine, price: int) -> int:
    """Place of an order at `price` to be cancelled: from the newest on, each is kept with its class's patience."""
    n = engine.levels[price].last
    while True:
        order = engine.orders[n]
        hazard = 0.5 if order.patience == 0 else 0.05 if order.patience == 1 else 0.005
        if order.previous == 0 or uniform(engine.seed) < hazard:
            return int(n)
        n = order.previous


@bare
def is_single_order(engine: BookEngine, price: int) -> bool:
    """Whether one order is all of `price`; False where orders are not kept apart."""
    return bool(engine.book[0].level3 and engine.levels[price].first == engine.levels[price].last)

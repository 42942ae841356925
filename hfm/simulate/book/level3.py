"""Orders one by one (`l3`): first in, first out at each tick, numbered, with a lifetime class of their own.

Behind the queues, `i` has three places a tick (first order, last order, and how many) and then NODE_WIDTH places an
order: next and previous (0: none), size, number, class. A node's number counts from 1; FREE chains those not in use.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from hfm.kernels.jit import bare
from hfm.simulate.book import book_state as at
from hfm.simulate.book.random_draws import Seed, uniform

Int = npt.NDArray[np.int64]
NODE_WIDTH = 5
NEXT, PREVIOUS, SIZE, NUMBER, CLASS = 0, 1, 2, 3, 4
LIFETIMES = (5.0, 50.0, 500.0)
"""Seconds: mean lifetimes of the three classes, which come in equal numbers."""


@bare
def node(i: Int, n: int) -> int:
    """Where node n >= 1 begins in `i`."""
    return int(i[at.NODES] + (n - 1) * NODE_WIDTH)


@bare
def ends(i: Int, price: int) -> int:
    """Where the (first, last) of a tick stand in `i`."""
    return int(at.QUEUE + i[at.TICKS] + 2 * price)


@bare
def append(i: Int, price: int, size: int) -> None:
    """A new order behind all others at `price`; its number stands in ORDER_ID."""
    n = i[at.FREE]
    a = node(i, n)
    i[at.FREE] = i[a + NEXT] if i[a + NEXT] > 0 else n + 1  # a node never used yet is followed by the next one
    i[at.LAST_ID] += 1
    number = i[at.LAST_ID]
    e = ends(i, price)
    last = i[e + 1]
    i[a + NEXT] = 0
    i[a + PREVIOUS] = last
    i[a + SIZE] = size
    i[a + NUMBER] = number
    i[a + CLASS] = number % 3
    if last:
        i[node(i, last) + NEXT] = n
    else:
        i[e] = n
    i[e + 1] = n
    i[at.ORDER_ID] = number


@bare
def shrink(i: Int, price: int, n: int, size: int) -> None:
    """Order n at `price` loses `size`; without any left it goes. Its number stands in ORDER_ID."""
    a = node(i, n)
    i[at.ORDER_ID] = i[a + NUMBER]
    i[a + SIZE] -= size
    if i[a + SIZE] > 0:
        return
    before, after = i[a + PREVIOUS], i[a + NEXT]
    e = ends(i, price)
    if before:
        i[node(i, before) + NEXT] = after
    else:
        i[e] = after
    if after:
        i[node(i, after) + PREVIOUS] = before
    else:
        i[e + 1] = before
    i[a + NEXT] = i[at.FREE]
    i[at.FREE] = n


@bare
def restless(i: Int, u: Seed, price: int) -> int:
    """An order at `price` to be cancelled: from the last in line on, each is kept with its class's patience."""
    n = i[ends(i, price) + 1]
    while True:
        a = node(i, n)
        c = i[a + CLASS]
        hazard = 0.5 if c == 0 else 0.05 if c == 1 else 0.005
        if i[a + PREVIOUS] == 0 or uniform(u) < hazard:
            return int(n)
        n = i[a + PREVIOUS]

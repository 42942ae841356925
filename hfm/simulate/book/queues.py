"""The queues: orders come, are cancelled and are executed, and every change of the best prices is accounted for."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from hfm.kernels.jit import bare
from hfm.simulate.book import book_state as at
from hfm.simulate.book.level3 import SIZE, append, ends, node, restless, shrink
from hfm.simulate.book.random_draws import Seed, place, uniform

Float = npt.NDArray[np.float64]
Int = npt.NDArray[np.int64]
REACH = 50
"""Ticks from the opposite best within which orders stand."""


@bare
def emit(i: Int, tape: Int, kind: int, side: int, price: int, size: int) -> None:
    """One event on the tape, with the best prices after it; where events are not kept they are only counted."""
    i[at.TOTAL] += 1
    if i[at.KEEP] == 0:
        return
    row = i[at.EVENTS]
    if row == len(tape):
        i[at.LOST] = 1
        return
    i[at.EVENTS] = row + 1
    tape[row, 0] = i[at.CLOCK]
    tape[row, 1] = kind
    tape[row, 2] = side
    tape[row, 3] = price
    tape[row, 4] = size
    tape[row, 5] = i[at.ORDER_ID]
    tape[row, 6] = i[at.BID]
    tape[row, 7] = i[at.ASK]
    tape[row, 8] = i[at.QUEUE + i[at.BID]]
    tape[row, 9] = i[at.QUEUE + i[at.ASK]]


@bare
def add(i: Int, tape: Int, side: int, price: int, size: int) -> None:
    """A limit order joins the queue at `price`, which may become the best; it must be on its side of the other best."""
    i[at.QUEUE + price] += size
    if side > 0:
        if price > i[at.BID]:
            i[at.BID] = price
    elif price < i[at.ASK]:
        i[at.ASK] = price
    i[at.ORDER_ID] = 0
    if i[at.L3]:
        append(i, price, size)
    emit(i, tape, at.ADD, side, price, size)


@bare
def follow(i: Int, side: int, price: int) -> None:
    """The best price of `side` moves back from an emptied `price` to the next order; there is one."""
    if side > 0:
        if price == i[at.BID]:
            while i[at.QUEUE + price] == 0:
                price -= 1
            i[at.BID] = price
    elif price == i[at.ASK]:
        while i[at.QUEUE + price] == 0:
            price += 1
        i[at.ASK] = price


@bare
def back(i: Int, tape: Int, side: int, price: int, size: int) -> None:
    """See that an order stands behind the best `price` of `side`: where REACH ticks are bare, a new one comes."""
    for k in range(1, i[at.REACH]):
        if i[at.QUEUE + price - side * k] > 0:
            return
    add(i, tape, side, price - side, size)


@bare
def leave(i: Int, tape: Int, u: Seed, price: int, size: int, kind: int) -> int:
    """Orders leave `price`: EXECUTE takes `size`, first in line first; REDUCE cancels one order. What left last.

    size is at most what is there; a cancel of size 0 draws its own.
    """
    side = 1 if price <= i[at.BID] else -1
    while True:
        there = i[at.QUEUE + price]
        part, n = size, 0
        i[at.ORDER_ID] = 0
        if i[at.L3]:
            n = i[ends(i, price)] if kind == at.EXECUTE else restless(i, u, price)
            whole = i[node(i, n) + SIZE]
            part = min(size, whole) if kind == at.EXECUTE else whole
        elif kind != at.EXECUTE:
            part = min(there, size if size > 0 else i[at.SIZES + place(u)])
        if part == there and (price == i[at.BID] or price == i[at.ASK]):
            back(i, tape, side, price, part)
        if n:
            shrink(i, price, n, part)
        left = there - part
        i[at.QUEUE + price] = left
        if left == 0:
            follow(i, side, price)
        word = kind
        if kind == at.REDUCE and (left == 0 or n):
            word = at.DELETE
        emit(i, tape, word, side, price, part)
        size -= part
        if size <= 0:
            return int(part)


@bare
def fill(i: Int, tape: Int, u: Seed, bid: int, depth: float) -> None:
    """An empty book gets a bid at `bid`, an ask a tick above it, and orders behind them: about `depth` at each tick."""
    i[at.BID], i[at.ASK] = bid, bid + 1
    for d in range(REACH):
        for side in (1, -1):
            price = bid - d if side > 0 else bid + 1 + d
            wanted = depth * (0.4 + 0.8 * uniform(u))
            while i[at.QUEUE + price] == 0 or i[at.QUEUE + price] < wanted:
                add(i, tape, side, price, i[at.SIZES + place(u)])
    i[at.OLD_BID], i[at.OLD_ASK] = i[at.BID], i[at.ASK]
    i[at.OLD_BID_SIZE], i[at.OLD_ASK_SIZE] = i[at.QUEUE + i[at.BID]], i[at.QUEUE + i[at.ASK]]


@bare
def settle(f: Float, i: Int) -> None:
    """Account for the best prices and sizes since the last call: times, extremes, OFI (Cont et al. 2014, eq. 3).

    Cont, Kukanov and Stoikov (2014), Journal of Financial Econometrics 12(1), doi:10.1093/jjfinec/nbt003.
    """
    elapse(f, i)
    bid, ask, bid0, ask0 = i[at.BID], i[at.ASK], i[at.OLD_BID], i[at.OLD_ASK]
    bid_size, ask_size = i[at.QUEUE + bid], i[at.QUEUE + ask]
    e = 0
    if bid >= bid0:
        e += bid_size
    if bid <= bid0:
        e -= i[at.OLD_BID_SIZE]
    if ask <= ask0:
        e -= ask_size
    if ask >= ask0:
        e += i[at.OLD_ASK_SIZE]
    f[at.OFI] += e
    i[at.OLD_BID], i[at.OLD_ASK], i[at.OLD_BID_SIZE], i[at.OLD_ASK_SIZE] = bid, ask, bid_size, ask_size
    if bid != bid0 or ask != ask0:
        i[at.WIDENED] += max(ask - bid - ask0 + bid0, 0)
        mid = 0.5 * (bid + ask)
        f[at.MID_HIGH] = max(f[at.MID_HIGH], mid)
        f[at.MID_LOW] = min(f[at.MID_LOW], mid)


@bare
def elapse(f: Float, i: Int) -> None:
    """Add the time since the last change to the time-weighted sums."""
    dt = f[at.NOW] - f[at.SINCE]
    f[at.SINCE] = f[at.NOW]
    spread = i[at.OLD_ASK] - i[at.OLD_BID]
    f[at.SPREAD_T] += dt * spread
    if spread == 1:
        f[at.ONE_T] += dt
    f[at.BID_T] += dt * i[at.OLD_BID_SIZE]
    f[at.ASK_T] += dt * i[at.OLD_ASK_SIZE]

"""Trades: on the book, beside it, the four that make a bar's open, high, low and close, and metaorders.

Every print lies in [low, high] of the bar and between the best prices of its instant; none comes before the open's or
after the close's. So the prints of a bar re-aggregate to it whatever the book does in between.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from hfm.kernels.jit import bare
from hfm.simulate.book import book_state as at
from hfm.simulate.book.queues import add, emit, leave, settle
from hfm.simulate.book.random_draws import Seed, uniform

Float = npt.NDArray[np.float64]
Int = npt.NDArray[np.int64]
ON_GRID = 1e-6
"""Ticks from a whole one within which a price counts as on the grid."""
META_TAIL, META_LEAST = 1.5, 3.0
"""Child orders of a metaorder: Pareto of that exponent (Gopikrishnan et al. 2000), from META_LEAST on."""
META_START = 0.1
"""Chance that a trade is the first of a metaorder where none is at work."""


@bare
def record(i: Int, prints: Float, price: float, size: float, side: float, kind: float) -> int:
    """A row of the prints, which the caller completes; its place."""
    row = min(i[at.PRINTS], len(prints) - 1)
    i[at.LOST] += row < i[at.PRINTS]
    i[at.PRINTS] = row + 1
    prints[row, 1] = price
    prints[row, 2] = size
    prints[row, 3] = side
    prints[row, 4] = kind
    prints[row, 5] = 0.5 * (i[at.BID] + i[at.ASK])
    prints[row, 6] = 0.0
    prints[row, 7] = 0.0
    return int(row)


@bare
def account(f: Float, i: Int, price: float, size: int, side: int) -> None:
    """What every trade at `price` (currency) adds to the bar's sums, before the book has moved."""
    i[at.LEFT] -= size
    f[at.PAID] += size * abs(price / f[at.TICK] - i[at.ORIGIN_TICK] - 0.5 * (i[at.BID] + i[at.ASK]))
    f[at.SIGNED] += side * size
    if i[at.HIGH_DONE] == 0 and price >= f[at.HIGH] - ON_GRID * f[at.TICK]:
        i[at.HIGH_DONE] = 1
        i[at.RESERVE] -= 1
    if i[at.LOW_DONE] == 0 and price <= f[at.LOW] + ON_GRID * f[at.TICK]:
        i[at.LOW_DONE] = 1
        i[at.RESERVE] -= 1


@bare
def lit(f: Float, i: Int, prints: Float, side: int, size: int) -> int:
    """The print of a market order of a buyer (side 1) or seller against the best queue; the tick at which it is.

    `size` is at most what is there, and is still to leave the queue.
    """
    tick = i[at.ASK] if side > 0 else i[at.BID]
    price = (i[at.ORIGIN_TICK] + tick) * f[at.TICK]
    row = record(i, prints, price, size, side, at.LIT)
    prints[row, 0] = f[at.NOW]
    prints[row, 6] = tick
    i[at.LIT_LEFT] -= size
    i[at.LIT_COUNT] += 1
    f[at.LIT_SIZE] += size
    account(f, i, price, size, side)
    child(i, side, size)
    return int(tick)


@bare
def beside(f: Float, i: Int, tape: Int, prints: Float, price: float, size: int) -> None:
    """An off-book trade at the exact `price` (currency), which lies inside the best prices."""
    row = record(i, prints, price, size, 0.0, at.OFF_BOOK)
    prints[row, 0] = f[at.NOW]
    i[at.ORDER_ID] = 0
    emit(i, tape, at.HIDDEN, 0, row, size)
    account(f, i, price, size, 0)


@bare
def crossing(f: Float, i: Int, tape: Int, u: Seed, prints: Float) -> None:
    """An off-book trade of what the bar still has to give: at the mid, or a tenth of a tick inside a best price."""
    if i[at.STAGE] != 1 or i[at.LEFT] <= i[at.RESERVE]:
        return
    ahead = max((i[at.STEP_CLOSE] - i[at.STEP_AT]) * f[at.STEP], f[at.STEP])
    lit_due = max(i[at.LIT_LEFT], 0) if f[at.LIT_P] < 0.9 and ahead > 10.0 else 0
    mean = max(i[at.LEFT] - i[at.RESERVE] - lit_due, 0) / max(f[at.OFF_RATE] * ahead, 1.0)
    size = min(int(-math.log(uniform(u)) * mean) + 1, i[at.LEFT] - i[at.RESERVE])
    bid, ask = float(i[at.BID] + i[at.ORIGIN_TICK]), float(i[at.ASK] + i[at.ORIGIN_TICK])
    where = uniform(u)
    ticks = 0.5 * (bid + ask) if where < 0.6 else bid + 0.1 if where < 0.8 else ask - 0.1
    price = min(max(ticks * f[at.TICK], f[at.LOW]), f[at.HIGH])
    if bid - ON_GRID <= price / f[at.TICK] <= ask + ON_GRID:
        beside(f, i, tape, prints, price, size)


@bare
def reach(f: Float, i: Int, tape: Int, u: Seed, ticks: float) -> None:
    """Bring `ticks` between the best prices: asks below it or bids above it are cancelled, the other side follows."""
    low, high = math.floor(ticks + ON_GRID), math.ceil(ticks - ON_GRID)
    lot = i[at.SIZES]
    while i[at.ASK] < high or i[at.BID] > low:
        rising = i[at.ASK] < high
        goal = high if rising else low
        if i[at.QUEUE + goal] == 0:
            add(i, tape, -1 if rising else 1, goal, lot)
        leave(i, tape, u, i[at.ASK] if rising else i[at.BID], 0, at.REDUCE)
        settle(f, i)
    if i[at.ASK] - i[at.BID] > 2 and i[at.FITTED] == 0:
        rising = i[at.ASK] - ticks < ticks - i[at.BID]
        goal = max(low, i[at.ASK] - 2) if rising else min(high, i[at.BID] + 2)
        if i[at.BID] < goal < i[at.ASK]:
            add(i, tape, 1 if rising else -1, goal, lot)
        settle(f, i)


@bare
def anchor(f: Float, i: Int, tape: Int, u: Seed, prints: Float, price: float) -> None:
    """A print at the exact `price` of a bar's open, high, low or close: lit where it is a best price, else beside.

    It takes a round lot, or, where it is the last print of the bar, all that is left.
    """
    ticks = price / f[at.TICK] - i[at.ORIGIN_TICK]
    reach(f, i, tape, u, ticks)
    spare = i[at.LEFT] - i[at.RESERVE]
    size = i[at.LEFT] if i[at.RESERVE] == 1 else 1 + min(i[at.SIZES], spare)
    tick = math.floor(ticks + 0.5)
    if abs(ticks - tick) < ON_GRID and (i[at.ASK] == tick or i[at.BID] == tick):
        part = min(size, i[at.QUEUE + tick])
        leave(i, tape, u, lit(f, i, prints, 1 if i[at.ASK] == tick else -1, part), part, at.EXECUTE)
        settle(f, i)
        size -= part
    if size > 0:
        beside(f, i, tape, prints, price, size)


@bare
def own(f: Float, i: Int, u: Seed, tape: Int, prints: Float) -> None:
    """The prints that make the bar's open, high, low and close, each at its step unless it was made already."""
    i[at.CLOCK] = int(f[at.NOW] * 1e9)
    while True:
        which = due(i)
        if which < 0:
            return
        if which == at.CLOSE and i[at.META_SIDE] != 0:
            finish(f, i, prints)
        anchor(f, i, tape, u, prints, f[which])
        if which == at.OPEN:
            i[at.RESERVE] -= 1
            i[at.STAGE] = 1
        if which == at.CLOSE:
            i[at.STAGE] = 2


@bare
def due(i: Int) -> int:
    """Which of the bar's own prices (its place in `f`) must be printed at this step; -1: none."""
    k = i[at.STEP_AT]
    if i[at.STAGE] == 0:
        return at.OPEN if k >= i[at.STEP_OPEN] else -1
    if i[at.STAGE] == 2:
        return -1
    closing = k >= i[at.STEP_CLOSE]
    if i[at.HIGH_DONE] == 0 and (k >= i[at.STEP_HIGH] or closing):
        return at.HIGH
    if i[at.LOW_DONE] == 0 and (k >= i[at.STEP_LOW] or closing):
        return at.LOW
    return at.CLOSE if closing else -1


@bare
def prune(i: Int, u: Seed, tape: Int) -> None:
    """Orders farther than REACH from the opposite best are cancelled, up to thrice as far."""
    for d in range(i[at.REACH] + 1, 3 * i[at.REACH]):
        for price in (i[at.ASK] - d, i[at.BID] + d):
            while 0 <= price < i[at.TICKS] and i[at.QUEUE + price] > 0:
                leave(i, tape, u, price, 0, at.REDUCE)


@bare
def child(i: Int, side: int, size: int) -> None:
    """The trade is a child of the metaorder at work, if it is on its side; after the last one `finish` is due."""
    if i[at.META_LEFT] > 0 and i[at.META_SIDE] == side:
        i[at.META_LEFT] -= 1
        i[at.META_SIZE] += size
        i[at.META_COUNT] += 1


@bare
def finish(f: Float, i: Int, prints: Float) -> None:
    """The metaorder at work ends: a row of the prints says what became of it."""
    side = i[at.META_SIDE]
    i[at.META_SIDE] = i[at.META_LEFT] = 0
    if i[at.META_COUNT] == 0:
        return
    move = 0.5 * (i[at.BID] + i[at.ASK]) - f[at.META_MID]
    row = record(i, prints, move, i[at.META_SIZE], side, at.METAORDER)
    prints[row, 0] = f[at.NOW]
    prints[row, 5] = f[at.META_TIME]
    prints[row, 6] = i[at.META_COUNT]


@bare
def begin(f: Float, i: Int, u: Seed) -> None:
    """Perhaps a metaorder starts, on the side (with chance AHEAD) to which the bar's path goes while it is at work.

    So its impact is that of one who knows something, and grows with the square root of its time; beyond the bar
    nobody knows anything.
    """
    if uniform(u) > META_START:
        return
    children = math.ceil(META_LEAST * uniform(u) ** (-1.0 / META_TAIL))
    time = children / max(f[at.TRADE_RATE] * 0.5 * (1.0 + f[at.SWAY]), 0.1)
    k = i[at.STEP_AT]
    last = min(k + int(time / f[at.STEP]) + 1, i[at.STEPS] - 1)
    if children > 10000.0 or last <= k:
        return
    move = f[at.PATH + last] - f[at.PATH + k]
    side = 1 if (uniform(u) < f[at.AHEAD]) == (move > 0.0) else -1
    i[at.META_SIDE] = side
    i[at.META_LEFT] = int(children)
    i[at.META_SIZE] = 0
    i[at.META_COUNT] = 0
    f[at.META_MID] = 0.5 * (i[at.BID] + i[at.ASK])
    f[at.META_TIME] = f[at.NOW]

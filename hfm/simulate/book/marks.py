"""The fitted flow at work: the next event's instant, its kind and side, and what it does to the book (see fitted.py).

What moves the mid towards the bar's path is e^(kappa x) likelier, the other way e^(-kappa x), x being path - mid in
mean spreads; trades are rationed so that the bar's volume comes about. Everything else is as it was counted. A best
price that goes uncovers the next one where the file says that it lies: orders in between are cancelled, a missing one
is added.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from hfm.kernels.jit import bare
from hfm.simulate.book import book_state as at
from hfm.simulate.book.executions import beside, lit
from hfm.simulate.book.level3 import ends
from hfm.simulate.book.queues import add, leave, settle
from hfm.simulate.book.random_draws import Seed, uniform

Float = npt.NDArray[np.float64]
Int = npt.NDArray[np.int64]
IMPROVE, CANCEL, TRADE, HIDDEN, DEEP_ADD, DEEP_CANCEL = 1, 2, 3, 4, 5, 6
SHORT = 0.01
"""Seconds up to which a gap is a reaction, and not slowed where the market is slow."""
NONE = -20.8
"""ln seconds below which a gap is none: within a nanosecond."""
PULL = 1.0
"""kappa: of a mean spread between path and mid."""
AWAY = 2.5
"""Mean spreads between path and mid beyond which the pull grows no more."""
LEAST_RATION, MOST_RATION = 0.05, 20.0


@bare
def quantile(f: Float, u: Seed, table: int) -> float:
    """A value of the POINTS that stand from `table` on, each as likely as any."""
    return float(f[table + min(int(uniform(u) * at.POINTS), at.POINTS - 1)])


@bare
def law(f: Float, u: Seed, table: int) -> float:
    """The same of the LAW points of a law that depends on nothing."""
    return float(f[table + min(int(uniform(u) * at.LAW), at.LAW - 1)])


@bare
def bucket(f: Float, edges: int, many: int, x: float) -> int:
    """How many of the `many` - 1 edges lie below x."""
    b = 0
    for k in range(many - 1):
        b += x > f[edges + k]
    return b


@bare
def later(f: Float, i: Int, u: Seed) -> None:
    """Draw the instant of the next event."""
    table = i[at.FITTED]
    s = bucket(f, table + at.G_SPREAD, at.SPREADS, i[at.ASK] - i[at.BID])
    row = table + at.G_BINS + i[at.BIN] * at.BINS
    of_kind, of_spread = table + at.G_BIN_KIND + i[at.KIND_BEFORE] * at.BINS, table + at.G_BIN_SPREAD + s * at.BINS
    total = 0.0
    for b in range(at.BINS):
        total += f[row + b] * f[of_kind + b] * f[of_spread + b]
        f[at.WEIGHTS + b] = total
    v, b = uniform(u) * total, 0
    while b < at.BINS - 1 and f[at.WEIGHTS + b] < v:
        b += 1
    i[at.BIN] = b
    x = min(max((b + uniform(u)) * at.POINTS - 0.5, 0.0), at.BINS * at.POINTS - 1.001)
    k = int(x)
    low = f[table + at.G_GAPS + k]
    gap = math.exp(low + (x - k) * (f[table + at.G_GAPS + k + 1] - low)) if low > NONE else 0.0
    if gap > SHORT:
        gap *= f[at.SLOW]
    f[at.NEXT] = max(f[at.NEXT], f[at.NOW]) + gap


@bare
def pick(f: Float, i: Int, u: Seed) -> int:
    """The next mark: 2 kind + 1 where it is on the other side than the event before."""
    table, spread = i[at.FITTED], i[at.ASK] - i[at.BID]
    s = bucket(f, table + at.G_SPREAD, at.SPREADS, spread)
    own = i[at.OLD_BID_SIZE] if i[at.SIDE_BEFORE] > 0 else i[at.OLD_ASK_SIZE]
    first = min(int(own / (i[at.OLD_BID_SIZE] + i[at.OLD_ASK_SIZE]) * at.SHARES), at.SHARES - 1)
    pause = min(i[at.BIN] * at.CLASSES // at.BINS, at.CLASSES - 1)
    row = table + at.G_MARKS + (i[at.KIND_BEFORE] * at.CLASSES + pause) * 14
    x = (f[at.PATH_AT] - 0.5 * (i[at.BID] + i[at.ASK])) / f[table + at.G_PACE + 3]
    up = math.exp(PULL * min(max(x, -AWAY), AWAY))
    middle = 0.5 * (up + 1.0 / up)
    wide = spread >= f[table + at.G_PACE + 5]  # as the file never was: what would widen it further is not drawn
    open_ = i[at.STAGE] == 1 and i[at.LEFT] > i[at.RESERVE]
    total = 0.0
    for m in range(14):
        kind, side = m // 2, i[at.SIDE_BEFORE] if m % 2 == 0 else -i[at.SIDE_BEFORE]
        share = first if m % 2 == 0 else at.SHARES - 1 - first
        w = f[row + m] * f[table + at.G_OF_SPREAD + kind * at.SPREADS + s]
        w *= f[table + at.G_OF_SHARE + kind * at.SHARES + share]
        if kind == IMPROVE:
            w *= (up if side > 0 else 1.0 / up) / middle if spread > 1 else 0.0
        elif kind in (CANCEL, TRADE):
            w *= 0.0 if wide else (up if side < 0 else 1.0 / up) / middle
        if kind in (TRADE, HIDDEN):
            w *= f[at.RATION] if open_ else 0.0
        total += w
        f[at.WEIGHTS + m] = total
    v, m = uniform(u) * total, 0
    while m < 13 and f[at.WEIGHTS + m] < v:
        m += 1
    return m


@bare
def happen(f: Float, i: Int, tape: Int, u: Seed, prints: Float) -> None:
    """One event, and the instant of the next."""
    i[at.CLOCK] = int(f[at.NOW] * 1e9)
    table, m = i[at.FITTED], pick(f, i, u)
    kind, side = m // 2, i[at.SIDE_BEFORE] if m % 2 == 0 else -i[at.SIDE_BEFORE]
    i[at.KIND_BEFORE], i[at.SIDE_BEFORE] = kind, side
    best = i[at.BID] if side > 0 else i[at.ASK]
    if kind == HIDDEN:
        hidden(f, i, tape, u, prints, side)
    elif kind in (CANCEL, TRADE):
        take(f, i, tape, u, prints)
    elif kind == DEEP_CANCEL:
        behind(f, i, tape, u, side, best)
    else:
        price = best
        if kind == IMPROVE:
            s = bucket(f, table + at.G_SPREAD, at.SPREADS, i[at.ASK] - i[at.BID])
            away = int(quantile(f, u, table + at.G_INSIDE + s * at.POINTS))
            price += side * min(max(away, 1), i[at.ASK] - i[at.BID] - 1)
        if kind == DEEP_ADD:
            price -= side * min(max(int(law(f, u, table + at.G_ADD_AT)), 1), i[at.REACH])
        other = 0 if side > 0 else at.LAW
        sizes = at.G_IMPROVE + other if kind == IMPROVE else at.G_DEEP if kind == DEEP_ADD else at.G_JOIN + other
        if 0 < price < i[at.TICKS] - 1:
            add(i, tape, side, price, max(int(law(f, u, table + sizes)), 1))
    settle(f, i)
    later(f, i, u)


@bare
def take(f: Float, i: Int, tape: Int, u: Seed, prints: Float) -> None:
    """The event at hand, a cancel at the best price of its side or a trade against it; outside of the bar's range a
    trade is a cancel."""
    side = i[at.SIDE_BEFORE]
    best = i[at.BID] if side > 0 else i[at.ASK]
    table, there = i[at.FITTED], i[at.QUEUE + best]
    trade = i[at.KIND_BEFORE] == TRADE and i[at.PRINT_MIN] <= best <= i[at.PRINT_MAX]
    q = bucket(f, table + at.G_QUEUE, at.QUEUES, there)
    ratio = quantile(f, u, table + (at.G_TRADE if trade else at.G_CANCEL) + q * at.POINTS)
    size = min(max(int(ratio * there + 0.5), 1), there)
    word = at.EXECUTE if trade else at.REDUCE
    if trade:
        size = min(size, i[at.LEFT] - i[at.RESERVE])
    if size == there or alone(i, best):
        uncover(f, i, tape, u, side, best)
    if trade:
        lit(f, i, prints, -side, size)
    leave(i, tape, u, best, 0 if not trade and i[at.L3] else size, word)


@bare
def alone(i: Int, price: int) -> bool:
    """Whether one order is all of `price`, where orders are kept apart."""
    if i[at.L3] == 0:
        return False
    e = ends(i, price)
    return bool(i[e] == i[e + 1])


@bare
def uncover(f: Float, i: Int, tape: Int, u: Seed, side: int, best: int) -> None:
    """Before the `best` price of `side` goes: the next one is put where the law of the spread has it."""
    table = i[at.FITTED]
    s = bucket(f, table + at.G_SPREAD, at.SPREADS, i[at.ASK] - i[at.BID])
    room = best - 1 if side > 0 else i[at.TICKS] - 2 - best
    widest = int(f[table + at.G_PACE + 5]) - (i[at.ASK] - i[at.BID])
    gap = min(int(quantile(f, u, table + at.G_BACK + s * at.POINTS)), min(widest, room))
    gap = max(min(gap, i[at.REACH] - 1), 1)
    if i[at.QUEUE + best - side * gap] == 0:
        add(i, tape, side, best - side * gap, max(int(law(f, u, table + next_of(side))), 1))
    for k in range(1, gap):
        while i[at.QUEUE + best - side * k] > 0:
            leave(i, tape, u, best - side * k, 0 if i[at.L3] else i[at.QUEUE + best - side * k], at.REDUCE)


@bare
def next_of(side: int) -> int:
    """Where the law of the size of an uncovered best price of `side` stands."""
    return at.G_NEXT if side > 0 else at.G_NEXT + at.LAW


@bare
def behind(f: Float, i: Int, tape: Int, u: Seed, side: int, best: int) -> None:
    """A cancel behind the best price: at the first order from the distance drawn on."""
    table = i[at.FITTED]
    away = min(max(int(law(f, u, table + at.G_CANCEL_AT)), 1), i[at.REACH] - 1)
    for k in range(away, i[at.REACH]):
        price = best - side * k
        if price < 1 or price > i[at.TICKS] - 2:
            return
        if i[at.QUEUE + price] > 0:
            leave(i, tape, u, price, 0, at.REDUCE)
            return


@bare
def hidden(f: Float, i: Int, tape: Int, u: Seed, prints: Float, side: int) -> None:
    """A trade against an order that nobody saw: between the mid and the best price of its side, in the bar's range."""
    size = min(max(int(law(f, u, i[at.FITTED] + at.G_HIDDEN)), 1), i[at.LEFT] - i[at.RESERVE])
    bid, ask = float(i[at.BID] + i[at.ORIGIN_TICK]), float(i[at.ASK] + i[at.ORIGIN_TICK])
    part = 0.5 * uniform(u)
    ticks = math.floor(bid + part * (ask - bid)) if side > 0 else math.ceil(ask - part * (ask - bid))
    price = min(max(ticks * f[at.TICK], f[at.LOW]), f[at.HIGH])
    if size > 0 and bid - 1e-6 <= price / f[at.TICK] <= ask + 1e-6:
        beside(f, i, tape, prints, price, size)


@bare
def ration(f: Float, i: Int, span: float) -> None:
    """Set RATION so that the rest of the bar brings about the volume that is still due. span: s since the last call."""
    f[at.DONE] = 0.8 * f[at.DONE] + 0.2 * (f[at.HELD] - i[at.LEFT]) / span / f[at.RATION]
    f[at.HELD] = i[at.LEFT]
    ahead = max((i[at.STEP_CLOSE] - i[at.STEP_AT]) * f[at.STEP], f[at.STEP])
    wanted = max(i[at.LEFT] - i[at.RESERVE], 0) / ahead
    f[at.RATION] = min(max(wanted / max(f[at.DONE], 1e-9), LEAST_RATION), MOST_RATION)


@bare
def found(f: Float, i: Int, tape: Int, u: Seed, middle: int) -> None:
    """The first book around `middle` (ticks): a spread of the mean, and orders behind as best prices uncover them."""
    table = i[at.FITTED]
    half = max(int(0.5 * f[table + at.G_PACE + 3]), 1)
    i[at.BID], i[at.ASK] = middle - half, middle + half
    i[at.SIDE_BEFORE], i[at.KIND_BEFORE], i[at.BIN] = 1, 0, 0
    for side in (1, -1):
        price, away = middle - side * half, 0
        while away < i[at.REACH] - 1:
            add(i, tape, side, price, max(int(law(f, u, table + next_of(side))), 1))
            gap = max(int(quantile(f, u, table + at.G_BACK + (at.SPREADS // 2) * at.POINTS)), 1)
            price -= side * gap
            away += gap
    i[at.OLD_BID], i[at.OLD_ASK] = i[at.BID], i[at.ASK]
    i[at.OLD_BID_SIZE], i[at.OLD_ASK_SIZE] = i[at.QUEUE + i[at.BID]], i[at.QUEUE + i[at.ASK]]

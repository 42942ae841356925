"""A session's book between bars: its arrays, what each bar wants of it, and what each bar came to.

Sizes are whole units; `unit` is what one of them is in shares. Prices are ticks above the session's `origin`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from hfm.errors import DataError
from hfm.simulate.book import book_state as at
from hfm.simulate.book import level3, marks, random_draws
from hfm.simulate.book.executions import own, prune
from hfm.simulate.book.order_flow import play
from hfm.simulate.book.queues import REACH, emit, fill

Float = npt.NDArray[np.float64]
Int = npt.NDArray[np.int64]

MOST_TICKS = 1 << 21
"""Prices that a session may span."""
MOST_BAR, JUMP = 4000, 40
"""Ticks that a bar may span; and between its open and the mid before it, beyond which the book is made anew."""
ROOM = 16384
"""Free rows of a buffer below which it is emptied; no single event fills more."""
BUFFER = 1 << 17
ORDERS_A_TICK = 64
BRANCHING = (0.3, 0.3, 0.2)
"""Events that one event excites, through memories of MEMORY seconds: .8 together."""
MEMORY = (0.25, 5.0, 100.0)
KAPPA = 4.0
MOOD, MOOD_S = 0.75, 60.0
"""sd of the log of the depth that each side aims at, inside a bar, and its memory in seconds."""
DEEP = 2.0
"""Rate of events behind the best prices, over that at one of them without tilt."""
LIT_SHARE = 0.6
"""Of a bar's volume, that the book aims to trade; the rest is off-book."""
OFF_LOTS, MOST_OFF = 5.0, 20.0
"""Round lots of a mean off-book trade, and the most of them a second."""
JUMPS = 6.0
"""The same in mean spreads, where the flow is fitted."""
AIM = 0.4
"""Where a best queue tends to, over the depth that the bar wants."""
DEEP_DEPTH = 1.3
"""Units at a price behind the best, over those that the best aims at."""
SWAY = 0.6
"""How much likelier a metaorder makes market orders of its side, and how much less likely the others."""
AHEAD = 0.75
"""Chance that a metaorder is on the side to which the bar's path goes while it is at work."""
EVENTS_A_SECOND = 2.5
"""Events at one best price without tilt, at the mean time of day, for SPY."""


def constants() -> dict[str, float]:
    """What the engine was calibrated to, by name."""
    return {
        "kappa": KAPPA, "deep": DEEP, "deep_depth": DEEP_DEPTH, "mood_sd": MOOD, "mood_s": MOOD_S, "sway": SWAY,
        "ahead": AHEAD, "lit_share": LIT_SHARE, "events_a_second": EVENTS_A_SECOND, "size_log_sd": random_draws.LOG_SD,
        "size_tail": random_draws.TAIL, "decay": random_draws.DECAY,
    }  # fmt: skip


@dataclass(frozen=True)
class Bar:
    """One bar and what is wanted inside it. Prices in currency, volume in units, path [K+1] in ticks of the mid.

    depth: units at a best price; excess: mean spread less a tick, in ticks; rate: events a second; start, length: s.
    """

    open: float
    high: float
    low: float
    close: float
    volume: int
    path: Float
    depth: float
    excess: float
    rate: float
    start: float
    length: float


@dataclass(frozen=True)
class Played:
    """What a bar came to: the sums of the engine (see layout) at its end, its prints, and, where kept, its events.

    first: best bid and ask (ticks) at its start; best: the same at its end, and their sizes.
    """

    sums: Float
    first: Int
    best: Int
    prints: Float
    tape: Int
    events: int


@dataclass(frozen=True)
class Frame:
    """How a book is kept. tick: currency; lot: units in a round lot; l3: orders apart; keep: the tape of events.

    tables: of a fitted flow (see fitted.packed); None: the built-in flow. reach: ticks within which orders stand.
    """

    tick: float
    lot: int
    l3: bool = False
    keep: bool = False
    tables: Float | None = None
    reach: int = REACH


def _wider(tick: float, times: float) -> float:
    """The least power of ten that is so many times the tick, and a bit."""
    return float(10.0 ** math.ceil(math.log10(1.01 * times * tick)))


class Book:
    """The book of one session, from its first bar on."""

    def __init__(self, low: float, high: float, frame: Frame) -> None:
        """low, high: extremes of the session's prices; DataError where they span too many ticks, or are too few."""
        tick, lot, reach = frame.tick, frame.lot, frame.reach
        margin, least = 2 * reach + 40, 2 * reach  # so that all bids are above 0
        span = (high - low) / tick
        if span > MOST_TICKS:
            raise DataError(
                f"a session spans {span:,.0f} ticks of {tick:g}, the book has at most {MOST_TICKS:,}",
                hint=f"--set simulate.tick={_wider(tick, span / 1e5):g}",
            )
        if low / tick < least:
            finer = 10.0 ** math.floor(math.log10(low / least / 2))
            raise DataError(
                f"a price of {low:g} is {low / tick:.3g} ticks of {tick:g}, the book needs {least}",
                hint=f"give a finer tick: --set simulate.tick={finer:g}",
            )
        self.tick = tick
        self.tables = np.zeros(0) if frame.tables is None else frame.tables
        self.origin = math.floor(low / tick) - margin
        self.ticks = ticks = math.ceil(span) + 2 * margin + 2
        nodes = at.QUEUE + 3 * ticks
        room = ORDERS_A_TICK * ticks + 65536 if frame.l3 else 0
        self.i: Int = np.zeros(nodes + room * level3.NODE_WIDTH, np.int64)
        i = self.i
        i[at.TICKS], i[at.ORIGIN_TICK], i[at.KEEP], i[at.L3] = ticks, self.origin, int(frame.keep), int(frame.l3)
        i[at.NODES], i[at.FREE], i[at.REACH] = nodes, 1, reach
        known = random_draws.sizes(lot, at.TABLE)
        if len(self.tables):
            joined = self.tables[at.G_JOIN : at.G_JOIN + 2 * at.LAW]
            lot = max(int(np.median(joined)), 1)
            known = np.resize(np.maximum(joined.astype(np.int64), 1), at.TABLE)
        i[at.SIZES : at.SIZES + at.TABLE] = np.random.Generator(np.random.Philox(key=7)).permutation(known)
        i[at.SIZES] = lot
        i[at.DISTANCES : at.DISTANCES + at.TABLE] = random_draws.distances(2, REACH, at.TABLE)
        self.f: Float = np.zeros(at.PATH)
        self.u = np.zeros(2, np.uint64)
        self.tape: Int = np.zeros((BUFFER, at.EVENT_WIDTH), np.int64)
        self.prints: Float = np.zeros((BUFFER // 2, at.PRINT_WIDTH))
        self.f[at.HAWKES : at.HAWKES + 3] = BRANCHING
        self.fresh = True

    def seed(self, words: npt.NDArray[np.uint64]) -> None:
        """Random numbers from here on come from two words that are not both 0."""
        self.u[:] = words
        self.u[0] |= np.uint64(1)

    def renew(self) -> None:
        """Forget all orders: the next bar fills the book again, around its own open."""
        i = self.i
        i[at.QUEUE :] = 0
        i[at.FREE] = 1
        self.fresh = True

    def play(self, bar: Bar) -> Played:
        """The bar, played from its open to its close. The session's first bar fills the book before it."""
        f, i = self._ready(bar), self.i
        before = int(i[at.TOTAL])
        jump = max(JUMP, JUMPS * self.tables[at.G_PACE + 3]) if len(self.tables) else JUMP
        if not self.fresh and abs(bar.path[0] - 0.5 * (i[at.BID] + i[at.ASK])) > jump:
            self.renew()
        if self.fresh:
            if i[at.TOTAL]:
                i[at.ORDER_ID] = 0
                emit(i, self.tape, at.HALT, 0, 0, 0)
            if len(self.tables):
                marks.found(f, i, self.tape, self.u, math.floor(bar.path[0]))
            else:
                fill(i, self.tape, self.u, math.floor(bar.path[0]), bar.depth)
            if f[at.REMOVED] == 0.0:
                f[at.REMOVED], f[at.TRADE_RATE] = bar.depth * bar.rate, bar.rate
                f[at.WIDE] = np.square(np.diff(bar.path)).sum() / bar.length
            self.fresh = False
        prune(i, self.u, self.tape)
        f[at.MID_OPEN] = f[at.MID_HIGH] = f[at.MID_LOW] = 0.5 * (i[at.BID] + i[at.ASK])
        first = i[[at.BID, at.ASK]]
        prints, tapes, shift = [], [], 0
        while True:
            state = play(f, i, self.u, self.tape, self.prints, ROOM)
            if state == 2 and i[at.EVENTS] + ROOM <= len(self.tape):
                own(f, i, self.u, self.tape, self.prints)
                continue
            if i[at.KEEP]:
                tape = self.tape[: i[at.EVENTS]].copy()
                tape[tape[:, 1] == at.HIDDEN, 3] += shift
                tapes.append(tape)
            prints.append(self.prints[: i[at.PRINTS]].copy())
            shift += int(i[at.PRINTS])
            i[at.EVENTS] = i[at.PRINTS] = 0
            if state == 1:
                break
        tape = np.concatenate(tapes) if tapes else np.zeros((0, at.EVENT_WIDTH), np.int64)
        if i[at.LOST]:
            raise RuntimeError("the engine ran over a buffer")
        best = i[[at.BID, at.ASK, at.OLD_BID_SIZE, at.OLD_ASK_SIZE]]
        return Played(f[: at.PATH].copy(), first, best, np.concatenate(prints), tape, int(i[at.TOTAL]) - before)

    def _ready(self, bar: Bar) -> Float:
        """`f` and `i` set for the bar."""
        if (bar.high - bar.low) / self.tick > MOST_BAR:
            span = (bar.high - bar.low) / self.tick
            wider = _wider(self.tick, span / MOST_BAR)
            raise DataError(
                f"a bar spans {span:,.0f} ticks of {self.tick:g}, the book takes {MOST_BAR:,}",
                hint=f"--set simulate.tick={wider:g}, or --fidelity bars",
            )
        steps = len(bar.path) - 1
        f, i = np.concatenate((self.f[: at.PATH], bar.path, self.tables)), self.i
        i[at.FITTED] = at.PATH + len(bar.path) if len(self.tables) else 0
        self.f = f
        step = bar.length / steps
        f[at.NOW] = f[at.START] = f[at.SINCE] = bar.start
        f[at.STEP], f[at.TICK] = step, self.tick
        f[at.DEPTH], f[at.DEPTH_DEEP], f[at.DEEP] = AIM * bar.depth, DEEP_DEPTH, DEEP
        f[at.EXCESS], f[at.BASE], f[at.KAPPA] = bar.excess, bar.rate, KAPPA
        f[at.OPEN], f[at.HIGH], f[at.LOW], f[at.CLOSE] = bar.open, bar.high, bar.low, bar.close
        f[at.SWAY], f[at.AHEAD] = SWAY, AHEAD
        f[at.CALM] = math.exp(-step / MOOD_S)
        f[at.STIR] = MOOD * math.sqrt(1.0 - f[at.CALM] ** 2)
        for j, (share, memory) in enumerate(zip(BRANCHING, MEMORY, strict=True)):
            decay = math.exp(-step / memory)
            f[at.DECAYS + j] = decay
            f[at.GROW + j] = share / (step * (0.5 + decay / (1.0 - decay)))
        f[at.OFI_BEFORE] += f[at.OFI]
        f[at.SIGNED_BEFORE] += f[at.SIGNED]
        for place in (at.SPREAD_T, at.ONE_T, at.BID_T, at.ASK_T, at.OFI, at.SIGNED, at.PAID, at.LIT_SIZE, at.TAKEN):
            f[place] = 0.0
        i[at.STEPS], i[at.STEP_AT], i[at.BEGUN], i[at.LIT_COUNT] = steps, 0, 0, 0
        i[at.CLOCK] = int(bar.start * 1e9)
        i[at.PER_SECOND] = max(round(1.0 / step), 1)
        self._due(bar, step)
        if i[at.FITTED]:
            self._paced(bar)
        return f

    def _paced(self, bar: Bar) -> None:
        """The fitted flow for the bar: its pace, and the share of trades that its volume asks for."""
        f, i = self.f, self.i
        pace = self.tables[at.G_PACE : at.G_END]
        f[at.SLOW] = math.exp(pace[0]) / bar.rate
        f[at.HELD], f[at.OFF_RATE] = i[at.LEFT], 0.0
        if f[at.DONE] == 0.0:
            f[at.DONE] = pace[4]
        usual = f[at.DONE] * bar.rate / math.exp(pace[0])
        f[at.RATION] = min(max(bar.volume / bar.length / usual, marks.LEAST_RATION), marks.MOST_RATION)

    def _due(self, bar: Bar, step: float) -> None:
        """What the bar must print: its own four prices, and its volume."""
        f, i = self.f, self.i
        steps = int(i[at.STEPS])
        i[at.HIGH_DONE], i[at.LOW_DONE] = bar.high in (bar.open, bar.close), bar.low in (bar.open, bar.close)
        i[at.RESERVE] = 4 - i[at.HIGH_DONE] - i[at.LOW_DONE]
        i[at.STAGE] = 0
        if bar.volume == 0:
            i[at.STAGE] = 2
        elif bar.volume == 1 and bar.open == bar.close and i[at.RESERVE] == 2:
            i[at.STAGE], i[at.RESERVE] = 1, 1
        i[at.LEFT] = max(bar.volume, i[at.RESERVE])
        i[at.LIT_LEFT] = int(LIT_SHARE * bar.volume)
        low, high = bar.low / self.tick - self.origin, bar.high / self.tick - self.origin
        i[at.PRINT_MIN], i[at.PRINT_MAX] = math.ceil(low - 1e-6), math.floor(high + 1e-6)
        aside = (1.0 - LIT_SHARE) * bar.volume / (OFF_LOTS * int(i[at.SIZES]) * bar.length)
        f[at.OFF_RATE] = min(aside, MOST_OFF) if bar.volume else 0.0
        ahead = max(int(i[at.LIT_LEFT]), 0) / bar.length
        f[at.LIT_P] = min(ahead / max(f[at.REMOVED], 1.0), 0.9)
        i[at.STEP_OPEN] = min(1, steps - 1)
        i[at.STEP_CLOSE] = steps - 1
        i[at.STEP_HIGH] = min(max(int(bar.path.argmax()), 2), steps - 1)
        i[at.STEP_LOW] = min(max(int(bar.path.argmin()), 2), steps - 1)

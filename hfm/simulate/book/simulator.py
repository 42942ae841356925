"""A session's book between bars: its arrays, what each bar wants of it, and what each bar came to.

Sizes are whole units; `unit` is what one of them is in shares. Prices are ticks above the session's `origin`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from hfm.errors import DataError
from hfm.simulate.book import book_state, marks, random_draws
from hfm.simulate.book.bar_target import BRANCHING, BarTarget, begin_bar
from hfm.simulate.book.book_state import (
    DRAWS,
    EXECUTE_HIDDEN,
    HALT,
    Buffers,
    Pace,
    Record,
)
from hfm.simulate.book.executions import prune_orders, trade_due_prices
from hfm.simulate.book.order_flow import BAR_OVER, TRADE_DUE, play_bar
from hfm.simulate.book.queues import REACH, fill_book, record_event
from hfm.tables.records import Records

MOST_TICKS = 1 << 21
"""Prices that a session may span."""
MOST_BAR, JUMP = 4000, 40
"""Ticks that a bar may span; and between its open and the mid before it, beyond which the book is made anew."""
ROOM = 16384
"""Free rows of a buffer below which it is emptied; no single event fills more."""
BUFFER = 1 << 17
ORDERS_A_TICK = 64
JUMPS = 6.0
"""The same as JUMP, in mean spreads, where the flow is fitted."""


class BestQuote(NamedTuple):
    """Best prices (ticks) and the units at them."""

    bid: int
    ask: int
    bid_size: int
    ask_size: int


@dataclass(frozen=True)
class PlayedBar:
    """What a bar came to: its sums (book_state.SUMS), the best quotes at its start and end, and rows of TRADE,
    METAORDER, SNAPSHOT and, where events are kept, EVENT; events: how many the book saw.
    """

    sums: Record
    opening: BestQuote
    closing: BestQuote
    trades: Records
    metaorders: Records
    snapshots: Records
    tape: Records
    events: int

    def without_rows(self) -> PlayedBar:
        """The same without its rows: what is left is small."""
        return replace(
            self, trades=self.trades[:0].copy(), metaorders=self.metaorders[:0].copy(),
            snapshots=self.snapshots[:0].copy(), tape=self.tape[:0].copy(),
        )  # fmt: skip


@dataclass(frozen=True)
class BookOptions:
    """How a book is kept. tick: currency; lot: units in a round lot; l3: orders apart; keep: the tape of events.

    laws: a record of book_state.LAWS and its pace, of a fitted flow (flow_tables.laws); None: the built-in flow. reach:
    ticks within which orders stand.
    """

    tick: float
    lot: int
    l3: bool = False
    keep: bool = False
    laws: Record | None = None
    pace: Pace | None = None
    reach: int = REACH


def _wider(tick: float, times: float) -> float:
    """The least power of ten that is so many times the tick, and a bit."""
    return float(10.0 ** math.ceil(math.log10(1.01 * times * tick)))


class SimulatedBook:
    """The book of one session, from its first bar on."""

    def __init__(self, low: float, high: float, options: BookOptions) -> None:
        """low, high: extremes of the session's prices; DataError where they span too many ticks, or are too few."""
        tick, reach = options.tick, options.reach
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
        self.tick, self.pace = tick, options.pace
        self.origin = math.floor(low / tick) - margin
        self.ticks = math.ceil(span) + 2 * margin + 2
        orders = ORDERS_A_TICK * self.ticks + 65536 if options.l3 else 0
        rows = BUFFER // 2
        self.engine = book_state.engine(self.ticks, orders, Buffers(BUFFER, rows, rows, rows))
        book = self.engine.book[0]
        book.ticks, book.origin, book.reach, book.free_order = self.ticks, self.origin, reach, 1
        book.keep_events, book.level3, book.fitted = options.keep, options.l3, options.laws is not None
        book.excited[:] = BRANCHING
        self._draw_from(options)
        self.empty = True

    def _draw_from(self, options: BookOptions) -> None:
        """Fill the tables of sizes and distances, and take the laws of a fitted flow."""
        engine, lot = self.engine, options.lot
        known = random_draws.order_sizes(lot, DRAWS)
        if options.laws is not None:
            for name in book_state.LAWS.names or ():
                engine.laws[0][name] = options.laws[name]
            join_sizes = options.laws.join.ravel()
            lot = max(int(np.median(join_sizes)), 1)
            known = np.resize(np.maximum(join_sizes.astype(np.int64), 1), DRAWS)
        engine.tables[0].qty[:] = np.random.Generator(np.random.Philox(key=7)).permutation(known)
        engine.tables[0].qty[0] = lot
        engine.tables[0].distance[:] = random_draws.distances(2, REACH, DRAWS)

    def seed(self, words: npt.NDArray[np.uint64]) -> None:
        """Random numbers from here on come from two words that are not both 0."""
        self.engine.seed[:] = words
        self.engine.seed[0] |= np.uint64(1)

    def renew(self) -> None:
        """Forget all orders: the next bar fills the book again, around its own open."""
        engine = self.engine
        engine.queue[:] = 0
        engine.levels[:] = 0
        engine.orders[:] = 0
        engine.book[0].free_order = 1
        self.empty = True

    def play(self, bar: BarTarget) -> PlayedBar:
        """Play the bar from its open to its close. The session's first bar fills the book before it."""
        self._begin(bar)
        engine, book = self.engine, self.engine.book[0]
        before = int(book.total_events)
        jump = JUMP if self.pace is None else max(JUMP, JUMPS * self.pace.mean_spread)
        if not self.empty and abs(bar.path[0] - 0.5 * (book.bid + book.ask)) > jump:
            self.renew()
        if self.empty:
            self._fill(bar)
        prune_orders(engine)
        sums = engine.sums[0]
        sums.mid_open = sums.mid_high = sums.mid_low = 0.5 * (book.bid + book.ask)
        opening = self._best()
        trades, metaorders, snapshots, tapes = [], [], [], []
        rows_before = 0  # trades of the bar that were taken out of the buffer
        while True:
            state = play_bar(engine, ROOM)
            if state == TRADE_DUE and book.events + ROOM <= len(engine.tape):
                trade_due_prices(engine)
                continue
            if book.keep_events:
                tape = engine.tape[: book.events].copy()
                tape["price"][tape["kind"] == EXECUTE_HIDDEN] += rows_before
                tapes.append(tape)
            trades.append(engine.trades[: book.trades].copy())
            metaorders.append(engine.metaorders[: book.metaorders].copy())
            snapshots.append(engine.snapshots[: book.snapshots].copy())
            rows_before += int(book.trades)
            book.events = book.trades = book.metaorders = book.snapshots = 0
            if state == BAR_OVER:
                break
        if book.overflow:
            raise RuntimeError("the engine ran over a buffer")
        return PlayedBar(
            np.array([sums])[0], opening, self._best(), np.concatenate(trades), np.concatenate(metaorders),
            np.concatenate(snapshots), np.concatenate(tapes) if tapes else np.zeros(0, book_state.EVENT),
            int(book.total_events) - before,
        )  # fmt: skip

    def _best(self) -> BestQuote:
        book = self.engine.book[0]
        return BestQuote(int(book.bid), int(book.ask), int(book.last_bid_size), int(book.last_ask_size))

    def _fill(self, bar: BarTarget) -> None:
        """Fill an empty book around the bar's open; a HALT says where one was forgotten."""
        engine, book = self.engine, self.engine.book[0]
        if book.total_events:
            book.order_id = 0
            record_event(engine, HALT, 0, 0, 0)
        if book.fitted:
            marks.fill_fitted_book(engine, math.floor(bar.path[0]))
        else:
            fill_book(engine, math.floor(bar.path[0]), bar.depth)
        if book.removed == 0.0:
            book.removed, book.trade_rate = bar.depth * bar.rate, bar.rate
            book.widening = np.square(np.diff(bar.path)).sum() / bar.length
        self.empty = False

    def _begin(self, bar: BarTarget) -> None:
        """Set the engine for the bar."""
        if (bar.high - bar.low) / self.tick > MOST_BAR:
            span = (bar.high - bar.low) / self.tick
            wider = _wider(self.tick, span / MOST_BAR)
            raise DataError(
                f"a bar spans {span:,.0f} ticks of {self.tick:g}, the book takes {MOST_BAR:,}",
                hint=f"--set simulate.tick={wider:g}, or --fidelity bars",
            )
        self.engine = self.engine._replace(path=np.ascontiguousarray(bar.path, np.float64))
        self.engine.bar[0].tick = self.tick
        begin_bar(self.engine, bar, self.pace)

"""The engine's memory by field: NumPy records that kernels read and write, and the arrays beside them.

A record has one size whatever the data, so numba compiles each kernel once; what grows with the data (queues, orders,
tape) is an array of its own. A field is one line here and nowhere else. No field may be called as an attribute of
np.record is (`size`, `data`, `flags`): plain Python would read that one.

Units: prices are whole ticks above the session's origin, quantities whole units (see book_session), times seconds since
the session's open, unless a line says otherwise.
"""

from __future__ import annotations

from typing import Any, NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

from hfm.arrays import Float, Int
from hfm.tables.records import Records, nested_dtype

Record: TypeAlias = Any
"""np.record, whose fields mypy does not know."""
Seed = npt.NDArray[np.uint64]


# ------------------------------------------------------------------------------------------------ codes of an event
ADD, REDUCE, DELETE, EXECUTE, EXECUTE_HIDDEN, HALT = 0, 1, 2, 3, 4, 5
"""EVENT.kind."""
OPEN, HIGH, LOW, CLOSE = 0, 1, 2, 3
"""Which of a bar's own prices is due (executions.price_due)."""
BEFORE_OPEN, TRADING, CLOSED = 0, 1, 2
"""BAR.stage: trades come between the bar's first and last print alone."""

# ------------------------------------------------------------------------------------------------ sizes of the tables
DRAWS = 4096
"""Entries of a table from which sizes or distances are drawn: 12 random bits name one (random_draws.table_index)."""
KINDS, MARKS = 7, 14
"""Kinds of a fitted event (observed_events.KINDS), and kinds times (same side as the event before, other side)."""
SPREADS, SHARES, QUEUES, BINS, CLASSES = 8, 5, 6, 8, 4
"""Buckets of the spread, of a queue's share of both best queues, of a queue; bins of gaps, and classes of these."""
POINTS, LAW = 24, 64
"""Quantiles of a law that depends on the book, and of one that does not."""

# --------------------------------------------------------------------------------------------------------- the records
BOOK = nested_dtype([
    ("ticks", "i8"),  # prices that the book has room for, from the origin on
    ("origin", "i8"),  # ticks of a price of the lowest place
    ("reach", "i8"),  # ticks from the opposite best within which orders stand
    ("keep_events", "?"),
    ("level3", "?"),  # orders are kept apart
    ("fitted", "?"),  # the flow is that of LAWS
    ("overflow", "?"),  # a buffer was too short: a fault of the engine
    ("bid", "i8"), ("ask", "i8"),
    ("last_bid", "i8"), ("last_ask", "i8"),  # best prices and sizes as last accounted for
    ("last_bid_size", "i8"), ("last_ask_size", "i8"),
    ("now", "f8"),
    ("clock", "i8"),  # ns: `now` of the event at hand
    ("events", "i8"), ("trades", "i8"), ("metaorders", "i8"), ("snapshots", "i8"),  # rows that the buffers hold
    ("total_events", "i8"),  # since the session's open
    ("free_order", "i8"),  # the next place of ORDER to be used
    ("last_number", "i8"),  # of the newest order
    ("order_id", "i8"),  # number of the order that the event at hand touches; 0: none
    ("event_kind", "i8"), ("event_side", "i8"), ("event_price", "i8"),  # the event drawn (order_flow.draw_event)
    ("may_trade", "?"),  # it could have been a market order
    # the built-in flow
    ("excited", "f8", (3,)),  # activity above the calm one, of each memory (Hawkes)
    ("activity", "f8"),  # events a second at one best price without tilt
    ("up", "f8"), ("down", "f8"),  # weights of what moves the mid up, and down
    ("target", "f8"),  # ticks: the mid that the bar's path has now
    ("rate_up", "f8"), ("rate_touch", "f8"), ("rate_deep", "f8"), ("rate_fill", "f8"),  # running totals, a second
    ("widened", "i8"),  # ticks by which the spread widened in this step
    ("widening", "f8"),  # the same a second, averaged
    ("narrowing", "f8"),  # rate at which each tick of a wide spread is filled
    ("mood", "f8", (2,)),  # ln of the depth aimed at over the bar's, of bids and of asks
    ("depth", "f8", (2,)),  # units that a best bid, and a best ask, tends to
    ("removed", "f8"),  # units a second that leave the best queues, averaged
    ("trade_rate", "f8"),  # trades on the book a second, averaged
    ("taken", "f8"),  # units that left them since the last check
    ("lit_trades", "i8"),  # trades on the book since the last check
    ("market_share", "f8"),  # of what leaves a best queue, that are market orders
    # the metaorder at work
    ("meta_side", "i8"),  # 0: none
    ("meta_left", "i8"), ("meta_children", "i8"),  # trades to come, and made
    ("meta_qty", "i8"),
    ("meta_mid", "f8"), ("meta_time", "f8"),  # where and when it began
    # the fitted flow
    ("last_kind", "i8"), ("last_side", "i8"),  # of the event before
    ("gap_bin", "i8"),  # of the gap before the event at hand
    ("next_time", "f8"),  # of the next event
    ("weights", "f8", (MARKS,)),  # running totals of a draw
    ("slowness", "f8"),  # factor of gaps beyond a reaction's
    ("ration", "f8"),  # factor of trades
    ("left_at_check", "i8"),
    ("usual_volume", "f8"),  # units a second that a ration of 1 brings
    # since the session's open, before the bar at hand
    ("ofi_before", "f8"), ("signed_before", "f8"),
])  # fmt: skip
"""A session's book and its flow of orders, from bar to bar."""

BAR = nested_dtype([
    ("open", "f8"), ("high", "f8"), ("low", "f8"), ("close", "f8"),  # currency
    ("tick", "f8"),  # currency
    ("start", "f8"), ("step_length", "f8"),  # s
    ("steps", "i8"), ("step", "i8"),  # of the path; the one at hand
    ("step_begun", "?"),
    ("steps_a_second", "i8"),
    ("stage", "i8"),
    ("step_open", "i8"), ("step_high", "i8"), ("step_low", "i8"), ("step_close", "i8"),  # at the latest
    ("high_done", "?"), ("low_done", "?"),
    ("lowest", "i8"), ("highest", "i8"),  # ticks at which the bar can trade
    ("left", "i8"),  # units that the bar has still to trade
    ("lit_left", "i8"),  # the same on the book
    ("reserve", "i8"),  # units kept for the bar's own prices that are still due
    ("depth", "f8"), ("depth_deep", "f8"),  # units that a best queue aims at; the same behind it, over that
    ("deep", "f8"),  # rate of events behind the best prices, over that at one of them
    ("excess", "f8"),  # mean spread less a tick, ticks
    ("rate", "f8"),  # events a second at one best price without tilt
    ("kappa", "f8"),  # of the tilt, a tick
    ("sway", "f8"), ("ahead", "f8"),  # of metaorders (see simulator)
    ("off_rate", "f8"),  # off-book trades a second
    ("calm", "f8"), ("stir", "f8"),  # AR(1) of the mood, a step
    ("decay", "f8", (3,)), ("growth", "f8", (3,)),  # of each memory: a step, an event
])  # fmt: skip
"""What the bar at hand wants, and how far it has come."""

SUMS = nested_dtype([
    ("start", "f8"), ("until", "f8"),  # the time that the sums cover
    ("spread_time", "f8"), ("one_tick_time", "f8"),  # tick s; s at a spread of one tick
    ("bid_time", "f8"), ("ask_time", "f8"),  # unit s at the best prices
    ("mid_open", "f8"), ("mid_high", "f8"), ("mid_low", "f8"),
    ("ofi", "f8"), ("signed", "f8"),  # units
    ("paid", "f8"),  # unit ticks between trades and the mid
    ("lit_qty", "f8"),
])  # fmt: skip
"""What the bar at hand came to."""

TABLES = nested_dtype([("qty", "i8", (DRAWS,)), ("distance", "i8", (DRAWS,))])
"""Order sizes in a drawn order, after a round lot in the first place; distances of orders from the opposite best."""

LAW_SHAPES: dict[str, tuple[int, ...]] = {
    "spread_edges": (SPREADS - 1,), "queue_edges": (QUEUES - 1,), "gaps": (BINS * POINTS,), "bins": (BINS, BINS),
    "bin_kind": (KINDS, BINS), "bin_spread": (SPREADS, BINS), "marks": (KINDS, CLASSES, MARKS),
    "of_spread": (KINDS, SPREADS), "of_share": (KINDS, SHARES), "join": (2, LAW), "improve": (2, LAW),
    "next": (2, LAW), "deep": (LAW,), "hidden": (LAW,), "inside": (SPREADS, POINTS), "back": (SPREADS, POINTS),
    "cancel": (QUEUES, POINTS), "trade": (QUEUES, POINTS), "add_at": (LAW,), "cancel_at": (LAW,),
}  # fmt: skip
"""The tables of a fitted flow (fitted.fit): bids stand before asks where there are two of one."""


class Pace(NamedTuple):
    """The last table of a fitted flow, `pace`: ln events a second; level and slope of it in ln shares traded a second;
    mean spread (ticks); shares traded a second; the widest spread (ticks).
    """

    ln_rate: float
    level: float
    slope: float
    mean_spread: float
    volume_rate: float
    widest_spread: float


LAWS = nested_dtype(
    [*((name, "f8", shape) for name, shape in LAW_SHAPES.items()), ("mean_spread", "f8"), ("widest_spread", "f8")]
)
"""A fitted flow in the engine's units; all 0 where the flow is built in."""

# ------------------------------------------------------------------------------------------------------ rows of arrays
EVENT = nested_dtype([
    ("clock", "i8"),  # ns
    ("kind", "i8"),
    ("side", "i8"),  # of the resting order: 1 bid, -1 ask; 0: off the book
    ("price", "i8"),  # of a hidden execution: its row of the trades
    ("qty", "i8"),
    ("order_id", "i8"),  # 0: none
    ("bid", "i8"), ("ask", "i8"), ("bid_size", "i8"), ("ask_size", "i8"),  # after the event
])  # fmt: skip
TRADE = nested_dtype([
    ("time", "f8"),
    ("price", "f8"),  # currency
    ("qty", "i8"),
    ("side", "i8"),  # 1 buyer, -1 seller, 0 off the book
    ("lit", "?"),
])  # fmt: skip
METAORDER = nested_dtype([
    ("start", "f8"), ("end", "f8"),
    ("move", "f8"),  # of the mid, ticks
    ("qty", "i8"), ("side", "i8"), ("children", "i8"),
])  # fmt: skip
SNAPSHOT = nested_dtype([
    ("time", "f8"), ("mid", "f8"), ("spread", "i8"), ("bid_size", "i8"), ("ask_size", "i8"),
    ("ofi", "f8"), ("signed", "f8"),  # since the session's open
])  # fmt: skip
PRICE_LEVEL = nested_dtype([("first", "i8"), ("last", "i8")])
"""Places of the oldest and the newest order at a tick; 0: none."""
ORDER = nested_dtype([("next", "i8"), ("previous", "i8"), ("qty", "i8"), ("number", "i8"), ("patience", "i8")])
"""next, previous: places in line, 0 for none; patience: its class of lifetimes (level3.LIFETIMES)."""


LEVEL = nested_dtype([("bid", "i8"), ("bid_size", "i8"), ("ask", "i8"), ("ask_size", "i8")])
"""A price level of both sides, for the table of events."""


class BookEngine(NamedTuple):
    """All that a kernel of the book may touch.

    book, bar, sums, tables, laws: [1] of the records above; arrays, since numba takes 5 us to look at a record at each
    call (bench `simulate-book`). queue [ticks]: units at each tick, bids at or below book.bid, asks
    at or above book.ask. path [K+1]: ticks of the mid at each step. levels [ticks] and orders [N], counted from 1,
    where orders are kept apart, else empty. tape, trades, metaorders, snapshots: buffers. seed: random state.
    """

    book: Records
    bar: Records
    sums: Records
    tables: Records
    laws: Records
    queue: Int
    levels: Records
    orders: Records
    path: Float
    tape: Records
    trades: Records
    metaorders: Records
    snapshots: Records
    seed: Seed


class Buffers(NamedTuple):
    """Rows of the engine's tape, trades, metaorders and snapshots."""

    tape: int
    trades: int
    metaorders: int
    snapshots: int


def engine(ticks: int, orders: int, buffers: Buffers) -> BookEngine:
    """An engine of zeros.

    Parameters
    ----------
    ticks
        Prices that the book has room for.
    orders
        Orders that it has room for; 0: they are not kept apart.
    buffers
        Rows of its buffers.

    Returns
    -------
    BookEngine
        Its path has one point: each bar brings its own.
    """
    apart = orders > 0
    return BookEngine(
        book=np.zeros(1, BOOK),
        bar=np.zeros(1, BAR),
        sums=np.zeros(1, SUMS),
        tables=np.zeros(1, TABLES),
        laws=np.zeros(1, LAWS),
        queue=np.zeros(ticks, np.int64),
        levels=np.zeros(ticks if apart else 0, PRICE_LEVEL),
        orders=np.zeros(orders + 1 if apart else 0, ORDER),
        path=np.zeros(1),
        tape=np.zeros(buffers.tape, EVENT),
        trades=np.zeros(buffers.trades, TRADE),
        metaorders=np.zeros(buffers.metaorders, METAORDER),
        snapshots=np.zeros(buffers.snapshots, SNAPSHOT),
        seed=np.zeros(2, np.uint64),
    )

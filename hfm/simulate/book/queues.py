"""The queues: orders come, are cancelled and are executed, and every change of the best prices is accounted for."""

from __future__ import annotations

from hfm.kernels.jit import bare
from hfm.simulate.book.book_state import ADD, DELETE, EXECUTE, REDUCE, BookEngine
from hfm.simulate.book.level3 import append_order, impatient_order, reduce_order
from hfm.simulate.book.random_draws import table_index, uniform

REACH = 50
"""Ticks from the opposite best within which orders stand."""


@bare
def record_event(engine: BookEngine, kind: int, side: int, price: int, qty: int) -> None:
    """Write an event to the tape, with the best prices after it; where events are not kept they are only counted.

    Parameters
    ----------
    engine
        Read and written.
    kind
        Code of EVENT.
    side
        Of the resting order: 1 bid, -1 ask, 0 off the book.
    price
        Ticks; of a hidden execution the row of its trade.
    qty
        Units.
    """
    book = engine.book[0]
    book.total_events += 1
    if not book.keep_events:
        return
    if book.events == len(engine.tape):
        book.overflow = True
        return
    event = engine.tape[book.events]
    book.events += 1
    event.clock = book.clock
    event.kind = kind
    event.side = side
    event.price = price
    event.qty = qty
    event.order_id = book.order_id
    event.bid = book.bid
    event.ask = book.ask
    event.bid_size = engine.queue[book.bid]
    event.ask_size = engine.queue[book.ask]


@bare
def add_order(engine: BookEngine, side: int, price: int, qty: int) -> None:
    """Add a limit order, which may become the best; it is on its side of the other best.

    Parameters
    ----------
    engine
        Read and written.
    side
        1 bid, -1 ask.
    price
        Ticks.
    qty
        Units.
    """
    book = engine.book[0]
    engine.queue[price] += qty
    if side > 0:
        if price > book.bid:
            book.bid = price
    elif price < book.ask:
        book.ask = price
    book.order_id = 0
    if book.level3:
        append_order(engine, price, qty)
    record_event(engine, ADD, side, price, qty)


@bare
def retreat_best(engine: BookEngine, side: int, price: int) -> None:
    """Move the best price of a side to the next queue behind it; there is one.

    Parameters
    ----------
    engine
        Read and written.
    side
        1 bid, -1 ask.
    price
        Ticks, emptied; nothing happens where it is not the best.
    """
    book = engine.book[0]
    if side > 0:
        if price == book.bid:
            while engine.queue[price] == 0:
                price -= 1
            book.bid = price
    elif price == book.ask:
        while engine.queue[price] == 0:
            price += 1
        book.ask = price


@bare
def back_best(engine: BookEngine, side: int, price: int, qty: int) -> None:
    """See that an order stands behind a best price: where `reach` ticks are bare, add one.

    Parameters
    ----------
    engine
        Read and written.
    side
        1 bid, -1 ask.
    price
        Ticks of the best.
    qty
        Units to add.
    """
    for k in range(1, engine.book[0].reach):
        if engine.queue[price - side * k] > 0:
            return
    add_order(engine, side, price - side, qty)


@bare
def remove_orders(engine: BookEngine, price: int, qty: int, kind: int) -> int:
    """Take orders from a queue: EXECUTE takes `qty`, oldest first; REDUCE cancels one order.

    Parameters
    ----------
    engine
        Read and written.
    price
        Ticks; the queue is not empty.
    qty
        Units, at most what is there; a cancel of 0 draws its own.
    kind
        EXECUTE or REDUCE.

    Returns
    -------
    int
        Units of the order that left last.
    """
    book = engine.book[0]
    side = 1 if price <= book.bid else -1
    while True:
        queued = engine.queue[price]
        part, n = qty, 0
        book.order_id = 0
        if book.level3:
            n = engine.levels[price].first if kind == EXECUTE else impatient_order(engine, price)
            resting = engine.orders[n].qty
            part = min(qty, resting) if kind == EXECUTE else resting
        elif kind != EXECUTE:
            part = min(queued, qty if qty > 0 else engine.tables[0].qty[table_index(engine.seed)])
        if part == queued and (price == book.bid or price == book.ask):
            back_best(engine, side, price, part)
        if n:
            reduce_order(engine, price, n, part)
        left = queued - part
        engine.queue[price] = left
        if left == 0:
            retreat_best(engine, side, price)
        written = kind
        if kind == REDUCE and (left == 0 or n):
            written = DELETE
        record_event(engine, written, side, price, part)
        qty -= part
        if qty <= 0:
            return int(part)


@bare
def fill_book(engine: BookEngine, bid: int, depth: float) -> None:
    """Fill an empty book: a bid, an ask a tick above it, and orders behind.

    Parameters
    ----------
    engine
        Read and written.
    bid
        Ticks.
    depth
        Units at each tick, about.
    """
    book = engine.book[0]
    book.bid, book.ask = bid, bid + 1
    for d in range(REACH):
        for side in (1, -1):
            price = bid - d if side > 0 else bid + 1 + d
            target = depth * (0.4 + 0.8 * uniform(engine.seed))
            while engine.queue[price] == 0 or engine.queue[price] < target:
                add_order(engine, side, price, engine.tables[0].qty[table_index(engine.seed)])
    begin_accounts(engine)


@bare
def begin_accounts(engine: BookEngine) -> None:
    """Take the best prices and sizes as accounted for: the book was just filled."""
    book = engine.book[0]
    book.last_bid, book.last_ask = book.bid, book.ask
    book.last_bid_size, book.last_ask_size = engine.queue[book.bid], engine.queue[book.ask]


@bare
def account_quotes(engine: BookEngine) -> None:
    """Account for the best prices and sizes since the last call: times, extremes, OFI (Cont et al. 2014, eq. 2 and 3).

    Cont, Kukanov and Stoikov (2014), Journal of Financial Econometrics 12(1), doi:10.1093/jjfinec/nbt003.
    """
    book, sums = engine.book[0], engine.sums[0]
    accrue_time(engine)
    bid, ask, last_bid, last_ask = book.bid, book.ask, book.last_bid, book.last_ask
    bid_size, ask_size = engine.queue[bid], engine.queue[ask]
    e = 0  # e_n of eq. 2
    if bid >= last_bid:
        e += bid_size
    if bid <= last_bid:
        e -= book.last_bid_size
    if ask <= last_ask:
        e -= ask_size
    if ask >= last_ask:
        e += book.last_ask_size
    sums.ofi += e  # eq. 3
    book.last_bid, book.last_ask, book.last_bid_size, book.last_ask_size = bid, ask, bid_size, ask_size
    if bid != last_bid or ask != last_ask:
        book.widened += max(ask - bid - last_ask + last_bid, 0)
        mid = 0.5 * (bid + ask)
        sums.mid_high = max(sums.mid_high, mid)
        sums.mid_low = min(sums.mid_low, mid)


@bare
def accrue_time(engine: BookEngine) -> None:
    """Add the time since the last change to the time-weighted sums."""
    book, sums = engine.book[0], engine.sums[0]
    dt = book.now - sums.until
    sums.until = book.now
    spread = book.last_ask - book.last_bid
    sums.spread_time += dt * spread
    if spread == 1:
        sums.one_tick_time += dt
    sums.bid_time += dt * book.last_bid_size
    sums.ask_time += dt * book.last_ask_size

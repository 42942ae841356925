"""Trades: on the book, beside it, and the four that make a bar's open, high, low and close.

Every trade lies in [low, high] of the bar and between the best prices of its instant; none comes before the open's or
after the close's. So the trades of a bar re-aggregate to it whatever the book does in between.
"""

from __future__ import annotations

import math

from hfm.kernels.jit import bare
from hfm.simulate.book.book_state import (
    BEFORE_OPEN,
    CLOSE,
    CLOSED,
    EXECUTE,
    EXECUTE_HIDDEN,
    HIGH,
    LOW,
    OPEN,
    REDUCE,
    TRADING,
    BookEngine,
)
from hfm.simulate.book.metaorders import count_child, finish_metaorder
from hfm.simulate.book.queues import account_quotes, add_order, record_event, remove_orders
from hfm.simulate.book.random_draws import uniform

ON_GRID = 1e-6
"""Ticks from a whole one within which a price counts as on the grid."""


@bare
def record_trade(engine: BookEngine, price: float, qty: int, side: int, lit: bool) -> int:
    """Write a trade to the buffer.

    Parameters
    ----------
    engine
        Read and written.
    price
        Currency.
    qty
        Units.
    side
        1 a buyer, -1 a seller, 0 off the book.
    lit
        Whether on the book.

    Returns
    -------
    int
        Its row.
    """
    book = engine.book[0]
    row = min(book.trades, len(engine.trades) - 1)
    if row < book.trades:
        book.overflow = True
    book.trades = row + 1
    trade = engine.trades[row]
    trade.time = book.now
    trade.price = price
    trade.qty = qty
    trade.side = side
    trade.lit = lit
    return int(row)


@bare
def account_trade(engine: BookEngine, price: float, qty: int, side: int) -> None:
    """Add a trade to the bar's sums, before the book has moved.

    Parameters
    ----------
    engine
        Read and written.
    price
        Currency.
    qty
        Units.
    side
        1 a buyer, -1 a seller, 0 off the book.
    """
    book, bar, sums = engine.book[0], engine.bar[0], engine.sums[0]
    bar.left -= qty
    sums.paid += qty * abs(price / bar.tick - book.origin - 0.5 * (book.bid + book.ask))
    sums.signed += side * qty
    if not bar.high_done and price >= bar.high - ON_GRID * bar.tick:
        bar.high_done = True
        bar.reserve -= 1
    if not bar.low_done and price <= bar.low + ON_GRID * bar.tick:
        bar.low_done = True
        bar.reserve -= 1


@bare
def trade_on_book(engine: BookEngine, side: int, qty: int) -> int:
    """Record the trade of a market order with the best queue, which is still to leave it.

    Parameters
    ----------
    engine
        Read and written.
    side
        1 a buyer, -1 a seller.
    qty
        Units, at most what the queue has.

    Returns
    -------
    int
        Ticks at which it traded.
    """
    book = engine.book[0]
    tick = book.ask if side > 0 else book.bid
    price = (book.origin + tick) * engine.bar[0].tick
    record_trade(engine, price, qty, side, True)
    engine.bar[0].lit_left -= qty
    book.lit_trades += 1
    engine.sums[0].lit_qty += qty
    account_trade(engine, price, qty, side)
    count_child(engine, side, qty)
    return int(tick)


@bare
def trade_off_book(engine: BookEngine, price: float, qty: int) -> None:
    """Record an off-book trade at an exact price.

    Parameters
    ----------
    engine
        Read and written.
    price
        Currency, inside the best prices.
    qty
        Units.
    """
    row = record_trade(engine, price, qty, 0, False)
    engine.book[0].order_id = 0
    record_event(engine, EXECUTE_HIDDEN, 0, row, qty)
    account_trade(engine, price, qty, 0)


@bare
def random_off_book_trade(engine: BookEngine) -> None:
    """An off-book trade of what the bar still has to give: at the mid, or a tenth of a tick inside a best price."""
    book, bar = engine.book[0], engine.bar[0]
    if bar.stage != TRADING or bar.left <= bar.reserve:
        return
    ahead = max((bar.step_close - bar.step) * bar.step_length, bar.step_length)
    lit_due = max(bar.lit_left, 0) if book.market_share < 0.9 and ahead > 10.0 else 0
    mean = max(bar.left - bar.reserve - lit_due, 0) / max(bar.off_rate * ahead, 1.0)
    qty = min(int(-math.log(uniform(engine.seed)) * mean) + 1, bar.left - bar.reserve)
    bid, ask = float(book.bid + book.origin), float(book.ask + book.origin)
    place = uniform(engine.seed)
    ticks = 0.5 * (bid + ask) if place < 0.6 else bid + 0.1 if place < 0.8 else ask - 0.1
    price = min(max(ticks * bar.tick, bar.low), bar.high)
    if bid - ON_GRID <= price / bar.tick <= ask + ON_GRID:
        trade_off_book(engine, price, qty)


@bare
def move_best_to(engine: BookEngine, ticks: float) -> None:
    """Bring `ticks` between the best prices: cancel asks below it or bids above it; the other side follows."""
    book = engine.book[0]
    low, high = math.floor(ticks + ON_GRID), math.ceil(ticks - ON_GRID)
    lot = engine.tables[0].qty[0]
    while book.ask < high or book.bid > low:
        rising = book.ask < high
        goal = high if rising else low
        if engine.queue[goal] == 0:
            add_order(engine, -1 if rising else 1, goal, lot)
        remove_orders(engine, book.ask if rising else book.bid, 0, REDUCE)
        account_quotes(engine)
    if book.ask - book.bid > 2 and not book.fitted:
        rising = book.ask - ticks < ticks - book.bid
        goal = max(low, book.ask - 2) if rising else min(high, book.bid + 2)
        if book.bid < goal < book.ask:
            add_order(engine, 1 if rising else -1, goal, lot)
        account_quotes(engine)


@bare
def trade_at(engine: BookEngine, price: float) -> None:
    """Trade at the exact `price` of a bar's open, high, low or close: on the book if it is a best price, else off it.

    It takes a round lot, or, where it is the last trade of the bar, all that is left.
    """
    book, bar = engine.book[0], engine.bar[0]
    ticks = price / bar.tick - book.origin
    move_best_to(engine, ticks)
    spare = bar.left - bar.reserve
    qty = bar.left if bar.reserve == 1 else 1 + min(engine.tables[0].qty[0], spare)
    tick = math.floor(ticks + 0.5)
    if abs(ticks - tick) < ON_GRID and (book.ask == tick or book.bid == tick):
        part = min(qty, engine.queue[tick])
        best = trade_on_book(engine, 1 if book.ask == tick else -1, part)
        remove_orders(engine, best, part, EXECUTE)
        account_quotes(engine)
        qty -= part
    if qty > 0:
        trade_off_book(engine, price, qty)


@bare
def trade_due_prices(engine: BookEngine) -> None:
    """The trades that make the bar's open, high, low and close, each at its step unless it was made already."""
    book, bar = engine.book[0], engine.bar[0]
    book.clock = int(book.now * 1e9)
    while True:
        which = price_due(engine)
        if which < 0:
            return
        if which == CLOSE and book.meta_side != 0:
            finish_metaorder(engine)
        trade_at(
            engine, bar.open if which == OPEN else bar.high if which == HIGH else bar.low if which == LOW else bar.close
        )
        if which == OPEN:
            bar.reserve -= 1
            bar.stage = TRADING
        if which == CLOSE:
            bar.stage = CLOSED


@bare
def price_due(engine: BookEngine) -> int:
    """Which of the bar's own prices (OPEN, HIGH, LOW, CLOSE) must be traded at this step; -1: none."""
    bar = engine.bar[0]
    if bar.stage == BEFORE_OPEN:
        return OPEN if bar.step >= bar.step_open else -1
    if bar.stage == CLOSED:
        return -1
    closing = bar.step >= bar.step_close
    if not bar.high_done and (bar.step >= bar.step_high or closing):
        return HIGH
    if not bar.low_done and (bar.step >= bar.step_low or closing):
        return LOW
    return CLOSE if closing else -1


@bare
def prune_orders(engine: BookEngine) -> None:
    """Cancel orders farther than `reach` from the opposite best, up to thrice as far."""
    book = engine.book[0]
    for d in range(book.reach + 1, 3 * book.reach):
        for price in (book.ask - d, book.bid + d):
            while 0 <= price < book.ticks and engine.queue[price] > 0:
                remove_orders(engine, price, 0, REDUCE)

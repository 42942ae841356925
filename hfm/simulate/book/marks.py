"""The fitted flow at work: the next event's instant, its kind and side, and what it does to the book (see fitted.py).

What moves the mid towards the bar's path is e^(kappa x) likelier, the other way e^(-kappa x), x being path - mid in
mean spreads; trades are rationed so that the bar's volume comes about. Everything else is as it was counted. A best
price that goes uncovers the next one where the file says that it lies: orders in between are cancelled, a missing one
is added.
"""

from __future__ import annotations

import math

from hfm.arrays import Float
from hfm.kernels.jit import bare
from hfm.simulate.book.book_state import (
    BINS,
    CLASSES,
    EXECUTE,
    MARKS,
    POINTS,
    REDUCE,
    SHARES,
    TRADING,
    BookEngine,
)
from hfm.simulate.book.executions import trade_off_book, trade_on_book
from hfm.simulate.book.level3 import is_single_order
from hfm.simulate.book.observed_events import CANCEL, DEEP_ADD, DEEP_CANCEL, HIDDEN, IMPROVE, TRADE
from hfm.simulate.book.queues import account_quotes, add_order, begin_accounts, remove_orders
from hfm.simulate.book.random_draws import draw, uniform

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
def bucket(edges: Float, x: float) -> int:
    """How many edges lie below a value.

    Parameters
    ----------
    edges
        [n] ascending.
    x
        The value.

    Returns
    -------
    int
        0 to n.
    """
    b = 0
    for k in range(len(edges)):
        b += x > edges[k]
    return b


@bare
def draw_next_time(engine: BookEngine) -> None:
    """Draw the instant of the next event: the bin of its gap, a gap of the bin, slowed where it is no reaction."""
    book, laws, seed = engine.book[0], engine.laws[0], engine.seed
    s = bucket(laws.spread_edges, book.ask - book.bid)
    # the bin: weights given the bin before, times factors of the event before and of the spread (event_laws.fit_gaps)
    total = 0.0
    for b in range(BINS):
        total += laws.bins[book.gap_bin, b] * laws.bin_kind[book.last_kind, b] * laws.bin_spread[s, b]
        book.weights[b] = total
    v, b = uniform(seed) * total, 0
    while b < BINS - 1 and book.weights[b] < v:
        b += 1
    book.gap_bin = b
    # a gap of the bin: linear in ln between the quantiles
    x = min(max((b + uniform(seed)) * POINTS - 0.5, 0.0), BINS * POINTS - 1.001)
    k = int(x)
    low = laws.gaps[k]
    gap = math.exp(low + (x - k) * (laws.gaps[k + 1] - low)) if low > NONE else 0.0
    if gap > SHORT:
        gap *= book.slowness
    book.next_time = max(book.next_time, book.now) + gap


@bare
def draw_mark(engine: BookEngine) -> int:
    """The next mark: 2 kind + 1 where it is on the other side than the event before."""
    book, bar, laws = engine.book[0], engine.bar[0], engine.laws[0]
    spread = book.ask - book.bid
    s = bucket(laws.spread_edges, spread)
    queued = book.last_bid_size if book.last_side > 0 else book.last_ask_size
    first = min(int(queued / (book.last_bid_size + book.last_ask_size) * SHARES), SHARES - 1)
    pause = min(book.gap_bin * CLASSES // BINS, CLASSES - 1)
    x = (book.target - 0.5 * (book.bid + book.ask)) / laws.mean_spread
    up = math.exp(PULL * min(max(x, -AWAY), AWAY))
    middle = 0.5 * (up + 1.0 / up)
    wide = spread >= laws.widest_spread  # as the file never was: what would widen it further is not drawn
    tradable = bar.stage == TRADING and bar.left > bar.reserve
    # weights given the kind before and the gap, times factors of spread and queue (event_laws.fit_marks), times what
    # pulls the mid to the path, and what rations trades
    total = 0.0
    for m in range(MARKS):
        kind, side = m // 2, book.last_side if m % 2 == 0 else -book.last_side
        share = first if m % 2 == 0 else SHARES - 1 - first
        w = laws.marks[book.last_kind, pause, m] * laws.of_spread[kind, s]
        w *= laws.of_share[kind, share]
        if kind == IMPROVE:
            w *= (up if side > 0 else 1.0 / up) / middle if spread > 1 else 0.0
        elif kind in (CANCEL, TRADE):
            w *= 0.0 if wide else (up if side < 0 else 1.0 / up) / middle
        if kind in (TRADE, HIDDEN):
            w *= book.ration if tradable else 0.0
        total += w
        book.weights[m] = total
    v, m = uniform(engine.seed) * total, 0
    while m < MARKS - 1 and book.weights[m] < v:
        m += 1
    return m


@bare
def apply_event(engine: BookEngine) -> None:
    """Let one event happen, and draw the instant of the next."""
    book, laws, seed = engine.book[0], engine.laws[0], engine.seed
    book.clock = int(book.now * 1e9)
    m = draw_mark(engine)
    kind, side = m // 2, book.last_side if m % 2 == 0 else -book.last_side
    book.last_kind, book.last_side = kind, side
    best = book.bid if side > 0 else book.ask
    if kind == HIDDEN:
        hidden_trade(engine, side)
    elif kind in (CANCEL, TRADE):
        cancel_or_trade(engine)
    elif kind == DEEP_CANCEL:
        cancel_behind(engine, side, best)
    else:
        price, j = best, 0 if side > 0 else 1
        if kind == IMPROVE:
            s = bucket(laws.spread_edges, book.ask - book.bid)
            away = int(draw(laws.inside[s], seed))
            price += side * min(max(away, 1), book.ask - book.bid - 1)
        if kind == DEEP_ADD:
            price -= side * min(max(int(draw(laws.add_at, seed)), 1), book.reach)
        if 0 < price < book.ticks - 1:
            if kind == IMPROVE:
                qty = draw(laws.improve[j], seed)
            elif kind == DEEP_ADD:
                qty = draw(laws.deep, seed)
            else:
                qty = draw(laws.join[j], seed)
            add_order(engine, side, price, max(int(qty), 1))
    account_quotes(engine)
    draw_next_time(engine)


@bare
def cancel_or_trade(engine: BookEngine) -> None:
    """The event at hand, a cancel at the best price of its side or a trade against it; outside of the bar's range a
    trade is a cancel.
    """
    book, bar, laws, seed = engine.book[0], engine.bar[0], engine.laws[0], engine.seed
    side = book.last_side
    best = book.bid if side > 0 else book.ask
    queued = engine.queue[best]
    trade = book.last_kind == TRADE and bar.lowest <= best <= bar.highest
    q = bucket(laws.queue_edges, queued)
    ratio = draw(laws.trade[q], seed) if trade else draw(laws.cancel[q], seed)
    qty = min(max(int(ratio * queued + 0.5), 1), queued)
    if trade:
        qty = min(qty, bar.left - bar.reserve)
    if qty == queued or is_single_order(engine, best):
        uncover_next(engine, side, best)
    if trade:
        trade_on_book(engine, -side, qty)
    remove_orders(engine, best, 0 if not trade and book.level3 else qty, EXECUTE if trade else REDUCE)


@bare
def uncover_next(engine: BookEngine, side: int, best: int) -> None:
    """Before a best price goes: put the next one where the law of the spread has it.

    Parameters
    ----------
    engine
        Read and written.
    side
        1 bid, -1 ask.
    best
        Ticks.
    """
    book, laws, seed = engine.book[0], engine.laws[0], engine.seed
    s = bucket(laws.spread_edges, book.ask - book.bid)
    room = best - 1 if side > 0 else book.ticks - 2 - best
    widest = int(laws.widest_spread) - (book.ask - book.bid)
    gap = min(int(draw(laws.back[s], seed)), min(widest, room))
    gap = max(min(gap, book.reach - 1), 1)
    if engine.queue[best - side * gap] == 0:
        add_order(engine, side, best - side * gap, max(int(draw(laws.next[0 if side > 0 else 1], seed)), 1))
    for k in range(1, gap):
        price = best - side * k
        while engine.queue[price] > 0:
            remove_orders(engine, price, 0 if book.level3 else engine.queue[price], REDUCE)


@bare
def cancel_behind(engine: BookEngine, side: int, best: int) -> None:
    """A cancel behind the best price: at the first order from the distance drawn on.

    Parameters
    ----------
    engine
        Read and written.
    side
        1 bid, -1 ask.
    best
        Ticks.
    """
    book = engine.book[0]
    away = min(max(int(draw(engine.laws[0].cancel_at, engine.seed)), 1), book.reach - 1)
    for k in range(away, book.reach):
        price = best - side * k
        if price < 1 or price > book.ticks - 2:
            return
        if engine.queue[price] > 0:
            remove_orders(engine, price, 0, REDUCE)
            return


@bare
def hidden_trade(engine: BookEngine, side: int) -> None:
    """A trade against an order that nobody saw: between the mid and the best price of its side, in the bar's range."""
    book, bar, seed = engine.book[0], engine.bar[0], engine.seed
    qty = min(max(int(draw(engine.laws[0].hidden, seed)), 1), bar.left - bar.reserve)
    bid, ask = float(book.bid + book.origin), float(book.ask + book.origin)
    part = 0.5 * uniform(seed)
    ticks = math.floor(bid + part * (ask - bid)) if side > 0 else math.ceil(ask - part * (ask - bid))
    price = min(max(ticks * bar.tick, bar.low), bar.high)
    if qty > 0 and bid - 1e-6 <= price / bar.tick <= ask + 1e-6:
        trade_off_book(engine, price, qty)


@bare
def set_ration(engine: BookEngine, span: float) -> None:
    """Set `ration` so that the rest of the bar brings about the volume that is still due. span: s since the last
    call.
    """
    book, bar = engine.book[0], engine.bar[0]
    book.usual_volume = 0.8 * book.usual_volume + 0.2 * (book.left_at_check - bar.left) / span / book.ration
    book.left_at_check = bar.left
    ahead = max((bar.step_close - bar.step) * bar.step_length, bar.step_length)
    volume_due = max(bar.left - bar.reserve, 0) / ahead
    book.ration = min(max(volume_due / max(book.usual_volume, 1e-9), LEAST_RATION), MOST_RATION)


@bare
def fill_fitted_book(engine: BookEngine, middle: int) -> None:
    """The first book around `middle` (ticks): a spread of the mean, and orders behind as best prices uncover them."""
    book, laws, seed = engine.book[0], engine.laws[0], engine.seed
    half, usual = max(int(0.5 * laws.mean_spread), 1), laws.back[len(laws.back) // 2]  # of the middle bucket
    book.bid, book.ask = middle - half, middle + half
    book.last_side, book.last_kind, book.gap_bin = 1, 0, 0
    for side in (1, -1):
        price, away = middle - side * half, 0
        while away < book.reach - 1:
            add_order(engine, side, price, max(int(draw(laws.next[0 if side > 0 else 1], seed)), 1))
            gap = max(int(draw(usual, seed)), 1)
            price -= side * gap
            away += gap
    begin_accounts(engine)

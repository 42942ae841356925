"""The flow of orders: rates of what can happen next, one event of it, and what changes from step to step.

Touch queues grow with rate h/(q + h) and shrink with q/(q + h) (queue-reactive, Huang, Lehalle and Rosenbaum 2015,
doi:10.1080/01621459.2014.982278), h being the depth that the bar wants; the side that would move the mid towards the
path is e^(kappa x) likelier, the other e^(-kappa x), x = path - mid in ticks. Deeper, orders come and go with
e^(-.35 d). A spread of more than a tick is closed at the rate that makes its mean excess what the bar wants.
"""

from __future__ import annotations

import math

import numpy as np

from hfm.kernels.jit import bare
from hfm.simulate.book import marks
from hfm.simulate.book.book_state import ADD, EXECUTE, REDUCE, TRADING, BookEngine
from hfm.simulate.book.executions import price_due, random_off_book_trade, trade_on_book
from hfm.simulate.book.metaorders import begin_metaorder, finish_metaorder
from hfm.simulate.book.queues import account_quotes, accrue_time, add_order, remove_orders
from hfm.simulate.book.random_draws import bits, table_index, uniform

FARTHEST = 1.75
"""Ticks between path and mid beyond which the tilt grows no more."""
PUSH = 0.03
"""Ticks by which a metaorder at work seems to shift the path: it drives refills and cancels."""
CALMEST = 0.2
"""Share of the activity that no event excites: one less the branching ratio."""
WILDEST = 8.0
CHECKS = 16
"""Times a bar that the share of market orders among what leaves the best queues is set anew."""
WIDE_MEMORY = 10.0
"""Seconds over which the widening of the spread is averaged."""
ONE = np.uint64(1)


@bare
def update_tilt(engine: BookEngine) -> None:
    """Set the weights of what moves the mid up and down: e^(kappa x) and e^(-kappa x)."""
    book = engine.book[0]
    x = book.target - 0.5 * (book.bid + book.ask) + PUSH * book.meta_side
    x = min(max(x, -FARTHEST), FARTHEST)
    book.up = math.exp(engine.bar[0].kappa * x)
    book.down = 1.0 / book.up


@bare
def event_rates(engine: BookEngine) -> float:
    """The total rate of events, a second; `rate_up` to `rate_fill` are the running totals of its parts."""
    book, bar = engine.book[0], engine.bar[0]
    ask, bid = book.last_ask_size, book.last_bid_size
    on_ask, on_bid = ask / (ask + book.depth[1]), bid / (bid + book.depth[0])
    activity = book.activity
    # the mid rises where the ask queue shrinks, q/(q + h), or the bid queue grows, h/(q + h) = 1 - q/(q + h)
    book.rate_up = activity * book.up * (1.0 + on_ask - on_bid)
    book.rate_touch = book.rate_up + activity * book.down * (1.0 + on_bid - on_ask)
    book.rate_deep = book.rate_touch + activity * bar.deep
    book.rate_fill = book.rate_deep + book.narrowing * (book.last_ask - book.last_bid - 1)
    return float(book.rate_fill + bar.off_rate)


@bare
def apply_event(engine: BookEngine, total: float) -> None:
    """Draw one event by the rates of `event_rates`, of sum `total`, and let it happen."""
    book, seed = engine.book[0], engine.seed
    book.clock = int(book.now * 1e9)
    v = uniform(seed) * total
    if v < book.rate_fill:
        draw_event(engine, v)
        side, price = book.event_side, book.event_price
        if book.event_kind == ADD:
            add_order(engine, side, price, engine.tables[0].qty[table_index(seed)])
        else:
            qty = market_order(engine, -side, price)
            kind = REDUCE
            if qty > 0:
                kind = EXECUTE
                trade_on_book(engine, -side, qty)
            removed = remove_orders(engine, price, qty, kind)
            if book.may_trade:
                book.taken += removed
        if v < book.rate_touch or v >= book.rate_deep:
            account_quotes(engine)
            update_tilt(engine)
    else:
        random_off_book_trade(engine)
    # Hawkes (1971, doi:10.1093/biomet/58.1.83), exponential kernels: the event excites each memory, in units of the
    # events that were due
    excite = book.activity / total
    activity = CALMEST
    for j in range(3):
        book.excited[j] += engine.bar[0].growth[j] * excite
        activity += book.excited[j]
    book.activity = engine.bar[0].rate * min(activity, WILDEST)


@bare
def draw_event(engine: BookEngine, v: float) -> None:
    """Set `event_kind` (ADD or REDUCE), `event_side` and `event_price` to what v, a rate below rate_fill, means."""
    book, seed = engine.book[0], engine.seed
    bid, ask = book.bid, book.ask
    kind, side = ADD, 1
    if v < book.rate_touch:
        # at a best price: the queue on one side grows (h/(q + h)) or that on the other shrinks (q/(q + h))
        toward = 1 if v < book.rate_up else -1  # where the mid is pushed
        v -= 0.0 if toward > 0 else book.rate_up
        against = book.last_ask_size if toward > 0 else book.last_bid_size
        h = book.depth[1] if toward > 0 else book.depth[0]
        if v < book.activity * (book.up if toward > 0 else book.down) * against / (against + h):
            kind, side = REDUCE, -toward
        else:
            side = toward
        price = bid if side > 0 else ask
    elif v < book.rate_deep:
        # behind it, at a distance that decays with e^(-.35 d)
        d = engine.tables[0].distance[table_index(seed)]
        side = 1 if bits(seed) & ONE else -1
        price = min(ask - d, bid - 1) if side > 0 else max(bid + d, ask + 1)
        h = engine.bar[0].depth_deep * (book.depth[0] if side > 0 else book.depth[1])
        if uniform(seed) * (engine.queue[price] + h) > h:
            kind = REDUCE
    else:
        # inside a wide spread
        side = 1 if uniform(seed) * (book.up + book.down) < book.up else -1
        price = bid + 1 if side > 0 else ask - 1
    book.event_kind, book.event_side, book.event_price = kind, side, price


@bare
def market_order(engine: BookEngine, side: int, price: int) -> int:
    """Units that a market order takes from the best queue; `may_trade` says whether it could have been one.

    Parameters
    ----------
    engine
        Read and written.
    side
        1 a buyer, -1 a seller.
    price
        Ticks, of the best price that it meets.

    Returns
    -------
    int
        0: a cancel instead.
    """
    book, bar, seed = engine.book[0], engine.bar[0], engine.seed
    best = price == book.bid or price == book.ask
    book.may_trade = best and bar.stage == TRADING and bar.lowest <= price <= bar.highest
    if not book.may_trade or uniform(seed) >= book.market_share * (1.0 + bar.sway * side * book.meta_side):
        return 0
    if book.meta_side == 0:
        begin_metaorder(engine)
    return int(max(min(engine.tables[0].qty[table_index(seed)], engine.queue[price], bar.left - bar.reserve), 0))


@bare
def begin_step(engine: BookEngine) -> None:
    """What changes at the start of a step: path, decay of activity, depth aimed at, and once a second a snapshot."""
    book, bar, seed = engine.book[0], engine.bar[0], engine.seed
    k = bar.step
    if book.meta_side != 0 and book.meta_left == 0:
        finish_metaorder(engine)
    for side in range(2):  # the mood's AR(1): a sum of three uniforms is normal enough
        shock = 2.0 * (uniform(seed) + uniform(seed) + uniform(seed) - 1.5)
        book.mood[side] = bar.calm * book.mood[side] + bar.stir * shock
        book.depth[side] = bar.depth * math.exp(book.mood[side])
    book.target = engine.path[k]
    activity = CALMEST  # the memories decay with e^(-t / MEMORY)
    for j in range(3):
        book.excited[j] *= bar.decay[j]
        activity += book.excited[j]
    book.activity = bar.rate * min(activity, WILDEST)
    part = bar.step_length / WIDE_MEMORY
    book.widening += part * (book.widened / bar.step_length - book.widening)
    book.widened = 0
    book.narrowing = min(max(book.widening / bar.excess, 0.2), 5000.0)
    if k % bar.steps_a_second == 0:
        record_snapshot(engine)
    between = max(bar.steps // CHECKS, 1)
    if k % between == 0 and k > 0:
        if book.fitted:
            marks.set_ration(engine, between * bar.step_length)
        else:
            set_market_share(engine)
    update_tilt(engine)


@bare
def set_market_share(engine: BookEngine) -> None:
    """Set the share of market orders so that the rest of the bar brings about the lit volume that is still due."""
    book, bar = engine.book[0], engine.bar[0]
    span = bar.step_length * max(bar.steps // CHECKS, 1)
    # averages a second of what leaves the best queues, and of trades
    book.removed = 0.7 * book.removed + 0.3 * book.taken / span
    book.trade_rate = 0.7 * book.trade_rate + 0.3 * book.lit_trades / span
    book.taken = 0.0
    book.lit_trades = 0
    # the lit volume still due, over what will leave the best queues until the close
    ahead = max((bar.step_close - bar.step) * bar.step_length, span)
    book.market_share = min(max(bar.lit_left, 0) / max(book.removed * ahead, 1.0), 0.9)


@bare
def record_snapshot(engine: BookEngine) -> None:
    """Write the best prices and sizes, and the flow since the session's open."""
    book, sums = engine.book[0], engine.sums[0]
    row = min(book.snapshots, len(engine.snapshots) - 1)
    if row < book.snapshots:
        book.overflow = True
    book.snapshots = row + 1
    snapshot = engine.snapshots[row]
    snapshot.time = book.now
    snapshot.mid = 0.5 * (book.bid + book.ask)
    snapshot.spread = book.ask - book.bid
    snapshot.bid_size = book.last_bid_size
    snapshot.ask_size = book.last_ask_size
    snapshot.ofi = book.ofi_before + sums.ofi
    snapshot.signed = book.signed_before + sums.signed


BAR_OVER, BUFFERS_LOW, TRADE_DUE = 1, 0, 2
"""Why play_bar returns: the bar is over; a buffer must be emptied; a trade of the bar's own prices is due."""


@bare
def play_bar(engine: BookEngine, room: int) -> int:
    """Play a bar on from where it stands.

    A step has at most one snapshot, and a metaorder at least one trade: only tape and trades are watched at each event.

    Parameters
    ----------
    engine
        Read and written.
    room
        Rows of the tape and of the trades that must be free before an event.

    Returns
    -------
    int
        BAR_OVER, BUFFERS_LOW or TRADE_DUE.
    """
    book, bar = engine.book[0], engine.bar[0]
    while bar.step < bar.steps:
        if not bar.step_begun:
            if price_due(engine) >= 0:
                return TRADE_DUE
            if book.snapshots == len(engine.snapshots):
                return BUFFERS_LOW
            begin_step(engine)
            bar.step_begun = True
        end = bar.start + (bar.step + 1) * bar.step_length
        while True:
            if book.events + room > len(engine.tape) or book.trades + room > len(engine.trades):
                return BUFFERS_LOW
            if book.fitted:
                if book.next_time >= end:
                    break
                book.now = max(book.now, book.next_time)
                marks.apply_event(engine)
                continue
            total = event_rates(engine)
            t = book.now - math.log(uniform(engine.seed)) / total
            if t >= end:
                break
            book.now = t
            apply_event(engine, total)
        book.now = end
        bar.step_begun = False
        bar.step += 1
    accrue_time(engine)
    return BAR_OVER

"""The broker of the back-test: what an order's row fills, at which price and cost, by the rules of hfm.ledger.fills.

It has the shape of hfm.orders.protocol.Broker, as kernels: `executable` is what it could fill now, `execute` the fill,
`rest` where an order that is left stands in its queue. It knows of a row only what traded in it.
"""

from __future__ import annotations

import numpy as np

from hfm.kernels.jit import bare
from hfm.ledger import ledger_records as rec
from hfm.ledger.fills import Fill, fill_price, half_spread, impact, in_lots
from hfm.ledger.ledger_records import Record

OPEN, CLOSE, FLATTEN = 0, 1, 2
"""When an order is filled: at the row's open, at its close by the look-ahead mode, at its close to end the session."""


@bare
def executable(order: Record, params: Record, row: Record, want: float) -> float:
    """How much of an order the row can fill at its open: all of it, but of a passive one.

    Parameters
    ----------
    order
        ORDER; a passive one's place in the queue is updated.
    params
        PARAMS of the symbol.
    row
        LEDGER_ROW whose open has prices.
    want
        Signed units that are left.

    Returns
    -------
    float
        Unsigned units.
    """
    if params.fill_mode == rec.FILL_PASSIVE:
        return reached(order, params, row, want)
    return abs(want)


@bare
def execute(order: Record, params: Record, row: Record, qty: float, when: int) -> Fill:
    """The fill of an order.

    Parameters
    ----------
    order
        ORDER: the quote at which a passive order rests.
    params
        PARAMS of the symbol.
    row
        LEDGER_ROW whose prices of the instant are prices.
    qty
        Signed units, not 0.
    when
        OPEN, CLOSE or FLATTEN.

    Returns
    -------
    Fill
        Prices in currency a unit, costs in currency.
    """
    size, half = abs(qty), _half(order, params, row, qty, when)
    mid = row.mid_open if when == OPEN else row.mid_close
    push = 0.0
    if when != OPEN or params.fill_mode != rec.FILL_PASSIVE:
        push = impact(mid, params.impact, row.sigma_day, size, row.adv)
    price = fill_price(mid, half + push, qty)
    fee = params.fee * size * price
    return Fill(qty, price, mid, size * half, fee, size * push, 0 if when == OPEN else 1)


@bare
def _half(order: Record, params: Record, row: Record, qty: float, when: int) -> float:
    """Currency a unit paid across the spread, over the mid; negative: earned."""
    mode, mid, bid, ask = params.fill_mode, row.mid_open, row.bid_open, row.ask_open
    if when != OPEN:
        mode, mid, bid, ask = rec.FILL_NEXT_OPEN, row.mid_close, row.bid_close, row.ask_close
    if when == FLATTEN:
        mode = rec.FILL_CROSS
    elif mode == rec.FILL_PASSIVE and order.bid != 0.0:
        return float(order.bid - mid if qty > 0.0 else mid - order.ask)
    return half_spread(mode, params.spread_share, qty, mid, bid, ask)


@bare
def reached(order: Record, params: Record, row: Record, want: float) -> float:
    """How much of a passive order the row's trades fill.

    All of it where the market trades at least a tick through the quote at which it rests; with a queue, also what is
    traded at that quote beyond the units ahead. An order rests for the row after its decision, in the same session.
    What must be flattened at the first open of the next one goes to market.

    Parameters
    ----------
    order
        ORDER; its place in the queue is updated.
    params
        PARAMS of the symbol.
    row
        LEDGER_ROW; what traded in it may be NaN, and then fills nothing.
    want
        Signed units that are left.

    Returns
    -------
    float
        Unsigned units; 0 for prices that are none.
    """
    limit = order.bid if want > 0.0 else order.ask
    price = row.trade_low if want > 0.0 else row.trade_high
    if order.bid == 0.0:
        return abs(want) if order.target == 0.0 else 0.0
    if not (limit > 0.0 and limit < np.inf and price > 0.0 and price < np.inf):
        return 0.0
    ticks = (limit - price if want > 0.0 else price - limit) / params.tick
    if ticks > 1.0 - 1e-6:  # prices are decimal, their differences are not
        return abs(want)
    if not params.queue or not ticks > -1e-6:
        return 0.0
    against = 0.5 * (row.volume - (row.signed_volume if want > 0.0 else -row.signed_volume))
    if not (against > 0.0 and against < np.inf):
        return 0.0
    ahead = order.queue_ahead - against
    order.queue_ahead = max(ahead, 0.0)
    return float(min(in_lots(params, max(-ahead, 0.0)), abs(want)))


@bare
def rest(order: Record, row: Record, want: float) -> None:
    """Note where the order that is left at the row's close stands in its queue.

    In its old place if its price has not changed, else at the end. Called before the row's quote replaces that of the
    row before. Units ahead only become fewer: those behind cannot pass.

    Parameters
    ----------
    order
        ORDER; its place in the queue is updated.
    row
        LEDGER_ROW; a depth that is NaN or 0 counts as infinite: such an order is filled by trades through it alone.
    want
        Signed units that are left; 0: no order rests.
    """
    side = 1 if want > 0.0 else (-1 if want < 0.0 else 0)
    shown = row.depth_bid if side > 0 else row.depth_ask
    depth = shown if shown > 0.0 else np.inf
    old, new = order.bid, row.bid_close
    if side < 0:
        old, new = order.ask, row.ask_close
    if side != 0 and side == order.queue_side and old == new:
        depth = min(depth, order.queue_ahead)
    order.queue_side = side
    order.queue_ahead = depth

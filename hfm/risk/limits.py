"""Kernels that dispose of what a policy wants: sizes, limits on targets, on fills and on equity, each with a reason.

A limit that is infinite changes no byte. Limits on fills hold back what adds to a position; what reduces it waits only
for a price, its share of the volume and the collar. The flattening at a session's last close is never held back.
"""

from __future__ import annotations

import numpy as np

from hfm.kernels.jit import bare
from hfm.ledger import ledger_records as rec
from hfm.ledger import reasons as why
from hfm.ledger.fills import flag, in_lots, position_size, quoted
from hfm.ledger.ledger_records import LedgerState, Record
from hfm.orders.order_records import NEVER
from hfm.policies.cost import ABS_OVER_SD


@bare
def aim(state: LedgerState, params: Record, row: Record, result: Record) -> None:
    """Set the target position from the row's target weight: a new size where its side or its weight changes, else the
    size that is held.

    Parameters
    ----------
    state
        Its target and weight of the row's symbol are updated.
    params
        PARAMS of the row's symbol.
    row
        LEDGER_ROW; a NaN weight is flat.
    result
        LEDGER_RESULT: `signal` becomes the side, `reason` what held the target back.
    """
    book, order = state.book[0], state.order[row.symbol]
    side = 1 if row.target > 0.0 else (-1 if row.target < 0.0 else 0)
    result.signal = side
    if side == 0:
        order.target = 0.0
    elif book.halt != 0:
        order.target = 0.0
        flag(result, book.halt)
    elif book.stopped_session == row.session:
        order.target = 0.0
        flag(result, why.DAILY_LOSS)
    elif side * order.target <= 0.0 or row.target != order.weight:
        if row.mid_close > 0.0 and row.mid_close < np.inf:
            is_entry = side * order.target <= 0.0
            size = _size(state, params, row, result, side)
            order.target = side * _capped(state, params, row, result, side, size)
            order.weight = row.target
            if order.target != 0.0 and is_entry:
                order.entry_row = state.symbol[row.symbol].rows
        else:
            flag(result, why.NO_PRICE)


@bare
def _size(state: LedgerState, params: Record, row: Record, result: Record, side: int) -> float:
    """Units of a new position before limits, in complete lots; never more than the fixed size."""
    share, sd = 1.0, row.ret_sd_bps
    if params.sizing == rec.SIZE_VOL:
        share = params.vol_target_bps / sd
    elif params.sizing == rec.SIZE_KELLY:
        edge = side * (2.0 * row.p_up - 1.0) * ABS_OVER_SD * sd - row.cost_bps  # bp; E|r| = .8 sd
        share = params.kelly * edge * 1e4 / (sd * sd)  # mean / variance, both of the return
    if not (share > 0.0 and (sd > 0.0 or params.sizing == rec.SIZE_FIXED)):
        flag(result, why.NO_FORECAST)
        return 0.0
    weight = min(abs(row.target), 1.0)
    size = position_size(params, min(share, 1.0) * weight, state.book[0].open_equity, row.mid_close)
    if size == 0.0:
        flag(result, why.BELOW_LOT)
    return size


@bare
def _capped(state: LedgerState, params: Record, row: Record, result: Record, side: int, size: float) -> float:
    """Units of a position of `size`, new or of another weight, that the limits on targets leave."""
    order, mid, capital = state.order[row.symbol], row.mid_close, state.book[0].open_equity
    if size > params.max_position:
        size = params.max_position
        flag(result, why.MAX_POSITION)
    gross, net = 0.0, 0.0
    for s in range(state.symbol.size):
        if s != row.symbol:
            other = state.symbol[s]
            worth = state.order[s].target * other.mark
            gross += max(abs(worth), abs(other.qty * other.mark))
            net += worth
    room = params.max_gross * capital - gross
    if size * mid > room:
        size = max(in_lots(params, room / mid), 0.0)
        flag(result, why.MAX_GROSS)
    room = params.max_net * capital - side * net
    if size * mid > room:
        size = max(in_lots(params, room / mid), 0.0)
        flag(result, why.MAX_NET)
    is_entry = side * order.target <= 0.0  # a change of size waits for nothing
    if is_entry and order.entry_row > 0 and state.symbol[row.symbol].rows - order.entry_row < params.throttle:
        size = 0.0
        flag(result, why.THROTTLE)
    return size


@bare
def may_trade(position: Record, params: Record, row: Record, result: Record) -> bool:
    """Whether an order may trade at the row's open: it has a price, and one within the collar.

    Parameters
    ----------
    position
        LEDGER_SYMBOL: its mark is what the collar is about.
    params
        PARAMS of the symbol.
    row
        LEDGER_ROW.
    result
        LEDGER_RESULT: the reason why the order waits is added.

    Returns
    -------
    bool
        False for a NaN price.
    """
    if not quoted(row.mid_open, row.bid_open, row.ask_open):
        flag(result, why.NO_PRICE)
        return False
    if abs(row.mid_open - position.mark) > params.collar * position.mark:
        flag(result, why.COLLAR)
        return False
    return True


@bare
def limit_fill(
    state: LedgerState, params: Record, row: Record, result: Record, want: float, executable: float
) -> float:  # fmt: skip
    """How much of an order may be filled at the row's open; what is held back waits, flagged.

    Parameters
    ----------
    state
        Of the ledger.
    params
        PARAMS of the row's symbol.
    row
        LEDGER_ROW whose open has prices.
    result
        LEDGER_RESULT: reasons are added.
    want
        The order, signed units.
    executable
        What the broker could fill of it, unsigned units.

    Returns
    -------
    float
        Signed units.
    """
    book, order = state.book[0], state.order[row.symbol]
    mid, bid, ask = row.mid_open, row.bid_open, row.ask_open
    size = executable
    if size < abs(want):
        flag(result, why.UNFILLED)
    if params.participation < np.inf:
        most = in_lots(params, params.participation * max(order.volume, 0.0))
        if not size <= most:
            size = most if most > 0.0 else 0.0
            flag(result, why.PARTICIPATION)
    held = state.symbol[row.symbol].qty
    less = min(abs(held), size) if held * want < 0.0 else 0.0
    more = size - less
    if more > 0.0:
        if 1e4 * (ask - bid) > params.max_spread_bps * mid:
            more = 0.0
            flag(result, why.WIDE_SPREAD)
        if order.decided != NEVER and row.time_open - order.decided > params.max_age_ns:
            more = 0.0
            flag(result, why.STALE)
        room = params.max_turnover * book.open_equity - book.traded
        if (less + more) * mid > room:
            more = min(more, max(in_lots(params, room / mid) - less, 0.0))
            flag(result, why.TURNOVER)
    return less + more if want > 0.0 else -less - more


@bare
def watch(state: LedgerState, params: Record, result: Record, equity: float) -> None:
    """Stop for the session at the daily loss, and halt at the drawdown: all targets become 0.

    Parameters
    ----------
    state
        Peak, halt and targets are updated.
    params
        PARAMS of the row's symbol.
    result
        LEDGER_RESULT: reasons are added.
    equity
        After the row, currency.
    """
    book = state.book[0]
    if equity > book.peak:
        book.peak = equity
    stop = 0
    if equity < book.open_equity * (1.0 - params.daily_loss):
        stop |= why.DAILY_LOSS
        book.stopped_session = book.session
    if equity < book.peak * (1.0 - params.max_drawdown):
        stop |= why.DRAWDOWN
        book.halt |= why.DRAWDOWN
    if stop != 0:
        flag(result, stop)
        for s in range(state.order.size):
            state.order[s].target = 0.0

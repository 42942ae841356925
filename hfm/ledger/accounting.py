"""Kernels that account: sessions and nights, marks, fills, and what a row came to. They decide nothing.

hfm.orders.step calls them in turn for each row of one symbol. Rows of several symbols arrive in time order and share
the cash. Exact at every row: equity = cash + sum(position x mark), and
net = gross - spread - fee - impact - borrow + dividend = change of equity.
"""

from __future__ import annotations

import numpy as np

from hfm.kernels.jit import bare
from hfm.ledger import reasons as why
from hfm.ledger.fills import Fill, flag
from hfm.ledger.ledger_records import LedgerState, Record
from hfm.ledger.round_trips import post
from hfm.orders.order_records import NEVER, expire


@bare
def open_row(state: LedgerState, params: Record, row: Record, result: Record) -> None:
    """Begin a row: clear its result, and begin the book's and the symbol's session where the row is its first.

    Parameters
    ----------
    state
        Updated.
    params
        PARAMS of the row's symbol.
    row
        LEDGER_ROW.
    result
        LEDGER_RESULT, overwritten.
    """
    book, position = state.book[0], state.symbol[row.symbol]
    _clear(result)
    if row.session != book.session:
        book.session = row.session
        book.open_equity = equity(state)
        book.traded = 0.0
    if row.session != position.session:
        _new_session(state, params, row, result)
    position.rows += 1


@bare
def revalue(position: Record, mid: float) -> float:
    """Gross P&L, in currency, of marking a position to `mid`; a mid that is no price changes nothing."""
    if not (mid > 0.0 and mid < np.inf):
        return 0.0
    gross = position.qty * (mid - position.mark)
    position.mark = mid
    return float(gross)


@bare
def close_row(order: Record, row: Record, result: Record, gross: float) -> None:
    """End a row: what it earned, and what the next row's orders are decided on.

    Parameters
    ----------
    order
        ORDER of the row's symbol: takes the closing quote, volume and instant.
    row
        LEDGER_ROW.
    result
        LEDGER_RESULT: costs are read, gross and net P&L written.
    gross
        P&L before costs, currency.
    """
    order.bid = row.bid_close
    order.ask = row.ask_close
    order.volume = row.volume
    order.decided = row.time
    costs = result.spread_cost + result.fee + result.impact + result.borrow
    result.gross_pnl = gross
    result.net_pnl = gross - costs + result.dividend


@bare
def total_row(state: LedgerState, row: Record, result: Record, total: float) -> None:
    """Write what stands after the row to its result.

    Parameters
    ----------
    state
        After the row.
    row
        LEDGER_ROW.
    result
        LEDGER_RESULT: target, mids, cash, position, mark and equity are written.
    total
        The equity, currency.
    """
    position = state.symbol[row.symbol]
    result.target = state.order[row.symbol].target
    result.mid_at_open = row.mid_open
    result.mid_at_close = row.mid_close
    result.cash = state.book[0].cash
    result.position = position.qty
    result.mark = position.mark
    result.equity = total


@bare
def _clear(result: Record) -> None:
    """What a row only adds to, or may not write."""
    result.signal = 0
    result.reason = 0
    result.qty_open = result.qty_close = 0.0
    result.px_open = result.px_close = np.nan
    result.spread_cost = result.fee = result.impact = result.borrow = result.dividend = 0.0


@bare
def book_fill(state: LedgerState, params: Record, row: Record, result: Record, trip: Record, fill: Fill) -> int:
    """Take a fill into cash, position, costs and the round trip.

    Parameters
    ----------
    state
        Cash, turnover and position are updated.
    params
        PARAMS of the row's symbol.
    row
        LEDGER_ROW in which the fill takes place.
    result
        LEDGER_RESULT: costs are added, the fill is written.
    trip
        ROUND_TRIP, overwritten if one ends.
    fill
        The execution, of a qty that is not 0.

    Returns
    -------
    int
        1 if the fill ends a round trip, else 0.
    """
    position, book, size = state.symbol[row.symbol], state.book[0], abs(fill.qty)
    book.cash -= fill.qty * fill.price + fill.fee
    book.traded += size * fill.mid
    result.spread_cost += fill.spread_cost
    result.impact += fill.impact
    result.fee += fill.fee
    if fill.at_close:
        result.qty_close = fill.qty
        result.px_close = fill.price
    else:
        result.qty_open = fill.qty
        result.px_open = fill.price
    before = position.qty
    if params.keep_trips:
        ended = post(position, row, fill, result.reason, trip)
    else:
        ended = 1 if before * fill.qty < 0.0 and size >= abs(before) else 0
    after, target = before + fill.qty, state.order[row.symbol].target
    dust = 1e-6 * params.lot + 1e-15 * (abs(before) + size)  # parts of a unit do not add up exactly
    position.qty = target if after != target and abs(after - target) < dust else after
    return ended


@bare
def equity(state: LedgerState) -> float:
    """cash + sum over symbols of position x mark, in currency."""
    total = float(state.book[0].cash)
    for s in range(state.symbol.size):
        total += state.symbol[s].qty * state.symbol[s].mark
    return total


@bare
def _new_session(state: LedgerState, params: Record, row: Record, result: Record) -> None:
    """What a night does to a held position: split, dividend, borrow (actual/365), and the order to flatten it."""
    position, order = state.symbol[row.symbol], state.order[row.symbol]
    nights = row.session - position.session
    position.session = row.session
    expire(order)
    order.bid = order.ask = 0.0
    order.decided = NEVER
    if position.qty == 0.0:
        order.target = 0.0
        return
    ratio = row.split_ratio
    if ratio != 1.0 and ratio > 0.0 and ratio < np.inf:
        position.qty *= ratio
        order.target *= ratio
        position.entered_qty *= ratio
        position.exited_qty *= ratio
        position.mark /= ratio
    held = position.qty
    if held < 0.0:
        result.borrow = -held * position.mark * params.borrow * nights / 365.0
    if row.cash_dividend > 0.0 and row.cash_dividend < np.inf:
        result.dividend = held * row.cash_dividend
    state.book[0].cash += result.dividend - result.borrow
    position.trip_borrow += result.borrow
    position.trip_dividend += result.dividend
    if not params.hold_overnight:
        order.target = 0.0
        flag(result, why.CARRIED)

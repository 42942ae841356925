"""The accounting kernel: one row of one symbol in, its ledger columns and ended round trips out.

At a row's open the target that the previous row left is filled; then the position is marked; at the close of a
session's last row it is flattened; then the row's target weight sets the next target. Rows of several symbols arrive in
time order and share the cash. Exact at every row: equity = cash + sum(position x mark), and
net = gross - spread - fee - impact - borrow + dividend = change of equity.
A price that is NaN, infinite, zero or negative, or a mid outside its quote, never fills: the order waits.
"""

from __future__ import annotations

import numpy as np

from hfm.kernels.jit import bare
from hfm.ledger import reasons as why
from hfm.ledger import records as rec
from hfm.ledger.fills import CLOSE, FLATTEN, OPEN, Fill, fill_price, flag, half_spread, impact, queue, quoted
from hfm.ledger.records import NEVER, LedgerState, Record
from hfm.ledger.round_trips import post
from hfm.risk.limits import aim, allowed, watch
from hfm.tables.records import Records


@bare
def step(state: LedgerState, params: Records, row: Record, result: Record, trips: Records) -> int:
    """Number of round trips that the row ended: 0, 1 (at its open or close) or 2, written to the first of `trips`.

    Parameters
    ----------
    state
        Updated.
    params
        [S] of PARAMS.
    row
        LEDGER_ROW. A NaN target counts as flat; NaN prices never fill and leave the mark as it was.
    result
        LEDGER_RESULT, overwritten.
    trips
        [2 or more] of ROUND_TRIP.
    """
    ended = advance(state, params, row, result, trips)
    position, total = state.symbol[row.symbol], equity(state)
    watch(state, params[row.symbol], result, total)
    result.target = position.target
    result.mid_at_open = row.mid_open
    result.mid_at_close = row.mid_close
    result.cash = state.book[0].cash
    result.position = position.qty
    result.mark = position.mark
    result.equity = total
    return ended


@bare
def advance(state: LedgerState, params: Records, row: Record, result: Record, trips: Records) -> int:
    """As `step`, without the totals after the row and without watching the equity."""
    book, position, rule = state.book[0], state.symbol[row.symbol], params[row.symbol]
    _clear(result)
    if row.session != book.session:
        book.session = row.session
        book.open_equity = equity(state)
        book.traded = 0.0
    if row.session != position.session:
        _new_session(state, rule, row, result)
    position.rows += 1
    ended, gross = 0, 0.0
    want = position.target - position.qty
    if want != 0.0:
        want = allowed(state, rule, row, result, want)
        if want != 0.0:
            gross = position.qty * (row.mid_open - position.mark)
            position.mark = row.mid_open
            ended = _fill(state, rule, row, result, trips[0], want, OPEN)
    mid = row.mid_close
    if mid > 0.0 and mid < np.inf:
        gross += position.qty * (mid - position.mark)
        position.mark = mid
    if not row.is_last:
        aim(state, rule, row, result)
        if rule.fill_mode == rec.FILL_CLOSE:
            ended += _at_close(state, rule, row, result, trips[ended], CLOSE)
    elif not rule.hold_overnight:
        position.target = 0.0
        ended += _at_close(state, rule, row, result, trips[ended], FLATTEN)
    if rule.queue:
        queue(position, row)
    position.bid = row.bid_close
    position.ask = row.ask_close
    position.volume = row.volume
    position.decided = row.time
    costs = result.spread_cost + result.fee + result.impact + result.borrow
    result.gross_pnl = gross
    result.net_pnl = gross - costs + result.dividend
    return ended


@bare
def _clear(result: Record) -> None:
    """What a row only adds to, or may not write."""
    result.signal = 0
    result.reason = 0
    result.qty_open = result.qty_close = 0.0
    result.px_open = result.px_close = np.nan
    result.spread_cost = result.fee = result.impact = result.borrow = result.dividend = 0.0


@bare
def _at_close(state: LedgerState, params: Record, row: Record, result: Record, trip: Record, when: int) -> int:
    """Bring the position to its target at the row's close: 1 if that ends a round trip, else 0."""
    position = state.symbol[row.symbol]
    want = position.target - position.qty
    if want == 0.0:
        return 0
    if not quoted(row.mid_close, row.bid_close, row.ask_close):
        flag(result, why.NO_PRICE)
        return 0
    if when == FLATTEN:
        flag(result, why.SESSION_END)
    return _fill(state, params, row, result, trip, want, when)


@bare
def _half(position: Record, params: Record, row: Record, qty: float, when: int) -> float:
    """Currency a unit paid across the spread, over the mid; negative: earned."""
    mode, mid, bid, ask = params.fill_mode, row.mid_open, row.bid_open, row.ask_open
    if when != OPEN:
        mode, mid, bid, ask = rec.FILL_NEXT_OPEN, row.mid_close, row.bid_close, row.ask_close
    if when == FLATTEN:
        mode = rec.FILL_CROSS
    elif mode == rec.FILL_PASSIVE and position.bid != 0.0:
        return float(position.bid - mid if qty > 0.0 else mid - position.ask)
    return half_spread(mode, params.spread_share, qty, mid, bid, ask)


@bare
def _fill(
    state: LedgerState, params: Record, row: Record, result: Record, trip: Record, qty: float, when: int
) -> int:  # fmt: skip
    """1 if filling `qty` (signed units) ends a round trip, which is written to `trip`, else 0. when: OPEN, ..."""
    position, book = state.symbol[row.symbol], state.book[0]
    size, half = abs(qty), _half(position, params, row, qty, when)
    mid = row.mid_open if when == OPEN else row.mid_close
    push = 0.0
    if when != OPEN or params.fill_mode != rec.FILL_PASSIVE:
        push = impact(mid, params.impact, row.sigma_day, size, row.adv)
    price = fill_price(mid, half + push, qty)
    fee = params.fee * size * price
    fill = Fill(qty, price, mid, size * half, fee, size * push, 0 if when == OPEN else 1)
    book.cash -= qty * price + fee
    book.traded += size * mid
    result.spread_cost += fill.spread_cost
    result.impact += fill.impact
    result.fee += fee
    if when == OPEN:
        result.qty_open = qty
        result.px_open = price
    else:
        result.qty_close = qty
        result.px_close = price
    before = position.qty
    if params.keep_trips:
        ended = post(position, row, fill, result.reason, trip)
    else:
        ended = 1 if before * qty < 0.0 and size >= abs(before) else 0
    after, target = before + qty, position.target
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
    position = state.symbol[row.symbol]
    nights = row.session - position.session
    position.session = row.session
    position.bid = position.ask = 0.0
    position.decided = NEVER
    if position.qty == 0.0:
        position.target = 0.0
        return
    ratio = row.split_ratio
    if ratio != 1.0 and ratio > 0.0 and ratio < np.inf:
        position.qty *= ratio
        position.target *= ratio
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
        position.target = 0.0
        flag(result, why.CARRIED)


@bare
def loop(state: LedgerState, params: Records, rows: Records, results: Records, trips: Records) -> int:
    """Number of round trips ended, written to trips [m] in the order of their ends.

    Parameters
    ----------
    state
        Updated.
    params
        [S] of PARAMS.
    rows
        [n] of LEDGER_ROW in time order (symbols of one instant in their order).
    results
        [n] of LEDGER_RESULT, overwritten.
    trips
        [2 n + 2 or more] of ROUND_TRIP: room for two a row.
    """
    count = 0
    for i in range(rows.size):
        count += step(state, params, rows[i], results[i], trips[count:])
    return count

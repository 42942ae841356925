"""One row of one symbol, from its target to the ledger: the composition that the back-test and live both call.

At a row's open the order that the previous row left is accepted and filled; then the position is marked; at the close
of a session's last row the order expires and the position is flattened; else the row's target weight sets the next
order. A price that is NaN, infinite, zero or negative, or a mid outside its quote, never fills: an order that is new is
rejected and asked again at the row's close, one that was accepted waits.
"""

from __future__ import annotations

from hfm.kernels.jit import bare
from hfm.ledger import reasons as why
from hfm.ledger.accounting import book_fill, close_row, equity, open_row, revalue, total_row
from hfm.ledger.fills import flag, quoted
from hfm.ledger.ledger_records import FILL_CLOSE, LedgerState, Record
from hfm.orders.order_records import accept, expire, fill, reject, request
from hfm.orders.simulated_broker import CLOSE, FLATTEN, OPEN, executable, execute, rest
from hfm.risk.limits import aim, limit_fill, may_trade, watch
from hfm.tables.records import Records


@bare
def step(state: LedgerState, params: Records, row: Record, result: Record, trips: Records) -> int:
    """Carry one symbol's ledger through a row: fills, marks, limits, the next order, and the totals.

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
        [2 or more] of ROUND_TRIP: those that ended are written to the first.

    Returns
    -------
    int
        Round trips that the row ended: 0, 1 (at its open or close) or 2.
    """
    ended = advance(state, params, row, result, trips)
    total = equity(state)
    watch(state, params[row.symbol], result, total)
    total_row(state, row, result, total)
    return ended


@bare
def advance(state: LedgerState, params: Records, row: Record, result: Record, trips: Records) -> int:
    """Carry one symbol's ledger through a row, without the totals after it and without watching the equity.

    Parameters
    ----------
    state
        Updated.
    params
        [S] of PARAMS.
    row, result, trips
        As of `step`; what `total_row` writes of the result stays what it was.

    Returns
    -------
    int
        Round trips that the row ended.
    """
    position, order, rule = state.symbol[row.symbol], state.order[row.symbol], params[row.symbol]
    open_row(state, rule, row, result)
    ended, gross = 0, 0.0
    want = order.target - position.qty
    request(order, want)
    if want != 0.0:
        if may_trade(position, rule, row, result):
            accept(order)
            qty = limit_fill(state, rule, row, result, want, executable(order, rule, row, want))
            if qty != 0.0:
                gross = revalue(position, row.mid_open)
                ended = book_fill(state, rule, row, result, trips[0], execute(order, rule, row, qty, OPEN))
                fill(order, qty, order.target - position.qty)
        else:
            reject(order)
    gross += revalue(position, row.mid_close)
    if not row.is_last:
        aim(state, rule, row, result)
        request(order, order.target - position.qty)
        if rule.fill_mode == FILL_CLOSE:
            ended += _at_close(state, rule, row, result, trips[ended], CLOSE)
    else:
        expire(order)
        if not rule.hold_overnight:
            order.target = 0.0
            request(order, -position.qty)
            ended += _at_close(state, rule, row, result, trips[ended], FLATTEN)
    if rule.queue:
        rest(order, row, order.target - position.qty)
    close_row(order, row, result, gross)
    return ended


@bare
def _at_close(state: LedgerState, params: Record, row: Record, result: Record, trip: Record, when: int) -> int:
    """Bring the position to its target at the row's close: 1 if that ends a round trip, else 0."""
    position, order = state.symbol[row.symbol], state.order[row.symbol]
    want = order.target - position.qty
    if want == 0.0:
        return 0
    if not quoted(row.mid_close, row.bid_close, row.ask_close):
        flag(result, why.NO_PRICE)
        reject(order)
        return 0
    if when == FLATTEN:
        flag(result, why.SESSION_END)
    accept(order)
    ended = book_fill(state, params, row, result, trip, execute(order, params, row, want, when))
    fill(order, want, order.target - position.qty)
    return ended


@bare
def loop(state: LedgerState, params: Records, rows: Records, results: Records, trips: Records) -> int:
    """Carry the ledger through rows, one after the other.

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

    Returns
    -------
    int
        Round trips ended, written to `trips` in the order of their ends.
    """
    count = 0
    for i in range(rows.size):
        count += step(state, params, rows[i], results[i], trips[count:])
    return count

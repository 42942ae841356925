"""Kernels of a round trip: from the position leaving 0 to its return to 0, or to its change of side.

Units added on the way belong to the same trip; a fill that turns the position over ends one trip and opens the next,
and its costs are split by units. So the trips add up to the change of equity exactly.
"""

from __future__ import annotations

import numpy as np

from hfm.kernels.jit import bare
from hfm.ledger import reasons as why
from hfm.ledger.fills import Fill
from hfm.ledger.ledger_records import ROUND_TRIP, LedgerState, Record
from hfm.tables.records import Records


@bare
def post(position: Record, row: Record, fill: Fill, reason: int, trip: Record) -> int:
    """Take a fill into the position and its round trip.

    Parameters
    ----------
    position
        LEDGER_SYMBOL, changed in place.
    row
        LEDGER_ROW in which the fill takes place.
    fill
        The execution; qty is not 0.
    reason
        Bits of hfm.ledger.reasons that the row has by now.
    trip
        ROUND_TRIP, overwritten if one ends.

    Returns
    -------
    int
        1 if the fill ends a round trip, else 0.
    """
    before = position.qty
    position.qty = before + fill.qty
    if before * fill.qty >= 0.0:
        _enter(position, row, fill)
        return 0
    closed = min(abs(before), abs(fill.qty))
    share = closed / abs(fill.qty)
    position.exited_qty += closed
    position.exited_notional += closed * fill.price
    position.mid_cash -= fill.qty * share * fill.mid
    position.trip_spread += fill.spread_cost * share
    position.trip_fee += fill.fee * share
    position.trip_impact += fill.impact * share
    if abs(fill.qty) < abs(before):
        return 0
    trip.symbol = row.symbol
    trip.exit_session = row.session
    trip.exit_time = row.time if fill.at_close else row.time_open
    _leave(position, trip, reason)
    trip.bars -= 1 - fill.at_close
    if share < 1.0:
        rest = 1.0 - share
        _enter(
            position,
            row,
            Fill(before + fill.qty, fill.price, fill.mid, fill.spread_cost * rest, fill.fee * rest, fill.impact * rest,
                 fill.at_close),
        )  # fmt: skip
    return 1


@bare
def _enter(position: Record, row: Record, fill: Fill) -> None:
    """Open a round trip, or add to the one under way."""
    if position.trip_side == 0:
        position.trip_session = row.session
        position.trip_seq = row.seq
        position.trip_time = row.time if fill.at_close else row.time_open
        position.trip_row = position.rows - 1 + fill.at_close
        position.entered_qty = position.entered_notional = position.exited_qty = position.exited_notional = 0.0
        position.mid_cash = position.trip_spread = position.trip_fee = position.trip_impact = 0.0
        position.trip_borrow = position.trip_dividend = 0.0
        position.trip_side = 1 if fill.qty > 0.0 else -1
    position.entered_qty += abs(fill.qty)
    position.entered_notional += abs(fill.qty) * fill.price
    position.mid_cash -= fill.qty * fill.mid
    position.trip_spread += fill.spread_cost
    position.trip_fee += fill.fee
    position.trip_impact += fill.impact


@bare
def _leave(position: Record, trip: Record, reason: int) -> None:
    """Write the round trip under way to `trip`, all but its symbol and the time of its exit, and end it."""
    ending = reason & (why.SESSION_END | why.CARRIED | why.OPEN_AT_END)
    trip.reason = ending if ending else why.SIGNAL
    trip.session = position.trip_session
    trip.seq = position.trip_seq
    trip.time = position.trip_time
    trip.bars = position.rows - position.trip_row
    trip.side = position.trip_side
    trip.qty = position.entered_qty
    trip.entry_price = position.entered_notional / position.entered_qty
    trip.exit_price = position.exited_notional / position.exited_qty
    trip.gross = position.mid_cash
    trip.spread_cost = position.trip_spread
    trip.fee = position.trip_fee
    trip.impact = position.trip_impact
    trip.borrow = position.trip_borrow
    trip.dividend = position.trip_dividend
    costs = trip.spread_cost + trip.fee + trip.impact + trip.borrow
    trip.net = trip.gross - costs + trip.dividend
    position.trip_side = 0


def valued(state: LedgerState, symbol: int) -> Record | None:
    """The round trip under way in `symbol`, ended at its mark without cost; None where there is none.

    For the end of the data: exit times are the caller's. `state` is not changed.

    Parameters
    ----------
    state
        Of the ledger.
    symbol
        Its number.

    Returns
    -------
    Record or None
        One ROUND_TRIP.
    """
    if state.symbol["qty"][symbol] == 0.0:
        return None
    trips = np.zeros(1, ROUND_TRIP)
    _end_at_mark(state.symbol.copy(), symbol, trips)
    return trips[0]


@bare
def _end_at_mark(positions: Records, symbol: int, trips: Records) -> None:
    """Write the round trip under way in `symbol` to the first of `trips`, as if it ended at its mark."""
    position = positions[symbol]
    position.exited_qty += abs(position.qty)
    position.exited_notional += abs(position.qty) * position.mark
    position.mid_cash += position.qty * position.mark
    trips[0].symbol = symbol
    _leave(position, trips[0], why.OPEN_AT_END)

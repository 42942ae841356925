"""Kernels of a round trip: from the position leaving 0 to its return to 0, or to its change of side.

Shares added on the way belong to the same trip; a fill that turns the position over ends one trip and opens the next,
and its costs are split by shares. So the trips add up to the change of equity exactly.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from hfm.kernels.jit import bare
from hfm.ledger import layout as at
from hfm.ledger import reasons as why

Float = npt.NDArray[np.float64]
Fill = tuple[float, float, float, float, float, float, float]
"""qty (signed shares), price, mid, spread cost, fee, impact (currency), and 1 at the row's close or 0 at its open."""


@bare
def book(state: Float, row: Float, fill: Fill, reason: int, trip: Float) -> int:
    """1 if `fill` ends a round trip (written to trip [TRADE]), else 0; the position is updated."""
    b = at.HEAD + at.BLOCK * int(row[at.R_SYMBOL])
    qty, px, mid, spread, fee, impact, closing = fill
    held = state[b + at.B_QTY]
    state[b + at.B_QTY] = held + qty
    if held * qty >= 0.0:
        _enter(state, row, fill)
        return 0
    part = min(abs(held), abs(qty))
    share = part / abs(qty)
    state[b + at.B_LOT_OUT] += part
    state[b + at.B_LOT_GOT] += part * px
    state[b + at.B_LOT_MID] -= qty * share * mid
    state[b + at.B_LOT_SPREAD] += spread * share
    state[b + at.B_LOT_FEE] += fee * share
    state[b + at.B_LOT_IMPACT] += impact * share
    if abs(qty) < abs(held):
        return 0
    trip[at.T_EXIT_SESSION] = row[at.R_SESSION]
    trip[at.T_EXIT_NS] = row[at.R_CLOSE_NS] if closing else row[at.R_OPEN_NS]
    _leave(state, b, trip, reason)
    trip[at.T_BARS] -= 1.0 - closing
    if share < 1.0:
        rest = 1.0 - share
        _enter(state, row, (held + qty, px, mid, spread * rest, fee * rest, impact * rest, closing))
    return 1


@bare
def _enter(state: Float, row: Float, fill: Fill) -> None:
    """Open a round trip, or add to the one under way."""
    b = at.HEAD + at.BLOCK * int(row[at.R_SYMBOL])
    qty, px, mid, spread, fee, impact, closing = fill
    if state[b + at.B_LOT_SIDE] == 0.0:
        state[b + at.B_LOT_SESSION] = row[at.R_SESSION]
        state[b + at.B_LOT_SEQ] = row[at.R_SEQ]
        state[b + at.B_LOT_NS] = row[at.R_CLOSE_NS] if closing else row[at.R_OPEN_NS]
        state[b + at.B_LOT_ROWS] = state[b + at.B_ROWS] - 1.0 + closing
        for j in range(b + at.B_LOT_IN, b + at.B_LOT_SIDE):
            state[j] = 0.0
        state[b + at.B_LOT_SIDE] = 1.0 if qty > 0.0 else -1.0
    state[b + at.B_LOT_IN] += abs(qty)
    state[b + at.B_LOT_PAID] += abs(qty) * px
    state[b + at.B_LOT_MID] -= qty * mid
    state[b + at.B_LOT_SPREAD] += spread
    state[b + at.B_LOT_FEE] += fee
    state[b + at.B_LOT_IMPACT] += impact


@bare
def _leave(state: Float, b: int, trip: Float, reason: int) -> None:
    """Write the round trip under way to `trip`, all but the time of its exit, and end it."""
    ending = reason & (why.SESSION_END | why.CARRIED | why.OPEN_AT_END)
    trip[at.T_REASON] = float(ending if ending else why.SIGNAL)
    trip[at.T_SYMBOL] = (b - at.HEAD) // at.BLOCK
    trip[at.T_SESSION] = state[b + at.B_LOT_SESSION]
    trip[at.T_SEQ] = state[b + at.B_LOT_SEQ]
    trip[at.T_NS] = state[b + at.B_LOT_NS]
    trip[at.T_BARS] = state[b + at.B_ROWS] - state[b + at.B_LOT_ROWS]
    trip[at.T_SIDE] = state[b + at.B_LOT_SIDE]
    trip[at.T_QTY] = state[b + at.B_LOT_IN]
    trip[at.T_ENTRY] = state[b + at.B_LOT_PAID] / state[b + at.B_LOT_IN]
    trip[at.T_EXIT] = state[b + at.B_LOT_GOT] / state[b + at.B_LOT_OUT]
    trip[at.T_GROSS] = state[b + at.B_LOT_MID]
    trip[at.T_SPREAD] = state[b + at.B_LOT_SPREAD]
    trip[at.T_FEE] = state[b + at.B_LOT_FEE]
    trip[at.T_IMPACT] = state[b + at.B_LOT_IMPACT]
    trip[at.T_BORROW] = state[b + at.B_LOT_BORROW]
    trip[at.T_DIVIDEND] = state[b + at.B_LOT_DIVIDEND]
    costs = trip[at.T_SPREAD] + trip[at.T_FEE] + trip[at.T_IMPACT] + trip[at.T_BORROW]
    trip[at.T_NET] = trip[at.T_GROSS] - costs + trip[at.T_DIVIDEND]
    state[b + at.B_LOT_SIDE] = 0.0


def value(state: Float, symbol: int) -> Float | None:
    """The round trip under way in `symbol`, ended at its mark without cost [TRADE]; None where there is none.

    For the end of the data: exit times are the caller's. `state` is not changed.
    """
    end = state.copy()
    b = at.HEAD + at.BLOCK * symbol
    held, mark = end[b + at.B_QTY], end[b + at.B_MARK]
    if held == 0.0:
        return None
    end[b + at.B_LOT_OUT] += abs(held)
    end[b + at.B_LOT_GOT] += abs(held) * mark
    end[b + at.B_LOT_MID] += held * mark
    trip = np.zeros(at.TRADE)
    _leave(end, b, trip, why.OPEN_AT_END)
    return trip

"""Kernels of a fill: whether there is a price, what it is, and what it costs."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from hfm.kernels.jit import bare
from hfm.ledger import layout as at
from hfm.ledger.round_trips import book

Float = npt.NDArray[np.float64]
OPEN, CLOSE, FLATTEN = 0.0, 1.0, 2.0
"""When an order is filled: at the row's open, at its close by the look-ahead mode, at its close to end the session."""


@bare
def flag(out: Float, bit: int) -> None:
    """Set a reason bit."""
    out[at.O_REASON] = float(int(out[at.O_REASON]) | bit)


@bare
def in_lots(params: Float, size: float) -> float:
    """The whole lots in so many units, as units."""
    return float(np.floor(size * params[at.P_LOTS]) * params[at.P_LOT])


@bare
def quoted(mid: float, bid: float, ask: float) -> bool:
    """Whether a fill may take place: 0 < bid <= mid <= ask < inf (false for any NaN)."""
    return bid > 0.0 and bid <= mid and mid <= ask and ask < np.inf


@bare
def reached(state: Float, params: Float, row: Float, want: float) -> float:
    """Shares of a passive order (want, signed) that the row's trades fill; 0 for prices that are none.

    All of it where the market trades at least a tick through the quote at which it rests; with a queue, also what is
    traded at that quote beyond the shares ahead. An order rests for the row after its decision, in the same session.
    What must be flattened at the first open of the next one goes to market.
    """
    b = at.HEAD + at.BLOCK * int(row[at.R_SYMBOL])
    rest = state[b + at.B_BID] if want > 0.0 else state[b + at.B_ASK]
    price = row[at.R_LOW] if want > 0.0 else row[at.R_HIGH]
    if state[b + at.B_BID] == 0.0:
        return abs(want) if state[b + at.B_TARGET] == 0.0 else 0.0
    if not (rest > 0.0 and rest < np.inf and price > 0.0 and price < np.inf):
        return 0.0
    past = (rest - price if want > 0.0 else price - rest) / params[at.TICKS + int(row[at.R_SYMBOL])]
    if past > 1.0 - 1e-6:  # prices are decimal, their differences are not
        return abs(want)
    if params[at.P_QUEUE] == 0.0 or not past > -1e-6:
        return 0.0
    against = 0.5 * (row[at.R_VOLUME] - (row[at.R_SIGNED] if want > 0.0 else -row[at.R_SIGNED]))
    if not (against > 0.0 and against < np.inf):
        return 0.0
    state[b + at.B_AHEAD] -= against
    mine = min(in_lots(params, max(-state[b + at.B_AHEAD], 0.0)), abs(want))
    state[b + at.B_AHEAD] = max(state[b + at.B_AHEAD], 0.0)
    return float(mine)


@bare
def rest(state: Float, row: Float) -> None:
    """Where the order that is left at the row's close stands: its old place if its price has not changed, else the end.

    Before the row's quote replaces that of the row before. Shares ahead only become fewer: those behind cannot pass.
    """
    b = at.HEAD + at.BLOCK * int(row[at.R_SYMBOL])
    want = state[b + at.B_TARGET] - state[b + at.B_QTY]
    side = 1.0 if want > 0.0 else (-1.0 if want < 0.0 else 0.0)
    shown = row[at.R_DEPTH_BID] if side > 0.0 else row[at.R_DEPTH_ASK]
    depth = shown if shown > 0.0 else np.inf
    old, new = state[b + at.B_BID], row[at.R_BID_CLOSE]
    if side < 0.0:
        old, new = state[b + at.B_ASK], row[at.R_ASK_CLOSE]
    if side != 0.0 and side == state[b + at.B_REST] and old == new:
        depth = min(depth, state[b + at.B_AHEAD])
    state[b + at.B_REST], state[b + at.B_AHEAD] = side, depth


@bare
def _half(state: Float, params: Float, row: Float, qty: float, when: float) -> float:
    """Currency a share paid across the spread, over the mid; negative: earned."""
    b = at.HEAD + at.BLOCK * int(row[at.R_SYMBOL])
    mid, bid, ask, share = row[at.R_MID_OPEN], row[at.R_BID_OPEN], row[at.R_ASK_OPEN], params[at.P_SPREAD_SHARE]
    if when != OPEN:
        mid, bid, ask = row[at.R_MID_CLOSE], row[at.R_BID_CLOSE], row[at.R_ASK_CLOSE]
    half = float(share * 0.5 * (ask - bid))
    if when == FLATTEN or (when == OPEN and params[at.P_FILL] == at.FILL_CROSS):
        half = ask - mid if qty > 0.0 else mid - bid
    elif when == OPEN and params[at.P_FILL] == at.FILL_NEXT_MID:
        half = 0.0
    elif when == OPEN and params[at.P_FILL] == at.FILL_PASSIVE and state[b + at.B_BID] != 0.0:
        half = state[b + at.B_BID] - mid if qty > 0.0 else mid - state[b + at.B_ASK]
    return half


@bare
def fill(state: Float, params: Float, row: Float, out: Float, trips: Float, order: tuple[float, float]) -> int:
    """1 if filling order = (signed shares, when) ends a round trip, which is written to trips[0], else 0."""
    b = at.HEAD + at.BLOCK * int(row[at.R_SYMBOL])
    qty, when = order
    size, half = abs(qty), _half(state, params, row, qty, when)
    mid, o = row[at.R_MID_OPEN], at.O_QTY_OPEN
    if when != OPEN:
        mid, o = row[at.R_MID_CLOSE], at.O_QTY_CLOSE
    push = 0.0
    if row[at.R_ADV] > 0.0 and (when != OPEN or params[at.P_FILL] != at.FILL_PASSIVE):
        push = mid * params[at.P_IMPACT] * row[at.R_SIGMA_DAY] * np.sqrt(size / row[at.R_ADV])
    px = mid + (half + push if qty > 0.0 else -half - push)
    spread, impact, fee = size * half, size * push, params[at.P_FEE] * size * px
    state[at.S_CASH] -= qty * px + fee
    state[at.S_TRADED] += size * mid
    out[at.O_SPREAD] += spread
    out[at.O_IMPACT] += impact
    out[at.O_FEE] += fee
    out[o], out[o + 1] = qty, px
    held, closing = state[b + at.B_QTY], 0.0 if when == OPEN else 1.0
    if params[at.P_TRIPS] == 0.0:
        ended = 1 if held * qty < 0.0 and size >= abs(held) else 0
    else:
        ended = book(state, row, (qty, px, mid, spread, fee, impact, closing), int(out[at.O_REASON]), trips[0])
    after, target = held + qty, state[b + at.B_TARGET]
    off = 1e-6 * params[at.P_LOT] + 1e-15 * (abs(held) + size)  # parts of a unit do not add up exactly
    state[b + at.B_QTY] = target if after != target and abs(after - target) < off else after
    return ended

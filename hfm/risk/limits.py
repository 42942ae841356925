"""Kernels that dispose of what a policy proposes: sizes, limits on targets, on fills and on equity, each with a reason.

A limit that is infinite changes no byte. Limits on fills hold back what adds to a position; what reduces it waits only
for a price, its share of the volume and the collar. The flattening at a session's last close is never held back.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from hfm.kernels.jit import bare
from hfm.ledger import layout as at
from hfm.ledger import reasons as why
from hfm.ledger.fills import flag, in_lots, quoted, reached

Float = npt.NDArray[np.float64]


@bare
def aim(state: Float, params: Float, row: Float, out: Float) -> None:
    """Set the target from the row's signal: a new size where its sign changes, else the one that is held."""
    b = at.HEAD + at.BLOCK * int(row[at.R_SYMBOL])
    side = 1.0 if row[at.R_SIGNAL] > 0.0 else (-1.0 if row[at.R_SIGNAL] < 0.0 else 0.0)
    out[at.O_SIGNAL] = side
    if side == 0.0:
        state[b + at.B_TARGET] = 0.0
    elif state[at.S_HALT] != 0.0:
        state[b + at.B_TARGET] = 0.0
        flag(out, int(state[at.S_HALT]))
    elif state[at.S_STOPPED] == row[at.R_SESSION]:
        state[b + at.B_TARGET] = 0.0
        flag(out, why.DAILY_LOSS)
    elif side * state[b + at.B_TARGET] <= 0.0:
        if row[at.R_MID_CLOSE] > 0.0 and row[at.R_MID_CLOSE] < np.inf:
            size = _size(state, params, row, out, side)
            state[b + at.B_TARGET] = side * _capped(state, params, row, out, (side, size))
            if state[b + at.B_TARGET] != 0.0:
                state[b + at.B_ENTRY] = state[b + at.B_ROWS]
        else:
            flag(out, why.NO_PRICE)


@bare
def _size(state: Float, params: Float, row: Float, out: Float, side: float) -> float:
    """Units of a new position before limits, in whole lots; never more than the fixed size."""
    share, sd = 1.0, row[at.R_RET_SD]
    if params[at.P_SIZING] == at.SIZE_VOL:
        share = params[at.P_VOL] / sd
    elif params[at.P_SIZING] == at.SIZE_KELLY:
        edge = side * (2.0 * row[at.R_P_UP] - 1.0) * 0.8 * sd - row[at.R_COST]  # bp; E|r| = .8 sd
        share = params[at.P_KELLY] * edge * 1e4 / (sd * sd)  # mean / variance, both of the return
    if not (share > 0.0 and (sd > 0.0 or params[at.P_SIZING] == at.SIZE_FIXED)):
        flag(out, why.NO_FORECAST)
        return 0.0
    worth = params[at.P_SIZE] * min(share, 1.0) * state[at.S_OPEN_EQUITY]
    size = in_lots(params, max(worth, 0.0) / row[at.R_MID_CLOSE])
    if size == 0.0:
        flag(out, why.BELOW_LOT)
    return size


@bare
def _capped(state: Float, params: Float, row: Float, out: Float, order: tuple[float, float]) -> float:
    """Shares of order = (side, size) that the limits on targets leave."""
    side, size = order
    b = at.HEAD + at.BLOCK * int(row[at.R_SYMBOL])
    mid, capital = row[at.R_MID_CLOSE], state[at.S_OPEN_EQUITY]
    if size > params[at.P_MAX_POSITION]:
        size = params[at.P_MAX_POSITION]
        flag(out, why.MAX_POSITION)
    gross, net = 0.0, 0.0
    for o in range(at.HEAD, state.size, at.BLOCK):
        if o != b:
            worth = state[o + at.B_TARGET] * state[o + at.B_MARK]
            gross += max(abs(worth), abs(state[o + at.B_QTY] * state[o + at.B_MARK]))
            net += worth
    room = params[at.P_MAX_GROSS] * capital - gross
    if size * mid > room:
        size = max(in_lots(params, room / mid), 0.0)
        flag(out, why.MAX_GROSS)
    room = params[at.P_MAX_NET] * capital - side * net
    if size * mid > room:
        size = max(in_lots(params, room / mid), 0.0)
        flag(out, why.MAX_NET)
    if state[b + at.B_ENTRY] > 0.0 and state[b + at.B_ROWS] - state[b + at.B_ENTRY] < params[at.P_THROTTLE]:
        size = 0.0
        flag(out, why.THROTTLE)
    return size


@bare
def allowed(state: Float, params: Float, row: Float, out: Float, want: float) -> float:
    """The part of `want` (signed shares) that may be filled at the row's open; what is held back waits, flagged."""
    b = at.HEAD + at.BLOCK * int(row[at.R_SYMBOL])
    mid, bid, ask = row[at.R_MID_OPEN], row[at.R_BID_OPEN], row[at.R_ASK_OPEN]
    if not quoted(mid, bid, ask):
        flag(out, why.NO_PRICE)
        return 0.0
    if abs(mid - state[b + at.B_MARK]) > params[at.P_COLLAR] * state[b + at.B_MARK]:
        flag(out, why.COLLAR)
        return 0.0
    size = abs(want)
    if params[at.P_FILL] == at.FILL_PASSIVE:
        size = reached(state, params, row, want)
        if size < abs(want):
            flag(out, why.UNFILLED)
    if params[at.P_PARTICIPATION] < np.inf:
        most = in_lots(params, params[at.P_PARTICIPATION] * max(state[b + at.B_VOLUME], 0.0))
        if not size <= most:
            size = most if most > 0.0 else 0.0
            flag(out, why.PARTICIPATION)
    held = state[b + at.B_QTY]
    less = min(abs(held), size) if held * want < 0.0 else 0.0
    more = size - less
    if more > 0.0:
        if 1e4 * (ask - bid) > params[at.P_MAX_SPREAD] * mid:
            more = 0.0
            flag(out, why.WIDE_SPREAD)
        if state[b + at.B_NS] > -np.inf and row[at.R_OPEN_NS] - state[b + at.B_NS] > params[at.P_STALE]:
            more = 0.0
            flag(out, why.STALE)
        room = params[at.P_TURNOVER] * state[at.S_OPEN_EQUITY] - state[at.S_TRADED]
        if (less + more) * mid > room:
            more = min(more, max(in_lots(params, room / mid) - less, 0.0))
            flag(out, why.TURNOVER)
    return less + more if want > 0.0 else -less - more


@bare
def watch(state: Float, params: Float, out: Float, equity: float) -> None:
    """Stop for the session at the daily loss, and halt at the drawdown: all targets become 0."""
    if equity > state[at.S_PEAK]:
        state[at.S_PEAK] = equity
    stop = 0
    if equity < state[at.S_OPEN_EQUITY] * (1.0 - params[at.P_DAILY_LOSS]):
        stop |= why.DAILY_LOSS
        state[at.S_STOPPED] = state[at.S_SESSION]
    if equity < state[at.S_PEAK] * (1.0 - params[at.P_DRAWDOWN]):
        stop |= why.DRAWDOWN
        state[at.S_HALT] = float(int(state[at.S_HALT]) | why.DRAWDOWN)
    if stop != 0:
        flag(out, stop)
        for b in range(at.HEAD, state.size, at.BLOCK):
            state[b + at.B_TARGET] = 0.0

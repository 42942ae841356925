"""The accounting kernel: one row of one symbol in, its ledger columns and ended round trips out.

At a row's open the target that the previous row left is filled; then the position is marked; at the close of a
session's last row it is flattened; then the row's signal sets the next target. Rows of several symbols arrive in time
order and share the cash. Exact at every row: equity = cash + sum(position x mark), and
net = gross - spread - fee - impact - borrow + dividend = change of equity.
A price that is NaN, infinite, zero or negative, or a mid outside its quote, never fills: the order waits.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from hfm.kernels.jit import bare
from hfm.ledger import layout as at
from hfm.ledger import reasons as why
from hfm.ledger.fills import CLOSE, FLATTEN, OPEN, fill, flag, quoted, rest
from hfm.risk.limits import aim, allowed, watch

Float = npt.NDArray[np.float64]


@bare
def step(state: Float, params: Float, row: Float, out: Float, trips: Float) -> int:
    """Number of round trips that the row ended: 0, 1 (at its open or close) or 2, written to the first of `trips`.

    state [HEAD + BLOCK x symbols] is updated; params [PARAMS]; row [ROW]; out [OUT] is overwritten; trips [2+, TRADE].
    A NaN signal counts as flat; NaN prices never fill and leave the mark as it was.
    """
    ended = advance(state, params, row, out, trips)
    b = at.HEAD + at.BLOCK * int(row[at.R_SYMBOL])
    total = equity(state)
    watch(state, params, out, total)
    out[at.O_TARGET] = state[b + at.B_TARGET]
    out[at.O_MID_OPEN] = row[at.R_MID_OPEN]
    out[at.O_MID_CLOSE] = row[at.R_MID_CLOSE]
    out[at.O_CASH] = state[at.S_CASH]
    out[at.O_POSITION] = state[b + at.B_QTY]
    out[at.O_MARK] = state[b + at.B_MARK]
    out[at.O_EQUITY] = total
    return ended


@bare
def advance(state: Float, params: Float, row: Float, out: Float, trips: Float) -> int:
    """As `step`, without the totals after the row and without watching the equity."""
    b = at.HEAD + at.BLOCK * int(row[at.R_SYMBOL])
    for j in range(at.O_SIGNAL, at.O_DIVIDEND + 1):
        out[j] = 0.0
    out[at.O_PX_OPEN] = out[at.O_PX_CLOSE] = np.nan
    if row[at.R_SESSION] != state[at.S_SESSION]:
        state[at.S_SESSION] = row[at.R_SESSION]
        state[at.S_OPEN_EQUITY] = equity(state)
        state[at.S_TRADED] = 0.0
    if row[at.R_SESSION] != state[b + at.B_SESSION]:
        _new_session(state, params, row, out)
    state[b + at.B_ROWS] += 1.0
    ended, gross = 0, 0.0
    want = state[b + at.B_TARGET] - state[b + at.B_QTY]
    if want != 0.0:
        want = allowed(state, params, row, out, want)
        if want != 0.0:
            gross = state[b + at.B_QTY] * (row[at.R_MID_OPEN] - state[b + at.B_MARK])
            state[b + at.B_MARK] = row[at.R_MID_OPEN]
            ended = fill(state, params, row, out, trips, (want, OPEN))
    mid = row[at.R_MID_CLOSE]
    if mid > 0.0 and mid < np.inf:
        gross += state[b + at.B_QTY] * (mid - state[b + at.B_MARK])
        state[b + at.B_MARK] = mid
    if row[at.R_LAST] == 0.0:
        aim(state, params, row, out)
        if params[at.P_FILL] == at.FILL_CLOSE:
            ended += _at_close(state, params, row, out, trips[ended:], CLOSE)
    elif params[at.P_HOLD] == 0.0:
        state[b + at.B_TARGET] = 0.0
        ended += _at_close(state, params, row, out, trips[ended:], FLATTEN)
    if params[at.P_QUEUE] != 0.0:
        rest(state, row)
    state[b + at.B_BID] = row[at.R_BID_CLOSE]
    state[b + at.B_ASK] = row[at.R_ASK_CLOSE]
    state[b + at.B_VOLUME] = row[at.R_VOLUME]
    state[b + at.B_NS] = row[at.R_CLOSE_NS]
    costs = out[at.O_SPREAD] + out[at.O_FEE] + out[at.O_IMPACT] + out[at.O_BORROW]
    out[at.O_GROSS] = gross
    out[at.O_NET] = gross - costs + out[at.O_DIVIDEND]
    return ended


@bare
def _at_close(state: Float, params: Float, row: Float, out: Float, trips: Float, when: float) -> int:
    """Bring the position to its target at the row's close: 1 if that ends a round trip, else 0."""
    b = at.HEAD + at.BLOCK * int(row[at.R_SYMBOL])
    want = state[b + at.B_TARGET] - state[b + at.B_QTY]
    if want == 0.0:
        return 0
    if not quoted(row[at.R_MID_CLOSE], row[at.R_BID_CLOSE], row[at.R_ASK_CLOSE]):
        flag(out, why.NO_PRICE)
        return 0
    if when == FLATTEN:
        flag(out, why.SESSION_END)
    return fill(state, params, row, out, trips, (want, when))


@bare
def equity(state: Float) -> float:
    """cash + sum over symbols of position x mark."""
    total = float(state[at.S_CASH])
    for b in range(at.HEAD, state.size, at.BLOCK):
        total += state[b + at.B_QTY] * state[b + at.B_MARK]
    return total


@bare
def _new_session(state: Float, params: Float, row: Float, out: Float) -> None:
    """What a night does to a held position: split, dividend, borrow (actual/365), and the order to flatten it."""
    b = at.HEAD + at.BLOCK * int(row[at.R_SYMBOL])
    nights = row[at.R_SESSION] - state[b + at.B_SESSION]
    state[b + at.B_SESSION] = row[at.R_SESSION]
    state[b + at.B_BID] = state[b + at.B_ASK] = 0.0
    state[b + at.B_NS] = -np.inf
    if state[b + at.B_QTY] == 0.0:
        state[b + at.B_TARGET] = 0.0
        return
    ratio = row[at.R_SPLIT]
    if ratio != 1.0 and ratio > 0.0 and ratio < np.inf:
        state[b + at.B_QTY] *= ratio
        state[b + at.B_TARGET] *= ratio
        state[b + at.B_LOT_IN] *= ratio
        state[b + at.B_LOT_OUT] *= ratio
        state[b + at.B_MARK] /= ratio
    held = state[b + at.B_QTY]
    if held < 0.0:
        out[at.O_BORROW] = -held * state[b + at.B_MARK] * params[at.P_BORROW] * nights / 365.0
    if row[at.R_DIVIDEND] > 0.0 and row[at.R_DIVIDEND] < np.inf:
        out[at.O_DIVIDEND] = held * row[at.R_DIVIDEND]
    state[at.S_CASH] += out[at.O_DIVIDEND] - out[at.O_BORROW]
    state[b + at.B_LOT_BORROW] += out[at.O_BORROW]
    state[b + at.B_LOT_DIVIDEND] += out[at.O_DIVIDEND]
    if params[at.P_HOLD] == 0.0:
        state[b + at.B_TARGET] = 0.0
        flag(out, why.CARRIED)


@bare
def loop(state: Float, params: Float, rows: Float, out: Float, trips: Float) -> int:
    """Number of round trips ended, written to trips [m, TRADE] in the order of their ends.

    rows [n, ROW] in time order (symbols of one instant in their order); out [n, OUT]; trips has room for two
    a row.
    """
    count = 0
    for i in range(rows.shape[0]):
        count += step(state, params, rows[i], out[i], trips[count:])
    return count

"""Many levels' ledgers side by side, for sweeps: what one row does to all of them is the processor's vector work.

Of the step only what a plain rule needs: one symbol, fixed size, flat overnight, fills at the next open, and no limit
but a maximal position. Where more is asked for - a position carried into a session, a close without a price - `run`
stops, and the step itself takes that row.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from hfm.kernels.jit import bare
from hfm.ledger import layout as at
from hfm.ledger.fills import quoted

Float = npt.NDArray[np.float64]
LEDGERS = 64
"""Ledgers side by side: so few that they stay in the processor's nearest memory."""
LEVEL, CASH, QTY, TARGET, OPENED, TRIPS = 0, 64, 128, 192, 256, 320
"""Where each quantity of the ledgers begins; OPENED: equity at the session's open."""
SESSION = 384
"""The session of the last row seen, of all of them."""
WIDTH = 385


@bare
def run(w: Float, params: Float, rows: Float, score: Float, start: int) -> int:
    """Carry the ledgers w [WIDTH] through rows [n, ROW] from `start`: the row that it stopped at, n if at none.

    Long where score [n] is above a ledger's level, short where it is below minus it; a NaN score is flat.
    """
    most, size = params[at.P_MAX_POSITION], params[at.P_SIZE]
    lot, per_unit = params[at.P_LOT], params[at.P_LOTS]
    for i in range(start, score.size):
        row, close = rows[i], rows[i, at.R_MID_CLOSE]
        if not (close > 0.0 and close < np.inf):
            return i
        if row[at.R_SESSION] != w[SESSION]:
            busy = 0.0
            for j in range(LEDGERS):
                busy += abs(w[QTY + j]) + abs(w[TARGET + j])
            if busy != 0.0:
                return i
            w[SESSION] = row[at.R_SESSION]
            for j in range(LEDGERS):
                w[OPENED + j] = w[CASH + j]
        mid, bid, ask = row[at.R_MID_OPEN], row[at.R_BID_OPEN], row[at.R_ASK_OPEN]
        if quoted(mid, bid, ask):
            buy, sell = ask - mid, mid - bid
            if params[at.P_FILL] != at.FILL_CROSS:
                half = params[at.P_SPREAD_SHARE] * 0.5 * (ask - bid)
                buy = sell = half if params[at.P_FILL] == at.FILL_NEXT_OPEN else 0.0
            _fill(w, mid, (buy, sell, _push(params, row, mid), params[at.P_FEE]))
        if row[at.R_LAST] == 0.0:
            s = score[i]
            for j in range(LEDGERS):
                up, down, target = s > w[LEVEL + j], s < -w[LEVEL + j], w[TARGET + j]
                new = min(np.floor(max(size * w[OPENED + j], 0.0) / close * per_unit) * lot, most)
                new_long, new_short = target if target > 0.0 else new, target if target < 0.0 else -new
                w[TARGET + j] = new_long if up else (new_short if down else 0.0)
        else:
            for j in range(LEDGERS):
                w[TARGET + j] = 0.0
            bid, ask = row[at.R_BID_CLOSE], row[at.R_ASK_CLOSE]
            if quoted(close, bid, ask):
                _fill(w, close, (ask - close, close - bid, _push(params, row, close), params[at.P_FEE]))
    return score.size


@bare
def _push(params: Float, row: Float, mid: float) -> float:
    """Impact in currency a share of one share; of more it grows with their root."""
    if row[at.R_ADV] > 0.0:
        return float(mid * params[at.P_IMPACT] * row[at.R_SIGMA_DAY] / np.sqrt(row[at.R_ADV]))
    return 0.0


@bare
def _fill(w: Float, mid: float, cost: tuple[float, float, float, float]) -> None:
    """Bring every position to its target. cost: half-spread of a purchase and of a sale (currency a share), impact of
    one share, fee a side over notional."""
    buy, sell, push, rate = cost
    for j in range(LEDGERS):
        held = w[QTY + j]
        want = w[TARGET + j] - held
        size = abs(want)
        paid = size * ((buy if want > 0.0 else sell) + push * np.sqrt(size))
        worth = size * mid
        fee = rate * (worth + paid if want > 0.0 else worth - paid)
        w[CASH + j] -= want * mid + paid + fee
        w[TRIPS + j] += 1.0 if held * want < 0.0 and size >= abs(held) else 0.0
        w[QTY + j] = w[TARGET + j]


def load(states: Float, levels: Float) -> Float:
    """The ledgers [WIDTH] of states [at most LEDGERS, HEAD + BLOCK]; lanes without one never trade."""
    w, k = np.zeros(WIDTH), len(states)
    w[LEVEL : LEVEL + LEDGERS] = np.inf
    for start, values in (
        (LEVEL, levels), (CASH, states[:, at.S_CASH]), (QTY, states[:, at.HEAD + at.B_QTY]),
        (TARGET, states[:, at.HEAD + at.B_TARGET]), (OPENED, states[:, at.S_OPEN_EQUITY]),
    ):  # fmt: skip
        w[start : start + k] = values
    w[SESSION] = states[0, at.HEAD + at.B_SESSION]
    return w


def save(w: Float, states: Float, rows: Float) -> None:
    """Put the ledgers back into their states, which have seen rows [1 or more, ROW] meanwhile."""
    k, last = len(states), rows[-1]
    for place, start in (
        (at.S_CASH, CASH), (at.HEAD + at.B_QTY, QTY), (at.HEAD + at.B_TARGET, TARGET), (at.S_OPEN_EQUITY, OPENED),
    ):  # fmt: skip
        states[:, place] = w[start : start + k]
    states[:, at.S_SESSION] = states[:, at.HEAD + at.B_SESSION] = w[SESSION]
    states[:, at.HEAD + at.B_ROWS] += len(rows)
    for place, kept in (
        (at.B_MARK, at.R_MID_CLOSE), (at.B_BID, at.R_BID_CLOSE), (at.B_ASK, at.R_ASK_CLOSE),
        (at.B_VOLUME, at.R_VOLUME), (at.B_NS, at.R_CLOSE_NS),
    ):  # fmt: skip
        states[:, at.HEAD + place] = last[kept]

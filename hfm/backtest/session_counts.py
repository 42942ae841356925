"""What the user's ledger and its forecasts add up to by session, as a kernel: one look at each row.

Axes: n rows, S sessions (or blocks). SUMS names the columns of its result; the first are the ledger's own.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from hfm.kernels.jit import bare
from hfm.ledger import layout as at

Float = npt.NDArray[np.float64]
Int = npt.NDArray[np.int64]
Sign = npt.NDArray[np.int8]
MONEY = ("gross", "spread", "fee", "impact", "borrow", "dividend", "net")
_PLACES = (at.O_GROSS, at.O_SPREAD, at.O_FEE, at.O_IMPACT, at.O_BORROW, at.O_DIVIDEND, at.O_NET)
SCORES = (
    "labels", "hits", "floor_hits", "ups", "calls", "spreads", "spread_hits", "rule_hits", "widened",
    "traded", "traded_hits", "traded_floor_hits", "traded_ups",
)  # fmt: skip
"""Counts: labelled rows, direction hits of the model and of `constant`, outcomes up, forecasts up; rows with a spread
label, hits of P(widens) and of the rule, spreads that widened; labelled rows with a signal, hits, and outcomes up. A
call of neither side is half right and half a forecast up."""
SUMS = (*MONEY, "notional", "held", "held_abs", *SCORES)
(NOTIONAL, HELD, HELD_ABS, LABELS, HITS, FLOOR_HITS, UPS, CALLS, SPREADS, SPREAD_HITS, RULE_HITS, WIDENED, TRADED,
 TRADED_HITS, TRADED_FLOOR_HITS, TRADED_UPS) = range(len(MONEY), len(SUMS))  # fmt: skip
BITS = 32
CALL, UP, SIGNAL = 0, 1, 2


@bare
def _sign(x: float) -> float:
    """1, -1, or 0; of NaN 0."""
    return (1.0 if x > 0.0 else 0.0) - (1.0 if x < 0.0 else 0.0)


@bare
def count(out: Float, seen: tuple[Float, ...], session: Int, into: tuple[Float, Int, Sign]) -> None:
    """Add each row of a ledger out [n, OUT] to its session's sums, session [n] being its number from 0.

    seen, [n] each: P(up), y_up, P(up) of `constant`, P(widens), y_spread_bps, spread_bps and its usual level; NaN where
    not known. into: sums [S, len(SUMS)] and reasons [BITS] are added to; signs [3, n] are CALL, UP and SIGNAL.
    """
    p_up, y_up, floor_p, p_widen, spread_then, spread_now, spread_usual = seen
    sums, reasons, signs = into
    for i in range(session.size):
        row, to = out[i], sums[session[i]]
        for k in range(len(_PLACES)):
            to[k] += row[_PLACES[k]]
        for o in (at.O_QTY_OPEN, at.O_QTY_CLOSE):
            if row[o] != 0.0:
                to[NOTIONAL] += abs(row[o] * row[o + 1])
        held = row[at.O_POSITION] * row[at.O_MARK]
        to[HELD] += held
        to[HELD_ABS] += abs(held)
        mask = int(row[at.O_REASON])
        for bit in range(BITS if mask else 0):
            reasons[bit] += (mask >> bit) & 1
        call, up, signal = _sign(p_up[i] - 0.5), _sign(2.0 * y_up[i] - 1.0), row[at.O_SIGNAL]
        signs[CALL, i], signs[UP, i], signs[SIGNAL, i] = int(call), int(up), int(signal)
        if up != 0.0 and np.isfinite(p_up[i]):
            hit, floor_hit = 0.5 * (1.0 + call * up), 0.5 * (1.0 + _sign(floor_p[i] - 0.5) * up)
            to[LABELS] += 1.0
            to[UPS] += 1.0 if up > 0.0 else 0.0
            to[CALLS] += 0.5 * (1.0 + call)
            to[HITS] += hit
            to[FLOOR_HITS] += floor_hit
            if signal != 0.0:
                to[TRADED] += 1.0
                to[TRADED_HITS] += 0.5 * (1.0 + signal * up)
                to[TRADED_FLOOR_HITS] += floor_hit
                to[TRADED_UPS] += 1.0 if up > 0.0 else 0.0
        change = _sign(spread_then[i] - spread_now[i])
        if change != 0.0 and np.isfinite(p_widen[i]):
            to[SPREADS] += 1.0
            to[WIDENED] += 1.0 if change > 0.0 else 0.0
            to[SPREAD_HITS] += 0.5 * (1.0 + _sign(p_widen[i] - 0.5) * change)
            to[RULE_HITS] += 0.5 * (1.0 + _sign(spread_usual[i] - spread_now[i]) * change)

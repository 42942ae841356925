"""What the user's ledger and its forecasts add up to by session, as a kernel: one look at each row.

Axes: n rows, S sessions (or blocks). SUMS names the columns of its result; the first are the ledger's own.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from hfm.kernels.jit import bare
from hfm.ledger.ledger_records import Record
from hfm.tables.records import Records, nested_dtype

Float = npt.NDArray[np.float64]
Int = npt.NDArray[np.int64]
Sign = npt.NDArray[np.int8]
MONEY = ("gross", "spread", "fee", "impact", "borrow", "dividend", "net")
SCORES = (
    "labels", "hits", "floor_hits", "ups", "calls", "spreads", "spread_hits", "rule_hits", "widened",
    "traded", "traded_hits", "traded_floor_hits", "traded_ups",
)  # fmt: skip
"""Counts: labelled rows, direction hits of the model and of `constant`, outcomes up, forecasts up; rows with a spread
label, hits of P(widens) and of the rule, spreads that widened; labelled rows with a signal, hits, and outcomes up. A
call of neither side is half right and half a forecast up."""
SUMS = (*MONEY, "notional", "held", "held_abs", *SCORES)
SESSION_SUMS = nested_dtype([(name, "f8") for name in SUMS])
BITS = 32
CALL, UP, SIGNAL = 0, 1, 2
"""Rows of `signs`."""


class Outcomes(NamedTuple):
    """What was forecast of each row and came true, [n] each, NaN where not known.

    P(up), 1 up or 0 down, P(up) of `constant`, P(widens), the spread at the horizon, the row's, its usual level (bp).
    """

    p_up: Float
    y_up: Float
    floor_p: Float
    p_widen: Float
    spread_then: Float
    spread_now: Float
    spread_usual: Float


@bare
def _sign(x: float) -> float:
    """1, -1, or 0; of NaN 0."""
    return (1.0 if x > 0.0 else 0.0) - (1.0 if x < 0.0 else 0.0)


@bare
def count(results: Records, outcomes: Outcomes, session: Int, sums: Records, reasons: Int, signs: Sign) -> None:
    """Add each row of a ledger to its session's sums.

    Parameters
    ----------
    results
        [n] of LEDGER_RESULT.
    outcomes
        [n] each.
    session
        [n] its number, from 0.
    sums
        [S] of SESSION_SUMS, added to. Money in currency.
    reasons
        [BITS] rows with each reason bit, added to.
    signs
        [3, n] written: CALL, UP and SIGNAL.
    """
    for i in range(session.size):
        row, to = results[i], sums[session[i]]
        _money(row, to)
        mask = row.reason
        for bit in range(BITS if mask else 0):
            reasons[bit] += (mask >> bit) & 1
        p_up, signal = outcomes.p_up[i], float(row.signal)
        call, up = _sign(p_up - 0.5), _sign(2.0 * outcomes.y_up[i] - 1.0)
        signs[CALL, i], signs[UP, i], signs[SIGNAL, i] = int(call), int(up), int(signal)
        if up != 0.0 and np.isfinite(p_up):
            hit, floor_hit = 0.5 * (1.0 + call * up), 0.5 * (1.0 + _sign(outcomes.floor_p[i] - 0.5) * up)
            to.labels += 1.0
            to.ups += 1.0 if up > 0.0 else 0.0
            to.calls += 0.5 * (1.0 + call)
            to.hits += hit
            to.floor_hits += floor_hit
            if signal != 0.0:
                to.traded += 1.0
                to.traded_hits += 0.5 * (1.0 + signal * up)
                to.traded_floor_hits += floor_hit
                to.traded_ups += 1.0 if up > 0.0 else 0.0
        spread_now, p_widen = outcomes.spread_now[i], outcomes.p_widen[i]
        change = _sign(outcomes.spread_then[i] - spread_now)
        if change != 0.0 and np.isfinite(p_widen):
            to.spreads += 1.0
            to.widened += 1.0 if change > 0.0 else 0.0
            to.spread_hits += 0.5 * (1.0 + _sign(p_widen - 0.5) * change)
            to.rule_hits += 0.5 * (1.0 + _sign(outcomes.spread_usual[i] - spread_now) * change)


@bare
def _money(row: Record, to: Record) -> None:
    """Add a row's money, notional of its fills and exposure to its session's sums."""
    to.gross += row.gross_pnl
    to.spread += row.spread_cost
    to.fee += row.fee
    to.impact += row.impact
    to.borrow += row.borrow
    to.dividend += row.dividend
    to.net += row.net_pnl
    if row.qty_open != 0.0:
        to.notional += abs(row.qty_open * row.px_open)
    if row.qty_close != 0.0:
        to.notional += abs(row.qty_close * row.px_close)
    held = row.position * row.mark
    to.held += held
    to.held_abs += abs(held)


def added(sums: Records, starts: Int) -> Records:
    """Sums of neighbours, added up.

    Parameters
    ----------
    sums
        [U] of SESSION_SUMS.
    starts
        [S] the first of each group; it ends where the next begins.

    Returns
    -------
    Records
        [S] of SESSION_SUMS.
    """
    numbers = sums.view(np.float64).reshape(len(sums), len(SUMS))
    out: Records = np.add.reduceat(numbers, starts, axis=0).view(SESSION_SUMS).reshape(len(starts))
    return out

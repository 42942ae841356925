"""Many thresholds over the same rows: what each would have earned, through the very same ledger step.

Rows on which a trial neither decides nor fills are passed over, and only one trial's codes are in memory at a time, so
that a thousand thresholds need the memory of one.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from hfm.backtest.rows import edges
from hfm.ledger import layout as at
from hfm.ledger.account import equity, state_new
from hfm.ledger.profit import profit

Float = npt.NDArray[np.float64]


def sweep(rows: Float, p_up: Float, levels: Float, params: Float, cash: float) -> tuple[Float, Float]:
    """(net P&L in currency, round trips) of each of `levels`, [L] both: long above a level, short below 1 - level.

    rows [n, WIDE] in time order (hfm.backtest.rows), p_up [n]; NaN in p_up is flat. params: of hfm.ledger.account.
    """
    symbols = int(rows[:, at.R_SYMBOL].max(initial=0)) + 1
    blocks = int(rows[:, at.R_BLOCK].max(initial=0)) + 1
    params = params.copy()
    params[at.P_TRIPS] = 0.0
    edge, scratch = edges(rows), np.empty((3, at.OUT))
    net, trips = np.empty(len(levels)), np.empty(len(levels))
    for k, level in enumerate(levels):
        codes = (p_up > level).view(np.int8) - (p_up < 1.0 - level).view(np.int8) + edge
        state, sums = state_new(cash, symbols), np.zeros((blocks, at.SUMS))
        profit(state, params, rows, codes, sums, scratch)
        net[k], trips[k] = equity(state) - cash, sums[:, at.SUM_TRIPS].sum()
    return net, trips

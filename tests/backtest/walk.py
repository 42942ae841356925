"""A random walk with forecasts, as kernel rows: what backtest and sweep are measured on."""

from __future__ import annotations

import numpy as np

from hfm.ledger import layout as at


def walk(n: int, slots: int = 78) -> tuple[np.ndarray, np.ndarray]:
    """Rows [n, ROW] of one symbol and P(up) [n] that knows nothing, sd .05: a tenth of it is beyond .6 or .4."""
    rng = np.random.default_rng(7)
    mid = 500.0 * np.exp(np.cumsum(rng.normal(0, 5e-4, n + 1)))
    rows = np.zeros((n, at.ROW))
    opens, closes = (at.R_MID_OPEN, at.R_BID_OPEN, at.R_ASK_OPEN), (at.R_MID_CLOSE, at.R_BID_CLOSE, at.R_ASK_CLOSE)
    for places, price in ((opens, mid[:-1]), (closes, mid[1:])):
        rows[:, places] = np.column_stack([price, price - 0.005, price + 0.005])
    rows[:, at.R_HIGH] = np.maximum(mid[:-1], mid[1:]) + 0.005
    rows[:, at.R_LOW] = np.minimum(mid[:-1], mid[1:]) - 0.005
    seq = np.arange(n) % slots
    rows[:, at.R_SESSION] = rows[:, at.R_BLOCK] = np.arange(n) // slots
    rows[:, at.R_SEQ], rows[:, at.R_LAST], rows[:, at.R_SPLIT] = seq, seq == slots - 1, 1.0
    rows[:, at.R_OPEN_NS], rows[:, at.R_CLOSE_NS] = seq * 300e9, (seq + 1) * 300e9
    rows[:, at.R_VOLUME], rows[:, at.R_ADV], rows[:, at.R_SIGMA_DAY] = 1e6, 7e7, 0.01
    rows[:, at.R_SUM] = np.cumsum(rows[:, at.R_MID_CLOSE])
    return rows, 0.5 + rng.normal(0, 0.05, n)

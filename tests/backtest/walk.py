"""A random walk with forecasts, as kernel rows: what backtest and sweep are measured on."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from hfm.ledger.ledger_records import LEDGER_ROW
from hfm.plugins import Float
from hfm.tables.records import Records


class Walk(NamedTuple):
    """rows [n] of LEDGER_ROW, and P(up) [n]."""

    rows: Records
    p_up: Float


def walk(n: int, slots: int = 78) -> Walk:
    """Rows of one symbol and P(up) that knows nothing, sd .05: a tenth of it is beyond .6 or .4."""
    rng = np.random.default_rng(7)
    mid = 500.0 * np.exp(np.cumsum(rng.normal(0, 5e-4, n + 1)))
    rows = np.zeros(n, LEDGER_ROW)
    for when, price in (("open", mid[:-1]), ("close", mid[1:])):
        rows[f"mid_{when}"], rows[f"bid_{when}"], rows[f"ask_{when}"] = price, price - 0.005, price + 0.005
    rows["trade_high"] = np.maximum(mid[:-1], mid[1:]) + 0.005
    rows["trade_low"] = np.minimum(mid[:-1], mid[1:]) - 0.005
    seq = np.arange(n) % slots
    rows["session"] = rows["block"] = np.arange(n) // slots
    rows["seq"], rows["is_last"], rows["split_ratio"] = seq, seq == slots - 1, 1.0
    start = rows["session"] * 86_400 * 10**9 + seq * 300 * 10**9
    rows["time_open"], rows["time"] = start, start + 300 * 10**9
    rows["volume"], rows["adv"], rows["sigma_day"] = 1e6, 7e7, 0.01
    rows["mark_sum"] = np.cumsum(rows["mid_close"])
    return Walk(rows, 0.5 + rng.normal(0, 0.05, n))

"""What the simulator must put around the bars: order flow with the known slope and fit, and the bars themselves."""

from __future__ import annotations

import numpy as np

from hfm.tables import column_array
from hfm.verify.claims import Row
from hfm.verify.market import BARS, QUOTES, synthetic


def order_flow() -> list[Row]:
    """The mid change on beta x OFI has slope 1 and R2 .60, by construction and in 60 sessions of it."""
    facts = synthetic(60, 21).through("simulate").document("simulate/facts.json")["facts"]
    rows = []
    for name, truth in (("ofi_slope", 1.0), ("ofi_r2", 0.6)):
        fact = facts[name]
        error = 3.5 * fact["se"]
        rows.append(Row(fact["label"], f"{truth:g}", fact["value"], truth - error, truth + error))
    return rows


def reaggregation() -> list[Row]:
    """Prices and volume that went in as bars come out of the quotes unchanged, in every bar."""
    made = synthetic(60, 22).through("simulate")
    bars, quotes = made.table(BARS), made.table(QUOTES)
    pairs = {"open": "trade_open", "high": "trade_high", "low": "trade_low", "close": "trade_close", "volume": "volume"}
    same = np.ones(bars.num_rows, bool)
    for bar, quote in pairs.items():
        same &= column_array(bars[bar]) == column_array(quotes[quote])
    n = bars.num_rows
    return [Row("bars that come back bit for bit from their quotes", f"{n} of {n}", float(same.sum()), n, n)]


def book_reaggregation() -> list[Row]:
    """The trades of a simulated order book make the bars again that it was driven by: prices and volume, every bar."""
    made = synthetic(3, 23, {"simulate": {"fidelity": "book"}}).through("simulate").document("simulate/facts.json")
    n, share = made["counts"]["bars"], made["facts"]["reaggregated"]["value"]
    return [Row("bars that the trades of their order book make again", f"{n} of {n}", round(share * n, 6), n, n)]

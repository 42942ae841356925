"""What holding would have earned beside the strategy: each symbol's growth, and the exposure-matched hold.

Axes: S sessions, B (session, symbol) blocks.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from hfm.arrays import Float, Int
from hfm.backtest import metrics
from hfm.backtest.session_sums import LedgerSums
from hfm.backtest.totals import Totals
from hfm.config import Backtest


class HoldResult(NamedTuple):
    """Return and maximum drawdown of buy-and-hold, as fractions; None where no symbol has a price."""

    total_return: float | None
    drawdown: float | None


def hold_result(sums: LedgerSums) -> HoldResult:
    """Return of equal-weighted buy-and-hold from the first open to the last close, and its drawdown at every row."""
    line = sums.hold()
    return HoldResult(float(line[-1] - 1.0), metrics.drawdown(line).depth) if line.size else HoldResult(None, None)


def matched_hold(sums: LedgerSums, totals: Totals, settings: Backtest) -> Float:
    """What the user's mean exposure, held instead, would have earned in each session.

    Parameters
    ----------
    sums, totals : after the last panel.
    settings : starting capital, and whether positions stay overnight: the hold is then from close to close, nights
        included, else over the hours traded.

    Returns
    -------
    [S] fractions of the starting capital, symbols summed; 0 for a symbol without a price.
    """
    symbol, session, hold = (np.concatenate(part) for part in (totals.symbol, totals.session, totals.hold))
    if settings.hold_overnight:
        hold = np.zeros(len(symbol))
        for blocks, growth in block_growth(sums):
            hold[blocks] = growth - 1.0
    exposure, days = np.concatenate(totals.exposure) / settings.cash, sums.days()
    out = np.zeros(len(days))
    for s in np.unique(symbol):
        mine = symbol == s
        out[np.searchsorted(days, session[mine])] += exposure[mine].sum() / len(days) * hold[mine]
    return out


def block_growth(sums: LedgerSums) -> Iterator[tuple[Int, Float]]:
    """Of each symbol: its blocks with a price, and by what a share grew over each, nights before it included."""
    block = sums.block
    for s in np.unique(block("symbol")):
        good = np.flatnonzero((block("symbol") == s) & np.isfinite(block("close")))
        if not good.size or not np.isfinite(block("open")[good[0]]):
            continue
        close, split, dividend = block("close")[good], block("split")[good], block("dividend")[good]
        before = np.concatenate((block("open")[good[:1]], close[:-1]))
        split, dividend = np.concatenate(([1.0], split[1:])), np.concatenate(([0.0], dividend[1:]))
        yield good, (close + dividend) * split / before

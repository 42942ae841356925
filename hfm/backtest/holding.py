"""Equal-weighted buy-and-hold at every row, gathered panel by panel: what the strategy's equity stands beside.

Axes: n rows, B (session, symbol) blocks, T instants.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from hfm.backtest.joined_panel import Panel
from hfm.backtest.prior_sessions import last_valid

Float = npt.NDArray[np.float64]
Int = npt.NDArray[np.int64]


@dataclass
class Holding:
    """A share of each symbol, bought at its first open and kept with its dividends and splits.

    value, close: by symbol, what one unit of money has become, and the last mid that it was valued at.
    """

    value: dict[int, float] = field(default_factory=dict)
    close: dict[int, float] = field(default_factory=dict)
    never: set[int] = field(default_factory=set)
    """Symbols without an open at their first close: never bought."""

    def add(self, panel: Panel, time: Int) -> Float:
        """[T] the sum over symbols of value - 1 after each instant of `time` (all of the panel's rows, sorted)."""
        starts = panel.borders[:-1]
        owner = panel.symbol[starts]
        ends = last_valid(panel.quotes["mid_close"], panel.borders)
        gain = np.zeros(len(time))
        for s in np.unique(np.append(owner, list(self.value))).astype(int).tolist():
            gain += self._symbol(s, panel, time, np.flatnonzero(owner == s), ends)
        return gain

    def _symbol(self, s: int, panel: Panel, time: Int, blocks: Int, ends: Float) -> Float:
        """[T] value - 1 of symbol number s, whose blocks of the panel are `blocks`; ends [B]: each block's last mid."""
        good = blocks[np.isfinite(ends[blocks])]
        starts, first = panel.borders[good], s not in self.close
        if first and good.size and s not in self.never:
            opening = float(panel.quotes["mid_open"][starts[0]])
            if 0 < opening < np.inf:
                self.value[s], self.close[s] = 1.0, opening
            else:
                self.never.add(s)
        before = self.value.get(s, 1.0)
        if not good.size or s in self.never:
            return np.full(len(time), before - 1.0)
        split, paid = panel.quotes["split_ratio"][starts].copy(), np.nan_to_num(panel.quotes["cash_dividend"][starts])
        if first:  # bought at the open, after both
            split[0], paid[0] = 1.0, 0.0
        last = np.concatenate(([self.close[s]], ends[good[:-1]]))
        grown = np.cumprod(np.append(before, (ends[good] + paid) * split / last))  # one by one, whatever the panels
        worth = split / last * grown[:-1]  # of a unit of price, by block
        self.value[s], self.close[s] = float(grown[-1]), float(ends[good[-1]])
        counts, mid = panel.borders[good + 1] - starts, panel.quotes["mid_close"]
        if len(good) == len(panel.borders) - 1 and len(mid) == len(time) and mid.min() > 0 and mid.max() < np.inf:
            line = mid * np.repeat(worth, counts)  # one symbol without a hole: nothing to look up
            return (line + np.repeat(paid * worth, counts) if paid.any() else line) - 1.0
        rows = np.repeat(starts - np.cumsum(counts) + counts, counts) + np.arange(int(counts.sum()))
        mid = mid[rows]
        known = (mid > 0) & (mid < np.inf)
        line = mid * np.repeat(worth, counts) + np.repeat(paid * worth, counts)
        out, found = np.zeros(len(time), np.int64), np.flatnonzero(known)
        out[np.searchsorted(time, panel.time[rows[known]])] = found + 1
        return np.append(before, line)[np.maximum.accumulate(out)] - 1.0

"""Equal-weighted buy-and-hold at every row, gathered panel by panel, and what holding earned in each block.

Axes: n rows, B (session, symbol) blocks, T instants.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from hfm.arrays import Float, Int
from hfm.backtest.joined_panel import JoinedPanel
from hfm.backtest.prior_sessions import last_valid


@dataclass
class BuyAndHold:
    """A share of each symbol, bought at its first open and kept with its dividends and splits.

    value, close: by symbol, what one unit of money has become, and the last mid that it was valued at (currency).
    """

    value: dict[int, float] = field(default_factory=dict)
    close: dict[int, float] = field(default_factory=dict)
    unpriced: set[int] = field(default_factory=set)
    """Symbols without an open at their first close: never bought."""

    def add(self, panel: JoinedPanel, time: Int) -> Float:
        """The gain of the holding after each instant of a panel, which then counts as past.

        Parameters
        ----------
        panel : whole sessions, the next in order.
        time : [T] the panel's instants, sorted, ns UTC.

        Returns
        -------
        [T] sum over symbols of what a unit of money has become, less 1.
        """
        starts = panel.borders[:-1]
        symbol_B = panel.symbol[starts]
        ends = last_valid(panel.quotes["mid_close"], panel.borders)
        gain = np.zeros(len(time))
        for s in np.unique(np.append(symbol_B, list(self.value))).astype(int).tolist():
            gain += self._symbol(s, panel, time, np.flatnonzero(symbol_B == s), ends)
        return gain

    def _symbol(self, s: int, panel: JoinedPanel, time: Int, blocks: Int, ends: Float) -> Float:
        """[T] value - 1 of symbol number s, whose blocks of the panel are `blocks`; ends [B]: each block's last mid."""
        good = blocks[np.isfinite(ends[blocks])]
        starts, first = panel.borders[good], s not in self.close
        if first and good.size and s not in self.unpriced:
            opening = float(panel.quotes["mid_open"][starts[0]])
            if 0 < opening < np.inf:
                self.value[s], self.close[s] = 1.0, opening
            else:
                self.unpriced.add(s)
        before = self.value.get(s, 1.0)
        if not good.size or s in self.unpriced:
            return np.full(len(time), before - 1.0)
        split, dividend = (
            panel.quotes["split_ratio"][starts].copy(),
            np.nan_to_num(panel.quotes["cash_dividend"][starts]),
        )
        if first:  # bought at the open, after both
            split[0], dividend[0] = 1.0, 0.0
        last = np.concatenate(([self.close[s]], ends[good[:-1]]))
        steps = (ends[good] + dividend) * split / last
        value_B = np.cumprod(np.append(before, steps))  # one by one, whatever the panels
        units_B = split / last * value_B[:-1]  # of a unit of price, by block
        self.value[s], self.close[s] = float(value_B[-1]), float(ends[good[-1]])
        counts, mid = panel.borders[good + 1] - starts, panel.quotes["mid_close"]
        if len(good) == len(panel.borders) - 1 and len(mid) == len(time) and mid.min() > 0 and mid.max() < np.inf:
            line = mid * np.repeat(units_B, counts)  # one symbol without a hole: nothing to look up
            return (line + np.repeat(dividend * units_B, counts) if dividend.any() else line) - 1.0
        rows = np.repeat(starts - np.cumsum(counts) + counts, counts) + np.arange(int(counts.sum()))
        mid = mid[rows]
        known = (mid > 0) & (mid < np.inf)
        line = mid * np.repeat(units_B, counts) + np.repeat(dividend * units_B, counts)
        out, found = np.zeros(len(time), np.int64), np.flatnonzero(known)
        out[np.searchsorted(time, panel.time[rows[known]])] = found + 1
        return np.append(before, line)[np.maximum.accumulate(out)] - 1.0


def hold(panel: JoinedPanel) -> Float:
    """Return of holding over the hours traded: from the open after the first prediction to the last close.

    Parameters
    ----------
    panel
        B blocks.

    Returns
    -------
    Float
        [B] fractions; 0 for a block without predictions or without two prices.
    """
    starts, ends = panel.borders[:-1], panel.borders[1:]
    row = np.arange(len(panel.seq))
    first = np.minimum.reduceat(np.where(panel.predicted, row, len(row)), starts) + 1
    fits = first < ends
    begin = panel.quotes["mid_open"][np.where(fits, first, starts)]
    end = last_valid(panel.quotes["mid_close"], panel.borders)
    good = fits & (begin > 0) & (begin < np.inf) & (end > 0)
    return np.where(good, end / np.where(good, begin, 1.0) - 1.0, 0.0)

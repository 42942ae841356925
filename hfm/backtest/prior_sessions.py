"""What earlier sessions say of a symbol: daily volume and volatility (for impact), and its usual spread by slot.

Nothing of a session is used inside it. Axes: n rows, B (session, symbol) blocks, S symbols.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from hfm.backtest.joined_panel import Panel
from hfm.kernels.jit import bare
from hfm.ledger.prior_volume import Trail, counted

Float = npt.NDArray[np.float64]
Int = npt.NDArray[np.int64]
SESSIONS = 20
"""The spread's level forgets at the rate 1/20 a session."""


class History:
    """Trailing figures of each symbol; `before` must see all sessions in order."""

    def __init__(self, symbols: int, slots: int) -> None:
        self._trails = [Trail() for _ in range(symbols)]
        self._level = np.full((symbols, slots), np.nan)
        self._count = np.zeros((symbols, slots))

    def before(self, panel: Panel, horizon: int) -> tuple[Float, Float, Float]:
        """Of each row, from sessions before its own: daily volatility and average daily volume (0: not known), and
        the usual spread (bps, NaN: not known) at the slot `horizon` rows on.
        """
        level = np.empty(len(panel.seq))
        _levels(panel.symbol, panel.seq, panel.quotes["spread_bps"], horizon, (self._level, self._count), level)
        sigma_B, adv_B = self._days(panel)
        size = np.diff(panel.borders)
        return np.repeat(sigma_B, size), np.repeat(adv_B, size), level

    def _days(self, panel: Panel) -> tuple[Float, Float]:
        starts = panel.borders[:-1]
        block = np.repeat(np.arange(len(starts)), np.diff(panel.borders))
        volume_B = np.bincount(block, counted(panel.quotes["volume"]), len(starts))  # row after row, as live adds them
        close_B = last_valid(panel.quotes["mid_close"], panel.borders)
        split_B = panel.quotes["split_ratio"][starts]
        sigma_B, adv_B = np.zeros(len(starts)), np.zeros(len(starts))
        rows = zip(panel.symbol[starts].tolist(), volume_B.tolist(), close_B.tolist(), split_B.tolist(), strict=True)
        for i, (s, volume_s, close, split) in enumerate(rows):
            sigma_B[i], adv_B[i] = self._trails[s].figures()
            self._trails[s].add(volume_s, close, split)
        return sigma_B, adv_B


def last_valid(price: Float, borders: Int) -> Float:
    """The last positive finite price of each block; NaN where it has none. price [n], borders [B + 1]."""
    good = (price > 0) & (price < np.inf)
    at = np.maximum.reduceat(np.where(good, np.arange(len(price)), -1), borders[:-1])
    return np.where(at >= 0, price[at], np.nan)


@bare
def _levels(symbol: Int, seq: Int, spread: Float, ahead: int, memory: tuple[Float, Float], out: Float) -> None:
    """Mean log spread of the slot `ahead` rows on, as bps, before its own session adds to it."""
    level, count = memory
    slots = level.shape[1]
    for i in range(seq.size):
        s = symbol[i]
        out[i] = np.exp(level[s, min(seq[i] + ahead, slots - 1)])
        k = min(seq[i], slots - 1)
        if spread[i] > 0.0 and spread[i] < np.inf:
            count[s, k] = min(count[s, k] + 1.0, float(SESSIONS))
            if count[s, k] == 1.0:
                level[s, k] = np.log(spread[i])
            else:
                level[s, k] += (np.log(spread[i]) - level[s, k]) / count[s, k]

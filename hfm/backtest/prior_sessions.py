"""What earlier sessions say of a symbol: daily volume and volatility (for impact), and its usual spread by slot.

Nothing of a session is used inside it. Axes: n rows, B (session, symbol) blocks, S symbols.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from hfm.arrays import Float, Int
from hfm.backtest.joined_panel import JoinedPanel
from hfm.kernels.jit import bare
from hfm.ledger.prior_volume import Trail, counted

SESSIONS = 20
"""The spread's level forgets at the rate 1/20 a session."""


class PriorFigures(NamedTuple):
    """Figures of each row [n] from sessions before its own.

    sigma_day: daily volatility, a fraction, 0 where not known. adv: average daily volume, shares, 0 where not known.
    spread_bps: the usual spread at the slot of the label, NaN where not known.
    """

    sigma_day: Float
    adv: Float
    spread_bps: Float


class PriorSessions:
    """Trailing figures of each symbol; `before` must see all sessions in order."""

    def __init__(self, symbols: int, slots: int) -> None:
        self._trails = [Trail() for _ in range(symbols)]
        self._log_spread = np.full((symbols, slots), np.nan)
        self._sessions = np.zeros((symbols, slots))

    def before(self, panel: JoinedPanel, horizon: int) -> PriorFigures:
        """The figures of each row from earlier sessions, which the panel's own sessions then join.

        Parameters
        ----------
        panel : whole sessions, the next in order.
        horizon : rows from a row to its label, whose slot's usual spread is given.

        Returns
        -------
        Three arrays [n], in the panel's order.
        """
        spread = np.empty(len(panel.seq))
        quoted = panel.quotes["spread_bps"]
        _usual_spread(panel.symbol, panel.seq, quoted, horizon, self._log_spread, self._sessions, spread)
        sigma_B, adv_B = self._daily(panel)
        size = np.diff(panel.borders)
        return PriorFigures(np.repeat(sigma_B, size), np.repeat(adv_B, size), spread)

    def _daily(self, panel: JoinedPanel) -> tuple[Float, Float]:
        """[B] daily volatility and average daily volume before each block."""
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
    """The last positive finite price of each block.

    Parameters
    ----------
    price : [n], of any values.
    borders : [B + 1] where blocks begin, and n.

    Returns
    -------
    [B]; NaN for a block without such a price.
    """
    good = (price > 0) & (price < np.inf)
    at = np.maximum.reduceat(np.where(good, np.arange(len(price)), -1), borders[:-1])
    return np.where(at >= 0, price[at], np.nan)


@bare
def _usual_spread(
    symbol: Int, seq: Int, spread: Float, horizon: int, log_spread: Float, sessions: Float, out: Float
) -> None:
    """Write the mean spread of the slot `horizon` rows on, bps, to out [n], before a row adds its own to it.

    log_spread, sessions [S, slots]: mean of log bps and sessions it is of, carried from panel to panel.
    """
    slots = log_spread.shape[1]
    for i in range(seq.size):
        s = symbol[i]
        out[i] = np.exp(log_spread[s, min(seq[i] + horizon, slots - 1)])
        k = min(seq[i], slots - 1)
        if spread[i] > 0.0 and spread[i] < np.inf:
            sessions[s, k] = min(sessions[s, k] + 1.0, float(SESSIONS))
            if sessions[s, k] == 1.0:
                log_spread[s, k] = np.log(spread[i])
            else:
                log_spread[s, k] += (np.log(spread[i]) - log_spread[s, k]) / sessions[s, k]

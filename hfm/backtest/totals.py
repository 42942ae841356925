"""Sums of the family over all sessions, and by block what the exposure-matched hold needs."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from hfm.backtest.engine import LAGS
from hfm.backtest.holding import hold
from hfm.backtest.joined_panel import JoinedPanel
from hfm.ledger.ledger_records import BLOCK_SUMS
from hfm.tables.records import Records

Float = npt.NDArray[np.float64]


class Totals:
    """What the family's members and the delayed copies came to, and holding beside them, by block."""

    def __init__(self, trials: int) -> None:
        self.sums = np.zeros(trials + LAGS, BLOCK_SUMS)
        self.hold: list[Float] = []
        self.session: list[npt.NDArray[np.int64]] = []
        self.symbol: list[npt.NDArray[np.int64]] = []
        self.exposure: list[Float] = []
        """Of the user's own ledger, mean position x mark by block, currency."""
        self.sessions = 0

    def add(self, panel: JoinedPanel, sums: Records, results: Records) -> None:
        """Take what a panel came to.

        Parameters
        ----------
        panel
            n rows, B blocks.
        sums
            [K + LAGS, B] of BLOCK_SUMS.
        results
            [n] of LEDGER_RESULT in the panel's order.
        """
        starts = panel.borders[:-1]
        held = np.add.reduceat(results["position"] * results["mark"], starts)
        self.exposure.append(held / np.diff(panel.borders))
        for name in BLOCK_SUMS.names or ():  # one by one, so that row groups change no bit
            line = np.concatenate([self.sums[name][:, None], sums[name]], axis=1)
            self.sums[name] = np.cumsum(line, axis=1)[:, -1]
        self.hold.append(hold(panel))
        self.session.append(panel.session[starts])
        self.symbol.append(panel.symbol[starts])
        self.sessions += len(np.unique(panel.session[starts]))

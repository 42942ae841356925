"""Sums of the family over all sessions, and by block what the exposure-matched hold needs."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from hfm.backtest.engine import LAGS
from hfm.backtest.joined_panel import JoinedPanel
from hfm.backtest.ledger_tables import hold
from hfm.ledger import layout as at

Float = npt.NDArray[np.float64]


class Totals:
    """What the family's members and the delayed copies came to, and holding beside them, by block."""

    def __init__(self, trials: int) -> None:
        self.sums = np.zeros((trials + LAGS, at.SUMS))
        self.hold: list[Float] = []
        self.session: list[npt.NDArray[np.int64]] = []
        self.symbol: list[npt.NDArray[np.int64]] = []
        self.exposure: list[Float] = []
        """Of the user's own ledger, mean position x mark by block, currency."""
        self.sessions = 0

    def add(self, panel: JoinedPanel, sums: Float, out: Float) -> None:
        """Take a panel's sums [K + LAGS, B, SUMS] and ledger [n, OUT]."""
        starts = panel.borders[:-1]
        held = np.add.reduceat(out[:, at.O_POSITION] * out[:, at.O_MARK], starts)
        self.exposure.append(held / np.diff(panel.borders))
        line = np.concatenate([self.sums[:, None], sums], axis=1)
        self.sums = np.cumsum(line, axis=1)[:, -1]  # one by one, so that row groups change no bit
        self.hold.append(hold(panel))
        self.session.append(panel.session[starts])
        self.symbol.append(panel.symbol[starts])
        self.sessions += len(np.unique(panel.session[starts]))

"""Many thresholds over the same rows: what each would have earned, through the very same ledger step.

Under a plain rule the thresholds' ledgers run abreast; else one after the other, and rows on which a threshold neither
decides nor fills are passed over. Either way a thousand need the memory of one and the time of a few. The best of many
is chosen after the fact: a sweep shows how much hangs on a threshold and finds none, and the journal counts them all.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from hfm.backtest.ledger_tables import edges
from hfm.backtest.sweep import batched_ledger
from hfm.backtest.sweep.summary_ledger import Rows, plain, profit, room_for, rows_of
from hfm.ledger import layout as at
from hfm.ledger.account import equity, state_new
from hfm.tables.metrics_document import SweepPoint

Float = npt.NDArray[np.float64]


class Sweep:
    """The ledgers of L levels, carried from panel to panel: long where a score is above a level, short below minus it.

    levels: at least 0. params: of hfm.ledger.account. net [L] is the P&L in currency, trips [L] the round trips ended.
    """

    def __init__(self, levels: Float, params: Float, cash: float, symbols: int) -> None:
        self.levels, self._cash = levels, cash
        self.net, self.trips = np.zeros(len(levels)), np.zeros(len(levels))
        self._params = params.copy()
        self._params[at.P_TRIPS] = 0.0
        self._states = np.tile(state_new(cash, symbols), (len(levels), 1))
        self._abreast = plain(self._states[0], self._params) and not params[at.P_HOLD] if len(levels) else False

    def take(self, rows: Rows, score: Float) -> None:
        """Whole sessions: rows and score [n] in time order; a NaN score is flat. Signals in rows are lost."""
        if not len(score):
            return
        if self._abreast:
            for first in range(0, len(self.levels), batched_ledger.LEDGERS):
                self._side_by_side(slice(first, first + batched_ledger.LEDGERS), rows, score)
        else:
            self._each(range(len(self.levels)), rows, score, edges(rows.whole))
        for k in range(len(self.levels)):
            self.net[k] = equity(self._states[k]) - self._cash

    def _each(self, which: range, rows: Rows, score: Float, edge: npt.NDArray[np.int8]) -> None:
        """One level after the other."""
        blocks, room = int(rows.whole[:, at.R_BLOCK].max()) + 1, room_for(len(score))
        for k in which:
            codes = (score > self.levels[k]).view(np.int8) - (score < -self.levels[k]).view(np.int8) + edge
            sums = np.zeros((blocks, at.SUMS))
            profit(self._states[k], self._params, rows, codes, sums, room)
            self.trips[k] += sums[:, at.SUM_TRIPS].sum()

    def _side_by_side(self, which: slice, rows: Rows, score: Float) -> None:
        """Levels abreast; a row that is not plain is each level's own."""
        states, whole, i = self._states[which], rows.whole, 0
        while i < len(whole):
            w = batched_ledger.load(states, self.levels[which])
            stop = batched_ledger.run(w, self._params, whole, score, i)
            self.trips[which] += w[batched_ledger.TRIPS :][: len(states)]
            if stop > i:
                batched_ledger.save(w, states, whole[i:stop])
            if stop < len(whole):
                one = slice(stop, stop + 1)
                edge = np.array([at.EDGE], np.int8)
                self._each(range(len(self.levels))[which], rows.part(one), score[one], edge)
            i = stop + 1

    def points(self) -> list[SweepPoint]:
        """One entry a level, as it stands in metrics.json."""
        lines = zip(self.levels.tolist(), self.trips.tolist(), (self.net / self._cash).tolist(), strict=True)
        return [SweepPoint(level, int(trips), net) for level, trips, net in lines]


def sweep(rows: Float, score: Float, levels: Float, params: Float, cash: float) -> tuple[Float, Float]:
    """(net P&L in currency, round trips) of each of `levels`, [L] both: see Sweep."""
    made = Sweep(levels, params, cash, int(rows[:, at.R_SYMBOL].max(initial=0)) + 1)
    made.take(rows_of(rows), score)
    return made.net, made.trips


def spell(points: Sequence[SweepPoint], kind: str) -> list[str]:
    """A line for every tenth of the levels, and one for the best of all. kind: what a level is called."""
    best = max(points, key=lambda point: point.net_return)
    shown = [points[i] for i in sorted({round(i * (len(points) - 1) / 10) for i in range(11)})]
    lines = [f"  {kind}{100 * p.level:.4g}: {p.trips:,} round trips, net {p.net_return:.2%}" for p in shown]
    return [f"sweep of {len(points):,} thresholds:", *lines,
            f"  the best is {kind}{100 * best.level:.4g} with {best.net_return:.2%}: chosen after the fact, so "
            "expect less; N counts all of them"]  # fmt: skip

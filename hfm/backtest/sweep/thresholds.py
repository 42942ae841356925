"""Many thresholds over the same rows: what each would have earned, through the very same ledger step.

Under a plain rule the thresholds' ledgers run in batches; else one after the other, and rows on which a threshold
neither decides nor fills are passed over. Either way a thousand need the memory of one and the time of a few. The best
of many is chosen after the fact: a sweep shows how much hangs on a threshold and finds none, and the journal counts
them all.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from hfm.backtest.ledger_tables import edges
from hfm.backtest.sweep import batched_ledger
from hfm.backtest.sweep.summary_ledger import EDGE, LedgerRows, plain, rows_of, summarise, workspace
from hfm.ledger.account import equity, ledger, states_new
from hfm.ledger.ledger_records import BLOCK_SUMS, LedgerState
from hfm.tables.metrics_document import SweepPoint
from hfm.tables.records import Records

Float = npt.NDArray[np.float64]


class Sweep:
    """The ledgers of L levels, carried from panel to panel: long where a score is above a level, short below minus it.

    net [L] is the P&L in currency, trips [L] the round trips ended.
    """

    def __init__(self, levels: Float, params: Records, cash: float, symbols: int) -> None:
        """New ledgers, one a level.

        Parameters
        ----------
        levels
            [L], at least 0.
        params
            [S] of PARAMS.
        cash
            Of each ledger, currency.
        symbols
            S.
        """
        self.levels, self._cash = levels, cash
        self.trips = np.zeros(len(levels))
        self._params = params.copy()
        self._params["keep_trips"] = False
        self._states = states_new(len(levels), cash, symbols)
        hold = bool(self._params["hold_overnight"][0])
        self._batched = plain(ledger(self._states, 0), self._params) and not hold if len(levels) else False

    def take(self, rows: LedgerRows, score: Float) -> None:
        """Carry all levels through complete sessions.

        Parameters
        ----------
        rows
            [n] in time order; their targets are overwritten.
        score
            [n] long above a level, short below minus it; NaN is flat.
        """
        if not len(score):
            return
        if self._batched:
            for first in range(0, len(self.levels), batched_ledger.LANES):
                self._side_by_side(slice(first, first + batched_ledger.LANES), rows, score)
        else:
            self._each(range(len(self.levels)), rows, score, edges(rows.full))

    @property
    def net(self) -> Float:
        """[L] P&L of each level, currency."""
        return np.array([equity(ledger(self._states, k)) - self._cash for k in range(len(self.levels))])

    def _each(self, which: range, rows: LedgerRows, score: Float, edge: npt.NDArray[np.int8]) -> None:
        """One level after the other."""
        blocks, space = int(rows.full["block"].max()) + 1, workspace(len(score))
        for k in which:
            codes = (score > self.levels[k]).view(np.int8) - (score < -self.levels[k]).view(np.int8) + edge
            sums = np.zeros(blocks, BLOCK_SUMS)
            summarise(ledger(self._states, k), self._params, rows, codes, sums, space)
            self.trips[k] += sums["trips"].sum()

    def _side_by_side(self, which: slice, rows: LedgerRows, score: Float) -> None:
        """Levels in a batch; a row that is not plain goes through each level's step."""
        full, i = rows.full, 0
        states = LedgerState(*(part[which] for part in self._states))
        while i < len(full):
            batch = batched_ledger.load(states, self.levels[which])
            stop = batched_ledger.run(batch, self._params, full, score, i)
            self.trips[which] += batch["trips"][0][: len(states.book)]
            if stop > i:
                batched_ledger.save(batch, states, full[i:stop])
            if stop < len(full):
                one = slice(stop, stop + 1)
                edge = np.array([EDGE], np.int8)
                self._each(range(len(self.levels))[which], rows.part(one), score[one], edge)
            i = stop + 1

    def points(self) -> list[SweepPoint]:
        """One entry a level, as it stands in metrics.json."""
        lines = zip(self.levels.tolist(), self.trips.tolist(), (self.net / self._cash).tolist(), strict=True)
        return [SweepPoint(level, int(trips), net) for level, trips, net in lines]


class Swept(NamedTuple):
    """Of each level [L]: net P&L in currency, and round trips."""

    net: Float
    trips: Float


def sweep(rows: Records, score: Float, levels: Float, params: Records, cash: float) -> Swept:
    """What each of `levels` would have earned over rows in one piece.

    Parameters
    ----------
    rows
        [n] of LEDGER_ROW in time order; targets are overwritten.
    score
        [n], NaN is flat: see Sweep.
    levels
        [L], at least 0.
    params
        [S] of PARAMS.
    cash
        Of each ledger, currency.

    Returns
    -------
    Swept
        Net P&L and round trips, [L] each.
    """
    ledgers = Sweep(levels, params, cash, int(rows["symbol"].max(initial=0)) + 1)
    ledgers.take(rows_of(rows), score)
    return Swept(ledgers.net, ledgers.trips)


def spell(points: Sequence[SweepPoint], kind: str) -> list[str]:
    """A line for every tenth of the levels, and one for the best of all. kind: what a level is called."""
    best = max(points, key=lambda point: point.net_return)
    shown = [points[i] for i in sorted({round(i * (len(points) - 1) / 10) for i in range(11)})]
    lines = [f"  {kind}{100 * p.level:.4g}: {p.trips:,} round trips, net {p.net_return:.2%}" for p in shown]
    return [f"sweep of {len(points):,} thresholds:", *lines,
            f"  the best is {kind}{100 * best.level:.4g} with {best.net_return:.2%}: chosen after the fact, so "
            "expect less; N counts all of them"]  # fmt: skip

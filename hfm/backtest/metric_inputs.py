"""What the metrics of a back-test are made from: returns by session and by instant, and the lengths of the year.

Axes: S sessions, T instants. Returns are fractions of opening equity, money is currency.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hfm.arrays import Float
from hfm.backtest.engine import Engine
from hfm.backtest.session_sums import LedgerSums
from hfm.backtest.totals import Totals
from hfm.tables import TableMeta

TRADED = 10
"""Fewest sessions with a trade for an interval over sessions: below, its normal approximation is fiction."""


@dataclass(frozen=True)
class MetricInputs:
    """What the metrics are made from.

    Attributes
    ----------
    engine, totals : after the last panel.
    r : [S] session returns over opening equity, fractions.
    bars : [T] returns by instant, fractions; 0 after a ruin.
    equity : [T + 1] currency, the starting capital first.
    opening : [S] equity at each session's open, currency.
    bars_year, sessions_year : instants and sessions of the calendar's year.
    slots : instants of a full session, the least shift of the permutation.
    """

    engine: Engine
    totals: Totals
    r: Float
    bars: Float
    equity: Float
    opening: Float
    bars_year: float
    slots: int
    sessions_year: float

    @property
    def no_interval(self) -> str:
        """Why there can be no interval over sessions; empty where there can."""
        return too_few_traded(self.sums.get("notional"), "sessions")

    @property
    def sums(self) -> LedgerSums:
        """The sums of the user's own ledger."""
        return self.engine.session_sums

    @property
    def cash(self) -> float:
        """Starting capital, currency."""
        return self.engine.settings.cash


def metric_inputs(engine: Engine, totals: Totals, meta: TableMeta) -> MetricInputs:
    """Returns by session and by instant, and the lengths of the year.

    Parameters
    ----------
    engine, totals : after the last panel.
    meta : of the quotes; what a year and a session have in sessions and slots.

    Returns
    -------
    What the metrics are made from; a session that opens without equity has the return 0.
    """
    cash, sums = engine.settings.cash, engine.session_sums
    net = sums.get("net")
    opening = cash + np.concatenate(([0.0], np.cumsum(net)[:-1]))
    equity = np.concatenate(([cash], sums.equity.get()))
    with np.errstate(divide="ignore", invalid="ignore"):
        r = np.where(opening > 0, net / opening, 0.0)
    bars, alive = np.diff(equity), equity[:-1] > 0
    np.divide(bars, equity[:-1], out=bars, where=alive)
    bars[~alive] = 0.0
    year = float(meta.sessions_per_year)
    bars_year = len(bars) / len(r) * year if meta.every == "event" else float(meta.slots_per_year)
    slots = meta.slots_per_session or 1
    return MetricInputs(engine, totals, r, bars, equity, opening, bars_year, slots, year)


def too_few_traded(notional: Float, units: str) -> str:
    """Why there are too few units with a trade for an interval.

    Parameters
    ----------
    notional : traded in each session or block, currency.
    units : what they are called: "sessions".

    Returns
    -------
    A note; empty where there are TRADED of them.
    """
    traded = int((notional > 0).sum())
    return "" if traded >= TRADED else f"{traded} of {len(notional)} {units} traded: too few for an interval"

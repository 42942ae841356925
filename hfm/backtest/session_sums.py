"""Sums of the user's trial by session, and the few series by row that the metrics need, gathered panel by panel.

Axes: n rows, S sessions, U units (sessions, or blocks of one), T instants (one for all symbols). Money in currency.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from hfm.arrays import Float, Int, Sign
from hfm.backtest.holding import BuyAndHold
from hfm.backtest.joined_panel import JoinedPanel
from hfm.backtest.permutation import SignalSeries
from hfm.backtest.prior_sessions import last_valid
from hfm.backtest.session_counts import BITS, SESSION_SUMS, Outcomes, added, count
from hfm.kernels.jit import frozen
from hfm.tables.records import Records

Array = npt.NDArray[Any]  # Any: signs are int8, the rest float64


class GrowingArray:
    """Values that come piece by piece, in one array that doubles: pieces kept apart leave holes in memory."""

    def __init__(self) -> None:
        self._buffer, self._count = np.empty(0), 0

    def add(self, values: Array) -> None:
        """Append values.

        Parameters
        ----------
        values
            [m]; all pieces are of one dtype.
        """
        end = self._count + len(values)
        if end > len(self._buffer):
            grown = np.empty(max(end, 2 * len(self._buffer)), values.dtype)
            grown[: self._count] = self._buffer[: self._count]
            self._buffer = grown
        self._buffer[self._count : end] = values
        self._count = end

    def get(self) -> Array:
        """All of them; a view."""
        return self._buffer[: self._count]


class LargestP(NamedTuple):
    """The largest P(up) and the largest P(down) of all predictions; 0 before there is one."""

    up: float
    down: float


NO_PREDICTION = LargestP(0.0, 0.0)


@dataclass
class LedgerSums:
    """Sums by session, equity by instant, outcomes by symbol for the permutation, blocks for the hold.

    block_s: seconds of clock time in which errors may move together, where predictions were split by them (one session
    of an order book is one sample of a session, and many of five minutes); None: a session.
    """

    symbols: int
    block_s: int | None = None
    session: list[Int] = field(default_factory=list)
    """Days since 1970."""
    sums: list[Records] = field(default_factory=list)
    """[S] of SESSION_SUMS each."""
    units: list[Records] = field(default_factory=list)
    """[U] of SESSION_SUMS each: by block, or the same."""
    equity: GrowingArray = field(default_factory=GrowingArray)
    """By instant."""
    holding: BuyAndHold = field(default_factory=BuyAndHold)
    hold_gain: GrowingArray = field(default_factory=GrowingArray)
    """Sum over symbols of what a unit of money held has gained, by instant."""
    instants: list[Int] = field(default_factory=list)
    """How many each session has."""
    blocks: dict[str, list[Float]] = field(default_factory=dict)
    """Column -> pieces of it, by (session, symbol) block."""
    series: dict[str, list[GrowingArray]] = field(default_factory=dict)
    """Name -> symbol."""
    reasons: Int = field(default_factory=lambda: np.zeros(BITS, np.int64))
    """Rows with each reason bit."""
    largest: LargestP = NO_PREDICTION
    rows: int = 0
    predicted: int = 0

    def add(self, panel: JoinedPanel, out: Records, order: Int | None, spread_bps: Float) -> None:
        """Take the ledger of a panel.

        Parameters
        ----------
        panel : whole sessions, the next in order.
        out : [n] of LEDGER_RESULT, the user's ledger, in the table's order.
        order : [n] row numbers in time order; None where the table is in time order.
        spread_bps : [n] the rule's usual spread; NaN where not known.
        """
        starts = run_starts(panel.session)
        session = np.repeat(np.arange(len(starts)), np.diff(starts, append=len(out)))
        first, unit = self._units(panel, session)
        f, units, signs = panel.forecasts, np.zeros(len(first), SESSION_SUMS), np.empty((3, len(out)), np.int8)
        observed = frozen((
            f["p_up"], panel.y_up, panel.floor_p, f["p_widen"], f["y_spread_bps"], panel.quotes["spread_bps"],
            spread_bps,
        ))  # fmt: skip
        count(out, Outcomes(*observed), unit, units, self.reasons, signs)
        self.session.append(panel.session[starts])
        self.units.append(units)
        self.sums.append(units if self.block_s is None else added(units, run_starts(session[first])))
        self._add_instants(panel, out, order)
        self._add_series(panel, signs)
        self._add_blocks(panel)
        self.rows += len(out)
        self.predicted += int(np.count_nonzero(panel.predicted))

    def get(self, name: str) -> Float:
        """[S] a field of SESSION_SUMS."""
        return np.concatenate([sums[name] for sums in self.sums] or [np.empty(0)])

    def unit(self, name: str) -> Float:
        """[U] a field of SESSION_SUMS by block where there is block_s, else by session."""
        return np.concatenate([units[name] for units in self.units] or [np.empty(0)])

    def hold(self) -> Float:
        """[T + 1] equal-weighted buy-and-hold at every instant, 1 before the first; empty where none has a price."""
        count = len(self.holding.value)
        return np.append(1.0, 1.0 + self.hold_gain.get() / count) if count else np.empty(0)

    def days(self) -> Int:
        """[S] sessions, days since 1970."""
        return np.concatenate(self.session or [np.empty(0, np.int64)])

    def session_of(self, instant: int) -> int:
        """The number of the session that the instant is in, both from 0."""
        return int(np.searchsorted(np.cumsum(np.concatenate(self.instants)), instant, side="right"))

    def reason_rows(self, bit: int) -> int:
        """Rows that carry a reason bit."""
        return int(self.reasons[bit.bit_length() - 1])

    def block(self, name: str) -> Float:
        """A column by (session, symbol) block."""
        return np.concatenate(self.blocks.get(name) or [np.empty(0)])

    def signal_series(self, signal: str, outcome: str) -> list[SignalSeries]:
        """Signal and outcome of each symbol over its predicted rows; signs are int8."""
        pairs = zip(self.series.get(signal, []), self.series.get(outcome, []), strict=True)
        return [SignalSeries(a.get(), b.get()) for a, b in pairs]

    def _units(self, panel: JoinedPanel, session: Int) -> tuple[Int, Int]:
        """The first row [U] of each unit, units in order of their sessions, and each row's unit [n]."""
        if self.block_s is None:
            return run_starts(session), session
        pair = np.stack([session, panel.time // (self.block_s * 10**9)])
        _, first, unit = np.unique(pair, axis=1, return_index=True, return_inverse=True)
        return first, unit.reshape(-1)

    def _add_instants(self, panel: JoinedPanel, out: Records, order: Int | None) -> None:
        """Equity and the hold's gain at each instant: what its last row shows."""
        time = panel.time if order is None else panel.time[order]
        equity = out["equity"] if order is None else out["equity"][order]
        session = panel.session if order is None else panel.session[order]
        last = np.append(time[1:] != time[:-1], True)
        self.equity.add(equity[last])
        self.hold_gain.add(self.holding.add(panel, time[last]))
        self.instants.append(np.diff(run_starts(session[last]), append=np.count_nonzero(last)))

    def _add_series(self, panel: JoinedPanel, signs: Sign) -> None:
        """Signals and outcomes of the predicted rows by symbol, and the largest probabilities."""
        call, up, signal = signs
        columns: dict[str, Array] = {"call": call, "up": up, "signal": signal, "ret": panel.forecasts["y_ret_bps"]}
        every = self.symbols == 1 and bool(panel.predicted.all())
        for name, values in columns.items():
            per = self.series.setdefault(name, [GrowingArray() for _ in range(self.symbols)])
            for s in range(self.symbols):
                mine = panel.predicted if self.symbols == 1 else panel.predicted & (panel.symbol == s)
                per[s].add(values if every else values[mine])
        p = panel.forecasts["p_up"]
        up, down = float(np.fmax.reduce(p)), float(1.0 - np.fmin.reduce(p))  # NaN only where there is nothing else
        self.largest = LargestP(max(self.largest.up, up), max(self.largest.down, down))

    def _add_blocks(self, panel: JoinedPanel) -> None:
        """Prices, dividends and splits of each block."""
        starts = panel.borders[:-1]
        opens = panel.quotes["mid_open"][starts]
        columns = {
            "symbol": panel.symbol[starts].astype(np.float64),
            "session": panel.session[starts].astype(np.float64),
            "open": np.where((opens > 0) & (opens < np.inf), opens, np.nan),
            "close": last_valid(panel.quotes["mid_close"], panel.borders),
            "dividend": np.nan_to_num(panel.quotes["cash_dividend"][starts]),
            "split": panel.quotes["split_ratio"][starts],
        }
        for name, values in columns.items():
            self.blocks.setdefault(name, []).append(values)


def run_starts(values: Int) -> Int:
    """Where each run of equal values begins.

    Parameters
    ----------
    values
        [n].

    Returns
    -------
    Int
        [runs] row numbers.
    """
    return np.flatnonzero(np.diff(values, prepend=values[:1] - 1))

"""Sums of the user's trial by session, and the few series by row that the metrics need, gathered panel by panel.

Axes: n rows, S sessions, T instants (one for all symbols). Money in currency.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from hfm.backtest.holding import Holding
from hfm.backtest.joined_panel import Panel
from hfm.backtest.prior_sessions import last_valid
from hfm.backtest.session_counts import BITS, CALL, SESSION_SUMS, SIGNAL, UP, Outcomes, added, count
from hfm.kernels.jit import frozen
from hfm.tables.records import Records

Float = npt.NDArray[np.float64]
Int = npt.NDArray[np.int64]
Array = npt.NDArray[Any]  # Any: signs are int8, the rest float64


class Series:
    """Values that come piece by piece, in one array that doubles: pieces kept apart leave holes in memory."""

    def __init__(self) -> None:
        self._held, self._count = np.empty(0), 0

    def add(self, values: Array) -> None:
        """Take the next ones; all are of one dtype."""
        end = self._count + len(values)
        if end > len(self._held):
            grown = np.empty(max(end, 2 * len(self._held)), values.dtype)
            grown[: self._count] = self._held[: self._count]
            self._held = grown
        self._held[self._count : end] = values
        self._count = end

    def get(self) -> Array:
        """All of them; a view."""
        return self._held[: self._count]


@dataclass
class Tally:
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
    equity: Series = field(default_factory=Series)
    """By instant."""
    holding: Holding = field(default_factory=Holding)
    held: Series = field(default_factory=Series)
    """Sum over symbols of what a unit of money held has gained, by instant."""
    instants: list[Int] = field(default_factory=list)
    """How many each session has."""
    blocks: dict[str, list[Float]] = field(default_factory=dict)
    series: dict[str, list[Series]] = field(default_factory=dict)
    """Name -> symbol."""
    reasons: Int = field(default_factory=lambda: np.zeros(BITS, np.int64))
    """Rows with each reason bit."""
    largest: tuple[float, float] = (0.0, 0.0)
    """P(up) and P(down)."""
    rows: int = 0
    predicted: int = 0

    def add(self, panel: Panel, out: Records, order: Int | None, level: Float) -> None:
        """Take the ledger [n] of LEDGER_RESULT of a panel (table order). level [n]: the rule's usual spread, bps."""
        starts = first_of(panel.session)
        session = np.repeat(np.arange(len(starts)), np.diff(starts, append=len(out)))
        first, unit = self._units(panel, session)
        f, units, signs = panel.forecasts, np.zeros(len(first), SESSION_SUMS), np.empty((3, len(out)), np.int8)
        observed = frozen((
            f["p_up"], panel.y_up, panel.floor_p, f["p_widen"], f["y_spread_bps"], panel.quotes["spread_bps"], level,
        ))  # fmt: skip
        count(out, Outcomes(*observed), unit, units, self.reasons, signs)
        self.session.append(panel.session[starts])
        self.units.append(units)
        self.sums.append(units if self.block_s is None else added(units, first_of(session[first])))
        self._instants(panel, out, order)
        self._series(panel, signs)
        self._hold(panel)
        self.rows += len(out)
        self.predicted += int(np.count_nonzero(panel.predicted))

    def get(self, name: str) -> Float:
        """[S] a field of SESSION_SUMS."""
        return np.concatenate([sums[name] for sums in self.sums] or [np.empty(0)])

    def unit(self, name: str) -> Float:
        """[U] a field of SESSION_SUMS by block where there is block_s, else by session."""
        return np.concatenate([units[name] for units in self.units] or [np.empty(0)])

    def hold(self) -> Float:
        """[T + 1] equal-weighted buy-and-hold at every instant, 1 before the first; of no symbol where none has a
        price."""
        count = len(self.holding.value)
        return np.append(1.0, 1.0 + self.held.get() / count) if count else np.empty(0)

    def days(self) -> Int:
        """[S] sessions, days since 1970."""
        return np.concatenate(self.session or [np.empty(0, np.int64)])

    def session_of(self, instant: int) -> int:
        """The number of the session that the instant is in, both from 0."""
        return int(np.searchsorted(np.cumsum(np.concatenate(self.instants)), instant, side="right"))

    def fired(self, bit: int) -> int:
        """Rows that carry a reason bit."""
        return int(self.reasons[bit.bit_length() - 1])

    def block(self, name: str) -> Float:
        """A column by (session, symbol) block."""
        return np.concatenate(self.blocks.get(name) or [np.empty(0)])

    def parts(self, signal: str, outcome: str) -> list[tuple[Array, Array]]:
        """(signal, outcome) of each symbol over its predicted rows; signs are int8."""
        pairs = zip(self.series.get(signal, []), self.series.get(outcome, []), strict=True)
        return [(a.get(), b.get()) for a, b in pairs]

    def _units(self, panel: Panel, session: Int) -> tuple[Int, Int]:
        """The first row [U] of each unit, units in order of their sessions, and each row's unit [n]."""
        if self.block_s is None:
            return first_of(session), session
        pair = np.stack([session, panel.time // (self.block_s * 10**9)])
        _, first, unit = np.unique(pair, axis=1, return_index=True, return_inverse=True)
        return first, unit.reshape(-1)

    def _instants(self, panel: Panel, out: Records, order: Int | None) -> None:
        time = panel.time if order is None else panel.time[order]
        equity = out["equity"] if order is None else out["equity"][order]
        session = panel.session if order is None else panel.session[order]
        last = np.append(time[1:] != time[:-1], True)
        self.equity.add(equity[last])
        self.held.add(self.holding.add(panel, time[last]))
        self.instants.append(np.diff(first_of(session[last]), append=np.count_nonzero(last)))

    def _series(self, panel: Panel, signs: npt.NDArray[np.int8]) -> None:
        columns: dict[str, Array] = {
            "call": signs[CALL], "up": signs[UP], "signal": signs[SIGNAL], "ret": panel.forecasts["y_ret_bps"],
        }  # fmt: skip
        every = self.symbols == 1 and bool(panel.predicted.all())
        for name, values in columns.items():
            per = self.series.setdefault(name, [Series() for _ in range(self.symbols)])
            for s in range(self.symbols):
                mine = panel.predicted if self.symbols == 1 else panel.predicted & (panel.symbol == s)
                per[s].add(values if every else values[mine])
        p = panel.forecasts["p_up"]
        up, down = float(np.fmax.reduce(p)), float(1.0 - np.fmin.reduce(p))  # NaN only where there is nothing else
        self.largest = (max(self.largest[0], up), max(self.largest[1], down))

    def _hold(self, panel: Panel) -> None:
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


def first_of(values: Int) -> Int:
    """Where each run of equal values begins."""
    return np.flatnonzero(np.diff(values, prepend=values[:1] - 1))

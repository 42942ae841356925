"""Sums of the user's trial by session, and the few series by row that the metrics need, gathered panel by panel.

Axes: n rows, S sessions, T instants (one for all symbols). Money in currency.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from hfm.backtest.history import last_valid
from hfm.backtest.panel import Panel
from hfm.ledger import layout as at
from hfm.ledger import reasons

Float = npt.NDArray[np.float64]
Int = npt.NDArray[np.int64]
MONEY = ("gross", "spread", "fee", "impact", "borrow", "dividend", "net")
_PLACES = (at.O_GROSS, at.O_SPREAD, at.O_FEE, at.O_IMPACT, at.O_BORROW, at.O_DIVIDEND, at.O_NET)
SCORES = (
    "labels", "hits", "floor_hits", "ups", "calls", "spreads", "spread_hits", "rule_hits", "widened",
    "traded", "traded_hits", "traded_floor_hits",
)  # fmt: skip
"""Counts by session: labelled rows, direction hits of the model and of `constant`, outcomes up, forecasts up; rows
with a spread label, hits of P(widens) and of the rule, spreads that widened; labelled rows with a signal, and hits."""


@dataclass
class Tally:
    """Columns by session (`sums`), equity by instant, outcomes by symbol for the permutation, blocks for the hold."""

    symbols: int
    sums: dict[str, list[Float]] = field(default_factory=dict)
    equity: list[Float] = field(default_factory=list)
    instant_session: list[Int] = field(default_factory=list)
    blocks: dict[str, list[Float]] = field(default_factory=dict)
    series: dict[str, list[list[npt.NDArray[Any]]]] = field(default_factory=dict)  # Any: signs are int8
    """Name -> symbol -> pieces."""
    reasons: dict[int, int] = field(default_factory=dict)
    largest: tuple[float, float] = (0.0, 0.0)
    rows: int = 0
    predicted: int = 0

    def add(self, panel: Panel, out: Float, order: Int | None, level: Float) -> None:
        """Take the ledger [n, OUT] of a panel (table order). level [n]: the rule's usual spread, bps."""
        starts = np.flatnonzero(np.diff(panel.session, prepend=-1))
        self._money(panel, out, starts)
        self._instants(panel, out, order)
        self._direction(panel, out, starts)
        self._spread(panel, level, starts)
        self._hold(panel)
        mask = out[:, at.O_REASON].astype(np.int64)
        for bit in reasons.NAMES:
            self.reasons[bit] = self.reasons.get(bit, 0) + int(((mask & bit) != 0).sum())
        self.rows += len(mask)
        self.predicted += int(panel.predicted.sum())

    def get(self, name: str) -> Float:
        """[S] a column by session."""
        return np.concatenate(self.sums.get(name) or [np.empty(0)])

    def block(self, name: str) -> Float:
        """A column by (session, symbol) block."""
        return np.concatenate(self.blocks.get(name) or [np.empty(0)])

    def parts(self, signal: str, outcome: str) -> list[tuple[Float, Float]]:
        """(signal, outcome) of each symbol over its predicted rows."""
        pairs = zip(self.series.get(signal, []), self.series.get(outcome, []), strict=True)
        return [(np.concatenate(a, dtype=np.float64), np.concatenate(b, dtype=np.float64)) for a, b in pairs if a]

    def _put(self, name: str, values: Float, starts: Int) -> None:
        self.sums.setdefault(name, []).append(np.add.reduceat(values.astype(np.float64), starts))

    def _money(self, panel: Panel, out: Float, starts: Int) -> None:
        for name, place in zip(MONEY, _PLACES, strict=True):
            self._put(name, out[:, place], starts)
        self.sums.setdefault("session", []).append(panel.session[starts].astype(np.float64))
        notional = np.zeros(len(out))
        for qty, px in ((at.O_QTY_OPEN, at.O_PX_OPEN), (at.O_QTY_CLOSE, at.O_PX_CLOSE)):
            notional += np.where(out[:, qty] != 0, np.abs(out[:, qty] * out[:, px]), 0.0)
        held = out[:, at.O_POSITION] * out[:, at.O_MARK]
        self._put("notional", notional, starts)
        self._put("held", held, starts)
        self._put("held_abs", np.abs(held), starts)
        self._put("rows", np.ones(len(out)), starts)

    def _instants(self, panel: Panel, out: Float, order: Int | None) -> None:
        time = panel.time if order is None else panel.time[order]
        equity = out[:, at.O_EQUITY] if order is None else out[order, at.O_EQUITY]
        session = panel.session if order is None else panel.session[order]
        last = np.append(time[1:] != time[:-1], True)
        self.equity.append(equity[last])
        self.instant_session.append(session[last])

    def _direction(self, panel: Panel, out: Float, starts: Int) -> None:
        p, y = panel.forecasts["p_up"], panel.y_up
        up = np.nan_to_num(2.0 * y - 1.0)
        call = np.nan_to_num(np.sign(p - 0.5))
        floor = np.nan_to_num(np.sign(panel.floor_p - 0.5))
        signal = out[:, at.O_SIGNAL]
        labelled = (up != 0) & np.isfinite(p)
        traded = labelled & (signal != 0)
        self._put("labels", labelled, starts)
        self._put("ups", labelled & (up > 0), starts)
        self._put("calls", labelled & (call > 0), starts)
        self._put("hits", np.where(labelled, 0.5 * (1.0 + call * up), 0.0), starts)
        self._put("floor_hits", np.where(labelled, 0.5 * (1.0 + floor * up), 0.0), starts)
        self._put("traded", traded, starts)
        self._put("traded_hits", np.where(traded, 0.5 * (1.0 + signal * up), 0.0), starts)
        self._put("traded_floor_hits", np.where(traded, 0.5 * (1.0 + floor * up), 0.0), starts)
        signs = {"call": call, "up": up, "signal": signal}
        columns: dict[str, npt.NDArray[Any]] = {k: v.astype(np.int8) for k, v in signs.items()}  # Any: or float64
        columns["ret"] = panel.forecasts["y_ret_bps"]
        for name, values in columns.items():
            per = self.series.setdefault(name, [[] for _ in range(self.symbols)])
            for s in range(self.symbols):
                mine = panel.predicted if self.symbols == 1 else panel.predicted & (panel.symbol == s)
                per[s].append(values[mine])
        if np.isfinite(p).any():
            self.largest = (max(self.largest[0], float(np.nanmax(p))), max(self.largest[1], float(1 - np.nanmin(p))))

    def _spread(self, panel: Panel, level: Float, starts: Int) -> None:
        now, then = panel.quotes["spread_bps"], panel.forecasts["y_spread_bps"]
        change = np.nan_to_num(np.sign(then - now))
        call = np.nan_to_num(np.sign(panel.forecasts["p_widen"] - 0.5))
        rule = np.nan_to_num(np.sign(level - now))
        good = (change != 0) & np.isfinite(panel.forecasts["p_widen"])
        self._put("spreads", good, starts)
        self._put("widened", good & (change > 0), starts)
        self._put("spread_hits", np.where(good, 0.5 * (1.0 + call * change), 0.0), starts)
        self._put("rule_hits", np.where(good, 0.5 * (1.0 + rule * change), 0.0), starts)

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

"""What the ledger, trades, trials and metrics say of the strategy.

Returns are fractions of the starting cash; x is time in sessions (2.5 is the middle of the third one).
"""

from __future__ import annotations

import itertools
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from hfm import tables
from hfm.ledger import reasons
from hfm.report.trial_returns import Family, Float, Int, family

POINTS = 1200
"""Points of an equity line that are kept."""


@dataclass(frozen=True)
class Money:
    """What is known of the back-test. Lines start with 0 at x = 0."""

    metrics: dict[str, Any]  # Any: JSON values, as backtest/metrics.json has them
    family: Family | None
    trials: pa.Table | None
    sessions: Int
    x: Float
    net: Float
    gross: Float
    drawdown: Float
    hold: Float
    """Exposure-matched hold at each session's end, as the back-test says, [S + 1]; NaN where it does not."""
    hold_full: Float
    """Buy and hold from the first open on, nights included, symbols equally weighted; at x."""
    session_net: Float
    """Of the user's trial under its own fill, costs and limits, [S]."""
    trips: Float
    """Net return of each round trip, fraction of cash."""
    stops: tuple[tuple[str, int], ...]
    """Rows by reason why the position was not what the policy wanted."""

    @property
    def trial(self) -> str:
        """The user's own trial."""
        return str(self.metrics.get("trial", {}).get("name") or (self.family.user if self.family else "") or "")


def load(inputs: Mapping[str, tables.Reader], cash: float) -> Money | None:
    """The money from the backtest stage's artifacts; None without its ledger. cash: the capital returns refer to."""
    reader = inputs.get("backtest/ledger.parquet")
    if reader is None:
        return None
    document = inputs.get("backtest/metrics.json")
    metrics: dict[str, Any] = json.loads(document.data()) if document is not None else {}
    trials = inputs["backtest/trials.parquet"].read() if "backtest/trials.parquet" in inputs else None
    names = ["symbol", "session", "seq", "net_pnl", "gross_pnl", "reason", "mid_at_open", "mark"]
    data = tables.arrays(reader.read(names), names)
    day = data["session"].astype("datetime64[D]").astype(np.int64)
    fam = family(trials) if trials is not None and trials.num_rows else None
    sessions = np.union1d(day, fam.sessions) if fam else np.unique(day)
    x, net, gross, fall, full = _lines(data, np.searchsorted(sessions, day), cash)
    earned = np.bincount(np.searchsorted(sessions, day), data["net_pnl"], len(sessions)) / cash
    held = np.full(len(sessions), np.nan)
    held[np.searchsorted(sessions, np.unique(day))] = metrics.get("matched", math.nan)
    return Money(
        metrics, fam, trials, sessions, x, net, gross, fall, np.append(0.0, np.cumsum(held)), full, earned,
        _trips(inputs.get("backtest/trades.parquet"), cash), _stops(data["reason"]),
    )  # fmt: skip


def _lines(data: Mapping[str, Any], index: Int, cash: float) -> tuple[Float, Float, Float, Float, Float]:
    """x, cumulative net and gross, drawdown from the peak of 1 + net, buy and hold; thinned, every low is kept."""
    slots = int(data["seq"].max()) + 1 if len(index) else 1
    cells, inverse = np.unique(index * slots + data["seq"], return_inverse=True)
    net = np.append(0.0, np.cumsum(np.bincount(inverse, data["net_pnl"], minlength=len(cells)))) / cash
    gross = np.append(0.0, np.cumsum(np.bincount(inverse, data["gross_pnl"], minlength=len(cells)))) / cash
    fall = (1 + net) / np.maximum.accumulate(1 + net) - 1
    x = np.append(0.0, cells // slots + (cells % slots + 1) / slots)
    hold = _hold(data, inverse, len(cells))
    if len(x) <= POINTS:
        return x, net, gross, fall, hold
    borders = np.linspace(0, len(x), POINTS // 2 + 1).astype(int)
    lows = [a + int(fall[a:b].argmin()) for a, b in itertools.pairwise(borders)]
    keep = np.unique([0, *lows, *(borders[1:] - 1)])
    return x[keep], net[keep], gross[keep], fall[keep], hold[keep]


def _hold(data: Mapping[str, Any], cell: Int, count: int) -> Float:
    """Return since the first open, mean over symbols, [count + 1]; a symbol without a row keeps its last value."""
    symbols = list(dict.fromkeys(data["symbol"]))
    total = np.zeros(count + 1)
    for symbol in symbols:
        rows = np.flatnonzero((data["symbol"] == symbol) & np.isfinite(data["mark"]))
        if rows.size:
            last = np.zeros(count + 1, np.int64)
            last[cell[rows] + 1] = np.arange(1, rows.size + 1)
            last = np.maximum.accumulate(last)
            total += np.append(1.0, data["mark"][rows] / data["mid_at_open"][rows[0]])[last] - 1
    return total / max(len(symbols), 1)


def _trips(reader: tables.Reader | None, cash: float) -> Float:
    if reader is None:
        return np.empty(0)
    return np.asarray(tables.arrays(reader.read(["net"]), ["net"])["net"] / cash, np.float64)


def _stops(mask: Int) -> tuple[tuple[str, int], ...]:
    counts = [(name, int(((mask & bit) != 0).sum())) for bit, name in reasons.NAMES.items()]
    return tuple((name, n) for name, n in counts if n)

"""What the ledger, trades, trials and metrics say of the strategy.

Returns are fractions of the starting cash; x is time in sessions (2.5 is the middle of the third one).
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa

from hfm import artifacts, tables
from hfm.ledger import reasons
from hfm.report.trial_returns import Float, Int, TrialReturns, trial_returns
from hfm.tables.json_document import from_json
from hfm.tables.metrics_document import Metrics, read_metrics

POINTS = 1200
"""Points of an equity line that are kept."""


@dataclass(frozen=True)
class StrategyData:
    """What is known of the back-test. Lines start with 0 at x = 0.

    document: backtest/metrics.json; all of its fields are absent where there is none. family, trials: None without
    backtest/trials.parquet. sessions: [S] days since 1970.
    """

    document: Metrics
    family: TrialReturns | None
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
        return str(self.document.trial.name or (self.family.user if self.family else "") or "")


class _Curves(NamedTuple):
    """Cumulative returns at x, [P] each: see StrategyData."""

    x: Float
    net: Float
    gross: Float
    drawdown: Float
    hold_full: Float


def load(inputs: Mapping[str, tables.Reader], cash: float) -> StrategyData | None:
    """The strategy from the backtest stage's artifacts.

    Parameters
    ----------
    inputs : the run's artifacts by path.
    cash : the capital that returns refer to, currency.

    Returns
    -------
    None without the ledger.
    """
    reader = inputs.get(artifacts.LEDGER)
    if reader is None:
        return None
    artifact = inputs.get(artifacts.METRICS)
    document = read_metrics(artifact.data()) if artifact is not None else from_json(Metrics, {})
    trials = inputs[artifacts.TRIALS].read() if artifacts.TRIALS in inputs else None
    names = ["symbol", "session", "seq", "net_pnl", "gross_pnl", "reason", "mid_at_open", "mark"]
    data = tables.arrays(reader.read(names), names)
    day = data["session"].astype("datetime64[D]").astype(np.int64)
    family = trial_returns(trials) if trials is not None and trials.num_rows else None
    sessions = np.union1d(day, family.sessions) if family else np.unique(day)
    curves = _curves(data, np.searchsorted(sessions, day), cash)
    session_net = np.bincount(np.searchsorted(sessions, day), data["net_pnl"], len(sessions)) / cash
    matched = np.full(len(sessions), np.nan)
    matched[np.searchsorted(sessions, np.unique(day))] = document.matched or math.nan
    return StrategyData(
        document, family, trials, sessions, curves.x, curves.net, curves.gross, curves.drawdown,
        np.append(0.0, np.cumsum(matched)), curves.hold_full, session_net,
        _trips(inputs.get(artifacts.TRADES), cash), _stops(data["reason"]),
    )  # fmt: skip


def _curves(data: Mapping[str, Any], index: Int, cash: float) -> _Curves:  # Any: NumPy arrays
    """The ledger's curves, thinned to POINTS; every low is kept. index: [n] number of each row's session."""
    slots = int(data["seq"].max()) + 1 if len(index) else 1
    cells, inverse = np.unique(index * slots + data["seq"], return_inverse=True)
    net = np.append(0.0, np.cumsum(np.bincount(inverse, data["net_pnl"], minlength=len(cells)))) / cash
    gross = np.append(0.0, np.cumsum(np.bincount(inverse, data["gross_pnl"], minlength=len(cells)))) / cash
    fall = (1 + net) / np.maximum.accumulate(1 + net) - 1
    x = np.append(0.0, cells // slots + (cells % slots + 1) / slots)
    curves = _Curves(x, net, gross, fall, _hold(data, inverse, len(cells)))
    if len(x) <= POINTS:
        return curves
    borders = np.linspace(0, len(x), POINTS // 2 + 1).astype(int)
    lows = [a + int(fall[a:b].argmin()) for a, b in itertools.pairwise(borders)]
    keep = np.unique([0, *lows, *(borders[1:] - 1)])
    return _Curves(*(line[keep] for line in curves))


def _hold(data: Mapping[str, Any], cell: Int, count: int) -> Float:  # Any: NumPy arrays
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
    """Net return of each round trip; none without the table."""
    if reader is None:
        return np.empty(0)
    return np.asarray(tables.arrays(reader.read(["net"]), ["net"])["net"] / cash, np.float64)


def _stops(mask: Int) -> tuple[tuple[str, int], ...]:
    """Rows [n] by reason bit, those without a row left out."""
    counts = [(name, int(((mask & bit) != 0).sum())) for bit, name in reasons.NAMES.items()]
    return tuple((name, n) for name, n in counts if n)

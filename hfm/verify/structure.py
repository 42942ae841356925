"""What the simulator must put around the bars: order flow with the known slope and fit, and the bars themselves."""

from __future__ import annotations

import numpy as np

from hfm.arrays import Float
from hfm.artifacts import BARS, FACTS, QUOTES
from hfm.simulate.book import price_path
from hfm.tables import column_array
from hfm.verify.claims import Row
from hfm.verify.in_memory_run import synthetic

HORIZONS = (1, 10, 60, 300)
"""Seconds."""
BARS_A_SESSION, SECONDS, A_SECOND = 78, 300, 8


def order_flow() -> list[Row]:
    """The mid change on beta x OFI has slope 1 and R2 .60, by construction and in 60 sessions of it."""
    facts = synthetic(60, 21).through("simulate").document(FACTS)["facts"]
    rows = []
    for name, truth in (("ofi_slope", 1.0), ("ofi_r2", 0.6)):
        fact = facts[name]
        error = 3.5 * fact["se"]
        rows.append(Row(fact["label"], f"{truth:g}", fact["value"], truth - error, truth + error))
    return rows


def reaggregation() -> list[Row]:
    """Prices and volume that went in as bars come out of the quotes unchanged, in every bar."""
    run = synthetic(60, 22).through("simulate")
    bars, quotes = run.table(BARS), run.table(QUOTES)
    pairs = {"open": "trade_open", "high": "trade_high", "low": "trade_low", "close": "trade_close", "volume": "volume"}
    same = np.ones(bars.num_rows, bool)
    for bar, quote in pairs.items():
        same &= column_array(bars[bar]) == column_array(quotes[quote])
    n = bars.num_rows
    return [Row("bars that come back bit for bit from their quotes", f"{n} of {n}", float(same.sum()), n, n)]


def book_reaggregation() -> list[Row]:
    """The trades of a simulated order book make the bars again that it was driven by: prices and volume, every bar."""
    run = synthetic(3, 23, {"simulate": {"fidelity": "book"}}).through("simulate").document(FACTS)
    n, share = run["counts"]["bars"], run["facts"]["reaggregated"]["value"]
    return [Row("bars that the trades of their order book make again", f"{n} of {n}", round(share * n, 6), n, n)]


def bridge_autocorrelation() -> list[Row]:
    """The paths that the order book follows inside bars are as driftless as the walks that made the bars.

    Lag-1 autocorrelation of returns over HORIZONS, pooled over 200 sessions. At 5 minutes it is that of the bars' own
    closes, which no path can change: the walks of this seed have .007.

    Returns
    -------
    list[Row]
        One a horizon.
    """
    found, _ = bridged(200, 5)
    claim = "autocorrelation of returns inside bars of a random walk"
    return [Row(f"{claim}, {h} s", "0", lag_one(found, h), -0.01, 0.01) for h in HORIZONS]


def bridged(sessions: int, seed: int, scatter: float = 0.0) -> tuple[Float, Float]:
    """Paths through 5-minute bars of Gaussian walks of A_SECOND steps, and the walks.

    Parameters
    ----------
    sessions
        S.
    seed
        Of the draws.
    scatter
        Sd of the log of a bar's volatility about its forecast, which the path knows alone.

    Returns
    -------
    tuple[Float, Float]
        Paths and walks, [S, n] each, one value a second.
    """
    rng = np.random.default_rng(seed)
    steps = SECONDS * A_SECOND
    known = price_path.pool(steps)
    paths, walks = [], []
    for _ in range(sessions):
        sigma = np.exp(scatter * rng.standard_normal(BARS_A_SESSION) - scatter**2)  # E sigma^2 = 1
        move = rng.standard_normal((BARS_A_SESSION, steps)) * sigma[:, None] / np.sqrt(steps)
        walk = np.concatenate(([0.0], np.cumsum(move)))
        path, error = walk.copy(), price_path.ForecastError(known)
        for first, draw in zip(range(0, len(walk) - 1, steps), rng.random(BARS_A_SESSION), strict=True):
            bar = walk[first : first + steps + 1]
            low, spread = float(bar.min()), float(np.ptp(bar))
            start, end = ((float(x) - low) / spread for x in (bar[0], bar[-1]))
            path[first : first + steps + 1] = low + spread * price_path.path(known, start, end, spread, error.sd, draw)
            error.add(spread)
        paths.append(path[::A_SECOND])
        walks.append(walk[::A_SECOND])
    return np.array(paths), np.array(walks)


def lag_one(paths: Float, h: int) -> float:
    """Lag-1 autocorrelation of moves about 0, all pairs pooled.

    Parameters
    ----------
    paths
        [S, n] one value a second.
    h
        Seconds of a move.

    Returns
    -------
    float
        In [-1, 1].
    """
    move = np.diff(paths[:, ::h], axis=1)
    a, b = move[:, :-1], move[:, 1:]
    return float(2.0 * (a * b).sum() / (a * a + b * b).sum())

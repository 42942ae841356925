"""A thousand thresholds over 100,000 bars, against vectorbt's broadcast over columns."""

from __future__ import annotations

import importlib.util
import resource
from collections.abc import Iterator

import numpy as np

from hfm.backtest.sweep.thresholds import sweep
from hfm.config import Backtest
from hfm.ledger.account import params_new
from tests.backtest.walk import walk
from tests.bench.figure import Figure, rate

BARS, LEVELS, PEER = 100_000, 1_000, 50
"""PEER: thresholds that vectorbt is given; it takes memory in proportion."""
RULE = Backtest(cash=1e8, fee_bps=0.5, impact=0.0, borrow=0.0, max_position=100.0)


def figures() -> Iterator[Figure]:
    """Bars x thresholds a second; the memory that a thousand thresholds add."""
    rows, p = walk(BARS)
    for name in ("session", "block", "is_last"):
        rows[name] = 0
    p[-2:] = np.nan
    score = p - 0.5
    params, levels = params_new(RULE, 1, 0.01), np.linspace(0.0, 0.15, LEVELS)
    few = levels[:: LEVELS // PEER]
    expected, _ = sweep(rows, score, few, params, RULE.cash)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    yield rate(
        "sweep 1,000 thresholds, bars", BARS * LEVELS, lambda: sweep(rows, score, levels, params, RULE.cash), times=3
    )
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
    yield Figure("sweep 1,000 thresholds, memory added", "MiB", grown, None, None, BARS * LEVELS, 1.0)
    if not importlib.util.find_spec("vectorbt"):
        return
    import vectorbt as vbt

    mid, close = rows["mid_open"], rows["mid_close"]
    slip = 0.75 * 0.5 * (rows["ask_open"] - rows["bid_open"]) / mid

    def peer(engine: str) -> np.ndarray:
        signal = (score[:, None] > few).astype(float) - (score[:, None] < -few)
        target = np.vstack([np.zeros((1, len(few))), 100.0 * signal[:-1]])
        one = [x[:, None] for x in (mid, slip)]
        done = vbt.Portfolio.from_orders(
            np.broadcast_to(close[:, None], target.shape), size=target, size_type="targetamount", price=one[0],
            slippage=one[1], fees=0.5e-4, init_cash=RULE.cash, freq="5min", engine=engine,
        )  # fmt: skip
        return np.asarray(done.final_value()) - RULE.cash

    for engine in ("numba", "rust") if importlib.util.find_spec("vectorbt_rust") else ("numba",):
        np.testing.assert_allclose(peer(engine), expected, rtol=0, atol=1e-5)
        yield rate(
            f"sweep {PEER} thresholds, bars", BARS * PEER, lambda: sweep(rows, score, few, params, RULE.cash),
            lambda engine=engine: peer(engine),  # type: ignore[misc]  # bound now
            note=f"vectorbt {vbt.__version__} {engine}; equal P&L; of all thousand it takes up to twice as long each",
            times=3,
        )  # fmt: skip
    note = "vectorbt's after it, of fifty thresholds"
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    yield Figure("sweep peak memory of the process", "MiB", peak, None, None, BARS * PEER, 1.0, note)

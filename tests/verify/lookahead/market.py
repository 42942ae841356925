"""A small market in memory that the look-ahead tests are asked about: two symbols in half-hour bars, a linear model."""

from __future__ import annotations

from functools import cache

from hfm.tables import MemoryReader, Reader
from hfm.verify.in_memory_run import InMemoryRun, synthetic


@cache
def market() -> InMemoryRun:
    """24 sessions with a planted signal, so that forecasts and proposals vary; nine are out of sample."""
    settings: dict[str, dict[str, object]] = {
        "fetch": {"symbols": ("SPY", "QQQ"), "interval": "30m"}, "train": {"model": "logistic"},
        "simulate": {"signal": "planted", "rho": 0.5}, "backtest": {"threshold": "0.52"},
    }  # fmt: skip
    return synthetic(24, 61, settings).through("simulate", "train", "backtest")


def readers() -> dict[str, Reader]:
    """Its artifacts as the tests are given them."""
    return {name: MemoryReader(payload) for name, payload in market().artifacts.items()}

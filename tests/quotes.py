"""Random quotes for tests: nothing of a market, but every column lawful."""

from __future__ import annotations

import numpy as np

from hfm.features import bar_features
from hfm.tables import Array


def quote_columns(n: int, slots: int, seed: int, symbol: str = "SPY") -> dict[str, Array]:
    """The columns that the step of bars reads for n rows of one symbol, in sessions of `slots` rows."""
    rng = np.random.default_rng(seed)
    close = 500.0 * np.exp(np.cumsum(rng.normal(0, 7e-4, n)))
    open_ = np.concatenate(([500.0], close[:-1])) * np.exp(rng.normal(0, 1e-5, n))
    up, down = np.exp(np.abs(rng.normal(0, 3e-4, (2, n))))
    depth = np.exp(rng.normal(7, 0.3, n))
    volume = np.round(np.exp(rng.normal(12, 0.5, n)))
    columns: dict[str, Array] = {
        "symbol": np.full(n, symbol, object),
        "session": np.datetime64("2024-01-02") + np.arange(n) // slots,
        "seq": np.arange(n) % slots,
        "mid_open": open_, "mid_close": close,
        "mid_high": np.maximum(open_, close) * up, "mid_low": np.minimum(open_, close) / down,
        "spread_bps": np.exp(rng.normal(-1.5, 0.2, n)), "depth_bid": depth, "depth_ask": depth,
        "volume": volume, "signed_volume": volume * rng.uniform(-0.3, 0.3, n), "ofi": rng.normal(0, 6e4, n),
        "sigma_bps": np.exp(rng.normal(2, 0.3, n)), "cash_dividend": np.zeros(n), "split_ratio": np.ones(n),
        "imbalance": rng.uniform(-1, 1, n), "micro_bps": rng.normal(0, 0.3, n),
    }  # fmt: skip
    assert set(columns) == {"symbol", *bar_features.INPUTS}
    return columns

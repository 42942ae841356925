"""One symbol's sessions: levels of the spread for names that are not SPY."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from hfm import tables
from tests.bars import bar_meta
from tests.simulate.test_stage import simulate


def bouncing(spread: float, sessions: int = 30, slots: int = 78) -> pa.Table:
    """Real-seeming bars of XYZ: trades bounce across a relative spread around a random walk."""
    rng = np.random.default_rng(0)
    steps = rng.normal(0, 1.5e-4, (sessions, slots * 30))
    path = np.exp(np.cumsum(steps, axis=1)) * (1 + spread / 2 * rng.choice([-1, 1], steps.shape))
    price = 40.0 * path.reshape(sessions * slots, 30)
    seq = np.tile(np.arange(slots), sessions)
    days = np.datetime64("2024-01-01") + np.repeat(np.arange(sessions), slots)
    columns = {
        "symbol": "XYZ", "session": days, "seq": seq, "is_last": seq == slots - 1,
        "time": days.astype("datetime64[ns]").astype(np.int64) + (seq + 1) * 300_000_000_000,
        "open": price[:, 0], "high": price.max(axis=1), "low": price.min(axis=1), "close": price[:, -1],
        "volume": np.full(sessions * slots, 5000.0),
    }  # fmt: skip
    return tables.build(tables.BARS, columns, bar_meta(("XYZ",), synthetic=False), "observed")


def test_a_wide_name_takes_its_spread_from_its_own_bars() -> None:
    """30 bp of bounce: after ten sessions the effective spread is 30 bp at least, and a third more at most."""
    quotes = tables.arrays(simulate(bouncing(3e-3))[0])
    effective = 2e4 * quotes["half_spread"] / quotes["mid_close"]
    known = np.arange(len(quotes["seq"])) >= 10 * 78
    assert 30.0 <= effective[known].mean() <= 40.0
    first = np.arange(len(quotes["seq"])) < 78
    assert effective[first].mean() == pytest.approx(10.0, rel=0.2)  # the bound, while nothing is known


def test_a_narrow_name_has_a_tick_at_least() -> None:
    """No bounce at all: an estimate of nothing, and a spread of about a tick."""
    quotes = tables.arrays(simulate(bouncing(0.0))[0])
    ticks = (quotes["ask_close"] - quotes["bid_close"]) / 0.01
    assert ticks.min() >= 1.0 - 1e-6
    assert ticks[10 * 78 :].mean() < 2.5


def test_signed_volume_of_a_thin_name_is_a_share_of_its_volume() -> None:
    """Other names get the depth at which signed volume has sd .15 of volume."""
    quotes = tables.arrays(simulate(bouncing(3e-3))[0])
    assert (quotes["signed_volume"] / quotes["volume"]).std() == pytest.approx(0.15, rel=0.35)

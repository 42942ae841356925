"""Bars of trades that bounce around a random walk: of known half-spread, persistence and make."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from hfm import tables
from tests.bars import bar_meta

Float = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Make:
    """How bars come about. half_bps: the half-spread; sigma_bps: sd of the mid's move in a bar; trades: in a bar.

    from_trade, from_bar: P(same side) from trade to trade, from close to close; joined: opens are the closes before.
    """

    half_bps: float = 0.0
    sigma_bps: float = 8.0
    trades: int = 30
    from_trade: float = 0.5
    from_bar: float = 0.5
    joined: bool = False


def sides(shape: tuple[int, ...], same: float, rng: np.random.Generator) -> Float:
    """+1 and -1, each like the one before it along the last axis with probability `same`."""
    steps = np.where(rng.random(shape) < same, 1.0, -1.0)
    steps[..., 0] = rng.choice([-1.0, 1.0], shape[:-1])
    return np.cumprod(steps, axis=-1)


def bars(make: Make, sessions: int, slots: int, seed: int) -> tuple[Float, ...]:
    """Open, high, low, close, volume [S, T]: volatility has a smile over the day and differs from day to day."""
    rng = np.random.default_rng(seed)
    smile = np.exp(np.linspace(-1.0, 1.0, slots) ** 2 - 1.0 / 3.0)
    sigma = make.sigma_bps * smile * np.exp(rng.normal(0.0, 0.4, (sessions, 1)))
    n = make.trades
    steps = rng.normal(0.0, 1.0, (sessions, slots, n)) * sigma[:, :, None] / np.sqrt(n)
    side = sides((sessions, slots * n), make.from_trade, rng).reshape(sessions, slots, n)
    if make.from_bar != 0.5:
        side[:, :, -1] = sides((sessions, slots), make.from_bar, rng)
    mid = np.cumsum(steps.reshape(sessions, -1), axis=1).reshape(sessions, slots, n)
    price = 100.0 * np.exp(1e-4 * (mid + make.half_bps * side))
    open_, close = price[:, :, 0].copy(), price[:, :, -1]
    if make.joined:
        open_[:, 1:] = close[:, :-1]
    high, low = np.maximum(price.max(axis=2), open_), np.minimum(price.min(axis=2), open_)
    return open_, high, low, close, np.full(close.shape, 1e4)


def table(columns: tuple[Float, ...], symbol: str = "XYZ", synthetic: bool = False, interval: int = 300) -> pa.Table:
    """A table of bars from matrices [S, T]; NaN prices are holes."""
    sessions, slots = columns[0].shape
    seq = np.tile(np.arange(slots), sessions)
    days = np.datetime64("2024-01-01") + np.repeat(np.arange(sessions), slots)
    opening = days.astype("datetime64[ns]").astype(np.int64) + 52_200_000_000_000
    found = {
        "symbol": np.full(len(seq), symbol, object), "session": days, "seq": seq, "is_last": seq == slots - 1,
        "time": opening + (seq + 1) * interval * 1_000_000_000,
    } | dict(zip(("open", "high", "low", "close", "volume"), (x.ravel() for x in columns), strict=True))  # fmt: skip
    there = np.isfinite(found["close"])
    return tables.build(
        tables.BARS, {k: v[there] for k, v in found.items()}, bar_meta((symbol,), slots, synthetic), "observed"
    )

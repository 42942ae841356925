"""The kind of run to make, and its market: prices a random walk with the day's usual shape."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np

SLOTS = 78


@dataclass(frozen=True)
class Shape:
    """What kind of run to make."""

    sessions: int = 15
    seed: int = 1
    edge: float = 0.0
    trades: Literal["usual", "none", "one"] = "usual"
    constant: bool = False
    synthetic: bool = True
    planted: bool = False
    accuracy: float = 0.51
    symbols: tuple[str, ...] = ("SPY",)
    stages: tuple[str, ...] = ("fetch", "simulate", "train", "backtest")
    warnings: tuple[str, ...] = ()
    quality: dict[str, Any] = field(default_factory=lambda: {"missing": 3, "duplicates": 0})  # Any: JSON values


class Rows:
    """The grid of a run and its market, arrays [n] in (session, symbol, seq) order."""

    def __init__(self, shape: Shape) -> None:
        rng = np.random.default_rng(shape.seed)
        days = np.busday_offset("2024-03-01", np.arange(shape.sessions), roll="forward")
        width = len(shape.symbols)
        self.n = shape.sessions * width * SLOTS
        self.day = np.repeat(np.arange(shape.sessions), width * SLOTS)
        self.seq = np.tile(np.arange(SLOTS), shape.sessions * width)
        self.symbol = np.tile(np.repeat(np.array(shape.symbols, object), SLOTS), shape.sessions)
        self.session = days[self.day]
        self.time = days.astype("datetime64[ns]")[self.day] + ((9 * 60 + 30 + 300) * 60 + (self.seq + 1) * 300) * 10**9
        curve = 0.7 + 1.6 * (np.linspace(-1, 0.75, SLOTS) ** 2)
        self.sigma = 6.0 * curve[self.seq] * np.exp(rng.normal(0, 0.3, self.n))
        move = np.zeros(self.n) if shape.constant else self.sigma * rng.standard_normal(self.n) * 1e-4
        self.close = 500 * np.exp(np.cumsum(move))
        self.open = np.append(500.0, self.close[:-1])
        self.volume = (
            np.zeros(self.n) if shape.constant else np.round(1e5 * curve[self.seq] * rng.gamma(4, 0.25, self.n))
        )
        self.spread = 0.25 * curve[self.seq] * np.exp(rng.normal(0, 0.3, self.n))
        self.move = move * 1e4
        self.ofi = 900 * (0.8 * self.move / 6 + 0.6 * rng.standard_normal(self.n))
        self.next = np.append(self.move[1:], 0.0)
        self.last = self.seq == SLOTS - 1
        self.rng = rng

    def key(self, **more: Any) -> dict[str, Any]:  # Any: arrays or scalars
        """The key columns, and more."""
        return {"symbol": self.symbol, "session": self.session, "seq": self.seq, "time": self.time, **more}

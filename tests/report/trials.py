"""A trials table drawn from matrices of session returns."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from hfm import tables

BOUNCE = ("late_return", "late_exposure", "free_return", "free_turnover")


def trials(
    net: np.ndarray,
    *,
    exposure: float | np.ndarray = 0.0,
    hold: np.ndarray | float = 0.0,
    trips: int | np.ndarray = 3,
    symbols: tuple[str, ...] = ("SPY",),
    user: int = 0,
    year: float = 252.0,
    shown: dict[str, dict[str, object]] | None = None,
    **bounce: np.ndarray,
) -> pa.Table:
    """A trials table of net [S, K]: the same rows for each symbol. bounce: columns of BOUNCE [S, K]."""
    sessions, count = net.shape
    shape = (sessions, len(symbols), count)
    day = np.datetime64("2024-01-02") + np.arange(sessions)
    names = np.array([f"q{k}" for k in range(count)], object)

    def spread(value: float | np.ndarray) -> np.ndarray:
        value = np.asarray(value, float)
        return np.broadcast_to(value[:, None] if value.ndim else value, shape).ravel()

    columns = {
        "symbol": np.broadcast_to(np.array(symbols, object)[None, :, None], shape).ravel(),
        "session": np.repeat(day, len(symbols) * count),
        "seq": 0,
        "time": np.repeat(day.astype("datetime64[ns]"), len(symbols) * count),
        "trial": np.broadcast_to(names, shape).ravel(),
        "user": np.broadcast_to(np.arange(count) == user, shape).ravel(),
        "net_return": spread(net),
        "gross_return": spread(net),
        "exposure": spread(exposure),
        "hold_return": spread(hold),
        "trips": spread(trips).astype(np.int64),
    }
    columns |= dict.fromkeys(BOUNCE, np.nan)
    for name, value in bounce.items():
        columns[name] = spread(value)
    return tables.build(tables.TRIALS, columns, tables.TableMeta(sessions_per_year=year, bounce=shown or {}))


def noise(sessions: int, count: int = 5, seed: int = 1, drift: float = 0.0) -> np.ndarray:
    """Session returns of sd 30 bp."""
    return np.random.default_rng(seed).normal(drift, 30e-4, (sessions, count))

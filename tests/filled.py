"""Bars of honest quiet markets, and of vendors that fill prices forward, from a seed. Axes: S sessions, T slots."""

from __future__ import annotations

import numpy as np

from hfm.stale_rows import PriceRows

NAMES = ("open", "high", "low", "close")


def liquid(rng: np.random.Generator, sessions: int, slots: int, price: float = 100.0, sigma: float = 7e-4) -> PriceRows:
    """Bars of thirty moves each on a grid of cents, whose volatility differs from day to day."""
    day, u = np.exp(0.35 * rng.normal(size=(sessions, 1))), 0.7 + 1.2 * np.linspace(-1, 1, slots) ** 2
    step = rng.normal(size=(sessions, slots, 30)) * (sigma * day * u)[:, :, None] / np.sqrt(30)
    path = np.round(price * np.exp(np.cumsum(step.ravel())), 2).reshape(step.shape)
    close = path[:, :, -1]
    open_ = np.append(price, close.ravel()[:-1]).reshape(close.shape)
    high, low = np.maximum(path.max(2), open_), np.minimum(path.min(2), open_)
    volume = np.round(np.exp(rng.normal(11, 0.5, close.shape)) * u)
    return PriceRows(open_, high, low, close, volume, np.ones(close.shape, bool))


def thin(rng: np.random.Generator, sessions: int, slots: int, rate: float, price: float = 100.0) -> PriceRows:
    """Bars of Poisson trades, `rate` a bar, more on some days and at both ends of each; at bid or ask, in cents. A bar
    without a trade is flat at the last price, with no volume, as vendors give it."""
    u = 1 + 1.2 * np.linspace(-1, 1, slots) ** 2
    count = rng.poisson(rate * u / u.mean() * rng.gamma(3, 1 / 3, (sessions, 1))).ravel()
    owner = np.repeat(np.arange(count.size), count)
    mid = price * np.exp(np.cumsum(5e-4 * rng.normal(size=count.size)))
    trade = np.round(mid[owner] * (1 + 2e-4 * rng.choice([-1, 1], owner.size)) + 0.01 * rng.normal(size=owner.size), 2)
    last = np.cumsum(count) - 1
    out = np.full((5, count.size), price)
    out[:4] = np.append(trade, price)[last]  # the last price so far; of no trade yet, the first one's
    some = np.flatnonzero(count)
    out[0, some] = trade[last[some] - count[some] + 1]
    starts = np.append(0, last[some][:-1] + 1)
    out[1, some], out[2, some] = np.maximum.reduceat(trade, starts), np.minimum.reduceat(trade, starts)
    out[4] = 100.0 * count * rng.integers(1, 4, count.size)
    return PriceRows(*out.reshape(5, sessions, slots), np.ones((sessions, slots), bool))


def fillings(rng: np.random.Generator, sessions: int, slots: int, share: float) -> np.ndarray:
    """[S, T] what a vendor fills: most of a session, in so many of them that `share` of all rows is."""
    start, many = rng.integers(slots // 4, slots // 2, (sessions, 1)), rng.random((sessions, 1)) < share / 0.55
    at = np.arange(slots)
    out: np.ndarray = many & (at >= start) & (at < start + int(0.55 * slots))
    return out


def filled(bars: PriceRows, rows: np.ndarray, volume: bool = False) -> PriceRows:
    """The bars with the last close that was known in all prices of `rows`; volume: as it was, else 0."""
    mask = rows.ravel()
    last = np.maximum.accumulate(np.where(mask, 0, np.arange(mask.size)))
    close = bars.close.ravel()[last]
    prices = [np.where(mask, close, getattr(bars, name).ravel()).reshape(rows.shape) for name in NAMES]
    return PriceRows(*prices, bars.volume if volume else np.where(rows, 0.0, bars.volume), bars.present)

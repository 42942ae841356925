"""Invented bars, SPY-like by default: seeded, and extended rather than changed by a longer request.

Every calendar day since 1970 has a latent variance and a latent move, all drawn from one stream a symbol; a
session's bars are drawn from a stream of their own and bridged to that day's move, so a day alone gives what
it gives in any span. Given the volatility path, bar returns are independent Gaussians that sum to the day's
move (the bridge is exact), hence a martingale: there is nothing to predict but volatility, volume and the
time of day. Arrays: N sessions, S slots of a full session.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from hfm.arrays import Bool, Days, Float
from hfm.errors import DataError, HfmError
from hfm.fetch import sessions
from hfm.fetch.sessions import Sessions
from hfm.instants import SECOND_NS, instant_ns
from hfm.plugins import BarRequest, RawBars
from hfm.stage import Context, seed_sequence

NOTE = "SYNTHETIC: seeded draws of hfm's generator, not a market"
VOLATILITY = (2.18, 1.68, 1.50, 0.94, 0.96, 0.92, 0.74, 0.56, 0.73, 0.77, 0.63, 0.63, 0.76)
VOLUME = (1.76, 1.13, 1.42, 0.85, 0.98, 0.66, 0.64, 0.50, 0.70, 0.83, 0.81, 0.80, 1.92)
"""Half-hour curves of SPY, spread over the session whatever its length."""
REVERSION, DAY_MEMORY, DAY_SPREAD, DAY_SHOCK = 1 / 1500, 0.97, 0.33, 0.25
"""Daily: pull of the log level; AR(1) of the log volatility; its stationary sd; sd of the part without memory."""
BAR_MEMORY, BAR_SPREAD, SHOCK = 0.97, 0.42, 0.20
"""Intraday: AR(1) of the log volatility a five-minute bar; its stationary sd; sd of the part without memory."""
MISSING, SILENT = 0.002, 0.001
"""Shares of bars that are left out, and that have no volume."""
TICK, OFF_TICK = 0.01, 0.25
"""Grid of prices, and the share of prices between its points."""
NORMALS, UNIFORMS = 5, 8
"""Streams a slot."""
FULL, FIVE_MINUTES = 23_400 * SECOND_NS, 300 * SECOND_NS
"""A regular session; the interval that the constants are stated for."""


@dataclass(frozen=True)
class SymbolConstants:
    """A symbol's constants: price level, median in-session and overnight sd (0.01 is 1 %), shares a session."""

    level: float
    day_sd: float
    night_sd: float
    shares: float


def character(seed: int, symbol: str) -> SymbolConstants:
    """SPY's constants, or for another symbol a draw that depends on nothing but (seed, symbol)."""
    if symbol == "SPY":
        return SymbolConstants(560.0, 0.0062, 0.0045, 48e6)
    rng = np.random.default_rng(seed_sequence(seed, "synthetic/character", symbol))
    a, b, c = rng.standard_normal(3)
    sd = 0.012 * np.exp(0.35 * b)
    return SymbolConstants(float(110 * np.exp(0.7 * a)), float(sd), float(0.65 * sd), float(6e6 * np.exp(1.1 * c)))


class Synthetic:
    """The synthetic BarSource."""

    network = False
    synthetic = True

    def fetch(self, request: BarRequest, ctx: Context) -> Iterator[tuple[str, RawBars | HfmError]]:
        """Bars of the sessions asked for that end by `as_of`; DataError for days before 1970."""
        until = instant_ns(request.as_of)
        wanted = sessions.recent(request.calendar, request.interval_s, until, request.days, request.sessions)
        for symbol in request.symbols:
            if len(wanted) and wanted.day[0] < np.datetime64("1970-01-02"):
                yield (
                    symbol,
                    DataError(
                        f"synthetic bars begin in 1970, {wanted.day[0]} is asked for",
                        hint="give a later --as-of, or fewer --days",
                    ),
                )
            else:
                yield symbol, bars(request.seed, symbol, wanted, until)


def bars(seed: int, symbol: str, wanted: Sessions, until: int) -> RawBars:
    """Bars of `wanted` that end by `until` (ns UTC), in order, holes left out."""
    if not len(wanted):
        none = np.zeros(0)
        return RawBars(none.astype(np.int64), none, none, none, none, none, (NOTE,))
    count = int(wanted.slots.max())
    slot = np.arange(count)
    live = slot < wanted.slots[:, None]
    normal, uniform = draws(seed, symbol, wanted.day, count)
    end, move, sd, mood = days(seed, symbol, wanted)
    part = np.minimum(
        (wanted.close - wanted.open) / FULL, 1.0
    )  # a half day has its part of the move, the night the rest
    opening, sd = end - move, sd * np.sqrt(part)
    move = part * move + np.sqrt(1 - part) * sd * normal[:, 0, 4]
    deviation = restless(normal[:, :, 0], normal[:, :, 1], wanted.interval)
    variance = np.where(live, (curve(VOLATILITY, wanted, count) * np.exp(deviation)) ** 2, 0.0)
    variance /= variance.sum(1)[:, None]
    step = sd[:, None] * np.sqrt(variance) * normal[:, :, 2]
    step += variance * (move - step.sum(1))[:, None]
    path = opening[:, None] + np.cumsum(step, axis=1)
    ohlc = prices(opening, path, sd[:, None] ** 2 * variance, uniform)
    share = character(seed, symbol).shares * wanted.interval / np.maximum(wanted.close - wanted.open, FULL)
    noise = np.exp(0.75 * deviation + 0.35 * normal[:, :, 3] + 0.6 * mood[:, None])
    volume = np.maximum(np.rint(share[:, None] * curve(VOLUME, wanted, count) * noise), 1.0)
    silence(ohlc, volume, uniform[:, :, 6] < SILENT)
    index, seq = np.repeat(np.arange(len(wanted)), count), np.tile(slot, len(wanted))
    time = wanted.slot_end(index, seq)
    inner = (slot > 0) & (slot < wanted.slots[:, None] - 1)
    keep = (live & ~(inner & (uniform[:, :, 7] < MISSING))).ravel() & (time <= until) & wanted.holding(time)[1]
    o, h, low, c = (price.ravel()[keep] for price in ohlc)
    return RawBars(time[keep], o, h, low, c, volume.ravel()[keep], (NOTE,))


def draws(seed: int, symbol: str, day: Days, count: int) -> tuple[Float, Float]:
    """Normals [N, S, NORMALS] and uniforms [N, S, UNIFORMS]; a slot's do not depend on how many follow it."""
    normal, uniform = np.empty((len(day), count, NORMALS)), np.empty((len(day), count, UNIFORMS))
    for i, session in enumerate(day):
        a, b = seed_sequence(seed, "synthetic", symbol, session).spawn(2)
        np.random.Generator(np.random.PCG64(a)).standard_normal(out=normal[i])
        np.random.Generator(np.random.PCG64(b)).random(out=uniform[i])
    return normal, uniform


def days(seed: int, symbol: str, wanted: Sessions) -> tuple[Float, Float, Float, Float]:
    """[N] log price at the end of the day, in-session move, its sd, and log deviation of the day's volatility.

    Days without a session move too: what happens on them is in the next open. On weekends that is a tenth of
    the variance, unless the calendar trades on them.
    """
    own = character(seed, symbol)
    ordinal = wanted.day.astype(np.int64)
    count = int(ordinal[-1]) + 1
    rng = np.random.default_rng(seed_sequence(seed, "synthetic/days", symbol))
    fear, news, night, move = rng.standard_normal((count, 4)).T
    mood = remember(fear * DAY_SPREAD * np.sqrt(1 - DAY_MEMORY**2), DAY_MEMORY) + DAY_SHOCK * news
    quiet = np.ones(count)
    if wanted.calendar != "24/7":
        quiet[(np.arange(count) + 3) % 7 >= 5] = np.sqrt(0.1)
    night *= own.night_sd * np.exp(mood) * quiet
    sd = own.day_sd * np.exp(mood) * quiet
    close = np.log(own.level) + remember(night + sd * move, 1 - REVERSION)
    return close[ordinal], (sd * move)[ordinal], sd[ordinal], mood[ordinal]


def remember(shock: Float, memory: float) -> Float:
    """x_t = memory x_(t-1) + shock_t from x = 0."""
    out, x = np.empty(len(shock)), 0.0
    for t, e in enumerate(shock.tolist()):
        out[t] = x = memory * x + e
    return out


def restless(slow: Float, fast: Float, interval: int) -> Float:
    """[N, S] log deviation of the bars' volatility: AR(1), stationary at each open, and shocks without memory."""
    memory = BAR_MEMORY ** (interval / FIVE_MINUTES)
    out = np.empty_like(slow)
    x = slow[:, 0]
    for t in range(slow.shape[1]):
        x = memory * x + np.sqrt(1 - memory**2) * slow[:, t] if t else x
        out[:, t] = x
    return BAR_SPREAD * out + SHOCK * fast


def curve(halves: tuple[float, ...], wanted: Sessions, count: int) -> Float:
    """[N, S] a half-hour curve laid over each session, linear between the middles of its parts."""
    at = (np.arange(count) + 0.5) / wanted.slots[:, None]
    middles = (np.arange(len(halves)) + 0.5) / len(halves)
    return np.interp(at, middles, halves)


def prices(opening: Float, path: Float, variance: Float, uniform: Float) -> list[Float]:
    """Open, high, low, close [N, S] in currency; high and low are the extremes of a Brownian bridge between the
    others (Karatzas and Shreve 1991, problem 2.8.3), drawn apart. A share OFF_TICK lies between the ticks."""
    before = np.column_stack([opening, path[:, :-1]])
    spread = (path - before) ** 2
    up, down = (np.sqrt(spread - 2 * variance * np.log1p(-uniform[:, :, k])) for k in (0, 1))
    high, low = (before + path + up) / 2, (before + path - down) / 2
    o, h, bottom, c = (on_grid(np.exp(p), uniform[:, :, k]) for p, k in ((before, 2), (high, 3), (low, 4), (path, 5)))
    return [o, np.maximum(h, np.maximum(o, c)), np.minimum(bottom, np.minimum(o, c)), c]


def on_grid(price: Float, uniform: Float) -> Float:
    """Prices on the tick grid, and a share OFF_TICK of them on a hundredth of it; never below one tick."""
    fine = np.where(uniform < OFF_TICK, 100, 1) / TICK
    return np.maximum(np.rint(price * fine) / fine, TICK)


def silence(ohlc: list[Float], volume: Float, silent: Bool) -> None:
    """Bars without a trade, in place: no volume, and every price the close before; never a session's first."""
    silent[:, 0] = False
    close = ohlc[3]
    for i, j in zip(*np.nonzero(silent), strict=True):
        for price in ohlc:
            price[i, j] = close[i, j - 1]
        volume[i, j] = 0.0

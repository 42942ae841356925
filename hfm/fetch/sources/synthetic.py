"""Invented bars, SPY-like by default: seeded, and extended rather than changed by a longer request.

Every calendar day since 1970 has a latent variance and a latent move, all drawn from one stream a symbol; a
session's bars are drawn from a stream of their own and bridged to that day's move, so a day alone gives what
it gives in any span. Given the volatility path, bar returns are independent Gaussians that sum to the day's
move (the bridge is exact), hence a martingale: there is nothing to predict but volatility, volume and the
time of day. Arrays: N sessions, S slots of a full session.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np

from hfm.arrays import Bool, Days, Float
from hfm.errors import DataError, HfmError
from hfm.fetch import sessions
from hfm.fetch.sessions import Sessions
from hfm.instants import SECOND_NS, instant_ns
from hfm.plugins import BarRequest
from hfm.raw_data import RawBars
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


def constants_of(seed: int, symbol: str) -> SymbolConstants:
    """SPY's constants, or for another symbol a draw that depends on nothing but (seed, symbol).

    Returns
    -------
    SymbolConstants
        Of DEMO SPY's too: what `hfm demo` plants is then worth its costs, whatever the seed.
    """
    if symbol in ("SPY", "DEMO"):
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
        requested = sessions.recent(request.calendar, request.interval_s, until, request.days, request.sessions)
        for symbol in request.symbols:
            if len(requested) and requested.day[0] < np.datetime64("1970-01-02"):
                yield (
                    symbol,
                    DataError(
                        f"synthetic bars begin in 1970, {requested.day[0]} is asked for",
                        hint="give a later --as-of, or fewer --days",
                    ),
                )
            else:
                yield symbol, bars(request.seed, symbol, requested, until)


class SlotDraws(NamedTuple):
    """Standard normals, then uniforms in [0, 1), of each slot, arrays [N, S]."""

    slow: Float
    fast: Float
    step: Float
    volume: Float
    day: Float
    """Of its slots only the first counts: it is the session's."""
    high: Float
    low: Float
    open_tick: Float
    high_tick: Float
    low_tick: Float
    close_tick: Float
    silent: Float
    missing: Float


class Ohlc(NamedTuple):
    """Prices [N, S], currency."""

    open: Float
    high: Float
    low: Float
    close: Float


class DailyMoves(NamedTuple):
    """Of each session, arrays [N].

    end: log price at its end. move: its in-session log return; sd: of that. mood: log deviation of the day's
    volatility.
    """

    end: Float
    move: Float
    sd: Float
    mood: Float


def bars(seed: int, symbol: str, requested: Sessions, until: int) -> RawBars:
    """Synthetic bars, in order, holes left out.

    Parameters
    ----------
    seed : of everything that is drawn.
    symbol : of which its own streams come.
    requested : the sessions wanted, N of them.
    until : ns UTC; later bars are left out.

    Returns
    -------
    RawBars
        No NaN.
    """
    if not len(requested):
        return replace(RawBars.concat([]), notes=(NOTE,))
    count = int(requested.slots.max())
    slot = np.arange(count)
    live = slot < requested.slots[:, None]
    z = draws(seed, symbol, requested.day, count)
    daily = daily_moves(seed, symbol, requested)
    # a half day has its part of the move, the night the rest
    part = np.minimum((requested.close - requested.open) / FULL, 1.0)
    opening, sd = daily.end - daily.move, daily.sd * np.sqrt(part)
    move = part * daily.move + np.sqrt(1 - part) * sd * z.day[:, 0]
    # variance of each bar: the curve of the day times its deviation, as shares of the session's
    deviation = volatility_deviation(z.slow, z.fast, requested.interval)
    variance = np.where(live, (session_curve(VOLATILITY, requested, count) * np.exp(deviation)) ** 2, 0.0)
    variance /= variance.sum(1)[:, None]
    # steps are bridged to the session's move
    step = sd[:, None] * np.sqrt(variance) * z.step
    step += variance * (move - step.sum(1))[:, None]
    path = opening[:, None] + np.cumsum(step, axis=1)
    ohlc = ohlc_prices(opening, path, sd[:, None] ** 2 * variance, z)
    # volume: the curve of the day, more of it in volatile bars and on volatile days
    share = constants_of(seed, symbol).shares * requested.interval / np.maximum(requested.close - requested.open, FULL)
    noise = np.exp(0.75 * deviation + 0.35 * z.volume + 0.6 * daily.mood[:, None])
    volume = np.maximum(np.rint(share[:, None] * session_curve(VOLUME, requested, count) * noise), 1.0)
    silence_bars(ohlc, volume, z.silent < SILENT)
    # left out are holes, never a session's first or last bar, breaks, and what ends after `until`
    index, seq = np.repeat(np.arange(len(requested)), count), np.tile(slot, len(requested))
    time = requested.slot_end(index, seq)
    inner = (slot > 0) & (slot < requested.slots[:, None] - 1)
    keep = (live & ~(inner & (z.missing < MISSING))).ravel() & (time <= until) & requested.holding(time)[1]
    o, h, low, c = (price.ravel()[keep] for price in ohlc)
    return RawBars(time[keep], o, h, low, c, volume.ravel()[keep], (NOTE,))


def draws(seed: int, symbol: str, day: Days, count: int) -> SlotDraws:
    """What is drawn for each slot; it does not depend on how many slots or sessions follow.

    Parameters
    ----------
    seed, symbol : of the streams.
    day : [N] dates.
    count : S, slots of each.

    Returns
    -------
    SlotDraws
    """
    normal, uniform = np.empty((len(day), count, NORMALS)), np.empty((len(day), count, UNIFORMS))
    for i, session in enumerate(day):
        a, b = seed_sequence(seed, "synthetic", symbol, session).spawn(2)
        np.random.Generator(np.random.PCG64(a)).standard_normal(out=normal[i])
        np.random.Generator(np.random.PCG64(b)).random(out=uniform[i])
    return SlotDraws(*np.moveaxis(normal, 2, 0), *np.moveaxis(uniform, 2, 0))


def daily_moves(seed: int, symbol: str, requested: Sessions) -> DailyMoves:
    """The move of each session, and the level that it ends at.

    Days without a session move too: what happens on them is in the next open. On weekends that is a tenth of the
    variance, unless the calendar trades on them.

    Parameters
    ----------
    seed, symbol : of the stream, which runs from 1970 on.
    requested : N sessions.

    Returns
    -------
    DailyMoves
    """
    constants = constants_of(seed, symbol)
    ordinal = requested.day.astype(np.int64)
    count = int(ordinal[-1]) + 1
    rng = np.random.default_rng(seed_sequence(seed, "synthetic/days", symbol))
    fear, news, night, move = rng.standard_normal((count, 4)).T
    mood = ar1(fear * DAY_SPREAD * np.sqrt(1 - DAY_MEMORY**2), DAY_MEMORY) + DAY_SHOCK * news
    # Saturdays and Sundays; 1970-01-01 was a Thursday
    quiet = np.ones(count)
    if requested.calendar != "24/7":
        quiet[(np.arange(count) + 3) % 7 >= 5] = np.sqrt(0.1)
    night *= constants.night_sd * np.exp(mood) * quiet
    sd = constants.day_sd * np.exp(mood) * quiet
    close = np.log(constants.level) + ar1(night + sd * move, 1 - REVERSION)
    return DailyMoves(close[ordinal], (sd * move)[ordinal], sd[ordinal], mood[ordinal])


def ar1(shock: Float, memory: float) -> Float:
    """The path of x_t = memory x_(t-1) + shock_t from x = 0.

    Parameters
    ----------
    shock : [n].
    memory : of one step.

    Returns
    -------
    float64 [n]
    """
    out, x = [], 0.0
    for e in shock.tolist():
        x = memory * x + e
        out.append(x)  # a list: to write into an array one by one takes three times as long
    return np.array(out)


def volatility_deviation(slow: Float, fast: Float, interval: int) -> Float:
    """Log deviation of the bars' volatility: AR(1), stationary at each open, and shocks without memory.

    Parameters
    ----------
    slow, fast : standard normals [N, S].
    interval : of the bars, ns.

    Returns
    -------
    float64 [N, S]
    """
    memory = BAR_MEMORY ** (interval / FIVE_MINUTES)
    out = np.empty_like(slow)
    x = slow[:, 0]
    for t in range(slow.shape[1]):
        x = memory * x + np.sqrt(1 - memory**2) * slow[:, t] if t else x
        out[:, t] = x
    return BAR_SPREAD * out + SHOCK * fast


def session_curve(halves: tuple[float, ...], requested: Sessions, count: int) -> Float:
    """A half-hour curve laid over each session, linear between the middles of its parts.

    Parameters
    ----------
    halves : the curve.
    requested : N sessions.
    count : S, slots.

    Returns
    -------
    float64 [N, S]
    """
    at = (np.arange(count) + 0.5) / requested.slots[:, None]
    middles = (np.arange(len(halves)) + 0.5) / len(halves)
    return np.interp(at, middles, halves)


def ohlc_prices(opening: Float, path: Float, variance: Float, z: SlotDraws) -> Ohlc:
    """Prices of bars between the points of a log path.

    High and low are the extremes of a Brownian bridge between open and close (Karatzas and Shreve 1991, problem 2.8.3),
    drawn apart. A share OFF_TICK of the prices lies between the ticks.

    Parameters
    ----------
    opening : [N] log price at the open of each session.
    path : [N, S] log price at the end of each bar.
    variance : [N, S] of the path within each bar.
    z : the uniforms that are used.

    Returns
    -------
    Ohlc
    """
    before = np.column_stack([opening, path[:, :-1]])
    square = (path - before) ** 2
    # the extreme m of a bridge over a step d has (2 m - d)^2 = d^2 - 2 variance log(1 - u)
    up, down = (np.sqrt(square - 2 * variance * np.log1p(-u)) for u in (z.high, z.low))
    high, low = (before + path + up) / 2, (before + path - down) / 2
    o, c = on_tick_grid(np.exp(before), z.open_tick), on_tick_grid(np.exp(path), z.close_tick)
    h, bottom = on_tick_grid(np.exp(high), z.high_tick), on_tick_grid(np.exp(low), z.low_tick)
    return Ohlc(o, np.maximum(h, np.maximum(o, c)), np.minimum(bottom, np.minimum(o, c)), c)


def on_tick_grid(price: Float, uniform: Float) -> Float:
    """Prices on the tick grid, and a share OFF_TICK of them on a hundredth of it; never below one tick.

    Parameters
    ----------
    price : [N, S] currency.
    uniform : [N, S] in [0, 1).

    Returns
    -------
    float64 [N, S]
    """
    fine = np.where(uniform < OFF_TICK, 100, 1) / TICK
    return np.maximum(np.rint(price * fine) / fine, TICK)


def silence_bars(ohlc: Ohlc, volume: Float, silent: Bool) -> None:
    """Take the trades out of bars, in place: no volume, and every price the close before.

    Parameters
    ----------
    ohlc : prices [N, S], changed.
    volume : [N, S] shares, changed.
    silent : [N, S] the bars; of a session's first bar it is set to False.
    """
    silent[:, 0] = False
    for i, j in zip(*np.nonzero(silent), strict=True):
        for price in ohlc:
            price[i, j] = ohlc.close[i, j - 1]
        volume[i, j] = 0.0

"""One symbol's session through the engine: what each bar wants, the book between its bars, and what came of it.

Axes: B bars of the session that are there, K+1 points of a path. Nothing here looks beyond the bar that it is at: what
a bar wants comes from the `bars` fidelity (its own prices and volume, and earlier sessions), random numbers from the
stream of (symbol, session).
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np

from hfm.arrays import Float, Int
from hfm.simulate import spread_model
from hfm.simulate.bars.generator import SimulatedSessions
from hfm.simulate.book import flow_tables, price_path, random_draws
from hfm.simulate.book.bar_target import EVENTS_A_SECOND, BarTarget
from hfm.simulate.book.simulator import BookOptions, PlayedBar, SimulatedBook
from hfm.simulate.day_curves import VOLATILITY_CURVE, VOLUME_CURVE, day_curve
from hfm.simulate.slot_grid import SlotGrid
from hfm.simulate.symbol_settings import SymbolSettings
from hfm.stage import Context

STEPS_A_SECOND, MOST_STEPS = 8, 4096
ON_GRID = 1e-6
"""Ticks from a whole one within which a price counts as on the grid."""
PACE = 2.1
"""Ticks a square root of a second that SPY's mid moves, for which the engine's rate of events is stated."""
SLOWEST, FASTEST = 0.05, 5.0
"""Bounds of another name's pace over SPY's."""
FRACTION = 1e-5
"""Where volumes are not whole, the engine's unit is about this share of the first one."""
LATTICE, STILL = 0.08, 0.2
"""Squared ticks. A mid on half ticks that follows a random walk of steps of variance v > STILL takes
LATTICE (1 - STILL / v) from the covariance of its successive returns; below, it waits for the walk as much as it
jitters. Measured on walks of 1, 2 and 3 ticks a square root of a second."""
ON_SLOT_VOLATILITY = 1.0
"""Elasticity of a slot's excess spread on its usual volatility: of SPREAD_CURVE on VOLATILITY_CURVE."""
GRAIN = 2.0**20
"""Points of a path in a tick. Being so many, they are exact above any origin, and nothing depends on it: the origin is
where the session's prices begin, which no bar but the lowest may know."""


@dataclass(frozen=True)
class BookSession:
    """What a session came to, bar by bar. seq [B]; volume [B] (shares); unit: shares; price = (ticks + origin) x tick.

    ticks: prices that the book has room for; lot: units in a round lot.
    """

    seq: Int
    played: list[PlayedBar]
    volume: Float
    unit: float
    origin: int
    ticks: int
    lot: int

    def without_events(self) -> BookSession:
        """The same with neither events nor prints: what is left is small."""
        return replace(self, played=[p.without_rows() for p in self.played])

    @property
    def events(self) -> int:
        """How many events the book saw."""
        return sum(p.events for p in self.played)


def steps_of(interval_s: float) -> int:
    """Steps of a bar's path: STEPS_A_SECOND, halved until they are at most MOST_STEPS; a whole number a second."""
    a_second = STEPS_A_SECOND
    while a_second > 1 and a_second * interval_s > MOST_STEPS:
        a_second //= 2
    return max(round(a_second * interval_s), 16)


def play_session(
    grid: SlotGrid, simulated: SimulatedSessions, s: int, setting: SymbolSettings, depth0: float, ctx: Context
) -> BookSession:
    """Play one session of a symbol through the engine, bar by bar.

    A session whose prices span too many ticks, or are too few of them, is a DataError (see SimulatedBook).

    Parameters
    ----------
    grid
        The symbol, its days and clock slots.
    simulated
        What the `bars` fidelity says of the sessions [S, T]; NaN in holes, which the book passes over.
    s
        Which session.
    setting
        Of the symbol.
    depth0
        Its level of depth, shares.
    ctx
        Gives the random stream of (symbol, session).

    Returns
    -------
    BookSession
        Its bars in order, with their rows.
    """
    m = simulated.moves
    present = np.flatnonzero(m.present[s])
    rng = ctx.rng(f"{grid.symbol}:book", grid.days[s])
    words = rng.integers(1, 2**63, (grid.slots, 2), dtype=np.uint64)
    draws = rng.random(grid.slots)
    steps = steps_of(setting.interval_s)
    error = price_path.ForecastError(price_path.pool(steps))
    unit = unit_of(float(m.volume[s, present[0]]))
    lot = random_draws.round_lot(depth0 / unit)
    book = _new_book(simulated, s, setting, unit, lot)
    rates = EVENTS_A_SECOND * np.exp(day_curve(VOLUME_CURVE, grid.slots))
    slot = slot_spread(simulated, s)
    played: list[PlayedBar] = []
    for n, t in enumerate(present):
        if n and present[n - 1] != t - 1:
            book.renew()
        book.seed(words[t])
        path = path_of(book, simulated, s, int(t), steps, error, float(draws[t]))
        ln_excess = float(simulated.spread.x[s, t] + slot[t])
        rate = _event_rate(simulated, s, int(t), setting, float(rates[t]))
        played.append(book.play(_target(simulated, s, int(t), setting, unit, path, ln_excess, rate)))
    return BookSession(present, played, m.volume[s][present], unit, book.origin, book.ticks, lot)


def _target(
    simulated: SimulatedSessions,
    s: int,
    t: int,
    setting: SymbolSettings,
    unit: float,
    path: Float,
    ln_excess: float,
    rate: float,
) -> BarTarget:
    """What the bar at slot t wants; ln_excess: of the mean spread less a tick, in ticks, before the cap."""
    m = simulated.moves
    return BarTarget(
        open=float(m.open[s, t]), high=float(m.high[s, t]), low=float(m.low[s, t]), close=float(m.close[s, t]),
        volume=max(math.floor(m.volume[s, t] / unit + 1e-9), int(m.volume[s, t] > 0)), path=path,
        depth=float(simulated.flow.depth[s, t] / unit),
        excess=math.exp(min(ln_excess, math.log(spread_model.CAP_TICKS))), rate=rate,
        start=float(t) * setting.interval_s, length=setting.interval_s,
    )  # fmt: skip


def _new_book(simulated: SimulatedSessions, s: int, setting: SymbolSettings, unit: float, lot: int) -> SimulatedBook:
    """An empty book for the session's prices, with the flow of the settings."""
    m, sim = simulated.moves, setting.simulate
    options = BookOptions(float(simulated.tick[s, 0]), lot, sim.l3, sim.events)
    if sim.tables:
        laws, pace = flow_tables.laws(sim.tables, unit), flow_tables.pace(sim.tables)
        options = replace(options, laws=laws, pace=pace, reach=flow_tables.reach(sim.tables))
    return SimulatedBook(float(np.nanmin(m.low[s])), float(np.nanmax(m.high[s])), options)


def _event_rate(simulated: SimulatedSessions, s: int, t: int, setting: SymbolSettings, usual: float) -> float:
    """Events a second: of a fitted flow by the bar's volume, else `usual` times the mid's pace over SPY's."""
    m, sim = simulated.moves, setting.simulate
    if sim.tables:
        return flow_tables.rate(sim.tables, float(m.volume[s, t]) / setting.interval_s)
    tick = float(simulated.tick[s, 0])
    pace = float(np.exp(simulated.levels.level_vol[s, t])) * m.open[s, t] / tick / math.sqrt(setting.interval_s)
    return float(usual * min(max(pace / PACE, SLOWEST), FASTEST))


def unit_of(volume: float) -> float:
    """Shares in one unit of the engine, by a session's first volume: 1 where it is whole, else a small part of it."""
    if volume == round(volume):
        return 1.0
    return float(10.0 ** math.floor(math.log10(volume) + math.log10(FRACTION)))


def slot_spread(simulated: SimulatedSessions, s: int) -> Float:
    """Ln of a slot's excess spread over that of SPREAD_CURVE, since its usual volatility is not VOLATILITY_CURVE's.

    A market that opens calmly opens with a narrower spread. From earlier sessions alone.

    Parameters
    ----------
    simulated
        The symbol's sessions [S, T].
    s
        Which session.

    Returns
    -------
    Float
        [T], no NaN.
    """
    usual = simulated.levels.phi_vol[s]
    return np.asarray(ON_SLOT_VOLATILITY * (usual - day_curve(VOLATILITY_CURVE, len(usual))))


def path_of(
    book: SimulatedBook,
    simulated: SimulatedSessions,
    s: int,
    t: int,
    steps: int,
    error: price_path.ForecastError,
    draw: float,
) -> Float:
    """The path of the mid inside a bar, in ticks above the book's origin.

    It stays half a tick inside the bar's high and low, where these are on the grid, so that a best price is there. It
    begins at the open and ends at the close, or half a tick from them at an extreme: ends that gave way towards the
    middle of the range would correlate neighbouring bars, by .01 for SPY.

    Parameters
    ----------
    book
        Gives tick and origin.
    simulated
        The symbol's sessions [S, T].
    s, t
        Session and slot of the bar, which is there.
    steps
        K of the path.
    error
        Of the session's forecasts so far; it takes this bar's.
    draw
        A uniform in [0, 1), which decides among the nearest walks of the pool.

    Returns
    -------
    Float
        [K+1] ticks, no NaN.
    """
    m, tick = simulated.moves, book.tick
    low, high = float(m.low[s, t]), float(m.high[s, t])
    floor, top = low / tick - book.origin, high / tick - book.origin
    bottom = (round(floor) if abs(floor - round(floor)) < ON_GRID else math.floor(floor)) + 0.5
    ceiling = round(top) - 0.5 if abs(top - round(top)) < ON_GRID else math.floor(top) + 0.5
    if ceiling <= bottom:
        return np.full(steps + 1, bottom if ceiling == bottom else min(bottom, ceiling))
    spread = (high - low) / float(simulated.levels.sigma[s, t] * m.origin[s, t])
    inset, width = round((bottom - floor) * GRAIN) / GRAIN, ceiling - bottom
    ends = ((float(x[s, t]) - low) / tick - inset for x in (m.open, m.close))
    start, end = (min(max(x / width, 0.0), 1.0) for x in ends)
    part = price_path.path(price_path.pool(steps), start, end, spread, error.sd, draw)
    error.add(spread)
    return np.asarray(bottom + np.rint(follow(width * part) * GRAIN) / GRAIN)


def follow(path: Float) -> Float:
    """What the mid is drawn to where the bar's path is `path`: that path, a part of a step late.

    The grid of half ticks makes successive returns of the mid anticorrelated; a target that is late by w of a step adds
    w (1 - w) of a step's variance to their covariance. So w is chosen that the two cancel, up to half a step.

    Parameters
    ----------
    path
        [K+1] ticks.

    Returns
    -------
    Float
        [K+1] ticks.
    """
    move = np.diff(path)
    v = float(np.mean(move * move))
    if v <= STILL:
        return path
    out = path.copy()
    out[1:] -= 0.5 * (1.0 - math.sqrt(1.0 - 4.0 * min(LATTICE * (1.0 - STILL / v) / v, 0.25))) * move
    return out

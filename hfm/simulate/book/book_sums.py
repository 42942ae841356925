"""Sums of a session of the book, from which its facts are made (see book_facts.py).

Snapshots a second give returns over H seconds, each over the forecast sd of H seconds at its place, so that quiet and
wild sessions weigh alike; OFI over twice the depth that the bar wanted is in ticks. NaN where a second misses.
"""

from __future__ import annotations

import math

import numpy as np

from hfm.arrays import Float
from hfm.simulate.bars.generator import SimulatedSessions
from hfm.simulate.book.book_session import BookSession
from hfm.simulate.symbol_settings import SymbolSettings
from hfm.tables.records import Records

HORIZONS = (1, 10, 60, 300)
"""Seconds."""
SIGN_LAGS = (1, 10)
BINS = 12
"""Of metaorders by ln of their share of the bar's volume: a factor of 2 each, from LEAST on."""
LEAST = 2.0**-14
_OPENING_S, _MIDDAY = 900.0, 0.1


def sums(session: BookSession, simulated: SimulatedSessions, s: int, setting: SymbolSettings) -> dict[str, float]:
    """The sums of one session of the book.

    Parameters
    ----------
    session
        What it came to.
    simulated
        The bars and the model's levels [S, T].
    s
        Which session.
    setting
        Of the symbol.

    Returns
    -------
    dict[str, float]
        By name; seconds without a quote are left out.
    """
    out: dict[str, float] = {}
    _returns(out, np.concatenate([p.snapshots for p in session.played]), session, simulated, s, setting)
    _spread(out, session, simulated, s, setting)
    trades = np.concatenate([p.trades for p in session.played])
    _signs(out, trades["side"][trades["lit"]].astype(float))
    _impact(out, session, simulated, s, setting)
    return out


def pair(out: dict[str, float], name: str, a: Float, b: Float) -> None:
    """Add the sums for a correlation: name.n, .a, .b, .aa, .bb and .ab.

    Parameters
    ----------
    out
        Takes them.
    name
        Of the pair.
    a, b
        [n]; places where one of them is NaN are left out.
    """
    both = np.isfinite(a) & np.isfinite(b)
    a, b = a[both], b[both]
    for suffix, x in (("n", both), ("a", a), ("b", b), ("aa", a * a), ("bb", b * b), ("ab", a * b)):
        out[f"{name}.{suffix}"] = float(x.sum())


def _returns(
    out: dict[str, float],
    snaps: Records,
    session: BookSession,
    simulated: SimulatedSessions,
    s: int,
    setting: SymbolSettings,
) -> None:
    seconds = int(setting.slots * setting.interval_s)
    mid, ofi = np.full(seconds, np.nan), np.full(seconds, np.nan)
    at_second = np.rint(snaps["time"]).astype(np.int64)
    mid[at_second], ofi[at_second] = snaps["mid"], snaps["ofi"]
    a_bar = int(setting.interval_s)
    sigma = np.repeat(simulated.levels.sigma[s] * simulated.moves.origin[s] / simulated.tick[s], a_bar) / math.sqrt(
        a_bar
    )
    depth = np.repeat(2.0 * simulated.flow.depth[s], a_bar) / session.unit
    for h in HORIZONS:
        place = np.arange(0, seconds - h, h)
        scale = sigma[place] * math.sqrt(h)
        r = (mid[place + h] - mid[place]) / scale
        e = (ofi[place + h] - ofi[place]) / depth[place] / scale
        pair(out, f"ac{h}", r[:-1], r[1:])
        pair(out, f"ofi{h}", e, r)
        pair(out, f"next{h}", e[:-1], r[1:])
        out[f"n{h}"], out[f"rr{h}"] = float(np.isfinite(r).sum()), float(np.nansum(r * r))
        out[f"r4{h}"] = float(np.nansum(r**4))


def _spread(
    out: dict[str, float], session: BookSession, simulated: SimulatedSessions, s: int, setting: SymbolSettings
) -> None:
    """Time-weighted spreads, and the bars' own Garman-Klass volatility over the session's level, at the open and at
    midday.
    """
    span = setting.interval_s
    ticks = np.array([p.sums.spread_time for p in session.played]) / span
    one = np.array([p.sums.one_tick_time for p in session.played]) / span
    opening = session.seq * span < _OPENING_S
    middle = np.abs((session.seq + 0.5) / setting.slots - 0.5) <= _MIDDAY
    out["bars"], out["ticks"], out["one"] = float(len(ticks)), float(ticks.sum()), float(one.sum())
    volatility = np.exp(simulated.levels.dev_vol[s] + simulated.levels.phi_vol[s])[session.seq]
    for name, mask in (("open", opening), ("mid", middle)):
        out[f"ticks.{name}"], out[f"n.{name}"] = float(ticks[mask].sum()), float(mask.sum())
        out[f"vol.{name}"] = float(volatility[mask].sum())


def _signs(out: dict[str, float], sign: Float) -> None:
    for lag in SIGN_LAGS:
        pair(out, f"sign{lag}", sign[:-lag], sign[lag:])


def _impact(
    out: dict[str, float], session: BookSession, simulated: SimulatedSessions, s: int, setting: SymbolSettings
) -> None:
    """Metaorders by size: how many, their sizes (shares of the bar's volume) and impacts (bar's sd), summed."""
    total = np.zeros((BINS, 3))
    for n, played in enumerate(session.played):
        t = session.seq[n]
        rows = played.metaorders
        if not len(rows):
            continue
        size = rows["qty"] * session.unit / session.volume[n]
        sd = simulated.levels.sigma[s, t] * simulated.moves.origin[s, t] / simulated.tick[s, 0]
        place = np.clip(np.floor(np.log2(size / LEAST)), 0, BINS - 1).astype(np.int64)
        for k, x in enumerate((np.ones(len(rows)), size, rows["side"] * rows["move"] / sd)):
            np.add.at(total[:, k], place, x)
    for b in range(BINS):
        for k, name in enumerate(("n", "size", "impact")):
            out[f"meta{b}.{name}"] = float(total[b, k])

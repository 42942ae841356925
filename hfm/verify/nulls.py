"""Markets without an edge, of five makes: does the verdict find one where there is none?

Every market has the keys and the volume of the synthetic source's bars; its prices are made here, or taken from
sessions of real bars. Of walk and garch the mid is known to be the price; the other makes are prices of trades. Axes: S
sessions, T slots of a session.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import pyarrow as pa

from hfm import tables
from hfm.arrays import Float
from hfm.artifacts import BARS
from hfm.tables import arrays
from hfm.verify.in_memory_run import InMemoryRun, synthetic

Kind = Literal["walk", "garch", "flipped", "bootstrapped", "bounced"]
KINDS: tuple[Kind, ...] = ("walk", "garch", "flipped", "bootstrapped", "bounced")
SESSIONS = 110
"""110 leave 60 out of sample, the fewest that are judged."""
SIGMA_BPS = {"5m": 7.0, "1m": 3.1}
"""Standard deviation of a bar's return of the markets made here."""
PRINTS = 8
"""Trades of a bar of a bounced market."""
HALF_SPREADS, PERSISTENCE = (3.0, 4.0, 5.0), (0.5, 0.85, 0.95)
"""Half-spreads in bp, and probabilities that a trade is on the side of the one before."""
Interval = Literal["5m", "1m"]


@dataclass(frozen=True)
class Roll:
    """A market after Roll (1984): trades at a random-walk mid plus or minus half a spread.

    Attributes
    ----------
    half_bps : half of the spread, in bp of the price.
    persistence : probability that a trade is on the side of the one before.
    joined : whether a bar opens at the close before it, as with many vendors.
    interval : of the bars.
    """

    half_bps: float = 4.0
    persistence: float = 0.5
    joined: bool = False
    interval: Interval = "5m"


def grid() -> list[Roll]:
    """Half-spread x persistence x joined opens x interval."""
    return [
        Roll(half, stay, joined, interval)
        for interval in ("5m", "1m") for joined in (True, False) for stay in PERSISTENCE for half in HALF_SPREADS
    ]  # fmt: skip


def market(
    kind: Kind, seed: int, settings: Mapping[str, Mapping[str, object]], real: pa.Table | None = None,
    roll: Roll | None = None,
) -> InMemoryRun:  # fmt: skip
    """One market up to its bars.

    Parameters
    ----------
    kind, seed
        Which make, and which draw of it.
    settings
        Section -> key -> value, of the stages that follow.
    real
        Bars of one symbol, whose sessions flipped and bootstrapped take; None: those of the synthetic source.
    roll
        The market of bounced; None: one of `grid` at random.

    Returns
    -------
    InMemoryRun
        After fetch.
    """
    rng = np.random.default_rng([seed, KINDS.index(kind)])
    if kind == "walk":
        return synthetic(SESSIONS, seed, settings)
    if kind == "bounced":
        roll = roll or grid()[int(rng.integers(len(grid())))]
        own = {**settings, "fetch": {**settings.get("fetch", {}), "interval": roll.interval}}
        base = synthetic(SESSIONS, seed, own)
        return _with(base, bounced(base.table(BARS), roll, rng), observed=True)
    base = synthetic(SESSIONS, seed, settings)
    bars = base.table(BARS)
    if kind == "garch":
        return _with(base, garch(bars, rng), observed=False)
    drawn = resampled(bars if real is None else real, bars, rng)
    return _with(base, flipped(drawn, rng) if kind == "flipped" else drawn, observed=True)


def _with(base: InMemoryRun, prices: dict[str, Float], *, observed: bool) -> InMemoryRun:
    """The market with other prices; observed: they count as prices of trades on a market that was seen."""
    bars = base.table(BARS)
    for name, values in prices.items():
        at = bars.schema.get_field_index(name)
        bars = bars.set_column(at, bars.schema.field(at), pa.array(values))
    if observed:
        meta = replace(tables.meta_of(bars.schema), synthetic=False, source="verify")
        columns = {name: bars.column(name) for name in bars.column_names}
        bars = tables.build(tables.BARS, columns, meta, "observed")
    return base.replaced(bars=bars)


def _blocks(bars: pa.Table) -> list[slice]:
    """Rows of each session."""
    day = arrays(bars, ["session"])["session"]
    starts = [0, *(np.flatnonzero(day[1:] != day[:-1]) + 1).tolist(), len(day)]
    return [slice(a, b) for a, b in itertools.pairwise(starts)]


def garch(bars: pa.Table, rng: np.random.Generator) -> dict[str, Float]:
    """Prices of GARCH(1,1) returns with Student t(4) shocks (Bollerslev 1987, doi:10.2307/1925546); they are mids.

    alpha .08, beta .90, at SIGMA_BPS without condition; the night is one more step. High and low are the extremes of
    ten steps inside the bar.

    Parameters
    ----------
    bars
        n of them: how many are made.
    rng
        Draws the shocks.

    Returns
    -------
    dict[str, Float]
        Open, high, low and close, [n] each.
    """
    n, steps = bars.num_rows, 10
    shock = rng.standard_t(4, (n, steps)) / np.sqrt(2.0)
    variance, level = np.empty(n), (SIGMA_BPS["5m"] * 1e-4) ** 2
    now, total = level, (shock.sum(axis=1) / np.sqrt(steps)) ** 2
    for i in range(n):
        variance[i] = now
        now = 0.02 * level + (0.90 + 0.08 * min(total[i], 50.0)) * now
    path = np.cumsum(shock * np.sqrt(variance / steps)[:, None], axis=1)
    start = np.log(100.0) + np.concatenate(([0.0], np.cumsum(path[:, -1])[:-1]))
    inside = np.exp(np.column_stack([np.zeros(n), path]) + start[:, None])
    return _ohlc(inside)


def _ohlc(inside: Float) -> dict[str, Float]:
    """Open, high, low and close of the prices inside each bar [n, steps]."""
    return {"open": inside[:, 0], "high": inside.max(axis=1), "low": inside.min(axis=1), "close": inside[:, -1]}


def resampled(source: pa.Table, bars: pa.Table, rng: np.random.Generator) -> dict[str, Float]:
    """Sessions drawn with replacement, as prices of other bars: whole sessions, nights drawn with them.

    A drawn session is read at the relative place of each row, so that holes and half days stay those of `bars`.

    Parameters
    ----------
    source
        Bars whose sessions are drawn.
    bars
        n of them, which take the prices.
    rng
        Draws the sessions.

    Returns
    -------
    dict[str, Float]
        Open, high, low and close, [n] each.
    """
    x, own = arrays(source, ["open", "high", "low", "close"]), _blocks(source)
    out = {name: np.empty(bars.num_rows) for name in x}
    level = float(x["close"][own[0]][-1])
    for rows in _blocks(bars):
        k = int(rng.integers(1, len(own)))
        night = x["open"][own[k]][0] / x["close"][own[k - 1]][-1]
        size, held = rows.stop - rows.start, own[k].stop - own[k].start
        at = own[k].start + np.minimum(np.arange(size), held - 1)
        scale = level * night / x["open"][own[k]][0]
        for name in x:
            out[name][rows] = x[name][at] * scale
        if size > held:  # a longer session ends with rows that stand still
            for name in x:
                out[name][rows.start + held : rows.stop] = out["close"][rows.start + held - 1]
        level = float(out["close"][rows.stop - 1])
    return out


def flipped(prices: Mapping[str, Float], rng: np.random.Generator) -> dict[str, Float]:
    """The same bars, each move's sign drawn at random: the gap to the open, and the bar as a mirror about its open.

    Parameters
    ----------
    prices
        Open, high, low and close, [n] each.
    rng
        Draws the signs.

    Returns
    -------
    dict[str, Float]
        Open, high, low and close, [n] each.
    """
    x = {name: np.log(values) for name, values in prices.items()}
    n = len(x["open"])
    gap = np.concatenate(([0.0], x["open"][1:] - x["close"][:-1])) * rng.choice((-1.0, 1.0), n)
    sign = rng.choice((-1.0, 1.0), n)
    body = sign * (x["close"] - x["open"])
    up, down = x["high"] - x["open"], x["low"] - x["open"]
    high, low = np.where(sign > 0, up, -down), np.where(sign > 0, down, -up)
    opened = x["open"][0] + np.cumsum(gap) + np.concatenate(([0.0], np.cumsum(body)[:-1]))
    return {
        "open": np.exp(opened), "high": np.exp(opened + high), "low": np.exp(opened + low),
        "close": np.exp(opened + body),
    }  # fmt: skip


def bounced(bars: pa.Table, roll: Roll, rng: np.random.Generator) -> dict[str, Float]:
    """Prices of PRINTS trades a bar around a random-walk mid: see Roll. Each session's mid goes on from the last.

    Parameters
    ----------
    bars
        n of them: how many are made, and where sessions begin.
    roll
        The market.
    rng
        Draws mids and sides.

    Returns
    -------
    dict[str, Float]
        Open, high, low and close, [n] each.
    """
    n = bars.num_rows
    step = rng.standard_normal((n, PRINTS)) * SIGMA_BPS[roll.interval] * 1e-4 / np.sqrt(PRINTS)
    mid = np.log(100.0) + np.cumsum(step.ravel())
    turn = rng.random(n * PRINTS) > roll.persistence
    side = np.where(np.cumsum(turn) % 2 == 0, 1.0, -1.0)
    inside = np.exp(mid + side * roll.half_bps * 1e-4).reshape(n, PRINTS)
    if roll.joined:
        first = [rows.start for rows in _blocks(bars)]
        before = np.concatenate((inside[:1, 0], inside[:-1, -1]))
        before[first] = inside[first, 0]
        inside = np.column_stack([before, inside])
    return _ohlc(inside)

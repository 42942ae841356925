"""The sums a session from which the stylised facts of simulated bars are made.

Axes: S sessions, T clock slots. x is a return over its forecast sd; g, v are the deviations of volatility and
volume.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from hfm.arrays import Bool, Float
from hfm.simulate.bars.generator import SimulatedSessions
from hfm.simulate.day_curves import SPREAD_CURVE, day_curve
from hfm.simulate.symbol_settings import SymbolSettings

PARTS = 13
"""Parts of a session in which volume and volatility are compared: half-hours of XNYS."""
_LAGS = (1, 12)


def sums(simulated: SimulatedSessions, setting: SymbolSettings, yesterday: Float) -> tuple[dict[str, Float], Float]:
    """The sums of each session, and what the next call needs of the last one.

    Parameters
    ----------
    simulated
        S sessions of one symbol.
    setting
        Of the symbol.
    yesterday
        [T] |r| in bp of the session before the first; NaN where there is none.

    Returns
    -------
    tuple[dict[str, Float], Float]
        Sums [S] by name, holes left out; |r| [T] of the last session, NaN in holes: the next call's `yesterday`.
    """
    valid = simulated.moves.present
    r = _only(valid, 1e4 * np.log(simulated.moves.close / simulated.moves.origin))
    sigma = _only(valid, 1e4 * simulated.levels.sigma, 1.0)
    x = r / sigma
    out = {"n": _sum(valid)}
    for name, y in (("r", r), ("x", x)):
        square = y * y
        out |= {f"{name}1": _sum(y), f"{name}2": _sum(square)}
        out |= {f"{name}3": np.vecdot(y, square), f"{name}4": np.vecdot(square, square)}
    _flow_sums(out, simulated, setting, x, valid)
    _lag_sums(out, r, x, valid, yesterday)
    _spread_sums(out, simulated, setting, valid)
    _clock_sums(out, simulated, r, valid)
    if setting.simulate.signal == "planted":
        _oracle_sums(out, simulated, r, valid)
    return out, np.where(valid[-1], np.abs(r[-1]), np.nan)


def _only(valid: Bool, x: Float, other: float = 0.0) -> Float:
    """`x` where `valid`, else `other`: x itself where no row misses, as in most sessions."""
    return x if valid.all() else np.where(valid, x, other)


def _sum(x: npt.NDArray[Any]) -> Float:  # Any: booleans or floats
    return np.asarray(x.sum(axis=1), dtype=float)


def _pair(out: dict[str, Float], name: str, a: Float, b: Float, paired: Bool) -> None:
    """Sums for the correlation of a and b over the places where both are."""
    weight = paired.astype(float)
    if not paired.all():
        a, b = a * weight, b * weight
    for suffix, x, y in (
        ("n", weight, weight),
        ("a", weight, a),
        ("b", weight, b),
        ("aa", a, a),
        ("bb", b, b),
        ("ab", a, b),
    ):
        out[f"{name}.{suffix}"] = np.vecdot(x, y)


def _flow_sums(
    out: dict[str, Float], simulated: SimulatedSessions, setting: SymbolSettings, x: Float, valid: Bool
) -> None:
    flow = simulated.flow
    impact = 0.5 * simulated.tick / flow.depth * flow.ofi / (simulated.levels.sigma * simulated.moves.origin)
    _pair(out, "ofi", _only(valid, impact), x, valid)
    next_two = valid[:, :-1] & valid[:, 1:]
    _pair(out, "lead", _only(valid, flow.eps)[:, :-1], x[:, 1:], next_two)
    traded = valid & (simulated.moves.volume > 0)
    share = _only(traded, flow.signed / _only(traded, simulated.moves.volume, 1.0))
    out["flow2"] = np.vecdot(share, share)
    out["cut"] = _sum(np.abs(share) == 1.0)


def _lag_sums(out: dict[str, Float], r: Float, x: Float, valid: Bool, yesterday: Float) -> None:
    _pair(out, "ac", x[:, :-1], x[:, 1:], valid[:, :-1] & valid[:, 1:])
    size = np.abs(r)
    for lag in _LAGS:
        ok = valid[:, lag:] & valid[:, :-lag] if lag < r.shape[1] else np.zeros((len(r), 0), bool)
        _pair(out, f"abs{lag}", size[:, lag:], size[:, : ok.shape[1]], ok)
    before = np.concatenate((yesterday[None, :], _only(valid, size, np.nan)[:-1]))
    ok = valid & np.isfinite(before)
    _pair(out, "absday", size, _only(ok, before), ok)


def _spread_sums(out: dict[str, Float], simulated: SimulatedSessions, setting: SymbolSettings, valid: Bool) -> None:
    slots = valid.shape[1]
    ticks = _only(valid, simulated.spread.quoted / simulated.tick)
    out["ticks"] = _sum(ticks)
    out["one"] = _sum(_only(valid, np.maximum(0.0, 1.0 - np.exp(simulated.spread.x))))
    opening = np.arange(slots) * setting.interval_s < 900.0
    middle = np.abs((np.arange(slots) + 0.5) / slots - 0.5) <= 0.1
    for name, part in (("open", opening), ("mid", middle)):
        out[f"ticks.{name}"], out[f"n.{name}"] = _sum(ticks[:, part]), _sum(valid[:, part])
    y = _only(valid, simulated.spread.x - simulated.spread.a - day_curve(SPREAD_CURVE, slots))
    g, v = (_only(valid, d) for d in (simulated.spread.dev_vol, simulated.spread.dev_size))
    columns = {"1": valid.astype(float), "g": g, "v": v, "y": y}
    full = bool(valid.all())
    paired = columns["1"][:, :-1] * columns["1"][:, 1:]
    for a in columns:
        first = columns[a][:, :-1] if full else columns[a][:, :-1] * paired
        for b in columns:
            out[f"lag.{a}{b}"] = np.vecdot(first, columns[b][:, 1:])
            out[f"fit.{a}{b}"] = out[f"fit.{b}{a}"] if b < a else np.vecdot(columns[a], columns[b])


def _clock_sums(out: dict[str, Float], simulated: SimulatedSessions, r: Float, valid: Bool) -> None:
    slots = r.shape[1]
    parts = min(PARTS, slots)
    starts = np.arange(parts) * slots // parts
    size, vol = _distinct(simulated.levels.level_size), _distinct(simulated.levels.level_vol)
    volume = _only(valid, simulated.moves.volume / np.exp(size))
    square = _only(valid, r * r / np.exp(2.0 * vol))
    for name, values in (("vol", volume), ("sq", square), ("rows", valid.astype(float))):
        table = np.add.reduceat(values, starts, axis=1)
        for j in range(parts):
            out[f"{name}.{j}"] = table[:, j]


def _distinct(level: Float) -> Float:
    """A level [S, T], or [S, 1] of it where it is one number a session laid out over its slots."""
    return level[:, :1] if level.strides[1] == 0 else level


def _oracle_sums(out: dict[str, Float], simulated: SimulatedSessions, r: Float, valid: Bool) -> None:
    paired = valid[:, :-1] & valid[:, 1:]
    p, up = simulated.p_up[:, :-1], r[:, 1:] > 0
    out["oracle.n"] = _sum(paired)
    out["oracle.right"] = _sum(((p > 0.5) == up) & paired)
    out["oracle.sure"] = _sum(np.maximum(p, 1.0 - p) * paired)
    out["oracle.far"] = _sum((np.maximum(p, 1.0 - p) > 0.6) & paired)

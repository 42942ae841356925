"""The sums a session from which the stylised facts of simulated bars are made.

Axes: S sessions, T clock slots. x is a return over its forecast sd; g, v are the deviations of volatility and
volume.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from hfm.simulate.bars.generator import Setting, Sheet
from hfm.simulate.bars.trailing_stats import SPREAD_CURVE, curve

Float = npt.NDArray[np.float64]
Bool = npt.NDArray[np.bool_]

PARTS = 13
"""Parts of a session in which volume and volatility are compared: half-hours of XNYS."""
_LAGS = (1, 12)


def sums(sheet: Sheet, setting: Setting, yesterday: Float) -> tuple[dict[str, Float], Float]:
    """Named sums a session [S], and the last session's |r| [T], which the next call takes as `yesterday`."""
    here = sheet.moves.present
    r = _only(here, 1e4 * np.log(sheet.moves.close / sheet.moves.origin))
    sigma = _only(here, 1e4 * sheet.levels.sigma, 1.0)
    x = r / sigma
    out = {"n": _sum(here)}
    for name, y in (("r", r), ("x", x)):
        square = y * y
        out |= {f"{name}1": _sum(y), f"{name}2": _sum(square)}
        out |= {f"{name}3": np.vecdot(y, square), f"{name}4": np.vecdot(square, square)}
    _flow_sums(out, sheet, setting, x, here)
    _lag_sums(out, r, x, here, yesterday)
    _spread_sums(out, sheet, setting, here)
    _clock_sums(out, sheet, r, here)
    if setting.simulate.signal == "planted":
        _oracle_sums(out, sheet, r, here)
    return out, np.where(here[-1], np.abs(r[-1]), np.nan)


def _only(here: Bool, x: Float, other: float = 0.0) -> Float:
    """x where `here`, else `other`: x itself where no row misses, as in most sessions."""
    return x if here.all() else np.where(here, x, other)


def _sum(x: npt.NDArray[Any]) -> Float:  # Any: booleans or floats
    return np.asarray(x.sum(axis=1), dtype=float)


def _pair(out: dict[str, Float], name: str, a: Float, b: Float, both: Bool) -> None:
    """Sums for the correlation of a and b over the places where both are."""
    weight = both.astype(float)
    if not both.all():
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


def _flow_sums(out: dict[str, Float], sheet: Sheet, setting: Setting, x: Float, here: Bool) -> None:
    flow = sheet.flow
    impact = 0.5 * sheet.tick / flow.depth * flow.ofi / (sheet.levels.sigma * sheet.moves.origin)
    _pair(out, "ofi", _only(here, impact), x, here)
    next_two = here[:, :-1] & here[:, 1:]
    _pair(out, "lead", _only(here, flow.eps)[:, :-1], x[:, 1:], next_two)
    traded = here & (sheet.moves.volume > 0)
    share = _only(traded, flow.signed / _only(traded, sheet.moves.volume, 1.0))
    out["flow2"] = np.vecdot(share, share)
    out["cut"] = _sum(np.abs(share) == 1.0)


def _lag_sums(out: dict[str, Float], r: Float, x: Float, here: Bool, yesterday: Float) -> None:
    _pair(out, "ac", x[:, :-1], x[:, 1:], here[:, :-1] & here[:, 1:])
    size = np.abs(r)
    for lag in _LAGS:
        ok = here[:, lag:] & here[:, :-lag] if lag < r.shape[1] else np.zeros((len(r), 0), bool)
        _pair(out, f"abs{lag}", size[:, lag:], size[:, : ok.shape[1]], ok)
    before = np.concatenate((yesterday[None, :], _only(here, size, np.nan)[:-1]))
    ok = here & np.isfinite(before)
    _pair(out, "absday", size, _only(ok, before), ok)


def _spread_sums(out: dict[str, Float], sheet: Sheet, setting: Setting, here: Bool) -> None:
    slots = here.shape[1]
    ticks = _only(here, sheet.spread.quoted / sheet.tick)
    out["ticks"] = _sum(ticks)
    out["one"] = _sum(_only(here, np.maximum(0.0, 1.0 - np.exp(sheet.spread.x))))
    opening = np.arange(slots) * setting.interval_s < 900.0
    middle = np.abs((np.arange(slots) + 0.5) / slots - 0.5) <= 0.1
    for name, part in (("open", opening), ("mid", middle)):
        out[f"ticks.{name}"], out[f"n.{name}"] = _sum(ticks[:, part]), _sum(here[:, part])
    y = _only(here, sheet.spread.x - sheet.spread.a - curve(SPREAD_CURVE, slots))
    g, v = (_only(here, d) for d in (sheet.spread.dev_vol, sheet.spread.dev_size))
    columns = {"1": here.astype(float), "g": g, "v": v, "y": y}
    full = bool(here.all())
    both = columns["1"][:, :-1] * columns["1"][:, 1:]
    for a in columns:
        first = columns[a][:, :-1] if full else columns[a][:, :-1] * both
        for b in columns:
            out[f"lag.{a}{b}"] = np.vecdot(first, columns[b][:, 1:])
            out[f"fit.{a}{b}"] = out[f"fit.{b}{a}"] if b < a else np.vecdot(columns[a], columns[b])


def _clock_sums(out: dict[str, Float], sheet: Sheet, r: Float, here: Bool) -> None:
    slots = r.shape[1]
    parts = min(PARTS, slots)
    starts = np.arange(parts) * slots // parts
    size, vol = _distinct(sheet.levels.level_size), _distinct(sheet.levels.level_vol)
    volume = _only(here, sheet.moves.volume / np.exp(size))
    square = _only(here, r * r / np.exp(2.0 * vol))
    for name, values in (("vol", volume), ("sq", square), ("rows", here.astype(float))):
        table = np.add.reduceat(values, starts, axis=1)
        for j in range(parts):
            out[f"{name}.{j}"] = table[:, j]


def _distinct(level: Float) -> Float:
    """A level [S, T], or [S, 1] of it where it is one number a session laid out over its slots."""
    return level[:, :1] if level.strides[1] == 0 else level


def _oracle_sums(out: dict[str, Float], sheet: Sheet, r: Float, here: Bool) -> None:
    both = here[:, :-1] & here[:, 1:]
    p, up = sheet.p_up[:, :-1], r[:, 1:] > 0
    out["oracle.n"] = _sum(both)
    out["oracle.right"] = _sum(((p > 0.5) == up) & both)
    out["oracle.sure"] = _sum(np.maximum(p, 1.0 - p) * both)
    out["oracle.far"] = _sum((np.maximum(p, 1.0 - p) > 0.6) & both)

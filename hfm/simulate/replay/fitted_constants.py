"""Constants of the `bars` model from a replayed book: fitted on even half-hours, said again of the odd ones.

Axes: S sessions, T slots of five minutes. What is fitted is named and bounded by spread_model.RANGES.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np

from hfm.arrays import Bool, Float, Int
from hfm.simulate import day_curves, spread_model
from hfm.simulate.bars import micro, trailing_stats

EVERY = 300
"""Seconds of a row."""
LEAST = 24
"""Rows that a fit needs."""
COLUMNS = (
    "mid_open", "mid_high", "mid_low", "mid_close", "volume", "spread_bps", "half_spread", "depth_bid", "depth_ask",
    "ofi", "signed_volume",
)  # fmt: skip


def constants(
    sessions: Sequence[tuple[Int, Mapping[str, Float]]], slots: int, tick: float
) -> tuple[dict[str, float], dict[str, float]]:
    """The constants of one symbol's sessions, from even half-hours and from odd ones.

    Parameters
    ----------
    sessions
        Slots [R] and quotes columns of COLUMNS [R] of each, in order of time.
    slots
        T of a full session.
    tick
        Currency.

    Returns
    -------
    tuple[dict[str, float], dict[str, float]]
        By name, within spread_model.RANGES; empty where rows are too few.
    """
    q = {name: np.full((len(sessions), slots), np.nan) for name in COLUMNS}
    for s, (seq, columns) in enumerate(sessions):
        for name in COLUMNS:
            q[name][s, seq] = columns[name]
    valid = np.isfinite(q["mid_close"])
    start = micro.origin(q["mid_open"], q["mid_close"], valid)
    move = q["mid_close"] - start
    range_, body = np.log(q["mid_high"] / q["mid_low"]), np.log(q["mid_close"] / q["mid_open"])
    gk2 = np.maximum(0.5 * range_**2 - (2 * math.log(2) - 1) * body**2, (0.1 * tick / q["mid_close"]) ** 2)
    volume = np.where(valid, q["volume"], 0.0)
    memory = trailing_stats.no_past_sessions(slots)
    levels, _ = trailing_stats.learn(memory, gk2, volume, np.log(q["mid_close"] / start), float(EVERY))
    half_hour = np.arange(slots) * EVERY // 1800
    use = valid & np.isfinite(levels.dev_size) & (q["depth_bid"] + q["depth_ask"] > 0)
    parts = [_fit(q, levels, move, use & (half_hour % 2 == odd), tick) for odd in (0, 1)]
    return parts[0], parts[1]


def _fit(
    q: Mapping[str, Float], levels: trailing_stats.Levels, move: Float, use: Bool, tick: float
) -> dict[str, float]:
    """The constants from the rows of `use` [S, T]."""
    if np.count_nonzero(use) < LEAST:
        return {}
    # ln(spread / tick - 1) less its curve, on volatility and volume (see micro.spread)
    spread = q["spread_bps"] * 1e-4 * q["mid_close"]
    phi = day_curves.day_curve(day_curves.SPREAD_CURVE, use.shape[1])
    excess = np.log(np.maximum(spread / tick - 1.0, 0.01)) - phi
    x, rest = _regress(excess, (levels.dev_vol, levels.dev_size), use)
    # the mid's change on OFI tick / (2 depth) (Cont, Kukanov and Stoikov 2014, eq. 5)
    depth = 0.5 * (q["depth_bid"] + q["depth_ask"])
    push = 0.5 * tick / depth * q["ofi"]
    slope = float(np.sum((push * move)[use]) / np.sum((push * push)[use]))
    estimates = {
        "ln_excess": x[0], "on_volatility": x[1], "on_volume": x[2], "spread_ar": _ar(rest, use),
        "spread_sd": float(rest[use].std()),
        "effective": float(np.sum(q["half_spread"][use]) / np.sum(0.5 * spread[use])),
        "r2_ofi": float(np.corrcoef(push[use], move[use])[0, 1] ** 2),
        "r2_flow": float(np.corrcoef((q["signed_volume"] / depth)[use], move[use])[0, 1] ** 2),
    }  # fmt: skip
    if slope > 0:  # the depth at which the model's slope would be this book's
        of_level = levels.ln_sigma - levels.level_vol
        d, residual = _regress(np.log(depth / slope), (of_level,), use)
        estimates |= {"depth": math.exp(d[0]), "depth_on_volatility": d[1]}
        estimates |= {"depth_ar": _ar(residual, use), "depth_sd": float(residual[use].std())}
    return {
        name: float(np.clip(value, *spread_model.RANGES[name]))
        for name, value in estimates.items()
        if math.isfinite(value)
    }


def _regress(y: Float, regressors: tuple[Float, ...], use: Bool) -> tuple[list[float], Float]:
    """Intercept and slopes by least squares over `use`, and the residuals [S, T], 0 elsewhere."""
    columns = np.stack([np.ones(np.count_nonzero(use)), *(r[use] for r in regressors)], axis=1)
    estimates = np.linalg.lstsq(columns, y[use], rcond=None)[0]
    rest = np.zeros(y.shape)
    rest[use] = y[use] - columns @ estimates
    return [float(f) for f in estimates], rest


def _ar(rest: Float, use: Bool) -> float:
    """Lag-1 autocorrelation of residuals, over pairs of neighbouring rows in `use`."""
    both = use[:, 1:] & use[:, :-1]
    a, b = rest[:, :-1][both], rest[:, 1:][both]
    return float(a @ b / max(math.sqrt((a @ a) * (b @ b)), 1e-300))

"""What the sessions before a session say: time-of-day curves, levels, and a volatility forecast for each row.

Axes: S sessions, T clock slots. Everything at session s comes from the LOOK sessions strictly before it, and,
inside it, from rows before the row (`sigma`) or up to the row (the levels of a symbol's first session).
Curves of the first WARM sessions are the built-in ones. Sums run over a fixed number of lags, so that a
session's figures do not depend on the batch in which it stands.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hfm.arrays import Bool, Float
from hfm.simulate.day_curves import VOLATILITY_CURVE, VOLUME_CURVE, day_curve

LOOK = 20
"""Sessions of look-back."""
WARM = 10
"""Sessions that a curve needs."""

WEIGHTS = (0.05, 0.10, 0.15, 0.35, 0.35)
"""Of the forecast variance: the LOOK sessions, yesterday, and the last 78, 12 and 3 rows of the session. They
give SPY's 5-minute rows a mean (r / sigma)^2 of 1.00 and a QLIKE 16 % below the level's alone."""
_WINDOWS = (78, 12, 3)
_SIGMA = 7e-4  # of a row of five minutes, where nothing is known yet: SPY's


@dataclass(frozen=True)
class PastSessions:
    """What the last LOOK sessions leave: matrices [LOOK, T] with 0 in holes, and sums a session [LOOK].

    `mask`: 1 where a row is; `vol`, `size`: ln volatility and ln volume less built-in curve and session mean;
    `gk2`: Garman-Klass variances. `sums` [LOOK, 5]: 1 if the session exists, mean ln volatility, mean ln
    volume (both less the built-in curve), squared returns, Garman-Klass variances.
    """

    mask: Float
    vol: Float
    size: Float
    gk2: Float
    sums: Float


def no_past_sessions(slots: int) -> PastSessions:
    """Before the first session."""
    zero = np.zeros((LOOK, slots))
    return PastSessions(zero, zero, zero, zero, np.zeros((LOOK, 5)))


@dataclass(frozen=True)
class Levels:
    """[S, T]: deviations of ln volatility and ln volume from slot and level, their levels, and the forecast.

    dev_vol, dev_size: ln x - ln phi - level, for the row itself (NaN in holes); level_vol, level_size: the
    levels; phi_vol: ln phi of volatility; sigma: forecast sd of the row's return, known before it (defined in
    holes too); ln_sigma: its logarithm.
    """

    dev_vol: Float
    dev_size: Float
    level_vol: Float
    level_size: Float
    phi_vol: Float
    sigma: Float
    ln_sigma: Float


def learn(
    memory: PastSessions, gk2: Float, volume: Float, returns: Float, interval_s: float
) -> tuple[Levels, PastSessions]:
    """Levels of S new sessions, and what they leave to later ones.

    Parameters
    ----------
    memory
        What the sessions before left.
    gk2
        [S, T] Garman-Klass variances, above 0; NaN in holes.
    volume
        [S, T] shares; a row of no volume teaches nothing of volumes, and its own deviation is -inf.
    returns
        [S, T] log returns; NaN in holes.
    interval_s
        Seconds of a row.

    Returns
    -------
    tuple[Levels, PastSessions]
        [S, T] each level.
    """
    # logs less the built-in curves; NaN in holes
    base_vol, base_size = (day_curve(c, gk2.shape[1]) for c in (VOLATILITY_CURVE, VOLUME_CURVE))
    ln_vol = 0.5 * np.log(gk2) - base_vol
    ln_size = np.log(np.where(volume > 0, volume, np.nan)) - base_size
    past = _extend(memory, ln_vol, ln_size, gk2, returns)
    # a slot's shape: mean deviation over the LOOK sessions before, once WARM of them are there
    sessions = len(gk2)
    totals = _before(past.sums, sessions)
    full = (past.mask == past.sums[:, :1]).all()
    count = np.broadcast_to(totals[:, :1], gk2.shape) if full else _before(past.mask, sessions)
    shape_vol, shape_size = (
        _smooth(np.where(totals[:, :1] >= WARM, _before(x, sessions) / np.maximum(count, 1.0), 0.0))
        for x in (past.vol, past.size)
    )
    ds_vol, ds_size = ln_vol - shape_vol, ln_size - shape_size
    level_vol, level_size = _levels(totals, ds_vol, ds_size)
    phi2 = np.exp(2.0 * (base_vol + shape_vol))
    sigma = np.sqrt(phi2 * _forecast(past, totals, count, phi2, interval_s))
    computed = Levels(
        ds_vol - level_vol, np.where(volume > 0, ds_size - level_size, -np.inf),
        np.broadcast_to(level_vol, gk2.shape), np.broadcast_to(level_size, gk2.shape),
        base_vol + shape_vol, sigma, np.log(sigma),
    )  # fmt: skip
    return computed, PastSessions(*(m[-LOOK:] for m in (past.mask, past.vol, past.size, past.gk2, past.sums)))


def _levels(totals: Float, ds_vol: Float, ds_size: Float) -> tuple[Float, Float]:
    """Levels of ln volatility and ln volume [S, 1]; [S, T] where a symbol's first session is among them."""
    divisor = np.maximum(totals[:, :1], 1.0)
    vol, size = totals[:, 1:2] / divisor, totals[:, 2:3] / divisor
    if totals[0, 0] == 0.0:
        return _first_level(vol, ds_vol), _first_level(size, ds_size)
    return vol, size


def _extend(memory: PastSessions, vol: Float, size: Float, gk2: Float, returns: Float) -> PastSessions:
    """The memory with the new sessions behind it: first axis LOOK + S."""
    mask, traded = np.isfinite(vol).astype(float), np.isfinite(size).astype(float)
    vol, size, gk2, squares = (_or_nothing(x) for x in (vol, size, gk2, returns * returns))
    mean_vol = vol.sum(axis=1) / np.maximum(mask.sum(axis=1), 1.0)
    mean_size = size.sum(axis=1) / np.maximum(traded.sum(axis=1), 1.0)
    sums = np.stack([np.ones(len(vol)), mean_vol, mean_size, squares.sum(axis=1), gk2.sum(axis=1)], axis=1)
    vol, size = (vol - mean_vol[:, None]) * mask, (size - mean_size[:, None]) * traded
    old = (memory.mask, memory.vol, memory.size, memory.gk2, memory.sums)
    return PastSessions(*(np.concatenate(p) for p in zip(old, (mask, vol, size, gk2, sums), strict=True)))


def _or_nothing(x: Float) -> Float:
    """`x` with 0 where it is not finite."""
    finite = np.isfinite(x)
    return x if finite.all() else np.where(finite, x, 0.0)


def _before(x: Float, sessions: int) -> Float:
    """[S, ...]: sum of the LOOK sessions strictly before each of the last S."""
    out = x[:sessions].copy()
    for lag in range(1, LOOK):
        out += x[lag : lag + sessions]
    return out


def _smooth(x: Float) -> Float:
    """Moving mean [S, T] over a thirteenth of the session, narrower at its ends: the open keeps its peak."""
    slots = x.shape[1]
    at = np.arange(slots)
    width = np.minimum(max(slots // 26, 1), np.minimum(at, slots - 1 - at))
    total = np.concatenate((np.zeros((len(x), 1)), np.cumsum(x, axis=1)), axis=1)
    return np.asarray((total[:, at + width + 1] - total[:, at - width]) / (2 * width + 1))


def _first_level(level: Float, ds: Float) -> Float:
    """[S, T] of a level [S, 1], where the first session has its own rows up to each row."""
    out = np.repeat(level, ds.shape[1], axis=1)
    out[0] = _running(ds[0], np.isfinite(ds[0]))
    return out


def _running(x: Float, mask: Bool) -> Float:
    """Mean of the values up to and including each place, 0 before the first."""
    count = np.cumsum(mask)
    return np.asarray(np.cumsum(np.where(mask, x, 0.0)) / np.maximum(count, 1))


def _forecast(past: PastSessions, totals: Float, count: Float, phi2: Float, interval_s: float) -> Float:
    """Forecast variance over phi^2 [S, T]: a weighted mean of past Garman-Klass variances in returns' own scale."""
    sessions = len(phi2)
    mask, gk2 = past.mask[LOOK:], past.gk2[LOOK:] / phi2
    rows = np.maximum(count.sum(axis=1, keepdims=True), 1.0)
    long = (_before(past.gk2, sessions) / phi2).sum(axis=1, keepdims=True) / rows
    rows_yesterday = past.mask[LOOK - 1 : -1].sum(axis=1, keepdims=True)
    day = (past.gk2[LOOK - 1 : -1] / phi2).sum(axis=1, keepdims=True) / np.maximum(rows_yesterday, 1.0)
    day = np.where(rows_yesterday > 0, day, long)
    scale = np.where(
        totals[:, 4:] > 0, np.clip(totals[:, 3:4] / np.where(totals[:, 4:] > 0, totals[:, 4:], 1.0), 0.25, 4.0), 1.0
    )
    out = scale * _mix(gk2, mask, long, day)
    if totals[0, 0] == 0.0:  # a symbol's first session knows its own rows alone
        start = np.full((1, phi2.shape[1]), _SIGMA**2 * interval_s / 300.0)
        before = np.cumsum(mask[:1, :-1], axis=1)
        mean = np.cumsum(gk2[:1, :-1], axis=1) / np.maximum(before, 1.0)
        start[:, 1:] = np.where(before > 0, mean, start[:, 1:])
        out[:1] = _mix(gk2[:1], mask[:1], start, start)
    return np.asarray(out)


def _mix(gk2: Float, mask: Float, long: Float, day: Float) -> Float:
    """The weighted mean [S, T]; a window that reaches before the open, or over holes, takes yesterday's mean there."""
    total, rows = np.zeros_like(gk2), np.zeros_like(mask)  # of rows strictly before
    np.cumsum(gk2[:, :-1], axis=1, out=total[:, 1:])
    if mask.all():  # of full sessions one line says it for all
        rows = np.arange(mask.shape[1], dtype=float)[None, :]
    else:
        np.cumsum(mask[:, :-1], axis=1, out=rows[:, 1:])
    out = WEIGHTS[0] * long + WEIGHTS[1] * day
    for weight, window in zip(WEIGHTS[2:], _WINDOWS, strict=True):
        part, n = total, rows
        if window < total.shape[1]:
            part, n = total.copy(), rows.copy()
            part[:, window:] -= total[:, :-window]
            n[:, window:] -= rows[:, :-window]
        term = (window - n) * day
        term += np.maximum(part, 0.0)
        term *= weight
        term /= window
        out = out + term
    return np.asarray(out)

"""The feature step of bars: state and one quotes row in, all features of that row out.

A windowed statistic is recomputed, newest row first, over a ring of the last LOOKBACK rows; the ring crosses
sessions. So a value depends on those rows alone, not on where the run began. The state is one record, which can be
saved and loaded.
"""

from __future__ import annotations

import math

import numpy as np

from hfm.arrays import Float, Int
from hfm.kernels.jit import kernel
from hfm.tables.records import Records, columns_dtype, fields, nested_dtype
from hfm.tables.schema import columns

LOOKBACK = 78
"""Rows of the longest window, the current one included: one XNYS session of 5-minute bars."""

INPUTS: tuple[str, ...] = (
    "session", "seq", "mid_open", "mid_high", "mid_low", "mid_close", "spread_bps", "depth_bid", "depth_ask", "volume",
    "signed_volume", "ofi", "sigma_bps", "cash_dividend", "split_ratio", "imbalance", "micro_bps",
)  # fmt: skip
"""Quotes columns that the step reads."""

NAMES: tuple[str, ...] = (
    "volume_ratio",    # ln(volume / mean volume of 20 rows), floored at ln .01
    "momentum",        # return of 5 rows over its sd (that of 20 rows x sqrt 5)
    "volatility",      # sd of 20 returns, bps
    "ofi",             # order-flow imbalance over its own root mean square of 78 rows
    "spread",          # quoted spread, bps
    "log_volatility",  # ln of volatility
    "ofi_sigma",       # OFI over depth, a bp of forecast sd
    "flow",            # signed volume / volume, 0 where nothing traded
    "ret_sigma",       # the row's return over its forecast sd
    "rv_1", "rv_3", "rv_12", "rv_78",  # ln root mean squared return of that many rows, log bps
    "gk_1", "gk_3", "gk_12", "gk_78",  # mean ln Garman-Klass volatility of that many rows, log bps
    "log_spread", "spread_3", "spread_12", "spread_78",  # mean ln quoted spread of that many rows, log bps
    "log_sigma",       # ln forecast sd of the row, log bps
    "slot",            # seq / slots of a full session
    "first",           # 1 in the session's first slot
    "tod_sin_1", "tod_cos_1", "tod_sin_2", "tod_cos_2",  # harmonics of the slot
    "gap",             # overnight return over the sd of 78 returns x sqrt(slots); 0 without a day before
    "surprise",        # ofi_sigma less what ret_sigma explains of it over 78 rows, in its own root mean square
    "flow_surprise",   # the same of signed volume
    "imbalance",       # (bid - ask) / (bid + ask) depth at the close; NaN where the book is not known
    "micro",           # microprice less mid over the row's forecast sd; NaN where the book is not known
    "volatility_nights",  # sd of 20 returns from close to close, bps: nights and holes included
)  # fmt: skip
"""Every feature, in the order of a checkpoint's document."""

FEATURES = nested_dtype([(name, "f8") for name in NAMES])
"""What `step` writes: a float64 field for each of NAMES."""

_SUMMED = """
ret    f8 log      return
ret2   f8 log^2    its square
ofi2   f8 shares^2 order-flow imbalance squared
gk     f8 log(bps) ln Garman-Klass volatility
spread f8 log(bps) ln quoted spread
xx     f8 -        x^2, where x is the return over the forecast sd
xo     f8 -        x o, where o is the order-flow imbalance over depth and forecast sd
oo     f8 -        o^2
xf     f8 -        x f, where f is the signed volume in the scale of o
ff     f8 -        f^2
volume f8 shares   traded volume
"""
SUMS = columns_dtype(columns(_SUMMED))
"""Sums over the rows looked back on."""
RING_ROW = columns_dtype(
    columns(_SUMMED + "ret_nights f8 log return since the close before, nights and holes included")
)
"""What the ring keeps of a row: what is summed, side by side so that the sums are vector additions, and one more."""
_HEAD = columns("""
count   i8 rows  rows seen
pos     i8 -     place of the next row in the ring
session i8 days  session of the last row since 1970, -1: none yet
seq     i8 -     its clock slot
close   f8 currency its mid at the close
gap     f8 log   return over the last night
slots   f8 rows  of a full session
floor   f8 -     least volatility of a row
ret     f8 log   return of the last row
x       f8 -     the same over its forecast sd
o       f8 -     its order-flow imbalance over depth and forecast sd
f       f8 -     its signed volume in the scale of o
since   i8 rows  since the return from close to close was another than the row's own
""")
STATE = nested_dtype([*fields(_HEAD), ("sums", SUMS), ("ring", RING_ROW, (LOOKBACK,))])
"""A symbol's state."""
_LN_BPS = math.log(1e4)


def state_new(slots_per_session: int, interval_s: float) -> Records:
    """The state before a symbol's first row.

    Parameters
    ----------
    slots_per_session : int
        Slots of a full day.
    interval_s : float
        Seconds a row. It scales the floor of every volatility, 0.01 bp at five minutes, on which a price that never
        moves rests.

    Returns
    -------
    records [1] of STATE
    """
    state = np.zeros(1, STATE)
    state["session"] = state["seq"] = -1
    state["slots"] = slots_per_session
    state["floor"] = 1e-6 * math.sqrt(interval_s / 300.0)
    return state


@kernel
def _push(state: np.record, row: np.record) -> None:
    """Write the row to the ring, and its return and flows, in their own scales, to the head."""
    same, known = row.session == state.session, state.session >= 0
    joined = same and row.seq == state.seq + 1
    # what a holder earned from the close before to this open: dividend and split included
    jump = 0.0 if joined or not known else math.log((row.mid_open * row.split_ratio + row.cash_dividend) / state.close)
    if not same:
        state.gap = jump
    origin = state.close if joined else row.mid_open
    ret = math.log(row.mid_close / origin)
    state.since = state.since + 1 if jump == 0.0 else 0
    state.session, state.seq, state.close = row.session, row.seq, row.mid_close
    # Garman and Klass (1980), J. Business 53, 67-78, doi:10.1086/296072, eq. 20
    high, close = math.log(row.mid_high / row.mid_low), math.log(row.mid_close / row.mid_open)
    variance = 0.5 * high * high - (2.0 * math.log(2.0) - 1.0) * close * close
    least = state.floor * state.floor
    if variance < least:
        variance = least
    scale = 0.5 * (row.depth_bid + row.depth_ask) * row.sigma_bps
    x = 1e4 * ret / row.sigma_bps
    o = 0.0 if scale == 0.0 else row.ofi / scale  # both sides of a book may be empty
    f = 0.0 if scale == 0.0 else row.signed_volume / scale
    state.ret, state.x, state.o, state.f = ret, x, o, f
    entry = state.ring[state.pos]
    entry.ret, entry.ret2, entry.ofi2 = ret, ret * ret, row.ofi * row.ofi
    entry.gk, entry.spread = 0.5 * math.log(variance) + _LN_BPS, math.log(row.spread_bps)
    entry.xx, entry.xo, entry.oo, entry.xf, entry.ff = x * x, x * o, o * o, x * f, f * f
    entry.volume, entry.ret_nights = row.volume, ret + jump
    state.pos = state.pos + 1 if state.pos + 1 < LOOKBACK else 0
    state.count += 1


@kernel
def _add(state: np.record, pos: int, rows: int) -> int:
    """Add so many rows of the ring, newest first and from before `pos` on, to the sums; the place where it ended."""
    # local in the loop: eleven additions side by side become vector additions (bench row `features`)
    sums = state.sums
    ret, ret2, ofi2, gk, spread = sums.ret, sums.ret2, sums.ofi2, sums.gk, sums.spread
    xx, xo, oo, xf, ff, volume = sums.xx, sums.xo, sums.oo, sums.xf, sums.ff, sums.volume
    for _ in range(rows):
        pos = pos - 1 if pos > 0 else LOOKBACK - 1
        r = state.ring[pos]
        ret, ret2, ofi2, gk, spread = ret + r.ret, ret2 + r.ret2, ofi2 + r.ofi2, gk + r.gk, spread + r.spread
        xx, xo, oo, xf, ff, volume = xx + r.xx, xo + r.xo, oo + r.oo, xf + r.xf, ff + r.ff, volume + r.volume
    sums.ret, sums.ret2, sums.ofi2, sums.gk, sums.spread = ret, ret2, ofi2, gk, spread
    sums.xx, sums.xo, sums.oo, sums.xf, sums.ff, sums.volume = xx, xo, oo, xf, ff, volume
    return pos


@kernel
def _clear(sums: np.record) -> None:
    """Set all sums to zero."""
    sums.ret = sums.ret2 = sums.ofi2 = sums.gk = sums.spread = 0.0
    sums.xx = sums.xo = sums.oo = sums.xf = sums.ff = sums.volume = 0.0


@kernel
def step(state: np.record, row: np.record, out: np.record) -> bool:
    """Take one row and write all its features.

    Parameters
    ----------
    state : record of STATE
        Changed in place.
    row : record of QUOTE
        Of which INPUTS are read. A NaN makes the features that use it NaN, for as long as the ring holds it.
    out : record of FEATURES
        Overwritten; left as it is until LOOKBACK rows have been seen.

    Returns
    -------
    bool
        Whether LOOKBACK rows have been seen.
    """
    _push(state, row)
    if state.count < LOOKBACK:
        return False
    sums = state.sums
    _clear(sums)
    # each window goes on from the one before it, so that all are one pass over the ring
    pos = _add(state, state.pos, 1)
    out.gk_1, out.log_spread = sums.gk, sums.spread
    pos = _add(state, pos, 2)
    ret2_3, out.gk_3, out.spread_3 = sums.ret2 / 3.0, sums.gk / 3.0, sums.spread / 3.0
    pos = _add(state, pos, 2)
    ret_5 = sums.ret
    pos = _add(state, pos, 7)
    ret2_12, out.gk_12, out.spread_12 = sums.ret2 / 12.0, sums.gk / 12.0, sums.spread / 12.0
    pos = _add(state, pos, 8)
    _write_moves(state, out, ret_5)
    ratio = 1.0 if sums.volume == 0.0 else 20.0 * row.volume / sums.volume
    out.volume_ratio = math.log(0.01 if ratio < 0.01 else ratio)
    _add(state, pos, LOOKBACK - 20)
    out.gk_78, out.spread_78 = sums.gk / LOOKBACK, sums.spread / LOOKBACK
    floor = state.floor * state.floor
    level = sums.ret2 / LOOKBACK
    if level < floor:
        level = floor
    out.rv_1, out.rv_3 = _log_rms(state.ret * state.ret, level), _log_rms(ret2_3, level)
    out.rv_12, out.rv_78 = _log_rms(ret2_12, level), _log_rms(level, level)
    out.log_sigma = math.log(row.sigma_bps)
    _write_flow(state, row, out)
    _write_clock(state, row, out, level)
    return True


@kernel
def _log_rms(square: float, level: float) -> float:
    """Log of the root of a mean squared return, in bps; at least 0.03 of the 78-row one, so that it is finite."""
    least = 1e-3 * level
    return 0.5 * math.log(least if square < least else square) + _LN_BPS


@kernel
def _surprise(x: float, o: float, xx: float, xo: float, oo: float) -> float:
    """The residual of o on x, by least squares through the origin, over the root mean square of all; 0 of none."""
    slope = 0.0 if xx == 0.0 else xo / xx
    mean = (oo - slope * xo) / LOOKBACK
    return 0.0 if mean <= 1e-12 * oo else (o - slope * x) / math.sqrt(mean)


@kernel
def _write_flow(state: np.record, row: np.record, out: np.record) -> None:
    """Order flow in its own scales, and what of it the row's return leaves, from the sums of all LOOKBACK rows."""
    sums = state.sums
    out.ofi = 0.0 if sums.ofi2 == 0.0 else row.ofi / math.sqrt(sums.ofi2 / LOOKBACK)
    out.spread = row.spread_bps
    out.ofi_sigma, out.ret_sigma = state.o, state.x
    out.flow = 0.0 if row.volume == 0.0 else row.signed_volume / row.volume
    out.surprise = _surprise(state.x, state.o, sums.xx, sums.xo, sums.oo)
    out.flow_surprise = _surprise(state.x, state.f, sums.xx, sums.xf, sums.ff)
    out.imbalance, out.micro = row.imbalance, row.micro_bps / row.sigma_bps


@kernel
def _write_moves(state: np.record, out: np.record, ret_5: float) -> None:
    """Momentum over 5 rows and volatility over 20, of whose returns the state holds the sums."""
    ret, ret2 = state.sums.ret, state.sums.ret2
    variance = (ret2 - ret * ret / 20.0) / 19.0
    least = state.floor * state.floor
    sd = math.sqrt(least if variance < least else variance)
    out.momentum = ret_5 / (sd * math.sqrt(5.0))
    out.volatility = 1e4 * sd
    out.log_volatility = math.log(sd) + _LN_BPS
    out.volatility_nights = out.volatility if state.since >= 20 else 1e4 * _night_sd(state, least)


@kernel
def _night_sd(state: np.record, least: float) -> float:
    """Sample sd of the last 20 returns from close to close; its square is at least `least`."""
    pos, total, squares = state.pos, 0.0, 0.0
    for _ in range(20):
        pos = pos - 1 if pos > 0 else LOOKBACK - 1
        value = state.ring[pos].ret_nights
        total += value
        squares += value * value
    variance = (squares - total * total / 20.0) / 19.0
    return math.sqrt(least if variance < least else variance)


@kernel
def _write_clock(state: np.record, row: np.record, out: np.record, variance: float) -> None:
    """Where in the session the row stands, and how the session began; variance: mean squared return of 78 rows."""
    slot = row.seq / state.slots
    angle = 2.0 * math.pi * slot
    out.slot = slot
    out.first = 1.0 if row.seq == 0 else 0.0
    out.tod_sin_1, out.tod_cos_1 = math.sin(angle), math.cos(angle)
    out.tod_sin_2, out.tod_cos_2 = math.sin(2.0 * angle), math.cos(2.0 * angle)
    out.gap = state.gap / math.sqrt(variance * state.slots)


@kernel
def loop(states: Records, rows: Records, picks: Int, every: Records, out: Float) -> None:
    """Call `step` for each row and keep the features that are asked for.

    Parameters
    ----------
    states : records [1] of STATE
        Changed in place.
    rows : records [n] of QUOTE
        One symbol's, in time order.
    picks : int64 [k]
        Places in NAMES.
    every : records [1] of FEATURES
        Room for the features of one row.
    out : float64 [n, k]
        Overwritten; NaN in rows before the ring is full.
    """
    values = every.view(np.float64)
    for i in range(rows.shape[0]):
        if step(states[0], rows[i], every[0]):
            for j in range(picks.shape[0]):
                out[i, j] = values[picks[j]]
        else:
            out[i, :] = np.nan

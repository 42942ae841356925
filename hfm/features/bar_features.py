"""The feature step: state and one quotes row in, all features of that row out.

A windowed statistic is recomputed, newest row first, over a ring of the last LOOKBACK rows; the ring crosses
sessions. So a value depends on those rows alone, not on where the run began. State is flat float64 and can be
saved and loaded.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from hfm.kernels.jit import kernel

Float = npt.NDArray[np.float64]
Int = npt.NDArray[np.int64]

LOOKBACK = 78
"""Rows of the longest window, the current one included: one XNYS session of 5-minute bars."""

ROW: tuple[str, ...] = (
    "session", "seq", "mid_open", "mid_high", "mid_low", "mid_close", "spread_bps", "depth_bid", "depth_ask", "volume",
    "signed_volume", "ofi", "sigma_bps", "cash_dividend", "split_ratio", "imbalance", "micro_bps",
)  # fmt: skip
"""Quotes columns of a row vector, in order; `session` as days since 1970-01-01."""

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
"""Every feature, in the order of `out`."""

# State: the head; sums over the rows so far looked back on; a ring of LOOKBACK rows of FIELDS each, which are what is
# summed: return, its square, OFI squared, ln GK, ln spread, x^2, x o, o^2, x f, f^2 and volume, where x is ret_sigma, o
# OFI and f signed volume in the scale of ofi_sigma; and, not summed, the return since the close before, which was last
# another than the row's own _SINCE rows ago. Row by row, so that the sums are vector additions.
_COUNT, _POS, _SESSION, _SEQ, _CLOSE, _GAP, _SLOTS, _FLOOR, _RET, _X, _O, _F, _SINCE = range(13)
_SUMS, _SUMMED, _FIELDS = 13, 11, 12
_RING = _SUMS + _SUMMED
_R1, _R2, _OFI2, _GK, _SPREAD, _XX, _XO, _OO, _XF, _FF, _VOLUME = range(_SUMS, _RING)
_LN_BPS = math.log(1e4)
RETURN = _RET
"""Where in the state the return of the row last taken stands (log)."""
BARS = _RING + _FIELDS * LOOKBACK
"""Length of the state."""


def state_new(slots_per_session: int, interval_s: float) -> Float:
    """The state before a symbol's first row: float64 [24 + 12 x LOOKBACK].

    slots_per_session: of a full day. interval_s: seconds a row; it scales the floor of every volatility, .01
    bp at five minutes, which a price that never moves rests on.
    """
    state = np.zeros(_RING + _FIELDS * LOOKBACK)
    state[_SESSION] = state[_SEQ] = -1.0
    state[_SLOTS] = slots_per_session
    state[_FLOOR] = 1e-6 * math.sqrt(interval_s / 300.0)
    return state


@kernel
def _push(state: Float, row: Float) -> None:
    """The row enters the ring; its return and flow, in their own scales, the head."""
    same, known = row[0] == state[_SESSION], state[_SESSION] >= 0.0
    joined = same and row[1] == state[_SEQ] + 1.0
    jump = 0.0 if joined or not known else math.log((row[2] * row[14] + row[13]) / state[_CLOSE])
    if not same:
        state[_GAP] = jump
    origin = state[_CLOSE] if joined else row[2]
    ret = math.log(row[5] / origin)
    state[_SINCE] = state[_SINCE] + 1.0 if jump == 0.0 else 0.0
    state[_SESSION], state[_SEQ], state[_CLOSE] = row[0], row[1], row[5]
    high, close = math.log(row[3] / row[4]), math.log(row[5] / row[2])
    variance = 0.5 * high * high - (2.0 * math.log(2.0) - 1.0) * close * close  # Garman, Klass 1980, eq. 20
    least = state[_FLOOR] * state[_FLOOR]
    if variance < least:
        variance = least
    scale = 0.5 * (row[7] + row[8]) * row[12]
    x = 1e4 * ret / row[12]
    o = 0.0 if scale == 0.0 else row[11] / scale  # both sides of a book may be empty
    f = 0.0 if scale == 0.0 else row[10] / scale
    state[_RET], state[_X], state[_O], state[_F] = ret, x, o, f
    pos = int(state[_POS])
    at = _RING + _FIELDS * pos
    state[at], state[at + 1], state[at + 2] = ret, ret * ret, row[11] * row[11]
    state[at + 3], state[at + 4] = 0.5 * math.log(variance) + _LN_BPS, math.log(row[6])
    state[at + 5], state[at + 6], state[at + 7] = x * x, x * o, o * o
    state[at + 8], state[at + 9], state[at + 10], state[at + 11] = x * f, f * f, row[9], ret + jump
    state[_POS] = pos + 1.0 if pos + 1 < LOOKBACK else 0.0
    state[_COUNT] += 1.0


@kernel
def _add(state: Float, pos: int, rows: int) -> int:
    """Add the fields of so many rows, newest first and from before `pos` on, to the sums; where it ended."""
    s0, s1, s2, s3 = state[_R1], state[_R2], state[_OFI2], state[_GK]
    s4, s5, s6, s7 = state[_SPREAD], state[_XX], state[_XO], state[_OO]
    s8, s9, s10 = state[_XF], state[_FF], state[_VOLUME]
    for _ in range(rows):
        pos = pos - 1 if pos > 0 else LOOKBACK - 1
        at = _RING + _FIELDS * pos
        s0, s1, s2, s3 = s0 + state[at], s1 + state[at + 1], s2 + state[at + 2], s3 + state[at + 3]
        s4, s5, s6, s7 = s4 + state[at + 4], s5 + state[at + 5], s6 + state[at + 6], s7 + state[at + 7]
        s8, s9, s10 = s8 + state[at + 8], s9 + state[at + 9], s10 + state[at + 10]
    state[_R1], state[_R2], state[_OFI2], state[_GK] = s0, s1, s2, s3
    state[_SPREAD], state[_XX], state[_XO], state[_OO] = s4, s5, s6, s7
    state[_XF], state[_FF], state[_VOLUME] = s8, s9, s10
    return pos


@kernel
def step(state: Float, row: Float, out: Float) -> None:
    """Take one row and write all its features.

    state: of `state_new`, changed in place. row: float64 in the order of ROW. out: float64 in the order of NAMES; all
    NaN until LOOKBACK rows have been seen. A NaN input makes the features that use it NaN, for as long as its ring
    holds it.
    """
    _push(state, row)
    if state[_COUNT] < LOOKBACK:
        out[:] = np.nan
        return
    state[_SUMS:_RING] = 0.0
    pos = _add(state, int(state[_POS]), 1)
    out[13], out[17] = state[_GK], state[_SPREAD]
    pos = _add(state, pos, 2)
    out[10], out[14], out[18] = state[_R2] / 3.0, state[_GK] / 3.0, state[_SPREAD] / 3.0
    pos = _add(state, pos, 2)
    sum5 = state[_R1]
    pos = _add(state, pos, 7)
    out[11], out[15], out[19] = state[_R2] / 12.0, state[_GK] / 12.0, state[_SPREAD] / 12.0
    pos = _add(state, pos, 8)
    _write_moves(state, out, sum5)
    ratio = 1.0 if state[_VOLUME] == 0.0 else 20.0 * row[9] / state[_VOLUME]
    out[0] = math.log(0.01 if ratio < 0.01 else ratio)
    _add(state, pos, LOOKBACK - 20)
    out[16], out[20] = state[_GK] / LOOKBACK, state[_SPREAD] / LOOKBACK
    floor = state[_FLOOR] * state[_FLOOR]
    level = state[_R2] / LOOKBACK
    if level < floor:
        level = floor
    out[9] = _log_rms(state[_RET] * state[_RET], level)
    out[10], out[11], out[12] = _log_rms(out[10], level), _log_rms(out[11], level), _log_rms(level, level)
    out[21] = math.log(row[12])
    _write_flow(state, row, out)
    _write_clock(state, row, out, level)


@kernel
def _log_rms(square: float, level: float) -> float:
    """ln of the root of a mean squared return, in bps; never below .03 of the 78-row one, so that a still row
    is finite."""
    least = 1e-3 * level
    return 0.5 * math.log(least if square < least else square) + _LN_BPS


@kernel
def _surprise(x: float, o: float, xx: float, xo: float, oo: float) -> float:
    """Residual of o on x, by least squares through the origin, over the root mean square of all residuals; 0
    of none."""
    slope = 0.0 if xx == 0.0 else xo / xx
    mean = (oo - slope * xo) / LOOKBACK
    return 0.0 if mean <= 1e-12 * oo else (o - slope * x) / math.sqrt(mean)


@kernel
def _write_flow(state: Float, row: Float, out: Float) -> None:
    """Order flow in its own scales, and what of it the row's return leaves. Reads the sums of all LOOKBACK rows."""
    out[3] = 0.0 if state[_OFI2] == 0.0 else row[11] / math.sqrt(state[_OFI2] / LOOKBACK)
    out[4] = row[6]
    out[6], out[8] = state[_O], state[_X]
    out[7] = 0.0 if row[9] == 0.0 else row[10] / row[9]
    out[29] = _surprise(state[_X], state[_O], state[_XX], state[_XO], state[_OO])
    out[30] = _surprise(state[_X], state[_F], state[_XX], state[_XF], state[_FF])
    out[31], out[32] = row[15], row[16] / row[12]


@kernel
def _write_moves(state: Float, out: Float, sum5: float) -> None:
    """Momentum over 5 rows and volatility over 20, of whose returns state holds the sums."""
    variance = (state[_R2] - state[_R1] * state[_R1] / 20.0) / 19.0
    least = state[_FLOOR] * state[_FLOOR]
    sd = math.sqrt(least if variance < least else variance)
    out[1] = sum5 / (sd * math.sqrt(5.0))
    out[2] = 1e4 * sd
    out[5] = math.log(sd) + _LN_BPS
    out[33] = out[2] if state[_SINCE] >= 20.0 else 1e4 * _night_sd(state, least)


@kernel
def _night_sd(state: Float, least: float) -> float:
    """Sample sd of the last 20 returns from close to close; its square is at least `least`."""
    pos, total, squares = int(state[_POS]), 0.0, 0.0
    for _ in range(20):
        pos = pos - 1 if pos > 0 else LOOKBACK - 1
        value = state[_RING + _FIELDS * pos + 11]
        total += value
        squares += value * value
    variance = (squares - total * total / 20.0) / 19.0
    return math.sqrt(least if variance < least else variance)


@kernel
def _write_clock(state: Float, row: Float, out: Float, rv78: float) -> None:
    """Where in the session the row stands, and how the session began."""
    slot = row[1] / state[_SLOTS]
    angle = 2.0 * math.pi * slot
    out[22] = slot
    out[23] = 1.0 if row[1] == 0.0 else 0.0
    out[24], out[25] = math.sin(angle), math.cos(angle)
    out[26], out[27] = math.sin(2.0 * angle), math.cos(2.0 * angle)
    out[28] = state[_GAP] / math.sqrt(rv78 * state[_SLOTS])


@kernel
def loop(state: Float, rows: Float, picks: Int, scratch: Float, out: Float) -> None:
    """`step` over rows [n, len(ROW)]; column j of out [n, len(picks)] gets feature picks[j]. scratch:
    [len(NAMES)]."""
    for i in range(rows.shape[0]):
        step(state, rows[i], scratch)
        for j in range(picks.shape[0]):
            out[i, j] = scratch[picks[j]]

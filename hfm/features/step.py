"""The feature step: state and one quotes row in, all features of that row out.

A windowed statistic is recomputed, newest row first, over a ring of the last LOOKBACK rows; the ring crosses
sessions. So a value depends on those rows alone, not on where the run began. State is flat float64 and can be
saved and loaded.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from hfm.kernel import kernel

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
)  # fmt: skip
"""Every feature, in the order of `out`."""

# State: the head, then one ring for each of returns, volumes, OFI, ln GK, ln spread, ret_sigma, ofi_sigma,
# and signed volume in the scale of ofi_sigma.
_COUNT, _POS, _SESSION, _SEQ, _CLOSE, _GAP, _SLOTS, _FLOOR = 0, 1, 2, 3, 4, 5, 6, 7
_HEAD, _RINGS = 8, 8
_LN_BPS = math.log(1e4)


def state_new(slots_per_session: int, interval_s: float) -> Float:
    """The state before a symbol's first row: float64 [8 + 8 x LOOKBACK].

    slots_per_session: of a full day. interval_s: seconds a row; it scales the floor of every volatility, .01
    bp at five minutes, which a price that never moves rests on.
    """
    state = np.zeros(_HEAD + _RINGS * LOOKBACK)
    state[_SESSION] = state[_SEQ] = -1.0
    state[_SLOTS] = slots_per_session
    state[_FLOOR] = 1e-6 * math.sqrt(interval_s / 300.0)
    return state


@kernel
def _push(state: Float, row: Float) -> float:
    """The row's return, after the row has entered the rings."""
    same = row[0] == state[_SESSION]
    if not same:
        state[_GAP] = 0.0
        if state[_SESSION] >= 0.0:
            state[_GAP] = math.log((row[2] * row[14] + row[13]) / state[_CLOSE])
    origin = state[_CLOSE] if same and row[1] == state[_SEQ] + 1.0 else row[2]
    ret = math.log(row[5] / origin)
    state[_SESSION], state[_SEQ], state[_CLOSE] = row[0], row[1], row[5]
    pos = int(state[_POS])
    high, close = math.log(row[3] / row[4]), math.log(row[5] / row[2])
    variance = 0.5 * high * high - (2.0 * math.log(2.0) - 1.0) * close * close  # Garman, Klass 1980, eq. 20
    least = state[_FLOOR] * state[_FLOOR]
    if variance < least:
        variance = least
    at = _HEAD + pos
    state[at] = ret
    state[at + LOOKBACK] = row[9]
    state[at + 2 * LOOKBACK] = row[11]
    state[at + 3 * LOOKBACK] = 0.5 * math.log(variance) + _LN_BPS
    state[at + 4 * LOOKBACK] = math.log(row[6])
    state[at + 5 * LOOKBACK] = 1e4 * ret / row[12]
    scale = 0.5 * (row[7] + row[8]) * row[12]
    state[at + 6 * LOOKBACK] = 0.0 if scale == 0.0 else row[11] / scale  # both sides of a book may be empty
    state[at + 7 * LOOKBACK] = 0.0 if scale == 0.0 else row[10] / scale
    state[_POS] = pos + 1.0 if pos + 1 < LOOKBACK else 0.0
    state[_COUNT] += 1.0
    return ret


@kernel
def step(state: Float, row: Float, out: Float) -> None:
    """Take one row and write all its features.

    state: of `state_new`, changed in place. row: float64 in the order of ROW. out: float64 in the order of
    NAMES; all NaN until LOOKBACK rows have been seen. A NaN input makes the features that use it NaN, for as
    long as its ring holds it.
    """
    ret = _push(state, row)
    if state[_COUNT] < LOOKBACK:
        out[:] = np.nan
        return
    s1 = s2 = g = s = ofi2 = sum5 = sum20 = vol20 = 0.0
    xx = xo = oo = xf = ff = 0.0
    s2_3 = s2_12 = g_3 = g_12 = s_3 = s_12 = s2_20 = 0.0
    at = int(state[_POS])
    for k in range(LOOKBACK):  # newest first, so that every shorter window is a prefix
        at = at - 1 if at > 0 else LOOKBACK - 1
        r = state[_HEAD + at]
        s1 += r
        s2 += r * r
        v = state[_HEAD + LOOKBACK + at]
        ofi = state[_HEAD + 2 * LOOKBACK + at]
        ofi2 += ofi * ofi
        g += state[_HEAD + 3 * LOOKBACK + at]
        s += state[_HEAD + 4 * LOOKBACK + at]
        x, o = state[_HEAD + 5 * LOOKBACK + at], state[_HEAD + 6 * LOOKBACK + at]
        xx += x * x
        xo += x * o
        oo += o * o
        f = state[_HEAD + 7 * LOOKBACK + at]
        xf += x * f
        ff += f * f
        if k < 20:
            vol20 += v
        if k == 2:
            s2_3, g_3, s_3 = s2, g, s
        elif k == 4:
            sum5 = s1
        elif k == 11:
            s2_12, g_12, s_12 = s2, g, s
        elif k == 19:
            sum20, s2_20 = s1, s2
    newest = int(state[_POS]) - 1 if state[_POS] > 0.0 else LOOKBACK - 1
    out[8], out[6] = state[_HEAD + 5 * LOOKBACK + newest], state[_HEAD + 6 * LOOKBACK + newest]
    out[29] = _surprise(out[8], out[6], xx, xo, oo)
    out[30] = _surprise(out[8], state[_HEAD + 7 * LOOKBACK + newest], xx, xf, ff)
    _write_flow(row, out, vol20, ofi2)
    _write_moves(state, out, sum5, sum20, s2_20)
    floor = state[_FLOOR] * state[_FLOOR]
    rv78 = s2 / LOOKBACK
    if rv78 < floor:
        rv78 = floor
    out[9] = _log_rms(ret * ret, rv78)
    out[10] = _log_rms(s2_3 / 3.0, rv78)
    out[11] = _log_rms(s2_12 / 12.0, rv78)
    out[12] = _log_rms(rv78, rv78)
    out[13] = state[_HEAD + 3 * LOOKBACK + newest]
    out[14], out[15], out[16] = g_3 / 3.0, g_12 / 12.0, g / LOOKBACK
    out[17] = state[_HEAD + 4 * LOOKBACK + newest]
    out[18], out[19], out[20] = s_3 / 3.0, s_12 / 12.0, s / LOOKBACK
    out[21] = math.log(row[12])
    _write_clock(state, row, out, rv78)


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
def _write_flow(row: Float, out: Float, vol20: float, ofi2: float) -> None:
    """Volume and order flow, each in its own scale."""
    ratio = 1.0 if vol20 == 0.0 else 20.0 * row[9] / vol20
    out[0] = math.log(0.01 if ratio < 0.01 else ratio)
    out[3] = 0.0 if ofi2 == 0.0 else row[11] / math.sqrt(ofi2 / LOOKBACK)
    out[4] = row[6]
    out[31], out[32] = row[15], row[16] / row[12]
    out[7] = 0.0 if row[9] == 0.0 else row[10] / row[9]


@kernel
def _write_moves(state: Float, out: Float, sum5: float, sum20: float, s2_20: float) -> None:
    """Momentum over 5 rows and volatility over 20."""
    variance = (s2_20 - sum20 * sum20 / 20.0) / 19.0
    least = state[_FLOOR] * state[_FLOOR]
    sd = math.sqrt(least if variance < least else variance)
    out[1] = sum5 / (sd * math.sqrt(5.0))
    out[2] = 1e4 * sd
    out[5] = math.log(sd) + _LN_BPS


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

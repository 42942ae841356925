"""The feature step of event rows, one a time stamp of an order book: all that `step` gives, and what events alone say.

The state is that of `step`, then a head and a ring of LOOKBACK rows of its own; sums are recomputed over the ring,
newest row first, as there. Times since a move or a trade begin at the session's first row. All new features are free of
units: shares over the mean depth of LOOKBACK rows, prices over the spread, times as logarithms of milliseconds.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from hfm.features import bar_features as bars
from hfm.features.bar_features import BARS, LOOKBACK, RETURN
from hfm.kernels.jit import kernel

Float = npt.NDArray[np.float64]
Int = npt.NDArray[np.int64]

ROW: tuple[str, ...] = (*bars.ROW, "time_open", "time")
"""Quotes columns of a row vector, in order; times as ns since midnight UTC of the session's date."""

OWN: tuple[str, ...] = (
    "touch",     # (bid - ask) / (bid + ask) of the best sizes
    "depth",     # ln best sizes, both sides together, over their mean of LOOKBACK rows
    "wait",      # ln (1 + ms since the row before)
    "age",       # ln (1 + ms since the mid last moved)
    "still",     # ln (1 + rows since the mid last moved)
    "trade_age",  # ln (1 + ms since the last trade)
    "move",      # sign of the last move of the mid
    "move_size",  # that move over the row's spread
    "sign_last",  # sign of the last trade
    "sign", "sign_10", "sign_78",  # sum of the trade signs (of a row's signed volume) of that many rows
    "ret_1", "ret_3", "ret_10", "ret_30", "ret_78",  # return of that many rows over the row's spread
    "ofi_1", "ofi_3", "ofi_10", "ofi_30", "ofi_78",  # asinh (order-flow imbalance of that many rows over mean depth)
    "flow_1", "flow_3", "flow_10", "flow_30", "flow_78",  # the same of signed volume
    "pace_10", "pace_78",  # ln (1 + mean ms between that many rows)
    "jump",      # ln size of the last move of the mid, log bps; of the spread before the session's first
)  # fmt: skip
NAMES: tuple[str, ...] = (*bars.NAMES, *OWN)
"""Every feature, in the order of `out`."""

# Own head after the BARS numbers of `step`: ring position, session, time of the row before, of the last move, of the
# last trade, sign of the last trade, the last move (log return), rows since it; then the sums over the rows looked back
# on, then the ring: return, OFI, signed volume, its sign, best sizes, ns since the row before.
_POS, _SESSION, _TIME, _MOVED, _TRADED, _SIGN, _MOVE, _STILL = range(BARS, BARS + 8)
_SUMS, _FIELDS = BARS + 8, 6
_RING = _SUMS + _FIELDS
_RET, _OFI, _FLOW, _SIGNS, _DEPTH, _WAIT = range(_SUMS, _RING)
_AT = len(bars.NAMES)
"""Where the own features begin in `out`."""


def state_new(slots_per_session: int, interval_s: float) -> Float:
    """The state before a symbol's first row; arguments as in step.state_new, of which a state is the first part."""
    own = np.zeros(_RING - BARS + _FIELDS * LOOKBACK)
    own[_SESSION - BARS] = -1.0
    return np.concatenate((bars.state_new(slots_per_session, interval_s), own))


@kernel
def _push(state: Float, row: Float) -> None:
    """The row enters head and ring, after `step` has taken it."""
    now, sign = row[18], np.sign(row[10])
    if row[0] != state[_SESSION]:
        state[_SESSION], state[_TIME], state[_MOVED], state[_TRADED] = row[0], row[17], row[17], row[17]
        state[_SIGN], state[_MOVE], state[_STILL] = 0.0, 0.0, 0.0
    pos = int(state[_POS])
    at = _RING + _FIELDS * pos
    ret = state[RETURN]
    state[at], state[at + 1], state[at + 2], state[at + 3] = ret, row[11], row[10], sign
    state[at + 4], state[at + 5] = row[7] + row[8], now - state[_TIME]
    state[_POS] = pos + 1.0 if pos + 1 < LOOKBACK else 0.0
    state[_TIME] = now
    state[_STILL] += 1.0
    if ret != 0.0:
        state[_MOVED], state[_MOVE], state[_STILL] = now, ret, 0.0
    if row[9] > 0.0:
        state[_TRADED] = now
        if sign != 0.0:
            state[_SIGN] = sign


@kernel
def _add(state: Float, pos: int, rows: int) -> int:
    """Add the fields of so many rows, newest first and from before `pos` on, to the sums; where it ended."""
    s0, s1, s2 = state[_RET], state[_OFI], state[_FLOW]
    s3, s4, s5 = state[_SIGNS], state[_DEPTH], state[_WAIT]
    for _ in range(rows):
        pos = pos - 1 if pos > 0 else LOOKBACK - 1
        at = _RING + _FIELDS * pos
        s0, s1, s2 = s0 + state[at], s1 + state[at + 1], s2 + state[at + 2]
        s3, s4, s5 = s3 + state[at + 3], s4 + state[at + 4], s5 + state[at + 5]
    state[_RET], state[_OFI], state[_FLOW] = s0, s1, s2
    state[_SIGNS], state[_DEPTH], state[_WAIT] = s3, s4, s5
    return pos


@kernel
def _ms(ns: float) -> float:
    """ln (1 + milliseconds)."""
    return math.log1p(max(ns, 0.0) * 1e-6)


@kernel
def step(state: Float, row: Float, out: Float) -> None:
    """Take one row and write all its features.

    state: of `state_new`, changed in place. row: float64 in the order of ROW. out: float64 in the order of NAMES; all
    NaN until LOOKBACK rows have been seen. A NaN input makes the features that use it NaN, as long as its ring holds
    it.
    """
    bars.step(state[:BARS], row[: len(bars.ROW)], out[:_AT])
    _push(state, row)
    own = out[_AT:]
    if state[0] < LOOKBACK:  # rows seen
        own[:] = np.nan
        return
    state[_SUMS:_RING] = 0.0
    pos, done = int(state[_POS]), 0
    for at, rows in enumerate((1, 3, 10, 30, LOOKBACK)):
        pos = _add(state, pos, rows - done)
        done = rows
        own[12 + at], own[17 + at], own[22 + at] = state[_RET], state[_OFI], state[_FLOW]
        if rows == 1:
            own[9] = state[_SIGNS]
        if rows == 10:
            own[10], own[27] = state[_SIGNS], _ms(state[_WAIT] / 10.0)
    own[11], own[28] = state[_SIGNS], _ms(state[_WAIT] / LOOKBACK)
    size, mean = row[7] + row[8], state[_DEPTH] / LOOKBACK
    own[0] = 0.0 if size == 0.0 else (row[7] - row[8]) / size  # both sides of a book may be empty
    own[1] = 0.0 if size == 0.0 else math.log(size / mean)
    now, spread = row[18], 1e-4 * row[6]
    own[2], own[3], own[4] = _ms(now - row[17]), _ms(now - state[_MOVED]), math.log1p(state[_STILL])
    own[5], own[6], own[7] = _ms(now - state[_TRADED]), np.sign(state[_MOVE]), state[_MOVE] / spread
    own[8] = state[_SIGN]
    own[29] = math.log(row[6] if state[_MOVE] == 0.0 else 1e4 * abs(state[_MOVE]))
    for at in range(5):
        own[12 + at] /= spread
        own[17 + at] = 0.0 if mean == 0.0 else math.asinh(own[17 + at] / mean)
        own[22 + at] = 0.0 if mean == 0.0 else math.asinh(own[22 + at] / mean)


@kernel
def loop(state: Float, rows: Float, picks: Int, scratch: Float, out: Float) -> None:
    """`step` over rows [n, len(ROW)]; column j of out [n, len(picks)] gets feature picks[j]. scratch:
    [len(NAMES)]."""
    for i in range(rows.shape[0]):
        step(state, rows[i], scratch)
        for j in range(picks.shape[0]):
            out[i, j] = scratch[picks[j]]

"""The feature step of event rows, one a time stamp of an order book: the features of bars, and those of events alone.

The state is that of the bars, then a head and a ring of LOOKBACK rows of its own; sums are recomputed over the ring,
newest row first, as there. Times since a move or a trade begin at the session's first row. All new features are free of
units: shares over the mean depth of LOOKBACK rows, prices over the spread, times as logarithms of milliseconds.
"""

from __future__ import annotations

import math

import numpy as np

from hfm.arrays import Float, Int
from hfm.features import bar_features as bars
from hfm.features.bar_features import LOOKBACK
from hfm.kernels.jit import kernel
from hfm.tables.records import Records, columns_dtype, fields, nested_dtype
from hfm.tables.schema import columns

INPUTS: tuple[str, ...] = (*bars.INPUTS, "time_open", "time")
"""Quotes columns that the step reads."""

WINDOWS = (1, 3, 10, 30, LOOKBACK)
"""Rows of the windows of `ret`, `ofi` and `flow`."""

EVENT_NAMES: tuple[str, ...] = (
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
NAMES: tuple[str, ...] = (*bars.NAMES, *EVENT_NAMES)
"""Every feature, in the order of a checkpoint's document."""

_BY_WINDOW = ("ret", "ofi", "flow")
_PLAIN = [(name, "f8") for name in EVENT_NAMES if name.rpartition("_")[0] not in _BY_WINDOW]
_AT = [name for name, _ in _PLAIN].index("pace_10")
FEATURES = nested_dtype(
    [("bars", bars.FEATURES), *_PLAIN[:_AT], *((name, "f8", (len(WINDOWS),)) for name in _BY_WINDOW), *_PLAIN[_AT:]]
)
"""What `step` writes, float64 throughout in the order of NAMES: those of a window are arrays [WINDOWS]."""

RING_ROW = columns_dtype(
    columns("""
ret   f8 log    return
ofi   f8 shares order-flow imbalance
flow  f8 shares signed volume
sign  f8 -      its sign
depth f8 shares best sizes, both sides together
wait  f8 ns     since the row before
""")
)
"""What the ring keeps of a row, and the sums over the rows looked back on."""
_HEAD = columns("""
pos     i8 -    place of the next row in the ring
session i8 days session of the last row since 1970, -1: none yet
time    i8 ns   when it was known (UTC)
moved   i8 ns   when the mid last moved
traded  i8 ns   when a row last traded
sign    f8 -    sign of that trade
move    f8 log  return of the last move
still   i8 rows since then
""")
STATE = nested_dtype([("bars", bars.STATE), *fields(_HEAD), ("sums", RING_ROW), ("ring", RING_ROW, (LOOKBACK,))])
"""A symbol's state."""


def state_new(slots_per_session: int, interval_s: float) -> Records:
    """The state before a symbol's first row.

    Parameters
    ----------
    slots_per_session : int
        Slots of a full day.
    interval_s : float
        Seconds a row: see `bar_features.state_new`.

    Returns
    -------
    records [1] of STATE
    """
    state = np.zeros(1, STATE)
    state["session"] = -1
    state["bars"] = bars.state_new(slots_per_session, interval_s)
    return state


@kernel
def _push(state: np.record, row: np.record) -> None:
    """Write the row to head and ring, after the step of bars has taken it."""
    sign = np.sign(row.signed_volume)
    if row.session != state.session:
        state.session = row.session
        state.time = state.moved = state.traded = row.time_open
        state.sign, state.move, state.still = 0.0, 0.0, 0
    ret = state.bars.ret
    entry = state.ring[state.pos]
    entry.ret, entry.ofi, entry.flow, entry.sign = ret, row.ofi, row.signed_volume, sign
    entry.depth, entry.wait = row.depth_bid + row.depth_ask, row.time - state.time
    state.pos = state.pos + 1 if state.pos + 1 < LOOKBACK else 0
    state.time = row.time
    state.still += 1
    if ret != 0.0:
        state.moved, state.move, state.still = row.time, ret, 0
    if row.volume > 0.0:
        state.traded = row.time
        if sign != 0.0:
            state.sign = sign


@kernel
def _add(state: np.record, pos: int, rows: int) -> int:
    """Add so many rows of the ring, newest first and from before `pos` on, to the sums; the place where it ended."""
    sums = state.sums
    ret, ofi, flow, sign, depth, wait = sums.ret, sums.ofi, sums.flow, sums.sign, sums.depth, sums.wait
    for _ in range(rows):
        pos = pos - 1 if pos > 0 else LOOKBACK - 1
        r = state.ring[pos]
        ret, ofi, flow, sign, depth, wait = (
            ret + r.ret, ofi + r.ofi, flow + r.flow, sign + r.sign, depth + r.depth, wait + r.wait,
        )  # fmt: skip
    sums.ret, sums.ofi, sums.flow, sums.sign, sums.depth, sums.wait = ret, ofi, flow, sign, depth, wait
    return pos


@kernel
def _log_ms(ns: float) -> float:
    """Log of 1 + milliseconds."""
    return math.log1p(max(ns, 0.0) * 1e-6)


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
    full = bars.step(state.bars, row, out.bars)
    _push(state, row)
    if not full:
        return False
    sums = state.sums
    sums.ret = sums.ofi = sums.flow = sums.sign = sums.depth = sums.wait = 0.0
    pos, done = state.pos, 0
    # each window goes on from the one before it, so that all are one pass over the ring
    for k in range(len(WINDOWS)):
        pos = _add(state, pos, WINDOWS[k] - done)
        done = WINDOWS[k]
        out.ret[k], out.ofi[k], out.flow[k] = sums.ret, sums.ofi, sums.flow
        if k == 0:
            out.sign = sums.sign
        if k == 2:
            out.sign_10, out.pace_10 = sums.sign, _log_ms(sums.wait / 10.0)
    out.sign_78, out.pace_78 = sums.sign, _log_ms(sums.wait / LOOKBACK)
    _write_book(state, row, out)
    _write_times(state, row, out)
    return True


@kernel
def _write_book(state: np.record, row: np.record, out: np.record) -> None:
    """Sizes over their mean of LOOKBACK rows, prices over the spread; reads the sums of all LOOKBACK rows."""
    size, mean = row.depth_bid + row.depth_ask, state.sums.depth / LOOKBACK
    spread = 1e-4 * row.spread_bps
    out.touch = 0.0 if size == 0.0 else (row.depth_bid - row.depth_ask) / size  # both sides of a book may be empty
    out.depth = 0.0 if size == 0.0 else math.log(size / mean)
    out.move, out.move_size, out.sign_last = np.sign(state.move), state.move / spread, state.sign
    out.jump = math.log(row.spread_bps if state.move == 0.0 else 1e4 * abs(state.move))
    for k in range(len(WINDOWS)):
        out.ret[k] /= spread
        out.ofi[k] = 0.0 if mean == 0.0 else math.asinh(out.ofi[k] / mean)
        out.flow[k] = 0.0 if mean == 0.0 else math.asinh(out.flow[k] / mean)


@kernel
def _write_times(state: np.record, row: np.record, out: np.record) -> None:
    """How long ago the row before, the last move and the last trade were."""
    out.wait, out.age = _log_ms(row.time - row.time_open), _log_ms(row.time - state.moved)
    out.trade_age, out.still = _log_ms(row.time - state.traded), math.log1p(state.still)


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

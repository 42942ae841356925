"""P&L alone, for sweeps and families of trials: the ledger's step, with what changes nothing passed over.

Rows on which nothing is filled or decided are only counted; and where the rule is plain (one symbol, fixed size, no
limit but a maximal position) the rows inside a session run in registers. All else goes through the step itself.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from hfm.kernels.jit import bare
from hfm.kernels.simd import prefetch
from hfm.ledger import layout as at
from hfm.ledger.accounting import advance, equity
from hfm.ledger.fills import in_lots, quoted
from hfm.risk.limits import watch

Float = npt.NDArray[np.float64]
Sign = npt.NDArray[np.int8]
Int = npt.NDArray[np.int64]
Room = tuple[Float, Int]


class Rows(NamedTuple):
    """Rows in time order, and their first columns once more: to P&L alone a row is then one line of the processor's
    cache, and few pages of memory hold the rows at which a signal turns."""

    whole: Float
    """[n, ROW]."""
    near: Float
    """[n, NEAR]."""

    def part(self, which: slice) -> Rows:
        """Some of the rows; views."""
        return Rows(self.whole[which], self.near[which])


def rows_new(count: int) -> Rows:
    """Room for so many rows."""
    line = 64 // 8
    room = np.empty(count * at.NEAR + line)
    first = -room.ctypes.data // 8 % line
    return Rows(np.empty((count, at.ROW)), room[first : first + count * at.NEAR].reshape(count, at.NEAR))


def rows_of(whole: Float) -> Rows:
    """Rows [n, ROW] as they are, with a copy of what stands near."""
    near = rows_new(len(whole)).near
    near[:] = whole[:, : at.NEAR]
    return Rows(whole, near)


Signals = tuple[Sign, Int]
"""Codes, and the rows at which they turn."""
Place = tuple[int, int]
"""A row, and an index into the turns, at or before the first turn beyond it."""
AHEAD = 8
"""Turns of the signal by which rows are fetched before they are needed."""


def room_for(rows: int) -> Room:
    """What `profit` works in, for at most so many rows."""
    return np.empty((3, at.OUT)), np.empty(rows + 1 + AHEAD, np.int64)


@bare
def profit(state: Float, params: Float, rows: Rows, codes: Sign, sums: Float, room: Room) -> None:
    """Net, gross, sum of position x mark, and round trips of each (session, symbol) block, added to sums [B, SUMS].

    rows: whole sessions or any part; codes [n]: signal, plus EDGE where the row must be looked at; room: see room_for.
    What `step.loop` gives, up to the rounding of sums. The signals in rows are overwritten.
    """
    scratch, turns = room
    trips, out = scratch[:2], scratch[2]
    watched = params[at.P_DAILY_LOSS] < np.inf or params[at.P_DRAWDOWN] < np.inf
    alone, simple = state.size == at.HEAD + at.BLOCK and not watched, plain(state, params)
    if alone:
        _find_turns(codes, turns)
    i, turn, n = 0, 0, codes.size
    while i < n:
        if simple and codes[i] < 2:
            i, turn = _inside(state, params, rows, (codes, turns), sums, (i, turn))
            if i == n:
                break
        row = rows.whole[i]
        row[at.R_SIGNAL] = codes[i] - at.EDGE if codes[i] > 1 else codes[i]
        into = sums[int(row[at.R_BLOCK])]
        b = at.HEAD + at.BLOCK * int(row[at.R_SYMBOL])
        into[at.SUM_TRIPS] += advance(state, params, row, out, trips)
        if watched:
            watch(state, params, out, equity(state))
        qty = state[b + at.B_QTY]
        into[at.SUM_NET] += out[at.O_NET]
        into[at.SUM_GROSS] += out[at.O_GROSS]
        into[at.SUM_HELD] += qty * state[b + at.B_MARK]
        i += 1
        if alone and state[b + at.B_TARGET] == qty and row[at.R_LAST] == 0.0:
            first = i
            i, turn = _quiet(rows.near, (codes, turns), (i, turn), qty)
            if i > first:
                mark = rows.near[i - 1, at.R_MID_CLOSE]
                change = qty * (mark - state[b + at.B_MARK])
                into[at.SUM_NET] += change
                into[at.SUM_GROSS] += change
                into[at.SUM_HELD] += qty * (rows.near[i - 1, at.R_SUM] - row[at.R_SUM])
                state[b + at.B_MARK] = mark
                _remember(state, rows.whole[i - 1], float(i - first))


@bare
def _find_turns(codes: Sign, turns: Int) -> None:
    """turns: the rows whose code is not that of the row before, in order, then n to its end.

    Found ahead, so that the next of them are fetched while one is worked on: each is a line somewhere in a table.
    """
    count, before = 0, codes[0] if codes.size else 0
    for i in range(codes.size):
        turns[count] = i
        count += 1 if codes[i] != before else 0
        before = codes[i]
    turns[count : count + 1 + AHEAD] = codes.size


@bare
def _fetch(near: Float, i: int) -> None:
    """Have the lines at hand of a row at which the code turns, of the one before it, and of that of its fill."""
    for place in range((i - 1) * at.NEAR, (i + 2) * at.NEAR, at.NEAR):
        prefetch(near, place)


@bare
def _quiet(near: Float, signals: Signals, where: Place, qty: float) -> Place:
    """The first row from `where` on whose code is not the side of `qty`."""
    codes, turns = signals
    i, turn = where
    if i == codes.size or codes[i] != (1 if qty > 0.0 else (-1 if qty < 0.0 else 0)):
        return i, turn
    while turns[turn] <= i:
        turn += 1
    _fetch(near, turns[turn + AHEAD])
    return turns[turn], turn


@bare
def plain(state: Float, params: Float) -> bool:
    """Whether `_inside` says it all: one symbol, fixed size, and none of the limits that it does not know."""
    if state.size != at.HEAD + at.BLOCK or params[at.P_SIZING] != at.SIZE_FIXED or params[at.P_TRIPS] != 0.0:
        return False
    if params[at.P_FILL] > at.FILL_CROSS or params[at.P_THROTTLE] > 0.0 or state[at.S_HALT] != 0.0:
        return False
    for place in range(at.P_MAX_GROSS, at.P_DRAWDOWN + 1):
        if place != at.P_THROTTLE and params[place] < np.inf:
            return False
    return True


@bare
def _remember(state: Float, row: Float, count: float) -> None:
    """What the next row must know of the last of `count` rows."""
    state[at.HEAD + at.B_ROWS] += count
    state[at.HEAD + at.B_BID] = row[at.R_BID_CLOSE]
    state[at.HEAD + at.B_ASK] = row[at.R_ASK_CLOSE]
    state[at.HEAD + at.B_VOLUME] = row[at.R_VOLUME]
    state[at.HEAD + at.B_NS] = row[at.R_CLOSE_NS]


@bare
def _inside(state: Float, params: Float, rows: Rows, signals: Signals, sums: Float, where: Place) -> Place:
    """Carry the rows from `where` to the next edge, or to an order without a price: where it stopped."""
    near, codes, (start, turn) = rows.near, signals[0], where
    cash, qty, mark = state[at.S_CASH], state[at.HEAD + at.B_QTY], state[at.HEAD + at.B_MARK]
    target, traded = state[at.HEAD + at.B_TARGET], state[at.S_TRADED]
    worth = max(params[at.P_SIZE] * state[at.S_OPEN_EQUITY], 0.0)
    cost, gross, held, ended, i = 0.0, 0.0, 0.0, 0, start
    while i < codes.size and codes[i] < 2:
        row = near[i]
        if target != qty:
            mid = row[at.R_MID_OPEN]
            if not quoted(mid, row[at.R_BID_OPEN], row[at.R_ASK_OPEN]):
                break
            want = target - qty
            size, slip = abs(want), _slip(params, row, want)
            fee = params[at.P_FEE] * size * (mid + slip if want > 0.0 else mid - slip)
            cash -= want * mid + size * slip + fee
            cost += size * slip + fee
            traded += size * mid
            gross += qty * (mid - mark)
            ended += 1 if qty * want < 0.0 and size >= abs(qty) else 0
            mark, qty = mid, target
        close = row[at.R_MID_CLOSE]
        gross += qty * (close - mark)
        mark = close
        held += qty * close
        side = float(codes[i])
        if side == 0.0:
            target = 0.0
        elif side * target <= 0.0:
            target = side * min(in_lots(params, worth / close), params[at.P_MAX_POSITION])
        i += 1
        if target == qty:
            first = i
            i, turn = _quiet(near, signals, (i, turn), qty)
            if i > first:
                gross += qty * (near[i - 1, at.R_MID_CLOSE] - mark)
                mark = near[i - 1, at.R_MID_CLOSE]
                held += qty * (near[i - 1, at.R_SUM] - row[at.R_SUM])
    if i > start:
        into = sums[int(near[start, at.R_BLOCK])]
        into[at.SUM_NET] += gross - cost
        into[at.SUM_GROSS] += gross
        into[at.SUM_HELD] += held
        into[at.SUM_TRIPS] += ended
        state[at.S_CASH], state[at.HEAD + at.B_QTY], state[at.HEAD + at.B_MARK] = cash, qty, mark
        state[at.HEAD + at.B_TARGET], state[at.S_TRADED] = target, traded
        _remember(state, rows.whole[i - 1], float(i - start))
    return i, turn


@bare
def _slip(params: Float, row: Float, want: float) -> float:
    """Currency a share by which a fill at the open is worse than the mid: half-spread and impact."""
    mid, bid, ask = row[at.R_MID_OPEN], row[at.R_BID_OPEN], row[at.R_ASK_OPEN]
    slip = 0.0
    if params[at.P_FILL] == at.FILL_NEXT_OPEN:
        slip = params[at.P_SPREAD_SHARE] * 0.5 * (ask - bid)
    elif params[at.P_FILL] == at.FILL_CROSS:
        slip = ask - mid if want > 0.0 else mid - bid
    if row[at.R_ADV] > 0.0:
        slip += mid * params[at.P_IMPACT] * row[at.R_SIGMA_DAY] * np.sqrt(abs(want) / row[at.R_ADV])
    return slip

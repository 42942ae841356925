"""P&L alone, for sweeps and families of trials: the ledger's step, with what changes nothing passed over.

The slow twin is hfm.orders.step.loop; tests/backtest/sweep/test_summary_ledger.py compares them. Left out: the
columns of each row. Rows on which nothing is filled or decided are only counted; and where the rule is plain (one
symbol, fixed size, no limit but a maximal position) the rows inside a session run in registers. All else goes through
the step itself. Bench: `backtest P&L alone`.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from hfm.kernels.jit import bare
from hfm.kernels.simd import prefetch
from hfm.ledger import ledger_records as rec
from hfm.ledger.accounting import equity
from hfm.ledger.fills import fill_price, half_spread, impact, position_size, quoted
from hfm.ledger.ledger_records import HOT_ROW, LEDGER_RESULT, LEDGER_ROW, ROUND_TRIP, LedgerState, Record
from hfm.orders.order_records import accept, fill, request
from hfm.orders.step import advance
from hfm.plugins import Weights
from hfm.risk.limits import watch
from hfm.tables.records import Records

Sign = npt.NDArray[np.int8]
Int = npt.NDArray[np.int64]
EDGE = 4
"""Added to a row's side in the codes of `summarise` where the row may not be passed over: the first and last of a
session, and those without a price."""
AHEAD = 8
"""Turns of the signal by which rows are fetched before they are needed."""


class LedgerRows(NamedTuple):
    """Rows in time order, and their first fields once more: to P&L alone a row is then one line of the processor's
    cache, and few pages of memory hold the rows at which a signal turns.

    full [n] of LEDGER_ROW; hot [n] of HOT_ROW.
    """

    full: Records
    hot: Records

    def part(self, which: slice) -> LedgerRows:
        """Some of the rows; views."""
        return LedgerRows(self.full[which], self.hot[which])


class Workspace(NamedTuple):
    """What `summarise` works in: trips [2] of ROUND_TRIP, result [1] of LEDGER_RESULT, turns [n + 1 + AHEAD]."""

    trips: Records
    result: Records
    turns: Int


class Codes(NamedTuple):
    """codes [n] of the rows, and the turns: the rows at which they change."""

    codes: Sign
    turns: Int


class Place(NamedTuple):
    """A row, and an index into the turns, at or before the first turn beyond it."""

    row: int
    turn: int


def rows_new(count: int) -> LedgerRows:
    """Room for `count` rows; the hot ones begin at a line of the cache."""
    line = HOT_ROW.itemsize
    room = np.empty((count + 1) * line, np.uint8)
    first = -room.ctypes.data % line
    return LedgerRows(np.empty(count, LEDGER_ROW), room[first : first + count * line].view(HOT_ROW))


def rows_of(full: Records) -> LedgerRows:
    """Rows [n] of LEDGER_ROW as they are, with a copy of their hot fields."""
    hot = rows_new(len(full)).hot
    for name in HOT_ROW.names or ():
        hot[name] = full[name]
    return LedgerRows(full, hot)


def workspace(rows: int) -> Workspace:
    """What `summarise` works in, for at most `rows` rows."""
    return Workspace(np.empty(2, ROUND_TRIP), np.empty(1, LEDGER_RESULT), np.empty(rows + 1 + AHEAD, np.int64))


def summarise_weights(
    state: LedgerState, params: Records, rows: LedgerRows, weights: Weights, edge: Sign, sums: Records, space: Workspace
) -> None:
    """As `summarise`, of target weights; where some are parts of a position each row goes through the step.

    Parameters
    ----------
    state, params, rows, sums, space
        See `summarise`.
    weights
        [n] in [-1, 1], int8 where all are -1, 0 or 1.
    edge
        [n] EDGE on rows that may not be passed over, else 0.
    """
    full = np.isin(np.abs(state.order["weight"]), (0.0, 1.0)).all()  # an earlier panel may have left a part
    if weights.dtype == np.int8 and full:
        codes: Sign = np.add(weights, edge, dtype=np.int8)
        summarise(state, params, rows, codes, sums, space)
        return
    rows.full["target"] = weights
    _summarise_rows(state, params, rows.full, sums, space)


@bare
def _summarise_rows(state: LedgerState, params: Records, rows: Records, sums: Records, space: Workspace) -> None:
    """As `summarise`, every row through the step, its target as it stands in `rows` [n] of LEDGER_ROW."""
    result, watched = space.result[0], is_watched(params[0])
    for i in range(rows.size):
        row = rows[i]
        block, position = sums[row.block], state.symbol[row.symbol]
        block.trips += advance(state, params, row, result, space.trips)
        if watched:
            watch(state, params[row.symbol], result, equity(state))
        block.net += result.net_pnl
        block.gross += result.gross_pnl
        block.held += position.qty * position.mark


@bare
def summarise(
    state: LedgerState, params: Records, rows: LedgerRows, codes: Sign, sums: Records, space: Workspace
) -> None:
    """Add net, gross, sum of position x mark, and round trips of each (session, symbol) block to its sums.

    What `orders.step.loop` gives, up to the rounding of sums.

    Parameters
    ----------
    state
        Updated.
    params
        [S] of PARAMS; keep_trips is off.
    rows
        Complete sessions or any part, [n]. Their targets are overwritten.
    codes
        [n] side -1, 0 or 1 (a full position), plus EDGE where the row must be looked at.
    sums
        [B] of BLOCK_SUMS.
    space
        See `workspace`.
    """
    trips, result, turns = space.trips, space.result[0], space.turns
    watched = is_watched(params[0])
    alone = state.symbol.size == 1 and not watched
    simple = plain(state, params)
    if alone:
        _find_turns(codes, turns)
    i, turn, n = 0, 0, codes.size
    signal = Codes(codes, turns)
    while i < n:
        if simple and codes[i] < 2:
            place = _inside(state, params, rows, signal, sums, Place(i, turn))
            i, turn = place.row, place.turn
            if i == n:
                break
        row = rows.full[i]
        row.target = float(codes[i] - EDGE if codes[i] > 1 else codes[i])
        block, position, order = sums[row.block], state.symbol[row.symbol], state.order[row.symbol]
        block.trips += advance(state, params, row, result, trips)
        if watched:
            watch(state, params[row.symbol], result, equity(state))
        qty = position.qty
        block.net += result.net_pnl
        block.gross += result.gross_pnl
        block.held += qty * position.mark
        i += 1
        if alone and order.target == qty and not row.is_last:
            first = i
            place = _quiet(rows.hot, signal, Place(i, turn), qty)
            i, turn = place.row, place.turn
            if i > first:
                before = rows.hot[i - 1]
                change = qty * (before.mid_close - position.mark)
                block.net += change
                block.gross += change
                block.held += qty * (before.mark_sum - row.mark_sum)
                position.mark = before.mid_close
                _remember(position, order, rows.full[i - 1], i - first)


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
def _quiet(hot: Records, signal: Codes, place: Place, qty: float) -> Place:
    """The first row from `place` on whose code is not the side of `qty`."""
    codes, turns = signal.codes, signal.turns
    i, turn = place.row, place.turn
    if i == codes.size or codes[i] != (1 if qty > 0.0 else (-1 if qty < 0.0 else 0)):
        return Place(i, turn)
    while turns[turn] <= i:
        turn += 1
    later = turns[turn + AHEAD]
    prefetch(hot, later - 1)  # the row at which the code turns, the one before it, and that of its fill
    prefetch(hot, later)
    prefetch(hot, later + 1)
    return Place(turns[turn], turn)


@bare
def plain(state: LedgerState, params: Records) -> bool:
    """Whether `_inside` covers the rule: one symbol, fixed size, and none of the limits that it does not know."""
    rule = params[0]
    if state.symbol.size != 1 or rule.sizing != rec.SIZE_FIXED or rule.keep_trips:
        return False
    if rule.fill_mode > rec.FILL_CROSS or rule.throttle > 0.0 or state.book[0].halt != 0:
        return False
    if rule.max_gross < np.inf or rule.max_net < np.inf or rule.participation < np.inf or rule.collar < np.inf:
        return False
    if rule.max_turnover < np.inf or rule.max_spread_bps < np.inf or rule.max_age_ns < np.inf:
        return False
    return not is_watched(rule)


@bare
def is_watched(rule: Record) -> bool:
    """Whether a limit hangs on the equity after each row."""
    return bool(rule.daily_loss < np.inf or rule.max_drawdown < np.inf)


@bare
def _remember(position: Record, order: Record, row: Record, count: int) -> None:
    """What the next row must know of the last of `count` rows."""
    position.rows += count
    order.bid = row.bid_close
    order.ask = row.ask_close
    order.volume = row.volume
    order.decided = row.time


@bare
def _leave_order(order: Record, target: float, qty: float, asked: float) -> None:
    """The order after rows in registers: a new one from `qty` to `target`, or the last, for `asked` units, filled."""
    order.target = target
    order.weight = 1.0 if target > 0.0 else -1.0
    if asked != 0.0:
        request(order, asked)
        accept(order)
        fill(order, asked, 0.0)
    request(order, target - qty)


@bare
def _inside(
    state: LedgerState, params: Records, rows: LedgerRows, signal: Codes, sums: Records, start: Place
) -> Place:  # fmt: skip
    """Carry the rows from `start` to the next edge, or to an order without a price: where it stopped."""
    book, position, order, rule = state.book[0], state.symbol[0], state.order[0], params[0]
    hot, codes = rows.hot, signal.codes
    i, turn = start.row, start.turn
    cash, qty, mark, target, traded = book.cash, position.qty, position.mark, order.target, book.traded
    cost, gross, held, asked, ended = 0.0, 0.0, 0.0, 0.0, 0
    while i < codes.size and codes[i] < 2:
        row = hot[i]
        if target != qty:
            mid = row.mid_open
            if not quoted(mid, row.bid_open, row.ask_open):
                break
            want = asked = target - qty
            size = abs(want)
            slip = half_spread(rule.fill_mode, rule.spread_share, want, mid, row.bid_open, row.ask_open)
            slip += impact(mid, rule.impact, row.sigma_day, size, row.adv)
            fee = rule.fee * size * fill_price(mid, slip, want)
            cash -= want * mid + size * slip + fee
            cost += size * slip + fee
            traded += size * mid
            gross += qty * (mid - mark)
            ended += 1 if qty * want < 0.0 and size >= abs(qty) else 0
            mark, qty = mid, target
        close = row.mid_close
        gross += qty * (close - mark)
        mark = close
        held += qty * close
        side = float(codes[i])
        if side == 0.0:
            target = 0.0
        elif side * target <= 0.0:
            target = side * min(position_size(rule, 1.0, book.open_equity, close), rule.max_position)
        i += 1
        if target == qty:
            first = i
            place = _quiet(hot, signal, Place(i, turn), qty)
            i, turn = place.row, place.turn
            if i > first:
                gross += qty * (hot[i - 1].mid_close - mark)
                mark = hot[i - 1].mid_close
                held += qty * (hot[i - 1].mark_sum - row.mark_sum)
    if i > start.row:
        block = sums[hot[start.row].block]
        block.net += gross - cost
        block.gross += gross
        block.held += held
        block.trips += ended
        book.cash = cash
        book.traded = traded
        position.qty = qty
        position.mark = mark
        _leave_order(order, target, qty, asked)
        _remember(position, order, rows.full[i - 1], i - start.row)
    return Place(i, turn)

"""The best price levels of an order book after each event, rebuilt from changes of its levels.

Legend: m changes, R distinct prices, L levels that are kept. Prices are ranks (0 the lowest) and a side is 0 (bids) or
1 (asks) inside; sizes in shares. Column c = 4 i + 2 side + (0 price, 1 size) of the book is of level i.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from hfm.arrays import Float, Int
from hfm.kernels.jit import bare


@dataclass(frozen=True)
class LevelChanges:
    """Changes of levels in order, [m].

    row: the event that each belongs to, never decreasing. side: 1 bid, -1 ask, 0: both sides are emptied. price: any
    integers. size: what is added to the level (negative: taken away), or, where `absolute`, its new size.
    """

    row: Int
    side: Int
    price: Int
    size: Float
    absolute: bool


def rebuild(changes: LevelChanges, events: int, levels: int) -> tuple[Float, Float]:
    """The best price levels after each event, and what each change did.

    Parameters
    ----------
    changes : m of them.
    events : how many columns the book has.
    levels : L, best levels that are kept.

    Returns
    -------
    book : float64 [4 L, events]
        Rows bid_px_1, bid_sz_1, ask_px_1, ask_sz_1, bid_px_2, ...: prices in the changes' integer unit, NaN with size 0
        where a level is empty, as they stand after the last change of each event (before the first: empty).
    change : float64 [m]
        What each did to its level, in shares; less than was asked for where the level did not have as much.
    """
    m = len(changes.row)
    encoded = pa.array(changes.price).dictionary_encode()
    known = encoded.dictionary.to_numpy()
    order = np.argsort(known, kind="stable")
    place = np.empty(len(known), np.int64)
    place[order] = np.arange(len(known))
    moves = np.empty((4, m), np.int64)
    row, is_ask, level, absolute = moves
    row[:], is_ask[:], absolute[:] = changes.row, changes.side < 0, changes.absolute
    level[:] = place[encoded.indices.to_numpy()] if m else 0
    level[changes.side == 0] = -1
    size = np.stack([changes.size, np.empty(m)])
    ladder = np.zeros((3, len(known)))
    ladder[2] = known[order]
    marks = np.zeros(6 * levels, np.int64)
    marks[: 2 * levels] = -1
    book = np.empty((4 * levels, events))
    apply_changes(moves, size, ladder, marks, np.tile([np.nan, 0.0], 2 * levels), book)
    return book, size[1]


@bare
def apply_changes(moves: Int, size: Float, ladder: Float, marks: Int, now: Float, book: Float) -> None:
    """Fills `book` and size[1], what each change did.

    A change costs a short search: only where a best level empties is the next one looked for, outwards from the last.
    A column is written where its value changes, in one piece up to there.

    Parameters
    ----------
    moves : [4, m] event, side, rank (-1 empties both sides), whether size[0] is a new size.
    size : [2, m] what is asked for, and what each change did: shares.
    ladder : [3, R] sizes of the bids, of the asks, and the prices, by rank; changed.
    marks : [6 L] of each side the ranks of its best levels, best first, -1 behind the last; then of each column the
        event from which on it is `now`; changed.
    now : [4 L] the book after the last change; changed.
    book : [4 L, events] filled; NaN and 0 where a level is empty.
    """
    levels = len(now) // 4
    for k in range(moves.shape[1]):
        event, s, r = moves[0, k], moves[1, k], moves[2, k]
        if r < 0:  # both sides are emptied
            size[1, k] = 0.0
            _clear(ladder, marks, levels)
            _show(ladder, marks, 0, event, now, book)
            _show(ladder, marks, 2, event, now, book)
            continue
        old = ladder[s, r]
        new = size[0, k] if moves[3, k] else old + size[0, k]
        if new < 1e-9:  # the rounding of what is none
            new = 0.0
        ladder[s, r] = new
        size[1, k] = new - old
        # where its rank stands among the best levels of its side
        at, base = 0, s * levels
        while at < levels and marks[base + at] >= 0 and (marks[base + at] > r if s == 0 else marks[base + at] < r):
            at += 1
        if at == levels or new == old:
            continue
        column = 4 * at + 2 * s
        if (new > 0.0) != (old > 0.0):  # the level came or went: those behind it move
            _move(ladder, marks, levels, column, r)
            _show(ladder, marks, column, event, now, book)
        else:
            _put(marks, column + 1, new, event, now, book)
    # the last values stand to the end
    for c in range(4 * levels):
        _put(marks, c, now[c], book.shape[1], now, book)


@bare
def _put(marks: Int, c: int, value: float, event: int, now: Float, book: Float) -> None:
    """Column c is `value` from `event` on."""
    held, since = now[c], len(now) // 2 + c
    for i in range(marks[since], event):
        book[c, i] = held
    now[c] = value
    marks[since] = event


@bare
def _show(ladder: Float, marks: Int, column: int, event: int, now: Float, book: Float) -> None:
    """The levels of a side from that of `column` (a price's) on, as they stand from `event` on."""
    levels, s = len(now) // 4, column % 4 // 2
    for i in range(column // 4, levels):
        r, c = marks[s * levels + i], 4 * i + 2 * s
        _put(marks, c, ladder[2, r] if r >= 0 else np.nan, event, now, book)
        _put(marks, c + 1, ladder[s, r] if r >= 0 else 0.0, event, now, book)


@bare
def _clear(ladder: Float, marks: Int, levels: int) -> None:
    """Nothing is left on either side."""
    for s in range(2):
        for i in range(ladder.shape[1]):
            ladder[s, i] = 0.0
    for i in range(2 * levels):
        marks[i] = -1


@bare
def _move(ladder: Float, marks: Int, levels: int, column: int, r: int) -> None:
    """Keeps the ranks of a side's best levels as rank r has come to, or gone from, the level of `column`."""
    s = column % 4 // 2
    first, last = s * levels + column // 4, s * levels + levels - 1
    if ladder[s, r] > 0.0:
        for i in range(last, first, -1):
            marks[i] = marks[i - 1]
        marks[first] = r
        return
    i = marks[last]
    for k in range(first, last):
        marks[k] = marks[k + 1]
    marks[last] = -1
    step = -1 if s == 0 else 1
    while i >= 0:  # nothing lies behind the last level of a side that is not full
        i += step
        if i < 0 or i >= ladder.shape[1]:
            return
        if ladder[s, i] > 0.0:
            marks[last] = i
            return

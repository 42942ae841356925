"""The best price levels of an order book after each event, rebuilt from changes of its levels.

Legend: n events, m changes (m >= n: an order that moves makes two), R distinct prices, L levels that are kept.
Prices are ranks (0 the lowest) and a side is 0 (bids) or 1 (asks) inside; sizes in shares.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from hfm.kernel import bare

Float = npt.NDArray[np.float64]
Int = npt.NDArray[np.int64]

CLEAR = -1
"""A change at this rank empties both sides."""


def rebuild(
    row: Int, side: Int, price: Int, size: Float, events: int, levels: int, absolute: bool
) -> tuple[Float, Float]:
    """(book [4 L, events], change [m]) of changes that belong to events `row` [m], in order.

    book: rows bid_px_1, bid_sz_1, ask_px_1, ask_sz_1, bid_px_2, ...: prices in the integer unit of `price`, NaN with
    size 0 where a level is empty, as they stand after the last change of each event (before the first: empty).
    side: 1 bid, -1 ask. price: [m] any integers; side 0 empties the book. size: [m] what is added to the level
    (negative: taken away), or, where `absolute`, its new size. change: what each did to its level, in shares; less
    than was asked for where the level did not have as much.
    """
    encoded = pa.array(price).dictionary_encode()
    known = encoded.dictionary.to_numpy()
    order = np.argsort(known, kind="stable")
    place = np.empty(len(known), np.int64)
    place[order] = np.arange(len(known))
    rank = place[encoded.indices.to_numpy()] if len(known) else np.zeros(0, np.int64)
    rank[side == 0] = CLEAR
    book, change = np.empty((4 * levels, events)), np.empty(len(row))
    held, best = np.zeros((2, len(known))), np.full((2, levels), CLEAR)
    now, since = np.tile([np.nan, 0.0], 2 * levels), np.zeros(4 * levels, np.int64)
    face = np.where(side > 0, 0, 1)
    run(row, face, rank, size, absolute, known[order].astype(np.float64), held, best, now, since, book, change)
    return book, change


@bare
def run(
    row: Int,
    side: Int,
    rank: Int,
    size: Float,
    absolute: bool,
    price: Float,
    held: Float,
    best: Int,
    now: Float,
    since: Int,
    book: Float,
    change: Float,
) -> None:
    """Fills `book` and `change` of rebuild.

    price: [R] by rank. held: [2, R] the size of every level, zeros. best: [2, L] the ranks of each side's best levels,
    best first, -1 behind the last: a change costs a short search, and only where one of them empties is the next one
    looked for, outwards from the last. now: [4 L] the book as it stands, and since: [4 L] the event from which on it
    does: a column is written when its value changes, in one piece up to there.
    """
    for k in range(len(row)):
        s, r, event = side[k], rank[k], row[k]
        if r < 0:
            change[k] = 0.0
            _clear(held, best)
            _show(held, best, price, 0, 0, event, now, since, book)
            _show(held, best, price, 1, 0, event, now, since, book)
            continue
        old = held[s, r]
        new = size[k] if absolute else old + size[k]
        if new < 1e-9:  # the rounding of what is none
            new = 0.0
        held[s, r] = new
        change[k] = new - old
        at = 0
        while at < best.shape[1] and best[s, at] >= 0 and (best[s, at] > r if s == 0 else best[s, at] < r):
            at += 1
        if at == best.shape[1] or new == old:
            continue
        if (new > 0.0) != (old > 0.0):
            _move(held, best, s, r, at, new > 0.0)
            _show(held, best, price, s, at, event, now, since, book)
        else:
            _put(4 * at + 2 * s + 1, new, event, now, since, book)
    for c in range(len(now)):
        _put(c, now[c], book.shape[1], now, since, book)


@bare
def _put(c: int, value: float, event: int, now: Float, since: Int, book: Float) -> None:
    """Column c is `value` from `event` on."""
    held = now[c]
    for i in range(since[c], event):
        book[c, i] = held
    now[c] = value
    since[c] = event


@bare
def _show(
    held: Float, best: Int, price: Float, s: int, at: int, event: int, now: Float, since: Int, book: Float
) -> None:
    """The levels of side s from the at-th on, as they stand from `event` on."""
    for i in range(at, best.shape[1]):
        r, c = best[s, i], 4 * i + 2 * s
        _put(c, price[r] if r >= 0 else np.nan, event, now, since, book)
        _put(c + 1, held[s, r] if r >= 0 else 0.0, event, now, since, book)


@bare
def _clear(held: Float, best: Int) -> None:
    """Nothing is left on either side."""
    for s in range(2):
        for i in range(held.shape[1]):
            held[s, i] = 0.0
        for i in range(best.shape[1]):
            best[s, i] = -1


@bare
def _move(held: Float, best: Int, s: int, r: int, at: int, appears: bool) -> None:
    """Keeps the best levels of side s as the level at rank r, the at-th best, appears or vanishes."""
    levels = best.shape[1]
    if appears:
        for i in range(levels - 1, at, -1):
            best[s, i] = best[s, i - 1]
        best[s, at] = r
        return
    last = best[s, levels - 1]
    for i in range(at, levels - 1):
        best[s, i] = best[s, i + 1]
    best[s, levels - 1] = -1
    if last < 0:
        return
    step = -1 if s == 0 else 1
    i = last + step
    while i >= 0 and i < held.shape[1]:
        if held[s, i] > 0.0:
            best[s, levels - 1] = i
            return
        i += step

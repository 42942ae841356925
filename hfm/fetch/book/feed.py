"""A venue's book feed and its trade feed as one sequence of events, session by session.

The two feeds are apart at the source: a trade row shows the book as the book feed last gave it, and the level change
that the trade caused comes as a row of its own. Sessions are UTC days.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from hfm.arrays import Bool, Float, Int, Sign
from hfm.errors import DataError
from hfm.fetch.book import book_events, price_levels
from hfm.fetch.book.book_events import CODE, UNIT
from hfm.fetch.book.dumps import Dump
from hfm.raw_data import RawBook


@dataclass(frozen=True)
class FeedTrades:
    """Trades in order, [n]: ns UTC, currency, size in units of the base, resting side (1 bid, -1 ask, 0 not known)."""

    time: Int
    price: Float
    size: Float
    side: Sign


@dataclass(frozen=True)
class FeedBook:
    """Book rows in order, [n], and the states that they show.

    state: [n] index into the columns of levels [4 L, k] (as in RawBook). The rest as in RawBook.
    """

    time: Int
    event: Sign
    side: Sign
    price: Float
    size: Float
    state: Int
    levels: Float
    counts: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class LevelUpdates:
    """New sizes of levels, [m], several a message.

    message: a running number from 0. time: of its message. snapshot: the message is (a part of) a whole book: where the
    one before was none, the book begins anew. side: 1 bid, -1 ask. price: currency. size: 0 removes the level.
    """

    message: Int
    time: Int
    snapshot: Bool
    side: Sign
    price: Float
    size: Float


def from_states(time: Int, levels: Float) -> FeedBook:
    """The book rows of a feed that gives the whole book each time.

    Parameters
    ----------
    time : [n] ns UTC.
    levels : [4 L, n] as in RawBook.

    Returns
    -------
    FeedBook
    """
    n = len(time)
    return FeedBook(time, np.full(n, CODE["snapshot"], np.int8), np.zeros(n, np.int8), np.full(n, np.nan), np.zeros(n),
                np.arange(n), levels)  # fmt: skip


def from_updates(updates: LevelUpdates, levels: int) -> FeedBook:
    """The book rows of a feed of new sizes of levels: all rows of a message show the book after all of it.

    A snapshot is one row; of the other messages each level that changed is a row: what was added to it or taken away.

    Parameters
    ----------
    updates : m of them.
    levels : L, best levels that are kept.

    Returns
    -------
    FeedBook
    """
    message, snapshot, side = updates.message, updates.snapshot, updates.side
    time, price, size = updates.time, updates.price, updates.size
    m = len(message)
    # a snapshot that follows none begins the book anew: a change of side 0, which empties it, is put before it
    fresh = snapshot & ~np.concatenate(([False], snapshot[:-1]))
    at = np.flatnonzero(fresh)
    row: Int = np.insert(message, at, message[at])
    sides: Int = np.insert(side.astype(np.int64), at, 0)
    prices: Int = np.insert(book_events.units(price), at, 0)
    sizes: Float = np.insert(size, at, 0.0)
    total = int(message[-1]) + 1 if m else 0
    book, change = price_levels.rebuild(
        price_levels.LevelChanges(row, sides, prices, sizes, absolute=True), total, levels
    )
    book[0::2] /= UNIT
    # rows: one a snapshot, and of other messages each level that changed
    change = np.delete(change, at + np.arange(len(at)))
    first = snapshot & np.concatenate(([True], message[1:] != message[:-1]))[:m]
    keep = np.flatnonzero(first | (~snapshot & (change != 0)))
    is_snapshot, up, gone = snapshot[keep], change[keep] > 0, size[keep] == 0
    kind = np.where(up, CODE["add"], np.where(gone, CODE["delete"], CODE["reduce"]))
    return FeedBook(
        time=time[keep],
        event=np.where(is_snapshot, CODE["snapshot"], kind).astype(np.int8),
        side=np.where(is_snapshot, 0, side[keep]).astype(np.int8),
        price=np.where(is_snapshot, np.nan, price[keep]),
        size=np.where(is_snapshot, 0, np.abs(change[keep])),
        state=message[keep],
        levels=book,
        counts={"level_updates": int((~snapshot).sum()), "without_effect": int((~snapshot & (change == 0)).sum())},
    )


def check_disjoint(trades: Sequence[FeedTrades], dumps: Sequence[Dump]) -> None:
    """Raise DataError where two files of trades lie in the same time: without ids both would count."""
    spans = sorted((int(t.time[0]), int(t.time[-1])) for t in trades if len(t.time))
    if any(start < end for (_, end), (start, _) in itertools.pairwise(spans)):
        raise DataError(
            f"{' and '.join(str(dump.path) for dump in dumps[:3])} have trades of the same time",
            why="their rows have no id, and each trade would count twice",
            hint="move one of them out of the folder",
        )


def merge_feeds(book: FeedBook, trades: Sequence[FeedTrades], notes: tuple[str, ...]) -> Iterator[RawBook]:
    """A venue's book feed and its trades by time, trades first where it is the same; seen as they were known.

    Parameters
    ----------
    book : rows of the book feed.
    trades : each file's, in order.
    notes : for the user.

    Yields
    ------
    RawBook
        One for each UTC day.
    """
    # trades stand first, so that a stable sort puts them before book rows of the same time
    parts: list[FeedTrades | FeedBook] = [*trades, book]
    time = np.concatenate([part.time for part in parts])
    order = np.argsort(time, kind="stable")
    event = np.concatenate([*(np.full(len(t.time), CODE["execute"], np.int8) for t in trades), book.event])[order]
    side, price, size = (
        np.concatenate([getattr(part, name) for part in parts])[order] for name in ("side", "price", "size")
    )
    # a trade shows the book's last state before it
    shown = np.concatenate([*(np.zeros(len(t.time), np.int64) for t in trades), book.state + 1])[order]
    shown = np.maximum.accumulate(shown) - 1
    time = time[order]
    day = time.astype("datetime64[ns]").astype("datetime64[D]")
    borders = np.concatenate(([0], np.flatnonzero(day[1:] != day[:-1]) + 1, [len(day)])) if len(day) else [0]
    step = book_events.tick(book_events.units(np.unique(book.levels[0:4:2][~np.isnan(book.levels[0:4:2])])), UNIT)
    counts = book.counts
    for start, end in itertools.pairwise(borders):
        rows = slice(int(start), int(end))
        yield RawBook(
            session=day[start],
            time=time[rows],
            event=event[rows],
            side=side[rows].astype(np.int8),
            price=price[rows],
            size=size[rows],
            order_id=None,
            levels=_expand_states(book.levels, shown[rows]),
            tick=step,
            notes=notes,
            counts=counts,
        )
        counts = {}


def _expand_states(levels: Float, state: Int) -> Float:
    """[4 L, n] columns of `levels`; before the first (-1) there is no book."""
    before = int(np.searchsorted(state, 0))
    out = np.empty((len(levels), len(state)))
    for row, level in zip(out, levels, strict=True):  # row by row: several times faster than take along the axis
        row[before:] = level[state[before:]]
    out[0::2, :before] = np.nan
    out[1::2, :before] = 0.0
    return out


def best_levels(book: FeedBook, levels: int) -> FeedBook:
    """The best `levels` levels of it."""
    return replace(book, levels=book.levels[: 4 * levels]) if len(book.levels) > 4 * levels else book

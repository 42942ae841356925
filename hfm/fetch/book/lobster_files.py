"""LOBSTER's message and orderbook files as arrays: checked line by line, and the book rebuilt from messages alone.

The format is the readme of the LOBSTER samples (Huang and Polak 2011, LOBSTER: Limit Order Book Reconstruction
System, doi:10.2139/ssrn.1977207): prices x 10,000, seconds after midnight in New York, 9,999,999,999 for a price that
is not there.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from hfm import tables
from hfm.arrays import Bool, Float, Int
from hfm.errors import DataError
from hfm.fetch.book import csv_file, price_levels
from hfm.fetch.book.prior_orders import prior_orders

PRICE = 10_000
"""Integer price units a dollar."""
EMPTY = 9_999_999_999
"""Price of a level that is not there, or more."""
DAY_S = 86_400
SUBMIT, CANCEL, DELETE, EXECUTE, HIDDEN, CROSS, HALT = range(1, 8)
"""Types of messages."""
VISIBLE = EXECUTE
"""Types up to this one change the visible book."""
FIELDS = {
    "time": pa.float64(),
    "type": pa.int64(),
    "order id": pa.int64(),
    "size": pa.int64(),
    "price": pa.int64(),
    "direction": pa.int64(),
}
"""Columns of a message file, in order."""
TRUSTED = 5
"""Of N levels of messages, N / TRUSTED are rebuilt: what lay beyond the N best when it came is not in the file."""


@dataclass(frozen=True)
class LobsterDay:
    """The files of one ticker and day; orderbook: None where there are only messages."""

    symbol: str
    day: str
    level: int
    message: Path
    orderbook: Path | None

    @property
    def levels(self) -> int:
        """Levels of the book that these files make."""
        return self.level if self.orderbook else min(tables.BOOK_LEVELS, self.level // TRUSTED)


@dataclass(frozen=True)
class LobsterMessages:
    """A message file, arrays [n] in its order.

    Attributes
    ----------
    seconds : after midnight in New York, never decreasing.
    kind : SUBMIT to HALT.
    order : order id; 0 where there is none.
    size : shares.
    price : 1 / PRICE dollars; of a halt -1, 0 or 1.
    direction : of the resting order, 1 buys, -1 sells.
    """

    seconds: Float
    kind: Int
    order: Int
    size: Int
    price: Int
    direction: Int


class RebuiltBook(NamedTuple):
    """levels: as in RawBook. note: for the user. counts: what was found."""

    levels: Float
    note: str
    counts: dict[str, int]


def read_messages(path: Path) -> LobsterMessages:
    """A message file.

    The seconds are doubles: below 86,400 they are good to 2e-11, so that the rounded ns is the decimal's own.

    Returns
    -------
    LobsterMessages

    Raises
    ------
    DataError
        Naming the line, for one that is cut or impossible.
    """
    data = csv_file.table(csv_file.read_bytes(path), path, FIELDS, header=False)
    messages = LobsterMessages(*(data[name].to_numpy() for name in FIELDS))
    seconds, kind, size, price = messages.seconds, messages.kind, messages.size, messages.price
    of_order = kind <= HIDDEN
    for bad, what in (
        ((kind < SUBMIT) | (kind > HALT), "its type is none of 1 to 7"),
        (of_order & (np.abs(messages.direction) != 1), "its direction is neither 1 nor -1"),
        (of_order & ((size <= 0) | (price <= 0)), "its size or price is not positive"),
        ((kind == HALT) & (np.abs(price) > 1), "its price is none of a halt's: -1, 0, 1"),
        (~((seconds >= 0) & (seconds < DAY_S)), "its time is no second of a day"),
        (np.concatenate(([False], seconds[1:] < seconds[:-1])), "its time lies before the line before it"),
        (_repeated_ids(messages.order, (kind == SUBMIT) & (messages.order > 0)),
         "an order of its number was submitted before"),
    ):  # fmt: skip
        rows = np.flatnonzero(bad)
        if rows.size:
            raise DataError(f"{path}: line {rows[0] + 1} is no LOBSTER message", why=what, hint=csv_file.AGAIN)
    return messages


def _repeated_ids(order: Int, new: Bool) -> Bool:
    """Which of the submissions `new` has the number of an earlier one."""
    rows = np.flatnonzero(new)
    out = np.zeros(len(order), np.bool_)
    out[rows] = True
    out[rows[np.unique(order[rows], return_index=True)[1]]] = False
    return out


def read_orderbook(day: LobsterDay, path: Path, messages: LobsterMessages) -> Float:
    """The price levels of the vendor's orderbook file, as RawBook.levels has them.

    Parameters
    ----------
    day : whose file it is.
    path : the file.
    messages : [n], one a line of the file.

    Returns
    -------
    [4 L, n] dollars and shares; an empty level is NaN and what the vendor wrote as its size.

    Raises
    ------
    DataError
        Where the file does not have a line of 4 x level fields for each message, or contradicts one.
    """
    data = csv_file.read_bytes(path)
    names = [
        f"{side} {what} {i}" for i in range(1, day.level + 1) for side in ("ask", "bid") for what in ("price", "size")
    ]
    table = csv_file.table(data, path, dict.fromkeys(names, pa.int64()), header=False)
    n = len(messages.kind)
    if table.num_rows != n:
        short, long = (path, day.message) if table.num_rows < n else (day.message, path)
        raise DataError(
            f"{short}: line {min(table.num_rows, n) + 1} is missing",
            why=f"{long.name} goes on to line {max(table.num_rows, n)}",
            hint=csv_file.AGAIN,
        )
    columns = {name: table[name].to_numpy() for name in names}
    book = np.empty((4 * day.level, n))
    for row, (level, side) in enumerate((i, side) for i in range(1, day.level + 1) for side in ("bid", "ask")):
        price = columns[f"{side} price {level}"]
        np.divide(price, PRICE, out=book[2 * row])
        book[2 * row][np.abs(price) >= EMPTY] = np.nan
        book[2 * row + 1] = columns[f"{side} size {level}"]
    _check_additions(day, path, columns, messages)
    if n and not data.endswith(b"\n") and not _last_line_fits(columns, day.level, messages):
        raise DataError(
            f"{path}: line {n} is not ended, and may be cut",
            why=f"its last size is {columns[names[-1]][-1]}, which does not follow from the line before and the "
            "message",
            hint=f"{csv_file.AGAIN}, or end the line if it is whole",
        )
    return book


def _check_additions(day: LobsterDay, path: Path, columns: dict[str, Int], messages: LobsterMessages) -> None:
    """Raise DataError where an order was added at a better price than the best price after it."""
    below_best = columns["bid price 1"] < messages.price
    above_best = columns["ask price 1"] > messages.price
    better = np.where(messages.direction > 0, below_best, above_best)
    wrong = np.flatnonzero((messages.kind == SUBMIT) & better)
    if wrong.size:
        raise DataError(
            f"{path}: line {wrong[0] + 1} contradicts {day.message.name}",
            why="an order was added there at a price that is better than the best",
            hint="give the two files of one download",
        )


def _last_line_fits(columns: dict[str, Int], level: int, messages: LobsterMessages) -> bool:
    """Whether the last line's last number, the worst bid's size, follows from the line before and the last message."""
    if len(messages.kind) < 2:
        return False
    before = {int(columns[f"bid price {i}"][-2]): int(columns[f"bid size {i}"][-2]) for i in range(1, level + 1)}
    price, change = int(columns[f"bid price {level}"][-1]), 0
    if messages.direction[-1] > 0 and messages.price[-1] == price and messages.kind[-1] <= VISIBLE:
        change = int(messages.size[-1]) if messages.kind[-1] == SUBMIT else -int(messages.size[-1])
    size = int(columns[f"bid size {level}"][-1])
    return size == before.get(price, 0) + change and (price in before or change > 0)


def rebuild_book(day: LobsterDay, messages: LobsterMessages, levels: int) -> RebuiltBook:
    """The book that messages alone make, with the orders that must have come before they are seen to go.

    Parameters
    ----------
    day : whose messages they are.
    messages : [n].
    levels : L, best levels that are kept.

    Returns
    -------
    RebuiltBook
        Levels [4 L, n], dollars and shares; an empty level is NaN and 0.

    Raises
    ------
    DataError
        Where the file has too few levels for that.
    """
    if not levels or not day.levels:
        raise DataError(
            f"{day.message.name} is alone, and of {day.level} levels",
            why=f"a book is rebuilt from messages of {TRUSTED} levels or more: less hides what lies behind the best",
            hint=f"put {day.message.name.replace('message', 'orderbook')} beside it",
        )
    # the orders that were there before, put in front of the messages' own changes of the same row
    new, visible = messages.kind == SUBMIT, np.flatnonzero(messages.kind <= VISIBLE)
    prior = prior_orders(messages.order, messages.size, new, ~new & (messages.kind <= VISIBLE))
    row = np.concatenate([prior.arrival, visible])
    change = np.concatenate([prior.size, np.where(new, messages.size, -messages.size)[visible]]).astype(np.float64)
    order = np.argsort(row, kind="stable")
    source = np.concatenate([prior.first_event, visible])[order]
    changes = price_levels.LevelChanges(
        row[order], messages.direction[source], messages.price[source], change[order], absolute=False
    )
    book, effect = price_levels.rebuild(changes, len(new), levels)
    book[0::2] /= PRICE
    early = int((prior.arrival == 0).sum())
    note = (
        f"the book was rebuilt to level {levels} from messages of {day.level}; {early} orders were there before "
        f"the first, {len(prior.arrival) - early} came unseen"
    )
    counts = {"unseen_orders": len(prior.arrival), "short_changes": int((effect != change[order]).sum())}
    return RebuiltBook(book, note, counts)

"""LOBSTER's reconstructed NASDAQ books: a message file and an orderbook file a ticker and day, .csv or .csv.gz.

The format is the readme of the LOBSTER samples (Huang and Polak 2011, LOBSTER: Limit Order Book Reconstruction
System, doi:10.2139/ssrn.1977207): prices x 10,000, seconds after midnight in New York, 9,999,999,999 for a price that
is not there. Of messages alone (of 50 levels, say) the book is rebuilt.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa

from hfm import tables
from hfm.arrays import Bool, Float, Int
from hfm.errors import DataError, HfmError, UsageError, typed
from hfm.fetch.book import book_events, csv_file, price_levels, prior_orders
from hfm.fetch.book.book_events import CODE
from hfm.plugins import BarRequest, RawBook
from hfm.stage import Context

NAME = re.compile(
    r"(?P<symbol>.+)_(?P<day>\d{4}-\d\d-\d\d)_(?P<span>\d+_\d+)_(?P<kind>message|orderbook)_(?P<level>\d+)"
    r"(?P<rest>\w*)\.csv(\.gz)?"
)
PRICE = 10_000
"""Integer price units a dollar."""
EMPTY = 9_999_999_999
SUBMIT, CANCEL, DELETE, EXECUTE, HIDDEN, CROSS, HALT = range(1, 8)
VISIBLE = EXECUTE
"""Types up to this one change the visible book."""
KINDS = np.array(
    [-1, *(CODE[name] for name in ("add", "reduce", "delete", "execute", "execute_hidden", "cross", "halt"))], np.int8
)
HALTS = {-1: "halt", 0: "quoting", 1: "resume"}
"""What the price of a type 7 message says."""
FIELDS = {
    "time": pa.float64(),
    "type": pa.int64(),
    "order id": pa.int64(),
    "size": pa.int64(),
    "price": pa.int64(),
    "direction": pa.int64(),
}
TRUSTED = 5
"""Of N levels of messages, N / TRUSTED are rebuilt: what lay beyond the N best when it came is not in the file."""


@dataclass(frozen=True)
class Day:
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
class Messages:
    """A message file, [n]: seconds after midnight, type, order id, size, price x 10,000, direction."""

    seconds: Float
    kind: Int
    order: Int
    size: Int
    price: Int
    way: Int


class Lobster:
    """The BookSource over LOBSTER files."""

    network = False
    synthetic = False
    calendar = None

    def books(self, request: BarRequest, ctx: Context) -> Iterator[tuple[str, RawBook | HfmError]]:
        """See BookSource. A day that cannot be read right is an error of its symbol, naming file and line.

        Raises UsageError or DataError for a path without LOBSTER files.
        """
        found = days(request.path)
        symbols = request.symbols or tuple(sorted({day.symbol for day in found}))
        wanted = [day for day in found if day.symbol in symbols]
        for symbol in symbols:
            if symbol not in {day.symbol for day in wanted}:
                there = ", ".join(sorted({day.symbol for day in found})[:10])
                yield (
                    symbol,
                    DataError(
                        f"{request.path} has no files of {symbol}",
                        why=f"it has {there}",
                        hint=_other_symbol(request, [day.symbol for day in found]),
                    ),
                )
        levels = min((day.levels for day in wanted if day.levels), default=0)
        for day in wanted:
            try:
                yield day.symbol, load(day, levels)
            except DataError as e:
                yield day.symbol, e


def _other_symbol(request: BarRequest, found: list[str]) -> str:
    return ", or ".join(
        typed("hfm", "fetch", symbol, "--source", "lobster", "--path", str(request.path))
        for symbol in sorted(set(found))[:3]
    )


def days(text: str | None) -> list[Day]:
    """What a file or a folder holds, by day and symbol. Of a file its partner is looked for beside it.

    Raises UsageError without a path, DataError where nothing is named as LOBSTER names its files, or where two files
    claim the same day of a symbol.
    """
    if text is None:
        raise UsageError("--source lobster needs files", hint="--path FOLDER")
    path = Path(text)
    if not path.exists():
        raise DataError(f"{path} does not exist", hint="give another --path")
    near = sorted(path.iterdir()) if path.is_dir() else sorted(path.parent.iterdir())
    named = [(file, match) for file in near if (match := NAME.fullmatch(file.name))]
    if path.is_dir():
        named = [(file, match) for file, match in named if not match["rest"]]
    else:
        own = NAME.fullmatch(path.name)
        named = [(f, m) for f, m in named if own and _key(m) == _key(own) and (f == path or m["kind"] != own["kind"])]
    partner = {_key(match): file for file, match in named if match["kind"] == "orderbook"}
    found: dict[tuple[str, str], Day] = {}
    for file, match in named:
        if match["kind"] != "message":
            continue
        key = (match["day"], match["symbol"].upper())
        if key in found:
            raise DataError(
                f"{path} holds two message files of {key[1]} on {key[0]}: {found[key].message.name} and {file.name}",
                hint=", or ".join(typed("--path", str(one)) for one in (found[key].message, file)),
            )
        found[key] = Day(key[1], key[0], int(match["level"]), file, partner.get(_key(match)))
    if not found:
        raise DataError(
            f"{path} holds no LOBSTER message file",
            why="they are called like AMZN_2012-06-21_34200000_57600000_message_1.csv (or .csv.gz)",
            hint="give the folder of such files with --path (files of bars are read by --source file)",
        )
    return [found[key] for key in sorted(found)]


def _key(match: re.Match[str]) -> tuple[str, ...]:
    return tuple(match[name] for name in ("symbol", "day", "span", "level", "rest"))


def load(day: Day, levels: int) -> RawBook:
    """One day's events with the best `levels` levels after each. Raises DataError, naming file and line."""
    session = _session(day)
    told = messages(day.message)
    kind, price = told.kind, told.price
    event = KINDS[kind]
    for sign, word in HALTS.items():
        event[(kind == HALT) & (price == sign)] = CODE[word]
    notes: tuple[str, ...] = ()
    counts: dict[str, int] = {}
    if day.orderbook:
        book = vendor(day, day.orderbook, told)
    else:
        book, note, counts = rebuilt(day, told, levels)
        notes = (note,)
    own = kind <= HIDDEN
    if levels < day.levels:
        notes = (*notes, f"levels above {levels} are left out: other files asked for do not have them")
    return RawBook(
        session=session,
        time=_midnight(day.day) + np.rint(told.seconds * 1e9).astype(np.int64),
        event=event,
        side=np.where(own, told.way, 0).astype(np.int8),
        price=np.where(kind == HALT, np.nan, price / PRICE),
        size=np.where(kind == HALT, 0, told.size).astype(np.float64),
        order_id=np.where(own & (told.order > 0), told.order, -1),
        levels=book[: 4 * levels],
        tick=book_events.tick(price[kind <= VISIBLE], PRICE),
        estimated=day.orderbook is None,
        notes=notes,
        counts=counts,
    )


def _session(day: Day) -> np.datetime64:
    try:
        return np.datetime64(day.day, "D")
    except ValueError:
        raise DataError(
            f"{day.message} names {day.day}, which is no day", hint="rename the files to the day that they hold"
        ) from None


def _midnight(day: str) -> int:
    """ns UTC of the New York midnight that LOBSTER's seconds count from."""
    return int(datetime.fromisoformat(day).replace(tzinfo=ZoneInfo("America/New_York")).timestamp()) * 1_000_000_000


def messages(path: Path) -> Messages:
    """A message file.

    The seconds are doubles: below 86,400 they are good to 2e-11, so that the rounded ns is the decimal's own.
    Raises DataError, naming the line, for one that is cut or impossible.
    """
    data = csv_file.table(csv_file.content(path), path, FIELDS, header=False)
    told = Messages(*(column.to_numpy() for column in data.columns))
    seconds, kind, size, price, way = told.seconds, told.kind, told.size, told.price, told.way
    own = kind <= HIDDEN
    for bad, what in (
        ((kind < SUBMIT) | (kind > HALT), "its type is none of 1 to 7"),
        (own & (np.abs(way) != 1), "its direction is neither 1 nor -1"),
        (own & ((size <= 0) | (price <= 0)), "its size or price is not positive"),
        ((kind == HALT) & (np.abs(price) > 1), "its price is none of a halt's: -1, 0, 1"),
        (~((seconds >= 0) & (seconds < 86_400)), "its time is no second of a day"),
        (np.concatenate(([False], seconds[1:] < seconds[:-1])), "its time lies before the line before it"),
        (_again(told.order, (kind == SUBMIT) & (told.order > 0)), "an order of its number was submitted before"),
    ):
        rows = np.flatnonzero(bad)
        if rows.size:
            raise DataError(f"{path}: line {rows[0] + 1} is no LOBSTER message", why=what, hint=csv_file.AGAIN)
    return told


def _again(order: Int, new: Bool) -> Bool:
    """Which of the submissions `new` has the number of an earlier one."""
    rows = np.flatnonzero(new)
    out = np.zeros(len(order), np.bool_)
    out[rows] = True
    out[rows[np.unique(order[rows], return_index=True)[1]]] = False
    return out


def vendor(day: Day, path: Path, told: Messages) -> Float:
    """Levels as in RawBook of the vendor's orderbook file.

    Raises DataError where it does not have a line of 4 x level fields for each message, or contradicts one.
    """
    data = csv_file.content(path)
    names = [
        f"{side} {what} {i}" for i in range(1, day.level + 1) for side in ("ask", "bid") for what in ("price", "size")
    ]
    columns = csv_file.table(data, path, dict.fromkeys(names, pa.int64()), header=False).columns
    n = len(told.kind)
    if len(columns[0]) != n:
        short, long = (path, day.message) if len(columns[0]) < n else (day.message, path)
        raise DataError(
            f"{short}: line {min(len(columns[0]), n) + 1} is missing",
            why=f"{long.name} goes on to line {max(len(columns[0]), n)}",
            hint=csv_file.AGAIN,
        )
    raw = [column.to_numpy() for column in columns]
    book = np.empty((4 * day.level, n))
    for level in range(day.level):
        for side, at in ((2, 0), (0, 2)):
            cents, shares = raw[4 * level + at], raw[4 * level + at + 1]
            np.divide(cents, PRICE, out=book[4 * level + side])
            book[4 * level + side][np.abs(cents) >= EMPTY] = np.nan
            book[4 * level + side + 1] = shares
    worse = np.where(told.way > 0, raw[2] < told.price, raw[0] > told.price)
    wrong = np.flatnonzero((told.kind == SUBMIT) & worse)
    if wrong.size:
        raise DataError(
            f"{path}: line {wrong[0] + 1} contradicts {day.message.name}",
            why="an order was added there at a price that is better than the best",
            hint="give the two files of one download",
        )
    if n and not data.endswith(b"\n") and not whole(raw, told):
        raise DataError(
            f"{path}: line {n} is not ended, and may be cut",
            why=f"its last size is {raw[-1][-1]}, which does not follow from the line before and the message",
            hint=f"{csv_file.AGAIN}, or end the line if it is whole",
        )
    return book


def whole(raw: list[Int], told: Messages) -> bool:
    """Whether the last row's last number (the worst bid's size) follows from the row before and the last message."""
    if len(raw[0]) < 2:
        return False
    before = {int(raw[c][-2]): int(raw[c + 1][-2]) for c in range(2, len(raw), 4)}
    at, change = int(raw[-2][-1]), 0
    if told.way[-1] > 0 and told.price[-1] == at and told.kind[-1] <= VISIBLE:
        change = int(told.size[-1]) if told.kind[-1] == SUBMIT else -int(told.size[-1])
    return int(raw[-1][-1]) == before.get(at, 0) + change and (at in before or change > 0)


def rebuilt(day: Day, told: Messages, levels: int) -> tuple[Float, str, dict[str, int]]:
    """(levels, note, counts) of the book that the messages make, with the orders that came unseen.

    Raises DataError where the file has too few levels for that.
    """
    if not levels or not day.levels:
        raise DataError(
            f"{day.message.name} is alone, and of {day.level} levels",
            why=f"a book is rebuilt from messages of {TRUSTED} levels or more: less hides what lies behind the best",
            hint=f"put {day.message.name.replace('message', 'orderbook')} beside it",
        )
    new, visible = told.kind == SUBMIT, np.flatnonzero(told.kind <= VISIBLE)
    came, first, held = prior_orders.orders(told.order, told.size, new, ~new & (told.kind <= VISIBLE))
    row = np.concatenate([came, visible])
    change = np.concatenate([held, np.where(new, told.size, -told.size)[visible]]).astype(np.float64)
    at = np.argsort(row, kind="stable")
    pick = np.concatenate([first, visible])[at]
    moves = price_levels.Changes(row[at], told.way[pick], told.price[pick], change[at], absolute=False)
    book, done = price_levels.rebuild(moves, len(new), levels)
    book[0::2] /= PRICE
    early = int((came == 0).sum())
    note = (
        f"the book was rebuilt to level {levels} from messages of {day.level}; {early} orders were there before "
        f"the first, {len(came) - early} came unseen"
    )
    return book, note, {"unseen_orders": len(came), "short_changes": int((done != change[at]).sum())}

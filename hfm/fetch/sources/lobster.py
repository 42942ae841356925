"""LOBSTER's reconstructed NASDAQ books: a message file and an orderbook file a ticker and day, .csv or .csv.gz.

The format is that of hfm.fetch.book.lobster_files. Of messages alone (of 50 levels, say) the book is rebuilt.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from hfm.errors import DataError, HfmError, UsageError, typed
from hfm.fetch.book import book_events, lobster_files
from hfm.fetch.book.book_events import CODE
from hfm.fetch.book.lobster_files import HALT, HIDDEN, PRICE, VISIBLE, LobsterDay
from hfm.instants import midnight
from hfm.plugins import BarRequest
from hfm.raw_data import RawBook
from hfm.stage import Context

NAME = re.compile(
    r"(?P<symbol>.+)_(?P<day>\d{4}-\d\d-\d\d)_(?P<span>\d+_\d+)_(?P<kind>message|orderbook)_(?P<level>\d+)"
    r"(?P<rest>\w*)\.csv(\.gz)?"
)
KINDS = np.array(
    [-1, *(CODE[name] for name in ("add", "reduce", "delete", "execute", "execute_hidden", "cross", "halt"))], np.int8
)
HALTS = {-1: "halt", 0: "quoting", 1: "resume"}
"""What the price of a type 7 message says."""


class Lobster:
    """The BookSource over LOBSTER files."""

    network = False
    synthetic = False
    calendar = None

    def books(self, request: BarRequest, ctx: Context) -> Iterator[tuple[str, RawBook | HfmError]]:
        """See BookSource. A day that cannot be read right is an error of its symbol, naming file and line.

        Yields
        ------
        symbol, RawBook or DataError

        Raises
        ------
        UsageError
            Without a path.
        DataError
            For a path without LOBSTER files.
        """
        found = days(request.path)
        symbols = request.symbols or tuple(sorted({day.symbol for day in found}))
        wanted = [day for day in found if day.symbol in symbols]
        for symbol in symbols:
            if symbol not in {day.symbol for day in wanted}:
                present = ", ".join(sorted({day.symbol for day in found})[:10])
                yield (
                    symbol,
                    DataError(
                        f"{request.path} has no files of {symbol}",
                        why=f"it has {present}",
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


def days(text: str | None) -> list[LobsterDay]:
    """What a file or a folder holds, by day and symbol. Of a file its partner is looked for beside it.

    Returns
    -------
    list of LobsterDay
        In order of day and symbol; one at least.

    Raises
    ------
    UsageError
        Without a path.
    DataError
        Where nothing is named as LOBSTER names its files, or two files claim the same day of a symbol.
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
        given = NAME.fullmatch(path.name)
        named = [
            (file, match) for file, match in named
            if given and _key(match) == _key(given) and (file == path or match["kind"] != given["kind"])
        ]  # fmt: skip
    partner = {_key(match): file for file, match in named if match["kind"] == "orderbook"}
    found: dict[tuple[str, str], LobsterDay] = {}
    for file, match in named:
        if match["kind"] != "message":
            continue
        key = (match["day"], match["symbol"].upper())
        if key in found:
            raise DataError(
                f"{path} holds two message files of {key[1]} on {key[0]}: {found[key].message.name} and {file.name}",
                hint=", or ".join(typed("--path", str(one)) for one in (found[key].message, file)),
            )
        found[key] = LobsterDay(key[1], key[0], int(match["level"]), file, partner.get(_key(match)))
    if not found:
        raise DataError(
            f"{path} holds no LOBSTER message file",
            why="they are called like AMZN_2012-06-21_34200000_57600000_message_1.csv (or .csv.gz)",
            hint="give the folder of such files with --path (files of bars are read by --source file)",
        )
    return [found[key] for key in sorted(found)]


def _key(match: re.Match[str]) -> tuple[str, ...]:
    return tuple(match[name] for name in ("symbol", "day", "span", "level", "rest"))


def load(day: LobsterDay, levels: int) -> RawBook:
    """One day's events with the best `levels` levels after each. Raises DataError, naming file and line."""
    session = _session(day)
    messages = lobster_files.read_messages(day.message)
    kind, price = messages.kind, messages.price
    event = KINDS[kind]
    for sign, word in HALTS.items():
        event[(kind == HALT) & (price == sign)] = CODE[word]
    notes: tuple[str, ...] = ()
    counts: dict[str, int] = {}
    if day.orderbook:
        book = lobster_files.read_orderbook(day, day.orderbook, messages)
    else:
        book, note, counts = lobster_files.rebuild_book(day, messages, levels)
        notes = (note,)
    of_order = kind <= HIDDEN
    if levels < day.levels:
        notes = (*notes, f"levels above {levels} are left out: other files asked for do not have them")
    return RawBook(
        session=session,
        time=midnight(day.day, "America/New_York") + np.rint(messages.seconds * 1e9).astype(np.int64),
        event=event,
        side=np.where(of_order, messages.direction, 0).astype(np.int8),
        price=np.where(kind == HALT, np.nan, price / PRICE),
        size=np.where(kind == HALT, 0, messages.size).astype(np.float64),
        order_id=np.where(of_order & (messages.order > 0), messages.order, -1),
        levels=book[: 4 * levels],
        tick=book_events.tick(price[kind <= VISIBLE], PRICE),
        estimated=day.orderbook is None,
        notes=notes,
        counts=counts,
    )


def _session(day: LobsterDay) -> np.datetime64:
    try:
        return np.datetime64(day.day, "D")
    except ValueError:
        raise DataError(
            f"{day.message} names {day.day}, which is no day", hint="rename the files to the day that they hold"
        ) from None

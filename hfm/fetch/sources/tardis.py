"""Tardis.dev's downloadable CSV files: incremental_book_L2, book_snapshot_N, quotes, trades; plain or .gz.

The format is docs.tardis.dev, "Downloadable CSV files": microseconds since 1970, UTC. An event is known when the
message arrived (local_timestamp); rows of one message share it, and only the book after all of them is consistent.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from hfm import tables
from hfm.arrays import Float
from hfm.errors import DataError, HfmError
from hfm.fetch.book import csv_file, dumps, duplicates, feed
from hfm.fetch.book.dumps import Dump
from hfm.fetch.book.feed import FeedBook, FeedTrades
from hfm.plugins import BarRequest
from hfm.raw_data import RawBook
from hfm.stage import Context

NAME = re.compile(r"(?P<exchange>[\w-]+?)_(?P<kind>[A-Za-z][\w]*?)_(?P<day>\d{4}-\d\d-\d\d)_(?P<symbol>.+)\.csv(\.gz)?")
MANY = {"SPOT", "FUTURES", "PERPETUALS", "OPTIONS"}
"""In place of a symbol: a file of all of that kind."""
TEXT, STAMP, NUMBER = pa.string(), pa.int64(), pa.float64()
CHANGES = {"symbol": TEXT, "local_timestamp": STAMP, "is_snapshot": pa.bool_(), "side": TEXT, "price": NUMBER,
           "amount": NUMBER}  # fmt: skip
TRADES = {"symbol": TEXT, "local_timestamp": STAMP, "side": TEXT, "price": NUMBER, "amount": NUMBER}
QUOTES = {"symbol": TEXT, "local_timestamp": STAMP, "bid_price": NUMBER, "bid_amount": NUMBER, "ask_price": NUMBER,
          "ask_amount": NUMBER}  # fmt: skip
RESTING = {"buy": -1, "sell": 1, "unknown": 0}
"""The resting side of a trade, by its taker's."""
NOTE = "time is the message's arrival (local_timestamp); trades and the level changes that they cause are rows apart"


class Tardis:
    """The BookSource over Tardis.dev CSV files."""

    network = False
    synthetic = False
    calendar = "24/7"

    def books(self, request: BarRequest, ctx: Context) -> Iterator[tuple[str, RawBook | HfmError]]:
        """See BookSource and dumps.serve."""
        return dumps.serve("tardis", request, sniff, read)


def sniff(path: Path, names: Sequence[str]) -> Dump | None:
    """What a file is, by its columns."""
    match = NAME.fullmatch(path.name)
    symbol = match["symbol"].upper() if match and match["symbol"].upper() not in MANY else None
    has = set(names)
    if has >= set(CHANGES):
        return Dump(path, "changes", tables.BOOK_LEVELS, tuple(names), symbol)
    if has >= {"symbol", "local_timestamp", "asks[0].price", "bids[0].price"}:
        return Dump(path, "states", sum(name.startswith("asks[") and name.endswith("price") for name in names),
                    tuple(names), symbol)  # fmt: skip
    if has >= set(QUOTES):
        return Dump(path, "quotes", 1, tuple(names), symbol)
    if has >= set(TRADES):
        return Dump(path, "trades", 0, tuple(names), symbol)
    return None


def read(group: Sequence[Dump], symbol: str, levels: int) -> Iterator[RawBook]:
    """The sessions of one symbol. Of several kinds of book the most telling is taken, and said.

    Parameters
    ----------
    group : files of one span.
    symbol : as it was asked for.
    levels : L, best levels that are kept.

    Returns
    -------
    iterator of RawBook
        One for each UTC day.

    Raises
    ------
    DataError
        For two book files of one kind, and for files that cannot be read.
    """
    chosen = next(kind for kind in ("changes", "states", "quotes") if any(dump.kind == kind for dump in group))
    left = sorted({dump.kind for dump in group} - {chosen, "trades"})
    notes = (NOTE, *(f"{kind} files are left out: there are {chosen}" for kind in left))
    trades, done = _trades([dump for dump in group if dump.kind == "trades"], symbol)
    same_kind = [dump for dump in group if dump.kind == chosen]
    for dump in same_kind[1:]:
        dumps.require(
            dump, np.zeros(1, bool), f"a second file of {chosen} for the same day, after {same_kind[0].path.name}"
        )
    book = _changes(same_kind[0], symbol, levels) if chosen == "changes" else _states(same_kind[0], symbol)
    return feed.merge_feeds(feed.best_levels(book, levels), trades, (*notes, *done))


def _trades(found: Sequence[Dump], symbol: str) -> tuple[list[FeedTrades], tuple[str, ...]]:
    """The trades, each id once, as they first arrived, and what was done; DataError where files without ids overlap."""
    named = bool(found) and all({"id", "timestamp"} <= set(dump.names) for dump in found)
    kinds = TRADES | {"id": TEXT, "timestamp": STAMP} if named else TRADES
    parts = [dumps.rows_of_symbol(_checked(dump, dumps.table(dump, kinds), tuple(RESTING)), symbol) for dump in found]
    notes: tuple[str, ...] = ()
    if named:
        data = duplicates.concat_files(parts)
        parts, more = [data.take(pc.sort_indices(data["local_timestamp"]))], 0
        code = parts[0]["id"].combine_chunks().dictionary_encode().indices.to_numpy().astype(np.int64)
        # a venue may give one id to several fills: rows of one id count apart where any of their values differ
        again = duplicates.find_repeats(code, parts[0], ("timestamp", "side", "price", "amount")).alike
        again &= pc.not_equal(parts[0]["id"], "").to_numpy()
        if more := int(again.sum()):
            notes = (f"{more:,} trades that stood there twice count once (equal id, time, side, price and amount)",)
            parts = [parts[0].filter(pa.array(~again))]
        if len(found) > 1 and pc.any(pc.equal(parts[0]["id"], "")).as_py():
            feed.check_disjoint([_as_trades(part) for part in _split(parts[0])], found)
    out = [_as_trades(part) for part in parts]
    feed.check_disjoint(out, found)
    return out, notes


def _split(data: pa.Table) -> list[pa.Table]:
    """The rows of each file that have no id."""
    data = data.filter(pc.equal(data["id"], ""))
    return [data.filter(pc.equal(data[duplicates.FILE], k)) for k in pc.unique(data[duplicates.FILE]).to_pylist()]


def _as_trades(data: pa.Table) -> FeedTrades:
    side = pc.index_in(data["side"], pa.array(list(RESTING))).to_numpy()
    return FeedTrades(data["local_timestamp"].to_numpy() * 1000, data["price"].to_numpy(), data["amount"].to_numpy(),
                  np.array(list(RESTING.values()), np.int8)[side])  # fmt: skip


def _checked(dump: Dump, data: pa.Table, sides: Sequence[str]) -> pa.Table:
    """`data`, whose times must be in order, sides known, prices above and sizes at or above zero."""
    dumps.check_order(dump, data["local_timestamp"].to_numpy())
    dumps.require(dump, data["price"].to_numpy() > 0, "its price is not positive")
    dumps.require(dump, data["amount"].to_numpy() >= 0, "its amount is negative")
    known = pc.is_in(data["side"], pa.array(list(sides))).to_numpy(zero_copy_only=False)
    dumps.require(dump, known, f"its side is none of {', '.join(sides)}")
    return data


def _changes(dump: Dump, symbol: str, levels: int) -> FeedBook:
    data = dumps.rows_of_symbol(_checked(dump, dumps.table(dump, CHANGES), ("bid", "ask")), symbol)
    time = data["local_timestamp"].to_numpy()
    is_snapshot = data["is_snapshot"].to_numpy(zero_copy_only=False)
    new = np.concatenate(([False], (time[1:] != time[:-1]) | (is_snapshot[1:] != is_snapshot[:-1])))[: len(time)]
    bid = pc.equal(data["side"], "bid").to_numpy(zero_copy_only=False)
    sides = np.where(bid, 1, -1).astype(np.int8)
    price, size = data["price"].to_numpy(), data["amount"].to_numpy()
    return feed.from_updates(feed.LevelUpdates(np.cumsum(new), time * 1000, is_snapshot, sides, price, size), levels)


def _states(dump: Dump, symbol: str) -> FeedBook:
    """book_snapshot_N and quotes; an empty field is an empty level."""
    sides = ("bid", "ask")
    names = (
        [f"{side}_{what}" for side in sides for what in ("price", "amount")]
        if dump.kind == "quotes"
        else [f"{side}s[{i}].{what}" for i in range(dump.levels) for side in sides for what in ("price", "amount")]
    )
    data = dumps.table(dump, {"symbol": TEXT, "local_timestamp": STAMP, **dict.fromkeys(names, TEXT)})
    dumps.check_order(dump, data["local_timestamp"].to_numpy())
    data = dumps.rows_of_symbol(data, symbol)
    levels = np.array([_numbers(dump, data[name], name) for name in names]).reshape(len(names), data.num_rows)
    levels[1::2][np.isnan(levels[0::2])] = 0.0
    return feed.from_states(data["local_timestamp"].to_numpy() * 1000, levels)


def _numbers(dump: Dump, column: pa.ChunkedArray, name: str) -> Float:
    """Text as numbers, NaN where it is empty."""
    try:
        numbers: Float = pc.if_else(pc.equal(column, ""), "nan", column).cast(pa.float64()).to_numpy()
    except pa.ArrowInvalid as e:
        raise DataError(f"{dump.path}: {name} is no number", why=str(e)[:200], hint=csv_file.AGAIN) from e
    return numbers

"""Binance's own dumps: depth updates and snapshots, best quotes, trades; .csv, .zip, .csv.gz, or Parquet of states.

Formats: the historical order-book data of Binance futures (T_DEPTH: depth_snap and depth_update files), and
data.binance.vision (bookTicker, trades, aggTrades; older ones without a header). Times are the matching engine's.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from hfm import tables
from hfm.arrays import Bool, Int
from hfm.errors import DataError, HfmError
from hfm.fetch.book import dumps, duplicates, feed
from hfm.fetch.book.dumps import Dump
from hfm.fetch.book.feed import FeedBook, FeedTrades
from hfm.plugins import BarRequest
from hfm.raw_data import RawBook
from hfm.stage import Context

NAME = re.compile(
    r"(?P<symbol>[A-Z0-9]+(_[A-Z0-9]+)??)(-(?P<kind>bookTicker|trades|aggTrades)-|_T_DEPTH_)\d{4}-\d\d(-\d\d)?.*"
)
TEXT, COUNT, NUMBER = pa.string(), pa.int64(), pa.float64()
DEPTH = {"symbol": TEXT, "timestamp": COUNT, "first_update_id": COUNT, "last_update_id": COUNT, "side": TEXT,
         "update_type": TEXT, "price": NUMBER, "qty": NUMBER, "pu": COUNT}  # fmt: skip
TICKER = {"best_bid_price": NUMBER, "best_bid_qty": NUMBER, "best_ask_price": NUMBER, "best_ask_qty": NUMBER,
          "transaction_time": COUNT}  # fmt: skip
PUBLISHED = {
    "trades": ("id", "price", "qty", "quote_qty", "time", "is_buyer_maker", "is_best_match"),
    "aggTrades": ("agg_trade_id", "price", "quantity", "first_trade_id", "last_trade_id", "transact_time",
                  "is_buyer_maker", "is_best_match"),
}  # fmt: skip
"""Columns of trade files in the published order; the last is spot's alone."""
FIELDS = {"trades": ("time", "price", "qty", "is_buyer_maker"),
          "aggTrades": ("transact_time", "price", "quantity", "is_buyer_maker")}  # fmt: skip
KEYS = {"trades": "id", "aggTrades": "agg_trade_id"}
"""The id of a row: no two trades of a symbol have the same."""
SIDED = ("timestamp", "price", "size", "side")
"""Trades of a recorder: side is the taker's, 1 or -1."""
NOTE = "trades and the level changes that they cause are rows apart"
STATES = re.compile(r"(ask|bid)_(price|size)_\d+")


class Binance:
    """The BookSource over Binance's files."""

    network = False
    synthetic = False
    calendar = "24/7"

    def books(self, request: BarRequest, ctx: Context) -> Iterator[tuple[str, RawBook | HfmError]]:
        """See BookSource and dumps.serve."""
        return dumps.serve("binance", request, sniff, read)


def sniff(path: Path, names: Sequence[str]) -> Dump | None:
    """What a file is, by its columns, and by its name where it has no header.

    bookDepth files are nothing: sums within percentages of the mid are no levels.

    Parameters
    ----------
    path : of the file.
    names : of its columns; without a header the fields of its first line.

    Returns
    -------
    Dump or None
        None where it is no file of Binance's.
    """
    match, has = NAME.fullmatch(path.name), set(names)
    symbol = match["symbol"] if match else None
    if has >= set(DEPTH):
        return Dump(path, "depth", tables.BOOK_LEVELS, tuple(names), symbol)
    if has >= set(TICKER):
        return Dump(path, "ticker", 1, tuple(names), symbol)
    levels = sum(STATES.fullmatch(name) is not None for name in names)
    if levels and len(names) == levels + 2 and has >= {"timestamp", "symbol"}:
        return Dump(path, "states", levels // 4, tuple(names))
    if has >= {*SIDED, "symbol"} and path.suffix == ".parquet" and len(names) == 5:
        return Dump(path, "sided", 0, tuple(names))
    for kind, columns in PUBLISHED.items():
        if has >= set(FIELDS[kind]):
            return Dump(path, kind, 0, tuple(names), symbol)
        if match and match["kind"] == kind and len(names) in (len(columns), len(columns) - 1) and names[0].isdigit():
            return Dump(path, kind, 0, columns[: len(names)], symbol)
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
        For files that contradict each other.
    """
    chosen = next(kind for kind in ("depth", "states", "ticker") if any(dump.kind == kind for dump in group))
    left = sorted({dump.kind for dump in group if dump.levels} - {chosen})
    notes = (NOTE, *(f"{kind} files are left out: there are {chosen}" for kind in left))
    same_kind = [dump for dump in group if dump.kind == chosen]
    trades, done = _trades(_one_kind([dump for dump in group if not dump.levels]), symbol)
    if chosen == "states" and len(same_kind) > 1:
        raise DataError(f"{same_kind[1].path} and {same_kind[0].path.name} are both {chosen} of the same day",
                        hint="move one of the two out of the folder")  # fmt: skip
    if chosen == "ticker":
        book, more = _ticker(same_kind, symbol)
        done += more
    else:
        book = _depth(same_kind, symbol, levels) if chosen == "depth" else _states(same_kind[0], symbol)
    notes = (*notes, *done)
    if book.counts.get("gaps"):
        notes = (*notes, f"{book.counts['gaps']} gaps in the update ids: levels may be stale until the next snapshot")
    return feed.merge_feeds(feed.best_levels(book, levels), trades, notes)


def _one_kind(found: Sequence[Dump]) -> list[Dump]:
    """Single trades where there are any: the same in aggregate would count twice."""
    single = [dump for dump in found if dump.kind != "aggTrades"]
    return single or list(found)


def _trades(found: Sequence[Dump], symbol: str) -> tuple[list[FeedTrades], tuple[str, ...]]:
    """The trades, each id once, and what was done. Raises DataError where files without ids overlap."""
    out: list[FeedTrades] = []
    notes: tuple[str, ...] = ()
    for kind in dict.fromkeys(dump.kind for dump in found):
        same_kind = [dump for dump in found if dump.kind == kind]
        key = KEYS.get(kind, "")
        if key and all(key in dump.names for dump in same_kind):
            data, more = duplicates.by_id(same_kind, [_rows(dump, symbol, key) for dump in same_kind], key, "trades")
            duplicates.check_time_order(same_kind, data, data["stamp"].to_numpy(), key)
            out.append(_as_trades(data, kind))
            notes += more
            continue
        for dump in same_kind:
            data = _rows(dump, symbol)
            dumps.check_order(dump, data["stamp"].to_numpy())
            out.append(_as_trades(data, kind))
    feed.check_disjoint(out, found)
    return out, notes


def _rows(dump: Dump, symbol: str, key: str = "") -> pa.Table:
    """The checked rows of a file of trades, with their times in ns as `stamp`; with their ids, where it has any."""
    sided = dump.kind == "sided"
    time, price, size, side = SIDED if sided else FIELDS[dump.kind]
    kinds = {time: COUNT, price: NUMBER, size: NUMBER, side: COUNT if sided else pa.bool_()}
    data = dumps.table(dump, {"symbol": TEXT, **kinds} if sided else {key: COUNT, **kinds} if key else kinds)
    stamp = dumps.to_ns(dump, data[time].to_numpy())
    dumps.require(dump, (data[price].to_numpy() > 0) & (data[size].to_numpy() > 0), "its price or size is not positive")
    return dumps.rows_of_symbol(data.append_column("stamp", pa.array(stamp)), symbol)


def _as_trades(data: pa.Table, kind: str) -> FeedTrades:
    _, price, size, side = SIDED if kind == "sided" else FIELDS[kind]
    taker = data[side].to_numpy(zero_copy_only=False) if isinstance(data[side], pa.Array) else data[side].to_numpy()
    resting = -taker if kind == "sided" else np.where(taker, 1, -1)
    return FeedTrades(data["stamp"].to_numpy(), data[price].to_numpy(), data[size].to_numpy(), resting.astype(np.int8))


def _ticker(found: Sequence[Dump], symbol: str) -> tuple[FeedBook, tuple[str, ...]]:
    """The best quotes of bookTicker files, each update once, in order of the update ids; and what was done."""
    key, parts = "update_id", []
    notes: tuple[str, ...] = ()
    known = all(key in dump.names for dump in found)
    if not known and len(found) > 1:
        raise DataError(f"{found[1].path} and {found[0].path.name} are both ticker of the same day",
                        hint="move one of the two out of the folder")  # fmt: skip
    for dump in found:
        data = dumps.table(dump, TICKER | {key: COUNT} if known else TICKER)
        stamp = dumps.to_ns(dump, data["transaction_time"].to_numpy())
        parts.append(dumps.rows_of_symbol(data.append_column("stamp", pa.array(stamp)), symbol))
    if known:
        data, notes = duplicates.by_id(found, parts, key, "quotes", strict=False)
        duplicates.check_time_order(found, data, data["stamp"].to_numpy(), key)
    else:
        data = parts[0]
        dumps.check_order(found[0], data["stamp"].to_numpy())
    return _book(data, [name for name in TICKER if name != "transaction_time"]), notes


def _states(dump: Dump, symbol: str) -> FeedBook:
    """Parquet of whole states."""
    time = "timestamp"
    names = [f"{side}_{what}_{i}" for i in range(1, dump.levels + 1) for side in ("bid", "ask")
             for what in ("price", "size")]  # fmt: skip
    data = dumps.table(dump, {"symbol": TEXT, time: COUNT, **dict.fromkeys(names, NUMBER)})
    stamp = dumps.check_order(dump, dumps.to_ns(dump, data[time].to_numpy()))
    return _book(dumps.rows_of_symbol(data.append_column("stamp", pa.array(stamp)), symbol), names)


def _book(data: pa.Table, names: Sequence[str]) -> FeedBook:
    """The states of a table: prices and sizes of the levels by turns in the columns `names`."""
    levels = np.array([data[name].to_numpy() for name in names]).reshape(len(names), data.num_rows)
    empty = ~(levels[0::2] > 0) | ~(levels[1::2] > 0)
    levels[0::2][empty], levels[1::2][empty] = np.nan, 0.0
    return feed.from_states(data["stamp"].to_numpy(), levels)


def _depth(found: Sequence[Dump], symbol: str, levels: int) -> FeedBook:
    """Depth snapshots and updates, by update id.

    An update that a snapshot already has (its last id is not above the snapshot's) comes before it. Each update names
    the one before (pu): where it is not that, something is missing, and counted.

    Returns
    -------
    FeedBook
    """
    # 1. the checked rows of all files
    parts = []
    for dump in found:
        data = dumps.table(dump, DEPTH)
        stamp = dumps.to_ns(dump, data["timestamp"].to_numpy())
        dumps.require(dump, data["price"].to_numpy() > 0, "its price is not positive")
        dumps.require(dump, data["qty"].to_numpy() >= 0, "its qty is negative")
        for name, words in (("side", ["a", "b"]), ("update_type", ["snap", "set"])):
            known = pc.is_in(data[name], pa.array(words)).to_numpy(zero_copy_only=False)
            dumps.require(dump, known, f"its {name} is none of {', '.join(words)}")
        parts.append(dumps.rows_of_symbol(data.append_column("stamp", pa.array(stamp)), symbol))
    data = duplicates.concat_files(parts)
    is_snapshot = pc.equal(data["update_type"], "snap").to_numpy(zero_copy_only=False)
    update = data["last_update_id"].to_numpy()
    _consistent(found, data, update, is_snapshot)
    # 2. in order of the update ids, a snapshot after the update of its id; time never runs back
    order = np.lexsort((is_snapshot, update))
    is_snapshot, update, before = is_snapshot[order], update[order], data["pu"].to_numpy()[order]
    bid = pc.equal(data["side"], "b").to_numpy(zero_copy_only=False)[order]
    time = np.maximum.accumulate(data["stamp"].to_numpy()[order]) if len(order) else np.zeros(0, np.int64)
    new = np.concatenate(([False], (update[1:] != update[:-1]) | (is_snapshot[1:] != is_snapshot[:-1])))[: len(order)]
    # 3. updates that do not follow the one before
    heads = np.flatnonzero(new & ~is_snapshot)
    follows = (before[heads] == update[heads - 1]) | is_snapshot[heads - 1]
    book = feed.from_updates(feed.LevelUpdates(np.cumsum(new), time, is_snapshot, np.where(bid, 1, -1).astype(np.int8),
                        data["price"].to_numpy()[order], data["qty"].to_numpy()[order]), levels)  # fmt: skip
    book.counts["gaps"] = int((~follows).sum())
    return book


def _consistent(found: Sequence[Dump], data: pa.Table, update: Int, is_snapshot: Bool) -> None:
    """Raise DataError where one update gives a level two sizes; the same size twice changes nothing."""
    bid = pc.equal(data["side"], "b").to_numpy()
    keys = (data["price"].to_numpy(), bid, is_snapshot, update)
    order = np.lexsort(keys)
    same = np.logical_and.reduce([key[order][1:] == key[order][:-1] for key in keys])
    size = data["qty"].to_numpy()[order]
    wrong = np.flatnonzero(same & (size[1:] != size[:-1]))
    if wrong.size:
        row = int(order[1:][wrong].min())
        raise DataError(
            f"{duplicates.file_and_line(found, data, row)}: a second size of one level in update {update[row]}",
            why="one of the two is wrong, and nothing in the files says which",
            hint="remove one of the two rows from its file, or get the day's file again",
        )

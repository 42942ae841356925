"""An order book as LOBSTER files: a message and an orderbook file a (session, symbol), as the vendor writes them.

The format is the readme of the LOBSTER samples (Huang and Polak 2011, doi:10.2139/ssrn.1977207): prices x 10,000 as
whole numbers, seconds after midnight in New York with nine decimals, types 1 to 7, and in the orderbook file ask price,
ask size, bid price, bid size of each level after the message, +-9,999,999,999 for a level that is not there. What the
book table knows and the format does not is said by the functions below; nothing is dropped without a word.
"""

from __future__ import annotations

import io
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple, NoReturn

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as csv

from hfm.arrays import Float, Int
from hfm.errors import DataError
from hfm.instants import DAY_NS, SECOND_NS, midnight
from hfm.simulate.replay.event_tape import lee_ready
from hfm.simulate.replay.stage import hours
from hfm.tables import Array, TableMeta, arrays

PRICE = 10_000
"""Price units in one of currency."""
EMPTY = 9_999_999_999
"""Price of an ask that is not there; of a bid its negative."""
TYPES = {"add": 1, "reduce": 2, "delete": 3, "execute": 4, "execute_hidden": 5, "cross": 6,
         "halt": 7, "quoting": 7, "resume": 7}  # fmt: skip
STOPS = {"halt": -1, "quoting": 0, "resume": 1}
"""Price of a type 7 message."""
_MS = 1_000_000
_OFF = 1e-3
"""Units from a whole one beyond which a price or a size does not fit the format."""


class LobsterFile(NamedTuple):
    """A file by name, and what is in it."""

    name: str
    content: bytes


@dataclass(frozen=True)
class Files:
    """The two files of a (session, symbol), and how many prices of trades were rounded to 1/10,000."""

    message: LobsterFile
    orderbook: LobsterFile
    rounded: int


def files(group: pa.Table, meta: TableMeta) -> Files:
    """The LOBSTER files of one row group of the book table.

    An order without a number has order id 0. A hidden execution without a side gets the one that Lee and Ready (1991)
    give it, a buyer's where they give none: the format knows no other. An off-book price finer than 1/10,000 is rounded
    and counted. What the format cannot hold is a DataError: snapshots of a feed, parts of a share, a tick finer than
    1/10,000, times beyond the New York day.

    Parameters
    ----------
    group
        A session of a symbol.
    meta
        Of the table.

    Returns
    -------
    Files
        Names and contents.
    """
    symbol, day = str(group.column("symbol")[0].as_py()), arrays(group.slice(0, 1), ("session",))["session"][0]
    levels, where = meta.levels, f"{symbol} on {day}"
    known = [n for n in group.column_names if n not in ("symbol", "session", "event", "order_id")]
    columns = arrays(group, known)
    word = group.column("event").combine_chunks().cast(pa.string()).to_numpy(zero_copy_only=False)
    odd = sorted(set(word) - set(TYPES))
    if odd:
        _refuse(where, f"its feed gives {odd[0]} events, which no LOBSTER message stands for")
    begin = midnight(str(day), "America/New_York")
    start, end = hours(meta.calendar, day)
    since = columns["time"] - begin
    if since.min() < 0 or since.max() >= DAY_NS:
        _refuse(where, "its events are not all between midnight and midnight in New York")
    price, rounded = _prices(columns, word, where)
    message = _message(group, columns, word, since, price)
    stem = f"{symbol}_{day}_{max(start - begin, 0) // _MS}_{min(end - begin, DAY_NS) // _MS}"
    return Files(
        LobsterFile(f"{stem}_message_{levels}.csv", message),
        LobsterFile(f"{stem}_orderbook_{levels}.csv", _orderbook(columns, levels, where)),
        rounded,
    )


def _refuse(where: str, why: str) -> NoReturn:
    raise DataError(
        f"{where} does not fit into LOBSTER files", why=why, hint="read the book's Parquet file itself instead"
    )


def _prices(columns: Mapping[str, Array], word: Array, where: str) -> tuple[Int, int]:
    """[n] price units of each event, and how many were rounded. Orders must fit; off-book trades need not."""
    scaled = columns["price"] * PRICE
    price = np.rint(np.nan_to_num(scaled)).astype(np.int64)
    off = np.abs(np.nan_to_num(scaled) - price) > _OFF
    resting = ~np.isin(word, ("execute_hidden", "cross"))
    if (off & resting).any():
        worst = columns["price"][off & resting][0]
        _refuse(where, f"an order stands at {worst:.10g}, and the format's finest price is .0001")
    for name, code in STOPS.items():
        price[word == name] = code
    return price, int(off.sum())


def _message(group: pa.Table, columns: Mapping[str, Array], word: Array, since: Int, price: Int) -> bytes:
    """The message file: time, type, order id, size, price, direction."""
    side = columns["side"].astype(np.int64)
    unknown = (side == 0) & np.isin(word, ("execute_hidden", "cross"))
    bid, ask = np.nan_to_num(columns["bid_px_1"]), np.nan_to_num(columns["ask_px_1"])
    taker = lee_ready(columns["price"][unknown], 0.5 * (bid + ask)[unknown])
    side[unknown] = np.where(taker < 0, 1, -1)
    kind = np.array([TYPES[w] for w in word], np.int64)
    order = pc.fill_null(group.column("order_id").combine_chunks(), 0)
    nanos = pc.utf8_lpad(pa.array(since % SECOND_NS).cast(pa.string()), 9, "0")
    time = pc.binary_join_element_wise(pa.array(since // SECOND_NS).cast(pa.string()), nanos, ".")
    stops = kind == 7
    return _csv(
        [time, kind, order, _whole(columns["size"], f"{group.column('symbol')[0]}"), price, np.where(stops, -1, side)]
    )


def _orderbook(columns: Mapping[str, Array], levels: int, where: str) -> bytes:
    """The orderbook file: 4 numbers a level, ask before bid."""
    out: list[Int] = []
    for k in range(1, levels + 1):
        for side, sign in (("ask", 1), ("bid", -1)):
            price = columns[f"{side}_px_{k}"]
            empty = np.isnan(price)
            scaled = np.rint(np.where(empty, 0.0, price) * PRICE)
            if (np.abs(scaled - np.where(empty, 0.0, price) * PRICE) > _OFF).any():
                _refuse(where, "a level's price is finer than .0001")
            out += [
                np.where(empty, sign * EMPTY, scaled).astype(np.int64), _whole(columns[f"{side}_sz_{k}"], where),
            ]  # fmt: skip
    return _csv(out)


def _whole(size: Float, where: str) -> Int:
    whole = np.rint(size)
    if (np.abs(whole - size) > _OFF).any():
        _refuse(where, "it trades parts of a share, and the format has whole ones")
    return whole.astype(np.int64)


def _csv(columns: list[Any]) -> bytes:  # Any: arrays of NumPy or Arrow
    """Columns as CSV: no header, no quotes, a line feed behind every row."""
    table = pa.table({str(i): pa.array(c) for i, c in enumerate(columns)})
    sink = io.BytesIO()
    csv.write_csv(table, sink, csv.WriteOptions(include_header=False, quoting_style="none"))
    return sink.getvalue()

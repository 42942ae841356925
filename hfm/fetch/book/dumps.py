"""Files of a vendor that writes one kind of feed a file: which of a folder belong together, and their columns."""

from __future__ import annotations

import heapq
import itertools
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from hfm.arrays import Bool, Int
from hfm.config import INTERVALS
from hfm.errors import DataError, HfmError, UsageError, typed
from hfm.fetch.book import csv_file
from hfm.plugins import BarRequest, RawBook

SUFFIXES = (".csv", ".csv.gz", ".zip", ".parquet")
SPAN = re.compile(r"\d{4}-\d\d(-\d\d)?")
BARS = re.compile(r"(?P<symbol>[A-Z0-9]+)-(?P<interval>\d+[smhdw]|1mo)-\d{4}-\d\d(-\d\d)?\.(csv|csv\.gz|zip|parquet)")
"""Names of Binance's files of bars (klines)."""
Result = tuple[str, RawBook | HfmError]


@dataclass(frozen=True)
class Dump:
    """One file: kind of feed, levels that it gives (0: trades), symbol where its name says it, day likewise."""

    path: Path
    kind: str
    levels: int
    names: tuple[str, ...]
    symbol: str | None = None

    @property
    def span(self) -> str:
        """The ISO day or month in its name, or nothing."""
        found = SPAN.search(self.path.name)
        return found[0] if found else ""


Sniff = Callable[[Path, Sequence[str]], Dump | None]
"""What a file is, from its path and first line; None: not this vendor's."""
Read = Callable[[Sequence[Dump], str, int], Iterator[RawBook]]
"""The sessions of one symbol in files that belong together, with so many levels."""


def serve(source: str, request: BarRequest, sniff: Sniff, read: Read) -> Iterator[Result]:
    """The books of the symbols asked for, by session, then symbol (see BookSource).

    Parameters
    ----------
    source : its name.
    request : symbols and path.
    sniff : tells what a file is.
    read : reads the files of one symbol and span.

    Yields
    ------
    symbol, RawBook or HfmError

    Raises
    ------
    UsageError
        Without a path.
    DataError
        Where nothing there is this vendor's.
    """
    found = find_dumps(source, request.path, sniff)
    symbols = [symbol.upper() for symbol in request.symbols] or sorted({s for dump in found for s in _symbols(dump)})
    wanted: list[tuple[str, list[Dump]]] = []
    for symbol in symbols:
        matching = [dump for dump in found if dump.symbol is None or is_same_name(symbol, dump.symbol)]
        if not any(dump.levels for dump in matching):
            what, why = f"files of {symbol}", f"it has {', '.join(dump.path.name for dump in found[:5])}"
            if matching:
                what, why = (
                    f"book of {symbol}",
                    f"{matching[0].path.name} has trades, and trades alone are no order book",
                )
            hint = "put the book's file beside the trades" if matching else _others(source, request, found)
            yield symbol, DataError(f"{request.path} has no {what}", why=why, hint=hint)
        else:
            months = {dump.span for dump in matching if len(dump.span) == 7}
            key = {dump: dump.span[:7] if dump.span[:7] in months else dump.span for dump in matching}
            days = itertools.groupby(sorted(matching, key=lambda dump: key[dump]), key=lambda dump: key[dump])
            wanted += [(symbol, list(group)) for _, group in days]
    most = (max(dump.levels for dump in group) for _, group in wanted)
    levels = min((n for n in most if n), default=0)  # a day of trades alone says nothing of the book
    queues = [
        _sessions(symbol, [group for name, group in wanted if name == symbol], levels, read)
        for symbol in dict.fromkeys(name for name, _ in wanted)
    ]
    for _, symbol, result in heapq.merge(*queues, key=lambda item: item[:2]):
        yield symbol, result


def _others(source: str, request: BarRequest, found: Sequence[Dump]) -> str:
    """The commands that fetch the symbols that are there."""
    present = sorted({symbol for dump in found for symbol in _symbols(dump)})
    return ", or ".join(typed("hfm", "fetch", name, "--source", source, "--path", str(request.path))
                        for name in present[:3])  # fmt: skip


def _sessions(
    symbol: str, groups: Sequence[Sequence[Dump]], levels: int, read: Read
) -> Iterator[tuple[str, str, RawBook | HfmError]]:
    """(day, symbol, session or error) of one symbol; files of a later day are opened when those before are done."""
    last, any_rows = "", False
    for group in groups:
        if not any(dump.levels for dump in group):
            yield last, symbol, DataError(f"{symbol}: there are trades but no book for {group[0].path.name}",
                                          hint="put the book's file beside it")  # fmt: skip
            continue
        try:
            for raw in read(group, symbol, levels):
                if str(raw.session) <= last:
                    raise DataError(f"{group[0].path}: {raw.session} of {symbol} is in an earlier file too",
                                    hint="move one of the two out of the folder")  # fmt: skip
                last, any_rows = str(raw.session), True
                yield last, symbol, raw
        except DataError as e:
            any_rows = True
            yield last, symbol, e
    if not any_rows:
        yield (
            last,
            symbol,
            DataError(
                f"{groups[0][0].path} has no rows of {symbol}",
                hint="ask for a symbol that is in the files, or give others with --path",
            ),
        )


def find_dumps(source: str, text: str | None, sniff: Sniff) -> list[Dump]:
    """This vendor's files of a folder, or the one named; by name.

    Parameters
    ----------
    source : its name.
    text : the path as it was given; None: none was.
    sniff : tells what a file is.

    Returns
    -------
    list of Dump
        One at least.

    Raises
    ------
    UsageError
        Without a path.
    DataError
        Where nothing there is this vendor's.
    """
    if text is None:
        raise UsageError(f"--source {source} needs a file or a folder", hint="--path FOLDER")
    path = Path(text)
    if not path.exists():
        raise DataError(f"{path} does not exist", hint="give another --path")
    near = sorted(path.iterdir()) if path.is_dir() else [path]
    heads = {file: head(file) for file in near if file.name.lower().endswith(SUFFIXES)}
    found = [dump for file, names in heads.items() if (dump := sniff(file, names)) is not None]
    if not found:
        first_names = next((f"{file.name} begins with {', '.join(names[:12])}" for file, names in heads.items()), "")
        raise DataError(
            f"{path} holds no {source} file of levels or trades",
            why=first_names or f"no file there ends in {', '.join(SUFFIXES)}",
            hint=_bars(source, near) or "give the folder of such files with --path, or another --source",
        )
    return found


def _bars(source: str, files: Sequence[Path]) -> str:
    """The command that fetches a vendor's bars, where the files are of bars; else nothing."""
    for file in files:
        found = BARS.fullmatch(file.name)
        if found and source == "binance":
            words = ("--interval", found["interval"]) if found["interval"] in INTERVALS else ()
            return typed("hfm", "fetch", found["symbol"], "--source", "file", "--path", str(file), *words,
                         "--set", "fetch.calendar=24/7", "--label", "start")  # fmt: skip
    return ""


def head(path: Path) -> list[str]:
    """Column names of a Parquet file, else the fields of the first line."""
    if path.suffix == ".parquet":
        return list(_parquet(path, None).names)
    return csv_file.first_fields(csv_file.first_line(path))


def _parquet(path: Path, columns: Sequence[str] | None) -> pa.Table | pa.Schema:
    try:
        return pq.read_schema(path) if columns is None else pq.read_table(path, columns=list(columns))
    except (pa.ArrowInvalid, OSError) as e:
        raise DataError(f"{path} cannot be read", why=str(e).splitlines()[0][:200], hint=csv_file.AGAIN) from e


def _symbols(dump: Dump) -> list[str]:
    """The symbols in a file, by its name or its column."""
    if dump.symbol is not None:
        return [dump.symbol]
    data = table(dump, {"symbol": pa.string()})
    return [str(word).upper() for word in pc.unique(data["symbol"]).to_pylist()]


def is_same_name(name: str, found: str) -> bool:
    """Whether a vendor's name of an instrument is the one asked for; a venue's suffix (-usdm) is no other name."""
    return found.upper() == name or found.upper().startswith(f"{name}-")


def table(dump: Dump, kinds: Mapping[str, pa.DataType]) -> pa.Table:
    """Columns of a dump.

    Parameters
    ----------
    dump : the file; without a header its columns stand in the published order.
    kinds : name -> type of the columns wanted.

    Returns
    -------
    pa.Table
    """
    if dump.path.suffix == ".parquet":
        data = _parquet(dump.path, list(kinds))
        return pa.table([data[name].cast(kind) for name, kind in kinds.items()], names=list(kinds)).combine_chunks()
    data = csv_file.read_bytes(dump.path)
    if not set(csv_file.first_fields(data)) >= set(
        kinds
    ):  # no header: the columns are all there are, in the published order
        all_kinds = {name: kinds.get(name, pa.string()) for name in dump.names}
        return csv_file.table(data, dump.path, all_kinds, header=False).select(list(kinds))
    return csv_file.table(data, dump.path, kinds, header=True, extra=True)


def rows_of_symbol(data: pa.Table, symbol: str) -> pa.Table:
    """The rows of one symbol, where there is a column that says so; else all rows.

    Parameters
    ----------
    data : rows of a dump.
    symbol : as it was asked for.

    Returns
    -------
    pa.Table
    """
    if "symbol" not in data.column_names:
        return data
    names = [word for word in pc.unique(data["symbol"]).to_pylist() if is_same_name(symbol, word)]
    return data.filter(pc.is_in(data["symbol"], pa.array(names, pa.string()))) if data.num_rows else data


def require(dump: Dump, good: Bool, what: str, hint: str = csv_file.AGAIN) -> None:
    """Raise DataError with the first line of a dump that is not good.

    Parameters
    ----------
    dump : the file. Lines are counted as in one with a header line.
    good : [n], bool, one a row.
    what : is wrong with a row that is not good.
    hint : what to do.

    Raises
    ------
    DataError
    """
    bad = np.flatnonzero(~good)
    if bad.size:
        raise DataError(f"{dump.path}: line {bad[0] + 2}: {what}", hint=hint)


def check_order(dump: Dump, time: Int) -> Int:
    """The times of a dump, which must never run back.

    Parameters
    ----------
    dump : the file.
    time : [n], of any unit.

    Returns
    -------
    int64 [n]
        `time` itself.
    """
    forward = np.concatenate(([True], time[1:] >= time[:-1]))[: len(time)]
    require(dump, forward, "its time lies before the line before it", "sort the rows of the file by their time")
    return time


def to_ns(dump: Dump, stamp: Int) -> Int:
    """Instants of integer stamps in ms, us or ns since 1970, told by their size (good for 1973 to 2286).

    Parameters
    ----------
    dump : the file, for messages.
    stamp : [n].

    Returns
    -------
    int64 [n]
        ns UTC.

    Raises
    ------
    DataError
        For stamps that are none of these.
    """
    if not len(stamp):
        return stamp
    low, high = int(stamp.min()), int(stamp.max())
    for unit, factor in ((10**12, 10**6), (10**15, 10**3), (10**18, 1)):
        if unit // 10 <= low and high < unit * 10:
            return stamp * factor
    raise DataError(
        f"{dump.path}: times from {low} to {high} are neither ms, us nor ns since 1970", hint=csv_file.AGAIN
    )

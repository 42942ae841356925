"""The records of a DBN file, plain or zstd, piece by piece; a file that is cut is refused.

The library only warns of a cut file, and of a compressed one not even that where it ends with a whole record.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from hfm.errors import DataError
from hfm.fetch.book import csv_file

DbnRecords = npt.NDArray[Any]  # Any: the schema's own structure
PACKED = b"\x28\xb5\x2f\xfd"
"""How a zstd file begins (RFC 8878, 3.1.1)."""
RECORDS = 1 << 13
"""Records that are read at a time: what is made of them stays in the cache of a core."""


def pieces(path: Path, store: Any, count: int = RECORDS) -> Iterator[DbnRecords]:  # Any: databento's store
    """All records, at most so many at a time.

    Parameters
    ----------
    path : the file.
    store : the library's view of it, which knows its records.
    count : records of a piece.

    Yields
    ------
    records [n] of the schema's structure
        Read-only; none of a file without records.

    Raises
    ------
    DataError
        For a file that is cut or damaged.
    """
    first = next(iter(store.to_ndarray(count=1)), None)
    if first is None:
        return
    with path.open("rb") as file:
        packed = file.read(len(PACKED)) == PACKED
    try:
        with pa.input_stream(str(path), compression="zstd" if packed else None) as stream:
            # "DBN", a version, and the length of the metadata (databento.com/docs, "DBN encoding")
            stream.read(struct.unpack("<4xI", stream.read(8))[0])
            while data := stream.read(count * first.dtype.itemsize):
                if len(data) % first.dtype.itemsize:
                    raise DataError(
                        f"{path} is cut or damaged", why="its last record is not whole", hint=csv_file.AGAIN
                    )
                yield np.frombuffer(data, first.dtype)
    except (OSError, struct.error) as e:
        raise DataError(f"{path} is cut or damaged", why=str(e)[:200], hint=csv_file.AGAIN) from e


def of_symbol(path: Path, store: Any, symbol: str) -> Iterator[DbnRecords]:  # Any: databento's store
    """The records of one symbol, piece by piece.

    Parameters
    ----------
    path : the file.
    store : the library's view of it.
    symbol : one that it maps to instruments.

    Yields
    ------
    records [n]

    Raises
    ------
    DataError
        For a file that is cut, and for several venues.
    """
    spans = [
        (int(interval["symbol"]), _midnight(interval["start_date"]), _midnight(interval["end_date"]))
        for interval in store.mappings[symbol] if interval["symbol"].isdigit()
    ]  # fmt: skip
    venue: int | None = None
    for records in pieces(path, store):
        mask = np.zeros(len(records), np.bool_)
        for number, start, end in spans:
            time = records["ts_recv"].astype(np.int64)
            mask |= (records["instrument_id"] == number) & (time >= start) & (time < end)
        selected = records if mask.all() else records[mask]
        if len(selected):
            venue = int(selected["publisher_id"][0]) if venue is None else venue
            if (selected["publisher_id"] != venue).any():
                error = several_venues(path, symbol)
                raise error
            yield selected


def _midnight(day: Any) -> int:  # Any: a date, or the text of one
    """ns UTC."""
    return int(np.datetime64(day, "ns").astype(np.int64))


def several_venues(path: Path, symbol: str) -> DataError:
    """The error of a file whose records of a symbol are of several venues."""
    return DataError(f"{path} holds {symbol} of several venues, and a book is of one",
                     hint="ask Databento for one dataset and venue")  # fmt: skip

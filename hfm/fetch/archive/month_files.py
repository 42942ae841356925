"""The archive's files: data/bars/source=yahoo/symbol=SPY/interval=5m/2026-11.parquet, one a month of UTC time.

A Hive-style folder of plain Parquet (time at the bar's close, UTC; open, high, low, close in currency; volume) that any
reader takes as it is. Beside each month lies a hidden file with its SHA-256. While a month is replaced that file holds
the old and the new hash, so that a process killed at any moment leaves a month that is whole and known.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import shutil
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import filelock
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from hfm import atomic
from hfm.arrays import Int
from hfm.config import INTERVALS
from hfm.errors import DataError, LockedError
from hfm.raw_data import BAR_COLUMNS, RawBars

Months = np.ndarray[tuple[int], np.dtype[np.datetime64]]
UNITS = {"time": "UTC, the bar's close", "volume": "shares"}
SCHEMA = pa.schema(
    [
        pa.field(
            name,
            pa.timestamp("ns", tz="UTC") if name == "time" else pa.float64(),
            nullable=False,
            metadata={"unit": UNITS.get(name, "currency")},
        )
        for name in BAR_COLUMNS
    ]
)


def folder(archive: Path, source: str, symbol: str, interval_s: int) -> Path:
    """The folder of one symbol's months.

    Parameters
    ----------
    archive : the root of the archive.
    source : name of the vendor's source.
    symbol : as the vendor has it; it is written so that it is one folder's name and one Hive value.
    interval_s : bar length, one of hfm.config.INTERVALS, seconds.

    Returns
    -------
    Path
        It need not exist.
    """
    word = next(name for name, seconds in INTERVALS.items() if seconds == interval_s)
    return archive / "bars" / f"source={source}" / f"symbol={quote(symbol, safe='^')}" / f"interval={word}"


@contextlib.contextmanager
def locked(archive: Path, source: str, symbol: str, wait_s: float) -> Iterator[None]:
    """Hold the archive of one symbol for the length of a `with` block.

    Parameters
    ----------
    archive : the root of the archive.
    source, symbol : whose archive it is.
    wait_s : how long another process is waited for, seconds.

    Yields
    ------
    None

    Raises
    ------
    LockedError
        Where another process has it after `wait_s` seconds.
    """
    path = archive / ".locks" / f"{source}-{quote(symbol, safe='^')}.lock"
    with atomic.disk_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        held = filelock.FileLock(path, timeout=wait_s)
        try:
            held.acquire()
        except filelock.Timeout:
            raise LockedError(
                f"another hfm is at work in the archive of {symbol}",
                why=f"waited {wait_s:g} s for {path}",
                hint="--wait 60",
            ) from None
    try:
        yield
    finally:
        held.release()


def months(where: Path) -> list[str]:
    """The months that are there, as 2026-11, in order."""
    return sorted(path.stem for path in where.glob("????-??.parquet")) if where.is_dir() else []


def month_of(time: Int) -> Months:
    """The month that each bar's file is named by: that of the instant before its end.

    Parameters
    ----------
    time : [n] ns UTC, the ends of the bars.

    Returns
    -------
    datetime64[M] [n]
    """
    return (time - 1).view("datetime64[ns]").astype("datetime64[M]")


def read(where: Path, first: int | None = None, last: int | None = None) -> RawBars:
    """The archived bars of the months that meet a span, in order of time.

    Parameters
    ----------
    where : folder of the months.
    first, last : ns UTC, both included; None: no border.

    Returns
    -------
    RawBars
        Whole months, so that bars outside the span may be among them.

    Raises
    ------
    DataError
        For a month that is not what was written.
    """
    found = [m for m in months(where) if first is None or m >= str(month_of(np.array([first]))[0])]
    found = [m for m in found if last is None or m <= str(month_of(np.array([last]))[0])]
    return RawBars.concat([read_month(where / f"{month}.parquet") for month in found])


def last_before(where: Path, instant: int) -> int | None:
    """Time (ns UTC) of the last archived bar up to `instant`; None where there is none. Raises DataError as read()."""
    for month in reversed(months(where)):
        if month <= str(month_of(np.array([instant]))[0]):
            time = read_month(where / f"{month}.parquet").time
            if (time <= instant).any():
                return int(time[time <= instant].max())
    return None


def read_month(path: Path) -> RawBars:
    """One month's bars. Raises DataError where its bytes are not those whose hash lies beside it."""
    why = "its bytes are not those that were written"
    try:
        data = path.read_bytes()
        if hashlib.sha256(data).hexdigest() in hash_path(path).read_text().split():
            table = pq.read_table(io.BytesIO(data), schema=SCHEMA, page_checksum_verification=True)
            time = table["time"].cast(pa.int64()).to_numpy()
            return RawBars(time, *(table[name].to_numpy() for name in BAR_COLUMNS[1:]))
    except (OSError, UnicodeDecodeError, pa.ArrowInvalid) as e:
        why = str(e).splitlines()[0][:200]
    raise DataError(
        f"archive: {path} is damaged",
        why=why,
        hint=f"restore it, or move it away (with {hash_path(path).name}) and hfm fetch what the vendor still keeps",
    )


def hash_path(path: Path) -> Path:
    """The hidden file beside a month that holds its SHA-256."""
    return path.with_name(f".{path.stem}.sha256")


def write_month(path: Path, bars: RawBars) -> None:
    """Replace one month by `bars`: durable, and readable at every moment. Raises DiskError."""
    columns = [pa.array(bars.time).cast(SCHEMA.field("time").type)]
    columns += [pa.array(getattr(bars, name)) for name in BAR_COLUMNS[1:]]
    sink = io.BytesIO()
    pq.write_table(pa.table(columns, schema=SCHEMA), sink, compression="zstd", version="2.6", write_page_checksum=True)
    data = sink.getvalue()
    new, beside = hashlib.sha256(data).hexdigest(), hash_path(path)
    if path.exists():
        atomic.write(beside, f"{new}\n{atomic.sha256(path)}\n".encode())
    else:
        atomic.write(beside, f"{new}\n".encode())
    atomic.write(path, data)
    atomic.write(beside, f"{new}\n".encode())


def append(where: Path, added: RawBars) -> list[str]:
    """Add bars whose times are not archived yet; the months touched. Other months' files are not opened."""
    touched = month_of(added.time)
    names = [str(m) for m in np.unique(touched)]
    for name in names:
        path = where / f"{name}.parquet"
        rows = np.flatnonzero(touched == np.datetime64(name))
        bars = RawBars.concat([*([read_month(path)] if path.exists() else []), added.take(rows)])
        write_month(path, bars.take(np.argsort(bars.time)))
    return names


def rewrite(where: Path, bars: RawBars) -> None:
    """Put `bars` (the whole archive of the symbol, rebased) in the place of what is there: all of it, or nothing.

    The months are written into a hidden folder beside, which then takes the old folder's place; `recover` ends what a
    killed process began.
    """
    recover(where)
    after, before = _beside(where)
    of = month_of(bars.time)
    for name in np.unique(of):
        write_month(after / f"{name}.parquet", bars.take(of == name))
    with atomic.disk_errors(where):
        where.rename(before)
        after.rename(where)
        atomic.fsync(where.parent)
        shutil.rmtree(before)


def recover(where: Path) -> None:
    """Under the symbol's lock: finish or undo a killed `rewrite`, and remove half-written files."""
    after, before = _beside(where)
    with atomic.disk_errors(where):
        if before.exists() and not where.exists():
            (after if after.exists() else before).rename(where)
        for folder_ in (after, before):
            if folder_.exists():
                shutil.rmtree(folder_)
        atomic.sweep(where)


def _beside(where: Path) -> tuple[Path, Path]:
    return where.with_name(f".{where.name}.after"), where.with_name(f".{where.name}.before")

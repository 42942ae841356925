"""A vendor's table as columns with known roles: reading CSV and Parquet, finding which column is what.

Roles: time (or date and clock), symbol (optional), open, high, low, close, volume. A role is found by name, whatever
its case and punctuation; where two columns could play it, or none, the file is refused until `map` says which.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pv
import pyarrow.parquet as pq

from hfm.errors import DataError, UsageError

Float = npt.NDArray[np.float64]
VALUES = ("open", "high", "low", "close", "volume")
NAMES: dict[str, tuple[str, ...]] = {
    "time": (
        "timestamp",
        "datetime",
        "time",
        "date",
        "ts",
        "t",
        "tsevent",
        "opentime",
        "windowstart",
        "bartime",
        "dateandtime",
        "dt",
        "closetime",
        "gmttime",
        "localtime",
        "unix",
        "epoch",
    ),
    "clock": ("time", "hour", "clock"),
    "symbol": ("symbol", "ticker", "sym", "instrument", "code", "actsymbol", "security", "contract"),
    "open": ("open", "o", "openprice", "first", "op"),
    "high": ("high", "h", "highprice", "max", "hi"),
    "low": ("low", "l", "lowprice", "min", "lo"),
    "close": ("close", "c", "closeprice", "last", "cl", "latest"),
    "volume": ("volume", "v", "vol", "totalvolume", "tradevolume", "sharevolume", "qty"),
}
"""Role -> names in order of preference, lower case without punctuation."""
EMPTY = ["", "nan", "NaN", "NAN", "null", "NULL", "None", "NA", "N/A", "#N/A", "n/a", "<NA>", "-"]


@dataclass(frozen=True)
class Columns:
    """What a file holds, rows in the file's order. symbol: None where the file has no such column.

    time: strings, numbers or timestamps as they stand; time_name: for messages. notes: what was assumed. warnings: what
    the user should check.
    """

    time: pa.ChunkedArray
    time_name: str
    symbol: pa.DictionaryArray | None
    values: Mapping[str, Float]
    notes: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()


def read(path: Path, mapping: Mapping[str, str]) -> list[Columns]:
    """The columns of one file; several where the file is wide (one part a symbol).

    mapping: role -> column name. Raises DataError for a file that cannot be read, has no rows, lacks a role or holds a
    word where a number should be; UsageError for an unknown role in `mapping`.
    """
    unknown = sorted(set(mapping) - set(NAMES))
    if unknown:
        raise UsageError(
            f"--map {unknown[0]}={mapping[unknown[0]]}: there is no role {unknown[0]!r}",
            hint=f"roles: {', '.join(NAMES)}",
        )
    try:
        if path.suffix.lower() in (".parquet", ".pq"):
            return [_columns(path, _parquet(path), mapping)]
        return _csv(path, mapping)
    except (pa.ArrowException, OSError, UnicodeDecodeError) as e:
        why = e.strerror if isinstance(e, OSError) and e.strerror else str(e)
        raise DataError(
            f"{path} cannot be read", why=" ".join(why.split())[:200], hint="a whole CSV (.csv, .csv.gz) or .parquet"
        ) from e


def _parquet(path: Path) -> pa.Table:
    with pq.ParquetFile(path, page_checksum_verification=True) as file:
        return file.read()


def _csv(path: Path, mapping: Mapping[str, str]) -> list[Columns]:
    """Columns of a CSV, all read as text first; the three-line headers of yfinance are wide."""
    with pa.input_stream(str(path), compression="detect") as stream:
        data = stream.read()
    text = data[:65536].decode("utf-8-sig", "replace")
    lines = [line for line in text.splitlines() if line.strip()]
    if not lines:
        raise DataError(f"{path} is empty", hint="export it again, with a header line")
    delimiter = max(",;\t|", key=lines[0].count)
    head = list(csv.reader(lines[:3], delimiter=delimiter))
    wide = len(head) == 3 and {head[0][0], head[1][0]} == {"Price", "Ticker"} and not any(head[2][1:])
    names = [name.strip() for name in head[0]]
    if wide:
        fields, tickers = (head[0], head[1]) if head[0][0] == "Price" else (head[1], head[0])
        names = [f"{a}\n{b}" for a, b in zip(fields, tickers, strict=True)]
        names[0] = head[2][0]
    elif len(set(names)) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise DataError(f"{path} has two columns {twice!r}", hint="rename one of them")
    table = pv.read_csv(
        io.BytesIO(data),
        read_options=pv.ReadOptions(column_names=names, skip_rows=3 if wide else 1),
        parse_options=pv.ParseOptions(delimiter=delimiter),
        convert_options=pv.ConvertOptions(
            column_types={name: pa.string() for name in names}, null_values=EMPTY, strings_can_be_null=True
        ),
    )
    if not wide:
        return [_columns(path, table, mapping)]
    parts = []
    for ticker in dict.fromkeys(name.split("\n")[1] for name in names[1:]):
        part = {name.split("\n")[0]: table[name] for name in names[1:] if name.endswith(f"\n{ticker}")}
        symbol = pa.array([ticker]).dictionary_encode().take(pa.array(np.zeros(table.num_rows, np.int32)))
        parts.append(_columns(path, pa.table({names[0]: table[names[0]], **part, "symbol": symbol}), mapping))
    return parts


def _columns(path: Path, table: pa.Table, mapping: Mapping[str, str]) -> Columns:
    if table.num_rows == 0:
        raise DataError(f"{path} has no rows", hint="export it again")
    roles = roles_of(table.column_names, mapping, path)
    if "time" not in roles:
        stamps = [field.name for field in table.schema if pa.types.is_timestamp(field.type)]
        if len(stamps) == 1:
            roles["time"] = stamps[0]
    lacking = [role for role in ("time", *VALUES) if role not in roles]
    if lacking:
        raise DataError(
            f"{path} has no {' and no '.join(lacking)} column",
            why=f"its columns are {', '.join(table.column_names)[:200]}",
            hint=f"--map {lacking[0]}=COLUMN",
        )
    time, name = table[roles["time"]], roles["time"]
    if "clock" in roles:
        day, clock = (table[roles[role]].cast(pa.string()) for role in ("time", "clock"))
        time, name = pc.binary_join_element_wise(day, clock, " "), f"{name} {roles['clock']}"
    values = {role: _numbers(table[roles[role]], roles[role], path) for role in VALUES}
    symbol = None
    if "symbol" in roles:
        words = table[roles["symbol"]]
        words = (words if pa.types.is_dictionary(words.type) else words.cast(pa.string())).combine_chunks()
        words = words.chunk(0) if isinstance(words, pa.ChunkedArray) else words
        symbol = words.cast(pa.string()).dictionary_encode()
        if symbol.null_count:
            raise _odd(roles["symbol"], symbol.is_null(), table[roles["symbol"]], "a symbol", path)
    used = {roles[role] for role in roles}
    adjusted = [n for n in table.column_names if n not in used and _plain(n) in ("adjclose", "adjustedclose")]
    notes = tuple(f"column {n} is not used: prices are as traded" for n in adjusted)
    return Columns(time, name, symbol, values, notes)


def roles_of(names: Sequence[str], mapping: Mapping[str, str], path: Path) -> dict[str, str]:
    """Role -> column name. Raises DataError where `mapping` names no column, or two columns could play one role."""
    roles: dict[str, str] = {}
    plain: dict[str, list[str]] = {}
    for name in names:
        plain.setdefault(_plain(name), []).append(name)
    for role, column in mapping.items():
        found = column if column in names else next(iter(plain.get(_plain(column), [])), None)
        if found is None:
            raise DataError(
                f"{path} has no column {column!r} (--map {role}={column})",
                why=f"its columns are {', '.join(names)[:200]}",
                hint=f"--map {role}=COLUMN",
            )
        roles[role] = found
    taken = set(roles.values())
    for role, known in NAMES.items():
        found_names = [name for key in known for name in plain.get(key, []) if name not in taken]
        if role in roles or not found_names:
            continue
        if role == "clock":
            if _plain(roles.get("time", "")) != "date":
                continue
        elif (
            role == "time"
            and "date" in plain
            and "time" in plain
            and "timestamp" not in plain
            and "datetime" not in plain
        ):
            found_names = plain["date"]
        elif len(found_names) > 1 and _plain(found_names[0]) != role and role != "time":
            raise DataError(
                f"{path}: columns {' and '.join(found_names)} could each be the {role}",
                hint=f"--map {role}={found_names[0]}",
            )
        roles[role] = found_names[0]
        taken.add(found_names[0])
    return roles


def _plain(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", name.lower())


def _numbers(column: pa.ChunkedArray, name: str, path: Path) -> Float:
    """A column as float64, nulls NaN. Raises DataError with the first row that holds something else."""
    try:
        values: Float = np.asarray(column.cast(pa.float64()).to_numpy(), dtype=np.float64)
        return values
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        words = column.cast(pa.string())
        number = pc.match_substring_regex(words, r"^\s*[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?\s*$|^[+-]?inf(inity)?$")
        bad = pc.and_(words.is_valid(), pc.invert(number))
        if pc.any(bad).as_py():
            raise _odd(name, bad, words, "a number", path) from None
        return np.asarray(pc.utf8_trim_whitespace(words).cast(pa.float64()).to_numpy(), dtype=np.float64)


def _odd(name: str, bad: pa.ChunkedArray, column: pa.ChunkedArray, wanted: str, path: Path) -> DataError:
    flags = np.asarray(bad.to_numpy(zero_copy_only=False), dtype=bool)
    row = int(np.flatnonzero(flags)[0])
    return DataError(
        f"{path}: column {name}, data row {row + 1}: {str(column[row].as_py())[:40]!r} is not {wanted}",
        why=f"{int(flags.sum())} of {len(flags)} rows are like this",
        hint="mend the file; nothing is guessed",
    )

"""A vendor's file as columns with known roles: container, dialect, header, roles, numbers, one after the other.

Roles: time (or date and clock), symbol (optional), open, high, low, close, volume. What the file does not make certain
is refused, with the option that settles it.
"""

from __future__ import annotations

import csv
import difflib
import lzma
import shlex
import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from hfm.arrays import Float
from hfm.errors import DataError, UsageError
from hfm.fetch.files import clock_formats, container, dialect, fixed_point, header, numerals, positions
from hfm.fetch.files.candidates import SEEN, candidates, is_times, other_volume_warning, volume_candidates
from hfm.fetch.files.dialect import Delimited
from hfm.fetch.files.header import plain
from hfm.fetch.files.roles import NAMES, PRICES, VALUES, join_names, map_option, roles_of

DAMAGED = (pa.ArrowException, OSError, UnicodeDecodeError, EOFError, zipfile.BadZipFile, zlib.error, lzma.LZMAError)


@dataclass(frozen=True)
class FileColumns:
    """What a file holds, rows in the file's order. symbol: None where the file has no such column.

    time: strings, numbers or timestamps as they stand; time_name: for messages. notes: what was assumed. warnings: what
    the user should check. others: columns without a role that may tell several symbols apart, by name. opening:
    the times are those of the bars' open (Binance's klines without a header).
    """

    time: pa.ChunkedArray
    time_name: str
    symbol: pa.DictionaryArray | None
    values: Mapping[str, Float]
    notes: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    others: Mapping[str, pa.ChunkedArray] | None = None
    opening: bool = False


@dataclass(frozen=True)
class ReadOptions:
    """What the user says of a file: columns by role (--map), no volume, the mark of decimals, the unit of prices."""

    mapping: Mapping[str, str]
    no_volume: bool = False
    decimal: str = "auto"
    unit: float | None = None

    @property
    def wanted(self) -> tuple[str, ...]:
        """Roles that are numbers."""
        return PRICES if self.no_volume else VALUES


def read_columns(
    path: Path, mapping: Mapping[str, str], no_volume: bool = False, decimal: str = "auto", unit: float | None = None
) -> list[FileColumns]:
    """The columns of one file; several where the file is wide (one part a symbol).

    Parameters
    ----------
    path : CSV, Parquet or Feather, packed or not.
    mapping : role -> name of its column, or its position from 1.
    no_volume : whether the volume is 0, whatever the file has.
    decimal : point, comma or auto.
    unit : currency of one unit of the prices; None: 1, or what the format says.

    Returns
    -------
    list of FileColumns
        Prices and volumes as float64; a cell without a value is NaN.

    Raises
    ------
    DataError
        For a file that cannot be read, has no rows, lacks a role or holds a word where a number should be.
    UsageError
        For an unknown role.
    """
    unknown = sorted(set(mapping) - set(NAMES))
    if unknown:
        role = next(iter(difflib.get_close_matches(unknown[0], NAMES, 1)), None)
        option = f"--map {shlex.quote(f'{role}={mapping[unknown[0]]}')}"
        raise UsageError(
            f"--map {unknown[0]}={mapping[unknown[0]]}: there is no role {unknown[0]!r}",
            why=f"roles are {', '.join(NAMES)}",
            hint=option if role else "give one of the roles before the =",
        )
    reading = ReadOptions(mapping, no_volume, decimal, unit)
    try:
        return [_columns(path, part, symbol, reading) for symbol, part in _parts(path)]
    except (*DAMAGED, csv.Error) as e:
        why = e.strerror if isinstance(e, OSError) and e.strerror else str(e)
        raise DataError(
            f"{path} cannot be read", why=" ".join(why.split())[:200], hint="a whole CSV (.csv, .csv.gz) or .parquet"
        ) from e


def _parts(path: Path) -> list[tuple[str | None, Delimited]]:
    """(symbol, table): one with all columns, or of a wide table one a symbol, with its own and the shared columns."""
    found = container.unpack(path)
    if isinstance(found, pa.Table):
        names = tuple(str(name) for name in found.column_names)
        table = Delimited(names, tuple(found.columns), wide=header.flat_names(names))
        if not found.num_rows:
            raise DataError(f"{path} has no rows", hint="export it again, with its rows")
    else:
        data, notes = container.text(found, path)
        del found
        table = dialect.delimited(data, path)
        table = replace(table, notes=(*notes, *table.notes))
    if table.wide is None:
        return [(None, table)]
    taken = {k for part in table.wide.values() for k in part.values()}
    shared = [k for k in range(len(table.names)) if k not in taken]
    parts: list[tuple[str | None, Delimited]] = []
    for symbol, selected in table.wide.items():
        names = (*(table.names[k] for k in shared), *selected)
        columns = (*(table.columns[k] for k in shared), *(table.columns[k] for k in selected.values()))
        parts.append((symbol, replace(table, names=names, columns=columns, wide=None)))
    return parts


def _columns(path: Path, table: Delimited, symbol: str | None, reading: ReadOptions) -> FileColumns:
    """The roles of one table's columns, and their values."""
    notes, warnings = list(table.notes), list(table.warnings)
    if table.named:
        roles = _roles_by_name(path, table, reading)
        name, chosen = _only_time(roles, table)
        if chosen is not None:
            roles["time"] = chosen
            notes.append(f"column {name or '(no name)'} is the time: the one column of times")
        _check_complete(path, roles, table, reading)
    else:
        roles = _roles_by_position(path, table, reading)
        warnings.append(f"the file has no header; columns are taken by position: {_describe_roles(roles)}")
    _check_namesakes(path, {role: k for role, k in roles.items() if role not in reading.mapping}, table)
    time, time_name = _time(roles, table)
    raw = {role: table.columns[roles[role]] for role in reading.wanted}
    labels = {role: table.names[roles[role]] for role in reading.wanted}
    values, more = numerals.parse_numbers(raw, labels, path, reading.decimal, table.delimiter)
    notes += more
    values, more, odd = fixed_point.scale_prices(values, raw, table.names, reading.unit, path)
    notes += more
    warnings += odd
    if reading.no_volume:
        values["volume"] = np.zeros(len(values["close"]))
        notes.append("there is no volume, as told: it is 0 in every bar")
    else:
        warnings += other_volume_warning(roles, table, values["volume"])
    used = set(roles.values())
    adjusted = [n for k, n in enumerate(table.names) if k not in used and plain(n) in ("adjclose", "adjustedclose")]
    notes += [f"column {n} is not used: prices are as traded" for n in adjusted]
    words = _constant(symbol, len(values["close"])) if symbol else _symbol(path, roles, table)
    others = {n or str(k + 1): table.columns[k] for k, n in enumerate(table.names) if k not in used}
    opening = not table.named and len(table.names) == positions.KLINES and "time" not in reading.mapping
    return FileColumns(time, time_name, words, values, tuple(notes), tuple(warnings), others, opening)


def _roles_by_name(path: Path, table: Delimited, reading: ReadOptions) -> dict[str, int]:
    """Roles by name; a volume among several is the one of the symbol's own coin."""
    roles = roles_of(table.names, reading.mapping, path)
    if "volume" not in roles and "symbol" in roles:
        word = plain(str(table.columns[roles["symbol"]][0].as_py()))
        selected = [
            k for k in volume_candidates(table, roles) if word.startswith(plain(table.names[k]).removeprefix("volume"))
        ]
        selected = [k for k in selected if plain(table.names[k]).startswith("volume")]
        if len(selected) == 1:
            roles["volume"] = selected[0]
    return roles


def _roles_by_position(path: Path, table: Delimited, reading: ReadOptions) -> dict[str, int]:
    """Roles by position. Raises DataError where the values do not prove them and `reading` does not say them all."""
    selected = roles_of(table.names, reading.mapping, path)
    wanted = ("time", *reading.wanted)
    if set(wanted) <= set(selected):
        return selected
    found, proved = positions.find_positions(table.columns, path, reading.decimal, table.delimiter)
    roles = {**found, **selected}
    if proved and set(wanted) <= set(roles) and not set(selected) & set(PRICES):
        return {role: k for role, k in roles.items() if role in (*wanted, "clock", "symbol")}
    row = [str(column[0].as_py() or "")[:30] for column in table.columns]
    why = "its first line is " + ", ".join(f"{k + 1}: {cell}" for k, cell in enumerate(row[:12]))
    guess = [map_option(role, table.names, roles[role]) for role in (*wanted, "clock", "symbol") if role in roles]
    if proved and set(wanted) - set(roles) == {"volume"}:
        raise DataError(f"{path} has no header, and no column that is surely the volume", why=why, hint="--no-volume")
    hint = "write a header line above the rows: time,open,high,low,close,volume, in the order of the columns"
    if {"time", *PRICES} <= set(roles):
        hint = " ".join([*guess, *([] if set(wanted) <= set(roles) else ["--no-volume"])])
    raise DataError(f"{path} has no header, and its columns are not certain", why=why, hint=hint)


def _describe_roles(roles: Mapping[str, int]) -> str:
    return ", ".join(f"{k + 1} {role}" for role, k in sorted(roles.items(), key=lambda item: item[1]))


def _only_time(roles: Mapping[str, int], table: Delimited) -> tuple[str, int | None]:
    """(name, number) of the one column of times, where no name says which it is; number None: there is none or two."""
    if "time" in roles:
        return "", None
    used = set(roles.values())
    found = [k for k in range(len(table.names)) if k not in used and is_times(table.columns[k])]
    return (table.names[found[0]], found[0]) if len(found) == 1 else ("", None)


def _check_complete(path: Path, roles: Mapping[str, int], table: Delimited, reading: ReadOptions) -> None:
    """Raise DataError unless time, prices and volume have their columns; its hint names a column that can be one."""
    lacking = [role for role in ("time", *reading.wanted) if role not in roles]
    if not lacking:
        return
    hints, unknown = [], []
    for role in lacking:
        found = [map_option(role, table.names, k) for k in candidates(role, roles, table)]
        if len(found) == 1 or (found and role == "volume"):
            hints.append(found[0])
        elif found and len(lacking) == 1:
            hints.append(", or ".join(found))
        elif role == "volume":
            hints.append("--no-volume")
        else:
            unknown.append(role)
    names = join_names(table.names)
    hint = " ".join(hints)
    if unknown:
        hint = (
            f"export it again with columns time, open, high, low, close, volume: none here is surely the {unknown[0]}"
        )
    raise DataError(f"{path} has no {' and no '.join(lacking)} column", why=f"its columns are {names}", hint=hint)


def _check_namesakes(path: Path, roles: Mapping[str, int], table: Delimited) -> None:
    """Raise DataError where a role's column has a namesake with other values."""
    for role, k in roles.items():
        for j, name in enumerate(table.names):
            alike = j != k and name and plain(name) == plain(table.names[k])
            if alike and not table.columns[j].equals(table.columns[k]):
                raise DataError(
                    f"{path} has two columns {name!r} with unequal values, at {k + 1} and {j + 1}",
                    hint=f"--map {role}={k + 1}, or --map {role}={j + 1}",
                )


def _time(roles: Mapping[str, int], table: Delimited) -> tuple[pa.ChunkedArray, str]:
    """The column of times and its name; a date and a clock as one (HHMMSS and ms are nine digits, as epochs may be)."""
    time, name = table.columns[roles["time"]], table.names[roles["time"]] or "(no name)"
    if "clock" not in roles:
        return time, name
    clock = table.columns[roles["clock"]].cast(pa.string())
    if (
        is_times(table.columns[roles["clock"]])
        and not pc.any(pc.match_substring_regex(clock, r"^\s*\d{9}\s*$")).as_py()
    ):
        return table.columns[roles["clock"]], table.names[roles["clock"]]  # it has its own date
    clock = clock_formats.normalise_clock(clock)
    if pa.types.is_timestamp(time.type) and pc.all(pc.equal(pc.floor_temporal(time, unit="day"), time)).as_py():
        time = time.cast(pa.date32())
    day = time.cast(pa.string())
    if pc.all(pc.match_substring_regex(day, r"[ T]00:00(:00(\.0+)?)?$")).as_py():
        day = pc.replace_substring_regex(day, r"[ T]00:00(:00(\.0+)?)?$", "")
    alike = pc.match_substring_regex(pc.utf8_trim_whitespace(clock.slice(0, SEEN)), rf"^({header.CLOCK}|\d{{1,6}}$)")
    first = str(day[0].as_py() or "")
    if ":" in first or not pc.any(alike).as_py():
        return time, name
    return pc.binary_join_element_wise(day, clock, " "), f"{name} {table.names[roles['clock']]}"


def _constant(symbol: str, n: int) -> pa.DictionaryArray:
    """A column of one symbol."""
    return pa.DictionaryArray.from_arrays(pa.array(np.zeros(n, np.int32)), pa.array([symbol]))


def _symbol(path: Path, roles: Mapping[str, int], table: Delimited) -> pa.DictionaryArray | None:
    """The column of symbols; None where there is none. NA, NULL and TRUE are symbols. Raises DataError for no name."""
    if "symbol" not in roles:
        return None
    words = table.columns[roles["symbol"]]
    words = (words if pa.types.is_dictionary(words.type) else words.cast(pa.string())).combine_chunks()
    words = words.chunk(0) if isinstance(words, pa.ChunkedArray) else words
    symbol = words.cast(pa.string()).dictionary_encode()
    if symbol.null_count or not all(name.strip() and name.isprintable() for name in symbol.dictionary.to_pylist()):
        cells = [(name or "").strip() for name in words.cast(pa.string()).to_pylist()]
        bad = np.array([not (cell and cell.isprintable()) for cell in cells])
        raise numerals.cell_error(table.names[roles["symbol"]], bad, table.columns[roles["symbol"]], "a symbol", path)
    return symbol

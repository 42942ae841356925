"""Bars from a CSV or Parquet file (or a folder of them) of any vendor.

What the columns are, which zone the times are in, and at which end of a bar they stand is read off the file where that
is certain and said in the notes; where it is not, the file is refused with what to add.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from hfm.errors import DataError, HfmError, UsageError
from hfm.fetch import layout, sessions, stamps
from hfm.fetch.layout import Columns, Float
from hfm.fetch.sessions import Int
from hfm.plugins import BarRequest, RawBars
from hfm.stage import Context

SUFFIXES = (".csv", ".csv.gz", ".txt", ".parquet", ".pq")


@dataclass(frozen=True)
class Part:
    """One symbol's rows of one file: ns UTC as stamped, values by role, what was assumed, what to check."""

    symbol: str | None
    stamp: Int
    values: dict[str, Float]
    notes: tuple[str, ...]
    warnings: tuple[str, ...] = ()


class File:
    """The BarSource over files at hand."""

    network = False
    synthetic = False

    def fetch(self, request: BarRequest, ctx: Context) -> Iterator[tuple[str, RawBars | HfmError]]:
        """Bars of the symbols asked for, or of all in the file where none is; a symbol that is not there is named.

        Raises DataError for a file that is not certain to be read right.
        """
        chosen = choose(
            [part for path in paths(request.path) for part in read(path, request)], request.symbols, str(request.path)
        )
        there = [part for found in chosen.values() if not isinstance(found, DataError) for part in found]
        if there:
            stamps.spacing([part.stamp for part in there], request.interval_s)
            side = request.label if request.label != "auto" else agreed(there, request)
        there.clear()  # what is handed on is not held here: a large file is in memory once
        for symbol in list(chosen):
            found = chosen.pop(symbol)
            yield symbol, found if isinstance(found, DataError) else bars(found, request, side)


def paths(text: str | None) -> list[Path]:
    """The file, or the files of a folder by name. Raises UsageError or DataError where there is none."""
    if text is None:
        raise UsageError("--source file needs a file", hint="--path bars.csv")
    path = Path(text)
    if path.is_dir():
        found = sorted(p for p in path.iterdir() if p.name.lower().endswith(SUFFIXES))
        if not found:
            raise DataError(f"{path} holds no {', '.join(SUFFIXES)}", hint="check --path")
        return found
    if not path.exists():
        raise DataError(f"{path} does not exist", hint="check --path")
    return [path]


def read(path: Path, request: BarRequest) -> list[Part]:
    """The rows of one file by symbol. Raises DataError, with the file's name."""
    parts = []
    for columns in layout.read(path, request.columns or {}):
        try:
            time, zone = stamps.instants(columns.time, columns.time_name, request.tz)
        except DataError as e:
            raise DataError(f"{path}: {e.what}", why=e.why, hint=e.hint) from e
        parts += split(columns, time, (*columns.notes, zone))
    return parts


def split(columns: Columns, time: Int, notes: tuple[str, ...]) -> list[Part]:
    """Rows by symbol, in the file's order."""
    if columns.symbol is None:
        return [Part(None, time, dict(columns.values), notes, columns.warnings)]
    names, code = columns.symbol.dictionary.to_pylist(), columns.symbol.indices.to_numpy()
    order = np.argsort(code, kind="stable")
    borders = np.searchsorted(code[order], np.arange(len(names) + 1))
    parts = []
    for k, name in enumerate(names):
        rows = order[borders[k] : borders[k + 1]]
        values = {role: column[rows] for role, column in columns.values.items()}
        parts.append(Part(name.strip(), time[rows], values, notes, columns.warnings))
    return parts


def choose(parts: list[Part], symbols: tuple[str, ...], path: str) -> dict[str, list[Part] | DataError]:
    """The parts of each symbol asked for, else of each there is.

    Raises UsageError where the file names no symbol and not exactly one is asked for.
    """
    named: dict[str, list[Part]] = {}
    for part in parts:
        if part.symbol is not None:
            named.setdefault(part.symbol, []).append(part)
    bare = [part for part in parts if part.symbol is None]
    if bare:
        if len(symbols) != 1 or named:
            raise UsageError(
                f"{path} has no symbol column, and {len(symbols)} symbols are asked for",
                hint="name the one it holds: hfm fetch SPY --source file ...",
            )
        return {symbols[0]: bare}
    if not symbols:
        return {symbol: named[symbol] for symbol in sorted(named)}
    folded = {name.upper(): name for name in sorted(named, reverse=True)}
    out: dict[str, list[Part] | DataError] = {}
    for symbol in symbols:
        name = symbol if symbol in named else folded.get(symbol.upper())
        has = sorted(named)
        out[name or symbol] = (
            named[name]
            if name
            else DataError(
                f"{path} has no symbol {symbol}",
                why=f"it has {', '.join(has[:10])}{' ...' if len(has) > 10 else ''}",
                hint=f"hfm fetch {has[0]} --source file --path {path}",
            )
        )
    return out


def agreed(parts: list[Part], request: BarRequest) -> Literal["start", "end"]:
    """At which end of the bars all symbols' stamps stand. Raises DataError where it is not certain, or they differ."""
    first, last = min(int(p.stamp.min()) for p in parts), max(int(p.stamp.max()) for p in parts)
    around = sessions.span(request.calendar, request.interval_s, first, last)
    votes: dict[str, str] = {}
    doubt: DataError | None = None
    for part in parts:
        try:
            votes[stamps.label(part.stamp, part.values["volume"], around)] = str(part.symbol)
        except DataError as e:
            doubt = doubt or DataError(f"{request.path}: {e.what}", why=e.why, hint=e.hint)
    if len(votes) == 1:
        return "start" if "start" in votes else "end"
    if votes:
        raise DataError(
            f"{request.path}: {votes['start']} looks labelled at the start of its bars, {votes['end']} at the end",
            hint="--label start, or --label end",
        )
    assert doubt is not None
    raise doubt


def bars(parts: list[Part], request: BarRequest, side: Literal["start", "end"]) -> RawBars:
    """One symbol's rows, stamped at the end of each bar."""
    time = np.concatenate([part.stamp for part in parts])
    values = {role: np.concatenate([part.values[role] for part in parts]) for role in layout.VALUES}
    if side == "start" and time.size:
        around = sessions.span(request.calendar, request.interval_s, int(time.min()), int(time.max()))
        time = around.ends(time) if len(around) else time + request.interval_s * sessions.SECOND
    how = "as told" if request.label != "auto" else "seen from the sessions' first and last stamps"
    notes = dict.fromkeys(note for part in parts for note in part.notes)
    warnings = dict.fromkeys(text for part in parts for text in part.warnings)
    label = f"times stand at the {side} of each bar ({how})"
    return RawBars(time, **values, notes=(*notes, label), warnings=tuple(warnings))

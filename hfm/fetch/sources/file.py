"""Bars from a CSV or Parquet file (or a folder of them) of any vendor.

What the columns are, which zone the times are in, and at which end of a bar they stand is read off the file where that
is certain and said in the notes; where it is not, the file is refused with what to add.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Literal

import numpy as np

from hfm.errors import DataError, HfmError, UsageError, printable
from hfm.fetch import layout, sessions, stamps
from hfm.fetch.files import filenames
from hfm.fetch.files.parts import Part, contradictions, known, mixed, split
from hfm.fetch.files.roles import VALUES
from hfm.fetch.files.selection import choose, command
from hfm.plugins import BarRequest, RawBars
from hfm.stage import Context

FOLDER = ".csv, .txt, .tsv (.gz, .bz2, .zst, .zip), .parquet, .pq, .feather"
"""What a folder is read for."""


class File:
    """The BarSource over files at hand."""

    network = False
    synthetic = False

    def fetch(self, request: BarRequest, ctx: Context) -> Iterator[tuple[str, RawBars | HfmError]]:
        """Bars of the symbols asked for, or of all in the file where none is; a symbol that is not there is named.

        Raises DataError for a file that is not certain to be read right.
        """
        files = paths(request.path)
        names = filenames.symbols(files) if len(files) > 1 else [None]
        found_parts = [part for path, name in zip(files, names, strict=True) for part in read(path, request, name)]
        chosen = choose(found_parts, request)
        found_parts.clear()
        there = [part for found in chosen.values() if not isinstance(found, DataError) for part in found]
        for symbol, found in chosen.items():
            if not isinstance(found, DataError):
                contradictions(symbol, found, command(request, symbol, found[0].path))
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
        raise UsageError("--source file needs a file", hint="--path FILE, a CSV or Parquet file or a folder of them")
    path = Path(text)
    if path.is_dir():
        found = _tables(path)
        if not found:
            below = [p for p in sorted(path.iterdir()) if p.is_dir() and _tables(p)]
            hint = f"--path {shlex.quote(str(below[0]))}" if below else "check --path"
            raise DataError(f"{path} holds no {FOLDER}", hint=hint)
        return found
    if not path.exists():
        raise DataError(f"{path} does not exist", hint="check --path")
    return [path]


def _tables(folder: Path) -> list[Path]:
    """The files of bars in a folder, by name; none where it may not be looked into."""
    try:
        return sorted(p for p in folder.iterdir() if filenames.TABLES.search(p.name) and p.name[0] not in ".~")
    except OSError:
        return []


def read(path: Path, request: BarRequest, name: str | None = None) -> list[Part]:
    """The rows of one file by symbol. name: the symbol of a file without a column of them.

    Raises DataError, with the file's name.
    """
    parts = []
    for columns in layout.read(path, request.columns or {}, request.no_volume, request.decimal, request.price_unit):
        try:
            time, zone = stamps.instants(columns.time, columns.time_name, request.tz or columns.zone)
        except DataError as e:
            raise DataError(f"{path}: {e.what}", why=e.why, hint=e.hint) from e
        if columns.symbol is None:
            mixed(path, time, columns)
        found = split(columns, time, (*columns.notes, zone))
        parts += [replace(known(part), symbol=part.symbol or name, path=str(path)) for part in found]
    return parts


def agreed(parts: list[Part], request: BarRequest) -> Literal["start", "end"]:
    """At which end of the bars all symbols' stamps stand. Raises DataError where it is not certain, or they differ."""
    first, last = min(int(p.stamp.min()) for p in parts), max(int(p.stamp.max()) for p in parts)
    if all(part.opening for part in parts):
        return "start"
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
    values = {role: np.concatenate([part.values[role] for part in parts]) for role in VALUES}
    if side == "start" and time.size:
        around = sessions.span(request.calendar, request.interval_s, int(time.min()), int(time.max()))
        time = around.ends(time) if len(around) else time + request.interval_s * sessions.SECOND
    named = all(part.opening for part in parts)
    seen = "by the name of their column" if named else "seen from the sessions' first and last stamps"
    how = "as told" if request.label != "auto" else seen
    notes = dict.fromkeys(printable(note) for part in parts for note in part.notes)
    warnings = dict.fromkeys(printable(text) for part in parts for text in part.warnings)
    label = f"times stand at the {side} of each bar ({how})"
    return RawBars(time, **values, notes=(*notes, label), warnings=tuple(warnings))

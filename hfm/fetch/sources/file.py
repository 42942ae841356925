"""Bars from a CSV or Parquet file (or a folder of them) of any vendor.

What the columns are, which zone the times are in, and at which end of a bar they stand is read off the file where that
is certain and said in the notes; where it is not, the file is refused with what to add.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from hfm.arrays import Bool, Float, Int
from hfm.errors import DataError, HfmError, UsageError, printable
from hfm.fetch import sessions
from hfm.fetch.files import alignment, filenames, labelling, time_zones, timestamps
from hfm.fetch.files.columns import read_columns
from hfm.fetch.files.parts import FilePart, check_agreement, check_one_symbol, fill_unknown_volume, split_by_symbol
from hfm.fetch.files.roles import VALUES
from hfm.fetch.files.selection import choose_parts, fetch_command
from hfm.instants import SECOND_NS
from hfm.plugins import BarRequest
from hfm.raw_data import RawBars
from hfm.stage import Context

FOLDER = ".csv, .txt, .tsv (.gz, .bz2, .zst, .zip), .parquet, .pq, .feather"
"""What a folder is read for."""


@dataclass(frozen=True)
class LabelPlacement:
    """Where the stamps of all symbols stand in their bars, and how that is known.

    warnings, away: by symbol, sentences and the sessions that lie hours off.
    """

    side: labelling.Side
    how: str
    warnings: Mapping[str, tuple[str, ...]]
    away: Mapping[str, alignment.ShiftedSessions]


class File:
    """The BarSource over files at hand."""

    network = False
    synthetic = False

    def fetch(self, request: BarRequest, ctx: Context) -> Iterator[tuple[str, RawBars | HfmError]]:
        """Bars of the symbols asked for, or of all in the file where none is; a symbol that is not there is named.

        Yields
        ------
        symbol, RawBars or DataError

        Raises
        ------
        UsageError
            Without a path, and for a file without symbols where not exactly one is asked for.
        DataError
            For a file that is not certain to be read right.
        """
        # 1. every file's rows by symbol
        files = paths(request.path)
        names = filenames.symbols(files) if len(files) > 1 else [None]
        found_parts = [part for path, name in zip(files, names, strict=True) for part in read_file(path, request, name)]
        chosen = choose_parts(found_parts, request)
        found_parts.clear()
        # 2. what is there must be of one symbol, of one length and of one label
        present = {symbol: found for symbol, found in chosen.items() if not isinstance(found, DataError)}
        for symbol, found in present.items():
            check_agreement(symbol, found, fetch_command(request, symbol, found[0].path))
        if present:
            timestamps.check_spacing([part.stamp for found in present.values() for part in found], request.interval_s)
            placement = place_labels(present, request)
        present.clear()  # what is handed on is not held here: a large file is in memory once
        for symbol in list(chosen):
            found_or = chosen.pop(symbol)
            yield (
                symbol,
                found_or if isinstance(found_or, DataError) else make_bars(symbol, found_or, request, placement),
            )


def paths(text: str | None) -> list[Path]:
    """The file, or the files of a folder by name. Raises UsageError or DataError where there is none."""
    if text is None:
        raise UsageError(
            "--source file needs a file", why="a CSV or Parquet file, or a folder of them", hint="--path FILE"
        )
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


def read_file(path: Path, request: BarRequest, name: str | None = None) -> list[FilePart]:
    """The rows of one file by symbol.

    Parameters
    ----------
    path : the file.
    request : zone, columns, marks and interval.
    name : the symbol of a file without a column of them.

    Returns
    -------
    list of FilePart

    Raises
    ------
    DataError
        With the file's name.
    """
    parts = []
    for columns in read_columns(path, request.columns or {}, request.no_volume, request.decimal, request.price_unit):
        try:
            times = timestamps.parse_instants(columns.time, columns.time_name, request.tz, request.interval_s)
        except DataError as e:
            hint = e.hint
            if hint == time_zones.UNKNOWN:
                home = sessions.sessions(request.calendar, request.interval_s, "2024-01-01", "2024-12-31").tz
                hint = f"--tz {home}, or --tz UTC" if home != "UTC" else "--tz UTC, or --tz America/New_York"
            raise DataError(f"{path}: {e.what}", why=e.why, hint=hint) from e
        check_one_symbol(path, times.utc, columns)
        parts += [
            replace(fill_unknown_volume(p), symbol=p.symbol or name, path=str(path))
            for p in split_by_symbol(columns, times)
        ]
    return parts


def place_labels(chosen: Mapping[str, list[FilePart]], request: BarRequest) -> LabelPlacement:
    """At which end of the bars all symbols' stamps stand.

    Parameters
    ----------
    chosen : symbol -> its rows.
    request : label, calendar and interval.

    Returns
    -------
    LabelPlacement

    Raises
    ------
    DataError
        Where it is not certain, where symbols differ, and where the stamps do not lie in the sessions.
    """
    sides = (request.label,) if request.label != "auto" else ("start", "end")
    votes: dict[labelling.Side, str] = {}
    away: dict[str, alignment.ShiftedSessions] = {}
    doubt: DataError | None = None
    for symbol, parts in chosen.items():
        # 1. a symbol's stamps must lie in the sessions and on their grid
        time, volume, flat = (np.concatenate(columns) for columns in zip(*map(_evidence, parts), strict=True))
        if (time[1:] < time[:-1]).any():
            order = np.argsort(time, kind="stable")
            time, volume, flat = time[order], volume[order], flat[order]
        around = sessions.span(request.calendar, request.interval_s, int(time[0]), int(time[-1]))
        try:
            off = alignment.check_alignment(
                symbol, time, volume, request.calendar, request.interval_s, sides, parts[0].wall
            )
            if off is not None:
                away[symbol] = off
            if not len(around):
                continue
            alignment.check_grid(time, around, symbol)
        except DataError as e:
            raise DataError(f"{request.path}: {e.what}", why=e.why, hint=e.hint) from e
        # 2. its stamps vote for a label; one that is not certain is no vote
        try:
            votes[labelling.label(time, volume, around, flat)] = symbol
        except DataError as e:
            doubt = doubt or DataError(f"{request.path}: {e.what}", why=e.why, hint=e.hint)
    # 3. votes, the columns' own names and --label must agree
    column_sides = {part.side for parts in chosen.values() for part in parts}
    return replace(_settle_side(votes, column_sides, list(chosen), request, doubt), away=away)


def _evidence(part: FilePart) -> tuple[Int, Float, Bool]:
    """(stamps, volumes, whether the bar has one price) of the rows."""
    low = part.values["low"]
    return part.stamp, part.values["volume"], (part.values["high"] == low) & (part.values["open"] == low)


def _settle_side(
    votes: Mapping[labelling.Side, str],
    column_sides: set[labelling.Side | None],
    symbols: list[str],
    request: BarRequest,
    doubt: DataError | None,
) -> LabelPlacement:
    """The side of all, from what each symbol's stamps and the times' own columns say, or as told."""
    hint = "--label start, or --label end"
    if request.label != "auto":
        if {*votes, *(side for side in column_sides if side)} == {"end" if request.label == "start" else "start"}:
            text = f"the times look labelled at the other side of each bar than --label {request.label} says"
            return LabelPlacement(request.label, "as told", dict.fromkeys(symbols, (text,)), {})
        return LabelPlacement(request.label, "as told", {}, {})
    if len(votes) > 1:
        what = f"{votes['start']} looks labelled at the start of its bars, {votes['end']} at the end"
        raise DataError(f"{request.path}: {what}", hint=hint)
    named = next(iter(column_sides)) if len(column_sides) == 1 else None
    side = next(iter(votes), None)
    if side and named and side != named:
        what = f"the column of times says {named}, the sessions' first and last stamps say {side}"
        raise DataError(f"{request.path}: {what}", hint=hint)
    if side:
        return LabelPlacement(side, "seen from the sessions' first and last stamps", {}, {})
    if named:
        return LabelPlacement(named, "as the column of times says", {}, {})
    raise doubt or DataError(
        f"{request.path}: no session of {request.calendar} lies in the times of the file", hint="check the calendar"
    )


def make_bars(symbol: str, parts: list[FilePart], request: BarRequest, placement: LabelPlacement) -> RawBars:
    """One symbol's rows, stamped at the end of each bar.

    Parameters
    ----------
    symbol : whose they are.
    parts : its rows, one part a file.
    request : calendar and interval.
    placement : where the stamps stand.

    Returns
    -------
    RawBars
    """
    time = np.concatenate([part.stamp for part in parts])
    values = {role: np.concatenate([part.values[role] for part in parts]) for role in VALUES}
    warnings = list(dict.fromkeys(printable(text) for part in parts for text in part.warnings))
    if symbol in placement.away:
        keep = placement.away[symbol].without(time)
        time, values = time[keep], {role: column[keep] for role, column in values.items()}
        warnings.append(placement.away[symbol].warning)
    if placement.side == "start" and time.size:
        around = sessions.span(request.calendar, request.interval_s, int(time.min()), int(time.max()))
        time = around.ends(time) if len(around) else time + request.interval_s * SECOND_NS
    notes = dict.fromkeys(printable(note) for part in parts for note in part.notes)
    return RawBars(
        time,
        **values,
        notes=(*notes, f"times stand at the {placement.side} of each bar ({placement.how})"),
        warnings=(*warnings, *placement.warnings.get(symbol, ())),
    )

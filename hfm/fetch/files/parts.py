"""One symbol's rows of one file, and whether they can be one symbol's: bars that contradict each other are not."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pyarrow as pa

from hfm.arrays import Bool, Float, Int
from hfm.errors import DataError
from hfm.fetch.files import labelling
from hfm.fetch.files.columns import FileColumns
from hfm.fetch.files.roles import PRICES
from hfm.fetch.files.timestamps import ParsedTimes

AGREE, SHARE, FEW = 1e-6, 0.8, 5
"""Relative difference of equal prices; share of the common bars that must differ for two files to contradict each
other, and how many those must be (or half of the shorter file)."""


@dataclass(frozen=True)
class FilePart:
    """One symbol's rows of one file: ns UTC as stamped, values by role, what was assumed, what to check, the file.

    wall: the zone of --tz, where the clocks were taken in it. side: that the times' own column says, by its name or as
    last instants of their bars.
    """

    symbol: str | None
    stamp: Int
    values: dict[str, Float]
    notes: tuple[str, ...]
    warnings: tuple[str, ...] = ()
    path: str = ""
    wall: str | None = None
    side: labelling.Side | None = None


def split_by_symbol(columns: FileColumns, times: ParsedTimes) -> list[FilePart]:
    """Rows by symbol, in the file's order."""
    notes, warnings = (*columns.notes, *times.notes), (*columns.warnings, *times.warnings)
    side = "start" if columns.opening else labelling.side_of_name(columns.time_name)
    every_row = FilePart(
        None, times.utc, dict(columns.values), notes, warnings, "", times.wall, "end" if times.inclusive else side
    )
    if columns.symbol is None:
        return [every_row]
    names, code = columns.symbol.dictionary.to_pylist(), columns.symbol.indices.to_numpy()
    order = np.argsort(code, kind="stable")
    borders = np.searchsorted(code[order], np.arange(len(names) + 1))
    parts = []
    for k, name in enumerate(names):
        rows = order[borders[k] : borders[k + 1]]
        values = {role: column[rows] for role, column in columns.values.items()}
        parts.append(replace(every_row, symbol=name.strip(), stamp=times.utc[rows], values=values))
    return parts


def fill_unknown_volume(part: FilePart) -> FilePart:
    """The part; where no volume is above 0 and some are not known (-1, or nothing), with a volume of 0 in all bars."""
    volume = part.values["volume"]
    unknown = np.isnan(volume) | (volume == -1)
    if not unknown.any() or not (unknown | (volume == 0)).all():
        return part
    cell = "-1" if (volume == -1).any() else "no value"
    text = f"the volume is not known ({cell} in {int(unknown.sum())} of {len(volume)} rows) and taken as 0"
    return replace(part, values={**part.values, "volume": np.zeros(len(volume))}, warnings=(*part.warnings, text))


def check_one_symbol(path: Path, time: Int, columns: FileColumns) -> None:
    """Raise DataError where rows of one symbol are of several: bars of one time that differ in most.

    Parameters
    ----------
    path : for messages.
    time : [n] ns UTC.
    columns : n rows; all are of one symbol where no column names it.

    Raises
    ------
    DataError
    """
    if columns.symbol is None and (np.diff(time) > 0).all():
        return
    code = np.zeros(len(time), np.int64) if columns.symbol is None else columns.symbol.indices.to_numpy()
    order = np.lexsort((time, code))
    same = (time[order][1:] == time[order][:-1]) & (code[order][1:] == code[order][:-1])
    if same.sum() < max(FEW, 0.2 * len(time)):
        return
    first, second = order[:-1][same], order[1:][same]
    unlike = _differ(columns.values, first, second)
    if unlike.mean() < SHARE:
        return
    bare = columns.symbol is None
    hint = "one file a symbol, or a column of symbols" if bare else "keep one of the rows of each time and symbol"
    for name, column in (columns.others or {}).items():
        words = np.asarray(column.cast(pa.string()).to_pandas(), dtype=object)
        pairs = {(int(t), int(c), str(word)) for t, c, word in zip(time, code, words, strict=True)}
        if len(pairs) > len(time) - 0.1 * same.sum() and len(set(words.tolist())) < 0.5 * len(time):
            kinds = ", ".join(str(word)[:20] for word in dict.fromkeys(words.tolist()[:1000]))[:60]
            hint = f"keep the rows of one {name[:40]} ({kinds})"
            hint = f"--map {shlex.quote(f'symbol={name}')}" if bare else hint
            break
    raise DataError(
        f"{path} has several bars of one time that contradict each other, and "
        f"{'no symbol column' if bare else 'one symbol'}",
        why=f"{int(unlike.sum())} of {int(same.sum())} bars differ from another of their time: "
        f"{'symbols' if bare else 'markets, or bid and ask,'} are mixed",
        hint=hint,
    )


def _differ(values: Mapping[str, Float], first: Int, second: Int) -> Bool:
    """[n] pairs of rows whose prices differ."""
    unlike = np.zeros(len(first), bool)
    for role in PRICES:
        a, b = values[role][first], values[role][second]
        unlike |= np.abs(a - b) > AGREE * np.abs(a)
    return unlike


def check_agreement(symbol: str, parts: list[FilePart], hint: str) -> None:
    """Raise DataError where two files of one symbol have bars in common, of which nearly all differ.

    Parameters
    ----------
    symbol : for messages.
    parts : its rows, one part a file.
    hint : of the error.

    Raises
    ------
    DataError
    """
    if len(parts) < 2:
        return
    time = np.concatenate([part.stamp for part in parts])
    owner = np.repeat(np.arange(len(parts)), [len(part.stamp) for part in parts])
    values = {role: np.concatenate([part.values[role] for part in parts]) for role in PRICES}
    order = np.lexsort((owner, time))
    same = (time[order][1:] == time[order][:-1]) & (owner[order][1:] != owner[order][:-1])
    first, second = order[:-1][same], order[1:][same]
    unlike = _differ(values, first, second)
    pair = owner[first] * len(parts) + owner[second]
    for code in np.unique(pair):
        a, b = parts[int(code) // len(parts)], parts[int(code) % len(parts)]
        common = int((pair == code).sum())
        bad = int(unlike[pair == code].sum())
        if bad < SHARE * common or common < min(FEW, 0.5 * min(len(a.stamp), len(b.stamp))):
            continue
        raise DataError(
            f"{a.path} and {b.path} contradict each other: {bad} of {common} bars of one time differ, both of {symbol}",
            why="they are bars of two symbols, of two vendors or of two lengths",
            hint=hint,
        )

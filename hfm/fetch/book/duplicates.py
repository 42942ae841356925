"""Rows of a vendor's files that stand there twice, or out of order: each id once, in order of the ids.

Dumps are known with every row doubled, with the same day in two files, and with the two halves of a day interleaved
row by row. Where a row has an id, all three can be undone for certain; where it has none, nothing is undone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from hfm.arrays import Bool, Int
from hfm.errors import DataError
from hfm.fetch.book.dumps import Dump

FILE, LINE = "file number", "line number"
"""Columns that `joined` adds: which file a row is from, and its line there."""


@dataclass(frozen=True)
class RepeatedRows:
    """Of each row [n], whether one before it has its key and its contents, or its key and other contents."""

    alike: Bool
    different: Bool


def concat_files(parts: Sequence[pa.Table]) -> pa.Table:
    """The rows of several files, each with its file (column FILE) and its line (column LINE).

    Parameters
    ----------
    parts : tables of equal columns. Lines are counted as in a file with one header line.

    Returns
    -------
    pa.Table
    """
    placed = [
        part.append_column(FILE, pa.array(np.full(part.num_rows, k)))
        .append_column(LINE, pa.array(np.arange(part.num_rows) + 2))
        for k, part in enumerate(parts)
    ]  # fmt: skip
    return pa.concat_tables(placed).combine_chunks()


def find_repeats(key: Int, data: pa.Table, names: Sequence[str]) -> RepeatedRows:
    """Which rows repeat an earlier one: the same key, and the same values of some columns or others.

    Parameters
    ----------
    key : [n].
    data : n rows.
    names : the columns that are compared.

    Returns
    -------
    RepeatedRows
    """
    order = np.argsort(key, kind="stable")
    same = key[order][1:] == key[order][:-1]
    alike = same.copy()
    if same.any():
        for name in names:
            value = _comparable(data[name])[order]
            alike &= value[1:] == value[:-1]
    found = RepeatedRows(np.zeros(len(key), np.bool_), np.zeros(len(key), np.bool_))
    found.alike[order[1:][alike]] = True
    found.different[order[1:][same & ~alike]] = True
    return found


def _comparable(column: pa.ChunkedArray) -> npt.NDArray[np.generic]:
    """A column as numbers that are equal where its values are."""
    if pa.types.is_string(column.type):
        column = pc.rank(column, tiebreaker="min")
    values: npt.NDArray[np.generic] = column.to_numpy(zero_copy_only=False) if isinstance(column, pa.Array) else (
        column.to_numpy())  # fmt: skip
    return values


def by_id(
    dumps: Sequence[Dump], parts: Sequence[pa.Table], key: str, what: str, strict: bool = True
) -> tuple[pa.Table, tuple[str, ...]]:
    """The rows of files of one kind, each once, in order of their ids; and what was done, for the user.

    Parameters
    ----------
    dumps : the files.
    parts : their rows.
    key : name of the column of ids.
    what : name of the rows in the notes.
    strict : whether rows of one id that differ are refused; else they stay, in the order of the files.

    Returns
    -------
    pa.Table, tuple of str

    Raises
    ------
    DataError
        With the line, for rows of one id that differ.
    """
    data, notes = concat_files(parts), []
    ids = data[key].to_numpy()
    if (ids[1:] > ids[:-1]).all():
        return data, ()
    file = data[FILE].to_numpy()
    mixed = (ids[1:] < ids[:-1]) & (file[1:] == file[:-1])
    found = find_repeats(ids, data, [name for name in data.column_names if name not in (FILE, LINE, key)])
    if strict and found.different.any():
        row = int(np.flatnonzero(found.different)[0])
        raise DataError(
            f"{file_and_line(dumps, data, row)}: a second row of {key} {ids[row]}, with other contents",
            why="one of the two is wrong, and nothing in the files says which",
            hint="remove one of the two rows from its file, or get the day's file again",
        )
    if found.alike.any():
        notes.append(f"{int(found.alike.sum()):,} {what} that stood there twice count once (equal {key})")
        data = data.filter(pa.array(~found.alike))
    if mixed.any():
        notes.append(f"{what} were out of order in the file, and are sorted by {key}")
    order = np.argsort(data[key].to_numpy(), kind="stable")
    return data.take(pa.array(order)), tuple(notes)


def file_and_line(dumps: Sequence[Dump], data: pa.Table, row: int) -> str:
    """File and line of a row, as a person reads them.

    Parameters
    ----------
    dumps : the files that were joined.
    data : rows of `concat_files`.
    row : position in `data`.

    Returns
    -------
    str
    """
    return f"{dumps[data[FILE][row].as_py()].path}: line {data[LINE][row].as_py()}"


def check_time_order(dumps: Sequence[Dump], data: pa.Table, time: Int, key: str) -> None:
    """Raise DataError, with the line, where the time of rows in order of their ids runs back.

    Parameters
    ----------
    dumps : the files that were joined.
    data : n rows of `concat_files`.
    time : [n], of any unit.
    key : name of the column of ids.

    Raises
    ------
    DataError
    """
    back = np.flatnonzero(time[1:] < time[:-1])
    if back.size:
        row = int(back[0]) + 1
        raise DataError(
            f"{file_and_line(dumps, data, row)}: its time lies before that of the {key} before it",
            why="by their ids the rows stand in another order than by their times",
            hint="get the day's file again, or one of another day: neither order is certain",
        )

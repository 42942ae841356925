"""Rows of several models: partitioned on disk, interleaved when they are read.

In a table's order the models of one row stand side by side; on disk each has row groups of its own, so that who wants
one model reads a fraction of the file. A batch is a run of row groups of the same sessions, one a model, by spelling.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from hfm.tables.rows import blocks, column_array, fixed, rank


def count(group: pa.Table, lane: str) -> int:
    """How many values the column `lane` has."""
    return len(np.unique(rank(group.column(lane))))


def split(group: pa.Table, lane: str) -> Iterator[pa.Table]:
    """The rows of each value of `lane`, values by spelling; of a table without rows, the table itself."""
    places = rank(group.column(lane))
    values = np.unique(places)
    if len(values) < 2:
        yield group
        return
    for value in values:
        yield group.take(fixed(np.flatnonzero(places == value)))


def interleave(parts: Sequence[pa.Table], order: Sequence[str]) -> pa.Table:
    """The rows of all parts (one a lane, in the lanes' order) in the table's order, which ends with the lane."""
    if len(parts) == 1:
        return parts[0]
    merged = pa.concat_tables(parts).unify_dictionaries().combine_chunks()
    keys = [[_key(part.column(name)) for name in order[:-1]] for part in parts]
    n = parts[0].num_rows
    if all(part.num_rows == n for part in parts) and all(
        np.array_equal(a, b) for other in keys[1:] for a, b in zip(keys[0], other, strict=True)
    ):
        index = np.arange(len(parts) * n).reshape(len(parts), n).T.ravel()
    else:
        index = np.lexsort([np.concatenate(column) for column in list(zip(*keys, strict=True))[::-1]])
    return merged.take(fixed(index))


def _key(column: pa.ChunkedArray) -> Any:  # Any: an array of the column's dtype; words as str
    found = column_array(column)
    return found.astype(str) if found.dtype == object else found


def batches(metadata: Any, lane: str) -> Iterator[list[tuple[int, str | None]]]:  # Any: pyarrow's FileMetaData
    """Row groups that belong together, each with its value of `lane` (None: of several values, or not known)."""
    held: list[tuple[int, str | None]] = []
    place = metadata.schema.names.index(lane)
    for i in range(metadata.num_row_groups):
        value = _only(metadata.row_group(i).column(place).statistics)
        if held and (value is None or held[-1][1] is None or value <= held[-1][1]):
            yield held
            held = []
        held.append((i, value))
    if held:
        yield held


def _only(statistics: Any) -> str | None:  # Any: pyarrow's Statistics
    """The one value that a row group's statistics leave."""
    if statistics is None or not statistics.has_min_max or statistics.min != statistics.max:
        return None
    return str(statistics.min)


def whole_sessions(metadata: Any, single: bool) -> Iterator[list[int]]:  # Any: pyarrow's FileMetaData
    """Row groups that belong together: they share a session.

    Parameters
    ----------
    metadata : of the file.
    single : a group is of one symbol, and others of its session are no part of it: the rows' numbers have to go on.

    Yields
    ------
    list of int
        Numbers of row groups, in order.
    """
    names = metadata.schema.names
    keys = [names.index(name) for name in ("session", "seq") if name in names]
    held: list[int] = []
    before: tuple[Any, int] | None = None  # Any: a date
    for i in range(metadata.num_row_groups):
        found = [metadata.row_group(i).column(k).statistics for k in keys]
        known = len(found) == 2 and all(s is not None and s.has_min_max for s in found)
        # a group may end with one session's last rows, or begin with them, and hold others whole
        shared = known and before is not None and before[0] == found[0].min
        if held and not (shared and (not single or before == (found[0].max, found[1].min - 1))):
            yield held
            held = []
        held.append(i)
        before = (found[0].max, found[1].max) if known else None
    if held:
        yield held


def follows(border: pa.Table) -> bool:
    """Whether the second row of two is of the first one's symbol, and numbered as the one that follows it."""
    before, after = column_array(border.column("seq")).tolist()
    one, other = border.column("symbol").to_pylist()
    return bool(after == before + 1 and one == other)


def of_lane(group: pa.Table, lane: str, value: str) -> pa.Table:
    """The rows of one value of the lane.

    Parameters
    ----------
    group : rows of several.
    lane : the column.
    value : of it.

    Returns
    -------
    pa.Table
    """
    words = column_array(group.column(lane))
    return group if (words == value).all() else group.filter(fixed(words == value))


def singles(group: pa.Table) -> Iterator[pa.Table]:
    """Each session of each symbol of an ordered table."""
    borders = blocks(group)
    for start, end in itertools.pairwise(borders):
        yield group.slice(start, end - start)

"""One symbol's rows of a group laid out by session and clock slot, and back.

Axes: S sessions, T clock slots of a full session, n rows. A hole is NaN in a matrix.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from hfm.errors import DataError
from hfm.tables import Array, blocks, column_array, fixed

Float = npt.NDArray[np.float64]
Int = npt.NDArray[np.int64]
Bool = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Grid:
    """Where the rows of one symbol stand. rows: their places in the group, or a slice; cell: s * T + slot of
    each."""

    symbol: str
    rows: Int | slice
    cell: Int
    days: Array
    slots: int

    @property
    def full(self) -> bool:
        """Whether no slot of any session misses: then rows and cells are the same order."""
        return len(self.cell) == len(self.days) * self.slots

    def matrix(self, values: Float) -> Float:
        """[S, T] of a group's column (all its rows), NaN in holes."""
        own = values[self.rows]
        if self.full:
            return own.reshape(len(self.days), self.slots)
        out = np.full(len(self.days) * self.slots, np.nan)
        out[self.cell] = own
        return out.reshape(len(self.days), self.slots)

    def line(self, matrix: Float) -> Float:
        """[n] of a matrix [S, T]: this symbol's rows in order."""
        flat = matrix.reshape(-1)
        return flat if self.full else flat[self.cell]

    def present(self) -> Bool:
        """[S, T]: whether the slot has a row."""
        out = np.zeros(len(self.days) * self.slots, bool)
        out[self.cell] = True
        return out.reshape(len(self.days), self.slots)


def grids(group: pa.Table, slots: int) -> Iterator[Grid]:
    """The Grid of each symbol of a group of bars, in order of first appearance. Raises DataError for a slot
    >= T."""
    if group.num_rows == 0:
        return
    seq = column_array(group.column("seq"))
    if int(seq.max()) >= slots or int(seq.min()) < 0:
        raise DataError(
            f"bars have seq {int(seq.max())}, but a session has {slots} slots (0 to {slots - 1})",
            why="slots_per_session in the table's metadata disagrees with its rows",
            hint="fetch the bars again",
        )
    borders = blocks(group)
    starts, lengths = borders[:-1], np.diff(borders)
    days = column_array(group.column("session").take(fixed(starts)))
    symbols = column_array(group.column("symbol").take(fixed(starts)))
    for symbol in dict.fromkeys(symbols):
        mine = np.flatnonzero(symbols == symbol)
        whole = len(mine) == len(symbols)
        rows: Int | slice = slice(0, len(seq)) if whole else _ranges(starts[mine], lengths[mine])
        cell = np.repeat(np.arange(len(mine)) * slots, lengths[mine]) + seq[rows]
        yield Grid(str(symbol), rows, cell, days[mine], slots)


def _ranges(starts: Int, lengths: Int) -> Int:
    """The concatenation of start, start + 1, ... of each length."""
    offsets = np.cumsum(lengths) - lengths
    return np.asarray(np.arange(int(lengths.sum())) + np.repeat(starts - offsets, lengths))

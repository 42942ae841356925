"""One symbol's rows of a group laid out by session and clock slot, and back.

Axes: S sessions, T clock slots of a full session, n rows. A hole is NaN in a matrix.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from hfm.arrays import Bool, Float, Int
from hfm.errors import DataError
from hfm.tables import Array, blocks, column_array, fixed


@dataclass(frozen=True)
class SlotGrid:
    """Where the rows of one symbol stand. rows: their places in the group, or a slice; cell: s * T + slot of
    each.
    """

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
        """A column of the group by session and slot.

        Parameters
        ----------
        values
            [rows of the group].

        Returns
        -------
        Float
            [S, T], NaN in holes.
        """
        return self.laid_out(values[self.rows])

    def laid_out(self, line: Float) -> Float:
        """This symbol's rows by session and slot.

        Parameters
        ----------
        line
            [n] in order.

        Returns
        -------
        Float
            [S, T], NaN in holes; a view of `line` where there are none.
        """
        if self.full:
            return line.reshape(len(self.days), self.slots)
        out = np.full(len(self.days) * self.slots, np.nan)
        out[self.cell] = line
        return out.reshape(len(self.days), self.slots)

    def line(self, matrix: Float) -> Float:
        """This symbol's rows in order.

        Parameters
        ----------
        matrix
            [S, T].

        Returns
        -------
        Float
            [n]; a view of the matrix where it has no holes.
        """
        flat = matrix.reshape(-1)
        return flat if self.full else flat[self.cell]

    def present(self) -> Bool:
        """[S, T]: whether the slot has a row."""
        out = np.zeros(len(self.days) * self.slots, bool)
        out[self.cell] = True
        return out.reshape(len(self.days), self.slots)


def slot_grids(group: pa.Table, slots: int) -> Iterator[SlotGrid]:
    """The grid of each symbol of a group of bars, in order of first appearance.

    Parameters
    ----------
    group
        Rows of fetch/bars.parquet: whole sessions.
    slots
        T of a full session.

    Yields
    ------
    SlotGrid
        One a symbol.

    Raises
    ------
    DataError
        For a slot below 0 or beyond T.
    """
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
        blocks_of = np.flatnonzero(symbols == symbol)
        alone = len(blocks_of) == len(symbols)
        rows: Int | slice = slice(0, len(seq)) if alone else _ranges(starts[blocks_of], lengths[blocks_of])
        cell = np.repeat(np.arange(len(blocks_of)) * slots, lengths[blocks_of]) + seq[rows]
        yield SlotGrid(str(symbol), rows, cell, days[blocks_of], slots)


def _ranges(starts: Int, lengths: Int) -> Int:
    """The concatenation of start, start + 1, ... of each length."""
    offsets = np.cumsum(lengths) - lengths
    return np.asarray(np.arange(int(lengths.sum())) + np.repeat(starts - offsets, lengths))

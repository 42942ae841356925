"""Bars of one symbol on the slots of their sessions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from hfm.arrays import Bool, Float, Int
from hfm.raw_data import RawBars


@dataclass(frozen=True)
class GridBars:
    """Bars of one symbol in order of time, one a slot. Arrays [n].

    Attributes
    ----------
    index : position of each bar's session in the Sessions that they were put on.
    seq : slot in the session, from 0.
    time : ns UTC, the END of each bar.
    open, high, low, close : currency, positive, no NaN.
    volume : shares, at least 0, no NaN.
    """

    index: Int
    seq: Int
    time: Int
    open: Float
    high: Float
    low: Float
    close: Float
    volume: Float

    def __len__(self) -> int:
        """Number of bars."""
        return len(self.time)

    @staticmethod
    def of(raw: RawBars, index: Int, seq: Int) -> GridBars:
        """Raw bars on the grid.

        Parameters
        ----------
        raw : n bars, one a slot, in order of time, positive prices, no NaN.
        index : [n] position of each bar's session.
        seq : [n] slot in it, from 0.

        Returns
        -------
        GridBars
        """
        return GridBars(index, seq, raw.time, raw.open, raw.high, raw.low, raw.close, raw.volume)

    def take(self, keep: Bool | Int) -> GridBars:
        """Some of the bars.

        Parameters
        ----------
        keep : bool [n], or positions [m] in the order wanted.

        Returns
        -------
        GridBars
        """
        if keep.dtype == bool and keep.all():
            return self
        return GridBars(*(getattr(self, name)[keep] for name in FIELDS))

    @staticmethod
    def concat(parts: Sequence[GridBars]) -> GridBars:
        """The bars of all parts, one part at least, one after the other."""
        return GridBars(*(np.concatenate([getattr(part, name) for part in parts]) for name in FIELDS))

    @property
    def session_start(self) -> Bool:
        """[n] whether a bar is the first of its session here."""
        return first_of_group(self.index)


FIELDS = ("index", "seq", "time", "open", "high", "low", "close", "volume")
"""Fields of GridBars, in order."""


def first_of_group(group: Int) -> Bool:
    """Whether each row is the first of its group.

    Parameters
    ----------
    group : [n] number of each row's group, groups one after the other.

    Returns
    -------
    bool [n]
    """
    out: Bool = np.append(True, group[1:] != group[:-1])[: len(group)]
    return out

"""What earlier sessions say of a symbol's volume and volatility: the impact of a fill is scaled by them.

Nothing of a session is used inside it. The back-test takes whole sessions, live adds row by row, both in the rows'
order, and end a session with `add`: so the figures are the same to the bit.
"""

from __future__ import annotations

import math
from collections import deque

import numpy as np

from hfm.arrays import Float

SESSIONS = 20
"""Length of the memory."""
SIZE = 2 * SESSIONS + 1
"""Of a saved trail."""


class Trail:
    """One symbol's memory of its earlier sessions."""

    def __init__(self) -> None:
        self.volumes, self.squares = deque[float](maxlen=SESSIONS), deque[float](maxlen=SESSIONS)
        self.close = float("nan")

    def figures(self) -> tuple[float, float]:
        """(daily volatility, 0.01 is 1 %; average daily volume in shares) of the sessions ended; 0: not known."""
        sigma = math.sqrt(sum(self.squares) / len(self.squares)) if self.squares else 0.0
        return sigma, sum(self.volumes) / len(self.volumes) if self.volumes else 0.0

    def add(self, volume: float, close: float, split: float) -> None:
        """End a session.

        Parameters
        ----------
        volume
            Traded in it, units.
        close
            Its last valid mid, currency; NaN: none.
        split
            Units that one unit of the session before has become.
        """
        self.volumes.append(volume)
        if close == close:
            if self.close == self.close:
                self.squares.append(float(np.log(close * split / self.close)) ** 2)
            self.close = close

    def save(self) -> Float:
        """[SIZE] volumes, squares and close; NaN where there is none."""
        out = np.full(SIZE, np.nan)
        out[: len(self.volumes)] = self.volumes
        out[SESSIONS : SESSIONS + len(self.squares)] = self.squares
        out[-1] = self.close
        return out

    def load(self, saved: Float) -> None:
        """Become what was saved.

        Parameters
        ----------
        saved
            [SIZE] of `save`.
        """
        parts = (saved[:SESSIONS], saved[SESSIONS:-1])
        volumes, squares = ([float(v) for v in part if v == v] for part in parts)
        self.volumes, self.squares = deque(volumes, SESSIONS), deque(squares, SESSIONS)
        self.close = float(saved[-1])


def counted(volume: Float) -> Float:
    """Volumes as a session adds them up, one row after the other.

    Parameters
    ----------
    volume
        [n] units.

    Returns
    -------
    Float
        [n]; 0 for what is not a finite positive number.
    """
    return np.maximum(np.nan_to_num(volume, nan=0.0, posinf=0.0, neginf=0.0), 0.0)

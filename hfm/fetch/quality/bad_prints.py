"""Closes that leave and come back within a bar: bad prints, or moves that were real.

That a price left and returned is one witness. A second one decides (`verdict`): the volume of the bar and the next,
where the next bar opened, and what other symbols did at the same time. What none of them speaks against is kept.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from hfm.arrays import Float, Int

NEAR = 6
"""Bars on either side that a bar is compared with."""
BUSY = 1.5
"""Times the median volume of the bars near it that a move back and forth is traded at, on average over its two bars."""
MOVED = 4.0
"""MAD-sigmas of another symbol's move that counts as a move at the same time."""
PAST = 400
"""Bars whose median move gives the sigma of the next as many."""
TOGETHER = 0.2
"""Share of the other symbols that must have moved."""
SHARE = 0.25
"""Of the jump: how near the next open must be to the one side or the other."""
JOINED = 0.5
"""Share of bars that open at the close before, above which an open says nothing."""
ABSURD = np.log(1.5)
"""A jump that no volume makes true: exchanges bust such trades."""


@dataclass(frozen=True)
class Peers:
    """When the other symbols moved. time: sorted, ns UTC; moved: how many at each; count: how many there are."""

    time: Int
    moved: Int
    count: int


class Closes(NamedTuple):
    """Bars of one symbol in order, [n]. time: ns UTC."""

    time: Int
    open: Float
    close: Float
    volume: Float


NOBODY = Peers(np.empty(0, np.int64), np.empty(0, np.int64), 0)


def move_times(time: Int, close: Float) -> Int:
    """Sorted times at which a symbol's close moved by more than MOVED MAD-sigmas, or came back from that.

    The sigma is that of the PAST bars and more before a bar, block by block; of the first block its own.
    """
    order = np.argsort(time, kind="stable")
    with np.errstate(divide="ignore", invalid="ignore"):
        change = np.abs(np.diff(np.log(close[order])))
    change[~np.isfinite(change)] = np.nan
    moved = np.zeros(len(change), bool)
    for first in range(0, len(change), PAST):
        before = change[max(first - PAST, 0) : first or PAST]
        known = before[~np.isnan(before)]
        if known.size:
            moved[first : first + PAST] = change[first : first + PAST] > MOVED * 1.4826 * float(np.median(known))
    return np.unique(time[order][1:][moved])


def peers(moves: Mapping[str, Int]) -> dict[str, Peers]:
    """Of each symbol, when the others moved. moves: of each, its sorted times from `move_times`."""
    time, count = np.unique(np.concatenate(list(moves.values()) or [np.empty(0, np.int64)]), return_counts=True)
    return {
        symbol: Peers(time, count - np.isin(time, own, assume_unique=True), len(moves) - 1)
        for symbol, own in moves.items()
    }


def verdict(bars: Closes, row: int, others: Peers) -> bool:
    """Whether the close of a row, from which the next one came back, is a bad print.

    True where a witness speaks against the move and none for it.
    """
    close = bars.close
    votes = [_volume(bars, row), _next_open(bars, row), together(int(bars.time[row]), int(bars.time[row + 1]), others)]
    if abs(np.log(close[row] / close[row - 1])) > ABSURD:
        votes[0] = -1
    return min(votes) < 0 and max(votes) <= 0


def _volume(bars: Closes, row: int) -> int:
    """1 where the two bars of the move traded more than those near them, -1 where not, 0 where volume is not known."""
    volume = bars.volume
    near = np.concatenate((volume[max(row - NEAR, 0) : row], volume[row + 2 : row + 2 + NEAR]))
    usual = float(np.median(near)) if near.size else 0.0
    if usual <= 0:
        return 0
    return 1 if volume[row : row + 2].mean() >= BUSY * usual else -1


def _next_open(bars: Closes, row: int) -> int:
    """1 where the next bar opened where the jump had led, -1 where it opened back where it began; 0 between, and where
    opens are the closes before them by the vendor's habit."""
    open_, close = bars.open, bars.close
    if np.mean(open_[1 : row + 2] == close[: row + 1]) > JOINED:
        return 0
    back = float(np.log(open_[row + 1] / close[row]) / np.log(close[row - 1] / close[row]))
    return -1 if abs(back - 1) < SHARE else 1 if abs(back) < SHARE else 0


def together(first: int, last: int, others: Peers) -> int:
    """1 where other symbols moved in bars that end between two times (ns UTC), -1 where they stood still, 0 where there
    are none."""
    if not others.count:
        return 0
    inside = (others.time >= first) & (others.time <= last)
    most = int(others.moved[inside].max(initial=0))
    return 1 if most >= max(1.0, TOGETHER * others.count) else -1

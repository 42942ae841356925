"""Where the stamps of each session begin and end, against the hours of the calendar."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hfm.arrays import Bool, Int
from hfm.fetch.sessions import Sessions
from hfm.instants import DAY_NS, SECOND_NS

QUARTER = 900 * SECOND_NS
HOUR = 3600 * SECOND_NS
LONG = 20 * HOUR
"""Sessions of this length and more have no night to be told against."""
NEAR = 300 * SECOND_NS
"""How far a session's first and last stamps may differ in how early they are: a bar that is missing at one of them."""


@dataclass(frozen=True)
class SessionEdges:
    """Where the stamps of each session begin and end. off: ns, sessions alike early or late; right: within a quarter.

    wide: with hours around. exact: off by half hours, at both edges alike. has: sessions with a stamp. All [N].
    """

    has: Bool
    off: Int
    right: Bool
    wide: Bool
    exact: Bool

    @property
    def moved(self) -> Bool:
        """[N] sessions that lie elsewhere as a whole."""
        out: Bool = self.off != 0
        return out


def session_edges(stamps: Int, sessions: Sessions, sides: tuple[str, ...]) -> SessionEdges:
    """Where the stamps of each session begin and end, under the labels that make them fit best.

    Parameters
    ----------
    stamps : [n] ns UTC, in order.
    sessions : N of them.
    sides : labels that the stamps may have: start, end or both.

    Returns
    -------
    SessionEdges
    """
    zero = np.zeros(len(sessions), np.int64)
    if not len(sessions) or (sessions.close - sessions.open).max() >= LONG or not len(stamps):
        return SessionEdges(zero > 0, zero, zero > 0, zero > 0, zero > 0)
    # 1. the first and last stamp of the day around each session, and how far they are from open and close
    low, high = (np.searchsorted(stamps, border) for border in day_windows(sessions))
    has = high > low
    first, last = stamps[np.minimum(low, len(stamps) - 1)], stamps[np.maximum(high - 1, 0)]
    final = sessions.open + (sessions.slots - 1) * sessions.interval
    off, exact = zero, zero > 0
    early = {"start": first - sessions.open, "end": first - sessions.open - sessions.interval}
    late = {"start": last - final, "end": last - sessions.close}
    # 2. off: both edges alike, on a quarter of an hour; of the labels that fit, the one with the smallest shift
    for one, other in (*((side, side) for side in sides), ("start", "end")):  # the last: open and close both stamped
        begin, end = early[one], late[other]
        alike = (np.abs(begin - end) <= NEAR) & ((begin % QUARTER == 0) | (end % QUARTER == 0))
        moved = has & alike & (np.minimum(np.abs(begin), np.abs(end)) >= QUARTER)
        off = np.where(moved & ((off == 0) | (np.abs(begin) < np.abs(off))), begin, off)
        exact |= moved & (begin == end) & (begin % (2 * QUARTER) == 0)
    # 3. a session that is right under some label is not off
    opens, closes = ({side: np.abs(x) < QUARTER for side, x in edge.items()} for edge in (early, late))
    right = has & (opens["start"] | opens["end"]) & (closes["start"] | closes["end"])
    border = (opens["start"] | closes["end"]) & (len(sides) > 1)  # a label that is not told may be either
    off = np.where(right | border, 0, off)
    wide = has & (last - first > sessions.close - sessions.open + HOUR)
    return SessionEdges(has, off, right, wide, exact)


def day_windows(sessions: Sessions) -> tuple[Int, Int]:
    """(begin, end) of the day around each session: half the night before it and after it, half a day at most."""
    night = np.maximum(DAY_NS - (sessions.close - sessions.open), 0)
    before = np.minimum(night, np.append(night[:1], sessions.open[1:] - sessions.close[:-1])) // 2
    return sessions.open - before, sessions.close + np.append(before[1:], night[-1] // 2)

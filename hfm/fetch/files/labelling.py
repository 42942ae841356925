"""At which end of its bar each stamp of a file stands, where the stamps, the bars or the column's name make it certain.

With start labels a session has a stamp at its open and none at its close; with end labels the other way round. What
lies before the open or after the close takes that evidence away.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

import numpy as np

from hfm.arrays import Bool, Float, Int
from hfm.errors import DataError
from hfm.fetch.sessions import Sessions
from hfm.instants import DAY_NS

Side = Literal["start", "end"]
STEP, EARLY = 3.0, 12
"""Factor between the volumes of bars that tells the market's open; bars before the open that it is told against."""
PRINT, FEW, CHANCE = 0.9, 3, 1e-3
"""Share of sessions whose first (or last) stamp is a bar of one price, how many sessions tell it, and how likely they
may be so by chance."""
STARTS = (
    "opentime",
    "opentimestamp",
    "starttime",
    "start",
    "windowstart",
    "barstart",
    "begin",
    "begintime",
    "timeopen",
    "intervalstart",
)
ENDS = ("closetime", "endtime", "end", "windowend", "barend", "timeclose")


def side_of_name(column: str) -> Side | None:
    """The side that a column's name says: open_time, close_time; None for timestamp."""
    plain = re.sub(r"[^a-z0-9]", "", column.lower())
    return "start" if plain in STARTS else "end" if plain in ENDS else None


def label(stamps: Int, volume: Float, sessions: Sessions, flat: Bool | None = None) -> Side:
    """Whether the stamps of a symbol stand at the start or the end of their bars.

    Stamps at the opens and closes (and the borders of a lunch break) tell. Where both are stamped, bars of one price at
    one border alone are the opening or closing print, which is no bar. With hours before the open the volume tells on
    which side of the stamp `open` the market opened.

    Parameters
    ----------
    stamps : [n] ns UTC, in any order.
    volume : [n] shares; NaN is left out.
    sessions : those around the stamps.
    flat : [n] whether a bar has one price; None: not known.

    Returns
    -------
    start or end

    Raises
    ------
    DataError
        Where neither reading is certain.
    """
    order = np.argsort(stamps, kind="stable")
    stamps, volume = stamps[order], volume[order]
    flat = None if flat is None else flat[order]
    # 1. opens and closes agree
    opening, closing = _borders(stamps, sessions)
    left = opening.says(2)
    if left and left == closing.says(2):
        return left
    # 2. one border alone: the other has prints and no bars, or says nothing
    alone = _one_border(opening, closing, _prints(stamps, sessions, flat))
    if alone:
        return alone
    # 3. hours before the open: where the volume jumps
    by_volume = volume_side(stamps, volume, sessions)
    if by_volume:
        return by_volume
    opens, closes = (int(_locate(t, stamps)[1].sum()) for t in (sessions.open, sessions.close))
    raise DataError(
        f"the times fit bars labelled at their start and at their end: of {len(sessions)} sessions {opens} have one "
        f"at the open and {closes} at the close",
        why="a bar 09:30-09:35 is stamped 09:30 by some vendors and 09:35 by others",
        hint="--label start, or --label end",
    )


@dataclass
class BorderVotes:
    """Sessions by what the stamps at their open (or their close) look like. The borders of a lunch break count too.

    hidden: stamps lie beyond the border, or the next session begins there, so that it says nothing.
    """

    start: int = 0
    end: int = 0
    hidden: int = 0

    @property
    def known(self) -> int:
        """Sessions that say something."""
        return self.start + self.end

    def says(self, ratio: int) -> Side | None:
        """The side that more than `ratio` times as many sessions look like as look like the other."""
        return "start" if self.start > ratio * self.end else "end" if self.end > ratio * self.start else None

    def count(self, valid: Bool, beyond: Bool, start: Bool, end: Bool) -> None:
        """Add sessions, each array [N].

        Parameters
        ----------
        valid : sessions that have this border.
        beyond : sessions with stamps beyond it.
        start, end : sessions that look labelled so.
        """
        self.hidden += int((valid & beyond).sum())
        self.start += int((valid & ~beyond & start).sum())
        self.end += int((valid & ~beyond & end).sum())


def _borders(stamps: Int, sessions: Sessions) -> tuple[BorderVotes, BorderVotes]:
    """What the opens and the closes say: with start labels a stamp at the open and none at the close."""
    step, near = sessions.interval, EARLY * sessions.interval
    touching = sessions.open[1:] <= sessions.close[:-1]
    every, endless = np.ones(len(sessions), bool), sessions.close - sessions.open >= DAY_NS
    broken = (sessions.resume < sessions.close) & ((sessions.pause - sessions.open) % step == 0)
    opening, closing = BorderVotes(), BorderVotes()
    # opens, and ends of breaks: a stamp there is a start label, none there but one a bar later an end label
    for at, since, valid, touches in (
        (sessions.open, sessions.open - near, every, endless | np.append(False, touching)),
        (sessions.resume, np.maximum(sessions.pause + 1, sessions.resume - near), broken, ~every),
    ):
        present, following = _locate(at, stamps)[1], _locate(at + step, stamps)[1]
        opening.count(valid, touches | _any_between(stamps, since, at), present, ~present & following)
    # closes, and beginnings of breaks: a stamp there is an end label, none there but one a bar earlier a start label
    final = sessions.open + (sessions.slots - 1) * step
    for at, before, until, valid, touches in (
        (sessions.close, final, sessions.close + near, every, endless | np.append(touching, False)),
        (sessions.pause, sessions.pause - step, np.minimum(sessions.resume, sessions.pause + near), broken, ~every),
    ):
        present, previous = _locate(at, stamps)[1], _locate(before, stamps)[1]
        closing.count(valid, touches | _any_between(stamps, at + 1, until), ~present & previous, present)
    return opening, closing


def _one_border(opening: BorderVotes, closing: BorderVotes, prints: list[Side]) -> Side | None:
    """The label that one border tells where the other is stamped by prints (see `_prints`) or says nothing."""
    # both borders are stamped, one of them by prints: the other is that of bars
    if prints == ["end"] and closing.says(2) == "end":
        return "end"
    if prints == ["start"] and opening.says(2) == "start":
        return "start"
    # the other border is not known in any session: this one needs ten votes to one
    alone = None
    if not closing.known and (opening.says(10) == "start" or closing.hidden) and prints != ["end"]:
        alone = opening.says(10)
    if not opening.known and (closing.says(10) == "end" or opening.hidden) and prints != ["start"]:
        alone = closing.says(10)
    return alone


def _prints(stamps: Int, sessions: Sessions, flat: Bool | None) -> list[Side]:
    """The labels that one-price bars speak for: at the opens `end` (opening prints), at the closes `start`."""
    if flat is None:
        return []
    out: list[Side] = []
    beside = np.ones(len(stamps), bool)
    for border in (sessions.open, sessions.close):
        beside[_locate(border, stamps)[0]] = False
    # one-price bars elsewhere tell how likely so many are at the borders by chance
    chance = float(flat[beside].mean()) if beside.any() else 1.0
    sides: tuple[tuple[Int, Side], ...] = ((sessions.open, "end"), (sessions.close, "start"))
    for border, side in sides:
        place, present = _locate(border, stamps)
        count = int(present.sum())
        if count >= FEW and chance**count < CHANCE and flat[place][present].mean() >= PRINT:
            out.append(side)
    return out


def volume_side(stamps: Int, volume: Float, sessions: Sessions) -> Side | None:
    """The label by which the market opened, by the volume around the opens of sessions that have hours before them.

    Parameters
    ----------
    stamps : [n] ns UTC, in order.
    volume : [n] shares; NaN is left out.
    sessions : those around the stamps.

    Returns
    -------
    start, end or None
        None where too few sessions have such hours, or the volume does not tell.
    """
    # sessions with at least half of the EARLY bars before the open
    since = np.searchsorted(stamps, sessions.open - EARLY * sessions.interval)
    hours = 2 * (np.searchsorted(stamps, sessions.open) - since) >= EARLY
    if (sessions.close - sessions.open >= DAY_NS).any() or hours.sum() < min(3, len(sessions)):
        return None
    sessions = sessions.pick(hours)
    before = _typical(stamps, volume, sessions, range(-EARLY, 0))
    last, at, after = (_typical(stamps, volume, sessions, range(k, k + 1)) for k in (-1, 0, 1))
    # the opening bar's volume is the jump: stamped at the open by start labels, one bar later by end labels
    if at > STEP * max(before, last) and after <= STEP / 2 * at:
        return "start"
    if after > STEP * max(before, at) and at <= STEP * max(before, 1.0):
        return "end"
    return None


def _typical(stamps: Int, volume: Float, sessions: Sessions, slots: range) -> float:
    """Median volume of the bars stamped `slots` intervals from the open; 0 where there are none."""
    place, present = _locate((sessions.open[:, None] + np.array(slots) * sessions.interval).ravel(), stamps)
    found = volume[place][present]
    found = found[~np.isnan(found)]
    return float(np.median(found)) if found.size else 0.0


def _any_between(stamps: Int, since: Int, until: Int) -> Bool:
    """Whether some of the ordered `stamps` lie in [since, until)."""
    out: Bool = np.searchsorted(stamps, until) > np.searchsorted(stamps, since)
    return out


def _locate(times: Int, stamps: Int) -> tuple[Int, Bool]:
    """Where each time stands in the ordered `stamps`, and whether it does (np.isin is ten times slower)."""
    place = np.minimum(np.searchsorted(stamps, times), len(stamps) - 1)
    return place, stamps[place] == times

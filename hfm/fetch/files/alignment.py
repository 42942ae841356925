"""Whether a file's stamps lie on the sessions of the calendar: the grid, and whole sessions that are hours off.

A session whose first and last stamps are both the same quarter hours early or late is no session with holes: its clock
is another zone's. Which one is found by trial.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hfm.arrays import Bool, Float, Int
from hfm.errors import DataError
from hfm.fetch import calendar_fit
from hfm.fetch.files import time_zones, zone_trial
from hfm.fetch.files.session_edges import HOUR, SessionEdges, day_windows, session_edges
from hfm.fetch.sessions import Sessions, span
from hfm.instants import DAY_NS, SECOND_NS

SAMPLE = 2_000
"""Stamps of a file that tell whether it is on the grid."""
SHARE, MANY = 0.5, 0.1
"""Share of times outside the sessions, or of sessions with hours around, that makes the zone doubtful; share of
sessions that are off above which a file is refused."""


@dataclass(frozen=True)
class ShiftedSessions:
    """Sessions whose stamps lie hours off: what to say, and the spans [low, high) of ns UTC whose rows they are."""

    warning: str
    low: Int
    high: Int

    def without(self, stamps: Int) -> Bool:
        """Whether each stamp lies in none of these sessions.

        Parameters
        ----------
        stamps : [n] ns UTC, in any order.

        Returns
        -------
        bool [n]
        """
        place = np.searchsorted(self.low, stamps, "right") - 1
        out: Bool = (place < 0) | (stamps >= self.high[np.maximum(place, 0)])
        return out


def check_grid(stamps: Int, sessions: Sessions, name: str) -> None:
    """Raise DataError where most stamps inside the sessions are off the grid that begins at each open.

    Of many stamps a part is looked at, and all only where that part is off.

    Parameters
    ----------
    stamps : [n] ns UTC, in order.
    sessions : those around the stamps.
    name : for messages.

    Raises
    ------
    DataError
    """
    step = len(stamps) // SAMPLE
    # a quarter off in the sample leaves no doubt that less than half are off in the whole
    if step > 1 and _inside(stamps[::step], sessions)[1].mean() <= 0.25:
        return
    inside, off, rest = _inside(stamps, sessions)
    if not off.any() or off[inside].mean() <= 0.5:
        return
    row = int(np.flatnonzero(off)[0])
    opened = _clock(sessions.open[max(int(np.searchsorted(sessions.open, stamps[row], "right")) - 1, 0)], sessions.tz)
    raise DataError(
        f"{name}: {int(off.sum())} of {int(inside.sum())} times inside the sessions are off the grid of {opened} + "
        f"{_length(sessions.interval)} (the first is {_clock(stamps[row], sessions.tz)} {sessions.tz})",
        why=_why_off(stamps[off], sessions.interval, int(rest[row])),
        hint="--set fetch.calendar=24/7"
        if _round_the_clock(stamps) and sessions.calendar != "24/7"
        else "no option mends this: export bars that begin at the open (or shorter ones, that fit it)",
    )


def _round_the_clock(stamps: Int) -> bool:
    """Whether the stamps lie in weekends as often as coins are traded then: from Saturday to Sunday 20:00 UTC."""
    hour = (stamps // (3600 * SECOND_NS) + 72) % 168  # from Monday 00:00 UTC on
    return bool(((hour >= 120) & (hour < 164)).mean() > 0.1)


def _inside(stamps: Int, sessions: Sessions) -> tuple[Bool, Bool, Int]:
    """(stamps inside the sessions, those off the grid of their session, ns from the slot before)."""
    index = np.maximum(np.searchsorted(sessions.open, stamps, "right") - 1, 0)
    inside = (stamps >= sessions.open[index]) & (stamps < sessions.close[index])
    inside &= (stamps <= sessions.pause[index]) | (stamps >= sessions.resume[index])
    rest = (stamps - sessions.open[index]) % sessions.interval
    return inside, inside & (rest != 0) & (stamps != sessions.pause[index]), rest


def _why_off(stamps: Int, interval: int, rest: int) -> str:
    if (stamps % interval == 0).mean() > 0.9:
        return f"bars by the clock's {_length(interval)} do not fit a session that opens between two of them"
    return f"they stand {rest / SECOND_NS:g} s after it: neither the start nor the end of a bar"


def check_alignment(
    name: str, stamps: Int, volume: Float, calendar: str, interval_s: int, sides: tuple[str, ...], wall: str | None
) -> ShiftedSessions | None:
    """The single sessions that lie hours off.

    Parameters
    ----------
    name : the symbol, for messages.
    stamps : [n] ns UTC, in order, one at least.
    volume : [n] shares.
    calendar, interval_s : whose sessions they should be, and the bar length in seconds.
    sides : labels that the stamps may have: start, end or both.
    wall : the zone of --tz in which the stamps were taken; None where the times say their own.

    Returns
    -------
    ShiftedSessions or None
        None: no session is off.

    Raises
    ------
    DataError
        Where the file's zone (or calendar) is not theirs.
    """
    # 1. where each session's stamps begin and end, against the calendar's hours
    around = span(calendar, interval_s, int(stamps[0]) - DAY_NS, int(stamps[-1]) + DAY_NS)
    edges = session_edges(stamps, around, sides)
    count, total = int(edges.moved.sum()), int(edges.has.sum())
    _check_opens(stamps, around, total, name)
    # 2. sessions are off, or few times lie in any: the zone under which the clocks fit
    few = not edges.right.any() and _inside(stamps, around)[0].mean() < SHARE
    clock = stamps if wall is None else stamps + time_zones.offset_at(stamps, wall)
    late, tried = 0, wall is not None and (count or few)
    zone = zone_trial.find_zone(clock, around, sides, count or total) if tried else None
    # 3. no session shows it: with hours around most of them, the volume tells how late the market opens
    if not count and zone in (None, wall):
        late = zone_trial.volume_shift(stamps, volume, around) if edges.wide.sum() > SHARE * total else 0
        if not late:
            _other_calendar(stamps, around, edges, sides)
            return None
        zone = zone_trial.find_zone_by_volume(clock, volume, around) if wall is not None else None
    # 4. another zone fits, or too many sessions are off: refused; else the few that are off are left out
    what = _misfit(late, edges, around)
    many = late != 0 or count > max(MANY * total, 1) or (total == 1 and bool(edges.exact[edges.moved].all()))
    _check_zone(what, zone, wall, many)
    if total == 1:  # a day so far, with hours before it
        return None
    low, high = day_windows(around)
    warning = f"{what}: is their clock another zone's? Their bars are left out"
    return ShiftedSessions(warning, low[edges.moved], high[edges.moved])


def _check_opens(stamps: Int, around: Sessions, total: int, name: str) -> None:
    """`check_grid` where most of `total` sessions have a stamp at their open: the clock is no other zone's then."""
    place = np.minimum(np.searchsorted(stamps, around.open), len(stamps) - 1)
    if (stamps[place] == around.open).sum() > SHARE * total:
        check_grid(stamps, around, name)


def _check_zone(what: str, zone: str | None, wall: str | None, many: bool) -> None:
    """Raise DataError where another zone than `wall` fits, or where `many` sessions are off and none fits."""
    if zone is not None and zone != wall:
        raise DataError(what, why=f"taken as {zone} they fit; they were taken as {wall}", hint=f"--tz {zone}")
    if many:
        raise DataError(
            what,
            why="the times were taken as they say themselves" if wall is None else "no zone that was tried fits",
            hint="no option mends this: export the times again with their true zone, or check --set fetch.calendar",
        )


def _misfit(late: int, edges: SessionEdges, around: Sessions) -> str:
    """How the stamps miss the sessions. late: ns by which the volume rises after the opens; 0: that is not known."""
    if late:
        return f"by their volume the market opens {late / HOUR:+g} h off the opens of {around.calendar}"
    if edges.moved.any():
        return (
            f"the first and last times of {int(edges.moved.sum())} of {int(edges.has.sum())} sessions lie "
            f"{_hours(edges.off[edges.moved] / HOUR)} off the hours of {around.calendar} (the first "
            f"{around.day[edges.moved][0]})"
        )
    return f"most times lie outside the hours of {around.calendar}"


def _other_calendar(stamps: Int, around: Sessions, edges: SessionEdges, sides: tuple[str, ...]) -> None:
    """Raise DataError where most stamps lie outside the sessions, and another calendar's are those that they fill."""
    inside = float(_inside(stamps, around)[0].mean())
    if edges.right.any() or inside >= (MANY if edges.wide.any() else SHARE):
        return
    for ends in ([stamps + around.interval] * ("start" in sides)) + [stamps] * ("end" in sides):
        other = calendar_fit.other_calendar(ends, around)
        if other:
            raise DataError(
                f"most times lie outside the hours of {around.calendar}",
                why=f"they fill the sessions of {other}",
                hint=f"--set fetch.calendar={other}",
            )


def _hours(off: np.ndarray) -> str:  # float64 [n] hours
    low, high = off.min(), off.max()
    return f"{low:+g} h" if low == high else f"{low:+g} to {high:+g} h"


def _clock(time: np.int64, tz: str) -> str:
    local = int(time) + int(time_zones.offset_at(np.array([time], np.int64), tz)[0])
    return str(np.datetime64(local, "ns").astype("datetime64[s]"))[11:16]


def _length(interval: int) -> str:
    minutes = interval // (60 * SECOND_NS)
    return f"{minutes // 60}h" if minutes % 60 == 0 else f"{minutes}m"

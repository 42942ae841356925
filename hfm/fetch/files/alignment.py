"""Whether a file's stamps lie on the sessions of the calendar: the grid, and whole sessions that are hours off.

A session whose first and last stamps are both the same quarter hours early or late is no session with holes: its clock
is another zone's. Which one is found by trial.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from hfm.arrays import Bool, Float, Int
from hfm.errors import DataError
from hfm.fetch import calendar_fit
from hfm.fetch.files import labelling, time_zones
from hfm.fetch.sessions import Sessions, span
from hfm.instants import DAY_NS, SECOND_NS

QUARTER = 900 * SECOND_NS
HOUR = 3600 * SECOND_NS
LONG = 20 * HOUR
"""Sessions of this length and more have no night to be told against."""
SAMPLE = 2_000
"""Stamps of a file that tell whether it is on the grid."""
NEAR = 300 * SECOND_NS
"""How far a session's first and last stamps may differ in how early they are: a bar that is missing at one of them."""
SHARE, MANY, FITS = 0.5, 0.1, 0.8
"""Share of times outside the sessions, or of sessions with hours around, that makes the zone doubtful; share of
sessions that are off above which a file is refused; share that lie right under a zone that is named."""
ZONES = (
    "America/New_York",
    "UTC",
    "America/Chicago",
    "Europe/London",
    "Europe/Paris",
    "Europe/Athens",
    "Asia/Tokyo",
    "Asia/Hong_Kong",
    "Asia/Kolkata",
    "Australia/Sydney",
    "America/Los_Angeles",
    "America/Denver",
    *(f"Etc/GMT{-hours:+d}" for hours in range(-12, 15) if hours),
)
"""Zones that are tried, after the exchange's own, in this order."""


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


@dataclass(frozen=True)
class ShiftedSessions:
    """Sessions whose stamps lie hours off: what to say, and the spans [low, high) of ns UTC whose rows they are."""

    warning: str
    low: Int
    high: Int

    def without(self, stamps: Int) -> Bool:
        """[n] whether each stamp (ns UTC) lies in none of these sessions."""
        place = np.searchsorted(self.low, stamps, "right") - 1
        out: Bool = (place < 0) | (stamps >= self.high[np.maximum(place, 0)])
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
    low, high = (np.searchsorted(stamps, border) for border in _windows(sessions))
    has = high > low
    first, last = stamps[np.minimum(low, len(stamps) - 1)], stamps[np.maximum(high - 1, 0)]
    final = sessions.open + (sessions.slots - 1) * sessions.interval
    off, exact = zero, zero > 0
    early = {"start": first - sessions.open, "end": first - sessions.open - sessions.interval}
    late = {"start": last - final, "end": last - sessions.close}
    for one, other in (*((side, side) for side in sides), ("start", "end")):  # the last: open and close both stamped
        begin, end = early[one], late[other]
        alike = (np.abs(begin - end) <= NEAR) & ((begin % QUARTER == 0) | (end % QUARTER == 0))
        moved = has & alike & (np.minimum(np.abs(begin), np.abs(end)) >= QUARTER)
        off = np.where(moved & ((off == 0) | (np.abs(begin) < np.abs(off))), begin, off)
        exact |= moved & (begin == end) & (begin % (2 * QUARTER) == 0)
    opens, closes = ({side: np.abs(x) < QUARTER for side, x in edge.items()} for edge in (early, late))
    right = has & (opens["start"] | opens["end"]) & (closes["start"] | closes["end"])
    border = (opens["start"] | closes["end"]) & (len(sides) > 1)  # a label that is not told may be either
    off = np.where(right | border, 0, off)
    wide = has & (last - first > sessions.close - sessions.open + HOUR)
    return SessionEdges(has, off, right, wide, exact)


def _windows(sessions: Sessions) -> tuple[Int, Int]:
    """(begin, end) of the day around each session: half the night before it and after it, half a day at most."""
    night = np.maximum(DAY_NS - (sessions.close - sessions.open), 0)
    before = np.minimum(night, np.append(night[:1], sessions.open[1:] - sessions.close[:-1])) // 2
    return sessions.open - before, sessions.close + np.append(before[1:], night[-1] // 2)


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
    around = span(calendar, interval_s, int(stamps[0]) - DAY_NS, int(stamps[-1]) + DAY_NS)
    edges = session_edges(stamps, around, sides)
    count, total = int(edges.moved.sum()), int(edges.has.sum())
    place = np.minimum(np.searchsorted(stamps, around.open), len(stamps) - 1)
    if (stamps[place] == around.open).sum() > SHARE * total:
        check_grid(stamps, around, name)  # its clock is not another zone's where it has a stamp at the opens
    few = not edges.right.any() and _inside(stamps, around)[0].mean() < SHARE
    clock = stamps if wall is None else stamps + time_zones.offset_at(stamps, wall)
    zone, late = None, 0
    if wall is not None and (count or few):
        zone = find_zone(clock, around, sides, count or total)
    if not count and zone in (None, wall):
        late = volume_shift(stamps, volume, around) if edges.wide.sum() > SHARE * total else 0
        if not late:
            _other_calendar(stamps, around, edges, sides)
            return None
        zone = find_zone_by_volume(clock, volume, around) if wall is not None else None
    what = f"most times lie outside the hours of {calendar}"
    if late:
        what = f"by their volume the market opens {late / HOUR:+g} h off the opens of {calendar}"
    elif count:
        what = (
            f"the first and last times of {count} of {total} sessions lie {_hours(edges.off[edges.moved] / HOUR)} off "
            f"the hours of {calendar} (the first {around.day[edges.moved][0]})"
        )
    if zone is not None and zone != wall:
        raise DataError(what, why=f"taken as {zone} they fit; they were taken as {wall}", hint=f"--tz {zone}")
    if late or count > max(MANY * total, 1) or (total == 1 and edges.exact[edges.moved].all()):
        raise DataError(
            what,
            why="the times were taken as they say themselves" if wall is None else "no zone that was tried fits",
            hint="no option mends this: export the times again with their true zone, or check --set fetch.calendar",
        )
    if total == 1:  # a day so far, with hours before it
        return None
    low, high = _windows(around)
    warning = f"{what}: is their clock another zone's? Their bars are left out"
    return ShiftedSessions(warning, low[edges.moved], high[edges.moved])


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


def volume_shift(stamps: Int, volume: Float, around: Sessions) -> int:
    """How long after the opens the volume rises, in bars with hours around them.

    The one half hour of the day, not that of the open, before which there is little volume and after which there is
    much.

    Parameters
    ----------
    stamps : [n] ns UTC, in order.
    volume : [n] shares.
    around : the sessions around the stamps.

    Returns
    -------
    int
        ns, negative: before the opens; 0 where the open's own half hour does, or several do.
    """
    if not len(around) or labelling.volume_side(stamps, volume, around):
        return 0
    shifts = [half * 2 * QUARTER for half in range(-28, 29) if half]
    found = [shift for shift in shifts if labelling.volume_side(stamps, volume, _shift_sessions(around, shift))]
    return found[0] if len(found) == 1 else 0


def _shift_sessions(sessions: Sessions, shift: int) -> Sessions:
    return replace(sessions, open=sessions.open + shift, close=sessions.close + shift)


def find_zone_by_volume(clock: Int, volume: Float, around: Sessions) -> str | None:
    """The first zone under which the volume of wall clocks rises at the opens.

    Parameters
    ----------
    clock : [n] ns since 1970 on the wall.
    volume : [n] shares.
    around : the sessions around them.

    Returns
    -------
    str or None
        None: no zone that is tried does.
    """
    for zone in dict.fromkeys((around.tz, *ZONES)):
        utc, bad = time_zones.wall_to_utc(clock, zone)
        order = np.argsort(utc, kind="stable")
        if not bad.size and labelling.volume_side(utc[order], volume[order], around):
            return zone
    return None


def find_zone(clock: Int, around: Sessions, sides: tuple[str, ...], moved: int) -> str | None:
    """The zone under which wall clocks lie right in most sessions and are off in few.

    Parameters
    ----------
    clock : [n] ns since 1970 on the wall.
    around : the sessions around them.
    sides : labels that they may have: start, end or both.
    moved : number of sessions that are off as the clocks are taken now; a zone must have fewer.

    Returns
    -------
    str or None
        None: no zone that is tried does.
    """
    best, found = 0, None
    for zone in dict.fromkeys((around.tz, *ZONES)):
        utc, bad = time_zones.wall_to_utc(clock, zone)
        if bad.size:
            continue
        trial_edges = session_edges(np.sort(utc), around, sides)
        right = int(trial_edges.right.sum())
        if (
            right > best
            and right >= FITS * trial_edges.has.sum()
            and trial_edges.moved.sum() < min(moved, 1 + 0.05 * right)
        ):
            best, found = right, zone
    return found


def _hours(off: np.ndarray) -> str:  # float64 [n] hours
    low, high = off.min(), off.max()
    return f"{low:+g} h" if low == high else f"{low:+g} to {high:+g} h"


def _clock(time: np.int64, tz: str) -> str:
    local = int(time) + int(time_zones.offset_at(np.array([time], np.int64), tz)[0])
    return str(np.datetime64(local, "ns").astype("datetime64[s]"))[11:16]


def _length(interval: int) -> str:
    minutes = interval // (60 * SECOND_NS)
    return f"{minutes // 60}h" if minutes % 60 == 0 else f"{minutes}m"

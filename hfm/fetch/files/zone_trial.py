"""The zone that wall clocks are in, found by trial: whose sessions they fill, or at whose opens their volume rises."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from hfm.arrays import Float, Int
from hfm.fetch.files import labelling, time_zones
from hfm.fetch.files.session_edges import QUARTER, session_edges
from hfm.fetch.sessions import Sessions

FITS = 0.8
"""Share of sessions that lie right under a zone that is named."""
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

"""The calendar whose sessions bars fill, where the one that is asked for does not fit them."""

from __future__ import annotations

import numpy as np

from hfm.arrays import Int
from hfm.errors import ConfigError, DataError
from hfm.fetch.sessions import Sessions, span
from hfm.instants import SECOND_NS

CALENDARS = ("XNYS", "XLON", "XETR", "XTKS", "XHKG", "XASX", "XBOM", "CMES", "24/5", "24/7")
"""Calendars that are tried where the one asked for does not fit."""
FULL = 0.95
"""Share of its bars that a calendar must have, and of the rows that it must hold, to be named."""


def other_calendar(times: Int, sessions: Sessions) -> str | None:
    """The calendar, other than the sessions' own, whose bars the rows fill and which has room for them all.

    Parameters
    ----------
    times : [n] ns UTC, the ends of the bars; at least one.
    sessions : of the calendar that does not fit, with the bar length.

    Returns
    -------
    str or None
        A name of exchange_calendars; None where no calendar that is tried fits.
    """
    times = np.unique(times)
    for name in CALENDARS:
        if name == sessions.calendar:
            continue
        try:
            around = span(name, sessions.interval // SECOND_NS, int(times[0]), int(times[-1]))
        except (DataError, ConfigError):
            continue
        if not len(around):
            continue
        index, _, _, on = around.grid(times)
        held = np.unique(index[on])
        inner = held[1:-1] if len(held) > 2 else held
        filled = np.isin(index[on], inner).sum() >= FULL * around.expected[inner].sum()
        if on.mean() >= FULL and filled:
            return name
    return None

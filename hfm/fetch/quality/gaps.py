"""Why a symbol's bars are too few, and what helps: a larger --max-gap only where holes are all that is wrong.

Rows off the grid, rows refused for their prices, and slots that are missing in every session are no holes: they speak
of another grid, bad data, or another zone or calendar.
"""

from __future__ import annotations

import numpy as np

from hfm.arrays import Int
from hfm.errors import DataError
from hfm.fetch import calendar_fit
from hfm.fetch.quality.bar_quality import BarQuality
from hfm.fetch.quality.grid_bars import GridBars
from hfm.fetch.sessions import Sessions, span
from hfm.instants import DAY_NS, SECOND_NS
from hfm.plugins import BarRequest

NEVER, MOST = 0.05, 0.8
"""Share of sessions in which a slot that is never there may be; share of the missing bars that such slots explain."""


def gap_error(
    symbol: str,
    grid: GridBars,
    account: BarQuality,
    sessions: Sessions,
    request: BarRequest,
    max_gap: float,
    times: Int,
) -> DataError | None:
    """Why a symbol is left out; None where it has what it should.

    Parameters
    ----------
    symbol : for messages.
    grid : its clean bars; `index` counts in `sessions`.
    account : of its bars.
    sessions : the symbol's own span.
    request : what was asked for.
    max_gap : largest share of bars that may be missing inside the sessions present.
    times : [n] ns UTC, the ends of all its rows.

    Returns
    -------
    DataError or None
    """
    # 1. another grid, whatever the limit
    off = account.rejected.get("off_grid", 0)
    if off > account.present:
        return _off_grid(symbol, account, sessions)
    if account.gap <= max_gap:
        return None
    what = (
        f"{symbol} misses {account.gap:.2%} of the bars in its {account.sessions} sessions, the limit is {max_gap:.2%}"
    )
    why = f"{account.present} of {account.expected} bars are there"
    # 2. with the rejected rows there would be enough: bad data
    refused = account.refused - off
    if refused and account.present + account.refused >= account.expected * (1 - max_gap):
        reasons = ", ".join(f"{n} {name.replace('_', ' ')}" for name, n in account.rejected.items() if n)
        unsized = account.rejected.get("volume", 0) > 0.5 * refused
        hint = "--no-volume" if unsized and request.path else "mend the rows that were rejected; no option takes them"
        return DataError(what, why=f"{why}; rejected: {reasons}", hint=hint)
    # 3. the same slots are missing in every session: another zone, calendar or grid
    never = _never(grid, sessions)
    if never:
        other = calendar_fit.other_calendar(times, sessions)
        advice = "no option mends this: check that zone, calendar and interval are the file's own"
        hint = f"--set fetch.calendar={other}" if other else advice
        return DataError(what, why=f"{why}; {never}: that is no hole but another zone, calendar or grid", hint=hint)
    return DataError(what, why=why, hint=f"--max-gap {np.ceil(account.gap * 100):.0f}%")


def empty_error(symbol: str, account: BarQuality, request: BarRequest, until: int, times: Int) -> DataError:
    """The error of a symbol without a usable bar, with what happened to its rows and what helps with that.

    Parameters
    ----------
    symbol : for messages.
    account : of its bars.
    request : what was asked for.
    until : ns UTC, the horizon.
    times : [n] ns UTC, the ends of all its rows.

    Returns
    -------
    DataError
    """
    span = f"last {request.sessions} sessions" if request.sessions else f"last {request.days} days"
    everything = request.sessions is None and request.days is None
    end = f"{np.datetime64(until, 'ns').astype('datetime64[s]')}Z"
    counts = {
        "after the horizon": max(account.future, int((times > until).sum())),
        "outside the sessions": account.outside,
        "empty": account.empty,
        **account.rejected,
    }
    lost = ", ".join(f"{n} {name.replace('_', ' ')}" for name, n in counts.items() if n) or "no rows at all"
    return DataError(
        f"{symbol} has no usable bar in the {'file' if everything else span} up to {end} (calendar {request.calendar})",
        why=f"of {account.raw} rows: {lost}",
        hint=_remedy(max(counts, key=lambda name: counts[name]) if any(counts.values()) else "", request, times),
    )


def _remedy(cause: str, request: BarRequest, times: Int) -> str:
    """What helps where most rows were lost for `cause`."""
    if cause == "after the horizon":
        return f"--as-of {np.datetime64(int(times.max()), 'ns').astype('datetime64[s]')}Z"
    if cause == "outside the sessions":
        around = span(request.calendar, request.interval_s, int(times.min()) - DAY_NS, int(times.max()) + DAY_NS)
        other = calendar_fit.other_calendar(times, around)
        alike = "the times lie in the sessions of no calendar that was tried: check their zone and the calendar"
        return f"--set fetch.calendar={other}" if other else alike
    if cause == "off_grid":
        return "no option mends this: export bars that begin at the session's open, on the grid of --interval"
    if cause == "volume":
        return "--no-volume" if request.path else "take another source: this one's volumes are no numbers from 0 on"
    if cause:
        return "mend the prices of the file; no option takes them as they are"
    return "ask for more days" if request.days or request.sessions else "the file has no rows of this symbol"


def _off_grid(symbol: str, account: BarQuality, sessions: Sessions) -> DataError:
    """More rows off the grid than on it: the bars are of another grid, whatever --max-gap says."""
    off, minutes = account.rejected["off_grid"], sessions.interval // (60 * SECOND_NS)
    return DataError(
        f"{symbol}: {off} rows inside the sessions are off the grid of {minutes} minutes from each open, "
        f"{account.present} are on it",
        why=f"the first is {account.rows[0]['time']}" if account.rows else "",
        hint="no option mends this: export bars that begin at the session's open, on the grid of --interval",
    )


def _never(grid: GridBars, sessions: Sessions) -> str:
    """The slots that are missing in every session, if they are most of what is missing; else nothing."""
    present = np.unique(grid.index)  # one session alone tells nothing of every session
    if len(present) < 2:
        return ""
    slots = int(sessions.slots.max())
    have = np.bincount(grid.seq, minlength=slots)
    seq = np.arange(slots)
    # sessions in which a bar is due at each slot: not beyond their close, nor in their break
    due = np.zeros(slots, np.int64)
    for index in present:
        pick = sessions.pick(slice(int(index), int(index) + 1))
        ends = pick.slot_end(np.zeros(slots, np.int64), seq)
        due += (seq < pick.slots[0]) & pick.holding(ends)[1]
    missing = np.maximum(due - have, 0)
    never = (due > 0) & (have <= NEVER * due)
    if not never.any() or missing[never].sum() < MOST * missing.sum():
        return ""
    first, last = (int(np.flatnonzero(never)[k]) * sessions.interval // (60 * SECOND_NS) for k in (0, -1))
    return (
        f"the same {int(never.sum())} of {int((due > 0).sum())} slots are missing in every session (the first "
        f"{first} minutes from the open, the last {last})"
    )

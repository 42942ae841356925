"""Network sources through the archive: ask for what is missing, merge, append, and hand on the whole span.

A symbol's sessions that the archive has are not asked for again, but for an overlap of two sessions before the first
one missing, in which fresh and archived bars must agree.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from hfm.arrays import Bool
from hfm.errors import DataError, HfmError
from hfm.fetch import sessions
from hfm.fetch.archive import month_files, overlap
from hfm.fetch.sessions import Sessions
from hfm.instants import DAY_NS, SECOND_NS, instant_ns, instant_of
from hfm.plugins import BarRequest, BarSource
from hfm.raw_data import BAR_COLUMNS, RawBars
from hfm.stage import Context

OVERLAP = 2
"""Sessions before the first missing one that are asked for again."""
MARGIN = 7 * DAY_NS
"""Time (ns) before the archive's last bar in which the overlap's sessions lie, whatever the holidays."""
SETTLE = 20 * 60 * SECOND_NS
"""Age (ns) at which a bar is archived: younger ones are handed on, but vendors still correct them."""


@dataclass(frozen=True)
class FetchPlan:
    """What the archive has of one symbol, and from where on the vendor is asked (None: for nothing).

    over: the sessions asked for, and before them those since the archive's last bar (so that it has no gap and a split
    is seen), and the overlap. have: archived bars of them. held, missing: sessions.
    """

    symbol: str
    over: Sessions
    have: RawBars
    held: int
    missing: tuple[str, ...]
    since: int | None

    def line(self, source: str) -> str:
        """For a person."""
        ask = "nothing is asked for"
        if self.since is not None:
            ask = f"{source} is asked from {np.datetime64(self.since, 'ns').astype('datetime64[m]')}Z on"
        return f"{self.symbol}: {self.held} sessions archived, {len(self.missing)} missing; {ask}"


def plan_fetch(source: BarSource, name: str, request: BarRequest, symbol: str, ctx: Context) -> FetchPlan:
    """What to ask of the vendor for a symbol.

    Parameters
    ----------
    source, name : the vendor's source and its name.
    request : the span that the user wants.
    symbol : one of the request's.
    ctx : knows the archive.

    Returns
    -------
    FetchPlan
        With the archived bars of the span.

    Raises
    ------
    DataError
        For a damaged month.
    """
    assert ctx.archive is not None
    until = instant_ns(request.as_of)
    requested = sessions.recent(request.calendar, request.interval_s, until, request.days, request.sessions)
    if not len(requested):
        return FetchPlan(symbol, requested, RawBars.concat([]), 0, (), None)
    where = month_files.folder(ctx.archive, name, symbol, request.interval_s)
    days = getattr(source, "kept", {}).get(request.interval_s)
    reach = until - days * DAY_NS if days is not None else 0
    # 1. the span asked for, and before it what came since the archive's last bar, as far as the vendor keeps it
    start = int(requested.open[0])
    before = month_files.last_before(where, start)
    if before is not None:
        start = min(max(before - MARGIN, reach), start)
    over = sessions.span(request.calendar, request.interval_s, start, until)
    have = month_files.read(where, start, until)
    have = have.take((have.time > over.open[0]) & (have.time <= until))
    # 2. sessions that are missing, none of them before both the archive's first bar and the span; and the overlap
    first = int(have.time.min(initial=until))
    missing = (
        missing_sessions(over, have, until) & (over.open > reach) & (over.open >= min(first, int(requested.open[0])))
    )
    rows = np.flatnonzero(missing)
    since = int(over.open[max(int(rows[0]) - OVERLAP, 0)]) if rows.size else None
    index, inside = over.holding(have.time)
    held = np.unique(index[inside & (have.time > requested.open[0])]).size
    return FetchPlan(symbol, over, have, held, tuple(str(day) for day in over.day[missing]), since)


def missing_sessions(over: Sessions, have: RawBars, until: int) -> Bool:
    """Sessions of which a bar is due and none is archived, or of which, being the last, not all is.

    Parameters
    ----------
    over : N sessions.
    have : archived bars.
    until : ns UTC up to which bars are due.

    Returns
    -------
    bool [N]
    """
    if not len(over):
        return np.zeros(0, bool)
    due = over.due(until)
    index, inside = over.holding(have.time)
    count = np.bincount(index[inside], minlength=len(over))
    missing = (due > 0) & (count == 0)
    if inside.any():
        last = int(have.time[inside].max())
        missing |= over.due(until) > over.due(last)
    out: Bool = missing
    return out


def fetch_through(
    source: BarSource, name: str, request: BarRequest, ctx: Context, rebase: bool
) -> Iterator[tuple[str, RawBars | HfmError]]:
    """The source's bars, with what the archive holds of them; the archive has all that is yielded.

    Parameters
    ----------
    source, name : the vendor's source and its name.
    request : what is asked for.
    ctx : knows the archive; losses and revisions are named to it.
    rebase : whether a split in the overlap may rescale the archive's prices.

    Yields
    ------
    symbol, RawBars or HfmError
        One for each symbol.

    Raises
    ------
    LockedError
        Where another process is at work in the archive of a symbol.
    DiskError
        Where the archive cannot be written.
    """
    assert ctx.archive is not None
    with contextlib.ExitStack() as locks:
        for symbol in sorted(request.symbols):
            locks.enter_context(month_files.locked(ctx.archive, name, symbol, ctx.wait))
            month_files.recover(month_files.folder(ctx.archive, name, symbol, request.interval_s))
        plans: dict[str, FetchPlan] = {}
        for symbol in request.symbols:
            try:
                plans[symbol] = plan_fetch(source, name, request, symbol, ctx)
            except DataError as e:
                yield symbol, e
                continue
            if plans[symbol].since is None and plans[symbol].held:
                yield symbol, _noted(plans.pop(symbol).have, "all from the archive")
        if not plans:
            return
        since = {s: instant_of(p.since) for s, p in plans.items() if p.since is not None}
        for symbol, fresh in source.fetch(replace(request, symbols=tuple(plans), since=since), ctx):
            if isinstance(fresh, HfmError):
                yield symbol, fresh
                continue
            try:
                yield symbol, _archive(plans[symbol], fresh, name, request, ctx, rebase=rebase)
            except DataError as e:
                yield symbol, e


def _archive(
    found: FetchPlan, fresh: RawBars, name: str, request: BarRequest, ctx: Context, *, rebase: bool
) -> RawBars:
    """Append what is new of `fresh`, and return the archive's bars of the span.

    The rows that were not archived (young, doubled, broken, off the grid, forming) come with them: the quality account
    counts them.

    Returns
    -------
    RawBars
        What was not archived, then the archive's in order of time; with `rebase` all that the archive has.
    """
    assert ctx.archive is not None
    where = month_files.folder(ctx.archive, name, found.symbol, request.interval_s)
    rows = archivable_rows(fresh, found.over, instant_ns(request.as_of) - SETTLE)
    if rebase and len(month_files.months(where)):
        found = replace(found, have=month_files.read(where))
    merged = overlap.merge(found.have, fresh.take(rows), found.symbol, rebase)
    if merged.ratio != 1.0:
        month_files.rewrite(where, merged.bars)
        ctx.events.append({"event": "rebase", "symbol": found.symbol, "ratio": merged.ratio})
    elif merged.added.time.size:
        month_files.append(where, merged.added)
    left = np.setdiff1d(np.arange(len(fresh.time)), rows)
    notes = [f"{len(merged.bars.time) - len(merged.added.time)} bars archived before, {len(merged.added.time)} new"]
    if len(found.have.time) and not merged.common and rows.size:
        notes.append("no bar is both archived and fresh: a split between them would not be seen")
    if merged.ratio != 1.0:
        notes.append(f"the archive was multiplied by {merged.ratio:.6g}")
    if merged.revised.size:
        first = np.datetime64(int(merged.revised[0]), "ns").astype("datetime64[s]")
        notes.append(f"{merged.revised.size} bars are revised by the vendor (first {first}Z); first-seen values stay")
        ctx.warn(f"{found.symbol}: {notes[-1]}")
        ctx.events.append({"event": "revised", "symbol": found.symbol, "times": merged.revised.tolist()})
    both = RawBars.concat([fresh.take(left), merged.bars])
    for note in notes:
        both = _noted(both, note)
    return both


def archivable_rows(fresh: RawBars, over: Sessions, until: int) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    """Rows fit for the archive: on the grid of a session, over by an instant, all values valid, the newest of its time.

    Parameters
    ----------
    fresh : bars of the vendor, n of them; a row with a NaN is not fit.
    over : the sessions on whose grid they must be.
    until : ns UTC.

    Returns
    -------
    int64 [m]
        Positions in `fresh`, in order of time.
    """
    _, _, _, on = over.grid(fresh.time)
    values = np.stack([getattr(fresh, column) for column in BAR_COLUMNS[1:]])
    prices = np.stack([fresh.open, fresh.high, fresh.low, fresh.close])
    good = on & (fresh.time <= until) & np.isfinite(values).all(0) & (prices > 0).all(0) & (fresh.volume >= 0)
    rows = np.flatnonzero(good)
    _, latest = np.unique(fresh.time[rows][::-1], return_index=True)
    return rows[::-1][latest]


def _noted(bars: RawBars, note: str) -> RawBars:
    return replace(bars, notes=(*bars.notes, note))

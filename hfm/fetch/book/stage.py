"""The fetch stage of an order book: a source's sessions, or parts of long ones, cut at the horizon and accounted for.

Losses (exit 7): symbols or sessions that could not be read right, named with file and line.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

import numpy as np

from hfm import artifacts
from hfm.errors import DataError, HfmError, UsageError
from hfm.fetch import sessions
from hfm.fetch.book import book_events
from hfm.instants import instant_ns
from hfm.plugins import BarRequest, BookSource
from hfm.raw_data import RawBook
from hfm.stage import Context, Product
from hfm.tables import TableMeta

SHOWN = ("rows", "execute", "execute_hidden", "cross", "halt", "one_sided", "locked", "crossed")
"""Counts of the table that a person reads."""


def run(source: BookSource, name: str, request: BarRequest, ctx: Context) -> Iterator[Product]:
    """fetch/book.parquet of the symbols asked for; meta grows with each group, the last one's is complete.

    Parameters
    ----------
    source, name : the source and its name.
    request : symbols, path and horizon.
    ctx : is told progress and losses.

    Yields
    ------
    artifact, pa.Table
        One row group a session and symbol, or a part of one.

    Raises
    ------
    UsageError
        Where days or sessions are asked for: a book source takes the files it is given.
    HfmError
        The source's own, where no event is left.
    """
    _check_span(name, request)
    request = replace(request, calendar=source.calendar or request.calendar)
    end = instant_ns(request.as_of)
    failed: list[tuple[str, HfmError]] = []
    meta = TableMeta(source=name, synthetic=source.synthetic, calendar=request.calendar, tz="UTC", rebuilt=())
    quality: dict[str, dict[str, int]] = {}
    days, mids = set[np.datetime64](), dict[str, float]()
    for symbol, result in source.books(request, ctx):
        if isinstance(result, HfmError):
            failed.append((symbol, result))
            continue
        raw = book_events.until(result, end)
        if not len(raw.time):
            failed += [] if raw.start else [(symbol, _nothing(symbol, result, request))]
            continue
        if raw.session not in days:
            meta = replace(meta, tz=_check_day(raw.session, request, ctx))
        days.add(raw.session)
        mid = mids[symbol] if raw.start else np.nan
        quality[symbol] = _sum_counts(quality.get(symbol), book_events.account(raw, mid), int(not raw.start))
        mids[symbol] = book_events.last_mid(raw, mid)
        meta = replace(_described(meta, symbol, raw), quality=quality)
        yield artifacts.BOOK, book_events.group(raw, symbol, meta)
        ctx.progress("fetch", len(days), len(days), f"{symbol} {raw.session}")
    if not days:
        raise failed[0][1] if failed else DataError(f"{request.path} holds no events", hint="give another --path")
    for symbol, error in failed:
        ctx.lose(f"{symbol} is left out: {error.what}" if symbol not in quality else f"{symbol}: {error.what}")
    _report(ctx, meta, quality, len(days))


def _check_span(name: str, request: BarRequest) -> None:
    """Raise UsageError where days or sessions are asked for."""
    if request.days is not None or request.sessions is not None:
        raise UsageError(
            f"source {name} takes whole files, not --days or --sessions",
            hint="leave --days and --sessions away, and choose files with --path",
        )


def _nothing(symbol: str, raw: RawBook, request: BarRequest) -> DataError:
    if not len(raw.time):
        return DataError(f"{symbol} has no event on {raw.session}", hint="give another --path")
    return DataError(
        f"{symbol} has no event on {raw.session} up to {request.as_of:%Y-%m-%dT%H:%M:%SZ}",
        hint="give an --as-of after the session's first event, or none",
    )


def _check_day(day: np.datetime64, request: BarRequest, ctx: Context) -> str:
    """The exchange's zone; warns of a day on which the calendar has no session."""
    found = sessions.sessions(request.calendar, request.interval_s, str(day), str(day))
    if not len(found):
        ctx.warn(f"{day} is no session of {request.calendar}")
    return found.tz


def _described(meta: TableMeta, symbol: str, raw: RawBook) -> TableMeta:
    """The metadata with one session more; its quality counts aside."""
    ticks, notes, rebuilt = meta.ticks or {}, meta.notes or {}, meta.rebuilt or ()
    if raw.notes:
        notes = {**notes, symbol: list(dict.fromkeys([*notes.get(symbol, []), *raw.notes]))}
    return replace(
        meta,
        levels=len(raw.levels) // 4,
        symbols=tuple(sorted({*meta.symbols, symbol})),
        ticks={**ticks, symbol: min(raw.tick, ticks.get(symbol, raw.tick))},
        rebuilt=tuple(sorted({*rebuilt, symbol})) if raw.estimated else rebuilt,
        notes=notes,
    )


def _sum_counts(before: dict[str, int] | None, counts: dict[str, int], more: int) -> dict[str, int]:
    """The counts of a symbol's sessions, and how many these are.

    Parameters
    ----------
    before : of the sessions so far; None: there is none.
    counts : of one more, or of a further part of the last.
    more : 1 or 0, for these.

    Returns
    -------
    dict
    """
    before = before or {"sessions": 0}
    sums = {key: before.get(key, 0) + counts.get(key, 0) for key in dict.fromkeys([*before, *counts])}
    return {**sums, "sessions": before["sessions"] + more}


def _report(ctx: Context, meta: TableMeta, quality: Mapping[str, Mapping[str, int]], count: int) -> None:
    """Say what came: sessions, events, a line of counts a symbol, notes."""
    rows = sum(counts["rows"] for counts in quality.values())
    names = len(quality)
    ctx.say(
        f"{count} session{'s' * (count != 1)}, {rows:,} events, {names} symbol{'s' * (names != 1)}, "
        f"{meta.levels} level{'s' * (meta.levels != 1)}"
    )
    for symbol, counts in quality.items():
        shown = ", ".join(f"{counts[key]:,} {key.replace('_', ' ')}" for key in SHOWN if counts.get(key))
        ctx.say(f"{symbol}: {shown}; tick {(meta.ticks or {})[symbol]:g}")
        for text in (meta.notes or {}).get(symbol, []):
            ctx.say(f"{symbol}: {text}")
        if counts["crossed"]:
            ctx.warn(f"{symbol}: the book is crossed after {counts['crossed']:,} of {counts['rows']:,} events")
        if counts.get("late"):
            ctx.warn(
                f"{symbol}: {counts['late']:,} records are older than one before them: part of the file stands twice, "
                "or its times are wrong"
            )
        if counts.get("leaps"):
            ctx.warn(
                f"{symbol}: the mid leaps by half or more {counts['leaps']:,} times: prices of another unit, or wrong"
            )
    ctx.figures.update(
        {
            "events": rows,
            "sessions": count,
            "symbols": list(meta.symbols),
            "synthetic": meta.synthetic,
            "quality": quality,
        }
    )

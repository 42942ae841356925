"""The fetch stage: asks a source, puts its bars on the calendar's grid, accounts for them, and writes the bars.

Losses (exit 7): symbols without usable bars, whole sessions missing, rejected rows. Bars that are merely
missing inside a session are counted against --max-gap and named in the table.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa

from hfm import artifacts, atomic, tables
from hfm.config import INTERVALS, Config
from hfm.errors import DataError, HfmError, UsageError
from hfm.fetch import quality_summary, sessions
from hfm.fetch.archive import network
from hfm.fetch.book import stage
from hfm.fetch.quality import adjustments, bad_prints, bar_quality, gaps, splits
from hfm.fetch.quality.bar_quality import BarQuality
from hfm.fetch.quality.grid_bars import GridBars
from hfm.fetch.sessions import Sessions
from hfm.instants import instant_ns
from hfm.plugins import BarRequest, BarSource, BookSource, find
from hfm.raw_data import RawBars
from hfm.stage import Context, Product
from hfm.tables import Reader, TableMeta

DAYS = 30
"""Calendar days where neither --days nor --sessions is given."""
SYMBOL = re.compile(r"[A-Za-z0-9^][A-Za-z0-9.^=_-]{0,31}")
NAME = re.compile(r"[^\W_][^\x00-\x1f\x7f-\x9f\u2028\u2029]{0,63}|[\^$#.@/][\w^$#.@/=: +-]{1,63}")
"""A symbol of a vendor, and of a file: there a name may have blanks and slashes."""


def run(inputs: Mapping[str, Reader], config: Config, ctx: Context) -> Iterator[Product]:
    """The artifacts of a fetch: fetch/bars.parquet, or fetch/book.parquet where the source has order books.

    Parameters
    ----------
    inputs : none.
    config : of which the section fetch counts.
    ctx : now, the archive, and who is told.

    Yields
    ------
    artifact, pa.Table
        Row groups.

    Raises
    ------
    UsageError
        For a bad symbol.
    DataError
        Where no symbol is left.
    HfmError
        What the source raises.
    """
    source = find("sources", config.fetch.source)()
    request = _request(config, ctx, source)
    if hasattr(source, "books"):
        yield from stage.run(source, config.fetch.source, request, ctx)
        return
    yield from _bars(source, request, config, ctx)


def _bars(source: BarSource, request: BarRequest, config: Config, ctx: Context) -> Iterator[Product]:
    """fetch/bars.parquet; see run."""
    found: dict[str, RawBars] = {}
    failed: dict[str, HfmError] = {}
    results = source.fetch(request, ctx)
    if source.network and ctx.archive is not None:
        results = network.fetch_through(source, config.fetch.source, request, ctx, config.fetch.rebase)
    for symbol, result in results:
        if isinstance(result, HfmError):
            failed[symbol] = result
        else:
            found[symbol] = result
        ctx.progress("fetch", len(found) + len(failed), max(len(request.symbols), len(found) + len(failed)), symbol)
    live = source.network or source.synthetic
    notes = {symbol: list(raw.notes) for symbol, raw in found.items() if raw.notes}
    warnings = {symbol: raw.warnings for symbol, raw in found.items() if raw.warnings}
    grids, qualities, requested = _clean(found, failed, request, config.fetch.max_gap, live)
    if not grids:
        raise _none_left(failed)
    for symbol, error in failed.items():
        has_subject = error.what.startswith(f"{symbol} ")  # "SPY misses ..." but not "SPY: Yahoo ..."
        settles = f" ({error.hint})" if error.hint.startswith("--") else ""
        ctx.lose(f"{symbol} is left out: {'it ' * has_subject}{_without(symbol, error.what)}{settles}")
    notes = {symbol: notes[symbol] for symbol in sorted(grids) if symbol in notes}
    for text, symbols in quality_summary.group_texts({symbol: warnings.get(symbol, ()) for symbol in sorted(grids)}):
        ctx.warn(f"{quality_summary.join_symbols(symbols)}: {text}")
    quality_summary.report(ctx, request, qualities, notes, source.synthetic)
    rate, sessions_a_year, slots = sessions.yearly(
        requested.calendar, request.interval_s, requested.day[0], requested.day[-1]
    )
    meta = TableMeta(
        source=config.fetch.source,
        synthetic=source.synthetic,
        calendar=requested.calendar,
        tz=requested.tz,
        interval_s=request.interval_s,
        slots_per_session=slots,
        slots_per_year=rate,
        sessions_per_year=sessions_a_year,
        symbols=tuple(sorted(grids)),
        notes=notes,
        quality={symbol: qualities[symbol].as_json() for symbol in sorted(qualities)},
        warnings=(*ctx.losses, *ctx.warnings) or None,  # later stages and the report say it again
    )
    yield from ((artifacts.BARS, group) for group in groups(grids, requested, meta))


def dry(config: Config, ctx: Context) -> None:
    """Say (ctx.say) what a fetch would do, and change nothing.

    Of a network source: what the archive has and what would be asked for, without a request. Of any other: all that
    `run` says, from the bars that it would have written. Raises what `run` raises.
    """
    source = find("sources", config.fetch.source)()
    if not source.network:
        for _ in run({}, config, ctx):
            pass
        return
    request = _request(config, ctx, source)
    for symbol in request.symbols:
        if ctx.archive is not None:
            found = network.plan_fetch(source, config.fetch.source, request, symbol, ctx)
            ctx.say(found.line(config.fetch.source))
            ctx.figures[symbol] = {"held": found.held, "missing": list(found.missing), "asks": found.since is not None}


def _request(config: Config, ctx: Context, source: BarSource | BookSource) -> BarRequest:
    """What is asked of the source; UsageError for a bad symbol, none, or two spans, DataError for no such path."""
    fetch = config.fetch
    live = source.network or source.synthetic
    for symbol in fetch.symbols:
        of_file = not live and not hasattr(source, "books")
        if not (NAME if of_file else SYMBOL).fullmatch(symbol):
            raise UsageError(
                f"{symbol[:40]!r} is not a symbol",
                why="symbols are 1 to 32 of A-Z a-z 0-9 . ^ = _ -, those of a file 1 to 64 letters, digits and marks",
                hint="give a symbol of the file, or none for all of them" if of_file else _example(fetch.source),
            )
    if live and not fetch.symbols:
        raise UsageError(f"source {fetch.source} needs a symbol, none is given", hint=_example(fetch.source))
    if fetch.days is not None and fetch.sessions is not None:
        raise UsageError(
            f"--days {fetch.days} and --sessions {fetch.sessions} exclude each other", hint="leave one of them away"
        )
    if fetch.path is not None and not atomic.exists(Path(fetch.path)):
        raise DataError(f"{fetch.path} does not exist", hint="give the path of a file or folder that is there")
    days = DAYS if live and fetch.days is None and fetch.sessions is None else fetch.days
    names = [symbol.upper() for symbol in fetch.symbols] if live else list(fetch.symbols)
    return BarRequest(
        symbols=tuple(dict.fromkeys(names)),
        interval_s=INTERVALS[fetch.interval],
        calendar=fetch.calendar,
        as_of=ctx.as_of,
        days=days,
        sessions=fetch.sessions,
        path=fetch.path,
        tz=fetch.tz,
        label=fetch.label,
        columns=dict(fetch.map),
        adjust=fetch.adjust,
        no_volume=fetch.no_volume,
        decimal=fetch.decimal,
        price_unit=fetch.price_unit,
        max_time=fetch.max_time,
        seed=fetch.seed,
    )


def _example(source: str) -> str:
    """A fetch of one symbol from a source."""
    return "hfm fetch SPY" if source == "yahoo" else f"hfm fetch SPY --source {source}"


def _clean(
    found: dict[str, RawBars], failed: dict[str, HfmError], request: BarRequest, max_gap: float, live: bool
) -> tuple[dict[str, GridBars], dict[str, BarQuality], Sessions]:
    """Clean bars and accounts by symbol, and the sessions of the span; adds to `failed`, empties `found` (memory)."""
    # 1. the horizon, and the sessions that were asked for
    until = instant_ns(request.as_of)
    ends = [int(raw.time.max()) for raw in found.values() if raw.time.size]
    if not live:
        until = min(until, max(ends, default=until))
    requested = _span(found, request, until)
    everything = request.days is None and request.sessions is None
    grids, qualities = {}, {}
    # 2. when each symbol moved, as a witness for the others: before any of them is changed
    peers = bad_prints.peer_moves({symbol: bad_prints.move_times(raw.time, raw.close) for symbol, raw in found.items()})
    names = tuple(sorted(found))
    all_symbols = tuple(sorted({*found, *failed}))  # a vendor's fault of today is no fault of an adjustment
    adjustments.check_adjustments(request.adjust, all_symbols)
    # 3. symbol by symbol: adjust, put on the grid, judge shifts and gaps
    for symbol in names:
        raw = found.pop(symbol)
        if not everything and len(requested):  # what ends before the span was not asked for
            raw = raw.take(raw.time > int(requested.open[0]))
        raw, adjusted = adjustments.adjust(raw, request.adjust, symbol, requested)
        grid, quality = None, BarQuality(raw=len(raw))
        if len(requested):
            grid, quality = bar_quality.clean(raw, requested, until, peers[symbol])
        if grid is None or not len(grid):
            failed[symbol] = gaps.empty_error(symbol, quality, request, until, raw.time)
            continue
        try:
            quality.jumps = splits.describe_shifts(symbol, quality, grid, requested, request.adjust, all_symbols)
        except DataError as e:
            failed[symbol] = e
            continue
        quality.adjusted = adjusted
        # of a file without a span, a symbol's sessions are those from its first bar to its last
        first, last = (int(grid.index[0]), int(grid.index[-1])) if everything else (0, len(requested) - 1)
        span = requested.pick(slice(first, last + 1))
        within = replace(grid, index=grid.index - first)
        bar_quality.count_missing(within, quality, span, until)
        error = gaps.gap_error(symbol, within, quality, span, request, max_gap, raw.time)
        if error is not None:
            failed[symbol] = error
            continue
        grids[symbol], qualities[symbol] = grid, quality
    return grids, qualities, requested


def _span(found: Mapping[str, RawBars], request: BarRequest, until: int) -> Sessions:
    """The sessions asked for: those of the days or the count before `until`, else all between the first bar and it."""
    if request.days is not None or request.sessions is not None:
        return sessions.recent(request.calendar, request.interval_s, until, request.days, request.sessions)
    first = min((int(raw.time.min()) for raw in found.values() if raw.time.size), default=until)
    return sessions.span(request.calendar, request.interval_s, first, until)


def _none_left(failed: Mapping[str, HfmError]) -> HfmError:
    """The one error of a fetch that leaves no symbol."""
    if not failed:
        return DataError("the source has no bars at all", hint="check --path and the symbols")
    first = next(iter(failed.values()))
    by_text: dict[str, list[str]] = {}
    for symbol, error in failed.items():
        by_text.setdefault(_without(symbol, error.what), []).append(symbol)
    if len(failed) == 1:
        return first
    what = "; ".join(f"{quality_summary.join_symbols(symbols)}: {text}" for text, symbols in by_text.items())
    return type(first)(f"none of {len(failed)} symbols is left: {what[:500]}", why=first.why, hint=first.hint)


def _without(symbol: str, text: str) -> str:
    """What is said of a symbol, without its name in front."""
    return text.removeprefix(symbol).removeprefix(":").strip()


def groups(grids: Mapping[str, GridBars], requested: Sessions, meta: TableMeta) -> Iterator[pa.Table]:
    """Row groups of the bars table: rows by session, symbol, slot; whole sessions, about tables.GROUP_ROWS rows.

    Parameters
    ----------
    grids : symbol -> its clean bars.
    requested : the sessions that `index` counts in.
    meta : what the table says of itself.

    Yields
    ------
    pa.Table
    """
    names = sorted(grids)
    words = pa.array(names, pa.string())
    # a group ends before the session that passes another GROUP_ROWS rows
    counts = np.zeros(len(requested), np.int64)
    for grid in grids.values():
        counts += np.bincount(grid.index, minlength=len(requested))
    done = np.cumsum(counts)
    cuts = np.searchsorted(done, np.arange(tables.GROUP_ROWS, done[-1], tables.GROUP_ROWS), "right")
    borders = np.unique(np.concatenate([[0], cuts, [len(requested)]]))
    for first, last in itertools.pairwise(borders):
        spans = [np.searchsorted(grids[name].index, (first, last)) for name in names]
        parts = [grids[name].take(np.arange(*span)) for name, span in zip(names, spans, strict=True)]
        bars = GridBars.concat(parts)
        code = np.repeat(np.arange(len(names), dtype=np.int32), [len(part) for part in parts])
        order = np.lexsort((bars.seq, code, bars.index))
        bars = bars.take(order)
        columns = {
            "symbol": pa.DictionaryArray.from_arrays(pa.array(code[order]), words),
            "session": requested.day[bars.index],
            "seq": bars.seq,
            "time": bars.time,
            "is_last": bars.seq == requested.slots[bars.index] - 1,
            **{name: getattr(bars, name) for name in ("open", "high", "low", "close", "volume")},
        }
        yield tables.build(tables.BARS, columns, meta, "simulated" if meta.synthetic else "observed")

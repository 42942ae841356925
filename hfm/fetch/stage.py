"""The fetch stage: asks a source, puts its bars on the calendar's grid, accounts for them, and writes the bars.

Losses (exit 7): symbols without usable bars, whole sessions missing, rejected rows. Bars that are merely
missing inside a session are counted against --max-gap and named in the table.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pyarrow as pa

from hfm import atomic, tables
from hfm.config import INTERVALS, Config
from hfm.errors import ConfigError, DataError, HfmError, UsageError
from hfm.fetch import quality_summary, sessions
from hfm.fetch.archive import network
from hfm.fetch.book import stage
from hfm.fetch.quality import accounting, adjustments, bad_prints, gaps, splits
from hfm.fetch.quality.accounting import Grid, Quality
from hfm.fetch.sessions import Sessions
from hfm.plugins import BarRequest, BarSource, BookSource, RawBars, find
from hfm.stage import Context, Product
from hfm.tables import Reader, TableMeta

DAYS = 30
"""Calendar days where neither --days nor --sessions is given."""
SYMBOL = re.compile(r"[A-Za-z0-9^][A-Za-z0-9.^=_-]{0,31}")
NAME = re.compile(r"[^\W_][^\x00-\x1f\x7f-\x9f\u2028\u2029]{0,63}|[\^$#.@/][\w^$#.@/=: +-]{1,63}")
"""A symbol of a vendor, and of a file: there a name may have blanks and slashes."""


def run(inputs: Mapping[str, Reader], config: Config, ctx: Context) -> Iterator[Product]:
    """fetch/bars.parquet of the symbols asked for; fetch/book.parquet where the source has order books.

    Raises UsageError for a bad symbol, DataError where no symbol is left, and what the source raises.
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
        results = network.through(source, config.fetch.source, request, ctx, config.fetch.rebase)
    for symbol, result in results:
        if isinstance(result, HfmError):
            failed[symbol] = result
        else:
            found[symbol] = result
        ctx.progress("fetch", len(found) + len(failed), max(len(request.symbols), len(found) + len(failed)), symbol)
    live = source.network or source.synthetic
    notes = {symbol: list(raw.notes) for symbol, raw in found.items() if raw.notes}
    warnings = {symbol: raw.warnings for symbol, raw in found.items() if raw.warnings}
    grids, qualities, wanted = _clean(found, failed, request, config.fetch.max_gap, live)
    if not grids:
        raise _none_left(failed)
    for symbol, error in failed.items():
        own = error.what.startswith(f"{symbol} ")  # "SPY misses ..." but not "SPY: Yahoo ..."
        settles = f" ({error.hint})" if error.hint.startswith("--") else ""
        ctx.lose(f"{symbol} is left out: {'it ' * own}{_without(symbol, error.what)}{settles}")
    notes = {symbol: notes[symbol] for symbol in sorted(grids) if symbol in notes}
    for text, symbols in quality_summary.once({symbol: warnings.get(symbol, ()) for symbol in sorted(grids)}):
        ctx.warn(f"{quality_summary.names(symbols)}: {text}")
    quality_summary.report(ctx, request, qualities, notes, source.synthetic)
    rate, sessions_a_year, slots = sessions.yearly(wanted.calendar, request.interval_s, wanted.day[0], wanted.day[-1])
    meta = TableMeta(
        source=config.fetch.source,
        synthetic=source.synthetic,
        calendar=wanted.calendar,
        tz=wanted.tz,
        interval_s=request.interval_s,
        slots_per_session=slots,
        slots_per_year=rate,
        sessions_per_year=sessions_a_year,
        symbols=tuple(sorted(grids)),
        notes=notes,
        quality={symbol: qualities[symbol].as_json() for symbol in sorted(qualities)},
        warnings=(*ctx.losses, *ctx.warnings) or None,  # later stages and the report say it again
    )
    yield from (("fetch/bars.parquet", group) for group in groups(grids, wanted, meta))


def dry(config: Config, ctx: Context) -> None:
    """Say (ctx.say) what a fetch would do, and change nothing: of a network source what the archive has and what would
    be asked for, without a request; of any other all that run() says, from the bars that it would have written.

    Raises what run() raises.
    """
    source = find("sources", config.fetch.source)()
    if not source.network:
        for _ in run({}, config, ctx):
            pass
        return
    request = _request(config, ctx, source)
    for symbol in request.symbols:
        if ctx.archive is not None:
            found = network.plan(source, config.fetch.source, request, symbol, ctx)
            ctx.say(found.line(config.fetch.source))
            ctx.figures[symbol] = {"held": found.held, "missing": list(found.missing), "asks": found.since is not None}


def _request(config: Config, ctx: Context, source: BarSource | BookSource) -> BarRequest:
    """What is asked of the source. Raises UsageError for a bad symbol, none, or two spans;
    DataError for a path where nothing is; ConfigError for as_of.
    """
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
    if fetch.path is not None and not atomic.there(Path(fetch.path)):
        raise DataError(f"{fetch.path} does not exist", hint="give the path of a file or folder that is there")
    days = DAYS if live and fetch.days is None and fetch.sessions is None else fetch.days
    names = [symbol.upper() for symbol in fetch.symbols] if live else list(fetch.symbols)
    return BarRequest(
        symbols=tuple(dict.fromkeys(names)),
        interval_s=INTERVALS[fetch.interval],
        calendar=fetch.calendar,
        as_of=_as_of(fetch.as_of, ctx.as_of),
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


def _as_of(text: str | None, now: datetime) -> datetime:
    """`text` as an instant, UTC where it names no zone; `now` where there is none. Raises ConfigError."""
    if text is None:
        return now
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise ConfigError(f"fetch.as_of is {text!r}: not an ISO time", hint="--as-of 2026-03-02T16:00-05:00") from None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _clean(
    found: dict[str, RawBars], failed: dict[str, HfmError], request: BarRequest, max_gap: float, live: bool
) -> tuple[dict[str, Grid], dict[str, Quality], Sessions]:
    """Clean bars and accounts by symbol, in order of the symbols, and the sessions of the span; adds to `failed`, and
    empties `found` as it goes (memory)."""
    until = sessions.instant(request.as_of)
    ends = [int(raw.time.max()) for raw in found.values() if raw.time.size]
    if not live:
        until = min(until, max(ends, default=until))
    wanted = _span(found, request, until)
    whole = request.days is None and request.sessions is None
    grids, qualities = {}, {}
    others = bad_prints.peers({symbol: bad_prints.move_times(raw.time, raw.close) for symbol, raw in found.items()})
    names = tuple(sorted(found))
    asked = tuple(sorted({*found, *failed}))  # a vendor's fault of today is no fault of an adjustment
    adjustments.check(request.adjust, asked)
    for symbol in names:
        raw = found.pop(symbol)
        raw = raw if whole or not len(wanted) else _since(raw, int(wanted.open[0]))
        raw, adjusted = adjustments.adjusted(raw, request.adjust, symbol, wanted)
        grid, account = None, Quality(raw=len(raw.time))
        if len(wanted):
            grid, account = accounting.clean(raw, wanted, until, others[symbol])
        if grid is None or not grid.time.size:
            failed[symbol] = gaps.nothing(symbol, account, request, until, raw.time)
            continue
        try:
            account.jumps = splits.judged(symbol, account, grid, wanted, request.adjust, asked)
        except DataError as e:
            failed[symbol] = e
            continue
        account.adjusted = adjusted
        first, last = (int(grid.index[0]), int(grid.index[-1])) if whole else (0, len(wanted) - 1)
        own = wanted.pick(slice(first, last + 1))
        of_own = replace(grid, index=grid.index - first)
        accounting.account(of_own, account, own, until)
        fault = gaps.fault(symbol, of_own, account, own, request, max_gap, raw.time)
        if fault is not None:
            failed[symbol] = fault
            continue
        grids[symbol], qualities[symbol] = grid, account
    return grids, qualities, wanted


def _span(found: Mapping[str, RawBars], request: BarRequest, until: int) -> Sessions:
    """The sessions asked for: those of the days or the count before `until`, else all between the first bar and it."""
    if request.days is not None or request.sessions is not None:
        return sessions.recent(request.calendar, request.interval_s, until, request.days, request.sessions)
    first = min((int(raw.time.min()) for raw in found.values() if raw.time.size), default=until)
    return sessions.span(request.calendar, request.interval_s, first, until)


def _since(raw: RawBars, start: int) -> RawBars:
    """The bars that end after `start`: what lies before the span was not asked for."""
    keep = raw.time > start
    if keep.all():
        return raw
    o, h, low, c, volume = (getattr(raw, name)[keep] for name in ("open", "high", "low", "close", "volume"))
    return RawBars(raw.time[keep], o, h, low, c, volume, raw.notes, raw.warnings)


def _none_left(failed: Mapping[str, HfmError]) -> HfmError:
    """The one error of a fetch that leaves no symbol."""
    if not failed:
        return DataError("the source has no bars at all", hint="check --path and the symbols")
    first = next(iter(failed.values()))
    said: dict[str, list[str]] = {}
    for symbol, error in failed.items():
        said.setdefault(_without(symbol, error.what), []).append(symbol)
    if len(failed) == 1:
        return first
    what = "; ".join(f"{quality_summary.names(symbols)}: {text}" for text, symbols in said.items())
    return type(first)(f"none of {len(failed)} symbols is left: {what[:500]}", why=first.why, hint=first.hint)


def _without(symbol: str, text: str) -> str:
    """What is said of a symbol, without its name in front."""
    return text.removeprefix(symbol).removeprefix(":").strip()


def groups(grids: Mapping[str, Grid], wanted: Sessions, meta: TableMeta) -> Iterator[pa.Table]:
    """Row groups of the bars table: rows by session, symbol, slot; whole sessions, about tables.GROUP_ROWS rows."""
    names = sorted(grids)
    words = pa.array(names, pa.string())
    counts = np.zeros(len(wanted), np.int64)
    for grid in grids.values():
        counts += np.bincount(grid.index, minlength=len(wanted))
    done = np.cumsum(counts)
    cuts = np.searchsorted(done, np.arange(tables.GROUP_ROWS, done[-1], tables.GROUP_ROWS), "right")
    borders = np.unique(np.concatenate([[0], cuts, [len(wanted)]]))
    for first, last in itertools.pairwise(borders):
        spans = [np.searchsorted(grids[name].index, (first, last)) for name in names]
        parts = [grids[name].pick(np.arange(*span)) for name, span in zip(names, spans, strict=True)]
        index, seq, time, *values = (
            np.concatenate([getattr(part, column) for part in parts]) for column in Grid.__dataclass_fields__
        )
        code = np.repeat(np.arange(len(names), dtype=np.int32), [len(part.time) for part in parts])
        order = np.lexsort((seq, code, index))
        day, seq = index[order], seq[order]
        columns = {
            "symbol": pa.DictionaryArray.from_arrays(pa.array(code[order]), words),
            "session": wanted.day[day],
            "seq": seq,
            "time": time[order],
            "is_last": seq == wanted.slots[day] - 1,
            **{name: v[order] for name, v in zip(("open", "high", "low", "close", "volume"), values, strict=True)},
        }
        yield tables.build(tables.BARS, columns, meta, "simulated" if meta.synthetic else "observed")

"""`book` fidelity of the simulate stage: bars in; quotes, an oracle that knows nothing, facts, and on demand events.

One session of one symbol at a time is in the book and in memory; groups of quotes are those of the bars.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa

from hfm import artifacts, plugins
from hfm.arrays import Bool, Float, Int
from hfm.config import Simulate
from hfm.errors import UsageError
from hfm.simulate import spread_model
from hfm.simulate.bars import bar_facts, bar_stream, micro
from hfm.simulate.bars.bar_stream import SymbolSessions
from hfm.simulate.bars.generator import flags
from hfm.simulate.book import bar_target, book_facts, book_sums, book_tables, book_tape, fitted
from hfm.simulate.book.book_session import BookSession, play_session
from hfm.simulate.moments import Moments
from hfm.simulate.quote_columns import KEYS, charged, provenance, report_ticks, with_settings, with_ticks
from hfm.simulate.spread import charge_report, spread_claims
from hfm.simulate.symbol_settings import SymbolSettings
from hfm.stage import Context, Product
from hfm.tables import ORACLE, QUOTES, Array, Reader, TableMeta, arrays, build, column_array

Table = dict[str, Any]  # Any: arrays of several kinds
_HEADLINES = ("ofi_r2_10s", "ofi_r2_300s", "book_spread_ticks", "impact_exponent")


def run(bars: Reader, sim: Simulate, ctx: Context) -> Iterator[Product]:
    """Quotes, oracle, facts and, where they are asked for, events, trades and snapshots of fetch/bars.parquet.

    Settings that belong to `bars` fidelity alone are a UsageError (_refuse).

    Parameters
    ----------
    bars
        The table.
    sim
        The configuration.
    ctx
        Random streams, workers, warnings, lines of the summary.

    Yields
    ------
    Product
        simulate/quotes.parquet and simulate/oracle.parquet by group, the tables asked for by session, then facts.json.
    """
    _refuse(sim)
    settings = bar_stream.settings(bars, sim, ctx)
    charges = charged(settings)
    _narrow(charges, ctx)
    meta = with_ticks(bars.meta, settings)
    of_bars, of_book, counts = Moments(), Moments(), BookCounts()
    for group, per_symbol in bar_stream.simulate_groups(bars, settings, ctx):
        of_bars.add([(p.grid.days, p.sums) for p in per_symbol])
        if not per_symbol:
            continue
        columns: Table = {name: np.full(group.num_rows, np.nan) for name in book_tape.COLUMNS}
        yield from sessions(group, per_symbol, settings, SessionSums(columns, of_book, counts), meta, ctx)
        yield from _tables(group, per_symbol, columns, charge_report.with_charges(meta, charges, sim), sim)
    report_ticks(settings, ctx)
    charge_report.report_charges(charges, ctx)
    yield artifacts.FACTS, _document(of_bars, of_book, counts, settings, bool(bars.meta.synthetic), ctx)


def _narrow(charges: Mapping[str, spread_claims.Charge], ctx: Context) -> None:
    """Warn of symbols whose spread is wider than the book can be."""
    for symbol, one in charges.items():
        ticks = one.ticks()
        if ticks > 1.0 + spread_model.CAP_TICKS:
            ctx.warn(
                f"{symbol}: {ticks:.0f} ticks of spread are due, and the simulated book's is at most "
                f"{1.0 + spread_model.CAP_TICKS:.0f}: trading in it is too cheap; --fidelity bars charges them all"
            )


class BookCounts:
    """What is counted over all sessions: bars, those that their trades make again, silent and thin ones, events."""

    def __init__(self) -> None:
        self.bars = self.equal = self.silent = self.thin = self.events = self.sessions = 0

    def add(self, one: BookSession, equal: Bool) -> None:
        """Count a session."""
        self.bars += len(one.seq)
        self.equal += int(equal.sum())
        self.silent += int((one.volume == 0).sum())
        self.thin += int(((one.volume > 0) & (one.volume < 4 * one.unit)).sum())
        self.events += one.events
        self.sessions += 1


class SessionSums(NamedTuple):
    """What the sessions of a group add to. columns [rows of the group]: of quotes, by name."""

    columns: Table
    moments: Moments
    counts: BookCounts


def _refuse(sim: Simulate) -> None:
    """Raise UsageError for what the book cannot do, ConfigError for tables that no calibration made."""
    if sim.tables:
        fitted.checked(sim.tables)
    if sim.signal == "planted" or sim.recipe != "calibrated":
        what = "signal planted" if sim.signal == "planted" else f"recipe {sim.recipe}"
        raise UsageError(
            f"simulate.{what} is not for the book",
            why="the book follows the prices and the calibrated spread of the bars, and adds nothing to them",
            hint="--fidelity bars",
        )


MOST_AT_ONCE = 1
"""Sessions under way where their events are kept: one of five million events takes a gigabyte and more until it is
written, and a run is to stay below two."""


@dataclass(frozen=True)
class SessionTask:
    """A session to be played: whose pass it is, which of its sessions, its rows in the group, its depth level (shares),
    its opening (ns UTC) and what its tables say of themselves.
    """

    of: SymbolSessions
    s: int
    rows: Int
    depth: float
    opening: int
    setting: SymbolSettings
    about: TableMeta


@dataclass(frozen=True)
class SessionResult:
    """What a session came to: its columns of quotes, whether each bar was made again, sums, tables asked for."""

    task: SessionTask
    session: BookSession
    columns: Mapping[str, Float]
    equal: Bool
    sums: dict[str, float]
    tables: dict[str, pa.Table]


def simulate_session(task: SessionTask, ctx: Context) -> SessionResult:
    """Play a session. Nothing is shared with another job but what both only read."""
    sim, simulated, s = task.setting.simulate, task.of.simulated, task.s
    tick = float(simulated.tick[s, 0])
    one = play_session(task.of.grid, simulated, s, task.setting, task.depth, ctx)
    key = {"symbol": task.of.grid.symbol, "session": task.of.grid.days[s], "meta": task.about}
    tables = {}
    if sim.events:
        tables[artifacts.EVENTS] = book_tables.events(one, key, task.opening, sim.levels, tick)
    if sim.prints:
        tables[artifacts.PRINTS] = book_tables.prints(one, key, task.opening)
    if sim.snapshots:
        tables[artifacts.SNAPSHOTS] = book_tables.snapshots(one, key, task.opening, tick)
    columns, equal = book_tape.rows(one, simulated, s, tick), book_tape.faithful(one, simulated, s)
    session_sums = book_sums.sums(one, simulated, s, task.setting)
    return SessionResult(task, one.without_events(), columns, equal, session_sums, tables)


def _tasks_of(
    group: pa.Table, per_symbol: list[SymbolSessions], settings: Mapping[str, SymbolSettings], meta: TableMeta
) -> Iterator[SessionTask]:
    """The group's sessions, day by day and symbol by symbol."""
    when = arrays(group, ("time", "seq"))
    interval = int(meta.interval_s) * 1_000_000_000
    depth0 = {p.grid.symbol: _depths(p, settings[p.grid.symbol]) for p in per_symbol}
    for day in np.unique(np.concatenate([p.grid.days for p in per_symbol])):
        for p in per_symbol:
            setting = settings[p.grid.symbol]
            about = with_ticks(_about(meta, setting.simulate), settings)
            for s in np.flatnonzero(p.grid.days == day):
                rows = np.arange(group.num_rows)[p.grid.rows][p.grid.cell // p.grid.slots == s]
                opening = int(when["time"][rows[0]] - (when["seq"][rows[0]] + 1) * interval)
                yield SessionTask(p, int(s), rows, float(depth0[p.grid.symbol][s]), opening, setting, about)


def sessions(
    group: pa.Table,
    per_symbol: list[SymbolSessions],
    settings: Mapping[str, SymbolSettings],
    results: SessionSums,
    meta: TableMeta,
    ctx: Context,
) -> Iterator[Product]:
    """Play the group's sessions, day by day and symbol by symbol, ctx.workers at once.

    Parameters
    ----------
    group
        Rows of fetch/bars.parquet.
    per_symbol
        Each symbol's sessions of the group, at `bars` fidelity.
    settings
        By symbol.
    results
        Takes the rows, sums and counts.
    meta
        Of the tables.
    ctx
        Random streams, workers, progress.

    Yields
    ------
    Product
        What was asked for: events a session and symbol at a time, trades and snapshots a day at a time.
    """
    columns, moments, counts = results.columns, results.moments, results.counts
    tasks = _tasks_of(group, per_symbol, settings, meta)
    workers = min(ctx.workers, MOST_AT_ONCE) if any(s.simulate.events for s in settings.values()) else ctx.workers
    executor: plugins.Executor = plugins.find("executors", "threads")(workers)
    played = executor.in_order(partial(simulate_session, task, ctx) for task in tasks)
    days = len(np.unique(np.concatenate([p.grid.days for p in per_symbol])))
    for number, (_, same_day) in enumerate(itertools.groupby(played, lambda d: d.task.of.grid.days[d.task.s])):
        sums: list[tuple[Array, dict[str, Float]]] = []
        by_table: dict[str, list[pa.Table]] = {}
        for result in same_day:
            for name, values in result.columns.items():
                columns[name][result.task.rows] = values
            counts.add(result.session, result.equal)
            day = result.task.of.grid.days[result.task.s : result.task.s + 1]
            sums.append((day, {k: np.array([v]) for k, v in result.sums.items()}))
            for name, table in result.tables.items():
                if name == artifacts.EVENTS:
                    yield name, table
                else:
                    by_table.setdefault(name, []).append(table)
        for name, parts in by_table.items():
            yield name, pa.concat_tables(parts).unify_dictionaries().combine_chunks()
        moments.add(sums)
        ctx.progress("sessions", number + 1, days)


def _depths(p: SymbolSessions, setting: SymbolSettings) -> Float:
    """[S] level of depth (shares) of each session, by what was known at its first bar."""
    model = setting.model
    if model.depth is not None or setting.like_spy:
        return np.full(len(p.grid.days), model.depth or spread_model.DEPTH_SPY)
    level = micro.depth_level(p.simulated.levels, p.simulated.moves.origin, p.simulated.tick, model.r2_flow)
    return np.asarray(level[np.arange(len(level)), p.simulated.moves.present.argmax(axis=1)])


def _about(meta: TableMeta, sim: Simulate) -> TableMeta:
    return replace(with_settings(meta, sim), l3=sim.l3, levels=sim.levels)


def _tables(
    group: pa.Table, per_symbol: list[SymbolSessions], columns: Table, meta: TableMeta, sim: Simulate
) -> Iterator[Product]:
    """The quotes and the oracle of one group."""
    keys = {name: group.column(name) for name in KEYS}
    time, n = column_array(group.column("time")), group.num_rows
    bits = np.zeros(n, np.int32)
    for p in per_symbol:
        bits[p.grid.rows] = flags(p.grid, p.simulated)
    about = _about(meta, sim)
    rest = {
        "time_open": time - int(meta.interval_s) * 1_000_000_000, "flags": bits,
        "cash_dividend": np.zeros(n), "split_ratio": np.ones(n),
    }  # fmt: skip
    origin = provenance(sim, bool(meta.synthetic))
    yield artifacts.QUOTES, build(QUOTES, keys | columns | rest, about, origin)
    key = {name: keys[name] for name in KEYS if name != "is_last"}
    unknown = dict.fromkeys(("p_up", "p_up_latent", "log_spread_mean", "log_spread_sd"), np.full(n, np.nan))
    yield artifacts.ORACLE, build(ORACLE, key | unknown | {"signal": np.zeros(n)}, about, "simulated")


def judged(
    of_bars: Moments, of_book: Moments, counts: BookCounts, pooled: SymbolSettings, observed: bool
) -> dict[str, dict[str, Any]]:  # Any: JSON
    """Facts by id: the bars' own, which are nothing to pass where they are `observed`, and the book's."""
    rows = {k: v for k, v in bar_facts.document(of_bars, pooled, observed).items() if v["of"] == "bars"}
    rows |= book_facts.document(of_book, pooled, observed)
    rows["reaggregated"] = {
        "label": "share of bars that their trades make again", "value": counts.equal / max(counts.bars, 1), "se": 0.0,
        "band": [1.0, 1.0], "pass": counts.equal == counts.bars, "of": "simulated",
    }  # fmt: skip
    return rows


def _document(
    of_bars: Moments,
    of_book: Moments,
    counts: BookCounts,
    settings: Mapping[str, SymbolSettings],
    synthetic: bool,
    ctx: Context,
) -> dict[str, Any]:  # Any: JSON
    """facts.json, and what of it a person reads."""
    pooled = bar_facts.pooled(dict(settings))
    rows = judged(of_bars, of_book, counts, pooled, not synthetic)
    failed = [name for name, row in rows.items() if row["pass"] is False]
    ctx.figures |= {"facts": len(rows), "facts_outside": failed, "events": counts.events}
    ctx.figures |= {"reaggregated": counts.equal, "bars": counts.bars}
    ctx.figures |= {name: rows[name]["value"] for name in _HEADLINES}
    ctx.say(f"book: {counts.events:,} events in {counts.sessions} sessions")
    ctx.say(f"{counts.equal:,} of {counts.bars:,} bars are made again exactly by their trades")
    if counts.silent:
        ctx.say(f"{counts.silent} bars without volume: quotes, and no trade")
    if counts.thin:
        ctx.say(f"{counts.thin} bars have less volume than their four prices have shares: trades share it")
    per_symbol = sum(r["pass"] is True for r in rows.values())
    ctx.say(f"facts: {per_symbol} inside their bands" + (f", outside: {', '.join(failed)}" if failed else ""))
    return {
        "schema_version": 1,
        "fidelity": "book",
        "sessions": of_book.sessions,
        "facts": rows,
        "spread": charge_report.charge_facts(charged(settings)),
        "counts": {"events": counts.events, "bars": counts.bars, "silent": counts.silent, "thin": counts.thin},
        "constants": bar_target.constants() | {"tick": pooled.ticks.last, "a": spread_model.LN_EXCESS},
        "tables": {name: list(values) for name, values in pooled.simulate.tables.items()},
    }

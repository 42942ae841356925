"""The book's sessions as tasks: played apart, some at once, and taken in the order of days and symbols.

A task reads what it is given and shares nothing, so workers change no byte. S sessions of one symbol.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa

from hfm import artifacts, plugins
from hfm.arrays import Bool, Float, Int
from hfm.config import Simulate
from hfm.instants import SECOND_NS
from hfm.simulate import spread_model
from hfm.simulate.bars import micro
from hfm.simulate.bars.bar_stream import SymbolSessions
from hfm.simulate.book import book_sums, book_tables, book_tape
from hfm.simulate.book.book_session import BookSession, play_session
from hfm.simulate.moments import Moments
from hfm.simulate.quote_columns import with_settings, with_ticks
from hfm.simulate.symbol_settings import SymbolSettings
from hfm.stage import Context, Product
from hfm.tables import Array, TableMeta, arrays

Table = dict[str, Any]  # Any: arrays of several kinds
MOST_AT_ONCE = 1
"""Sessions under way where their events are kept: one of five million events takes a gigabyte and more until it is
written, and a run is to stay below two."""


class BookCounts:
    """What is counted over all sessions: bars, those that their trades make again, silent and thin ones, events."""

    def __init__(self) -> None:
        self.bars = self.equal = self.silent = self.thin = self.events = self.sessions = 0

    def add(self, one: BookSession, equal: Bool) -> None:
        """Count a session.

        Parameters
        ----------
        one
            The session.
        equal
            [B] whether each bar's trades make it again.
        """
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
    interval = int(meta.interval_s) * SECOND_NS
    depth0 = {p.grid.symbol: _depths(p, settings[p.grid.symbol]) for p in per_symbol}
    for day in np.unique(np.concatenate([p.grid.days for p in per_symbol])):
        for p in per_symbol:
            setting = settings[p.grid.symbol]
            about = with_ticks(about_book(meta, setting.simulate), settings)
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
    tasks = _tasks_of(group, per_symbol, settings, meta)
    workers = min(ctx.workers, MOST_AT_ONCE) if any(s.simulate.events for s in settings.values()) else ctx.workers
    executor: plugins.Executor = plugins.find("executors", "threads")(workers)
    played = executor.in_order(partial(simulate_session, task, ctx) for task in tasks)
    days = len(np.unique(np.concatenate([p.grid.days for p in per_symbol])))
    for number, (_, same_day) in enumerate(itertools.groupby(played, lambda d: d.task.of.grid.days[d.task.s])):
        yield from _take_day(same_day, results)
        ctx.progress("sessions", number + 1, days)


def _take_day(same_day: Iterable[SessionResult], results: SessionSums) -> Iterator[Product]:
    """Add a day's sessions to the results, and give their tables: events each by itself, the others put together."""
    sums: list[tuple[Array, dict[str, Float]]] = []
    by_table: dict[str, list[pa.Table]] = {}
    for result in same_day:
        for name, values in result.columns.items():
            results.columns[name][result.task.rows] = values
        results.counts.add(result.session, result.equal)
        day = result.task.of.grid.days[result.task.s : result.task.s + 1]
        sums.append((day, {k: np.array([v]) for k, v in result.sums.items()}))
        for name, table in result.tables.items():
            if name == artifacts.EVENTS:
                yield name, table
            else:
                by_table.setdefault(name, []).append(table)
    for name, parts in by_table.items():
        yield name, pa.concat_tables(parts).unify_dictionaries().combine_chunks()
    results.moments.add(sums)


def _depths(p: SymbolSessions, setting: SymbolSettings) -> Float:
    """[S] level of depth (shares) of each session, by what was known at its first bar."""
    model = setting.model
    if model.depth is not None or setting.like_spy:
        return np.full(len(p.grid.days), model.depth or spread_model.DEPTH_SPY)
    level = micro.depth_level(p.simulated.levels, p.simulated.moves.origin, p.simulated.tick, model.r2_flow)
    return np.asarray(level[np.arange(len(level)), p.simulated.moves.present.argmax(axis=1)])


def about_book(meta: TableMeta, sim: Simulate) -> TableMeta:
    """The metadata of bars with what a book's tables say of how they came about."""
    return replace(with_settings(meta, sim), l3=sim.l3, levels=sim.levels)

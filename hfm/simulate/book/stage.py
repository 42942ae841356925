"""`book` fidelity of the simulate stage: bars in; quotes, an oracle that knows nothing, facts, and on demand events.

One session of one symbol at a time is in the book and in memory; groups of quotes are those of the bars.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from hfm.config import Config, Simulate
from hfm.errors import UsageError
from hfm.simulate.bars import bar_facts, bar_stream, micro
from hfm.simulate.bars.bar_stream import Pass
from hfm.simulate.bars.generator import Setting, flags
from hfm.simulate.book import book_facts, book_sums, book_tape, fitted, session_workers, simulator, trade_tables
from hfm.simulate.book import book_session as session
from hfm.simulate.moments import Moments
from hfm.simulate.spread import spread_claims
from hfm.simulate.stage import charged, provenance, say_ticks, with_ticks
from hfm.stage import Context, Product
from hfm.tables import ORACLE, QUOTES, Array, Reader, TableMeta, arrays, build, column_array

Float = npt.NDArray[np.float64]
Table = dict[str, Any]  # Any: arrays of several kinds
_KEYS = ("symbol", "session", "seq", "time", "is_last")
_HEADLINES = ("ofi_r2_10s", "ofi_r2_300s", "book_spread_ticks", "impact_exponent")


def run(inputs: Mapping[str, Reader], config: Config, ctx: Context) -> Iterator[Product]:
    """Quotes, oracle, facts and, where simulate.events is set, book events of fetch/bars.parquet.

    Raises UsageError for settings that belong to `bars` fidelity alone.
    """
    bars, sim = inputs["fetch/bars.parquet"], config.simulate
    _refuse(sim)
    settings = bar_stream.settings(bars, sim, ctx)
    charges = charged(settings)
    _narrow(charges, ctx)
    meta = with_ticks(bars.meta, settings)
    of_bars, of_book, tallied = Moments(), Moments(), Tally()
    for group, passed in bar_stream.sheets(bars, settings, ctx):
        of_bars.add([(p.grid.days, p.sums) for p in passed])
        if not passed:
            continue
        columns: Table = {name: np.full(group.num_rows, np.nan) for name in book_tape.COLUMNS}
        yield from sessions(group, passed, settings, (columns, of_book, tallied), meta, ctx)
        yield from _tables(group, passed, columns, spread_claims.described(meta, charges, sim), sim)
    say_ticks(settings, ctx)
    spread_claims.say(charges, ctx)
    yield "simulate/facts.json", _document(of_bars, of_book, tallied, settings, bool(bars.meta.synthetic), ctx)


def _narrow(charges: Mapping[str, spread_claims.Charge], ctx: Context) -> None:
    """Warn of symbols whose spread is wider than the book can be."""
    for symbol, one in charges.items():
        ticks = one.ticks()
        if ticks > 1.0 + micro.CAP_TICKS:
            ctx.warn(
                f"{symbol}: {ticks:.0f} ticks of spread are due, and the simulated book's is at most "
                f"{1.0 + micro.CAP_TICKS:.0f}: trading in it is too cheap; --fidelity bars charges them all"
            )


class Tally:
    """What is counted over all sessions: bars, those that their trades make again, silent and thin ones, events."""

    def __init__(self) -> None:
        self.bars = self.equal = self.silent = self.thin = self.events = self.sessions = 0

    def add(self, one: session.Session, equal: npt.NDArray[np.bool_]) -> None:
        """Count a session."""
        self.bars += len(one.seq)
        self.equal += int(equal.sum())
        self.silent += int((one.volume == 0).sum())
        self.thin += int(((one.volume > 0) & (one.volume < 4 * one.unit)).sum())
        self.events += one.events
        self.sessions += 1


def _refuse(sim: Simulate) -> None:
    """Raise UsageError for what the book cannot do, ConfigError for tables that no calibration made."""
    if sim.tables:
        fitted.checked(sim.tables)
    if sim.signal == "planted" or sim.recipe == "seed":
        what = "signal planted" if sim.signal == "planted" else "recipe seed"
        raise UsageError(
            f"simulate.{what} is not for the book",
            why="the book follows the prices and the calibrated spread of the bars, and adds nothing to them",
            hint="--fidelity bars",
        )


MOST_AT_ONCE = 1
"""Sessions under way where their events are kept: one of five million events takes a gigabyte and more until it is
written, and a run is to stay below two."""


@dataclass(frozen=True)
class Job:
    """A session to be played: whose pass it is, which of its sessions, its rows in the group, its depth level (shares),
    its opening (ns UTC) and what its tables say of themselves."""

    of: Pass
    s: int
    rows: npt.NDArray[np.int64]
    depth: float
    opening: int
    setting: Setting
    about: TableMeta


@dataclass(frozen=True)
class Done:
    """What a session came to: its columns of quotes, whether each bar was made again, sums, tables asked for."""

    job: Job
    session: session.Session
    columns: Mapping[str, Float]
    equal: npt.NDArray[np.bool_]
    sums: dict[str, float]
    tables: dict[str, pa.Table]


def carry_out(job: Job, ctx: Context) -> Done:
    """Play a session. Nothing is shared with another job but what both only read."""
    sim, sheet, s = job.setting.simulate, job.of.sheet, job.s
    tick = float(sheet.tick[s, 0])
    one = session.play(job.of.grid, sheet, s, job.setting, job.depth, ctx)
    key = {"symbol": job.of.grid.symbol, "session": job.of.grid.days[s], "meta": job.about}
    made = {}
    if sim.events:
        made["simulate/book.parquet"] = book_tape.events(one, key, job.opening, sim.levels, tick)
    if sim.prints:
        made["simulate/prints.parquet"] = trade_tables.prints(one, key, job.opening)
    if sim.snapshots:
        made["simulate/snapshots.parquet"] = trade_tables.snapshots(one, key, job.opening, tick)
    columns, equal = book_tape.rows(one, sheet, s, tick), book_tape.faithful(one, sheet, s)
    found = book_sums.sums(one, sheet, s, job.setting)
    return Done(job, one.without_events(), columns, equal, found, made)


def _jobs(group: pa.Table, passed: list[Pass], settings: Mapping[str, Setting], meta: TableMeta) -> Iterator[Job]:
    """The group's sessions, day by day and symbol by symbol."""
    when = arrays(group, ("time", "seq"))
    interval = int(meta.interval_s) * 1_000_000_000
    depth0 = {p.grid.symbol: _depths(p, settings[p.grid.symbol]) for p in passed}
    for day in np.unique(np.concatenate([p.grid.days for p in passed])):
        for p in passed:
            setting = settings[p.grid.symbol]
            about = with_ticks(_about(meta, setting.simulate), settings)
            for s in np.flatnonzero(p.grid.days == day):
                rows = np.arange(group.num_rows)[p.grid.rows][p.grid.cell // p.grid.slots == s]
                opening = int(when["time"][rows[0]] - (when["seq"][rows[0]] + 1) * interval)
                yield Job(p, int(s), rows, float(depth0[p.grid.symbol][s]), opening, setting, about)


def sessions(
    group: pa.Table,
    passed: list[Pass],
    settings: Mapping[str, Setting],
    into: tuple[Table, Moments, Tally],
    meta: TableMeta,
    ctx: Context,
) -> Iterator[Product]:
    """Play the group's sessions, day by day and symbol by symbol, ctx.workers at once; their rows, sums and counts go
    `into`. Events come a session and symbol at a time, trades and snapshots a day at a time."""
    columns, moments, tallied = into
    jobs = _jobs(group, passed, settings, meta)
    workers = min(ctx.workers, MOST_AT_ONCE) if any(s.simulate.events for s in settings.values()) else ctx.workers
    results = session_workers.in_order((partial(carry_out, job, ctx) for job in jobs), workers)
    days = len(np.unique(np.concatenate([p.grid.days for p in passed])))
    for number, (_, same_day) in enumerate(itertools.groupby(results, lambda d: d.job.of.grid.days[d.job.s])):
        sums: list[tuple[Array, dict[str, Float]]] = []
        kept: dict[str, list[pa.Table]] = {}
        for done in same_day:
            for name, values in done.columns.items():
                columns[name][done.job.rows] = values
            tallied.add(done.session, done.equal)
            day = done.job.of.grid.days[done.job.s : done.job.s + 1]
            sums.append((day, {k: np.array([v]) for k, v in done.sums.items()}))
            for name, table in done.tables.items():
                if name == "simulate/book.parquet":
                    yield name, table
                else:
                    kept.setdefault(name, []).append(table)
        for name, parts in kept.items():
            yield name, pa.concat_tables(parts).unify_dictionaries().combine_chunks()
        moments.add(sums)
        ctx.progress("sessions", number + 1, days)


def _depths(p: Pass, setting: Setting) -> Float:
    """[S] level of depth (shares) of each session, by what was known at its first bar."""
    model = setting.model
    if model.depth is not None or setting.like_spy:
        return np.full(len(p.grid.days), model.depth or micro.DEPTH_SPY)
    level = micro.depth_level(p.sheet.levels, p.sheet.moves.origin, p.sheet.tick, model.r2_flow)
    return np.asarray(level[np.arange(len(level)), p.sheet.moves.present.argmax(axis=1)])


def _about(meta: TableMeta, sim: Simulate) -> TableMeta:
    return replace(
        meta, fidelity=sim.fidelity, recipe=sim.recipe, signal=sim.signal, kind=sim.kind, rho=sim.rho,
        carry=sim.carry, simulate_seed=sim.seed, l3=sim.l3, levels=sim.levels,
    )  # fmt: skip


def _tables(group: pa.Table, passed: list[Pass], columns: Table, meta: TableMeta, sim: Simulate) -> Iterator[Product]:
    """The quotes and the oracle of one group."""
    keys = {name: group.column(name) for name in _KEYS}
    time, n = column_array(group.column("time")), group.num_rows
    bits = np.zeros(n, np.int32)
    for p in passed:
        bits[p.grid.rows] = flags(p.grid, p.sheet)
    about = _about(meta, sim)
    rest = {
        "time_open": time - int(meta.interval_s) * 1_000_000_000, "flags": bits,
        "cash_dividend": np.zeros(n), "split_ratio": np.ones(n),
    }  # fmt: skip
    origin = provenance(sim, bool(meta.synthetic))
    yield "simulate/quotes.parquet", build(QUOTES, keys | columns | rest, about, origin)
    key = {name: keys[name] for name in _KEYS if name != "is_last"}
    unknown = dict.fromkeys(("p_up", "p_up_latent", "log_spread_mean", "log_spread_sd"), np.full(n, np.nan))
    yield "simulate/oracle.parquet", build(ORACLE, key | unknown | {"signal": np.zeros(n)}, about, "simulated")


def judged(
    of_bars: Moments, of_book: Moments, tallied: Tally, pooled: Setting, observed: bool
) -> dict[str, dict[str, Any]]:  # Any: JSON
    """Facts by id: the bars' own, which are nothing to pass where they are `observed`, and the book's."""
    rows = {k: v for k, v in bar_facts.document(of_bars, pooled, observed).items() if v["of"] == "bars"}
    rows |= book_facts.document(of_book, pooled, observed)
    rows["reaggregated"] = {
        "label": "share of bars that their trades make again", "value": tallied.equal / max(tallied.bars, 1), "se": 0.0,
        "band": [1.0, 1.0], "pass": tallied.equal == tallied.bars, "of": "simulated",
    }  # fmt: skip
    return rows


def _document(
    of_bars: Moments, of_book: Moments, tallied: Tally, settings: Mapping[str, Setting], synthetic: bool, ctx: Context
) -> dict[str, Any]:  # Any: JSON
    """facts.json, and what of it a person reads."""
    pooled = bar_facts.pooled(dict(settings))
    rows = judged(of_bars, of_book, tallied, pooled, not synthetic)
    failed = [name for name, row in rows.items() if row["pass"] is False]
    ctx.figures |= {"facts": len(rows), "facts_outside": failed, "events": tallied.events}
    ctx.figures |= {"reaggregated": tallied.equal, "bars": tallied.bars}
    ctx.figures |= {name: rows[name]["value"] for name in _HEADLINES}
    ctx.say(f"book: {tallied.events:,} events in {tallied.sessions} sessions")
    ctx.say(f"{tallied.equal:,} of {tallied.bars:,} bars are made again exactly by their trades")
    if tallied.silent:
        ctx.say(f"{tallied.silent} bars without volume: quotes, and no trade")
    if tallied.thin:
        ctx.say(f"{tallied.thin} bars have less volume than their four prices have shares: trades share it")
    passed = sum(r["pass"] is True for r in rows.values())
    ctx.say(f"facts: {passed} inside their bands" + (f", outside: {', '.join(failed)}" if failed else ""))
    return {
        "schema_version": 1,
        "fidelity": "book",
        "sessions": of_book.sessions,
        "facts": rows,
        "spread": spread_claims.document(charged(settings)),
        "counts": {"events": tallied.events, "bars": tallied.bars, "silent": tallied.silent, "thin": tallied.thin},
        "constants": simulator.constants() | {"tick": pooled.ticks.last, "a": micro.LN_EXCESS},
        "tables": {name: list(values) for name, values in pooled.simulate.tables.items()},
    }

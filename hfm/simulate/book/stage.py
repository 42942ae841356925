"""`book` fidelity of the simulate stage: bars in; quotes, an oracle that knows nothing, facts, and on demand events.

One session of one symbol at a time is in the book and in memory; groups of quotes are those of the bars.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from hfm.config import Config, Simulate
from hfm.errors import UsageError
from hfm.simulate import facts as bar_facts
from hfm.simulate import micro, stream
from hfm.simulate.bars import Setting, flags
from hfm.simulate.book import engine, facts, fitted, session, tally, tape
from hfm.simulate.moments import Moments
from hfm.simulate.stage import provenance
from hfm.simulate.stream import Pass
from hfm.stage import Context, Product
from hfm.tables import ORACLE, QUOTES, Reader, arrays, build, column_array

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
    settings = stream.settings(bars, sim, ctx)
    of_bars, of_book, tallied = Moments(), Moments(), Tally()
    for group, passed in stream.sheets(bars, settings, ctx):
        of_bars.add([(p.grid.days, p.sums) for p in passed])
        if not passed:
            continue
        columns: Table = {name: np.full(group.num_rows, np.nan) for name in tape.COLUMNS}
        yield from sessions(group, passed, settings, (columns, of_book, tallied), bars.meta, ctx)
        yield from _tables(group, passed, columns, bars.meta, sim)
    yield "simulate/facts.json", _document(of_bars, of_book, tallied, settings, bool(bars.meta.get("synthetic")), ctx)


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
            hint="--fidelity bars, or leave the signal at none and the recipe at calibrated",
        )


def sessions(
    group: pa.Table,
    passed: list[Pass],
    settings: Mapping[str, Setting],
    into: tuple[Table, Moments, Tally],
    meta: Mapping[str, Any],
    ctx: Context,
) -> Iterator[Product]:
    """Play the group's sessions, day by day and symbol by symbol; their rows, sums and counts go `into`."""
    columns, moments, tallied = into
    when = arrays(group, ("time", "seq"))
    interval = int(meta["interval_s"]) * 1_000_000_000
    depth0 = {p.grid.symbol: _depths(p, settings[p.grid.symbol]) for p in passed}
    days = np.unique(np.concatenate([p.grid.days for p in passed]))
    for done, day in enumerate(days):
        sums = []
        for p in passed:
            setting = settings[p.grid.symbol]
            for s in np.flatnonzero(p.grid.days == day):
                one = session.play(p.grid, p.sheet, int(s), setting, float(depth0[p.grid.symbol][s]), ctx)
                own = p.grid.cell // p.grid.slots == s
                rows = np.arange(group.num_rows)[p.grid.rows][own]
                for name, values in tape.rows(one, p.sheet, int(s), setting.simulate.tick).items():
                    columns[name][rows] = values
                tallied.add(one, tape.faithful(one, p.sheet, int(s)))
                found = tally.sums(one, p.sheet, int(s), setting)
                sums.append((p.grid.days[s : s + 1], {k: np.array([v]) for k, v in found.items()}))
                if setting.simulate.events:
                    opening = int(when["time"][rows[0]] - (when["seq"][rows[0]] + 1) * interval)
                    about = _about(meta, setting.simulate) | {
                        "tick": dict.fromkeys(meta["symbols"], setting.simulate.tick)
                    }
                    key = {"symbol": p.grid.symbol, "session": day, "meta": about}
                    yield (
                        "simulate/book.parquet",
                        tape.events(one, key, opening, setting.simulate.levels, setting.simulate.tick),
                    )
        moments.add(sums)
        ctx.progress("sessions", done + 1, len(days))


def _depths(p: Pass, setting: Setting) -> Float:
    """[S] level of depth (shares) of each session, by what was known at its first bar."""
    model = setting.model
    if model.depth is not None or setting.like_spy:
        return np.full(len(p.grid.days), model.depth or micro.DEPTH_SPY)
    level = micro.depth_level(p.sheet.levels, p.sheet.moves.origin, model.tick, model.r2_flow)
    return np.asarray(level[np.arange(len(level)), p.sheet.moves.present.argmax(axis=1)])


def _about(meta: Mapping[str, Any], sim: Simulate) -> dict[str, Any]:
    return dict(meta) | {
        "fidelity": sim.fidelity, "recipe": sim.recipe, "signal": sim.signal, "kind": sim.kind, "rho": sim.rho,
        "carry": sim.carry, "tick": sim.tick, "simulate_seed": sim.seed, "l3": sim.l3, "levels": sim.levels,
    }  # fmt: skip


def _tables(
    group: pa.Table, passed: list[Pass], columns: Table, meta: Mapping[str, Any], sim: Simulate
) -> Iterator[Product]:
    """The quotes and the oracle of one group."""
    keys = {name: group.column(name) for name in _KEYS}
    time, n = column_array(group.column("time")), group.num_rows
    bits = np.zeros(n, np.int32)
    for p in passed:
        bits[p.grid.rows] = flags(p.grid, p.sheet.moves)
    about = _about(meta, sim)
    rest = {
        "time_open": time - int(meta["interval_s"]) * 1_000_000_000, "flags": bits,
        "cash_dividend": np.zeros(n), "split_ratio": np.ones(n),
    }  # fmt: skip
    origin = provenance(sim, bool(meta.get("synthetic")))
    yield "simulate/quotes.parquet", build(QUOTES, keys | columns | rest, about, origin)
    key = {name: keys[name] for name in _KEYS if name != "is_last"}
    unknown = dict.fromkeys(("p_up", "p_up_latent", "log_spread_mean", "log_spread_sd"), np.full(n, np.nan))
    yield "simulate/oracle.parquet", build(ORACLE, key | unknown | {"signal": np.zeros(n)}, about, "simulated")


def judged(
    of_bars: Moments, of_book: Moments, tallied: Tally, pooled: Setting, observed: bool
) -> dict[str, dict[str, Any]]:  # Any: JSON
    """Facts by id: the bars' own, which are nothing to pass where they are `observed`, and the book's."""
    rows = {k: v for k, v in bar_facts.document(of_bars, pooled, observed).items() if v["of"] == "bars"}
    rows |= facts.document(of_book, pooled)
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
        "counts": {"events": tallied.events, "bars": tallied.bars, "silent": tallied.silent, "thin": tallied.thin},
        "constants": engine.constants() | {"tick": pooled.simulate.tick, "a": micro.LN_EXCESS},
        "tables": {name: list(values) for name, values in pooled.simulate.tables.items()},
    }

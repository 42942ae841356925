"""The simulate stage: groups of bars in, groups of quotes and oracle out, then the facts."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from hfm.config import Config, Simulate
from hfm.errors import UsageError
from hfm.simulate.bars import bar_facts, bar_stream, trailing_stats
from hfm.simulate.bars.generator import Setting, Sheet, flags, quotes
from hfm.simulate.bars.slot_grid import Grid
from hfm.simulate.moments import Moments
from hfm.simulate.spread import spread_claims
from hfm.simulate.ticks import CENT
from hfm.stage import Context, Product
from hfm.tables import ORACLE, QUOTES, Provenance, Reader, TableMeta, build, column_array

Float = npt.NDArray[np.float64]
_KEYS = ("symbol", "session", "seq", "time", "is_last")


def run(inputs: Mapping[str, Reader], config: Config, ctx: Context) -> Iterator[Product]:
    """Quotes, oracle and facts of a run's bars, or of its order book, at the fidelity asked for.

    Raises UsageError where the fidelity does not fit what the run holds, and where a signal cannot be planted
    (stream.settings).
    """
    sim = config.simulate
    held = "fetch/bars.parquet" if "fetch/bars.parquet" in inputs else "fetch/book.parquet"
    if (sim.fidelity == "replay") == (held == "fetch/bars.parquet"):
        raise _misfit(sim.fidelity)
    if sim.fidelity == "replay":
        from hfm.simulate.replay import stage

        return stage.run(inputs[held], sim, ctx)
    if sim.fidelity == "book":
        from hfm.simulate.book import stage as book

        return book.run(inputs, config, ctx)
    return _bars(inputs[held], sim, ctx)


def _misfit(fidelity: str) -> UsageError:
    if fidelity == "replay":
        return UsageError(
            "simulate.fidelity replay needs an order book, and the run holds bars",
            hint="hfm fetch SYMBOL --source lobster --path FOLDER, or --fidelity bars",
        )
    return UsageError(
        f"simulate.fidelity {fidelity} needs bars, and the run holds an order book",
        hint="--fidelity replay",
    )


def _bars(bars: Reader, sim: Simulate, ctx: Context) -> Iterator[Product]:
    """`bars` fidelity, group by group."""
    meta = bars.meta
    settings = bar_stream.settings(bars, sim, ctx)
    charges = charged(settings)
    about = with_ticks(spread_claims.described(meta, charges, sim), settings)
    if ctx.warnings:  # the report says it again
        about = replace(about, warnings=(*(meta.warnings or ()), *ctx.warnings))
    moments = Moments()
    for group, passed in bar_stream.sheets(bars, settings, ctx):
        moments.add([(p.grid.days, p.sums) for p in passed])
        yield from _tables(group, [(p.grid, p.sheet) for p in passed], about, sim)
    say_ticks(settings, ctx)
    spread_claims.say(charges, ctx)
    yield "simulate/facts.json", _facts(moments, settings, bool(meta.synthetic), ctx)


def with_ticks(meta: TableMeta, settings: Mapping[str, Setting]) -> TableMeta:
    """The metadata with the ticks: the coarsest, and each symbol's own (that of its last session)."""
    sizes = {symbol: setting.ticks.last for symbol, setting in settings.items()}
    return replace(meta, tick=max(sizes.values()), ticks=sizes)


def charged(settings: Mapping[str, Setting]) -> dict[str, spread_claims.Charge]:
    """By symbol, the spreads of observed bars."""
    return {symbol: s.charge for symbol, s in settings.items() if s.charge is not None}


def say_ticks(settings: Mapping[str, Setting], ctx: Context) -> None:
    """A line of the summary where ticks are not all a cent."""
    sizes = {symbol: setting.ticks.last for symbol, setting in settings.items()}
    if set(sizes.values()) == {CENT}:
        return
    if len(sizes) > 3:
        ctx.say(f"tick: {min(sizes.values()):g} to {max(sizes.values()):g}; each in quotes.parquet")
        return
    ctx.say("tick: " + ", ".join(f"{size:g} of {symbol}" for symbol, size in sizes.items()))


def _tables(group: pa.Table, sheets: list[tuple[Grid, Sheet]], meta: TableMeta, sim: Simulate) -> Iterator[Product]:
    """The quotes and the oracle of one group. The columns of the bars' own key pass through as they are."""
    keys = {name: group.column(name) for name in _KEYS}
    time = column_array(group.column("time"))
    interval = int(meta.interval_s) * 1_000_000_000
    n = group.num_rows
    columns = _place(n, [(grid, quotes(sheet, grid)) for grid, sheet in sheets])
    bits = _place(n, [(grid, {"flags": flags(grid, sheet)}) for grid, sheet in sheets])
    unknown = np.full(n, np.nan)
    about = replace(
        meta, fidelity=sim.fidelity, recipe=sim.recipe, signal=sim.signal, kind=sim.kind, rho=sim.rho,
        carry=sim.carry, simulate_seed=sim.seed,
    )  # fmt: skip
    yield "simulate/quotes.parquet", build(
        QUOTES,
        keys | columns | bits | {
            "time_open": time - interval, "trades": unknown, "imbalance": unknown, "micro_bps": unknown,
            "cash_dividend": np.zeros(n), "split_ratio": np.ones(n),
        },
        about,
        provenance(sim, bool(meta.synthetic)),
    )  # fmt: skip
    key = {name: keys[name] for name in _KEYS if name != "is_last"}
    last = column_array(group.column("is_last"))
    truth = _place(n, [(grid, _oracle(grid, sheet)) for grid, sheet in sheets])
    truth["p_up"][last] = truth["p_up_latent"][last] = np.nan
    origin: Provenance = "planted" if sim.signal == "planted" else "simulated"
    yield "simulate/oracle.parquet", build(ORACLE, key | truth, about, origin)


def _oracle(grid: Grid, sheet: Sheet) -> dict[str, Float]:
    names = ("p_up", "p_up_latent", "log_spread_mean", "log_spread_sd", "signal")
    return {name: grid.line(getattr(sheet, name)) for name in names}


def _place(n: int, parts: list[tuple[Grid, Any]]) -> dict[str, Any]:  # Any: arrays of floats or flags by column
    """Columns [n] of a group from each symbol's own rows."""
    if len(parts) == 1:
        return dict(parts[0][1])
    out: dict[str, Any] = {}
    for name, first in parts[0][1].items():
        out[name] = np.empty(n, first.dtype)
        for grid, columns in parts:
            out[name][grid.rows] = columns[name]
    return out


def provenance(sim: Simulate, synthetic: bool) -> dict[str, Provenance]:
    """Where each column of quotes comes from: prices of the bars are observed, or simulated where the bars
    are invented."""
    seen: Provenance = "simulated" if synthetic else "observed"
    path: Provenance = "planted" if sim.signal == "planted" else seen
    out: dict[str, Provenance] = {column.name: "simulated" for column in QUOTES.columns}
    out |= dict.fromkeys(("symbol", "session", "seq", "time", "time_open", "is_last"), "observed")
    out |= {f"trade_{name}": path for name in ("open", "high", "low", "close")}
    out |= {"volume": seen, "sigma_bps": "estimated", "flags": seen}
    out |= dict.fromkeys(("cash_dividend", "split_ratio"), "observed")
    if sim.signal == "planted":
        mids = [name for name in QUOTES.names if name.startswith(("mid_", "bid_", "ask_"))]
        out |= dict.fromkeys((*mids, "ofi", "signed_volume"), "planted")
    return out


def _facts(moments: Moments, settings: dict[str, Setting], synthetic: bool, ctx: Context) -> dict[str, Any]:
    """facts.json, and what of it a person reads."""
    pooled = bar_facts.pooled(settings)
    sim = pooled.simulate
    rows = bar_facts.document(moments, pooled, not synthetic)
    failed = bar_facts.outside(rows)
    ctx.figures |= {"facts": len(rows), "facts_outside": failed}
    for name in ("ofi_slope", "ofi_r2", "spread_ticks", "oracle_accuracy"):
        if name in rows:
            ctx.figures[name] = rows[name]["value"]
    ctx.say(
        f"facts: {sum(r['pass'] is True for r in rows.values())} inside their bands"
        + (f", outside by two errors: {', '.join(failed)}" if failed else "")
    )
    return {
        "schema_version": 1,
        "fidelity": sim.fidelity,
        "sessions": moments.sessions,
        "facts": rows,
        "spread": spread_claims.document(charged(settings)),
        "constants": {
            **dataclasses.asdict(pooled.model), "look_back_sessions": trailing_stats.LOOK, "weights": list(trailing_stats.WEIGHTS),
        },
    }  # fmt: skip

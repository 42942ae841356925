"""`bars` fidelity of the simulate stage: bars in; quotes, an oracle and stylised facts out."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pyarrow as pa

from hfm import artifacts
from hfm.arrays import Float
from hfm.config import Simulate
from hfm.instants import SECOND_NS
from hfm.simulate import fact_table
from hfm.simulate.bars import bar_facts, bar_stream, trailing_stats
from hfm.simulate.bars.generator import SimulatedSessions, flags, quotes
from hfm.simulate.moments import Moments
from hfm.simulate.quote_columns import KEYS, charged, provenance, report_ticks, with_settings, with_ticks
from hfm.simulate.slot_grid import SlotGrid
from hfm.simulate.spread import charge_report
from hfm.simulate.symbol_settings import SymbolSettings
from hfm.stage import Context, Product
from hfm.tables import ORACLE, QUOTES, Provenance, Reader, TableMeta, build, column_array


def run(bars: Reader, sim: Simulate, ctx: Context) -> Iterator[Product]:
    """Quotes, oracle and facts of fetch/bars.parquet, group by group.

    Parameters
    ----------
    bars
        The table.
    sim
        The configuration.
    ctx
        Random streams, warnings, lines of the summary.

    Yields
    ------
    Product
        simulate/quotes.parquet and simulate/oracle.parquet by group, then simulate/facts.json.
    """
    meta = bars.meta
    settings = bar_stream.settings(bars, sim, ctx)
    charges = charged(settings)
    about = with_ticks(charge_report.with_charges(meta, charges, sim), settings)
    if ctx.warnings:  # the report says it again
        about = replace(about, warnings=(*(meta.warnings or ()), *ctx.warnings))
    moments = Moments()
    for group, per_symbol in bar_stream.simulate_groups(bars, settings, ctx):
        moments.add([(p.grid.days, p.sums) for p in per_symbol])
        yield from _tables(group, [(p.grid, p.simulated) for p in per_symbol], about, sim)
    report_ticks(settings, ctx)
    charge_report.report_charges(charges, ctx)
    yield artifacts.FACTS, _facts(moments, settings, bool(meta.synthetic), ctx)


def _tables(
    group: pa.Table, simulate_groups: list[tuple[SlotGrid, SimulatedSessions]], meta: TableMeta, sim: Simulate
) -> Iterator[Product]:
    """The quotes and the oracle of one group. The columns of the bars' own key pass through as they are."""
    keys = {name: group.column(name) for name in KEYS}
    time = column_array(group.column("time"))
    interval = int(meta.interval_s) * SECOND_NS
    n = group.num_rows
    columns = _place(n, [(grid, quotes(simulated, grid)) for grid, simulated in simulate_groups])
    bits = _place(n, [(grid, {"flags": flags(grid, simulated)}) for grid, simulated in simulate_groups])
    unknown = np.full(n, np.nan)
    about = with_settings(meta, sim)
    yield artifacts.QUOTES, build(
        QUOTES,
        keys | columns | bits | {
            "time_open": time - interval, "trades": unknown, "imbalance": unknown, "micro_bps": unknown,
            "cash_dividend": np.zeros(n), "split_ratio": np.ones(n),
        },
        about,
        provenance(sim, bool(meta.synthetic)),
    )  # fmt: skip
    key = {name: keys[name] for name in KEYS if name != "is_last"}
    last = column_array(group.column("is_last"))
    truth = _place(n, [(grid, _oracle(grid, simulated)) for grid, simulated in simulate_groups])
    truth["p_up"][last] = truth["p_up_latent"][last] = np.nan
    origin: Provenance = "planted" if sim.signal == "planted" else "simulated"
    yield artifacts.ORACLE, build(ORACLE, key | truth, about, origin)


def _oracle(grid: SlotGrid, simulated: SimulatedSessions) -> dict[str, Float]:
    names = ("p_up", "p_up_latent", "log_spread_mean", "log_spread_sd", "signal")
    return {name: grid.line(getattr(simulated, name)) for name in names}


def _place(n: int, parts: list[tuple[SlotGrid, Any]]) -> dict[str, Any]:  # Any: arrays of floats or flags by column
    """Columns [n] of a group from each symbol's own rows."""
    if len(parts) == 1:
        return dict(parts[0][1])
    out: dict[str, Any] = {}
    for name, first in parts[0][1].items():
        out[name] = np.empty(n, first.dtype)
        for grid, columns in parts:
            out[name][grid.rows] = columns[name]
    return out


def _facts(moments: Moments, settings: dict[str, SymbolSettings], synthetic: bool, ctx: Context) -> dict[str, Any]:
    """facts.json, and what of it a person reads."""
    pooled = bar_facts.pooled(settings)
    sim = pooled.simulate
    rows = bar_facts.document(moments, pooled, not synthetic)
    failed = fact_table.outside(rows)
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
        "spread": charge_report.charge_facts(charged(settings)),
        "constants": {
            **dataclasses.asdict(pooled.model), "look_back_sessions": trailing_stats.LOOK,
            "weights": list(trailing_stats.WEIGHTS),
        },
    }  # fmt: skip

"""`book` fidelity of the simulate stage: bars in; quotes, an oracle that knows nothing, facts, and on demand events.

One session of one symbol at a time is in the book and in memory; groups of quotes are those of the bars.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import pyarrow as pa

from hfm import artifacts
from hfm.config import Simulate
from hfm.errors import UsageError
from hfm.instants import SECOND_NS
from hfm.simulate import spread_model
from hfm.simulate.bars import bar_facts, bar_stream
from hfm.simulate.bars.bar_stream import SymbolSessions
from hfm.simulate.bars.generator import flags
from hfm.simulate.book import bar_target, book_facts, book_tape, flow_tables
from hfm.simulate.book.session_tasks import BookCounts, SessionSums, Table, about_book, sessions
from hfm.simulate.moments import Moments
from hfm.simulate.quote_columns import KEYS, charged, provenance, report_ticks, with_ticks
from hfm.simulate.spread import charge_report, spread_claims
from hfm.simulate.symbol_settings import SymbolSettings
from hfm.stage import Context, Product
from hfm.tables import ORACLE, QUOTES, Reader, TableMeta, build, column_array

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


def _refuse(sim: Simulate) -> None:
    """Raise UsageError for what the book cannot do, ConfigError for tables that no calibration made."""
    if sim.tables:
        flow_tables.checked(sim.tables)
    if sim.signal == "planted" or sim.recipe != "calibrated":
        what = "signal planted" if sim.signal == "planted" else f"recipe {sim.recipe}"
        raise UsageError(
            f"simulate.{what} is not for the book",
            why="the book follows the prices and the calibrated spread of the bars, and adds nothing to them",
            hint="--fidelity bars",
        )


def _tables(
    group: pa.Table, per_symbol: list[SymbolSessions], columns: Table, meta: TableMeta, sim: Simulate
) -> Iterator[Product]:
    """The quotes and the oracle of one group."""
    keys = {name: group.column(name) for name in KEYS}
    time, n = column_array(group.column("time")), group.num_rows
    bits = np.zeros(n, np.int32)
    for p in per_symbol:
        bits[p.grid.rows] = flags(p.grid, p.simulated)
    about = about_book(meta, sim)
    rest = {
        "time_open": time - int(meta.interval_s) * SECOND_NS, "flags": bits,
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
    """The facts of a run and their verdicts.

    Parameters
    ----------
    of_bars, of_book
        Sums of the sessions.
    counts
        Of the bars.
    pooled
        The setting that they are judged by.
    observed
        Whether the bars are real: their own facts are then nothing to pass.

    Returns
    -------
    dict[str, dict[str, Any]]
        By id: the bars' own, the book's, and the share of bars that their trades make again.
    """
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

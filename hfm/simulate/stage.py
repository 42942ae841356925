"""The simulate stage: groups of bars in, groups of quotes and oracle out, then the facts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from hfm.config import Config, Simulate
from hfm.errors import UsageError
from hfm.simulate import facts, filters, micro, original, tally, trailing
from hfm.simulate.bars import Market, Setting, Sheet, flags, market_new, quotes, simulate
from hfm.simulate.grid import Grid, grids
from hfm.simulate.moments import Moments
from hfm.stage import Context, Product
from hfm.tables import GROUP_ROWS, ORACLE, QUOTES, Provenance, Reader, arrays, build, column_array, split_sessions

Float = npt.NDArray[np.float64]
_KEYS = ("symbol", "session", "seq", "time", "is_last")
_PRICES = ("open", "high", "low", "close", "volume")


def run(inputs: Mapping[str, Reader], config: Config, ctx: Context) -> Iterator[Product]:
    """Quotes and oracle of fetch/bars.parquet, and the facts about them.

    Raises UsageError where a signal is to be planted in bars that are not synthetic: their prices would be
    redrawn; and where the run holds an order book: `bars` fidelity needs bars.
    """
    if "fetch/bars.parquet" not in inputs:
        raise UsageError(
            f"simulate.fidelity {config.simulate.fidelity} needs bars, and the run holds an order book",
            hint="fetch bars into a run of their own: hfm fetch SPY",
        )
    bars, sim = inputs["fetch/bars.parquet"], config.simulate
    meta = bars.meta
    _refuse(sim, meta)
    settings = _settings(bars, sim, ctx)
    markets: dict[str, Market] = {}
    moments, yesterday = Moments(), dict[str, Float]()
    for whole in bars.groups():
        for group in split_sessions(whole, GROUP_ROWS):
            parts = []
            sheets = {}
            columns = arrays(group, _PRICES)
            for grid in grids(group, int(meta["slots_per_session"])):
                setting = settings[grid.symbol]
                market = markets.get(grid.symbol) or market_new(grid.slots)
                sheet, markets[grid.symbol] = simulate(market, grid, columns, setting, ctx)
                before = yesterday.get(grid.symbol, np.full(grid.slots, np.nan))
                sums, yesterday[grid.symbol] = tally.sums(sheet, setting, before)
                parts.append((grid.days, sums))
                sheets[grid.symbol] = (grid, sheet)
            moments.add(parts)
            yield from _tables(group, list(sheets.values()), meta, sim)
    yield "simulate/facts.json", _facts(moments, settings, bool(meta.get("synthetic")), ctx)


def _refuse(sim: Simulate, meta: dict[str, Any]) -> None:
    """Raise UsageError for a signal that cannot be planted."""
    if sim.signal != "planted":
        return
    if not meta.get("synthetic"):
        raise UsageError(
            f"a signal cannot be planted in bars of {meta.get('source', 'a real market')}",
            why="planting redraws the price path, and these prices were observed",
            hint="fetch invented bars first: hfm fetch SPY --source synthetic",
        )
    if sim.kind != "linear" and filters.MOST < sim.carry < 1.0:
        raise UsageError(
            f"simulate.carry is {sim.carry:g}, and kind {sim.kind} takes 1 or at most {filters.MOST:g}",
            why="its exact filter is a grid, which cannot hold a noise as small as that",
            hint=f"--set simulate.carry=1, or {filters.MOST:g} and less",
        )


def _settings(bars: Reader, sim: Simulate, ctx: Context) -> dict[str, Setting]:
    """What holds for each symbol. The original recipe reads the bars once more, for its whole-sample
    noise."""
    meta = bars.meta
    spread_sd = _whole_sample_sd(bars) if sim.recipe == "seed" else {}
    if spread_sd:
        ctx.warn("recipe seed: the spread's noise is scaled by the whole sample, as in the original (not causal)")
    return {
        symbol: Setting(
            sim,
            int(meta["slots_per_session"]),
            float(meta["interval_s"]),
            symbol == "SPY" or bool(meta.get("synthetic")),
            spread_sd.get(symbol, float("nan")),
        )
        for symbol in meta["symbols"]
    }


def _whole_sample_sd(bars: Reader) -> dict[str, float]:
    """sd of each symbol's 20-row volatility over all its bars, in bps."""
    tails: dict[str, Float] = {}
    sums: dict[str, Float] = {}
    slots = int(bars.meta["slots_per_session"])
    for group in bars.groups(("symbol", "session", "seq", "open", "close")):
        columns = arrays(group, ("open", "close"))
        for grid in grids(group, slots):
            open_, close = grid.matrix(columns["open"]), grid.matrix(columns["close"])
            returns = grid.line(np.log(close / micro.origin(open_, close, grid.present())))
            tail = tails.get(grid.symbol, np.empty(0))
            vol, tails[grid.symbol] = original.volatility(returns, tail)
            vol = vol[max(original.WINDOW - 1 - len(tail), 0) :]
            total = sums.get(grid.symbol, np.zeros(3))
            sums[grid.symbol] = total + np.array([len(vol), vol.sum(), (vol * vol).sum()])
    out = {}
    for symbol, (n, total1, squares) in sums.items():
        out[symbol] = float(np.sqrt(max(squares - total1 * total1 / max(n, 1.0), 0.0) / max(n - 1.0, 1.0)))
    return out


def _tables(
    group: pa.Table, sheets: list[tuple[Grid, Sheet]], meta: dict[str, Any], sim: Simulate
) -> Iterator[Product]:
    """The quotes and the oracle of one group. The columns of the bars' own key pass through as they are."""
    keys = {name: group.column(name) for name in _KEYS}
    time = column_array(group.column("time"))
    interval = int(meta["interval_s"]) * 1_000_000_000
    n = group.num_rows
    columns = _place(n, [(grid, quotes(sheet, grid)) for grid, sheet in sheets])
    bits = _place(n, [(grid, {"flags": flags(grid, sheet.moves)}) for grid, sheet in sheets])
    unknown = np.full(n, np.nan)
    about = meta | {
        "fidelity": sim.fidelity, "recipe": sim.recipe, "signal": sim.signal, "kind": sim.kind, "rho": sim.rho,
        "carry": sim.carry, "tick": sim.tick, "simulate_seed": sim.seed,
    }  # fmt: skip
    yield "simulate/quotes.parquet", build(
        QUOTES,
        keys | columns | bits | {
            "time_open": time - interval, "trades": unknown, "imbalance": unknown, "micro_bps": unknown,
            "cash_dividend": np.zeros(n), "split_ratio": np.ones(n),
        },
        about,
        provenance(sim, bool(meta.get("synthetic"))),
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
    """facts.json. A fact of several symbols pools them; SPY's own bands apply where all are like SPY."""
    one = next(iter(settings.values()))
    sim = one.simulate
    pooled = replace(one, like_spy=all(s.like_spy for s in settings.values()))
    rows = facts.document(moments, pooled, not synthetic)
    failed = [name for name, row in rows.items() if row["pass"] is False]
    ctx.figures |= {"facts": len(rows), "facts_outside": failed}
    for name in ("ofi_slope", "ofi_r2", "spread_ticks", "oracle_accuracy"):
        if name in rows:
            ctx.figures[name] = rows[name]["value"]
    ctx.say(
        f"facts: {sum(r['pass'] is True for r in rows.values())} inside their bands"
        + (f", outside: {', '.join(failed)}" if failed else "")
    )
    return {
        "schema_version": 1,
        "fidelity": sim.fidelity,
        "sessions": moments.sessions,
        "facts": rows,
        "constants": {
            "tick": sim.tick, "a": micro.LN_EXCESS, "r2_ofi": micro.R2_OFI, "r2_flow": micro.R2_FLOW,
            "look_back_sessions": trailing.LOOK, "weights": list(trailing.WEIGHTS),
        },
    }  # fmt: skip

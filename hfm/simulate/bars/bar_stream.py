"""Bars streamed through the model: sheets and sums of each group, symbol by symbol, with the state carried
along."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from hfm.config import Simulate
from hfm.errors import ConfigError, UsageError
from hfm.recipe import original_spread
from hfm.simulate import ticks
from hfm.simulate.bars import bar_sums, filters, micro
from hfm.simulate.bars.generator import Market, Setting, Sheet, market_new, simulate
from hfm.simulate.bars.slot_grid import Grid, grids
from hfm.simulate.spread import spread_claims
from hfm.stage import Context
from hfm.tables import GROUP_ROWS, Reader, TableMeta, arrays, split_sessions

Float = npt.NDArray[np.float64]
_PRICES = ("open", "high", "low", "close", "volume")


@dataclass(frozen=True)
class Pass:
    """One symbol's sessions of a group, simulated: where they stand, what they came to, their sums for the
    facts."""

    grid: Grid
    sheet: Sheet
    sums: dict[str, Float]


def sheets(bars: Reader, settings: Mapping[str, Setting], ctx: Context) -> Iterator[tuple[pa.Table, list[Pass]]]:
    """Each group of bars (at most about GROUP_ROWS rows) with its symbols' passes, in bounded memory."""
    slots = int(bars.meta.slots_per_session)
    markets: dict[str, Market] = {}
    yesterday: dict[str, Float] = {}
    for whole in bars.groups():
        for group in split_sessions(whole, GROUP_ROWS):
            columns = arrays(group, _PRICES)
            passed = []
            for grid in grids(group, slots):
                symbol, setting = grid.symbol, settings[grid.symbol]
                market = markets.get(symbol) or market_new(slots)
                sheet, markets[symbol] = simulate(market, grid, columns, setting, ctx)
                before = yesterday.get(symbol, np.full(slots, np.nan))
                sums, yesterday[symbol] = bar_sums.sums(sheet, setting, before)
                passed.append(Pass(grid, sheet, sums))
            yield group, passed


def settings(bars: Reader, sim: Simulate, ctx: Context) -> dict[str, Setting]:
    """What holds for each symbol. Observed bars are read once ahead, for the spread that each session's past shows; the
    original recipe reads the bars for its whole-sample noise instead.

    Raises UsageError for a signal that cannot be planted, a table that is not of bars, or a tick above a price;
    ConfigError for constants.
    """
    meta = bars.meta
    if not meta.slots_per_session:
        raise UsageError(
            "an order book is replayed, not simulated: no model of bars stands around it",
            hint="--fidelity replay",
        )
    _refuse(sim, meta)
    level_sd = whole_sample_sd(bars) if sim.recipe == "seed" else {}
    if level_sd:
        ctx.warn("recipe seed: the spread's noise is scaled by the whole sample, as in the original (not causal)")
    model, sizes = calibrated(sim), ticks.tick_sizes(bars, sim)
    charges = {} if meta.synthetic or sim.recipe == "seed" else spread_claims.charges(bars, sim, model, sizes)
    spread_claims.warn(charges, ctx)
    return {
        symbol: Setting(
            sim,
            meta.slots_per_session,
            float(meta.interval_s),
            symbol == "SPY" or bool(meta.synthetic),
            level_sd.get(symbol, float("nan")),
            replace(model, tick=sizes[symbol].last),
            charges.get(symbol),
            sizes[symbol],
        )
        for symbol in meta.symbols
    }


def _refuse(sim: Simulate, meta: TableMeta) -> None:
    """Raise UsageError for a signal that cannot be planted."""
    if sim.signal != "planted":
        return
    if not meta.synthetic:
        raise UsageError(
            f"a signal cannot be planted in bars of {meta.source or 'a real market'}",
            why="planting redraws the price path, and these prices were observed",
            hint="hfm fetch SPY --source synthetic",
        )
    if sim.kind != "linear" and filters.MOST < sim.carry < 1.0:
        raise UsageError(
            f"simulate.carry is {sim.carry:g}, and kind {sim.kind} takes 1 or at most {filters.MOST:g}",
            why="its exact filter is a grid, which cannot hold a noise as small as that",
            hint=f"--set simulate.carry=1, or --set simulate.carry={filters.MOST:g}",
        )


def calibrated(sim: Simulate) -> micro.Model:
    """The model with the constants that were asked for. Raises ConfigError for one that is unknown or out of range."""
    for name, value in sim.constants.items():
        if name not in micro.RANGES:
            raise ConfigError(
                f"simulate.constants has no {name!r}",
                hint=f"it may set {', '.join(micro.RANGES)}",
            )
        low, high = micro.RANGES[name]
        if not low <= value <= high:
            raise ConfigError(
                f"simulate.constants.{name} is {value:g}: not within {low:g} to {high:g}",
                hint="--calibrate-from RUN",
            )
    return replace(micro.Model(tick=ticks.CENT if sim.tick is None else sim.tick), **sim.constants)


def whole_sample_sd(bars: Reader) -> dict[str, float]:
    """sd of the original recipe's spread without its noise, over all bars of each symbol that have one, in bps."""
    memories: dict[str, original_spread.Memory] = {}
    sums: dict[str, Float] = {}
    slots = int(bars.meta.slots_per_session)
    for group in bars.groups(("symbol", "session", "seq", "close")):
        column = arrays(group, ("close",))["close"]
        for grid in grids(group, slots):
            close = grid.line(grid.matrix(column))
            past = memories.get(grid.symbol, original_spread.Memory())
            vol, tail = original_spread.volatility(original_spread.returns(close, past.close), past.tail)
            memories[grid.symbol] = original_spread.Memory(float(close[-1]), tail)
            level = original_spread.level_bps(vol)[max(2 - len(past.tail) - np.isfinite(past.close), 0) :]
            total = sums.get(grid.symbol, np.zeros(3))
            sums[grid.symbol] = total + np.array([len(level), level.sum(), (level * level).sum()])
    out = {}
    for symbol, (n, total1, squares) in sums.items():
        out[symbol] = float(np.sqrt(max(squares - total1 * total1 / max(n, 1.0), 0.0) / max(n - 1.0, 1.0)))
    return out

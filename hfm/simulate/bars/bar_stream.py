"""Bars streamed through the model: quotes and sums of each group, symbol by symbol, with the state
carried along.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa

from hfm import plugins
from hfm.arrays import Float
from hfm.config import Simulate
from hfm.errors import ConfigError, UsageError
from hfm.simulate import spread_model, ticks
from hfm.simulate.bars import bar_sums, filters
from hfm.simulate.bars.generator import SimulatedSessions, SymbolState, new_symbol_state, simulate
from hfm.simulate.slot_grid import SlotGrid, slot_grids
from hfm.simulate.spread import charge_report, spread_claims
from hfm.simulate.symbol_settings import SymbolSettings
from hfm.stage import Context
from hfm.tables import GROUP_ROWS, Reader, TableMeta, arrays, split_sessions

_PRICES = ("open", "high", "low", "close", "volume")


@dataclass(frozen=True)
class SymbolSessions:
    """One symbol's sessions of a group, simulated: where they stand, what they came to, their sums for the
    facts.
    """

    grid: SlotGrid
    simulated: SimulatedSessions
    sums: dict[str, Float]


def simulate_groups(
    bars: Reader, settings: Mapping[str, SymbolSettings], ctx: Context
) -> Iterator[tuple[pa.Table, list[SymbolSessions]]]:
    """Simulate bars group by group, in bounded memory.

    Parameters
    ----------
    bars
        fetch/bars.parquet.
    settings
        By symbol.
    ctx
        Random streams.

    Yields
    ------
    tuple[pa.Table, list[SymbolSessions]]
        A group of at most about GROUP_ROWS rows, and its sessions by symbol.
    """
    slots = bars.meta.slots_per_session
    markets: dict[str, SymbolState] = {}
    yesterday: dict[str, Float] = {}
    for batch in bars.groups():
        for group in split_sessions(batch, GROUP_ROWS):
            columns = arrays(group, _PRICES)
            per_symbol = []
            for grid in slot_grids(group, slots):
                symbol, setting = grid.symbol, settings[grid.symbol]
                market = markets.get(symbol) or new_symbol_state(slots)
                simulated, markets[symbol] = simulate(market, grid, columns, setting, ctx)
                before = yesterday.get(symbol, np.full(slots, np.nan))
                sums, yesterday[symbol] = bar_sums.sums(simulated, setting, before)
                per_symbol.append(SymbolSessions(grid, simulated, sums))
            yield group, per_symbol


def settings(bars: Reader, sim: Simulate, ctx: Context) -> dict[str, SymbolSettings]:
    """What holds for each symbol of a run.

    Observed bars are read once ahead, for the spread that each session's past shows; a recipe reads them for what it
    needs instead.

    Parameters
    ----------
    bars
        fetch/bars.parquet.
    sim
        The configuration.
    ctx
        Takes warnings.

    Returns
    -------
    dict[str, SymbolSettings]
        By symbol.

    Raises
    ------
    UsageError
        For a table that is not of bars; a signal that cannot be planted and a tick above a price raise it too, and
        constants that no calibration gives a ConfigError.
    """
    meta = bars.meta
    if not meta.slots_per_session:
        raise UsageError(
            "an order book is replayed, not simulated: no model of bars stands around it",
            hint="--fidelity replay",
        )
    _refuse(sim, meta)
    recipe = _fitted_recipe(bars, sim, ctx)
    model, sizes = calibrated(sim), ticks.tick_sizes(bars, sim)
    charges = {} if meta.synthetic or recipe else spread_claims.charges(bars, sim, model, sizes)
    charge_report.warn_of_charges(charges, ctx)
    return {
        symbol: SymbolSettings(
            sim,
            meta.slots_per_session,
            float(meta.interval_s),
            symbol == "SPY" or bool(meta.synthetic),
            replace(model, tick=sizes[symbol].last),
            charges.get(symbol),
            sizes[symbol],
            recipe,
        )
        for symbol in meta.symbols
    }


def _fitted_recipe(bars: Reader, sim: Simulate, ctx: Context) -> plugins.Recipe | None:
    """What replaces the calibrated spread and flow, having seen the closes; None where nothing does."""
    if sim.recipe == "calibrated":
        return None
    recipe: plugins.Recipe = plugins.find("recipes", sim.recipe)()
    recipe.fit(_closes(bars))
    ctx.warn(recipe.warning)
    return recipe


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


def calibrated(sim: Simulate) -> spread_model.SpreadModel:
    """The model with the constants that were asked for.

    Parameters
    ----------
    sim
        Its `constants` by name, and its tick.

    Returns
    -------
    SpreadModel
        SPY's constants where none was asked for.

    Raises
    ------
    ConfigError
        For a constant that is unknown or out of range.
    """
    for name, value in sim.constants.items():
        if name not in spread_model.RANGES:
            raise ConfigError(
                f"simulate.constants has no {name!r}",
                hint=f"it may set {', '.join(spread_model.RANGES)}",
            )
        low, high = spread_model.RANGES[name]
        if not low <= value <= high:
            raise ConfigError(
                f"simulate.constants.{name} is {value:g}: not within {low:g} to {high:g}",
                hint="--calibrate-from RUN",
            )
    return replace(spread_model.SpreadModel(tick=ticks.CENT if sim.tick is None else sim.tick), **sim.constants)


def _closes(bars: Reader) -> Iterator[tuple[str, Float]]:
    """(symbol, closes of its bars in order), group by group."""
    slots = bars.meta.slots_per_session
    for group in bars.groups(("symbol", "session", "seq", "close")):
        column = arrays(group, ("close",))["close"]
        for grid in slot_grids(group, slots):
            yield grid.symbol, grid.line(grid.matrix(column))

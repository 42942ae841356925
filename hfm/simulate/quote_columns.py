"""What every fidelity that starts from bars says of its tables: keys, provenance, ticks and spreads charged."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from hfm.config import Simulate
from hfm.simulate.spread import spread_claims
from hfm.simulate.symbol_settings import SymbolSettings
from hfm.simulate.ticks import CENT
from hfm.stage import Context
from hfm.tables import QUOTES, Provenance, TableMeta

KEYS = ("symbol", "session", "seq", "time", "is_last")
"""Columns of the bars that pass into quotes as they are."""


def with_settings(meta: TableMeta, sim: Simulate) -> TableMeta:
    """The metadata of bars with what quotes and oracle say of how they came about."""
    return replace(
        meta, fidelity=sim.fidelity, recipe=sim.recipe, signal=sim.signal, kind=sim.kind, rho=sim.rho,
        carry=sim.carry, simulate_seed=sim.seed,
    )  # fmt: skip


def with_ticks(meta: TableMeta, settings: Mapping[str, SymbolSettings]) -> TableMeta:
    """The metadata with the ticks: the coarsest, and each symbol's own (that of its last session)."""
    sizes = {symbol: setting.ticks.last for symbol, setting in settings.items()}
    return replace(meta, tick=max(sizes.values()), ticks=sizes)


def charged(settings: Mapping[str, SymbolSettings]) -> dict[str, spread_claims.Charge]:
    """By symbol, the spreads of observed bars."""
    return {symbol: s.charge for symbol, s in settings.items() if s.charge is not None}


def report_ticks(settings: Mapping[str, SymbolSettings], ctx: Context) -> None:
    """A line of the summary where ticks are not all a cent."""
    sizes = {symbol: setting.ticks.last for symbol, setting in settings.items()}
    if set(sizes.values()) == {CENT}:
        return
    if len(sizes) > 3:
        ctx.say(f"tick: {min(sizes.values()):g} to {max(sizes.values()):g}; each in quotes.parquet")
        return
    ctx.say("tick: " + ", ".join(f"{size:g} of {symbol}" for symbol, size in sizes.items()))


def provenance(sim: Simulate, synthetic: bool) -> dict[str, Provenance]:
    """Where each column of quotes comes from.

    Parameters
    ----------
    sim
        The configuration.
    synthetic
        Whether the bars are invented: their prices are then simulated, else observed.

    Returns
    -------
    dict[str, Provenance]
        By column.
    """
    from_bars: Provenance = "simulated" if synthetic else "observed"
    path: Provenance = "planted" if sim.signal == "planted" else from_bars
    out: dict[str, Provenance] = {column.name: "simulated" for column in QUOTES.columns}
    out |= dict.fromkeys(("symbol", "session", "seq", "time", "time_open", "is_last"), "observed")
    out |= {f"trade_{name}": path for name in ("open", "high", "low", "close")}
    out |= {"volume": from_bars, "sigma_bps": "estimated", "flags": from_bars}
    out |= dict.fromkeys(("cash_dividend", "split_ratio"), "observed")
    if sim.signal == "planted":
        mids = [name for name in QUOTES.names if name.startswith(("mid_", "bid_", "ask_"))]
        out |= dict.fromkeys((*mids, "ofi", "signed_volume"), "planted")
    return out

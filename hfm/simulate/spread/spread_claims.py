"""What is claimed of each observed symbol's spread, what its bars say to it, and what is charged in each session.

Claimed are the calibrated tick model's spread (SPY), that of `--spread-bps` and that of a calibration. A claim stands
unless earlier bars contradict it; where nothing is claimed, the bars' upper side is charged (of fewer than ten sessions
that show nothing, at most spread_charge.UNKNOWN_BPS, which is also the charge where nothing can be estimated).

Axes: S sessions of one symbol. Spreads in bp are effective ones (what a trade there and back pays); the quoted one is
wider by the model's ratio. Everything of a session comes from the sessions strictly before it, at most WINDOW of them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from hfm.arrays import Bool, Float, Int
from hfm.config import Simulate
from hfm.simulate import spread_model, ticks
from hfm.simulate.slot_grid import SlotGrid, slot_grids
from hfm.simulate.spread import estimators, moment_pool, spread_charge
from hfm.simulate.spread.spread_charge import SpreadEstimate
from hfm.tables import Array, Reader, arrays

DOUBLINGS = 8
WINDOW = 2**DOUBLINGS
"""Sessions looked back on."""
TICKS = (0.05, 0.1, 0.25, 0.5, 1.0, 5.0, 10.0)
"""Price increments coarser than a cent, in currency, each a multiple of the first."""
CHANGES, ON_GRID = 200, 0.99
"""Price changes that show an increment, and the share of them that must be multiples of it."""
_COLUMNS = ("open", "high", "low", "close", "volume")


@dataclass(frozen=True)
class Charge:
    """One symbol's sessions.

    days, price [S]: the first open; tick [S]: currency; quoted [S]: relative quoted spread, NaN where the model's own
    stands; bps [S]: the effective spread that is charged; unknown, contradicted [S]: whether nothing could be
    estimated, and whether a claim gave way; claim_bps: mean claimed, NaN where nothing is; rulers: sessions by what
    ruled; why: what made, or would make, an estimate impossible.
    """

    days: Array
    price: Float
    tick: Float
    quoted: Float
    bps: Float
    unknown: Bool
    contradicted: Bool
    claim_bps: float
    rulers: Mapping[str, int]
    estimate: SpreadEstimate
    why: str

    def of(self, days: Array) -> Float:
        """The quoted spread of some of the sessions.

        Parameters
        ----------
        days
            [S] of them.

        Returns
        -------
        Float
            [S] relative; NaN where the model's own stands.
        """
        return self.quoted[np.searchsorted(self.days, days)]

    def ticks(self) -> float:
        """Median quoted spread in ticks, of the sessions in which no claim stands; 0 of none."""
        replaced = np.isfinite(self.quoted)
        return float(np.median((self.quoted * self.price / self.tick)[replaced])) if replaced.any() else 0.0


@dataclass
class _Past:
    """A symbol on its way through the bars: the last WINDOW sessions' sums, those of all, what each session found."""

    sums: Float
    total: Float
    bars: float
    traded: float
    days: list[Array]
    price: list[Float]
    upper: list[Float]
    against: list[Float]
    by: list[Int]
    tick: list[Float]


def charges(
    bars: Reader, sim: Simulate, model: spread_model.SpreadModel, sizes: Mapping[str, ticks.TickSizes] | None = None
) -> dict[str, Charge]:
    """What is charged around observed bars: one pass over them ahead of the simulation's own.

    Parameters
    ----------
    bars
        fetch/bars.parquet.
    sim
        The configuration.
    model
        Its constants.
    sizes
        Tick sizes by symbol; None: the model's.

    Returns
    -------
    dict[str, Charge]
        By symbol.
    """
    slots = bars.meta.slots_per_session
    pasts: dict[str, _Past] = {}
    for group in bars.groups(("symbol", "session", "seq", *_COLUMNS)):
        columns = arrays(group, _COLUMNS)
        for grid in slot_grids(group, slots):
            _learn(pasts, grid, columns)
    every = ticks.TickSizes(float(np.max(model.tick)))
    return {
        symbol: _charge(symbol, past, sim, replace(model, tick=(sizes or {}).get(symbol, every).of(days)[:, 0]))
        for symbol, past in pasts.items()
        for days in (np.concatenate(past.days),)
    }


def _learn(pasts: dict[str, _Past], grid: SlotGrid, columns: Mapping[str, Array]) -> None:
    """Take a group's sessions of one symbol: each is ruled by those before it."""
    open_, high, low, close, volume = (grid.matrix(columns[name]) for name in _COLUMNS)
    moments = estimators.moments(open_, high, low, close, volume)
    new = np.concatenate((moment_pool.sums(moments), _increments(close)), axis=1)
    past = pasts.get(grid.symbol)
    if past is None:
        past = _Past(np.zeros((WINDOW, new.shape[1])), np.zeros(new.shape[1]), 0.0, 0.0, [], [], [], [], [], [])
        pasts[grid.symbol] = past
    both = np.concatenate((past.sums, new))
    before = _trailing(both)
    split = -1 - len(TICKS)
    pool = moment_pool.pool(before[:, :split])
    ruling = spread_charge.rule(pool)
    past.days.append(grid.days)
    past.price.append(open_[np.arange(len(open_)), grid.present().argmax(axis=1)])
    vague = (pool.sessions < moment_pool.CLUSTERED) & ~ruling.shown.any(axis=1)
    past.upper.append(np.where(vague, np.minimum(ruling.upper, spread_charge.UNKNOWN_BPS), ruling.upper))
    past.against.append(ruling.against)
    past.by.append(ruling.by)
    past.tick.append(_tick(before[:, split:]))
    past.sums = both[-WINDOW:]
    past.total = past.total + new.sum(axis=0)
    past.bars += len(grid.cell)
    past.traded += float(np.count_nonzero(volume > 0))


def _trailing(both: Float) -> Float:
    """The sum of the WINDOW rows before each session, by doubling: the same bits however the sessions come in groups.

    both: [WINDOW + S, C], the earlier rows before the S new ones.

    Returns
    -------
    Float
        [S, C].
    """
    out = both[:-1]
    for power in range(DOUBLINGS):
        out = out[: -(2**power)] + out[2**power :]
    return out


def _increments(close: Float) -> Float:
    """[S, 1 + TICKS]: changes of price from row to row, and those that are multiples of each increment."""
    out = np.zeros((len(close), 1 + len(TICKS)))
    change = np.diff(close, axis=1)
    moved = np.abs(change) > 1e-9 * close[:, 1:]  # less is the noise of a float
    out[:, 0] = moved.sum(axis=1)
    for i, tick in enumerate(TICKS):
        steps = change * (1.0 / tick)
        near = (np.abs(steps - np.rint(steps)) < 1e-4) & (np.abs(steps) > 0.5)
        out[:, 1 + i] = (moved & near).sum(axis=1)
        if i == 0 and out[:, 1].sum() < 0.5 * out[:, 0].sum():
            break
    return out


def _tick(counts: Float) -> Float:
    """[S]: the coarsest increment that earlier prices show, 0 for none coarser than a cent."""
    enough = (counts[:, :1] >= CHANGES) & (counts[:, 1:] >= ON_GRID * counts[:, :1])
    return np.asarray((enough * np.array(TICKS)).max(axis=1))


def claimed(symbol: str, price: Float, sim: Simulate, model: spread_model.SpreadModel) -> Float | None:
    """The relative quoted spread that is claimed of a symbol.

    Of a pair of G10 currencies half a pip, the price increment of the dealers' market since 2012 (EBS).

    Parameters
    ----------
    symbol
        As the vendor spells it.
    price
        [S] opens, currency.
    sim, model
        What may claim another.

    Returns
    -------
    Float | None
        [S]; None where nothing is claimed.
    """
    if sim.spread_bps is not None:
        return np.full(len(price), sim.spread_bps * 1e-4)
    if symbol == "SPY" or "ln_excess" in sim.constants:
        return np.asarray(model.tick * (1.0 + spread_model.MEAN_EXCESS * np.exp(model.ln_excess)) / price)
    pip = _claimed_pip(symbol, sim)
    return (
        None
        if pip is None
        else np.asarray(np.maximum(0.5 * pip, model.tick * (1.0 + spread_model.MEAN_EXCESS * 0.15)) / price)
    )


def _claimed_pip(symbol: str, sim: Simulate) -> float | None:
    """The pip of a currency pair whose spread nothing else claims; None for the rest."""
    return None if sim.spread_bps is not None or "ln_excess" in sim.constants else ticks.pip(symbol)


def _charge(symbol: str, past: _Past, sim: Simulate, model: spread_model.SpreadModel) -> Charge:
    price, upper, against = (np.concatenate(x) for x in (past.price, past.upper, past.against))
    by, least = np.concatenate(past.by), np.concatenate(past.tick) / price
    ratio = model.effective if model.effective > 0 else 1.0
    unknown = ~np.isfinite(upper)
    effective = 1e-4 * np.where(unknown, spread_charge.UNKNOWN_BPS, upper)
    claim = claimed(symbol, price, sim, model)
    if claim is None:
        contradicted = np.zeros(len(price), bool)
        quoted = np.maximum(effective / ratio, least)
        bps = 1e4 * ratio * np.maximum(quoted, model.tick / price)
        names = np.where(unknown, "bound", np.array(estimators.NAMES)[by])
    else:
        by_bars = ~unknown & (1e-4 * against > ratio * claim)
        by_tick = least > claim * (1.0 + 1e-9)
        contradicted = by_bars | by_tick
        required = np.maximum(np.where(by_bars, effective / ratio, 0.0), np.maximum(least, claim))
        by_pip = _claimed_pip(symbol, sim) is not None
        quoted = np.where(contradicted, required, claim if by_pip else np.nan)
        bps = 1e4 * ratio * np.where(contradicted, required, claim)
        unknown = np.zeros(len(price), bool)
        names = np.where(
            by_bars, np.array(estimators.NAMES)[by], np.where(by_tick, "tick", "pip" if by_pip else "claim")
        )
    found, count = np.unique(names, return_counts=True)
    return Charge(
        np.concatenate(past.days), price, np.broadcast_to(model.tick, price.shape), quoted, bps, unknown, contradicted,
        float("nan") if claim is None else float(1e4 * ratio * claim.mean()),
        dict(zip(found.tolist(), count.tolist(), strict=True)),
        spread_charge.estimate(past.total[: -1 - len(TICKS)]), _why(past),
    )  # fmt: skip


def _why(past: _Past) -> str:
    """Why a symbol has, or would have, no estimate."""
    if past.traded == 0:
        return "no bar has volume"
    if past.total[-1 - len(TICKS)] == 0:
        return "its price never changes"
    return "too few bars a session stand side by side"

"""`bars` fidelity: one symbol's sessions of bars into columns of quotes and oracle.

Axes: S sessions, T clock slots. `SymbolState` is all that one group leaves to the next.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from hfm import stale_rows
from hfm.arrays import Float
from hfm.config import Simulate
from hfm.plugins import Recipe
from hfm.simulate import spread_model
from hfm.simulate.bars import filters, micro, planted_signal, session_rng, trailing_stats
from hfm.simulate.slot_grid import SlotGrid
from hfm.simulate.symbol_settings import SymbolSettings
from hfm.stage import Context
from hfm.tables import FLAG_AFTER_HOLE, FLAG_NO_VOLUME, FLAG_STALE, FLAG_UNMOVED, Array


@dataclass(frozen=True)
class SymbolState:
    """What a symbol's earlier sessions leave to its later ones."""

    past: trailing_stats.PastSessions
    recipe: Any  # Any: the recipe's own
    stale_rows: stale_rows.StaleRowState


def new_symbol_state(slots: int) -> SymbolState:
    """Before a symbol's first session."""
    return SymbolState(trailing_stats.no_past_sessions(slots), None, stale_rows.new_state(slots))


@dataclass(frozen=True)
class SimulatedSessions:
    """What S sessions of one symbol came to, [S, T]: for quotes, oracle and facts.

    effective: see SpreadModel; tick [S, 1]: currency.
    """

    moves: micro.SessionPrices
    levels: trailing_stats.Levels
    spread: micro.QuotedSpread
    flow: micro.OrderFlow
    p_up: Float
    p_up_latent: Float
    signal: Float
    effective: float
    log_spread_mean: Float
    log_spread_sd: Float
    still: stale_rows.StaleRows
    tick: Float


def simulate(
    state: SymbolState, grid: SlotGrid, bars: dict[str, Array], setting: SymbolSettings, ctx: Context
) -> tuple[SimulatedSessions, SymbolState]:
    """Simulate sessions of one symbol at `bars` fidelity.

    Parameters
    ----------
    state
        What the symbol's earlier sessions left.
    grid
        Where its rows stand.
    bars
        Columns of the whole group by name; prices in currency, volume in shares.
    setting, ctx
        Of the symbol; random streams.

    Returns
    -------
    tuple[SimulatedSessions, SymbolState]
        [S, T], NaN in holes, and the state after them.
    """
    sim, tick = setting.simulate, setting.ticks.of(grid.days)
    moves = _moves(grid, bars)
    returns = np.log(moves.close / moves.origin)
    gk2 = _garman_klass(moves, tick)
    levels, memory = trailing_stats.learn(state.past, gk2, moves.volume, returns, setting.interval_s)
    draws = session_rng.draw(ctx, grid.symbol, grid.days, micro.NORMALS, micro.UNIFORMS, grid.slots + 1)
    noise = micro.Shocks(*draws.normal).flow[:, 1:]
    dev_vol = levels.dev_vol
    a = _level(grid, moves, setting, tick)
    signal = _no_signal(noise)
    if sim.signal == "planted":
        signal, moves = _plant(grid, moves, levels, noise, sim, ctx)
        dev_vol = 0.5 * np.log(_garman_klass(moves, tick)) - levels.phi_vol - levels.level_vol
    model = replace(setting.model, tick=tick)
    spread = micro.spread(levels, dev_vol, draws, moves.present, model, a)
    flow = micro.flow(moves, levels, _depth(levels, moves, setting, tick), draws, signal.eps, model)
    mean, sd = micro.log_spread_forecast(levels, spread, model, moves.close)
    recipe_state = state.recipe
    if setting.recipe is not None:
        spread, flow, recipe_state = _by_recipe(setting.recipe, grid, moves, spread, flow, state.recipe, sim.seed)
        mean = sd = np.full(returns.shape, np.nan)
    spread = _above_zero(spread, moves)
    prices = (moves.open, moves.high, moves.low, moves.close)
    still, rows = stale_rows.detect(state.stale_rows, stale_rows.PriceRows(*prices, moves.volume, moves.present))
    simulated = SimulatedSessions(
        moves, levels, spread, flow, signal.p_up, signal.p_up_latent, signal.drive, model.effective, mean, sd,
        still, tick,
    )  # fmt: skip
    return simulated, SymbolState(memory, recipe_state, rows)


class _Signal(NamedTuple):
    """Noise of OFI and of signed volume [2, S, T], the drive [S, T], and what is known of the next return [S, T]."""

    eps: Float
    drive: Float
    p_up: Float
    p_up_latent: Float


def _no_signal(noise: Float) -> _Signal:
    """Of noise [S, T] that says nothing: no drive, and probabilities that nobody knows (NaN)."""
    nothing = np.full(noise.shape, np.nan)
    return _Signal(np.stack((noise, noise)), np.zeros(noise.shape), nothing, nothing)


def _moves(grid: SlotGrid, bars: dict[str, Array]) -> micro.SessionPrices:
    open_, high, low, close, volume = (grid.matrix(bars[c]) for c in ("open", "high", "low", "close", "volume"))
    present = grid.present()
    return micro.SessionPrices(micro.origin(open_, close, present), open_, high, low, close, volume, present)


def _garman_klass(moves: micro.SessionPrices, tick: Float) -> Float:
    """Garman-Klass variance (1980, eq. 20) of each row, at least that of a tenth of a tick: a one-price bar has a log.

    Returns
    -------
    Float
        [S, T], NaN in holes.
    """
    # .5 ln(H / L)^2 - (2 ln 2 - 1) ln(C / O)^2
    spread, move = np.log(moves.high / moves.low), np.log(moves.close / moves.open)
    variance = 0.5 * spread**2 - (2 * np.log(2) - 1) * move**2
    return np.asarray(np.maximum(variance, (0.1 * tick / moves.close) ** 2))


def _depth(levels: trailing_stats.Levels, moves: micro.SessionPrices, setting: SymbolSettings, tick: Float) -> Float:
    """The depth at level volatility: the calibrated one, SPY's for SPY, else by the share of signed volume."""
    model = setting.model
    if model.depth is not None:
        return np.asarray(model.depth)
    if setting.like_spy:
        return np.asarray(spread_model.DEPTH_SPY)
    return micro.depth_level(levels, moves.origin, tick, model.r2_flow)


def _level(grid: SlotGrid, moves: micro.SessionPrices, setting: SymbolSettings, tick: Float) -> Float:
    """`a` [S, 1] of the spread model: the claimed level, or what is charged instead (see spread_claims.py)."""
    sim, sessions = setting.simulate, len(moves.open)
    first = moves.open[np.arange(sessions), moves.present.argmax(axis=1)][:, None]
    if sim.spread_bps is not None:
        claimed = _excess(np.full((sessions, 1), sim.spread_bps * 1e-4), first, tick, 1e-3)
    else:
        claimed = np.full((sessions, 1), setting.model.ln_excess)
    if setting.charge is None:
        return claimed
    quoted = setting.charge.of(grid.days)[:, None]
    stands = np.isnan(quoted)
    charged = _excess(np.where(stands, 0.0, quoted), first, tick, float(np.exp(spread_model.LN_EXCESS)))
    return np.where(stands, claimed, charged)


def _excess(relative: Float, price: Float, tick: Float, least: float) -> Float:
    """`a` at which the mean spread is `relative` x price; e^a is at least `least`: no spread is below a tick."""
    return np.asarray(np.log(np.maximum((relative * price / tick - 1.0) / spread_model.MEAN_EXCESS, least)))


def _above_zero(spread: micro.QuotedSpread, moves: micro.SessionPrices) -> micro.QuotedSpread:
    """The spread, at most as wide as the price is high: a bid of 0 or less is no quote."""
    wide, early = spread.quoted > moves.close, spread.at_open > moves.open  # False in holes
    if not (wide.any() or early.any()):
        return spread
    return replace(
        spread,
        quoted=np.where(wide, moves.close, spread.quoted),
        at_open=np.where(early, moves.open, spread.at_open),
    )


def _plant(
    grid: SlotGrid, moves: micro.SessionPrices, levels: trailing_stats.Levels, noise: Float, sim: Simulate, ctx: Context
) -> tuple[_Signal, micro.SessionPrices]:
    """The signal, and the redrawn price path. Each session starts at its bar's own open: no level is carried along."""
    draws = session_rng.draw(
        ctx, f"{grid.symbol}:planted", grid.days, planted_signal.NORMALS, planted_signal.UNIFORMS, grid.slots
    )
    signal = planted_signal.plant(draws, noise, moves.present, sim.kind, sim.rho, sim.carry)
    first = moves.open[np.arange(len(moves.open)), moves.present.argmax(axis=1)]
    uniform = planted_signal.SignalUniforms(*draws.uniform)
    prices = planted_signal.path(first, signal.returns, levels.sigma, uniform)
    open_, high, low, close = (np.where(moves.present, p, np.nan) for p in prices)
    start = micro.origin(open_, close, moves.present)
    known = _Signal(
        np.stack((signal.eps, signal.eps_signed)),
        signal.drive,
        filters.p_up(signal, moves.present, sim.kind, sim.rho, sim.carry),
        filters.p_up_latent(signal.drive, sim.rho),
    )
    return known, replace(moves, origin=start, open=open_, high=high, low=low, close=close)


def _by_recipe(
    recipe: Recipe,
    grid: SlotGrid,
    moves: micro.SessionPrices,
    spread: micro.QuotedSpread,
    flow: micro.OrderFlow,
    state: Any,
    seed: int,
) -> tuple[micro.QuotedSpread, micro.OrderFlow, Any]:  # Any: the recipe's own state
    """Spread and flow of a recipe, in place of the calibrated ones, and its state after them."""
    close, volume = grid.line(moves.close), grid.line(moves.volume)
    rows = recipe.rows(grid.symbol, close, volume, state, seed)
    bps, ofi = grid.laid_out(rows.spread_bps), grid.laid_out(rows.ofi)
    quoted = bps * 1e-4 * moves.close
    first = recipe.open_bps * 1e-4 * moves.open[np.arange(len(bps)), moves.present.argmax(axis=1)][:, None]
    return (
        replace(spread, quoted=quoted, at_open=micro.before(quoted, first, moves.present)),
        replace(flow, ofi=ofi, signed=ofi, clipped=0),
        rows.state,
    )


def quotes(simulated: SimulatedSessions, grid: SlotGrid) -> dict[str, Float]:
    """float64 columns of quotes [n], this symbol's rows in order."""
    m, line = simulated.moves, grid.line
    half_open, half_close = 0.5 * simulated.spread.at_open, 0.5 * simulated.spread.quoted
    open_, high, low, close = (line(x) for x in (m.open, m.high, m.low, m.close))
    depth = line(simulated.flow.depth)
    ho, hc = line(half_open), line(half_close)
    return {
        "mid_open": open_, "mid_high": high, "mid_low": low, "mid_close": close,
        "bid_open": open_ - ho, "ask_open": open_ + ho, "bid_close": close - hc, "ask_close": close + hc,
        "trade_open": open_, "trade_high": high, "trade_low": low, "trade_close": close,
        "spread_bps": 2e4 * hc / close, "half_spread": simulated.effective * hc,
        "depth_bid": depth, "depth_ask": depth, "volume": line(m.volume),
        "signed_volume": line(simulated.flow.signed), "ofi": line(simulated.flow.ofi),
        "sigma_bps": 1e4 * line(simulated.levels.sigma),
    }  # fmt: skip


def flags(grid: SlotGrid, simulated: SimulatedSessions) -> npt.NDArray[np.int32]:
    """int32 [n]: FLAG_NO_VOLUME, FLAG_AFTER_HOLE, FLAG_UNMOVED, FLAG_STALE."""
    moves, still = simulated.moves, simulated.still
    hole = np.zeros(moves.present.shape, bool)
    hole[:, 1:] = ~moves.present[:, :-1]
    bits = np.where(moves.volume > 0, 0, FLAG_NO_VOLUME) + np.where(hole, FLAG_AFTER_HOLE, 0)
    bits += FLAG_UNMOVED * still.unmoved + FLAG_STALE * still.stale
    return grid.line(bits).astype(np.int32)

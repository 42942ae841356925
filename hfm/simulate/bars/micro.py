"""The calibrated model of `bars` fidelity: spread, depth, order-flow imbalance and signed volume around each
bar.

Axes: S sessions, T clock slots; NaN in holes. Mids pass through the trade prices (mid_open is the first
trade, and so on), so that re-aggregation is exact and no bounce is added to the one that real prices have;
bid and ask stand half a spread to each side and so lie off the tick grid, which only the `book` fidelity has.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from hfm.simulate.bars.session_rng import Draws, ar1, student4
from hfm.simulate.bars.trailing_stats import SPREAD_CURVE, Levels, curve

Float = npt.NDArray[np.float64]

NORMALS, UNIFORMS = 3, 2
"""Draws a slot: shocks of spread, depth and flow; two uniforms that give the spread's shocks their tails."""
LN_EXCESS = float(np.log(0.15))
CAP_TICKS = 10.0
DEPTH_SPY = 1000.0
R2_FLOW = 0.20
FLOW_SHARE = 0.15
"""sd of signed volume over volume, from which other names get their depth."""
_UNEVEN = 1.54  # that sd over the one at the level of depth, volume and volatility: measured over 60 names and a year
_DEV_VOL, _DEV_SIZE = 2.5, 3.0  # a row is at most this far (in logs) from its slot's level


@dataclass(frozen=True)
class Model:
    """The model's constants; the defaults are SPY's, from a year of trades and quotes.

    tick: currency, or [S, 1] of each session. ln_excess: ln of the typical quoted spread less one tick, in ticks. on_*:
    elasticities of that excess, depth_on_volatility that of depth. *_ar, *_sd: of the AR(1) that is left. effective:
    effective over quoted spread. r2_*: share of the row's return variance that OFI, and signed volume, explain. depth:
    shares a side; None: SPY's for SPY, else what gives signed volume its share of volume.
    """

    tick: float | Float = 0.01
    ln_excess: float = LN_EXCESS
    on_volatility: float = 0.8
    on_volume: float = -0.2
    spread_ar: float = 0.45
    spread_sd: float = 0.31
    effective: float = 0.75
    r2_ofi: float = 0.60
    r2_flow: float = R2_FLOW
    depth: float | None = None
    depth_ar: float = 0.6
    depth_sd: float = 0.35
    depth_on_volatility: float = -0.8


RANGES: dict[str, tuple[float, float]] = {
    "ln_excess": (-10.0, 10.0), "on_volatility": (-3.0, 3.0), "on_volume": (-3.0, 3.0), "spread_ar": (-0.99, 0.99),
    "spread_sd": (0.0, 3.0), "effective": (0.0, 2.0), "r2_ofi": (0.001, 0.999), "r2_flow": (0.001, 0.999),
    "depth": (1e-9, 1e12), "depth_ar": (-0.99, 0.99), "depth_sd": (0.0, 3.0), "depth_on_volatility": (-3.0, 3.0),
}  # fmt: skip
"""What a calibration may set, and within which bounds."""


@dataclass(frozen=True)
class Moves:
    """Prices of S sessions: origin (what the row's return starts from), open, high, low, close, volume, and
    presence."""

    origin: Float
    open: Float
    high: Float
    low: Float
    close: Float
    volume: Float
    present: npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Spread:
    """[S, T] in currency: spread of the row, spread at its open; `x`: ln(spread / tick - 1) before the cap,
    `u` its AR part.

    dev_vol, dev_size: the deviations of volatility and volume that went in; a [S, 1]: the level.
    """

    quoted: Float
    at_open: Float
    x: Float
    u: Float
    dev_vol: Float
    dev_size: Float
    a: Float


@dataclass(frozen=True)
class Flow:
    """[S, T]: depth a side, OFI, signed volume (shares); eps: the part of the flow that is not the row's
    return.

    clipped: how many signed volumes were cut to +-volume.
    """

    depth: Float
    ofi: Float
    signed: Float
    eps: Float
    clipped: int


def spread(
    levels: Levels, dev_vol: Float, draws: Draws, present: npt.NDArray[np.bool_], model: Model, a: Float
) -> Spread:
    """Quoted spreads: tick (1 + e^x), x = a + .8 dev_vol - .2 dev_size + ln phi_s + u, u AR(1) with t4 shocks.

    dev_vol [S, T]: ln volatility of the row less slot and level. a: [S, 1]. The spread at an open is that of the row
    before; a session's first open draws its own, with nothing known of the row.
    """
    slots = dev_vol.shape[1]
    u = model.spread_sd * ar1(student4(draws.normal[0], *draws.uniform), model.spread_ar)
    phi = curve(SPREAD_CURVE, slots)
    g, v = np.clip(dev_vol, -_DEV_VOL, _DEV_VOL), np.clip(levels.dev_size, -_DEV_SIZE, _DEV_SIZE)
    x = a + model.on_volatility * g + model.on_volume * v + phi + u[:, 1:]
    cap = np.log(np.maximum(CAP_TICKS - 1.0, 5.0 * np.exp(a)))
    quoted = model.tick * (1.0 + np.exp(np.minimum(x, cap)))
    first = model.tick * (1.0 + np.exp(np.minimum(a + phi[0] + u[:, :1], cap)))
    return Spread(quoted, before(quoted, first, present), x, u[:, 1:], g, v, a)


def before(values: Float, first: Float, present: npt.NDArray[np.bool_]) -> Float:
    """The value of the last row before each slot; `first` [S, 1] where there is none."""
    shifted = np.concatenate((first, values[:, :-1]), axis=1)
    if present.all():
        return shifted
    there = np.concatenate((np.ones_like(first, bool), present[:, :-1]), axis=1)
    last = np.maximum.accumulate(np.where(there, np.arange(values.shape[1]), 0), axis=1)
    return np.take_along_axis(shifted, last, axis=1)


def flow(moves: Moves, levels: Levels, depth0: Float, draws: Draws, eps: Float, model: Model) -> Flow:
    """Depth, OFI and signed volume (Cont, Kukanov and Stoikov 2014, eq. 5: the price moves by beta x OFI).

    OFI = (R2/beta) r + sqrt(R2 (1 - R2)) (sigma/beta) eps with beta = tick / (2 depth), r and sigma in
    currency: where mean (r/sigma)^2 is 1, r on beta x OFI has slope 1 and that R2. Signed volume is the same
    with its own R2 and its own eps, cut to +-volume. depth0: [S, T] or broadcast to it. eps: [2, S, T], of
    OFI and of signed volume; the same, but for the planted product.
    """
    ar = ar1(draws.normal[1], model.depth_ar)[:, 1:]
    of_level = levels.ln_sigma - levels.level_vol
    depth = depth0 * np.exp(model.depth_on_volatility * of_level + model.depth_sd * ar)
    per_share = 0.5 * model.tick / depth  # beta
    moved = (moves.close - moves.origin) / per_share
    scale = levels.sigma * moves.origin / per_share
    ofi = model.r2_ofi * moved + np.sqrt(model.r2_ofi * (1 - model.r2_ofi)) * scale * eps[0]
    wish = model.r2_flow * moved + np.sqrt(model.r2_flow * (1 - model.r2_flow)) * scale * eps[1]
    signed = np.clip(wish, -moves.volume, moves.volume)
    return Flow(depth, ofi, signed, eps[0], int(np.count_nonzero(signed[moves.present] != wish[moves.present])))


def depth_level(levels: Levels, price: Float, tick: float | Float, r2_flow: float = R2_FLOW) -> Float:
    """[S, T]: the depth at which signed volume has sd FLOW_SHARE of volume, from levels of volume and
    volatility.

    sd(signed) = sqrt(R2) sigma price / beta, so depth = share x volume x tick / (2 sqrt(R2) sigma price), less
    what the unevenness of all three adds.
    """
    volume, vol = np.exp(levels.level_size), np.exp(levels.level_vol)
    return np.asarray(FLOW_SHARE * volume * 0.5 * tick / (_UNEVEN * np.sqrt(r2_flow) * vol * price))


def origin(open_: Float, close: Float, present: npt.NDArray[np.bool_]) -> Float:
    """[S, T]: the price from which a row's return counts: the close one slot before, else (open, after a
    hole) its open."""
    out = open_.copy()
    joined = present[:, 1:] & present[:, :-1]
    out[:, 1:][joined] = close[:, :-1][joined]
    return out

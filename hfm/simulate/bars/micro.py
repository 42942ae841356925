"""The calibrated model of `bars` fidelity: spread, depth, order-flow imbalance and signed volume around each
bar.

Axes: S sessions, T clock slots; NaN in holes. Mids pass through the trade prices (mid_open is the first
trade, and so on), so that re-aggregation is exact and no bounce is added to the one that real prices have;
bid and ask stand half a spread to each side and so lie off the tick grid, which only the `book` fidelity has.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from hfm.arrays import Bool, Float
from hfm.simulate.bars.session_rng import Draws, ar1, student4
from hfm.simulate.bars.trailing_stats import Levels
from hfm.simulate.day_curves import SPREAD_CURVE, day_curve
from hfm.simulate.spread_model import CAP_TICKS, R2_FLOW, SpreadModel


class Shocks(NamedTuple):
    """[S, T + 1] each, standard normal: shocks of spread, depth and flow."""

    spread: Float
    depth: Float
    flow: Float


NORMALS, UNIFORMS = len(Shocks._fields), 2
"""Draws a slot: the shocks, and two uniforms that give the spread's their tails."""
FLOW_SHARE = 0.15
"""sd of signed volume over volume, from which other names get their depth."""
_UNEVEN = 1.54  # that sd over the one at the level of depth, volume and volatility: measured over 60 names and a year
_DEV_VOL, _DEV_SIZE = 2.5, 3.0  # a row is at most this far (in logs) from its slot's level
# Next row's deviations given what is known, fitted on a year of SPY: ln GK on ln sigma, volume on its last value.
VOL_SLOPE, VOL_SHIFT, VOL_SD = 1.03, -0.19, 0.37
SIZE_SLOPE, SIZE_SD = 0.58, 0.455


@dataclass(frozen=True)
class SessionPrices:
    """Prices of S sessions: origin (what the row's return starts from), open, high, low, close, volume, and
    presence.
    """

    origin: Float
    open: Float
    high: Float
    low: Float
    close: Float
    volume: Float
    present: Bool


@dataclass(frozen=True)
class QuotedSpread:
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
class OrderFlow:
    """[S, T]: depth a side, OFI, signed volume (shares); eps: the part of the flow that is not the row's
    return.

    clipped: how many signed volumes were cut to +-volume.
    """

    depth: Float
    ofi: Float
    signed: Float
    eps: Float
    clipped: int


def spread(levels: Levels, dev_vol: Float, draws: Draws, present: Bool, model: SpreadModel, a: Float) -> QuotedSpread:
    """Quoted spreads: tick (1 + e^x), x = a + .8 dev_vol - .2 dev_size + ln phi_s + u, u AR(1) with t4 shocks.

    The spread at an open is that of the row before; a session's first open draws its own, with nothing known of the
    row.

    Parameters
    ----------
    levels
        Of volume and volatility [S, T]; NaN in holes.
    dev_vol
        [S, T] ln volatility of the row less slot and level.
    draws
        One more slot than T: the first is the open's.
    present
        [S, T] whether a row is there.
    model
        Its constants; tick in currency.
    a
        [S, 1] level of x.

    Returns
    -------
    QuotedSpread
        [S, T] in currency; NaN in holes.
    """
    slots = dev_vol.shape[1]
    # x: level, elasticities on the row's own deviations, time of day, and an AR(1) of its own
    u = model.spread_sd * ar1(student4(Shocks(*draws.normal).spread, *draws.uniform), model.spread_ar)
    phi = day_curve(SPREAD_CURVE, slots)
    g, v = np.clip(dev_vol, -_DEV_VOL, _DEV_VOL), np.clip(levels.dev_size, -_DEV_SIZE, _DEV_SIZE)
    x = a + model.on_volatility * g + model.on_volume * v + phi + u[:, 1:]
    cap = np.log(np.maximum(CAP_TICKS - 1.0, 5.0 * np.exp(a)))
    quoted = model.tick * (1.0 + np.exp(np.minimum(x, cap)))
    first = model.tick * (1.0 + np.exp(np.minimum(a + phi[0] + u[:, :1], cap)))
    return QuotedSpread(quoted, before(quoted, first, present), x, u[:, 1:], g, v, a)


def before(values: Float, first: Float, present: Bool) -> Float:
    """The value of the last row before each slot.

    Parameters
    ----------
    values
        [S, T].
    first
        [S, 1], taken where no row is before.
    present
        [S, T] whether a row is there.

    Returns
    -------
    Float
        [S, T]; in holes too.
    """
    shifted = np.concatenate((first, values[:, :-1]), axis=1)
    if present.all():
        return shifted
    valid = np.concatenate((np.ones_like(first, bool), present[:, :-1]), axis=1)
    last = np.maximum.accumulate(np.where(valid, np.arange(values.shape[1]), 0), axis=1)
    return np.take_along_axis(shifted, last, axis=1)


def flow(
    moves: SessionPrices, levels: Levels, depth0: Float, draws: Draws, eps: Float, model: SpreadModel
) -> OrderFlow:
    """Depth, OFI and signed volume (Cont, Kukanov and Stoikov 2014, eq. 5: the price moves by beta x OFI).

    OFI = (R2/beta) r + sqrt(R2 (1 - R2)) (sigma/beta) eps with beta = tick / (2 depth), r and sigma in currency: where
    mean (r/sigma)^2 is 1, r on beta x OFI has slope 1 and that R2. Signed volume is the same with its own R2 and its
    own eps, cut to +-volume.

    Parameters
    ----------
    moves, levels
        Prices in currency, volumes in shares, and their levels [S, T]; NaN in holes.
    depth0
        Shares a side at level volatility, [S, T] or broadcast to it.
    draws
        One more slot than T.
    eps
        [2, S, T] noise of OFI and of signed volume, of sd 1; the same for both, but for the planted product.
    model
        Its constants.

    Returns
    -------
    OrderFlow
        [S, T] in shares; NaN in holes.
    """
    ar = ar1(Shocks(*draws.normal).depth, model.depth_ar)[:, 1:]
    of_level = levels.ln_sigma - levels.level_vol
    depth = depth0 * np.exp(model.depth_on_volatility * of_level + model.depth_sd * ar)
    per_share = 0.5 * model.tick / depth  # beta
    # eq. 5: a price move is beta x OFI; OFI has its share R2 of the move's variance, and a noise of its own
    price_move = (moves.close - moves.origin) / per_share
    scale = levels.sigma * moves.origin / per_share
    ofi = model.r2_ofi * price_move + np.sqrt(model.r2_ofi * (1 - model.r2_ofi)) * scale * eps[0]
    wish = model.r2_flow * price_move + np.sqrt(model.r2_flow * (1 - model.r2_flow)) * scale * eps[1]
    signed = np.clip(wish, -moves.volume, moves.volume)
    return OrderFlow(depth, ofi, signed, eps[0], int(np.count_nonzero(signed[moves.present] != wish[moves.present])))


def depth_level(levels: Levels, price: Float, tick: float | Float, r2_flow: float = R2_FLOW) -> Float:
    """The depth at which signed volume has sd FLOW_SHARE of volume, from levels of volume and volatility.

    sd(signed) = sqrt(R2) sigma price / beta, so depth = share x volume x tick / (2 sqrt(R2) sigma price), less what the
    unevenness of all three adds.

    Parameters
    ----------
    levels
        [S, T].
    price, tick
        [S, T] and [S, 1] or a number, currency.
    r2_flow
        Share of the row's return variance that signed volume explains.

    Returns
    -------
    Float
        [S, T] shares a side.
    """
    volume, vol = np.exp(levels.level_size), np.exp(levels.level_vol)
    return np.asarray(FLOW_SHARE * volume * 0.5 * tick / (_UNEVEN * np.sqrt(r2_flow) * vol * price))


def origin(open_: Float, close: Float, present: Bool) -> Float:
    """The price from which a row's return counts: the close one slot before, else (open, after a hole) its open.

    Parameters
    ----------
    open_, close
        [S, T] currency, NaN in holes.
    present
        [S, T] whether a row is there.

    Returns
    -------
    Float
        [S, T] currency, NaN in holes.
    """
    out = open_.copy()
    adjacent = present[:, 1:] & present[:, :-1]
    out[:, 1:][adjacent] = close[:, :-1][adjacent]
    return out


def log_spread_forecast(levels: Levels, spread: QuotedSpread, model: SpreadModel, price: Float) -> tuple[Float, Float]:
    """The next row's ln spread, for one who knows the model.

    Such a forecaster knows the law of x (see `spread`) and its AR part; the next row's volatility and volume it must
    forecast, by the row's own forecast sigma and the last volume. ln(1 + e^x) is taken to the second order in the
    forecast error of x.

    Parameters
    ----------
    levels, spread
        [S, T] of the rows.
    model
        Its constants.
    price
        [S, T] mid at the close, currency.

    Returns
    -------
    tuple[Float, Float]
        Mean and sd [S, T] of ln(spread in bps); NaN in the last slot.
    """
    slots = price.shape[1]
    mean, sd = np.full(price.shape, np.nan), np.full(price.shape, np.nan)
    # mean of x: the model with the next row's deviations forecast by those that are known
    # the level is the row's own: in a symbol's first session the next row's holds that row's volatility
    forecast = levels.ln_sigma[:, 1:] - levels.level_vol[:, :-1] - levels.phi_vol[:, 1:]
    phi = day_curve(SPREAD_CURVE, slots)[1:]
    x = (
        spread.a
        + model.on_volatility * (VOL_SHIFT + VOL_SLOPE * forecast)
        + model.on_volume * SIZE_SLOPE * spread.dev_size[:, :-1]
        + phi
        + model.spread_ar * spread.u[:, :-1]
    )
    # its variance: errors of both forecasts, and the AR part's next shock
    variance = (
        (model.on_volatility * VOL_SD) ** 2
        + (model.on_volume * SIZE_SD) ** 2
        + (1.0 - model.spread_ar**2) * model.spread_sd**2
    )
    # E ln(1 + e^x) to the second order: f + f'' var / 2, f' = e^x / (1 + e^x)
    excess = np.exp(x)
    slope = excess / (1.0 + excess)
    mean[:, :-1] = np.log1p(excess) + 0.5 * slope * (1.0 - slope) * variance + np.log(1e4 * model.tick / price[:, :-1])
    sd[:, :-1] = slope * np.sqrt(variance)
    return mean, sd

"""The rules of a fill: whether there is a price, what it is, what it costs, and how many lots money buys.

Each rule stands here once. The ledger's step, the summary and batched ledgers of sweeps and the policies' expected cost
all call it. Prices and half-spreads in currency a unit, sizes in units (unsigned unless they are called qty).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from hfm.kernels.jit import bare
from hfm.ledger.ledger_records import FILL_CROSS, FILL_NEXT_MID, Record

Float = npt.NDArray[np.float64]


class Fill(NamedTuple):
    """One execution.

    qty: signed units; price and mid: currency a unit; costs in currency; at_close: 1 at the row's close, 0 at its open.
    """

    qty: float
    price: float
    mid: float
    spread_cost: float
    fee: float
    impact: float
    at_close: int


@bare
def flag(result: Record, bit: int) -> None:
    """Set a reason bit of a row's result."""
    result.reason |= bit


@bare
def quoted(mid: float, bid: float, ask: float) -> bool:
    """Whether a fill may take place: 0 < bid <= mid <= ask < inf.

    Parameters
    ----------
    mid, bid, ask
        Currency a unit.

    Returns
    -------
    bool
        False for any NaN.
    """
    return bid > 0.0 and bid <= mid and mid <= ask and ask < np.inf


@bare
def in_lots(params: Record, size: float) -> float:
    """The complete lots in `size` units, as units."""
    return float(np.floor(size * params.lots_per_unit) * params.lot)


@bare
def position_size(params: Record, share: float, open_equity: float, mid: float) -> float:
    """Size of a position in complete lots.

    Parameters
    ----------
    params
        PARAMS; capital_share of `open_equity` is the full position.
    share
        Of the full position.
    open_equity
        At the session's open, currency.
    mid
        Currency a unit.

    Returns
    -------
    float
        Units; 0 for a negative equity.
    """
    return in_lots(params, max(params.capital_share * share * open_equity, 0.0) / mid)


@bare
def half_spread(fill: int, spread_share: float, side: float, mid: float, bid: float, ask: float) -> float:
    """Currency a unit paid across the spread, over the mid, by an order that takes liquidity.

    Parameters
    ----------
    fill
        FILL_NEXT_MID: nothing; FILL_CROSS: up to the quote; any other: a share of half the quoted spread.
    spread_share
        Effective over quoted half-spread.
    side
        Above 0 a purchase, else a sale.
    mid, bid, ask
        Currency a unit, of the instant of the fill.

    Returns
    -------
    float
        Currency a unit.
    """
    if fill == FILL_CROSS:
        return ask - mid if side > 0.0 else mid - bid
    if fill == FILL_NEXT_MID:
        return 0.0
    return spread_share * 0.5 * (ask - bid)


@bare
def impact(price: float, y: float, sigma_day: float, size: float, adv: float) -> float:
    """Market impact of `size` units by the square-root law, y x sigma x sqrt(size / adv), times `price`.

    With the mid as `price` it is currency a unit, with 1e4 bp. 0 where no volume is known (adv 0 or NaN).

    Almgren, Thum, Hauptmann and Li (2005), Risk 18(7), 58-62; Toth et al. (2011), Physical Review X 1, 021006,
    doi:10.1103/PhysRevX.1.021006.

    Parameters
    ----------
    price
        Currency a unit, or 1e4.
    y
        Of the law, about 0.7.
    sigma_day
        Daily volatility (0.01 is 1 %).
    size, adv
        Units filled, and average daily volume in units.

    Returns
    -------
    float
        In the unit of `price`.
    """
    if adv > 0.0:
        return float(price * y * sigma_day * np.sqrt(size / adv))
    return 0.0


@bare
def fill_price(mid: float, slip: float, side: float) -> float:
    """Price of a fill that is worse than the mid.

    Parameters
    ----------
    mid
        Currency a unit.
    slip
        By how much it is worse, currency a unit.
    side
        Above 0 a purchase, else a sale.

    Returns
    -------
    float
        Currency a unit.
    """
    return mid + slip if side > 0.0 else mid - slip


@bare
def round_trip_bps(bid: float, ask: float, mid: float, spread_share: float, side_bps: float) -> float:
    """Expected cost of a round trip: the effective share of the quoted spread, and twice the costs of a side.

    Parameters
    ----------
    bid, ask, mid
        Currency a unit.
    spread_share
        Effective over quoted half-spread.
    side_bps
        Fee and impact of a side, bp.

    Returns
    -------
    float
        bp of the mid; NaN where a price is NaN.
    """
    return spread_share * ((ask - bid) / mid * 1e4) + 2.0 * side_bps


class Expectation(NamedTuple):
    """What an expected round trip is made of.

    worth: of a full position, currency; fee_bps: a side; spread_share: effective over quoted half-spread; impact: Y of
    the square-root law.
    """

    worth: float
    fee_bps: float
    spread_share: float
    impact: float


@bare
def expected_bps(
    rule: Expectation, bid: float, ask: float, mid: float, adv: float, sigma_day: float
) -> float:  # fmt: skip
    """Expected round trip of a full position, all as known at one instant.

    Parameters
    ----------
    rule
        Costs and the worth of a full position.
    bid, ask, mid
        Currency a unit.
    adv, sigma_day
        Average daily volume (units; 0: not known, no impact) and daily volatility (0.01 is 1 %).

    Returns
    -------
    float
        bp; NaN where a price is NaN.
    """
    side = rule.fee_bps + impact(1e4, rule.impact, sigma_day, rule.worth / mid, adv)
    return round_trip_bps(bid, ask, mid, rule.spread_share, side)


@bare
def expected_costs(
    rule: Expectation, bid: Float, ask: Float, mid: Float, adv: Float, sigma_day: Float, out: Float
) -> None:
    """Write `expected_bps` of each row.

    Parameters
    ----------
    rule
        Costs and the worth of a full position.
    bid, ask, mid
        [n] currency a unit; NaN gives NaN.
    adv, sigma_day
        [n] average daily volume (units; 0: not known) and daily volatility (0.01 is 1 %).
    out
        [n] written, bp.
    """
    for i in range(out.size):
        out[i] = expected_bps(rule, bid[i], ask[i], mid[i], adv[i], sigma_day[i])

"""What a round trip is expected to cost, for one row: what live tells the cost policy and Kelly sizing."""

from __future__ import annotations

import math

from hfm.kernels.jit import bare


@bare
def impact_bps(worth: float, mid: float, adv: float, sigma_day: float, y: float) -> float:
    """Expected impact a side of a position worth `worth` (currency), as the ledger charges it; 0 where not known.

    mid: currency a share; adv: average daily volume in shares; sigma_day: daily volatility (0.01 is 1 %); y: of the
    square-root law.
    """
    if adv > 0.0:
        return float(1e4 * y * sigma_day * math.sqrt(worth / mid / adv))
    return 0.0


@bare
def round_trip_bps(bid: float, ask: float, mid: float, share: float, side_bps: float) -> float:
    """Expected round trip in bp: the effective share of the quoted spread, and both sides at side_bps each."""
    return share * ((ask - bid) / mid * 1e4) + 2.0 * side_bps

"""The expected cost of one row is the back-test's, to the bit."""

from __future__ import annotations

import numpy as np

from hfm.backtest import family
from hfm.config import Backtest
from hfm.ledger.expected_cost import impact_bps, round_trip_bps


def test_a_row_s_cost_is_the_formula_of_the_whole_table() -> None:
    """Square-root impact where volume is known, quoted spread, fee."""
    rng = np.random.default_rng(1)
    mid, adv, sigma = rng.uniform(1, 900, 500), rng.uniform(0, 1e8, 500), rng.uniform(0, 0.05, 500)
    adv[::50] = 0.0
    settings = Backtest(fee_bps=0.07, spread_share=0.6, impact=0.9)
    bid, ask = mid * (1 - rng.uniform(0, 1e-3, 500)), mid * (1 + rng.uniform(0, 1e-3, 500))
    with np.errstate(divide="ignore"):
        impact = np.where(adv > 0, 1e4 * settings.impact * sigma * np.sqrt(1e6 / mid / adv), 0.0)

    class Seen:
        quotes = {"bid_close": bid, "ask_close": ask, "mid_close": mid}  # noqa: RUF012
        forecasts = dict.fromkeys(("p_up", "conf_rank", "ret_sd_bps"), mid)

    want = family.inputs(Seen(), settings, impact).cost_bps  # type: ignore[arg-type]  # all that it reads of a panel
    for i in range(500):
        push = impact_bps(1e6, mid[i], adv[i], sigma[i], settings.impact)
        assert push == impact[i]
        cost = round_trip_bps(bid[i], ask[i], mid[i], settings.spread_share, settings.fee_bps + push)
        assert cost == want[i]

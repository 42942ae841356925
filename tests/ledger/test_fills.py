"""The rules of a fill, each against its formula."""

from __future__ import annotations

import numpy as np
import pytest

from hfm.ledger.fills import Expectation, expected_bps, expected_costs, fill_price, impact


def test_the_expected_round_trip_is_the_spread_the_fees_and_the_square_root_law() -> None:
    """As NumPy has it, over random quotes; no impact where no volume is known; the rows' kernel is the row's."""
    rng = np.random.default_rng(1)
    mid, adv, sigma = rng.uniform(1, 900, 500), rng.uniform(0, 1e8, 500), rng.uniform(0, 0.05, 500)
    adv[::50] = 0.0
    bid, ask = mid * (1 - rng.uniform(0, 1e-3, 500)), mid * (1 + rng.uniform(0, 1e-3, 500))
    mid[7] = np.nan
    rule = Expectation(1e6, 0.07, 0.6, 0.9)
    with np.errstate(divide="ignore"):
        push = np.where(adv > 0, 1e4 * 0.9 * sigma * np.sqrt(1e6 / mid / adv), 0.0)
    want = 0.6 * ((ask - bid) / mid * 1e4) + 2.0 * (0.07 + push)
    got = np.empty(500)
    expected_costs(rule, bid, ask, mid, adv, sigma, got)
    np.testing.assert_array_equal(got, want)
    assert [expected_bps(rule, *row) for row in zip(bid, ask, mid, adv, sigma, strict=True)] == pytest.approx(
        want.tolist(), abs=0, rel=0, nan_ok=True
    )


@pytest.mark.parametrize("side", [1.0, -1.0])
def test_impact_in_bp_of_a_price_is_impact_in_currency(side: float) -> None:
    """One law in two units; the price moves against the order."""
    push = impact(100.0, 0.7, 0.02, 400.0, 1e4)
    assert push == pytest.approx(100.0 * impact(1e4, 0.7, 0.02, 400.0, 1e4) / 1e4)
    assert fill_price(100.0, push, side) == 100.0 + side * push
    assert impact(100.0, 0.7, 0.02, 400.0, 0.0) == impact(100.0, 0.7, 0.02, 400.0, np.nan) == 0.0

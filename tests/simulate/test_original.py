"""The original recipe's parts."""

from __future__ import annotations

import numpy as np
import pytest

from hfm.simulate import original


@pytest.mark.parametrize("cut", [0, 1, 19, 20, 60])
def test_volatility_is_the_sample_sd_of_20_returns_however_the_rows_are_cut(cut: int) -> None:
    """Twenty rows: the textbook sd in bps; fewer: that of those there are; the tail carries over."""
    returns = np.random.default_rng(0).normal(0, 1e-3, 100)
    first, tail = original.volatility(returns[:cut], np.empty(0))
    second, _ = original.volatility(returns[cut:], tail)
    found = np.concatenate((first, second))
    expected = [0.0] + [1e4 * returns[max(0, t - 19) : t + 1].std(ddof=1) for t in range(1, 100)]
    np.testing.assert_allclose(found, expected, atol=1e-6)


def test_spread_and_flow_by_hand() -> None:
    """10 + 2 x 3 + .1 x 5 x 1 = 16.5; never below 1; +.6 after a rise, -.4 at rest or after a fall."""
    np.testing.assert_allclose(original.spread_bps(np.array([3.0, 0.0]), 5.0 * np.array([1.0, -40.0])), [16.5, 1.0])
    np.testing.assert_allclose(original.ofi(np.array([1e-4, 0.0, -1e-4]), np.full(3, 100.0)), [60.0, -40.0, -40.0])

"""What luck alone shows, against other people's code and simulation."""

from __future__ import annotations

import math

import jsharpe
import numpy as np
import pytest

from hfm.policies import multiple_testing


@pytest.mark.parametrize("trials", [5, 11, 50, 1000])
def test_expected_maximum_equals_jsharpe_and_simulation(trials: int) -> None:
    """The hurdle is the published approximation, and within .06 of the mean of simulated maxima."""
    got = multiple_testing.expected_maximum(trials)
    assert got == pytest.approx(jsharpe.expected_maximum_sharpe_ratio(trials, 1.0), abs=1e-9)
    drawn = np.random.default_rng(2).normal(size=(4000, trials)).max(axis=1).mean()
    assert got == pytest.approx(drawn, abs=0.06)
    assert multiple_testing.expected_maximum(1) == 0.0


def test_fifty_trials_over_eighty_five_sessions_must_clear_three_point_nine() -> None:
    """The known hurdle: the best of 50 worthless trials over 85 sessions shows a yearly Sharpe of 3.9."""
    assert multiple_testing.sharpe_hurdle(50, 85) * math.sqrt(252) == pytest.approx(3.9, abs=0.05)
    assert math.isnan(multiple_testing.sharpe_hurdle(50, 0))

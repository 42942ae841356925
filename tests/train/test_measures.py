"""Measures against scikit-learn, hand-computed cases and simulation."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import r2_score, roc_auc_score

from hfm.train import measures
from tests.train.test_scoring import N, sample


def test_the_area_by_hand_and_with_ties() -> None:
    """Of six pairs of an up and a down four are in order and one is a tie; scikit-learn says so too."""
    p, y = np.array([0.9, 0.6, 0.4, 0.6, 0.2]), np.array([1.0, 1.0, 1.0, 0.0, 0.0])
    value, error, n = measures.auc(p, y, np.arange(5))
    assert value == pytest.approx(4.5 / 6)
    assert value == pytest.approx(roc_auc_score(y, p))
    assert (error > 0, n) == (True, 5)
    assert np.isnan(measures.auc(p, np.ones(5), np.arange(5))[0])


def test_r_squared_is_scikit_learn_s_and_nothing_of_a_constant() -> None:
    """With an error by cluster."""
    rng = np.random.default_rng(3)
    y = rng.standard_normal(200)
    forecast = 0.6 * y + 0.3 * rng.standard_normal(200)
    value, error = measures.r_squared(y - forecast, y, np.arange(200) // 10)
    assert value == pytest.approx(r2_score(y, forecast))
    assert error > 0
    assert np.isnan(measures.r_squared(np.ones(9), np.full(9, 2.0), np.arange(9))).all()


@pytest.mark.parametrize(("n", "expected"), [(470, 0.072), (15_400, 0.012)])
def test_the_expected_calibration_error_of_a_calibrated_forecaster(n: int, expected: float) -> None:
    """The figures of the design, and the mean over simulated draws."""
    p = np.full(n, 0.5)
    assert measures.expected_error(p) == pytest.approx(expected, abs=0.001)
    rng = np.random.default_rng(0)
    p = 0.5 + 0.1 * (rng.random(n) - 0.5)
    drawn = [measures.calibration_error(p, (rng.random(n) < p).astype(float)) for _ in range(100)]
    assert np.mean(drawn) == pytest.approx(measures.expected_error(p), rel=0.05)


def test_the_share_of_the_oracle_is_1_for_the_oracle_and_0_for_a_coin() -> None:
    """Negative where a forecast is worse than a coin; NaN where there is nothing to know."""
    truth, said = sample()
    assert measures.oracle_share(said.p_up, truth.oracle) == pytest.approx(1)
    assert measures.oracle_share(np.full(N, 0.5), truth.oracle) == pytest.approx(0)
    assert measures.oracle_share(1 - said.p_up, truth.oracle) < -1
    assert np.isnan(measures.oracle_share(said.p_up, np.full(N, 0.5)))

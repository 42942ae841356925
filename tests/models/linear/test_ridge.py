"""The floors' arithmetic against scikit-learn and known curves."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.linear_model import LogisticRegression, Ridge

from hfm.models.linear import ridge


def test_the_scaler_is_a_symbols_own_and_pools_the_strangers() -> None:
    """Means and sds by symbol; the last row is everyone; a column that stands still has factor 0; NaN is left out."""
    rng = np.random.default_rng(0)
    values = np.column_stack([rng.standard_normal(200), np.full(200, 7.0)])
    symbol = np.arange(200) % 2
    values[symbol == 1, 0] = 5 + 3 * values[symbol == 1, 0]
    values[0] = np.nan
    centre, factor = ridge.scaler(values, symbol, 3)
    for s in (0, 1):
        part = values[(symbol == s) & np.isfinite(values[:, 0]), 0]
        assert (centre[s, 0], 1 / factor[s, 0]) == pytest.approx((part.mean(), part.std()))
    np.testing.assert_array_equal(factor[:, 1], 0)
    np.testing.assert_array_equal(centre[2], centre[3])


def test_extreme_values_are_cut_and_nan_stays() -> None:
    """One bad print must not throw a session."""
    z = ridge.standardise(np.array([[1e9], [-1e9], [np.nan]]), np.zeros(3, int), np.zeros((1, 1)), np.ones((1, 1)))
    np.testing.assert_array_equal(z[:, 0], [8, -8, np.nan])


def test_ridge_without_a_clock_is_scikit_learns() -> None:
    """One slot: the table is the intercept."""
    rng = np.random.default_rng(1)
    z = rng.standard_normal((300, 4))
    y = z @ np.array([1.0, -2.0, 0.0, 0.5]) + 3 + rng.standard_normal(300)
    w, table = ridge.ridge(z, np.zeros(300, np.int64), y, 1, penalty=5.0)
    peer = Ridge(alpha=5.0).fit(z, y)
    np.testing.assert_allclose(w, peer.coef_, atol=1e-6)
    assert table[0] == pytest.approx(peer.intercept_, abs=1e-6)


@given(st.integers(1, 40), st.integers(0, 6), st.integers(1, 300), st.integers(0, 2**32 - 1))
def test_ridge_by_sums_is_that_of_the_design_matrix(slots: int, features: int, rows: int, seed: int) -> None:
    """The normal equations of n rows x (features, curve, one-hot slots); slots beyond the last count as it.

    Few rows, empty slots and collinear columns: what the equations leave open the penalty decides, the same in both.
    """
    rng = np.random.default_rng(seed)
    z, y = rng.standard_normal((rows, features)), rng.standard_normal(rows)
    slot = rng.integers(0, slots + 2, rows)
    curve, own = ridge._curve(slots), np.minimum(slot, slots - 1)
    design = np.hstack([z, curve[own], np.eye(slots)[own]])
    penalty = np.concatenate(
        [np.full(features, 2.0), [1e-9], np.ones(curve.shape[1] - 1), np.full(slots, ridge.SLOT_PENALTY)]
    )
    beta = np.linalg.solve(design.T @ design + np.diag(penalty), design.T @ y)
    level = curve @ beta[features : features + curve.shape[1]] + beta[features + curve.shape[1] :]
    w, table = ridge.ridge(z, slot, y, slots, penalty=2.0)
    np.testing.assert_allclose(w, beta[:features], atol=1e-8)
    np.testing.assert_allclose(table, level, atol=1e-7)


def test_the_time_of_day_table_follows_a_smooth_curve_and_a_single_odd_slot() -> None:
    """With many rows a slot's own departure is believed, with few it is shrunk."""
    rng = np.random.default_rng(2)
    curve = np.cos(2 * np.pi * np.arange(26) / 26)
    curve[13] += 2
    for rows, near in ((2000, 0.1), (3, 1.5)):
        slot = np.tile(np.arange(26), rows)
        y = curve[slot] + 0.1 * rng.standard_normal(len(slot))
        _, table = ridge.ridge(rng.standard_normal((len(slot), 1)), slot, y, 26)
        assert abs(table[13] - curve[13]) < near
        assert np.abs(np.delete(table - curve, 13)).max() < (0.1 if rows == 2000 else 0.9)


def test_the_logistic_weights_are_scikit_learns_at_the_same_penalty() -> None:
    """Newton to the optimum."""
    rng = np.random.default_rng(3)
    z = rng.standard_normal((500, 3))
    y = (rng.random(500) < 1 / (1 + np.exp(-z[:, 0] + 0.3))).astype(float)
    w, penalty = ridge.logistic(z, y, (4.0,))
    peer = LogisticRegression(C=1 / 4.0, tol=1e-10, max_iter=1000).fit(z, y)
    assert penalty == 4.0
    np.testing.assert_allclose(w, np.append(peer.coef_[0], peer.intercept_[0]), atol=1e-5)


def test_the_evidence_prefers_a_strong_penalty_for_noise_and_a_weak_one_for_signal() -> None:
    """No validation rows needed."""
    rng = np.random.default_rng(4)
    z = rng.standard_normal((2000, 20))
    tried = (1.0, 10.0, 100.0, 1e3, 1e4)
    noise = ridge.logistic(z, (rng.random(2000) < 0.5).astype(float), tried)[1]
    signal = ridge.logistic(z, (rng.random(2000) < 1 / (1 + np.exp(-z.sum(axis=1)))).astype(float), tried)[1]
    assert noise >= 1e3
    assert signal <= 10.0


@pytest.mark.parametrize("label", [0.0, 1.0])
def test_one_class_gives_the_smoothed_base_rate(label: float) -> None:
    """Finite, no weights."""
    w, _ = ridge.logistic(np.ones((8, 2)), np.full(8, label), (1.0,))
    np.testing.assert_allclose(w, [0, 0, np.log(9) * (1 if label else -1)])
    assert np.isfinite(ridge.logistic(np.ones((0, 2)), np.zeros(0), (1.0,))[0]).all()

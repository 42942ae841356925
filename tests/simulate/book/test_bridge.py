"""The path inside a bar: analogues of true random walks."""

from __future__ import annotations

import numpy as np
import pytest

from hfm.simulate.book import bridge

STEPS = 480


def test_a_path_touches_both_ends_of_the_range_and_meets_open_and_close() -> None:
    """In [0, 1], with 0 and 1 in it, and its ends where the bar's are."""
    pool = bridge.pool(STEPS)
    for start, end, spread in ((0.1, 0.9, 1.6), (0.5, 0.5, 1.6), (0.95, 0.6, 1.5), (0.2, 0.8, 1.4)):
        for choice in range(bridge.NEAREST):
            path = bridge.path(pool, start, end, spread, choice)
            assert path.shape == (STEPS + 1,)
            assert path.min() == pytest.approx(0.0, abs=0.06)
            assert path.max() == pytest.approx(1.0, abs=0.06)
            assert path[0] == pytest.approx(start, abs=0.02)
            assert path[-1] == pytest.approx(end, abs=0.02)


def test_bridged_walks_are_walks_again() -> None:
    """Cut into bars and bridged by open, high, low, close and the true sigma, a random walk keeps its laws.

    Autocorrelation of steps within .01 of 0, and their variance within 3 % of the truth (folded bridges: .13, 67 %).
    """
    rng = np.random.default_rng(3)
    pool = bridge.pool(STEPS)
    steps = []
    for _ in range(600):
        walk = np.concatenate(([0.0], np.cumsum(rng.standard_normal(STEPS)))) / np.sqrt(STEPS)
        low, spread = walk.min(), np.ptp(walk)
        start, end = (walk[[0, -1]] - low) / spread
        path = low + spread * bridge.path(pool, start, end, spread, int(rng.integers(bridge.NEAREST)))
        steps.append(np.diff(path) * np.sqrt(STEPS))
    made = np.array(steps)
    assert np.mean(made[:, 1:] * made[:, :-1]) / np.mean(made**2) == pytest.approx(0.0, abs=0.01)
    sixth = made.reshape(len(made), 48, -1).sum(axis=2)
    assert np.mean(sixth[:, 1:] * sixth[:, :-1]) / np.mean(sixth**2) == pytest.approx(0.0, abs=0.02)
    assert np.mean(made**2) == pytest.approx(1.0, abs=0.03)


def test_the_pool_is_one_of_unit_walks_and_a_constant() -> None:
    """Variance 1 at the end, range of a Brownian motion (mean 1.596), the same in every process."""
    pool = bridge.pool(STEPS)
    assert pool.walks[:, -1].var() == pytest.approx(1.0, abs=0.05)
    spread = np.exp(pool.features[: bridge.PATHS, 2] / bridge.RANGE_WEIGHT)
    assert spread.mean() == pytest.approx(np.sqrt(8 / np.pi), abs=0.06)  # less what steps miss
    bridge.pool.cache_clear()
    np.testing.assert_array_equal(bridge.pool(STEPS).walks, pool.walks)


def test_upside_down_and_backwards_share_a_walk() -> None:
    """Features of the four variants: positions mirrored, ends swapped, one range."""
    features = bridge.pool(STEPS).features.reshape(4, bridge.PATHS, 3)
    np.testing.assert_allclose(features[1, :, :2], 1.0 - features[0, :, :2])
    np.testing.assert_allclose(features[2, :, :2], features[0, :, 1::-1])
    for variant in (1, 2, 3):
        np.testing.assert_array_equal(features[variant, :, 2], features[0, :, 2])

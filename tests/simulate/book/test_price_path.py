"""The path inside a bar: analogues of true random walks."""

from __future__ import annotations

import numpy as np
import pytest

from hfm.simulate.book import price_path
from hfm.verify import structure

STEPS = 480


def test_a_path_touches_both_ends_of_the_range_and_meets_open_and_close() -> None:
    """In [0, 1], with 0 and 1 in it, and its ends where the bar's are."""
    pool = price_path.pool(STEPS)
    for start, end, spread in ((0.1, 0.9, 1.6), (0.5, 0.5, 1.6), (0.95, 0.6, 1.5), (0.2, 0.8, 1.4)):
        for draw in (0.0, 0.3, 0.6, 0.999):
            path = price_path.path(pool, start, end, spread, 0.2, draw)
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
    pool = price_path.pool(STEPS)
    steps = []
    for _ in range(600):
        walk = np.concatenate(([0.0], np.cumsum(rng.standard_normal(STEPS)))) / np.sqrt(STEPS)
        low, spread = walk.min(), np.ptp(walk)
        start, end = (walk[[0, -1]] - low) / spread
        path = low + spread * price_path.path(pool, start, end, spread, 0.05, rng.random())
        steps.append(np.diff(path) * np.sqrt(STEPS))
    made = np.array(steps)
    assert np.mean(made[:, 1:] * made[:, :-1]) / np.mean(made**2) == pytest.approx(0.0, abs=0.01)
    sixth = made.reshape(len(made), 48, -1).sum(axis=2)
    assert np.mean(sixth[:, 1:] * sixth[:, :-1]) / np.mean(sixth**2) == pytest.approx(0.0, abs=0.02)
    assert np.mean(made**2) == pytest.approx(1.0, abs=0.03)


@pytest.mark.slow
def test_paths_are_walks_where_the_forecast_misses_the_volatility_of_the_bars() -> None:
    """Bars' volatility is off by half from what anyone knew: within .02 of the walk's own autocorrelation.

    (A walk whose volatility is known: `hfm verify --full`, tests/verify/test_claims.py.)
    Taking the forecast for the truth makes smooth paths of volatile bars: +.046 at 60 s.
    """
    paths, walks = structure.bridged(300, 2, scatter=0.5)
    for h in (1, 10, 60):
        assert structure.lag_one(paths, h) == pytest.approx(structure.lag_one(walks, h), abs=0.02), h


def test_forecasts_that_are_right_and_wrong_are_told_apart() -> None:
    """The sd of ln(volatility / forecast) of 2,000 bars is found within .05; before any bar it is the prior's."""
    rng = np.random.default_rng(5)
    pool = price_path.pool(STEPS)
    assert price_path.ForecastError(pool).sd == price_path.PRIOR_SD
    for truth in (0.0, 0.3, 0.6):
        error = price_path.ForecastError(pool)
        for x in rng.choice(pool.log_range, 2000) + truth * rng.standard_normal(2000):
            error.add(float(np.exp(x)))
        assert error.sd == pytest.approx(truth, abs=0.06)


def test_a_wide_bar_is_a_volatile_one_where_forecasts_miss() -> None:
    """The same bar, twice as wide as forecast: trusted forecasts make it a trend, others a rough path."""
    pool = price_path.pool(STEPS)

    def roughness(sd: float) -> float:
        draws = (np.arange(40) + 0.5) / 40
        return float(np.mean([np.square(np.diff(price_path.path(pool, 0.4, 0.6, 3.2, sd, d))).sum() for d in draws]))

    assert roughness(0.5) > 1.2 * roughness(0.05)


def test_the_pool_is_one_of_unit_walks_and_a_constant() -> None:
    """Variance 1 at the end, range of a Brownian motion (mean 1.596), the same in every process."""
    pool = price_path.pool(STEPS)
    assert pool.walks[:, -1].var() == pytest.approx(1.0, abs=0.02)
    spread = np.exp(pool.log_range[: price_path.PATHS])
    assert spread.mean() == pytest.approx(np.sqrt(8 / np.pi), abs=0.06)  # less what steps miss
    price_path.pool.cache_clear()
    np.testing.assert_array_equal(price_path.pool(STEPS).walks, pool.walks)


@pytest.mark.parametrize("parts", [5, 30, 300])
def test_moves_of_the_pool_over_a_part_of_a_bar_are_uncorrelated(parts: int) -> None:
    """Exactly, over all walks: their products cancel."""
    walks = price_path.pool(2400).walks[:, :: 2400 // parts].astype(float)
    move = np.diff(walks, axis=1)
    assert np.mean(move[:, 1:] * move[:, :-1]) / np.mean(move**2) == pytest.approx(0.0, abs=1e-5)


def test_upside_down_and_backwards_share_a_walk() -> None:
    """Ends of the four variants: positions mirrored, swapped, one range."""
    pool = price_path.pool(STEPS)
    ends, ranges = pool.ends.reshape(4, price_path.PATHS, 2), pool.log_range.reshape(4, price_path.PATHS)
    np.testing.assert_allclose(ends[1], 1.0 - ends[0])
    np.testing.assert_allclose(ends[2], ends[0, :, ::-1])
    for variant in (1, 2, 3):
        np.testing.assert_array_equal(ranges[variant], ranges[0])

"""The test behind the verdict: its size at few sessions and heavy tails, its power, and its parts by hand."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from scipy import stats

from hfm.report import randomization as r

Draw = Callable[[np.random.Generator, tuple[int, int]], np.ndarray]
NULLS: dict[str, Draw] = {
    "normal": lambda rng, shape: rng.standard_normal(shape),
    "heavy": lambda rng, shape: rng.standard_t(3, shape),
    "volatile": lambda rng, shape: rng.standard_normal(shape) * np.exp(rng.standard_normal((shape[0], 1))),
    "right-skewed": lambda rng, shape: rng.exponential(size=shape) - 1,
    "left-skewed": lambda rng, shape: 1 - rng.exponential(size=shape),
}


def families(name: str, count: int, sessions: int, seed: int) -> list[np.ndarray]:
    """Worthless families of six trials that share half of their variance."""
    rng = np.random.default_rng(seed)
    return [0.7 * NULLS[name](rng, (sessions, 1)) + 0.7 * NULLS[name](rng, (sessions, 6)) for _ in range(count)]


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(NULLS))
def test_a_worthless_family_of_sixty_sessions_is_rejected_no_more_often_than_it_says(name: str) -> None:
    """1,000 families: p <= .01 no more often than a size of .01 allows (binomial 99.9 %); of extreme skew 1.5 times."""
    p = np.array([r.family_test(x, 2000, k).p for k, x in enumerate(families(name, 1000, 60, 5))])
    size = 0.015 if name.endswith("skewed") else 0.01
    assert (p <= 0.01).sum() <= stats.binom.ppf(0.999, 1000, size)
    assert (p <= 0.1).mean() < 0.13


def test_the_weights_of_a_session_do_not_know_it() -> None:
    """Another return in session t changes the series at t by its own weight and nothing before it."""
    x = np.random.default_rng(1).standard_normal((40, 4))
    y = x.copy()
    y[20] = 100.0
    a, b = r.weighted_series(x), r.weighted_series(y)
    assert np.array_equal(a[: 20 - r.START], b[: 20 - r.START])
    assert a[20 - r.START] != b[20 - r.START]


def test_the_series_of_equal_trials_is_each_of_them_in_units_of_its_past() -> None:
    """Copies share the weights, whatever they are; a trial that has not moved yet has none."""
    x = np.random.default_rng(2).standard_normal((30, 1))
    scale = np.sqrt(np.cumsum(x**2)[r.START - 1 : -1] / np.arange(r.START, 30))
    assert r.weighted_series(np.hstack([x, x, np.zeros((30, 1))])) == pytest.approx(x[r.START :, 0] / scale)
    assert np.array_equal(r.weighted_series(np.zeros((30, 2))), np.zeros(30 - r.START))


def test_a_trial_that_has_hardly_moved_has_no_weight() -> None:
    """A tiny first move is no scale: the series of the others stands until the trial has moved in START sessions."""
    x = np.random.default_rng(9).standard_normal((60, 4)) + 0.3
    late = np.zeros((60, 1))
    late[30], late[40:] = 1e-6, x[40:, :1]
    with_it, without = r.weighted_series(np.hstack([x, late])), r.weighted_series(x)
    assert np.array_equal(with_it[: 44 - r.START], without[: 44 - r.START])
    assert np.abs(with_it).max() < 10


def test_a_level_below_what_was_drawn_can_be_met() -> None:
    """An edge beyond all resamples has the normal tail's p, no larger than one in as many as were drawn."""
    x = np.random.default_rng(10).standard_normal((200, 3)) + 0.8
    got = r.family_test(x, 1000, 7)
    assert got.p < 1e-9
    assert got.t > got.critical(1e-9)


def test_one_good_trial_among_losers_is_found() -> None:
    """The weights go to the one that earns: the family is worth what it is worth."""
    x = np.random.default_rng(3).standard_normal((200, 8)) - 0.4
    x[:, 5] += 0.9
    got = r.family_test(x, 5000, 7)
    assert got.p < 0.001
    assert int(got.largest_p.argmin()) == 5


def test_p_of_random_signs_is_that_of_all_signs() -> None:
    """Eleven sessions have 2,048 signs: the share at or above ours, counted."""
    x = np.random.default_rng(4).standard_normal(11) + 0.5
    signs = np.array(np.meshgrid(*[[-1.0, 1.0]] * 11)).reshape(11, -1).T
    exact = float(((signs @ x) >= x.sum() - 1e-12).mean())
    drawn = r._signed(x, 40_000, np.random.default_rng(5))
    assert np.mean(drawn >= r.studentised(x) - 1e-9) == pytest.approx(exact, abs=4 * np.sqrt(exact / 40_000))


def test_step_down_p_are_in_the_order_of_the_trials_and_at_least_their_own() -> None:
    """The best of K is corrected for K, the worst for none but itself; no p is below that of a better trial."""
    x = np.random.default_rng(6).standard_normal((100, 5)) + np.array([0.3, 0.2, 0.1, 0.0, -0.1])
    p = r.step_down(x, 10_000, 7)
    t = x.sum(axis=0) / np.sqrt((x**2).sum(axis=0))
    order = np.argsort(-t)
    assert (np.diff(p[order]) >= 0).all()
    single = np.array([r.step_down(x[:, [k]], 10_000, 7)[0] for k in range(5)])
    assert (p >= single - 0.02).all()
    assert p[order[0]] > 2 * single[order[0]]


def test_the_critical_value_is_the_quantile_and_goes_on_beyond_it() -> None:
    """A smaller level needs a larger t, beyond the resampled quantiles too."""
    got = r.family_test(np.random.default_rng(8).standard_normal((100, 3)), 20_000, 7)
    levels = (0.05, 0.01, 0.003, 0.001, 1e-4, 1e-5)
    critical = [got.critical(level) for level in levels]
    assert critical == sorted(critical)
    assert critical[1] == pytest.approx(stats.norm.isf(0.01), abs=0.2)
    assert critical[-1] == pytest.approx(stats.norm.isf(1e-5), abs=0.6)

"""Intervals of proportions against statsmodels, SciPy and simulation."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats
from statsmodels.stats.proportion import proportion_confint

from hfm.proportion import student_quantile, student_tail, wilson, wilson_clustered


@pytest.mark.parametrize(("hits", "n"), [(0, 5), (5, 5), (53, 100), (7900, 15_396)])
def test_wilson_equals_statsmodels(hits: int, n: int) -> None:
    """The interval of a proportion is the published one, at the ends too."""
    assert wilson(hits, n) == pytest.approx(proportion_confint(hits, n, 0.05, "wilson"), abs=1e-12)


def test_wilson_of_nothing_is_everything() -> None:
    """No rows, no knowledge."""
    assert wilson(0, 0) == (0.0, 1.0)


def test_the_interval_of_a_share_covers_it_as_often_as_it_says() -> None:
    """Wilson at 60 and 400 trips, exactly: the binomial probability of all counts whose interval holds the truth."""
    for n, p in ((60, 0.5), (60, 0.62), (400, 0.47)):
        hits = np.arange(n + 1)
        inside = [low <= p <= high for low, high in (wilson(int(k), n) for k in hits)]
        assert 0.93 <= stats.binom.pmf(hits, n, p)[inside].sum() <= 0.97


@pytest.mark.parametrize(("groups", "rows", "spread"), [(12, 20, 0.15), (60, 8, 0.2), (30, 5, 0.0)])
def test_the_clustered_interval_covers_where_a_clusters_rows_move_together(
    groups: int, rows: int, spread: float
) -> None:
    """2,000 samples of clusters of unequal size, each with its own share: 95 % of intervals hold the mean share, where
    Wilson's own would hold 60 to 85 %; of independent rows no fewer."""
    rng, inside, plain = np.random.default_rng(8), [], []
    for _ in range(2_000):
        n = rng.integers(1, 2 * rows, groups)
        hits = rng.binomial(n, np.clip(0.45 + spread * rng.normal(size=groups), 0, 1))
        found = wilson_clustered(hits.astype(float), n.astype(float))
        assert found is not None
        inside.append(found[0] <= 0.45 <= found[1])
        low, high = wilson(int(hits.sum()), int(n.sum()))
        plain.append(low <= 0.45 <= high)
    assert 0.925 <= np.mean(inside) <= 0.985
    assert np.mean(plain) < 0.9 or spread == 0


def test_the_clustered_interval_at_its_ends() -> None:
    """None of one cluster; all hits in three clusters are three hits; no narrower than independent rows allow."""
    assert wilson_clustered(np.array([3.0, 0.0]), np.array([5.0, 0.0])) is None
    assert wilson_clustered(np.array([3.0, 4.0, 5.0]), np.array([3.0, 4.0, 5.0])) == wilson(3, 3)
    found = wilson_clustered(np.array([5.0, 5.0, 5.0]), np.array([10.0, 10.0, 10.0]))
    assert found is not None
    assert found[0] < wilson(15, 30)[0]


@pytest.mark.parametrize("freedom", [1, 2, 3, 4, 5, 10, 11, 301, 1000])
def test_students_t_is_scipys(freedom: int) -> None:
    """Tail and quantile."""
    for t in (-2.0, 0.0, 0.5, 1.7, 6.0):
        assert student_tail(t, freedom) == pytest.approx(stats.t.sf(t, freedom), abs=1e-12)
    for probability in (0.5, 0.9, 0.975, 0.999):
        assert student_quantile(probability, freedom) == pytest.approx(stats.t.ppf(probability, freedom), abs=1e-7)

"""The inference against hand-computed values, brute force, simulation and other people's code."""

from __future__ import annotations

import itertools
import math

import jsharpe
import numpy as np
import pytest
from scipy import stats

from hfm.report import statistics as s


def test_clustered_error_equals_the_spread_of_repeated_samples() -> None:
    """Rows that share a session's shock: the clustered error is right where the plain one is far too
    small.
    """
    rng = np.random.default_rng(5)
    groups = np.repeat(np.arange(40), 25)
    draws = rng.normal(size=(2000, 40, 1)) * 0.5 + rng.normal(size=(2000, 40, 25))
    means = draws.mean(axis=(1, 2))
    errors = [s.clustered_se(d.ravel(), groups) for d in draws[:300]]
    assert np.mean(errors) == pytest.approx(means.std(), rel=0.06)
    plain = draws[0].std() / math.sqrt(draws[0].size)
    assert plain < 0.5 * means.std()


def test_clustered_error_of_two_by_hand() -> None:
    """Values 1, 1 | 3: sums of residuals -4/3 and +4/3, error sqrt(2 * 2 * 16/9) / 3."""
    got = s.clustered_se(np.array([1.0, 1.0, 3.0]), np.array([0, 0, 1]))
    assert got == pytest.approx(math.sqrt(2 * 2 * 16 / 9) / 3)
    assert math.isnan(s.clustered_se(np.ones(3), np.zeros(3, np.int64)))


def test_calibrated_forecasts_show_the_floor_and_no_more() -> None:
    """Over many samples of forecasts that are right, the mean ECE is the floor."""
    rng = np.random.default_rng(3)
    p = rng.uniform(0.4, 0.6, 600)
    made = [s.reliability(p, (rng.random(600) < p).astype(float)) for _ in range(300)]
    kept = [m for m in made if m is not None]
    assert np.mean([m.ece for m in kept]) == pytest.approx(kept[0].floor, rel=0.06)
    assert s.reliability(p[:0], p[:0]) is None


def grouped(rng: np.random.Generator, groups: int, rows: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Calibrated forecasts, outcomes of which ten in a row are the same, and the cluster of each row."""
    p = rng.uniform(0.4, 0.6, groups * rows // 10)
    hit = (rng.random(p.size) < p).astype(float)
    return np.repeat(p, 10), np.repeat(hit, 10), np.repeat(np.arange(groups), rows)


def test_the_calibration_band_is_as_wide_as_clusters_make_it() -> None:
    """Labels that overlap inside blocks of a book: the band covers, and the floor is the mean ECE; not without them."""
    rng = np.random.default_rng(5)
    inside: dict[bool, list[float]] = {True: [], False: []}
    ratio = []
    for _ in range(200):
        p, hit, block = grouped(rng, 40, 50)
        for use in (True, False):
            made = s.reliability(p, hit, 5, block if use else None)
            assert made is not None
            inside[use] += list((made.low <= made.forecast) & (made.forecast <= made.high))
            ratio += [made.ece / made.floor] if use else []
    assert 0.92 <= np.mean(inside[True]) <= 0.99
    assert np.mean(inside[False]) < 0.6
    assert np.mean(ratio) == pytest.approx(1, abs=0.1)


def test_a_bin_of_one_cluster_knows_nothing_of_its_error() -> None:
    """From 0 to 1."""
    made = s.reliability(np.linspace(0.4, 0.6, 50), np.arange(50) % 2.0, 2, np.zeros(50, np.int64))
    assert made is not None
    assert made.low.tolist() == [0, 0]
    assert made.high.tolist() == [1, 1]


def test_what_always_comes_true_lies_inside_its_own_interval() -> None:
    """Clustered bounds at 0 and at 1 do not round past the share that was observed."""
    p, cluster = np.linspace(0.6, 0.9, 600), np.repeat(np.arange(60), 10)
    for hit in (np.ones(600), np.zeros(600)):
        made = s.reliability(p, hit, clusters=cluster)
        assert made is not None
        assert (made.low <= made.observed).all()
        assert (made.high >= made.observed).all()


def test_probabilistic_sharpe_equals_jsharpe() -> None:
    """PSR with skewness and kurtosis, standard error at the observed ratio, n - 1 in the denominator."""
    x = np.random.default_rng(1).gamma(2.0, 1.0, 300) - 1.7
    sharpe = x.mean() / x.std()
    variance = jsharpe.sharpe_ratio_variance(sharpe, len(x) - 1, gamma3=stats.skew(x), gamma4=stats.kurtosis(x) + 3)
    for benchmark in (0.0, 0.2):
        want = jsharpe.probabilistic_sharpe_ratio(sharpe, benchmark, variance=variance)
        assert s.probabilistic_sharpe(x, benchmark) == pytest.approx(want, abs=1e-12)


@pytest.mark.parametrize("x", [np.zeros(50), np.ones(50), np.array([1.0, 2.0])])
def test_no_variance_gives_no_sharpe(x: np.ndarray) -> None:
    """Where nothing varies, or there are two observations, nothing is claimed."""
    assert math.isnan(s.probabilistic_sharpe(x))
    assert math.isnan(s.deflated_sharpe(x, 10))


def test_the_best_of_worthless_trials_is_seldom_deflated_to_an_edge() -> None:
    """400 families of 20 over 250 sessions: plain PSR calls the best good in most of them, the deflated one in few."""
    rng = np.random.default_rng(9)
    plain, deflated = [], []
    for _ in range(400):
        x = rng.standard_t(5, (250, 20))
        best = x[:, int((x.mean(axis=0) / x.std(axis=0)).argmax())]
        plain.append(s.probabilistic_sharpe(best))
        deflated.append(s.deflated_sharpe(best, 20))
    assert np.mean(np.array(plain) > 0.95) > 0.5
    assert np.mean(np.array(deflated) > 0.95) < 0.05
    assert np.median(deflated) == pytest.approx(0.5, abs=0.1)


def test_overfitting_equals_a_brute_force_count() -> None:
    """PBO over all splits of 6 blocks, counted one by one."""
    x = np.random.default_rng(4).normal(size=(31, 5))
    parts, below = np.array_split(x, 6), []
    for chosen in itertools.combinations(range(6), 3):
        train = np.vstack([parts[i] for i in chosen])
        test = np.vstack([parts[i] for i in range(6) if i not in chosen])
        best = int((train.mean(axis=0) / train.std(axis=0)).argmax())
        out = test.mean(axis=0) / test.std(axis=0)
        below.append(stats.rankdata(out)[best] / 6 <= 0.5)
    assert s.overfitting(x, 6) == pytest.approx(np.mean(below))
    assert math.isnan(s.overfitting(x[:, :1]))
    assert math.isnan(s.overfitting(x[:3]))


def test_overfitting_of_noise_is_a_half_and_of_a_true_edge_none() -> None:
    """100 families of noise: .5 within .06; one trial that is truly better: below .02."""
    rng = np.random.default_rng(8)
    noise = [s.overfitting(rng.normal(size=(120, 10)), 10) for _ in range(100)]
    assert np.mean(noise) == pytest.approx(0.5, abs=0.06)
    good = rng.normal(size=(120, 10))
    good[:, 3] += 1.0
    assert s.overfitting(good, 10) < 0.02


def test_a_bootstrap_interval_covers_the_truth_as_often_as_it_says() -> None:
    """95 % intervals of the Sharpe ratio of 120 autocorrelation-free sessions: at least 88 of 100 hold the truth."""
    rng = np.random.default_rng(17)
    held = 0
    for _ in range(100):
        low, high = s.sharpe_interval(rng.normal(0.1, 1.0, 120), 400, 3)
        held += low <= 0.1 <= high
    assert 88 <= held <= 100

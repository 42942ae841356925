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


def long_run_variance(x: np.ndarray, block: int) -> np.ndarray:
    """Variance of sqrt(n) times the mean of x [n, K] under a stationary bootstrap: Politis and Romano (1994)."""
    n, d, stay = len(x), x - x.mean(axis=0), 1 - 1 / block
    variance = (d * d).mean(axis=0)
    for lag in range(1, n):
        weight = (1 - lag / n) * stay**lag + lag / n * stay ** (n - lag)
        variance = variance + 2 * weight * (d[lag:] * d[:-lag]).sum(axis=0) / n
    return variance


def reference_spa(excess: np.ndarray, reps: int, seed: int) -> float:
    """Hansen's studentised consistent p by its definition, with its own stationary bootstrap."""
    n = len(excess)
    block = max(2, round(n ** (1 / 3)))
    rng = np.random.default_rng(seed)
    x = excess / excess.std(axis=0, ddof=1)
    mean = x.mean(axis=0)
    limit = np.sqrt(long_run_variance(x, block) / n * 2 * math.log(math.log(n)))
    centre = np.where(mean >= -limit, mean, 0.0)
    above = 0
    for _ in range(reps):
        index = np.empty(n, np.int64)
        for t, (jump, start) in enumerate(zip(rng.random(n) < 1 / block, rng.integers(0, n, n), strict=True)):
            index[t] = start if jump or t == 0 else (index[t - 1] + 1) % n
        above += float((x[index].mean(axis=0) - centre).max()) > float(mean.max())
    return above / reps


def test_superiority_is_studentised_and_equals_its_definition() -> None:
    """p agrees with a plain reference, and does not move when one trial is measured in another unit."""
    rng = np.random.default_rng(11)
    excess = rng.normal(size=(80, 4)) + np.array([0.2, 0.0, -0.1, -1.0])
    got = s.superiority(excess, 4000, 7)
    assert got.p == pytest.approx(reference_spa(excess, 1500, 3), abs=0.035)
    assert s.superiority(excess * np.array([1.0, 50.0, 1.0, 1.0]), 4000, 7).p == pytest.approx(got.p, abs=1e-9)
    assert got.t_K == pytest.approx(excess.mean(axis=0) / got.sd_K * math.sqrt(80))
    assert 1.8 < got.critical(0.01) < 3.6


def test_a_bootstrap_interval_covers_the_truth_as_often_as_it_says() -> None:
    """95 % intervals of the Sharpe ratio of 120 autocorrelation-free sessions: at least 88 of 100 hold the truth."""
    rng = np.random.default_rng(17)
    held = 0
    for _ in range(100):
        low, high = s.sharpe_interval(rng.normal(0.1, 1.0, 120), 5, 200, 3)
        held += low <= 0.1 <= high
    assert 88 <= held <= 100


def test_p_values_of_the_spa_test_are_not_too_small_under_the_null() -> None:
    """80 worthless families of five over 60 sessions: p <= .05 in at most 11 of them (binomial 99.9 % of .05)."""
    rng = np.random.default_rng(23)
    p = np.array([s.superiority(rng.standard_t(5, (60, 5)), 200, k).p for k in range(80)])
    assert (p <= 0.05).sum() <= 11
    assert p.mean() > 0.4

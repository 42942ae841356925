"""Permutation and Pesaran-Timmermann."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from hfm.backtest import permutation


def rolled(signal: np.ndarray, outcome: np.ndarray, least: int, studentise: bool) -> np.ndarray:
    """The statistic under every shift of whole steps, `least` rows and more either way, by numpy.roll."""
    every = max(1, -(-len(signal) // (permutation.SHIFTS + 1)))
    x, y = signal[len(signal) % every :].astype(float), outcome[len(signal) % every :]
    y = np.nan_to_num(y - np.nanmean(y)) if studentise else np.nan_to_num(y)
    shifts = [k for k in range(0, len(x), every) if not k or least <= k <= len(x) - least]
    lines = [x * np.roll(y, -k) for k in shifts]
    fixed = np.sqrt(np.mean(x * x) * np.sum(y * y))
    return np.array([line.sum() / (np.sqrt(np.sum(line**2)) if studentise else fixed) for line in lines])


@pytest.mark.parametrize("n", [50, 1_170, 2_003])
@pytest.mark.parametrize("studentise", [False, True])
def test_shifts_by_fft_are_the_plain_sums(n: int, studentise: bool) -> None:
    """Every shift of a session and more either way, against numpy.roll; NaN outcomes count as nothing."""
    rng = np.random.default_rng(0)
    signal, outcome = rng.integers(-1, 2, n).astype(np.int8), rng.normal(size=n)
    outcome[[3, 17]] = np.nan
    actual, null = permutation.shift_test([(signal, outcome)], 10, studentise)
    # the squares are summed in single precision
    np.testing.assert_allclose(
        [actual, *null], rolled(signal, outcome, 10, studentise), atol=1e-5 if studentise else 1e-9
    )


def test_symbols_move_together() -> None:
    """Two symbols of equal length: the sum of each one's shift, over the root of both."""
    rng = np.random.default_rng(1)
    parts = [(rng.normal(size=40), rng.normal(size=40)) for _ in range(2)]
    _, null = permutation.shift_test(parts, 5)
    scale = [np.sqrt(np.sum(y * y)) for _, y in parts]
    each = [permutation.shift_test([p], 5)[1] * s for p, s in zip(parts, scale, strict=True)]
    np.testing.assert_allclose(null, sum(each) / np.hypot(*scale), atol=1e-9)


def test_a_shorter_symbol_goes_round_on_its_own_rows() -> None:
    """A constant signal has the same sum under every shift, whatever the lengths."""
    rng = np.random.default_rng(6)
    parts = [(np.ones(n, np.int8), rng.choice([-1, 0, 1], n).astype(np.int8)) for n in (2_345, 1_001)]
    actual, null = permutation.shift_test(parts, 78)
    assert len(null) > 100
    np.testing.assert_allclose(null, actual, atol=1e-9)


@pytest.mark.parametrize("n", [400, 1_170, 1_999, 2_340, 16_067])
@pytest.mark.parametrize("share", [0.47, 0.5, 0.53])
def test_who_always_says_up_knows_nothing(n: int, share: float) -> None:
    """Every shift ties with it, and ties count against: p = 1, of directions and of returns."""
    rng = np.random.default_rng(n)
    up = np.where(rng.random(n) < share, 1, -1).astype(np.int8)
    up[rng.random(n) < 0.02] = 0
    for outcome, studentise in ((up, False), (rng.standard_t(4, n) + 0.1, True)):
        assert permutation.shift_test([(np.ones(n, np.int8), outcome)], 78, studentise).p == 1.0


def moving(rng: np.random.Generator, n: int, width: int) -> np.ndarray:
    """Standard normal values [n] that persist for `width` rows."""
    return np.convolve(rng.normal(size=n + width - 1), np.ones(width) / np.sqrt(width), "valid")


@pytest.mark.parametrize("n", [400, 1_170, pytest.param(1_999, marks=pytest.mark.slow)])
def test_without_skill_one_in_twenty_is_below_a_twentieth(n: int) -> None:
    """2,000 nulls each: calls that persist and lean upwards in a rising market; signals that stand where volatility is
    high. Within the exact 99 % band of a binomial share."""
    rng, few, least = np.random.default_rng(n), {"call": 0, "money": 0}, 20 if n == 400 else 78
    for _ in range(2_000):
        call = np.sign(moving(rng, n, 20) + 0.5).astype(np.int8)
        up = np.where(rng.random(n) < 0.53, 1, -1).astype(np.int8)
        size = np.exp(0.8 * moving(rng, n, 20))
        signal = np.where(size > 1.5, np.sign(moving(rng, n, 5)), 0.0)
        for name, pair, studentise in (
            ("call", (call, up), False),
            ("money", (signal, size * rng.normal(size=n)), True),
        ):
            p = permutation.shift_test([pair], least, studentise).p
            assert p is not None
            few[name] += p <= 0.05
    low, high = stats.binom.ppf([0.005, 0.995], 2_000, 0.05)
    assert low <= few["call"] <= high
    assert low <= few["money"] <= high


def test_a_foreseen_series_has_the_least_p_and_noise_a_large_one() -> None:
    """(1 + 0) / (1 + B) for the truth itself."""
    rng = np.random.default_rng(2)
    y = rng.normal(size=600)
    actual, null = permutation.shift_test([(np.sign(y), y)], 50)
    assert permutation.p_value(actual, null) == 1 / (1 + len(null))
    weak = [permutation.shift_test([(np.sign(y + rng.normal(0, 6, 600)), y)], 50, True).p for _ in range(50)]
    assert np.mean([v <= 0.05 for v in weak if v is not None]) > 0.8  # 55 % right
    p = [permutation.shift_test([(rng.normal(size=600), y)], 50).p for _ in range(50)]
    assert 0.3 < np.mean([v for v in p if v is not None]) < 0.7


def test_without_skill_p_is_uniform_whatever_persists_in_signal_and_outcome() -> None:
    """Signals held for rows on end, outcomes whose size clusters: 400 p-values against the uniform law (KS test)."""
    rng = np.random.default_rng(5)
    p = []
    for _ in range(400):
        signal = np.sign(np.convolve(rng.normal(size=419), np.ones(20), "valid"))
        size = np.exp(np.convolve(rng.normal(size=419), np.ones(20) / 8, "valid"))
        value = permutation.shift_test([(signal, size * rng.normal(size=400))], 20).p
        assert value is not None
        p.append(value)
    assert stats.kstest(p, "uniform").pvalue > 0.01
    assert 0.03 <= np.mean(np.array(p) <= 0.05) <= 0.09


def test_too_short_a_series_has_no_p() -> None:
    """Under two sessions there is nothing to shift over; a constant signal ties with all its shifts."""
    assert permutation.shift_test([(np.ones(10), np.ones(10))], 10).p is None
    assert permutation.shift_test([], 10).p is None
    assert permutation.shift_test([(np.ones(100), np.arange(100.0))], 10).p == 1.0


def test_nan_outcomes_count_as_nothing() -> None:
    """Masked labels."""
    assert permutation.shift_test([(np.ones(3), np.array([1.0, np.nan, 2.0]))], 5)[0] == pytest.approx(3 / np.sqrt(5))


def clustered(rng: np.random.Generator, groups: int, rows: int, moved: float) -> tuple[np.ndarray, ...]:
    """Hits, ups, calls and rows by cluster of calls and outcomes that know nothing of each other but that each is the
    same throughout a share `moved` of the cluster's rows."""
    x, y = (rng.random((groups, rows)) < share for share in (0.6, 0.55))
    x[:, : int(moved * rows)], y[:, : int(moved * rows)] = x[:, :1], y[:, :1]
    sums = ((x == y).sum(1), y.sum(1), x.sum(1), np.full(groups, rows))
    return tuple(each.astype(float) for each in sums)


@pytest.mark.parametrize(("groups", "rows", "moved"), [(200, 1, 0.0), (12, 40, 0.5), (30, 78, 0.3)])
def test_pesaran_timmermann_is_right_without_skill(groups: int, rows: int, moved: float) -> None:
    """2,000 nulls: 5 % below .05 within the exact 99 % band, though rows of a cluster move together."""
    rng = np.random.default_rng(3)
    found = [permutation.pesaran_timmermann(*clustered(rng, groups, rows, moved)) for _ in range(2_000)]
    few = sum(f[1] <= 0.05 for f in found if f is not None)
    low, high = stats.binom.ppf([0.005, 0.995], len(found), 0.05)
    assert low <= few <= high


def test_pesaran_timmermann_of_independent_rows_is_their_test_of_1992() -> None:
    """Eq. 6 of Pesaran and Timmermann (1992), to the sampling error of its variance."""
    rng = np.random.default_rng(4)
    y = rng.random(4_000) < 0.55
    x = np.where(rng.random(4_000) < 0.05, y, rng.random(4_000) < 0.6)
    found = permutation.pesaran_timmermann(*((each).astype(float) for each in (x == y, y, x, np.ones(4_000))))
    a, b, n = y.mean(), x.mean(), 4_000
    star = a * b + (1 - a) * (1 - b)
    of_star = ((2 * a - 1) ** 2 * b * (1 - b) + (2 * b - 1) ** 2 * a * (1 - a)) / n
    of_star += 4 * a * b * (1 - a) * (1 - b) / n**2
    old = (np.mean(x == y) - star) / np.sqrt(star * (1 - star) / n - of_star)
    assert found is not None
    assert found[0] == pytest.approx(old, rel=0.02)
    assert old > 2


def test_pesaran_timmermann_needs_two_classes_and_two_clusters() -> None:
    """Undefined where all calls agree, or all rows are in one cluster; a call of neither side is half of each."""
    assert permutation.pesaran_timmermann(*np.array([[5.0, 6], [5, 6], [10, 10], [10, 10]])) is None
    assert permutation.pesaran_timmermann(*np.array([[5.0], [5], [4], [10]])) is None
    assert permutation.pesaran_timmermann(*np.zeros((4, 3))) is None
    ties = np.array([[5.0, 6, 5.5], [5, 6, 4], [5, 5, 5.5], [10, 10, 10]])
    found = permutation.pesaran_timmermann(*ties)
    assert found is not None
    assert 0.05 < found[1] < 0.95

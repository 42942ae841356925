"""Permutation and Pesaran-Timmermann."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from hfm.backtest import chance


def test_shifts_by_fft_are_the_plain_sums() -> None:
    """Every shift of a session and more either way, against numpy.roll."""
    rng = np.random.default_rng(0)
    signal, outcome = rng.integers(-1, 2, 50).astype(float), rng.normal(size=50)
    actual, null = chance.shift_test([(signal, outcome)], 10)
    assert actual == pytest.approx(signal @ outcome)
    plain = [np.roll(signal, k) @ outcome for k in range(10, 41)]
    np.testing.assert_allclose(null, plain, atol=1e-9)


def test_symbols_move_together() -> None:
    """Two symbols of equal length: the sum of each one's shift."""
    rng = np.random.default_rng(1)
    parts = [(rng.normal(size=40), rng.normal(size=40)) for _ in range(2)]
    _, null = chance.shift_test(parts, 5)
    each = [chance.shift_test([p], 5)[1] for p in parts]
    np.testing.assert_allclose(null, sum(each), atol=1e-9)


def test_a_foreseen_series_has_the_least_p_and_noise_a_large_one() -> None:
    """(1 + 0) / (1 + B) for the truth itself."""
    rng = np.random.default_rng(2)
    y = rng.normal(size=600)
    actual, null = chance.shift_test([(np.sign(y), y)], 50)
    assert chance.p_value(actual, null) == 1 / (1 + len(null))
    p = [chance.p_value(*chance.shift_test([(rng.normal(size=600), y)], 50)) for _ in range(50)]
    assert 0.3 < np.mean([v for v in p if v is not None]) < 0.7


def test_without_skill_p_is_uniform_whatever_persists_in_signal_and_outcome() -> None:
    """Signals held for rows on end, outcomes whose size clusters: 400 p-values against the uniform law (KS test)."""
    rng = np.random.default_rng(5)
    p = []
    for _ in range(400):
        signal = np.sign(np.convolve(rng.normal(size=419), np.ones(20), "valid"))
        size = np.exp(np.convolve(rng.normal(size=419), np.ones(20) / 8, "valid"))
        value = chance.p_value(*chance.shift_test([(signal, size * rng.normal(size=400))], 20))
        assert value is not None
        p.append(value)
    assert stats.kstest(p, "uniform").pvalue > 0.01
    assert 0.03 <= np.mean(np.array(p) <= 0.05) <= 0.09


def test_too_short_a_series_has_no_p() -> None:
    """Under two sessions there is nothing to shift over; a constant signal ties with all its shifts."""
    assert chance.p_value(*chance.shift_test([(np.ones(10), np.ones(10))], 10)) is None
    assert chance.p_value(*chance.shift_test([], 10)) is None
    assert chance.p_value(*chance.shift_test([(np.ones(100), np.arange(100.0))], 10)) == 1.0


def test_nan_outcomes_count_as_nothing() -> None:
    """Masked labels."""
    assert chance.shift_test([(np.ones(3), np.array([1.0, np.nan, 2.0]))], 5)[0] == 3.0


def test_pesaran_timmermann_is_standard_normal_without_skill() -> None:
    """Mean 0 and sd 1 over independent calls; large with skill; undefined where all calls agree."""
    rng = np.random.default_rng(3)
    values = []
    for _ in range(2000):
        x, y = rng.random(200) < 0.6, rng.random(200) < 0.55
        result = chance.pesaran_timmermann(int((x == y).sum()), int(y.sum()), int(x.sum()), 200)
        assert result is not None
        values.append(result[0])
    assert np.mean(values) == pytest.approx(0, abs=0.07)
    assert np.std(values) == pytest.approx(1, abs=0.05)
    skilled = chance.pesaran_timmermann(150, 100, 100, 200)
    assert skilled is not None
    assert skilled[1] < 1e-6
    assert chance.pesaran_timmermann(100, 100, 200, 200) is None
    assert chance.pesaran_timmermann(0, 0, 0, 0) is None

"""Random numbers in kernels, and the tables behind sizes and distances."""

from __future__ import annotations

import numpy as np
import pytest

from hfm.simulate.book import random_draws


def test_uniforms_are_uniform_independent_and_never_nought() -> None:
    """Mean, variance, lag-1 and lag-2 correlation of 200,000 draws within 4 standard errors."""
    state = np.array([12345, 67890], np.uint64)
    for _ in range(20):
        random_draws.bits(state)
    x = np.array([random_draws.uniform(state) for _ in range(200_000)])
    assert 0.0 < x.min() < x.max() <= 1.0
    error = 4 / np.sqrt(len(x))
    assert x.mean() == pytest.approx(0.5, abs=error * np.sqrt(1 / 12))
    assert x.var() == pytest.approx(1 / 12, rel=2 * error)
    for lag in (1, 2):
        assert np.corrcoef(x[:-lag], x[lag:])[0, 1] == pytest.approx(0.0, abs=error)


def test_the_compiled_generator_is_the_plain_one() -> None:
    """Bit for bit, over a thousand draws: xorshift128 of Marsaglia, by hand in Python's integers."""
    state, x, y, mask = np.array([3, 5], np.uint64), 3, 5, 2**64 - 1
    for _ in range(1000):
        t = (x ^ (x << 23)) & mask
        x, y = y, (t ^ (t >> 17) ^ y ^ (y >> 26)) & mask
        assert int(random_draws.bits(state)) == x ^ y


def test_order_sizes_are_round_lots_with_a_pareto_tail() -> None:
    """Whole multiples of the lot, none below one; beyond the body the tail's exponent is TAIL."""
    sizes = random_draws.order_sizes(100, 4096)
    assert (sizes % 100 == 0).all()
    assert sizes.min() == 100
    assert (np.diff(sizes) >= 0).all()
    p = (np.arange(4096) + 0.5) / 4096
    tail = (p > 0.95) & (p < 0.999)
    slope = np.polyfit(np.log(sizes[tail]), np.log(1 - p[tail]), 1)[0]
    assert -slope == pytest.approx(random_draws.TAIL, abs=0.05)


def test_distances_fall_off_exponentially() -> None:
    """Each tick farther away comes e^-DECAY as often."""
    d = random_draws.distances(2, 50, 1 << 16)
    count = np.bincount(d, minlength=51)
    assert count[:2].sum() == 0
    for k in range(2, 10):
        assert count[k + 1] / count[k] == pytest.approx(np.exp(-random_draws.DECAY), rel=0.03)


def test_a_round_lot_fits_the_depth() -> None:
    """A hundred shares where a thousand are quoted, and one where few are."""
    assert [random_draws.round_lot(x) for x in (1000, 2500, 20000, 90, 3, 0)] == [100, 100, 1000, 10, 1, 1]

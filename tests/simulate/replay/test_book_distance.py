"""Distances between order books."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from scipy.stats import wasserstein_distance

from hfm.simulate.replay import book_distance, event_tape
from tests.orderbook import OPEN, SECOND

RNG = np.random.default_rng(0)


def windows(n: int, shift: float = 0.0) -> list[dict[str, np.ndarray]]:
    """n half-hours of normal samples, all of them moved by so many sd."""
    return [{name: RNG.standard_normal(2000) + shift for name in book_distance.SAMPLES} for _ in range(n)]


def test_wasserstein_equals_scipys() -> None:
    """Samples of different lengths, with ties."""
    x, y = RNG.normal(0, 1, 300).round(1), RNG.normal(0.3, 2, 200).round(1)
    assert book_distance.wasserstein(x, y) == pytest.approx(wasserstein_distance(x, y))


def test_equal_laws_are_near_and_a_shift_is_its_size() -> None:
    """Two draws of one law: a few hundredths; a shift of one sd, in units of the pooled sd 1.118: .89."""
    near = book_distance.mean(book_distance.distances(windows(6), windows(6)))
    assert near[0] < 0.05
    assert near[1] < 0.07
    one, other = windows(6), windows(6, 1.0)
    far = book_distance.mean(book_distance.distances(one, other))
    assert far[0] == pytest.approx(1 / np.sqrt(1.25), rel=0.05)
    low, high = book_distance.interval(one, other, 30, 1)
    assert low < far[0] < high


def test_a_book_is_at_no_distance_from_itself() -> None:
    """0 in every sample."""
    side = windows(3)
    assert all(d == (0.0, 0.0) for d in book_distance.distances(side, side).values())


def test_amzns_even_half_hours_are_as_far_from_its_odd_ones_as_measured_elsewhere(amzn: pa.Table) -> None:
    """.087 and .095, within .01."""
    found = event_tape.read(amzn, 1)
    assert found is not None
    parts = book_distance.windows(found, OPEN, OPEN + 23_400 * SECOND, 0.01)
    assert len(parts) == 13
    near, variation = book_distance.mean(book_distance.distances(parts[::2], parts[1::2]))
    assert near == pytest.approx(0.087, abs=0.01)
    assert variation == pytest.approx(0.095, abs=0.01)

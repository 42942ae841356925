"""Laws by iterative proportional fitting: what they recover of a law that is known."""

from __future__ import annotations

import numpy as np
import pytest

from hfm.simulate.book import event_laws
from hfm.simulate.book.book_state import BINS, CLASSES, SHARES, SPREADS

RNG = np.random.default_rng(3)
N = 200_000


def test_counts_are_those_of_a_loop() -> None:
    """Each combination of states, in the places of its states; none is lost."""
    a, b = RNG.integers(0, 3, 500), RNG.integers(0, 4, 500)
    expected = np.zeros((3, 4))
    for i, j in zip(a, b, strict=True):
        expected[i, j] += 1
    np.testing.assert_array_equal(event_laws.counts((3, 4), a, b), expected)


def test_gaps_that_hang_on_the_spread_alone_have_its_factor_and_no_other() -> None:
    """Bins 0 and 1, of which a wide spread makes 1 nine times as likely; the kind is nothing to it."""
    spread, kind = RNG.integers(0, 2, N), RNG.integers(0, 7, N)
    bins = np.zeros(N, np.int64)
    bins[:-1] = RNG.random(N - 1) < np.where(spread[1:] == 1, 0.9, 0.5)  # under the spread of the event that ends it
    bins[1:] = bins[:-1]
    base, of_kind, of_spread = event_laws.fit_gaps(bins, kind, spread)
    assert base.shape == (BINS, BINS)
    assert of_spread.shape == (SPREADS, BINS)
    odds = of_spread[:2, 1] / of_spread[:2, 0]
    assert odds[1] / odds[0] == pytest.approx(9.0, rel=0.05)
    np.testing.assert_allclose(of_kind[:, 1] / of_kind[:, 0], of_kind[0, 1] / of_kind[0, 0], rtol=0.1)


def test_a_product_law_expects_what_was_counted() -> None:
    """After the fit the law's own expectation of each kind in each spread is the count, within the prior."""
    spread, share = RNG.integers(0, SPREADS, N), RNG.integers(0, SHARES, N)
    kind = np.where(RNG.random(N) < (1 + spread) / 10, 1, 3)
    mark = 2 * kind[1:]
    base, of_spread, of_share = event_laws.fit_marks(kind, mark, RNG.integers(0, BINS, N), spread, share)
    assert base.shape == (7, CLASSES, 14)
    weight = base[1, 0][:, None] * np.repeat(of_spread, 2, axis=0) * np.repeat(of_share[:, :1], 2, axis=0)
    p = weight[2] / (weight[2] + weight[6])
    np.testing.assert_allclose(p, (1 + np.arange(SPREADS)) / 10, atol=0.02)

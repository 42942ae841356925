"""EDGE against its authors' own package."""

from __future__ import annotations

import numpy as np
import pytest

from hfm.simulate.spread.edge import squared_spread

bidask = pytest.importorskip("bidask")


def bars(spread: float, sessions: int, slots: int, seed: int) -> list[np.ndarray]:
    """Open, high, low, close [S, T] of trades that bounce across a relative spread around a random walk."""
    rng = np.random.default_rng(seed)
    steps = rng.normal(0, 2e-4, (sessions, slots * 30))
    path = np.exp(np.cumsum(steps, axis=1)) * (1 + spread / 2 * rng.choice([-1, 1], steps.shape))
    price = 100 * path.reshape(sessions, slots, 30)
    return [price[:, :, 0], price.max(axis=2), price.min(axis=2), price[:, :, -1]]


def test_each_session_equals_the_published_estimator() -> None:
    """Ten sessions: signed square root equal to bidask.edge(sign=True)."""
    data = bars(4e-3, 10, 40, 0)
    ours = squared_spread(*data)
    for s in range(10):
        theirs = bidask.edge(*(x[s] for x in data), sign=True)
        assert np.sign(ours[s]) * np.sqrt(abs(ours[s])) == pytest.approx(theirs, rel=1e-9)


def test_a_hole_costs_the_rows_beside_it() -> None:
    """Three bars missing: close to the published estimator, which drops them term by term."""
    data = bars(4e-3, 1, 78, 2)
    for x in data:
        x[0, 5:8] = np.nan
    assert np.sqrt(squared_spread(*data)[0]) == pytest.approx(bidask.edge(*(x[0] for x in data)), rel=0.02)


def test_the_mean_over_sessions_finds_the_spread() -> None:
    """Twenty sessions of 78 bars with a 40 bp spread: within 10 %."""
    assert np.sqrt(squared_spread(*bars(4e-3, 20, 78, 1)).mean()) == pytest.approx(4e-3, rel=0.1)


def test_bars_that_never_move_have_no_estimate() -> None:
    """A constant price: NaN, not 0."""
    still = np.full((2, 10), 5.0)
    assert np.isnan(squared_spread(still, still, still, still)).all()

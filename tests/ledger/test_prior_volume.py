"""The trail of a symbol's sessions: what it knows, and that it can be saved."""

from __future__ import annotations

import numpy as np

from hfm.ledger.prior_volume import SESSIONS, Trail, counted


def test_the_figures_are_means_of_the_last_twenty_sessions() -> None:
    """Nothing at first; squared returns of closes adjusted for splits; older sessions are forgotten."""
    trail, rng = Trail(), np.random.default_rng(0)
    assert trail.figures() == (0.0, 0.0)
    close, volume = 100.0 * np.exp(np.cumsum(rng.normal(0, 0.01, 30))), rng.uniform(1e5, 2e5, 30)
    for k in range(30):
        trail.add(float(volume[k]), float(close[k]), 1.0)
    sigma, adv = trail.figures()
    np.testing.assert_allclose(sigma, np.sqrt(np.mean(np.diff(np.log(close))[-SESSIONS:] ** 2)), rtol=1e-12)
    np.testing.assert_allclose(adv, volume[-SESSIONS:].mean(), rtol=1e-12)
    trail.add(1.0, close[-1] / 2.0, 2.0)
    assert trail.squares[-1] == 0.0
    trail.add(1.0, float("nan"), 1.0)
    assert (len(trail.squares), trail.close) == (SESSIONS, close[-1] / 2.0)


def test_a_saved_trail_goes_on_as_it_would_have() -> None:
    """Full, half full and empty."""
    for count in (0, 1, 7, 25):
        one, two = Trail(), Trail()
        for k in range(count):
            one.add(10.0 + k, 100.0 + k, 1.0)
        two.load(one.save())
        for trail in (one, two):
            trail.add(5.0, 90.0, 1.0)
        assert one.figures() == two.figures()


def test_the_volume_of_a_session_counts_what_is_a_number() -> None:
    """NaN, infinite and negative volumes are none."""
    assert counted(np.array([1.0, np.nan, 2.5, -3.0, np.inf])).tolist() == [1.0, 0.0, 2.5, 0.0, 0.0]

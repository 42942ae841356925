"""What is left for one look at one configuration: sums that must hold, and simulated users who never stop."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from hfm.report import alpha_spending
from hfm.report.alpha_spending import ALPHA, boundaries, critical_p, spent
from hfm.stage import Look, Record


def test_all_configurations_together_spend_alpha() -> None:
    """The levels of ten thousand configurations sum to less than ALPHA, and to nearly all of it."""
    total = sum(alpha_spending.configuration_level(k) for k in range(1, 10_001))
    assert 0.999 * ALPHA < total < ALPHA


def test_a_first_look_has_its_share_by_sessions() -> None:
    """At 205 sessions: .01 / 2 x 205 / 305."""
    assert critical_p(Record(), 205) == pytest.approx(0.005 * 205 / 305)
    assert critical_p(Record(), 60) < critical_p(Record(), 500)


def test_the_first_boundary_is_that_of_a_single_look() -> None:
    """One look: the normal quantile of the level."""
    (one,) = boundaries([Look(205, 205)], 0.05)
    assert one == pytest.approx(stats.norm.isf(0.05 * spent(205)), abs=0.01)


@pytest.mark.parametrize("rolling", [False, True])
def test_a_nightly_user_crosses_as_often_as_was_spent(rolling: bool) -> None:
    """100,000 worthless users, 61 nights, a window that grows or rolls: crossings are what was spent, and no more."""
    first, nights, level, users = 100, 60, 0.1, 100_000
    looks = [Look(first, first), *(Look(first if rolling else first + k, 1) for k in range(1, nights + 1))]
    critical = boundaries(looks, level)
    rng = np.random.default_rng(3)
    path = np.concatenate([np.zeros((users, 1)), rng.standard_normal((users, first + nights), np.float32)], axis=1)
    path = path.astype(np.float32).cumsum(axis=1)
    crossed = np.zeros(users, bool)
    for k, (look, bound) in enumerate(zip(looks, critical, strict=True)):
        crossed |= (path[:, first + k] - path[:, first + k - look.sessions]) / np.sqrt(look.sessions) >= bound
    budget = level * spent(first + nights)
    assert crossed.mean() < budget * 1.05
    assert crossed.mean() > budget * 0.9


def test_looks_at_nothing_new_cost_nothing_and_get_nothing() -> None:
    """Sixty nights of growth need far less than sixty independent tests would."""
    looks = [Look(200, 200), *(Look(200 + k, 1) for k in range(1, 61))]
    last = boundaries(looks, 0.005)[-1]
    assert last < stats.norm.isf(0.005 / 61)
    assert last > boundaries(looks[:1], 0.005)[0]


def test_windows_without_a_common_session_are_apart() -> None:
    """A look at other sessions altogether is tested at what its sessions add."""
    looks = [Look(100, 100), Look(100, 100)]
    got = boundaries(looks, 0.05)[-1]
    assert got == pytest.approx(stats.norm.isf(0.05 * (spent(200) - spent(100))), abs=0.02)

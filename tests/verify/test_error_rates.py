"""The claims about the test behind the verdict hold, and fail where it is broken."""

from __future__ import annotations

import numpy as np
import pytest

from hfm.report import alpha_spending, randomization
from hfm.stage import Look
from hfm.verify import error_rates


def test_nightly_users_cross_as_often_as_was_spent() -> None:
    """The claim passes as the code is."""
    (row,) = error_rates.nightly_users()
    assert row.passed


def test_boundaries_that_forget_the_looks_before_fail_the_claim(monkeypatch: pytest.MonkeyPatch) -> None:
    """A user who is given the whole level each night crosses far more often."""

    def forgetful(looks: list[Look], level: float) -> list[float]:
        return [alpha_spending.NORMAL.inv_cdf(1 - level * alpha_spending.spent(look.sessions)) for look in looks]

    monkeypatch.setattr(alpha_spending, "boundaries", forgetful)
    (row,) = error_rates.nightly_users()
    assert not row.passed


@pytest.mark.slow
def test_worthless_families_are_rejected_at_the_level(monkeypatch: pytest.MonkeyPatch) -> None:
    """The claim passes, and fails for a bootstrap that is not studentised again."""
    (row,) = error_rates.worthless_families()
    assert row.passed

    def plain(centred: np.ndarray, count: int, rng: np.random.Generator) -> np.ndarray:
        drawn = centred[rng.integers(0, centred.size, (count, centred.size))]
        return np.asarray(drawn.mean(axis=1) / centred.std() * np.sqrt(centred.size) * 0.7)

    monkeypatch.setattr(randomization, "_resampled", plain)
    monkeypatch.setattr(randomization, "_signed", lambda x, count, rng: plain(x - x.mean(), count, rng))
    monkeypatch.setattr(randomization, "WEIGHT", 1 - 1e-9)
    (row,) = error_rates.worthless_families()
    assert not row.passed

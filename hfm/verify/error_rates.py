"""The test behind the verdict on returns that are drawn here: how often it errs, and for whom it never stops."""

from __future__ import annotations

import numpy as np

from hfm.arrays import Float
from hfm.report import alpha_spending, randomization
from hfm.stage import Look
from hfm.verify.claims import Row
from hfm.verify.verdicts import exact

FAMILIES, SESSIONS, TRIALS, REPS = 1000, 60, 8, 1000
LEVEL = 0.01
USERS, FIRST, NIGHTS = 20_000, 100, 60


def worthless_families() -> list[Row]:
    """Families of few sessions with heavy tails and changing volatility are rejected no more often than the level."""
    rng = np.random.default_rng(51)
    hits = 0
    for k in range(FAMILIES):
        size = np.exp(0.7 * rng.standard_normal((SESSIONS, 1)))
        common = rng.standard_t(4, (SESSIONS, 1))
        excess = size * (0.7 * common + 0.7 * rng.standard_t(4, (SESSIONS, TRIALS)))
        hits += randomization.family_test(excess, REPS, k).p <= LEVEL
    low, high = exact(hits, FAMILIES)
    words = f"at most {LEVEL:.0%} by the exact 95 % interval {low:.2%} to {high:.2%}"
    most = next(k for k in range(FAMILIES) if exact(k + 1, FAMILIES)[0] > LEVEL)
    text = (
        f"worthless families of {SESSIONS} sessions, heavy tails, that the test rejects at {LEVEL:.0%}, of {FAMILIES:,}"
    )
    return [Row(text, words, hits, 0, most)]


def nightly_users() -> list[Row]:
    """Users without an edge who look every night cross a boundary as often as was spent, and no more."""
    level = 0.2
    looks = [Look(FIRST, FIRST), *(Look(FIRST + k, 1) for k in range(1, NIGHTS + 1))]
    bounds = alpha_spending.boundaries(looks, level)
    path: Float = np.random.default_rng(52).standard_normal((USERS, FIRST + NIGHTS)).cumsum(axis=1)
    crossed = np.zeros(USERS, bool)
    for look, bound in zip(looks, bounds, strict=True):
        crossed |= path[:, look.sessions - 1] / np.sqrt(look.sessions) >= bound
    budget = level * alpha_spending.spent(FIRST + NIGHTS)
    error = 3.5 * np.sqrt(budget * (1 - budget) / USERS)
    text = f"users without an edge who look {NIGHTS + 1} times and see one, at {level:.0%} in all"
    return [Row(text, f"{budget:.4f}, what is spent by then", float(crossed.mean()), 0.9 * budget, budget + error)]

"""How much of the error probability of the verdict is left for one look at one configuration.

Two things spend it. Configurations: the k-th that is tried on the same data may be supported by chance with probability
ALPHA / (k (k + 1)) at most, which sums to ALPHA over all k, however many follow. Looks: one configuration that is
judged again as sessions are added is one hypothesis looked at repeatedly; its share is spent over sessions S as
S / (S + HALF) (alpha spending: Lan and DeMets 1983, Biometrika 70(3), 659-663, doi:10.1093/biomet/70.3.659), and each
look gets what was added since the look before. So a first look at 205 sessions is tested at ALPHA / 2 x 205 / 305.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import NormalDist

import numpy as np

from hfm.arrays import Float
from hfm.stage import Look, Record

ALPHA = 0.01
"""Probability that a user without an edge is ever told of one, over all configurations and all looks."""
HALF = 100
"""Sessions at which half of a configuration's share is spent. Of 30 to 300, 100 costs a single look at 205 sessions
least where a nightly user's last look costs least too: critical values 2.71 and 3.54 (60: 2.66 and 3.61; 200: 2.80,
3.50)."""
NORMAL = NormalDist()
_LOW, _HIGH, _STEP = -8.0, 8.0, 0.005
"""The grid of the standardised statistic on which the recursion over looks is integrated."""


def configuration_level(rank: int) -> float:
    """Error probability of the `rank`-th configuration tried (from 1), over all of its looks."""
    return ALPHA / (rank * (rank + 1))


def spent(sessions: float) -> float:
    """Share of a configuration's error probability that is spent by `sessions` sessions, in [0, 1)."""
    return sessions / (sessions + HALF)


def critical_p(record: Record, sessions: int) -> float:
    """Largest p at which the present look supports an edge.

    Parameters
    ----------
    record : the configuration's rank among all tried, and its earlier looks (oldest first).
    sessions : sessions of the present look.

    Returns
    -------
    float : one-sided level of the present look, in (0, ALPHA). Without earlier looks the rank's level times `spent`.
    """
    level = configuration_level(record.rank)
    if not record.looks:
        return level * spent(sessions)
    return NORMAL.cdf(-boundaries([*record.looks, Look(sessions, record.added)], level)[-1])


def boundaries(looks: Sequence[Look], level: float) -> list[float]:
    """Critical values of a standard normal statistic at each look.

    The probability of exceeding any of them where nothing is worth anything is level x spent(all sessions seen). The
    statistic of a look is the standardised sum over its sessions, so two neighbouring looks correlate by
    shared / sqrt(S_1 S_2) sessions; the recursion of Armitage, McPherson and Rowe (1969), JRSS A 132(2), 235-244,
    doi:10.2307/2343787, on a grid. It is exact for windows that only grow while the signals of sessions once seen stay
    as they were; for windows that roll the sequence is taken as Markov, which their correlation at lag one decides at
    such levels. Where models are fitted anew each night the looks correlate less than shared sessions say.

    Parameters
    ----------
    looks : oldest first.
    level : error probability of the configuration over all of its looks.

    Returns
    -------
    A value a look; the earlier one where a look added no session.
    """
    grid = np.arange(_LOW, _HIGH + _STEP / 2, _STEP)
    density = np.exp(-0.5 * grid * grid) / math.sqrt(2 * math.pi)
    sessions_seen, before, out = 0, 0, list[float]()
    for i, look in enumerate(looks):
        if i:
            density = _moved(density, grid, correlation(looks[i - 1], look))
        sessions_seen += look.added if i else look.sessions
        critical = (
            out[-1] if sessions_seen == before else _tail(density, grid, level * (spent(sessions_seen) - spent(before)))
        )
        out.append(critical)
        density = np.where(grid < critical, density, 0.0)
        before = sessions_seen
    return out


def correlation(first: Look, second: Look) -> float:
    """Correlation of the statistics of two neighbouring looks: sessions in both over the root of their product."""
    shared = min(max(second.sessions - second.added, 0), first.sessions)
    return shared / math.sqrt(first.sessions * second.sessions)


def _moved(density: Float, grid: Float, rho: float) -> Float:
    """Density of rho z + sqrt(1 - rho^2) e, z having `density` and e being a standard normal."""
    sd = max(math.sqrt(max(1.0 - rho * rho, 0.0)), 2 * _STEP)
    if rho < 0.05:  # almost nothing in common: what is left of the mass starts afresh
        return float(density.sum()) * _STEP * np.exp(-0.5 * grid * grid) / math.sqrt(2 * math.pi)
    shrunk = np.interp(grid / rho, grid, density, left=0.0, right=0.0) / rho
    reach = math.ceil(6 * sd / _STEP)
    kernel = np.exp(-0.5 * (np.arange(-reach, reach + 1) * _STEP / sd) ** 2)
    return np.asarray(np.convolve(shrunk, kernel / kernel.sum(), "same"))


def _tail(density: Float, grid: Float, mass: float) -> float:
    """The value beyond which `density` holds `mass`; the end of the grid where it holds less than that anywhere."""
    above = np.cumsum(density[::-1])[::-1] * _STEP
    if mass <= 0.0:
        return _HIGH
    at = int(np.searchsorted(-above, -mass))  # first place with less than `mass` above it
    if at <= 0:
        return float(grid[0])
    mass_before, mass_after = above[at - 1], above[at] if at < len(grid) else 0.0
    return float(grid[at - 1] + _STEP * (mass_before - mass) / max(mass_before - mass_after, 1e-300)) - 0.5 * _STEP

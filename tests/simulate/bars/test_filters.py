"""The exact filters against plain conditional laws."""

from __future__ import annotations

import itertools
import math

import numpy as np
import numpy.typing as npt
import pytest
from scipy.stats import norm

from hfm.simulate.bars import filters, planted_signal
from hfm.simulate.bars.session_rng import Draws

Float = npt.NDArray[np.float64]
SLOTS, HOLE = 6, 3
PRESENT = np.ones((1, SLOTS), bool)
PRESENT[0, HOLE] = False
Z = planted_signal.PERSISTENCE ** np.abs(np.subtract.outer(np.arange(SLOTS), np.arange(SLOTS)))


def market(kind: planted_signal.Kind, rho: float, carry: float, seed: int = 3) -> planted_signal.PlantedSignal:
    """One session of six rows, the fourth missing."""
    rng = np.random.default_rng(seed)
    draws = Draws(rng.standard_normal((4, 1, SLOTS)), rng.random((3, 1, SLOTS)))
    return planted_signal.plant(draws, rng.standard_normal((1, SLOTS)), PRESENT, kind, rho, carry)


def gaussian(
    t: int, rho: float, carry: float, signs: Float, signal: planted_signal.PlantedSignal
) -> tuple[float, float, float]:
    """Mean and variance of z_t given eps and returns up to t, the signs being known; and their log density."""
    loads, noise, seen = [], [], []
    for s in range(t + 1):
        if not PRESENT[0, s]:
            continue
        loads.append(math.sqrt(carry) * np.eye(SLOTS)[s])
        noise.append(1 - carry)
        seen.append(signal.eps[0, s])
        if s:
            loads.append(rho * signs[s - 1] * np.eye(SLOTS)[s - 1])
            noise.append(1 - rho**2)
            seen.append(signal.returns[0, s])
    h, y = np.array(loads), np.array(seen)
    covariance = h @ Z @ h.T + np.diag(noise)
    weights = np.linalg.solve(covariance, h @ Z[:, t])
    log_density = -0.5 * (y @ np.linalg.solve(covariance, y) + np.linalg.slogdet(covariance)[1])
    return float(weights @ y), float(Z[t, t] - weights @ h @ Z[:, t]), float(log_density)


def up(mean: float, variance: float, rho: float) -> float:
    """P(next return > 0) of a normal z."""
    return float(norm.cdf(rho * mean / math.sqrt(1 - rho**2 + rho**2 * variance)))


@pytest.mark.parametrize("carry", [0.6, 1.0])
def test_kalman_equals_the_conditional_law_of_a_gaussian_vector(carry: float) -> None:
    """p_up equals that of the joint normal of all that was published, conditioned directly."""
    signal = market("linear", 0.4, carry)
    p = filters.p_up(signal, PRESENT, "linear", 0.4, carry)[0]
    for t in range(SLOTS):
        mean, variance, _ = gaussian(t, 0.4, carry, np.ones(SLOTS), signal)
        assert p[t] == pytest.approx(up(mean, variance, 0.4), abs=1e-9)


@pytest.mark.parametrize("carry", [0.6, 0.9, 1.0])
def test_the_switched_filter_equals_the_sum_over_all_paths_of_the_sign(carry: float) -> None:
    """Hamilton and grid: every sequence of signs weighed by its probability and the density of what was seen."""
    rho = 0.5
    signal = market("switch", rho, carry)
    p = filters.p_up(signal, PRESENT, "switch", rho, carry)[0]
    for t in [t for t in range(SLOTS) if PRESENT[0, t]]:
        total = rises = 0.0
        for signs in itertools.product((1.0, -1.0), repeat=t + 1):
            same = np.equal(signs[1:], signs[:-1])
            prior = np.prod(np.where(same, planted_signal.STAY, 1 - planted_signal.STAY))
            mean, variance, log_density = gaussian(t, rho, carry, np.array(signs), signal)
            total += prior * math.exp(log_density)
            rises += prior * math.exp(log_density) * up(signs[-1] * mean, variance, rho)
        assert p[t] == pytest.approx(rises / total, abs=1e-6)


def test_the_product_filter_equals_importance_sampling() -> None:
    """Row 2 of a product at carry .6: the grid's answer is that of 400k weighted draws of both signals."""
    rho, carry, t, n = 0.5, 0.6, 2, 400_000
    signal = market("product", rho, carry)
    p = filters.p_up(signal, PRESENT, "product", rho, carry)[0, t]
    root = np.linalg.cholesky(Z[: t + 1, : t + 1])
    rng = np.random.default_rng(0)
    one, two = (rng.standard_normal((n, t + 1)) @ root.T for _ in range(2))
    log_weight = -0.5 * ((signal.returns[0, 1 : t + 1] - rho * (one * two)[:, :t]) ** 2 / (1 - rho**2)).sum(axis=1)
    for z, eps in ((one, signal.eps), (two, signal.eps_signed)):
        log_weight -= 0.5 * ((eps[0, : t + 1] - math.sqrt(carry) * z) ** 2 / (1 - carry)).sum(axis=1)
    weight = np.exp(log_weight - log_weight.max())
    expected = weight @ norm.cdf(rho * one[:, t] * two[:, t] / math.sqrt(1 - rho**2)) / weight.sum()
    assert p == pytest.approx(expected, abs=0.01)


def test_a_share_published_whole_leaves_nothing_latent() -> None:
    """carry 1, no holes: the oracle of a linear signal and of a product is the latent one."""
    full = np.ones((1, SLOTS), bool)
    for kind in ("linear", "product"):
        signal = market(kind, 0.3, 1.0)
        np.testing.assert_allclose(
            filters.p_up(signal, full, kind, 0.3, 1.0), filters.p_up_latent(signal.drive, 0.3), atol=1e-12
        )

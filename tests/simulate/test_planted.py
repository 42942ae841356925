"""Planted signals: the known answers, and the filter against plain linear algebra."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
import pytest
from scipy.stats import norm

from hfm import tables
from hfm.simulate import planted
from hfm.simulate.facts import known_gain
from hfm.simulate.noise import Draws
from tests.bars import bar_table
from tests.simulate.test_stage import simulate

Float = npt.NDArray[np.float64]
SESSIONS = 1300  # 100,000 bars


def outcome(rho: float, carry: float = 1.0) -> tuple[Float, Float, Float]:
    """p_up, p_up_latent and whether the next return was above 0, over 100k planted bars."""
    quotes, oracle, _ = simulate(bar_table(SESSIONS), signal="planted", rho=rho, carry=carry)
    close = quotes["mid_close"].to_numpy()
    inner = np.flatnonzero(~quotes["is_last"].to_numpy(zero_copy_only=False))
    p, latent = (oracle[n].to_numpy()[inner] for n in ("p_up", "p_up_latent"))
    return p, latent, close[inner + 1] > close[inner]


@pytest.mark.parametrize("rho", [0.02, 0.05, 0.107, 0.2])
def test_the_oracle_is_as_good_as_theory_says(rho: float) -> None:
    """Accuracy 1/2 + asin(rho)/pi and the share beyond .6 within half a point; log-loss gain rho^2/pi."""
    p, latent, up = outcome(rho)
    np.testing.assert_allclose(p, latent, atol=1e-12)  # z is published
    assert np.mean((p > 0.5) == up) == pytest.approx(0.5 + math.asin(rho) / math.pi, abs=0.005)
    far = 2 * norm.cdf(-0.2533471 * math.sqrt(1 - rho**2) / rho)
    assert np.mean(np.maximum(p, 1 - p) > 0.6) == pytest.approx(far, abs=0.005)
    gain = math.log(2) + np.mean(np.where(up, np.log(p), np.log(1 - p)))
    assert gain == pytest.approx(rho**2 / math.pi, abs=3.5 * rho / math.sqrt(len(p)))


def test_half_carried_the_filter_knows_less_than_the_latent_one() -> None:
    """rho .1, share .5: .523 is what can be reached, .532 what one who sees z reaches."""
    p, latent, up = outcome(0.1, 0.5)
    gain, _ = known_gain(0.1, 0.5)
    assert 0.5 + math.asin(gain) / math.pi == pytest.approx(0.523, abs=0.001)
    assert np.mean((p > 0.5) == up) == pytest.approx(0.523, abs=0.005)
    assert np.mean(np.maximum(latent, 1 - latent)) == pytest.approx(0.532, abs=0.002)
    assert np.mean(np.maximum(p, 1 - p)) == pytest.approx(0.523, abs=0.002)


@pytest.mark.parametrize("carry", [1.0, 0.5])
def test_the_oracle_is_calibrated(carry: float) -> None:
    """In each tenth of the forecasts the share of rises is the mean forecast, within 3.5 standard errors."""
    p, _, up = outcome(0.2, carry)
    for rows in np.array_split(np.argsort(p), 10):
        error = math.sqrt(0.25 / len(rows))
        assert abs(up[rows].mean() - p[rows].mean()) < 3.5 * error


def test_the_kalman_filter_equals_the_conditional_law_of_a_gaussian_vector() -> None:
    """Six rows with a hole: p_up equals that of the joint normal of all that was published, conditioned directly."""
    rho, carry, slots, hole = 0.4, 0.6, 6, 3
    rng = np.random.default_rng(3)
    present = np.ones((1, slots), bool)
    present[0, hole] = False
    draws = Draws(rng.standard_normal((2, 1, slots)), rng.random((2, 1, slots)))
    signal = planted.plant(draws, rng.standard_normal((1, slots)), present, rho, carry)
    p = planted.p_up(signal, present, rho, carry)[0]
    z = planted.PERSISTENCE ** np.abs(np.subtract.outer(np.arange(slots), np.arange(slots)))
    for t in range(slots):
        loads, noise, seen = [], [], []
        for s in range(t + 1):
            if not present[0, s]:
                continue
            loads.append(math.sqrt(carry) * np.eye(slots)[s])
            noise.append(1 - carry)
            seen.append(signal.eps[0, s])
            if s:
                loads.append(rho * np.eye(slots)[s - 1])
                noise.append(1 - rho**2)
                seen.append(signal.returns[0, s])
        h = np.array(loads)
        weights = np.linalg.solve(h @ z @ h.T + np.diag(noise), h @ z[:, t])
        mean, variance = weights @ np.array(seen), z[t, t] - weights @ h @ z[:, t]
        assert p[t] == pytest.approx(norm.cdf(rho * mean / math.sqrt(1 - rho**2 + rho**2 * variance)), abs=1e-12)


def test_the_path_joins_and_its_extremes_are_a_brownian_bridges() -> None:
    """Opens are the closes before, high and low enclose both ends, and the mean range is that of Brownian motion."""
    rng = np.random.default_rng(0)
    returns, sigma = rng.standard_normal((500, 78)), np.full((500, 78), 1e-3)
    first = np.full(500, 50.0)
    open_, high, low, close = planted.path(first, returns, sigma, rng.random((2, 500, 78)))
    np.testing.assert_allclose(open_[:, 1:], close[:, :-1], rtol=1e-12)
    assert (high >= np.maximum(open_, close)).all()
    assert (low <= np.minimum(open_, close)).all()
    assert np.log(high / low).mean() == pytest.approx(1e-3 * math.sqrt(8 / math.pi), rel=0.01)  # Feller 1951


def test_a_hole_moves_no_price_and_tells_nothing() -> None:
    """The first row after a hole opens where the last one closed."""
    quotes, _, _ = simulate(bar_table(3, drop=(10, 11, 12)), signal="planted", rho=0.3)
    q = tables.arrays(quotes)
    after = int(np.flatnonzero(q["flags"] & tables.FLAG_AFTER_HOLE)[0])
    assert q["seq"][after] == 13
    assert q["mid_open"][after] == pytest.approx(q["mid_close"][after - 1], rel=1e-12)

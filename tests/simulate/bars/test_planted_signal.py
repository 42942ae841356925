"""Planted signals: the known answers, the path, the kinds."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
import pytest
from scipy.stats import norm

from hfm import tables
from hfm.errors import UsageError
from hfm.simulate.bars import planted_signal
from hfm.simulate.bars.bar_facts import known_gain
from tests.bars import bar_table
from tests.simulate.test_stage import simulate

Float = npt.NDArray[np.float64]
SESSIONS = 1300  # 100,000 bars


def outcome(rho: float, carry: float = 1.0, kind: str = "linear", n: int = SESSIONS) -> tuple[Float, Float, Float]:
    """p_up, p_up_latent and whether the next return was above 0, over 100k planted bars."""
    quotes, oracle, _ = simulate(bar_table(n), signal="planted", rho=rho, carry=carry, kind=kind)
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


@pytest.mark.parametrize("kind", ["linear", "switch", "product"])
@pytest.mark.parametrize("carry", [1.0, 0.5])
def test_the_oracle_is_calibrated(kind: str, carry: float) -> None:
    """In each tenth of the forecasts the share of rises is the mean forecast, within 3.5 standard errors."""
    p, _, up = outcome(0.2, carry, kind, SESSIONS if carry == 1.0 else 300)
    for rows in np.array_split(np.argsort(p), 10):
        error = math.sqrt(0.25 / len(rows))
        assert abs(up[rows].mean() - p[rows].mean()) < 3.5 * error


def test_the_path_joins_and_its_extremes_are_a_brownian_bridges() -> None:
    """Opens are the closes before, high and low enclose both ends, and the mean range is that of Brownian motion."""
    rng = np.random.default_rng(0)
    returns, sigma = rng.standard_normal((500, 78)), np.full((500, 78), 1e-3)
    first = np.full(500, 50.0)
    uniform = planted_signal.SignalUniforms(*rng.random((3, 500, 78)))
    open_, high, low, close = planted_signal.path(first, returns, sigma, uniform)
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


def test_no_linear_rule_finds_a_product_or_a_switched_sign() -> None:
    """rho .3: the oracle's forecasts are far from a half, yet eps has no correlation with the next return."""
    for kind in ("switch", "product"):
        quotes, _, document = simulate(bar_table(300), signal="planted", rho=0.3, kind=kind)
        lead = document["facts"]["lead_eps"]
        assert abs(lead["value"]) < 3.5 * lead["se"]
        assert document["facts"]["oracle_accuracy"]["value"] > 0.54
        assert document["facts"]["oracle_excess"]["pass"]
        assert quotes.num_rows == 300 * 78


def test_the_hidden_sign_is_a_markov_chain() -> None:
    """As often up as down, and the same a row later with probability STAY."""
    sign = planted_signal.regime(np.random.default_rng(0).random((4000, 78)))
    assert sign[:, 0].mean() == pytest.approx(0.0, abs=0.05)
    assert np.mean(sign[:, 1:] == sign[:, :-1]) == pytest.approx(planted_signal.STAY, abs=0.001)


def test_a_share_that_no_grid_resolves_is_refused_by_name() -> None:
    """carry .95 of a product: exit 2, with the accepted values."""
    with pytest.raises(UsageError, match=r"at most 0\.9"):
        simulate(bar_table(2), signal="planted", kind="product", carry=0.95)

"""Curves, levels and the volatility forecast."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest

from hfm.simulate import day_curves
from hfm.simulate.bars import trailing_stats

Float = npt.NDArray[np.float64]
S, T = 60, 78


def market(seed: int = 0, level: float = 5e-4) -> tuple[Float, Float, Float]:
    """Garman-Klass variances, volumes and returns [S, T] whose day curve is the built-in one, doubled at midday."""
    rng = np.random.default_rng(seed)
    bump = np.where(np.abs(np.arange(T) - 38.5) < 12, np.log(2.0), 0.0)
    sigma = level * np.exp(day_curves.day_curve(day_curves.VOLATILITY_CURVE, T) + bump + rng.normal(0, 0.1, (S, T)))
    gk2 = sigma**2 * np.exp(rng.normal(-0.045, 0.3, (S, T)))
    volume = 1e5 * np.exp(day_curves.day_curve(day_curves.VOLUME_CURVE, T) + rng.normal(0, 0.3, (S, T)))
    return gk2, volume, sigma * rng.standard_normal((S, T))


def test_the_forecast_has_the_scale_of_the_returns() -> None:
    """Mean squared standardised return 1, at the level of the data and at a hundred times it."""
    for level in (5e-4, 5e-2):
        gk2, volume, returns = market(level=level)
        found, _ = trailing_stats.learn(trailing_stats.no_past_sessions(T), gk2, volume, returns, 300.0)
        assert np.mean((returns / found.sigma)[trailing_stats.LOOK :] ** 2) == pytest.approx(1.0, abs=0.08)


def test_curves_are_the_built_in_ones_for_ten_sessions_and_then_learnt() -> None:
    """The midday bump is unknown at session 9 and known, to a tenth, at session 40."""
    found, _ = trailing_stats.learn(trailing_stats.no_past_sessions(T), *market(), 300.0)
    base = day_curves.day_curve(day_curves.VOLATILITY_CURVE, T)
    np.testing.assert_array_equal(found.phi_vol[:10] - base, 0.0)
    learnt = (found.phi_vol - base)[40]
    assert learnt[38] - learnt[10] == pytest.approx(np.log(2.0), abs=0.1)


def test_sessions_one_by_one_equal_all_at_once() -> None:
    """The memory of LOOK sessions is the whole past."""
    data = market()
    whole, _ = trailing_stats.learn(trailing_stats.no_past_sessions(T), *data, 300.0)
    memory = trailing_stats.no_past_sessions(T)
    for s in range(S):
        one, memory = trailing_stats.learn(memory, *(x[s : s + 1] for x in data), 300.0)
        np.testing.assert_array_equal(one.sigma[0], whole.sigma[s])
        np.testing.assert_array_equal(one.dev_vol[0], whole.dev_vol[s])
        np.testing.assert_array_equal(one.level_size[0], whole.level_size[s])


def test_the_forecast_equals_a_plain_loop() -> None:
    """One row of session 30 by the formula of the docstring, with its holes."""
    gk2, volume, returns = market()
    for x in (gk2, volume, returns):
        x[30, [4, 5, 20]] = np.nan
    found, _ = trailing_stats.learn(trailing_stats.no_past_sessions(T), gk2, volume, returns, 300.0)
    phi2 = np.exp(2 * found.phi_vol[30])
    scale = np.nansum(returns[10:30] ** 2) / np.nansum(gk2[10:30])
    day = np.nanmean(gk2[29] / phi2)
    for t in (0, 2, 7, 25, 77):
        value = 0.05 * np.nanmean(gk2[10:30] / phi2) + 0.10 * day
        for weight, window in ((0.15, 78), (0.35, 12), (0.35, 3)):
            rows = gk2[30, max(0, t - window) : t] / phi2[max(0, t - window) : t]
            value += weight * (np.nansum(rows) + (window - np.isfinite(rows).sum()) * day) / window
        assert found.sigma[30, t] == pytest.approx(np.sqrt(scale * phi2[t] * value), rel=1e-9)


def test_a_first_session_starts_from_the_built_in_sigma() -> None:
    """Nothing is known before the first row: 7 bp of five minutes at the open's phi, then the rows themselves."""
    gk2, volume, returns = market(level=5e-3)
    found, _ = trailing_stats.learn(trailing_stats.no_past_sessions(T), gk2, volume, returns, 300.0)
    base = np.exp(day_curves.day_curve(day_curves.VOLATILITY_CURVE, T))
    assert found.sigma[0, 0] == pytest.approx(7e-4 * base[0], rel=1e-9)
    assert found.sigma[0, 20] == pytest.approx(5e-3 * base[20], rel=0.3)
    assert found.dev_vol[0, 0] == pytest.approx(0.0, abs=1e-12)  # its level is itself


def test_rows_without_volume_teach_nothing_of_volume() -> None:
    """A tenth of the rows at volume 0: the level of volume stays, their own deviation is -inf."""
    gk2, volume, returns = market()
    clean, _ = trailing_stats.learn(trailing_stats.no_past_sessions(T), gk2, volume, returns, 300.0)
    volume[np.random.default_rng(1).random((S, T)) < 0.1] = 0.0
    found, _ = trailing_stats.learn(trailing_stats.no_past_sessions(T), gk2, volume, returns, 300.0)
    assert found.level_size[50, 0] == pytest.approx(clean.level_size[50, 0], abs=0.02)
    assert np.isneginf(found.dev_size[volume == 0]).all()

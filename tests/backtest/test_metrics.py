"""Performance figures: known answers, closed forms, other libraries."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hfm.backtest import metrics

BARS_YEAR = 19_482.0


def with_sharpe(year: float, periods: float, n: int = 19_500, seed: int = 0) -> np.ndarray:
    """Returns whose own mean over sd x sqrt(periods) is exactly `year`."""
    x = np.random.default_rng(seed).normal(0, 1e-3, n)
    x -= x.mean()
    return x + year / math.sqrt(periods) * x.std(ddof=1)


def test_a_constructed_five_minute_series_of_sharpe_1_5_has_1_5() -> None:
    """By the market's bars: not .17 (days for bars), not 3.47 (24 hours a day)."""
    assert metrics.sharpe(with_sharpe(1.5, BARS_YEAR), BARS_YEAR) == pytest.approx(1.5, abs=1e-9)


def test_sessions_of_that_series_have_the_same_sharpe_within_its_error() -> None:
    """Independent bars: 78 of them a session, 252 sessions a year, give 1.5 again on a long sample."""
    bars = with_sharpe(1.5, 252 * 78, n=78 * 20_000)
    sessions = bars.reshape(-1, 78).sum(axis=1)
    value = metrics.sharpe(sessions, 252)
    assert value == pytest.approx(1.5, abs=3 * metrics.sharpe_error(sessions) * math.sqrt(252))


def test_other_libraries_get_a_bar_series_wrong_at_their_defaults() -> None:
    """empyrical takes 252 periods a year of any series."""
    empyrical = pytest.importorskip("empyrical")
    r = with_sharpe(1.5, BARS_YEAR)
    assert empyrical.sharpe_ratio(r) == pytest.approx(0.17, abs=0.005)
    assert metrics.sharpe(r, 252 * 288) == pytest.approx(2.9, abs=0.1)
    assert empyrical.sharpe_ratio(r, annualization=BARS_YEAR) == pytest.approx(1.5, abs=1e-3)


@pytest.mark.parametrize("r", [[], [0.01], [0.0, 0.0, 0.0], [0.01, 0.01, 0.01]])
def test_without_variance_there_is_no_sharpe(r: list[float]) -> None:
    """None, not infinity and not 0."""
    assert metrics.sharpe(np.array(r), 252) is None
    assert metrics.psr(np.array(r)) is None
    assert metrics.sharpe_lo(np.array(r), 252, 5) is None


@given(st.floats(1e-3, 1e3))
def test_the_sharpe_ratio_does_not_depend_on_scale(scale: float) -> None:
    """Returns and their multiples."""
    r = with_sharpe(0.7, 252, n=50)
    assert metrics.sharpe(scale * r, 252) == pytest.approx(0.7)


@pytest.mark.parametrize("rho", [-0.3, 0.0, 0.2, 0.6])
def test_los_correction_equals_the_closed_form_of_an_ar1(rho: float) -> None:
    """Lo (2002), eq. 21: eta(q) = sqrt(q) [1 + 2 rho/(1-rho) (1 - (1-rho^q)/(q (1-rho)))]^-1/2."""
    q = 400
    closed = math.sqrt(q) / math.sqrt(1 + 2 * rho / (1 - rho) * (1 - (1 - rho**q) / (q * (1 - rho))))
    assert metrics.eta(rho ** np.arange(1, q), q) == pytest.approx(closed, rel=1e-12)


def test_positive_autocorrelation_lowers_the_yearly_sharpe() -> None:
    """As on a simulated AR(1), within a few per cent of the closed form."""
    rng, rho, n = np.random.default_rng(1), 0.3, 200_000
    noise = rng.normal(0, 1, n)
    x = np.empty(n)
    x[0] = noise[0]
    for i in range(1, n):
        x[i] = rho * x[i - 1] + noise[i]
    x = x + 0.05
    plain, corrected = metrics.sharpe(x, 2500.0), metrics.sharpe_lo(x, 2500.0, 78)
    assert plain is not None
    assert corrected is not None
    assert corrected / plain == pytest.approx(math.sqrt((1 - rho) / (1 + rho)), rel=0.03)


@pytest.mark.parametrize("block", [32_768, 64, 7])
def test_autocorrelation_agrees_with_statsmodels(block: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Lags 1 to 10 of noise, however many returns are transformed at a time; of few returns, as many as there are."""
    stattools = pytest.importorskip("statsmodels.tsa.stattools")
    monkeypatch.setattr(metrics, "BLOCK", block)
    x = np.random.default_rng(2).normal(size=300)
    np.testing.assert_allclose(metrics.autocorrelation(x, 10), stattools.acf(x, nlags=10)[1:], atol=1e-12)
    np.testing.assert_allclose(metrics.autocorrelation(x[:4], 10), stattools.acf(x[:4], nlags=3)[1:], atol=1e-12)


def test_the_sharpe_ratios_error_is_that_of_repeated_samples() -> None:
    """Fat-tailed, skewed returns: the mean stated error is the spread of the estimates within 5 %."""
    rng = np.random.default_rng(3)
    x = rng.exponential(1.0, (4000, 250)) - 0.9
    values = x.mean(axis=1) / x.std(axis=1, ddof=1)
    stated = np.mean([metrics.sharpe_error(row) for row in x[:500]])
    assert stated == pytest.approx(values.std(), rel=0.06)


def test_psr_is_a_half_at_zero_and_agrees_with_the_normal_case() -> None:
    """Bailey and Lopez de Prado: Phi(S sqrt(n-1) / sqrt(1 + S^2/2)) for normal returns."""
    r = with_sharpe(0.0, 252, 300)
    assert metrics.psr(r) == pytest.approx(0.5, abs=1e-6)


def test_sessions_needed_at_sharpe_1_5() -> None:
    """303.02 to be just significant and 692.5 for 80 % power, so 304 and 693."""
    s = 1.5 / math.sqrt(252)
    assert metrics.sessions_for(s) == 304
    assert metrics.sessions_for(s, 0.8) == 693
    assert metrics.sessions_needed(-with_sharpe(1.5, 252, 100)) is None


def test_drawdown_by_hand() -> None:
    """From 120 to 90: a quarter, recovered three steps later; a flat line has none."""
    fall = metrics.drawdown(np.array([100.0, 120.0, 110.0, 90.0, 100.0, 119.0, 121.0]))
    assert (fall.depth, fall.peak, fall.trough, fall.recovered) == (0.25, 1, 3, 6)
    assert metrics.drawdown(np.array([100.0, 90.0, 95.0])).recovered is None
    assert metrics.drawdown(np.array([100.0, 100.0])).depth == 0


def test_sortino_counts_all_bars_below_zero() -> None:
    """mean .01 over sqrt((.01^2) / 4)."""
    r = np.array([0.02, 0.03, -0.01, 0.0])
    assert metrics.sortino(r, 4.0) == pytest.approx(0.01 / math.sqrt(1e-4 / 4) * 2)
    assert metrics.sortino(np.array([0.01, 0.02]), 4.0) is None


def test_the_ratio_estimators_error_is_clustered() -> None:
    """Rows copied ten times inside their session change neither the share nor its error."""
    rng = np.random.default_rng(4)
    n = rng.integers(5, 50, 40).astype(float)
    hits = np.array([rng.binomial(int(k), 0.5) for k in n], float)
    assert metrics.ratio(hits, n) == pytest.approx(metrics.ratio(10 * hits, 10 * n))
    assert metrics.ratio(np.zeros(3), np.zeros(3)) == (None, None)
    assert metrics.ratio(np.array([2.0]), np.array([4.0])) == (0.5, None)


def test_every_formula_has_words() -> None:
    """None is empty, ids are short."""
    assert all(text and len(name) < 20 for name, text in metrics.FORMULAS.items())


def held(n: int, covered: int, slack: float = 0.0) -> bool:
    """Whether `covered` of n intervals is 95 %, within three binomial errors (`slack`: for the sample being small)."""
    return abs(covered / n - 0.95) <= 3 * (0.95 * 0.05 / n) ** 0.5 + slack


def test_the_interval_of_a_sharpe_ratio_covers_it_under_skew_and_fat_tails() -> None:
    """Mertens' error around 2,000 ratios of 250 skewed returns; the plain normal error would miss too often."""
    rng = np.random.default_rng(7)
    draws = rng.gamma(1.5, 1.0, (2000, 250)) - 1.5 + 0.12 * 1.5**0.5
    truth = 0.12
    found = [(metrics.sharpe(r, 1.0), metrics.sharpe_error(r)) for r in draws]
    covered = sum(s is not None and abs(s - truth) <= metrics.Z * e for s, e in found)
    assert held(len(draws), covered, 0.005)


def test_the_interval_of_a_ratio_covers_it_where_rows_of_a_session_move_together() -> None:
    """2,000 accuracies over 60 sessions of uneven length, each with a luck of its own."""
    rng = np.random.default_rng(8)
    covered = 0
    for _ in range(2000):
        rows = rng.integers(40, 79, 60)
        luck = np.clip(0.52 + 0.05 * rng.standard_normal(60), 0, 1)
        value, error = metrics.ratio(rng.binomial(rows, luck).astype(float), rows.astype(float))
        assert value is not None
        assert error is not None
        covered += abs(value - 0.52) <= metrics.Z * error
    assert held(2000, covered, 0.01)

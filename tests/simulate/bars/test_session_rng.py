"""Random streams of a session."""

from __future__ import annotations

import numpy as np
import pytest

from hfm.simulate.bars.session_rng import ar1, draw, student4
from hfm.stage import Context

DAYS = np.datetime64("2024-01-01") + np.arange(50)


def test_a_day_alone_draws_what_it_draws_in_the_batch() -> None:
    """A session's numbers depend on seed, stage, symbol and day alone."""
    batch = draw(Context("simulate", 7), "SPY", DAYS, 2, 1, 30)
    alone = draw(Context("simulate", 7), "SPY", DAYS[17:18], 2, 1, 30)
    np.testing.assert_array_equal(batch.normal[:, 17:18], alone.normal)
    np.testing.assert_array_equal(batch.uniform[:, 17:18], alone.uniform)


@pytest.mark.parametrize(("seed", "symbol", "day"), [(8, "SPY", 0), (7, "QQQ", 0), (7, "SPY", 1)])
def test_another_seed_symbol_or_day_draws_other_numbers(seed: int, symbol: str, day: int) -> None:
    """Streams do not overlap."""
    one = draw(Context("simulate", 7), "SPY", DAYS[:1], 1, 1, 1000).normal.ravel()
    other = draw(Context("simulate", seed), symbol, DAYS[day : day + 1], 1, 1, 1000).normal.ravel()
    assert abs(np.corrcoef(one, other)[0, 1]) < 0.12


def test_days_before_1970_have_streams() -> None:
    """The counter is never negative."""
    assert np.isfinite(
        draw(Context("simulate", 7), "SPY", np.array(["1901-01-01"], "datetime64[D]"), 1, 1, 3).normal
    ).all()


def test_student_t_has_its_law() -> None:
    """4 degrees of freedom, sd 1: sd and the share beyond 3 sd (.0132 = P(|t4| > 3 sqrt 2))."""
    draws = draw(Context("simulate", 7), "SPY", DAYS, 1, 2, 20_000)
    t = student4(draws.normal[0], *draws.uniform)
    assert t.std() == pytest.approx(1.0, rel=0.02)
    assert np.mean(np.abs(t) > 3.0) == pytest.approx(0.0132, rel=0.05)


def test_ar1_is_stationary_with_its_autocorrelation() -> None:
    """sd 1 at the first and the last place, lag-1 correlation phi."""
    x = ar1(np.random.default_rng(0).standard_normal((20_000, 20)), 0.6)
    assert x[:, 0].std() == pytest.approx(1.0, rel=0.03)
    assert x[:, -1].std() == pytest.approx(1.0, rel=0.03)
    assert np.corrcoef(x[:, 7], x[:, 8])[0, 1] == pytest.approx(0.6, abs=0.02)

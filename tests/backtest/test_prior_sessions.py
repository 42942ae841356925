"""Trailing figures: only sessions before, and what they are."""

from __future__ import annotations

import numpy as np
import pytest

from hfm import tables
from hfm.backtest.joined_panel import JoinedPanel, panels
from hfm.backtest.prior_sessions import PriorSessions, last_valid
from tests.backtest import market


def panel_of(quoted: object) -> JoinedPanel:
    return next(
        panels(
            tables.MemoryReader(quoted), tables.MemoryReader(market.predictions(quoted, {"m": 0.5})), "m", ["A", "B"]
        )
    )


def test_volume_and_volatility_are_those_of_earlier_sessions() -> None:
    """Sum of the volume and root mean square of close-to-close log returns, up to 20 sessions back."""
    quoted = market.walk(["A", "B"], 25, 4, seed=5)
    panel = panel_of(quoted)
    sigma, adv, _ = PriorSessions(2, 4).before(panel, 1)
    a = panel.symbol == 0
    volume = panel.quotes["volume"][a].reshape(25, 4).sum(axis=1)
    close = panel.quotes["mid_close"][a].reshape(25, 4)[:, -1]
    steps = np.diff(np.log(close)) ** 2
    got_adv, got_sigma = adv[a].reshape(25, 4)[:, 0], sigma[a].reshape(25, 4)[:, 0]
    assert got_adv[0] == got_sigma[0] == got_sigma[1] == 0
    assert got_adv[3] == pytest.approx(volume[:3].mean())
    assert got_adv[24] == pytest.approx(volume[4:24].mean())
    assert got_sigma[3] == pytest.approx(np.sqrt(steps[:2].mean()))


def test_a_change_in_a_session_changes_nothing_in_it_or_before() -> None:
    """The figures of session 3 do not see session 3."""
    quoted = market.walk(["A", "B"], 6, 4, seed=6)
    one = panel_of(quoted)
    data = tables.arrays(quoted)
    other = market.walk(["A", "B"], 6, 4, seed=6)
    two = panel_of(other)
    late = two.session >= np.unique(two.session)[3]
    for name in ("volume", "mid_close", "spread_bps"):
        two.quotes[name] = np.where(late, two.quotes[name] * 3.0, two.quotes[name])
    assert data is not None
    before = two.session <= np.unique(two.session)[3]
    for a, b in zip(PriorSessions(2, 4).before(one, 1), PriorSessions(2, 4).before(two, 1), strict=True):
        np.testing.assert_array_equal(a[before], b[before])
        assert not np.array_equal(a, b)


def test_the_usual_spread_is_that_of_the_slot_ahead() -> None:
    """Mean log spread over earlier sessions at the slot of the label; the last slot stands for those beyond."""
    quoted = market.walk(["A"], 4, 3, seed=7)
    panel = next(
        panels(tables.MemoryReader(quoted), tables.MemoryReader(market.predictions(quoted, {"m": 0.5})), "m", ["A"])
    )
    _, _, level = PriorSessions(1, 3).before(panel, 1)
    spread = panel.quotes["spread_bps"].reshape(4, 3)
    usual = np.exp(np.log(spread[:3]).mean(axis=0))
    np.testing.assert_allclose(level.reshape(4, 3)[3], usual[[1, 2, 2]])
    assert np.isnan(level[:3]).all()


def test_the_last_valid_price_skips_holes() -> None:
    """NaN, zero and infinity are none; a block without a price is NaN."""
    price = np.array([1.0, 2.0, np.nan, np.inf, 0.0, -1.0, 3.0])
    np.testing.assert_array_equal(last_valid(price, np.array([0, 3, 6, 7])), [2.0, np.nan, 3.0])

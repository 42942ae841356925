"""The calibrated model's parts."""

from __future__ import annotations

import numpy as np
import pytest

from hfm.simulate import spread_model
from hfm.simulate.bars import micro
from hfm.simulate.bars.session_rng import Draws
from hfm.simulate.bars.trailing_stats import Levels

S, T = 400, 78
RNG = np.random.default_rng(2)
DRAWS = Draws(RNG.standard_normal((3, S, T + 1)), RNG.random((2, S, T + 1)))
EPS = np.stack((DRAWS.normal[2][:, 1:], DRAWS.normal[2][:, 1:]))
MODEL = spread_model.SpreadModel()
ZERO = np.zeros((S, T))
SIGMA = np.full((S, T), 7e-4)
LEVELS = Levels(ZERO, ZERO, np.log(SIGMA), np.full((S, T), 13.0), ZERO, SIGMA, np.log(SIGMA))
PRESENT = np.ones((S, T), bool)


def moves(returns: np.ndarray, volume: float = 1e9) -> micro.SessionPrices:
    """Rows that start at 100 and move by these returns."""
    start = np.full((S, T), 100.0)
    close = start + returns
    return micro.SessionPrices(
        start, start, np.maximum(start, close), np.minimum(start, close), close, np.full((S, T), volume), PRESENT
    )


def test_ofi_explains_the_move_with_slope_one_and_its_r2() -> None:
    """r of variance sigma^2: r on beta x OFI has slope 1 and R2 .60, signed volume R2 .20, in 31k rows."""
    returns = 0.07 * RNG.standard_normal((S, T))
    flow = micro.flow(moves(returns), LEVELS, np.asarray(1000.0), DRAWS, EPS, MODEL)
    push = (0.005 / flow.depth * flow.ofi).ravel()
    slope, r2 = (push @ returns.ravel()) / (push @ push), np.corrcoef(push, returns.ravel())[0, 1] ** 2
    assert slope == pytest.approx(1.0, abs=0.02)
    assert r2 == pytest.approx(0.60, abs=0.01)
    signed = np.corrcoef((0.005 / flow.depth * flow.signed).ravel(), returns.ravel())[0, 1] ** 2
    assert signed == pytest.approx(0.20, abs=0.015)
    assert flow.clipped == 0


def test_signed_volume_never_exceeds_volume_and_the_cuts_are_counted() -> None:
    """A thin name: |signed| <= volume, and as many cuts as rows at the limit."""
    flow = micro.flow(moves(ZERO, 1e4), LEVELS, np.asarray(1000.0), DRAWS, EPS, MODEL)
    assert np.abs(flow.signed).max() <= 1e4
    assert flow.clipped == np.count_nonzero(np.abs(flow.signed) == 1e4) > 0


def test_depth_of_other_names_gives_signed_volume_its_share() -> None:
    """At even volume and volatility sd of signed volume over volume is .15 / 1.54, whatever price and level."""
    depth = micro.depth_level(LEVELS, np.full((S, T), 20.0), 0.01)
    start = np.full((S, T), 20.0)
    close = start * (1 + SIGMA * RNG.standard_normal((S, T)))
    rows = micro.SessionPrices(start, start, close, close, close, np.full((S, T), np.exp(13.0)), PRESENT)
    flow = micro.flow(rows, LEVELS, depth, DRAWS, EPS, MODEL)
    share = (flow.signed / rows.volume * np.median(flow.depth) / flow.depth).std()
    assert share == pytest.approx(0.15 / 1.54, rel=0.1)  # what an uneven day adds is not in these rows


def test_spreads_follow_their_law() -> None:
    """A tick at least, the cap at most, more with volatility, the residual an AR(1) of .45 and .31."""
    spread = micro.spread(LEVELS, ZERO, DRAWS, PRESENT, MODEL, np.full((S, 1), spread_model.LN_EXCESS))
    assert spread.quoted.min() > 0.01
    assert spread.quoted.max() <= 0.1 + 1e-12
    assert spread.u.std() == pytest.approx(0.31, rel=0.05)
    assert np.corrcoef(spread.u[:, 5], spread.u[:, 6])[0, 1] == pytest.approx(0.45, abs=0.1)
    wild = micro.spread(LEVELS, ZERO + 1.0, DRAWS, PRESENT, MODEL, np.full((S, 1), spread_model.LN_EXCESS))
    np.testing.assert_allclose(wild.x - spread.x, 0.8, rtol=1e-9)
    np.testing.assert_allclose(spread.at_open[:, 1:], spread.quoted[:, :-1])


def test_after_a_hole_the_open_has_the_spread_of_the_last_row() -> None:
    """Rows 3 and 4 missing: the open of row 5 has row 2's spread; a session that starts late has its own."""
    values = np.arange(8.0)[None, :]
    present = np.array([[False, True, True, False, False, True, True, True]])
    found = micro.before(values, np.array([[-1.0]]), present)
    assert found[0, 5] == 2.0
    assert found[0, 1] == -1.0
    assert found[0, 7] == 6.0


def test_a_return_starts_at_the_close_before_unless_a_hole_lies_between() -> None:
    """Joined rows start at the close before, the first row and one after a hole at their own open."""
    present = np.array([[True, True, False, True]])
    found = micro.origin(np.array([[1.0, 2.0, np.nan, 4.0]]), np.array([[1.5, 2.5, np.nan, 4.5]]), present)
    np.testing.assert_array_equal(found[0, [0, 1, 3]], [1.0, 1.5, 4.0])

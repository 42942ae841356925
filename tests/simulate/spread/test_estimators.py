"""What a session's bars show of their spread: each estimator against slow twins, known spreads and symmetries."""

from __future__ import annotations

import numpy as np
import pytest

from hfm.simulate import day_curves
from hfm.simulate.spread import estimators, moment_pool, spread_charge
from hfm.simulate.spread.estimators import by_name, columns
from tests.simulate.bounce import Make, bars


def pooled(make: Make, sessions: int, slots: int = 78, seed: int = 0) -> moment_pool.MomentPool:
    """The pool of all sessions of one sample."""
    return moment_pool.pool(
        moment_pool.sums(estimators.moments(*bars(make, sessions, slots, seed))).sum(axis=0, keepdims=True)
    )


def test_each_session_equals_a_loop_over_its_rows() -> None:
    """Roll, Abdi-Ranaldo and Corwin-Schultz by their published formulas, row by row, with the rows' weights."""
    sample = bars(Make(5.0), 3, 20, 0)
    found = estimators.moments(*sample)
    h, lo, c = (np.log(x) for x in sample[1:4])
    curve = np.exp(-2.0 * day_curves.day_curve(day_curves.VOLATILITY_CURVE, 20))
    k = 3.0 - 2.0 * np.sqrt(2.0)
    for s in range(3):
        roll, weight = [], []
        for t in range(2, 20):
            weight.append(curve[t] * curve[t - 1])
            roll.append(-4e8 * (c[s, t] - c[s, t - 1]) * (c[s, t - 1] - c[s, t - 2]))
        assert by_name(found.square)["roll"][s] == pytest.approx(np.average(roll, weights=weight), rel=1e-9)
        ar, cs = [], []
        for t in range(19):
            m0, m1 = (h[s, t] + lo[s, t]) / 2, (h[s, t + 1] + lo[s, t + 1]) / 2
            ar.append(4e8 * (c[s, t] - m0) * (c[s, t] - m1))
            beta = (h[s, t] - lo[s, t]) ** 2 + (h[s, t + 1] - lo[s, t + 1]) ** 2
            gamma = (max(h[s, t], h[s, t + 1]) - min(lo[s, t], lo[s, t + 1])) ** 2
            alpha = (np.sqrt(2 * beta) - np.sqrt(beta)) / k - np.sqrt(gamma / k)
            cs.append(1e4 * 2 * (np.exp(alpha) - 1) / (1 + np.exp(alpha)))
        assert by_name(found.square)["abdi_ranaldo"][s] == pytest.approx(
            np.average(ar, weights=curve[1:] ** 2), rel=1e-9
        )
        assert by_name(found.square)["corwin_schultz"][s] == pytest.approx(np.average(cs, weights=curve[1:]), rel=1e-9)


def test_edge_is_its_authors_own() -> None:
    """Session by session, squared and signed."""
    bidask = pytest.importorskip("bidask")
    sample = bars(Make(8.0), 4, 60, 1)
    found = by_name(estimators.moments(*sample).square)["edge"]
    for s in range(4):
        theirs = bidask.edge(*(x[s] for x in sample[:4]), sign=True)
        assert np.sign(found[s]) * np.sqrt(abs(found[s])) == pytest.approx(1e4 * theirs, rel=1e-6)


@pytest.mark.parametrize("half", [3.0, 5.0])
def test_a_true_bounce_is_found_within_its_error(half: float) -> None:
    """Sides independent from trade to trade: Roll, Abdi-Ranaldo and EDGE, 4 c^2 within 3.5 errors and a tenth."""
    p = pooled(Make(half), 150)
    square, se = by_name(p.square)[0], by_name(p.se)[0]
    for name in ("roll", "abdi_ranaldo", "edge"):
        assert square[name] == pytest.approx(4 * half * half, abs=3.5 * se[name] + 0.1 * 4 * half * half), name


def test_sides_that_persist_from_close_to_close_are_found_by_their_own_sum() -> None:
    """P(same) .85: 4 c^2 within its error, where Roll's alone is a tenth of it."""
    p = pooled(Make(8.0, from_bar=0.85), 200)
    square, se = by_name(p.square)[0], by_name(p.se)[0]
    assert square["persistent_85"] == pytest.approx(256.0, abs=3.0 * se["persistent_85"])
    assert square["roll"] < 0.25 * 256.0


def test_a_random_walk_shows_nothing_whatever_its_volatility() -> None:
    """No bounce: every estimate of returns' products within 3.5 errors of 0, in a market whose volatility varies."""
    p = pooled(Make(0.0, trades=60), 250)
    for name in (*estimators.PERSISTENCE, "abdi_ranaldo"):
        assert abs(by_name(p.square)[name][0]) < 3.5 * by_name(p.se)[name][0], name


@pytest.mark.parametrize("factor", [1e-3, 7.0, 1e5])
def test_the_unit_of_prices_is_nothing_to_it(factor: float) -> None:
    """Prices times a factor: the same moments."""
    *prices, volume = bars(Make(4.0), 5, 30, 3)
    one, other = estimators.moments(*prices, volume), estimators.moments(*(factor * x for x in prices), volume)
    np.testing.assert_allclose(other.square, one.square, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(other.weight, one.weight, rtol=1e-5)


def test_a_wider_world_has_wider_spreads() -> None:
    """All log prices times 3: squared spreads times 9, that of Corwin-Schultz times 3."""
    *prices, volume = bars(Make(4.0), 5, 30, 3)
    one = estimators.moments(*prices, volume).square
    other = estimators.moments(*(100.0 * (x / 100.0) ** 3 for x in prices), volume).square
    of_returns = columns(("roll", "abdi_ranaldo"))
    np.testing.assert_allclose(other[:, of_returns], 9.0 * one[:, of_returns], rtol=1e-6)
    np.testing.assert_allclose(by_name(other)["corwin_schultz"], 3.0 * by_name(one)["corwin_schultz"], rtol=1e-3)


def test_columns_have_the_names_of_their_estimators() -> None:
    """What is written under a name stands in its column, and the matrix of any type keeps its type."""
    for dtype in (np.float64, np.bool_):
        matrix = np.zeros((2, len(estimators.NAMES)), dtype)
        by_name(matrix)["edge"] = 1
        assert by_name(matrix)["edge"].dtype == dtype
        np.testing.assert_array_equal(matrix[:, columns(("edge", "roll"))], [[1, 0], [1, 0]])
        assert matrix.sum() == 2


def test_rows_without_volume_and_rows_that_repeat_the_close_teach_nothing() -> None:
    """Such rows give what holes there give."""
    o, h, lo, c, v = bars(Make(4.0), 3, 40, 4)
    holes = [x.copy() for x in (o, h, lo, c, v)]
    for x in holes:
        x[:, [7, 20]] = np.nan
    silent = v.copy()
    silent[:, [7, 20]] = 0.0
    filled = [x.copy() for x in (o, h, lo, c)]
    for x in filled:
        x[:, [7, 20]] = c[:, [6, 19]]
    expected = estimators.moments(*holes)
    for found in (estimators.moments(o, h, lo, c, silent), estimators.moments(*filled, v)):
        np.testing.assert_array_equal(found.square, expected.square)
        np.testing.assert_array_equal(found.weight, expected.weight)


@pytest.mark.parametrize("what", ["constant", "no volume", "one bar", "three bars", "all holes"])
def test_bars_that_tell_nothing_have_no_weight(what: str) -> None:
    """No warnings, no estimate, nothing to charge."""
    o, h, lo, c, v = bars(Make(4.0), 4, {"one bar": 1, "three bars": 3}.get(what, 30), 5)
    if what == "constant":
        o = h = lo = c = np.full(c.shape, 10.0)
    if what == "no volume":
        v = np.zeros(v.shape)
    if what == "all holes":
        o, h, lo, c, v = (np.full(c.shape, np.nan) for _ in range(5))
    found = spread_charge.of_bars(o, h, lo, c, v)
    assert np.isnan(found.upper_half_spread_bps)
    assert found.ruled_by == "none"


def test_sessions_are_taken_one_by_one() -> None:
    """A session alone, or in a block of many: the same bits."""
    sample = bars(Make(4.0), 300, 78, 6)
    full = moment_pool.sums(estimators.moments(*sample))
    np.testing.assert_array_equal(moment_pool.sums(estimators.moments(*(x[200:201] for x in sample))), full[200:201])

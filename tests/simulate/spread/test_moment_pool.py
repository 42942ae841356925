"""Estimates pooled over sessions: means and errors by hand, and what makes one trusted."""

from __future__ import annotations

import numpy as np
import pytest

from hfm.simulate.spread import moment_pool
from hfm.simulate.spread.estimators import NAMES, SessionMoments, by_name
from hfm.simulate.spread.moment_pool import CLUSTERED, JOINED_GAPS, JOINED_RANGES, LEAST_ROWS, THIN, MomentPool

E = len(NAMES)
RNG = np.random.default_rng(2)


def moments(sessions: int, rows: float = 100.0, joined: float = 0.0, extreme: float = 0.0) -> SessionMoments:
    """Sessions of `rows` rows, with these shares of joined opens and of closes at an extreme."""
    shape = np.tile([rows, joined * rows, rows, extreme * rows], (sessions, 1))
    return SessionMoments(
        RNG.normal(4.0, 1.0, (sessions, E)), RNG.uniform(1.0, 3.0, (sessions, E)), np.full((sessions, E), 0.5), shape
    )


def pooled(found: SessionMoments) -> MomentPool:
    """Of all sessions together."""
    return moment_pool.pool(moment_pool.sums(found).sum(axis=0, keepdims=True))


def test_a_pool_is_the_weighted_mean() -> None:
    """Squared spreads as they are; Corwin-Schultz, which is of the spread itself, squared with its sign."""
    found = moments(20)
    mean = (found.weight * found.square).sum(axis=0) / found.weight.sum(axis=0)
    square = by_name(pooled(found).square)[0]
    for e, name in enumerate(NAMES):
        expected = np.sign(mean[e]) * mean[e] ** 2 if name == "corwin_schultz" else mean[e]
        assert square[name] == pytest.approx(expected), name


def test_errors_are_those_of_sessions_where_there_are_enough() -> None:
    """From CLUSTERED on by how sessions scatter, below by their own variance."""
    many, few = moments(CLUSTERED), moments(CLUSTERED - 1)
    w, x = many.weight[:, 0], many.square[:, 0]
    scatter = np.sum((w * (x - np.average(x, weights=w))) ** 2) * CLUSTERED / (CLUSTERED - 1)
    assert by_name(pooled(many).se)["roll"][0] == pytest.approx(np.sqrt(scatter) / w.sum())
    assert by_name(pooled(many).df)["roll"][0] == pytest.approx(w.sum() ** 2 / np.sum(w * w) - 1.0)
    w = few.weight[:, 0]
    assert by_name(pooled(few).se)["roll"][0] == pytest.approx(np.sqrt(np.sum(w * w * 0.5)) / w.sum())
    assert by_name(pooled(few).df)["roll"][0] == np.inf


def test_sessions_add_up_in_any_grouping() -> None:
    """The sums of two halves are those of the whole."""
    sums = moment_pool.sums(moments(30))
    halves = sums[:11].sum(axis=0) + sums[11:].sum(axis=0)
    np.testing.assert_allclose(halves, sums.sum(axis=0), rtol=1e-12)


@pytest.mark.parametrize(
    ("what", "untrusted"),
    [
        ({}, set()),
        ({"joined": 1.05 * JOINED_GAPS}, {"edge"}),
        ({"joined": 1.05 * JOINED_RANGES}, {"edge", "abdi_ranaldo", "corwin_schultz"}),
        ({"extreme": 1.05 * THIN}, {"abdi_ranaldo", "corwin_schultz"}),
        ({"rows": (LEAST_ROWS - 1) / 20}, set(NAMES)),
    ],
)
def test_what_is_not_trusted(what: dict[str, float], untrusted: set[str]) -> None:
    """Opens that are the closes before, closes at an extreme, too few rows."""
    trusted = by_name(pooled(moments(20, **what)).trusted)[0]
    assert {name for name in NAMES if not trusted[name]} == untrusted


def test_an_estimator_without_rows_has_no_estimate() -> None:
    """NaN, not trusted, and the others stand."""
    found = moments(20)
    by_name(found.weight)["edge"] = 0.0
    pool = pooled(found)
    assert np.isnan(by_name(pool.square)["edge"][0])
    assert not by_name(pool.trusted)["edge"][0]
    assert np.isfinite(by_name(pool.square)["roll"][0])
    assert pool.sessions[0] == 20

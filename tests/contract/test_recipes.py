"""What every recipe of spread and order flow keeps: see plugins.Recipe."""

from __future__ import annotations

import numpy as np
import pytest

from hfm.plugins import REGISTRY, Recipe, find
from hfm.tables import MemoryReader
from tests.bars import bar_table
from tests.simulate.test_stage import simulate


@pytest.fixture(params=sorted(REGISTRY["recipes"]))
def recipe(request: pytest.FixtureRequest) -> Recipe:
    """A recipe that has read the closes of a symbol."""
    found: Recipe = find("recipes", request.param)()
    found.fit([("SPY", CLOSE[:40]), ("SPY", CLOSE[40:])])
    return found


RNG = np.random.default_rng(3)
CLOSE, VOLUME = 100.0 * np.exp(np.cumsum(RNG.normal(0.0, 1e-3, 100))), RNG.integers(1, 10**6, 100).astype(float)


def test_rows_in_pieces_are_the_rows_of_one_call(recipe: Recipe) -> None:
    """The state carries all that the later rows need; spreads are above 0, flow is at most the volume."""
    whole = recipe.rows("SPY", CLOSE, VOLUME, None, 7)
    first = recipe.rows("SPY", CLOSE[:33], VOLUME[:33], None, 7)
    second = recipe.rows("SPY", CLOSE[33:], VOLUME[33:], first.state, 7)
    np.testing.assert_allclose(np.concatenate((first.spread_bps, second.spread_bps)), whole.spread_bps, rtol=1e-9)
    np.testing.assert_array_equal(np.concatenate((first.ofi, second.ofi)), whole.ofi)
    assert (whole.spread_bps > 0).all()
    assert (np.abs(whole.ofi) <= VOLUME).all()


def test_its_name_is_a_recipe_of_simulate_and_its_warning_is_given() -> None:
    """Quotes and their metadata carry it; the oracle does not know its spread."""
    for name in REGISTRY["recipes"]:
        quotes, oracle, _ = simulate(bar_table(2), recipe=name)
        assert MemoryReader(quotes).meta.recipe == name
        assert np.isnan(oracle["log_spread_mean"].to_numpy()).all()

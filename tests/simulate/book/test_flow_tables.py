"""Tables of a fitted flow: what the engine takes of them, and what is refused."""

from __future__ import annotations

import math

import numpy as np
import pytest

from hfm.errors import ConfigError
from hfm.simulate.book import fitted, flow_tables
from tests.simulate.book.test_fitted import flow


def test_the_tables_fill_the_engines_record() -> None:
    """Each stands under its name, sizes in the engine's units."""
    tables = fitted.fit([flow(2000)], [np.ones(2000, bool)], 1500.0)
    laws = flow_tables.laws(tables, 10.0)
    for name in ("gaps", "marks", "of_share", "back", "trade"):
        np.testing.assert_array_equal(laws[name].ravel(), tables[name])
    assert laws.join[0, 0] == tables["join"][0] / 10.0
    assert (laws.mean_spread, laws.widest_spread) == (tables["pace"][3], tables["pace"][5])


def test_tables_that_no_fit_made_are_named() -> None:
    """A missing one, a foreign one, one of another length, one with a number that is none or below 0."""
    tables = fitted.fit([flow(2000)], [np.ones(2000, bool)], 1500.0)
    flow_tables.checked(tables)
    for change, word in (
        ({"join": tables["join"][1:]}, "join is not 128"), ({"bins": [math.nan] * 64}, "bins"),
        ({"marks": [-1.0] * 392}, "below 0"), ({"other": [1.0]}, "no 'other'"),
    ):  # fmt: skip
        with pytest.raises(ConfigError) as caught:
            flow_tables.checked({**tables, **change})
        assert word in str(caught.value)
    with pytest.raises(ConfigError, match="lacks 'gaps'"):
        flow_tables.checked({k: v for k, v in tables.items() if k != "gaps"})


def test_more_volume_means_more_events() -> None:
    """Within bounds, and the mean rate at the mean volume."""
    tables = {"pace": [math.log(2.0), math.log(2.0) - 0.5 * math.log(50.0), 0.5, 5.0, 50.0, 40.0]}
    assert flow_tables.rate(tables, 50.0) == pytest.approx(2.0)
    assert flow_tables.rate(tables, 200.0) == pytest.approx(4.0)
    assert flow_tables.rate(tables, 1e12) == pytest.approx(2.0 * math.exp(flow_tables.SWING))


@pytest.mark.parametrize(("far", "reach"), [(3.0, 60), (100.0, 400), (1e6, 2000)])
def test_orders_stand_four_times_as_far_as_the_fit_saw_within_bounds(far: float, reach: int) -> None:
    """Whichever of the distances is the largest."""
    for name in ("inside", "back", "add_at", "cancel_at"):
        tables = {key: [1.0] for key in ("inside", "back", "add_at", "cancel_at")} | {name: [1.0, far]}
        assert flow_tables.reach(tables) == reach

"""Constants from a replayed book."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from hfm import tables
from hfm.errors import ConfigError
from hfm.simulate import spread_model
from hfm.simulate.replay import fitted_constants
from tests.bars import bar_table
from tests.simulate.replay.test_stage import run as replay
from tests.simulate.test_stage import simulate

TRUE = {
    "ln_excess": 2.0, "on_volatility": 0.6, "on_volume": -0.25, "spread_ar": 0.7, "spread_sd": 0.25, "effective": 0.7,
    "r2_ofi": 0.5, "r2_flow": 0.3, "depth": 400.0, "depth_on_volatility": -0.5, "depth_ar": 0.4, "depth_sd": 0.3,
}  # fmt: skip


def sessions(table: pa.Table) -> list[tuple[np.ndarray, dict[str, np.ndarray]]]:
    """Quotes rows session by session, as a replay would give them."""
    q = tables.arrays(table)
    return [
        (q["seq"][q["session"] == day], {name: q[name][q["session"] == day] for name in fitted_constants.COLUMNS})
        for day in np.unique(q["session"])
    ]


def test_the_constants_of_a_simulated_market_are_found_again() -> None:
    """200 sessions of a model that is not the default: every constant within a tenth, in both halves."""
    quotes, _, document = simulate(bar_table(200), constants=TRUE)
    assert {name: document["constants"][name] for name in TRUE} == TRUE
    for part in fitted_constants.constants(sessions(quotes), 78, 0.01):
        for name, value in TRUE.items():
            assert part[name] == pytest.approx(value, rel=0.1, abs=0.03), name


def test_half_an_hour_is_too_little() -> None:
    """Fewer than LEAST rows: nothing is said."""
    quotes, _, _ = simulate(bar_table(1))
    few = [(seq[:20], {name: x[:20] for name, x in columns.items()}) for seq, columns in sessions(quotes)]
    assert fitted_constants.constants(few, 78, 0.01) == ({}, {})


def test_amzn_is_calibrated_within_what_a_day_can_tell(amzn: pa.Table) -> None:
    """Spread about 13 ticks in both halves, effective over quoted .72 and .75: as of SPY."""
    document = replay(amzn, "5m")["simulate/facts.json"]
    even, odd = document["constants"], document["held_out"]
    assert document["constants_of"] == "AMZN"
    assert set(even) == set(spread_model.RANGES)
    assert even["ln_excess"] == pytest.approx(odd["ln_excess"], abs=0.2)
    for part in (even, odd):
        assert 0.6 < part["effective"] < 0.9
        assert 0.2 < part["on_volatility"] < 0.9


@pytest.mark.parametrize("constants", [{"nonsense": 1.0}, {"spread_sd": -1.0}, {"r2_ofi": 1.5}])
def test_constants_that_are_none_are_refused_by_name(constants: dict[str, float]) -> None:
    """Exit 3, with what may be set, or the range."""
    with pytest.raises(ConfigError, match=next(iter(constants))):
        simulate(bar_table(1), constants=constants)

"""What quotes say of their columns and of how they came about."""

from __future__ import annotations

from hfm import tables
from hfm.tables import MemoryReader
from tests.bars import bar_table
from tests.simulate.test_stage import simulate


def test_provenance_says_what_was_observed() -> None:
    """Trades of real bars are observed, mids simulated; a planted path says so."""
    real = tables.provenance(simulate(bar_table(2, synthetic=False))[0].schema)
    assert (real["trade_close"], real["mid_close"], real["sigma_bps"]) == ("observed", "simulated", "estimated")
    planted = tables.provenance(simulate(bar_table(2), signal="planted")[0].schema)
    assert (planted["trade_close"], planted["mid_close"], planted["ofi"]) == ("planted", "planted", "planted")


def test_the_metadata_carry_the_settings_and_the_ticks() -> None:
    """Of quotes and of the oracle."""
    quotes, oracle, _ = simulate(bar_table(2), signal="planted", rho=0.2)
    for table in (quotes, oracle):
        meta = MemoryReader(table).meta
        assert (meta.fidelity, meta.recipe, meta.signal, meta.rho, meta.simulate_seed) == (
            "bars", "calibrated", "planted", 0.2, 7,
        )  # fmt: skip
        assert (meta.tick, meta.ticks) == (0.01, {"SPY": 0.01})

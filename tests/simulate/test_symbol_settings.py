"""What holds for a symbol's whole run."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from hfm.config import Simulate
from hfm.simulate.bars import bar_stream
from hfm.simulate.spread_model import SpreadModel
from hfm.simulate.symbol_settings import SymbolSettings
from hfm.simulate.ticks import CENT
from hfm.stage import Context
from hfm.tables import MemoryReader
from tests.bars import bar_table, edited

DAYS = np.array(["2024-01-02", "2024-01-03"], "datetime64[D]")


def test_nothing_said_is_the_calibrated_model_at_a_cent() -> None:
    """SPY's constants, a cent in every session, no claims and no recipe."""
    setting = SymbolSettings(Simulate(), 78, 300.0, True)
    assert setting.model == SpreadModel()
    assert (setting.charge, setting.recipe) == (None, None)
    np.testing.assert_array_equal(setting.ticks.of(DAYS), [[CENT], [CENT]])


def test_a_setting_does_not_change() -> None:
    """It is shared by all sessions, groups and workers."""
    setting = SymbolSettings(Simulate(), 78, 300.0, True)
    with pytest.raises(dataclasses.FrozenInstanceError):
        setting.slots = 13  # type: ignore[misc]


def test_each_symbol_has_its_own_tick_and_charge_and_the_run_s_model_and_session() -> None:
    """Of two observed stocks, one below a dollar; the model's tick is that of the last session."""
    bars = bar_table(12, ("AAA", "BBB"), slots=40, synthetic=False)
    cheap = bars["symbol"].to_numpy(zero_copy_only=False) == "BBB"
    step, part = np.where(cheap, 1e-4, 0.01), np.where(cheap, 1e-3, 1.0)
    prices = {n: np.rint(bars[n].to_numpy() * part / step) * step for n in ("open", "high", "low", "close")}
    reader = MemoryReader(edited(bars, **prices))
    found = bar_stream.settings(reader, Simulate(constants={"spread_sd": 0.2}), Context("simulate"))
    assert {symbol: one.ticks.last for symbol, one in found.items()} == {"AAA": 0.01, "BBB": 1e-4}
    for setting in found.values():
        assert (setting.slots, setting.interval_s, setting.like_spy) == (40, 300.0, False)
        assert setting.model == SpreadModel(tick=setting.ticks.last, spread_sd=0.2)
        assert setting.charge is not None
        assert len(setting.charge.days) == 12

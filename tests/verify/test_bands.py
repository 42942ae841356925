"""The table of `simulate --check`: a fact inside its band passes, outside it fails, without one it is shown."""

from __future__ import annotations

import math
from typing import Any

import pytest

from hfm.config import Config
from hfm.simulate.fact_check import SEEDS, SESSIONS
from hfm.tables import column_array
from hfm.verify import bands

FACTS: dict[str, dict[str, Any]] = {  # Any: JSON values
    "inside": {"label": "spread, ticks", "of": "simulated", "value": 1.2, "band": [1.0, 1.4]},
    "outside": {"label": "kurtosis", "of": "bars", "value": 77.0, "band": [4.0, 40.0]},
    "undefined": {"label": "lag 78", "of": "bars", "value": None, "band": [0.05, 0.25]},
    "free": {"label": "slope", "of": "simulated", "value": -3.0, "band": None},
}


def test_each_fact_is_a_row_that_passes_inside_its_band_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Undefined is no pass; a fact without a band is never judged."""
    monkeypatch.setattr(bands, "table", lambda bars, config: FACTS)
    rows = dict(zip(FACTS, bands.check([], Config()), strict=True))
    assert {name: row.passed for name, row in rows.items()} == {
        "inside": True, "outside": False, "undefined": False, "free": True,
    }  # fmt: skip
    assert rows["inside"].claim == "spread, ticks (simulated)"
    assert rows["inside"].expected == "1 to 1.4"
    assert rows["free"].expected == "no band"
    assert math.isnan(rows["undefined"].got)


def test_the_markets_are_those_that_the_bands_were_drawn_for() -> None:
    """One a seed, all of the same length, and not the same market."""
    markets = bands.markets()
    assert len(markets) == len(SEEDS)
    tables = [reader.read() for reader in markets]
    for table in tables:
        assert len(set(column_array(table["session"]))) == SESSIONS
    assert len({column_array(table["close"])[100] for table in tables}) == len(SEEDS)

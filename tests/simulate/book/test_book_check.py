"""The table of --check for the book."""

from __future__ import annotations

import dataclasses

import pytest

from hfm.config import Config, Simulate
from hfm.simulate.bars import bar_check
from hfm.simulate.book import book_check as book
from hfm.tables import MemoryReader
from tests.bars import bar_table

CONFIG = Config(simulate=Simulate(fidelity="book", events=True, prints=True))


@pytest.fixture(scope="module")
def markets() -> list[MemoryReader]:
    """Two markets of two short sessions."""
    return [MemoryReader(bar_table(2, slots=6, seed=seed)) for seed in (0, 1)]


def test_it_has_the_facts_of_bars_and_of_the_book(markets: list[MemoryReader]) -> None:
    """Each with its band; the bars are made again; what is written on demand is not written here."""
    rows = bar_check.table(markets, CONFIG)
    assert rows["reaggregated"] == {
        "label": "share of bars that their trades make again", "value": 1.0, "se": 0.0, "band": [1.0, 1.0],
        "pass": True, "of": "simulated",
    }  # fmt: skip
    assert {"volume_first", "kurtosis", "mid_ac_1s", "ofi_r2_10s", "book_spread_ticks", "sign_ac_1"} <= set(rows)
    assert all(row["band"] is None or len(row["band"]) == 2 for row in rows.values())
    assert "ofi_slope" not in rows  # of the bars' own model of flow, which the book replaces


def test_the_seeds_are_fixed_and_count(markets: list[MemoryReader]) -> None:
    """The configured seed does not; the given ones do."""
    other = dataclasses.replace(CONFIG, simulate=dataclasses.replace(CONFIG.simulate, seed=99))
    one, again, moved = (
        book.table(markets, config, seeds) for config, seeds in ((CONFIG, (1, 2)), (other, (1, 2)), (CONFIG, (3, 4)))
    )
    assert one["ofi_r2_10s"] == again["ofi_r2_10s"]
    assert one["ofi_r2_10s"]["value"] != moved["ofi_r2_10s"]["value"]


def test_a_fact_outside_its_band_fails(markets: list[MemoryReader]) -> None:
    """A book with four ticks of spread where SPY's is one: no band of SPY's for it; with SPY's own constants a market
    that is not SPY fails some."""
    wide = dataclasses.replace(CONFIG, simulate=dataclasses.replace(CONFIG.simulate, spread_bps=2.0))
    assert bar_check.table(markets, wide)["book_spread_ticks"]["band"] is None
    rows = bar_check.table(markets, CONFIG)
    failed = bar_check.failed(rows)
    assert all(not rows[n]["band"][0] <= rows[n]["value"] <= rows[n]["band"][1] for n in failed)
    assert set(failed) == {n for n, r in rows.items() if r["pass"] is False}

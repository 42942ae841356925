"""The table of bands over pooled seeds."""

from __future__ import annotations

import dataclasses
import math
from datetime import UTC, datetime

import numpy as np
import pyarrow as pa
import pytest

from hfm.config import Config, Fetch, Simulate
from hfm.errors import UsageError
from hfm.fetch import stage as fetch
from hfm.simulate import fact_check
from hfm.stage import Context
from hfm.tables import MemoryReader
from tests.bars import bar_table, edited
from tests.orderbook import DAY, book_table


def test_three_seeds_of_one_market_are_one_cluster_a_day() -> None:
    """Facts of the bars have the error of 60 sessions, not of 180; facts of the draws gain from each seed."""
    bars = MemoryReader(bar_table(60))
    rows = fact_check.table([bars], Config())
    one = fact_check.table([bars], Config())
    assert rows == one
    alone = MemoryReader(bar_table(60))
    assert fact_check.table([alone], Config())["kurtosis"]["se"] == pytest.approx(rows["kurtosis"]["se"])
    assert math.isfinite(rows["lead_eps"]["se"])


def test_markets_add_up() -> None:
    """Four markets instead of one halve the errors, about."""
    one = fact_check.table([MemoryReader(bar_table(60))], Config())["abs_ac1"]["se"]
    four = fact_check.table([MemoryReader(bar_table(60, seed=s)) for s in range(4)], Config())["abs_ac1"]["se"]
    assert four == pytest.approx(one / 2, rel=0.4)


def test_a_missed_band_is_named() -> None:
    """A volume that is the same all day is outside the day shape's bands; a name that is not SPY has no tick bands."""
    bars = bar_table(60)
    flat = MemoryReader(edited(bars, volume=np.full(bars.num_rows, 1e6)))
    rows = fact_check.table([flat], Config(simulate=Simulate(spread_bps=50.0)))
    assert {"volume_first", "volume_last"} <= set(fact_check.failed(rows))
    assert rows["spread_ticks"]["pass"] is None


def test_the_default_model_on_the_synthetic_source_passes_every_band() -> None:
    """Three synthetic markets of 60 sessions, three seeds each: no fact outside, at the bands as designed."""
    markets = []
    for seed in fact_check.SEEDS:
        ctx = Context("fetch", seed=seed, as_of=datetime(2025, 6, 1, tzinfo=UTC))
        config = Config(fetch=Fetch(symbols=("SPY",), source="synthetic", sessions=fact_check.SESSIONS, seed=seed))
        groups = [p for name, p in fetch.run({}, config, ctx) if name == "fetch/bars.parquet"]
        markets.append(MemoryReader(pa.concat_tables(groups).unify_dictionaries().combine_chunks()))
    rows = fact_check.table(markets, Config())
    assert fact_check.failed(rows) == []
    assert sum(row["pass"] is True for row in rows.values()) >= 18


def test_a_book_has_no_table() -> None:
    """A replayed run has no bands: exit 2, not a fault."""
    with pytest.raises(UsageError, match="replayed"):
        fact_check.table([MemoryReader(book_table(DAY))], Config())


BOOK = Config(simulate=Simulate(fidelity="book", events=True, prints=True))


@pytest.fixture(scope="module")
def markets() -> list[MemoryReader]:
    """Two markets of two short sessions."""
    return [MemoryReader(bar_table(2, slots=6, seed=seed)) for seed in (0, 1)]


def test_of_the_book_it_has_the_facts_of_bars_and_of_the_book(markets: list[MemoryReader]) -> None:
    """Each with its band; the bars are made again; what is written on demand is not written here."""
    rows = fact_check.table(markets, BOOK)
    assert rows["reaggregated"] == {
        "label": "share of bars that their trades make again", "value": 1.0, "se": 0.0, "band": [1.0, 1.0],
        "pass": True, "of": "simulated",
    }  # fmt: skip
    assert {"volume_first", "kurtosis", "mid_ac_1s", "ofi_r2_10s", "book_spread_ticks", "sign_ac_1"} <= set(rows)
    assert all(row["band"] is None or len(row["band"]) == 2 for row in rows.values())
    assert "ofi_slope" not in rows  # of the bars' own model of flow, which the book replaces


def test_of_the_book_the_seeds_are_fixed_and_count(markets: list[MemoryReader]) -> None:
    """The configured seed does not; the given ones do."""
    other = dataclasses.replace(BOOK, simulate=dataclasses.replace(BOOK.simulate, seed=99))
    one, again, moved = (
        fact_check.table(markets, config, seeds) for config, seeds in ((BOOK, (1, 2)), (other, (1, 2)), (BOOK, (3, 4)))
    )
    assert one["ofi_r2_10s"] == again["ofi_r2_10s"]
    assert one["ofi_r2_10s"]["value"] != moved["ofi_r2_10s"]["value"]


def test_of_the_book_a_fact_outside_its_band_fails(markets: list[MemoryReader]) -> None:
    """A book with four ticks of spread where SPY's is one: no band of SPY's for it; with SPY's own constants a market
    that is not SPY fails some."""
    wide = dataclasses.replace(BOOK, simulate=dataclasses.replace(BOOK.simulate, spread_bps=2.0))
    assert fact_check.table(markets, wide)["book_spread_ticks"]["band"] is None
    rows = fact_check.table(markets, BOOK)
    failed = fact_check.failed(rows)
    assert all(not rows[n]["band"][0] <= rows[n]["value"] <= rows[n]["band"][1] for n in failed)
    assert set(failed) == {n for n, r in rows.items() if r["pass"] is False}

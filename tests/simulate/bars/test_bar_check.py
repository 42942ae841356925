"""The table of bands over pooled seeds."""

from __future__ import annotations

import math
from datetime import UTC, datetime

import numpy as np
import pyarrow as pa
import pytest

from hfm.config import Config, Fetch, Simulate
from hfm.errors import UsageError
from hfm.fetch import stage as fetch
from hfm.simulate.bars import bar_check
from hfm.stage import Context
from hfm.tables import MemoryReader
from tests.bars import bar_table, edited
from tests.orderbook import DAY, book_table


def test_three_seeds_of_one_market_are_one_cluster_a_day() -> None:
    """Facts of the bars have the error of 60 sessions, not of 180; facts of the draws gain from each seed."""
    bars = MemoryReader(bar_table(60))
    rows = bar_check.table([bars], Config())
    one = bar_check.table([bars], Config())
    assert rows == one
    alone = MemoryReader(bar_table(60))
    assert bar_check.table([alone], Config())["kurtosis"]["se"] == pytest.approx(rows["kurtosis"]["se"])
    assert math.isfinite(rows["lead_eps"]["se"])


def test_markets_add_up() -> None:
    """Four markets instead of one halve the errors, about."""
    one = bar_check.table([MemoryReader(bar_table(60))], Config())["abs_ac1"]["se"]
    four = bar_check.table([MemoryReader(bar_table(60, seed=s)) for s in range(4)], Config())["abs_ac1"]["se"]
    assert four == pytest.approx(one / 2, rel=0.4)


def test_a_missed_band_is_named() -> None:
    """A volume that is the same all day is outside the day shape's bands; a name that is not SPY has no tick bands."""
    bars = bar_table(60)
    flat = MemoryReader(edited(bars, volume=np.full(bars.num_rows, 1e6)))
    rows = bar_check.table([flat], Config(simulate=Simulate(spread_bps=50.0)))
    assert {"volume_first", "volume_last"} <= set(bar_check.failed(rows))
    assert rows["spread_ticks"]["pass"] is None


def test_the_default_model_on_the_synthetic_source_passes_every_band() -> None:
    """Three synthetic markets of 60 sessions, three seeds each: no fact outside, at the bands as designed."""
    markets = []
    for seed in bar_check.SEEDS:
        ctx = Context("fetch", seed=seed, as_of=datetime(2025, 6, 1, tzinfo=UTC))
        config = Config(fetch=Fetch(symbols=("SPY",), source="synthetic", sessions=bar_check.SESSIONS, seed=seed))
        groups = [p for name, p in fetch.run({}, config, ctx) if name == "fetch/bars.parquet"]
        markets.append(MemoryReader(pa.concat_tables(groups).unify_dictionaries().combine_chunks()))
    rows = bar_check.table(markets, Config())
    assert bar_check.failed(rows) == []
    assert sum(row["pass"] is True for row in rows.values()) >= 18


def test_a_book_has_no_table() -> None:
    """A replayed run has no bands: exit 2, not a fault."""
    with pytest.raises(UsageError, match="replayed"):
        bar_check.table([MemoryReader(book_table(DAY))], Config())

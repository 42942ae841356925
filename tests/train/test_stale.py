"""Prices that a vendor filled forward are no skill: the scores of the rows that move, beside those of all."""

from __future__ import annotations

import json

import numpy as np
import pyarrow as pa
import pytest

from hfm import tables
from hfm.config import Config, Train
from hfm.tables import MemoryReader
from hfm.train import training_panel
from tests.bars import bar_table, edited
from tests.filled import fillings
from tests.simulate.test_stage import simulate
from tests.train.test_stage import train

PRICES = ("open", "high", "low", "close")


def market(share: float) -> pa.Table:
    """Quotes of 60 sessions on a grid of cents, `share` of whose bars were filled forward with their volume."""
    bars = bar_table(60, synthetic=False, seed=3)
    values = tables.arrays(bars)
    rows = fillings(np.random.default_rng(2), 60, 78, share).ravel() if share else np.zeros(60 * 78, bool)
    last = np.maximum.accumulate(np.where(rows, 0, np.arange(len(rows))))
    rounded = {name: np.round(values[name], 2) for name in PRICES}
    flat = {name: np.where(rows, rounded["close"][last], rounded[name]) for name in PRICES}
    return simulate(edited(bars, **flat))[0]


def scores(quotes: pa.Table) -> tuple[dict[tuple[str, str], float], pa.Table, list[str]]:
    """(task, metric) -> HAR's pooled value; the table; what was warned of."""
    found, ctx = train(quotes, Config(train=Train(model="har")))
    table = found["train/scores.parquet"]
    data = tables.arrays(table)
    mine = (data["model"] == "har") & (data["fold"] == -1)
    return (
        {(t, m): v for t, m, v in zip(*(data[n][mine] for n in ("task", "metric", "value")), strict=True)},
        table,
        ctx.warnings,
    )


def unmarked(quotes: pa.Table) -> pa.Table:
    """The same quotes from a simulator that does not look for fillings."""
    return edited(quotes, flags=tables.arrays(quotes)["flags"] & ~(tables.FLAG_STALE | tables.FLAG_UNMOVED))


def test_filled_prices_look_like_skill_and_are_none() -> None:
    """23 % of the bars at one price: HAR seems to foresee nearly all of the volatility's variance. With them marked,
    nothing is fitted to them and the headline is of the rows that move, near what it is without a filling; over all
    rows it stands beside."""
    quotes = market(0.23)
    fooled, _, quiet = scores(unmarked(quotes))
    found, table, warned = scores(quotes)
    headline = found["volatility", "r2"]
    assert not [key for key in fooled if key[1].endswith("_all_rows")]
    assert not [w for w in quiet if "filled forward" in w]
    assert fooled["volatility", "r2"] > 0.8
    assert 0.1 < headline < 0.3  # 0.244 without a filling
    assert headline < found["volatility", "r2_all_rows"]
    assert any("filled forward" in w for w in warned)
    meta = tables.header(table.schema)["meta"]
    assert 0.15 < meta["stale_rows"] / meta["test_rows"] < 0.4
    assert meta["stale_sessions"] > 8
    json.dumps(meta)


def test_a_row_is_left_out_with_its_labels_row() -> None:
    """The unmoved rows of a session with a stale one, and the row before each, whose label it is."""
    quotes = market(0.23)
    flags = tables.arrays(quotes)["flags"]
    made = training_panel.read(MemoryReader(quotes), training_panel.ForecastTask(horizon=2))
    assert made.stale is not None
    session = np.repeat(np.arange(60), 78)
    rare = np.isin(session, session[flags & tables.FLAG_STALE > 0])
    own = rare & (flags & tables.FLAG_UNMOVED > 0)
    label = np.append(own[2:], [False, False]) & (np.append(session[2:], [-1, -1]) == session)
    np.testing.assert_array_equal(made.stale, own | label)
    assert made.unmasked is not None
    assert np.isfinite(made.unmasked.log_vol[made.stale]).sum() > 300
    for labels in (made.panel.up, made.panel.ret_bps, made.panel.log_spread, made.panel.log_vol):
        assert np.isnan(labels[made.stale]).all()
    np.testing.assert_array_equal(made.panel.log_vol[~made.stale], made.unmasked.log_vol[~made.stale])
    assert (
        made.digest
        != training_panel.read(MemoryReader(unmarked(quotes)), training_panel.ForecastTask(horizon=2)).digest
    )
    assert training_panel.read(MemoryReader(market(0.0)), training_panel.ForecastTask()).stale is None


@pytest.mark.slow
def test_the_network_is_not_fooled_either() -> None:
    """The LSTM's R2 of volatility: nine tenths where fillings are not looked for, an honest one where they are."""
    quotes, value = market(0.23), {}
    for name, given in (("fooled", unmarked(quotes)), ("found", quotes)):
        made, _ = train(given, Config(train=Train(model="lstm", epochs=15, seeds=1)))
        data = tables.arrays(made["train/scores.parquet"])
        mine = (data["model"] == "lstm") & (data["fold"] == -1) & (data["task"] == "volatility")
        value[name] = dict(zip(data["metric"][mine], data["value"][mine], strict=True))
    assert value["fooled"]["r2"] > 0.8
    assert value["found"]["r2"] < 0.4

"""A real book as quotes."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from hfm import tables
from hfm.config import Config, Fetch, Simulate
from hfm.errors import DataError, UsageError
from hfm.features import bar_features, batch
from hfm.fetch import stage as fetch
from hfm.simulate import stage
from hfm.simulate.replay import stage as replay
from hfm.stage import Context
from hfm.tables import MemoryReader
from tests.bars import bar_table
from tests.orderbook import DAY, OPEN, SECOND, book_table


def run(book: pa.Table, every: str = "event") -> dict[str, Any]:
    """The stage's products by artifact."""
    config = Config(simulate=Simulate(fidelity="replay", every=every))
    out = dict(stage.run({"fetch/book.parquet": MemoryReader(book)}, config, Context("simulate", seed=7)))
    tables.check(out["simulate/quotes.parquet"], tables.QUOTES)
    tables.check(out["simulate/oracle.parquet"], tables.ORACLE)
    return out


@pytest.fixture(scope="module")
def truth(real: Path) -> dict[str, np.ndarray]:
    """The independently measured five-minute bars of the same file."""
    table = pq.read_table(real / "quotes/spread_truth_5m.parquet").to_pandas()
    return {name: column.to_numpy() for name, column in table[table["symbol"] == "AMZN"].items()}


def test_five_minute_rows_equal_the_files_truth(amzn: pa.Table, truth: dict[str, np.ndarray]) -> None:
    """Trades, volume, signed volume and prices of 77 bars exactly (the truth leaves out the last second of the day).

    Its spread is sampled each second: one-second rows give it to 1e-9, and the integral over time lies within half a
    percent of it in the mean over bars.
    """
    q = tables.arrays(run(amzn, "5m")["simulate/quotes.parquet"])
    np.testing.assert_array_equal(q["seq"], np.arange(78))
    for name in ("volume", "signed_volume", "trades"):
        np.testing.assert_array_equal(q[name][:77], truth[name][:77])
    for name in ("open", "high", "low", "close"):
        np.testing.assert_allclose(q[f"trade_{name}"][:77], truth[name][:77], atol=1e-9)
    np.testing.assert_allclose(q["mid_close"], truth["mid_close"], atol=1e-9)
    assert np.mean(np.abs(q["spread_bps"] / truth["spread_bps_tw"] - 1)) < 0.005
    s = tables.arrays(run(amzn, "1s")["simulate/quotes.parquet"])
    each = 1e4 * (s["ask_close"] - s["bid_close"]) / s["mid_close"]
    np.testing.assert_allclose(each.reshape(78, 300).mean(axis=1), truth["spread_bps_tw"], rtol=1e-9)


def test_a_ten_level_hour_equals_the_files_truth_too(real: Path) -> None:
    """AAPL's twelve bars, rebuilt from messages of 50 levels: trades, volume, signs and mids, each exactly."""
    ctx = Context("fetch", as_of=datetime(2025, 1, 1, tzinfo=UTC))
    config = Config(fetch=Fetch(symbols=("AAPL",), source="lobster", path=str(real / "book")))
    book = dict(fetch.run({}, config, ctx))["fetch/book.parquet"]
    q = tables.arrays(run(book, "5m")["simulate/quotes.parquet"])
    table = pq.read_table(real / "quotes/spread_truth_5m.parquet").to_pandas()
    truth = table[table["symbol"] == "AAPL"]
    for name in ("volume", "signed_volume", "trades"):
        np.testing.assert_array_equal(q[name], truth[name].to_numpy())
    np.testing.assert_allclose(q["mid_close"], truth["mid_close"].to_numpy(), atol=1e-9)
    assert not q["is_last"].any()


def test_order_flow_explains_the_mid_as_measured_elsewhere(amzn: pa.Table) -> None:
    """Mean R2 of half-hour regressions .53, .57, .51 at 10, 60 and 300 s, within .02."""
    facts = run(amzn, "5m")["simulate/facts.json"]["facts"]
    for scale, expected in ((10, 0.53), (60, 0.57), (300, 0.51)):
        assert facts[f"ofi_r2_{scale}s"]["value"] == pytest.approx(expected, abs=0.02)
        assert facts[f"ofi_r2_{scale}s"]["windows"] == 13
    assert 0.2 < facts["sign_ac1"]["value"] < 0.8
    assert 0 < facts["effective"]["value"] < facts["spread"]["value"]


@pytest.mark.parametrize("every", ["event", "10s"])
def test_every_row_has_features(amzn: pa.Table, every: str) -> None:
    """After the ring is full no feature of the book group is missing, trades or not."""
    out = run(amzn, every)
    table = out["simulate/quotes.parquet"]
    meta = tables.header(table.schema)["meta"]
    states = {"AMZN": batch.state_new(meta["slots_per_session"], meta["interval_s"])}
    x = batch.compute(tables.arrays(table, batch.INPUTS), states, batch.GROUPS["book"])
    assert np.isfinite(x[bar_features.LOOKBACK - 1 :]).all()
    assert table.num_rows == {"event": 53_283, "10s": 2_340}[every]
    assert tables.column_array(table["is_last"]).nonzero()[0].tolist() == [table.num_rows - 1]


def test_columns_are_observed_and_the_oracle_knows_nothing() -> None:
    """Nothing is invented: provenance observed, but for the forecast; NaN wherever a truth would stand."""
    out = run(book_table(DAY))
    quotes = out["simulate/quotes.parquet"]
    origin = tables.provenance(quotes.schema)
    assert origin["sigma_bps"] == "estimated"
    assert origin["ofi"] == origin["mid_close"] == "observed"
    oracle = tables.arrays(out["simulate/oracle.parquet"])
    assert np.isnan(oracle["p_up"]).all()
    assert len(oracle["seq"]) == quotes.num_rows


def test_a_day_cut_short_has_no_last_row() -> None:
    """Events of seven seconds: no row is the session's last, on a clock or off it."""
    for every in ("event", "1s"):
        assert not tables.column_array(run(book_table(DAY), every)["simulate/quotes.parquet"]["is_last"]).any()


def test_what_comes_later_changes_no_row() -> None:
    """Rows of the first five events are those of the whole day."""
    for every in ("event", "1s"):
        whole = tables.arrays(run(book_table(DAY), every)["simulate/quotes.parquet"])
        part = tables.arrays(run(book_table(DAY[:5]), every)["simulate/quotes.parquet"])
        for name, values in part.items():
            np.testing.assert_array_equal(values, whole[name][: len(values)], err_msg=name)


@pytest.mark.parametrize(
    ("text", "length"), [("event", None), ("1s", SECOND), ("250ms", SECOND // 4), ("5m", 300 * SECOND)]
)
def test_clocks_are_read(text: str, length: int | None) -> None:
    """A name or a length."""
    assert replay.clock(text) == length


@pytest.mark.parametrize("text", ["", "0s", "2h", "5", "-1s", "1us", "soon"])
def test_a_clock_that_is_none_is_named(text: str) -> None:
    """Exit 2, with the range."""
    with pytest.raises(UsageError, match=r"simulate\.every"):
        replay.clock(text)


def test_fidelity_and_input_must_fit() -> None:
    """Replay of bars, bars of a book: exit 2, and what to type."""
    ctx = Context("simulate")
    with pytest.raises(UsageError, match="needs an order book"):
        stage.run({"fetch/bars.parquet": MemoryReader(bar_table(1))}, Config(simulate=Simulate(fidelity="replay")), ctx)
    with pytest.raises(UsageError, match="needs bars"):
        stage.run({"fetch/book.parquet": MemoryReader(book_table(DAY))}, Config(), ctx)


def test_a_book_without_two_sides_is_an_error() -> None:
    """Nothing to make quotes of: exit 4."""
    with pytest.raises(DataError, match="no row of quotes"):
        run(book_table(DAY[:1]))


def test_hours_are_the_calendars() -> None:
    """An ordinary day, a half day, and the whole day where there is no session."""
    assert replay.hours("XNYS", np.datetime64("2012-06-21")) == (OPEN, OPEN + 23_400 * SECOND)
    start, end = replay.hours("XNYS", np.datetime64("2024-11-29"))
    assert end - start == 12_600 * SECOND
    start, end = replay.hours("24/7", np.datetime64("2024-11-30"))
    assert end - start == 86_400 * SECOND


@pytest.mark.parametrize(("most", "kept"), [(1, [1]), (40, [40]), (1000, [299]), (0, [])])
def test_a_session_of_more_events_than_are_kept_is_fitted_on_its_first(
    monkeypatch: pytest.MonkeyPatch, most: int, kept: list[int]
) -> None:
    """A busy day has more than memory should hold: its quotes are whole, its laws are those of the events kept."""
    book = book_table([(1.0 + i, "add", 1, 100.0, 10.0, 100.0, 10.0 + i % 7, 100.02, 5.0) for i in range(300)])
    whole = tables.arrays(run(book)["simulate/quotes.parquet"])
    seen: list[int] = []
    fit = replay.fitted.fit
    monkeypatch.setattr(replay, "MOST", most)
    monkeypatch.setattr(
        replay.fitted, "fit", lambda rows, *more: (seen.extend(len(r.time) for r in rows), fit(rows, *more))[1]
    )
    cut = run(book)
    assert seen == kept
    assert cut["simulate/facts.json"]["tables"] == {}  # too few in any case
    for name, column in tables.arrays(cut["simulate/quotes.parquet"]).items():
        np.testing.assert_array_equal(column, whole[name])

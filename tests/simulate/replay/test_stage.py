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
from hfm.simulate.replay import flow_sample
from hfm.simulate.replay import stage as replay
from hfm.stage import Context
from hfm.tables import MemoryReader
from tests.bars import bar_table
from tests.orderbook import DAY, OPEN, SECOND, book_table
from tests.parts import Parts


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
    fit = flow_sample.fitted.fit
    monkeypatch.setattr(flow_sample, "MOST", most)
    monkeypatch.setattr(
        flow_sample.fitted, "fit", lambda rows, *more: (seen.extend(len(r.time) for r in rows), fit(rows, *more))[1]
    )
    cut = run(book)
    assert seen == kept
    assert cut["simulate/facts.json"]["tables"] == {}  # too few in any case
    for name, column in tables.arrays(cut["simulate/quotes.parquet"]).items():
        np.testing.assert_array_equal(column, whole[name])


def wild(n: int, seed: int) -> pa.Table:
    """n events over an hour: shared stamps, empty sides, crossed books, trades without a side, a late open."""
    rng = np.random.default_rng(seed)
    time = np.sort(rng.integers(0, 3600 * 4, n)) / 4.0
    mid, out = 1000, []
    for k in range(n):
        mid += int(rng.choice([-1, 0, 0, 1]))
        bid, ask = (mid - int(rng.integers(1, 3))) / 100, (mid + int(rng.integers(0, 3))) / 100
        if k < 5 or rng.random() < 0.05:
            bid = np.nan
        word = str(rng.choice(["add", "delete", "reduce", "execute", "execute_hidden", "cross"]))
        side = int(rng.choice([1, -1, 0] if word in ("execute_hidden", "cross") else [1, -1]))
        sizes = rng.integers(1, 90, 3).astype(float)
        out.append(
            (float(time[k]), word, side, mid / 100, sizes[0], bid, 0.0 if np.isnan(bid) else sizes[1], ask, sizes[2])
        )
    return book_table(out)


@pytest.mark.parametrize("every", ["event", "1s", "7s", "5m"])
@pytest.mark.parametrize("rows", [1, 13, 400])
def test_a_session_in_parts_is_replayed_as_a_whole_one(every: str, rows: int) -> None:
    """Quotes, oracle and facts, bit for bit, wherever it is cut: in a time stamp, in a row, before a quote."""
    book = wild(900, seed=rows)
    config = Config(simulate=Simulate(fidelity="replay", every=every))
    whole = run(book, every)
    parts: dict[str, list[Any]] = {}
    for name, payload in stage.run({"fetch/book.parquet": Parts(book, rows)}, config, Context("simulate", seed=7)):
        parts.setdefault(name, []).append(payload)
    assert parts["simulate/facts.json"] == [whole["simulate/facts.json"]]
    for name in ("simulate/quotes.parquet", "simulate/oracle.parquet"):
        found = pa.concat_tables(parts[name]).unify_dictionaries()
        for column in found.column_names:
            one, other = (tables.column_array(t.column(column)) for t in (found, whole[name]))
            assert one.tobytes() == other.tobytes() or (one == other).all(), (name, column)


def test_quotes_of_a_long_session_lie_in_parts(tmp_path: Path) -> None:
    """Each of at least GROUP_ROWS rows; a reader of whole sessions has them as one."""
    n = 3 * tables.GROUP_ROWS
    book = book_table([(k / 10, "add", 1, 10.0, 5.0, 10.0, 1.0 + k % 9, 10.02, 5.0) for k in range(n)])
    config, path = Config(simulate=Simulate(fidelity="replay")), tmp_path / "quotes.parquet"
    writer = tables.Writer(path, tables.QUOTES)
    products = stage.run({"fetch/book.parquet": Parts(book, tables.GROUP_ROWS)}, config, Context("simulate", seed=7))
    for name, payload in products:
        if name == "simulate/quotes.parquet":
            writer.write(payload)
    writer.close()
    reader = tables.FileReader(path, "")
    assert len(list(reader.parts(["seq"]))) > 1
    (group,) = reader.groups(["seq"])
    np.testing.assert_array_equal(group["seq"].to_numpy(), np.arange(group.num_rows))

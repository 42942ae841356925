"""Vendors' dumps as they are found: rows twice, halves interleaved, a day in two files, bars among the books."""

from __future__ import annotations

import gzip
import io
import shlex
import zipfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hfm import tables
from hfm.config import Config, Fetch
from hfm.errors import DataError
from hfm.fetch import stage
from hfm.stage import Context
from tests.command import hfm

DAY = 1_705_276_800_000
"""2024-01-15 00:00 UTC in ms."""
AGG = "agg_trade_id,price,quantity,first_trade_id,last_trade_id,transact_time,is_buyer_maker"
SINGLE = "id,price,qty,quote_qty,time,is_buyer_maker"
TICKER = "update_id,best_bid_price,best_bid_qty,best_ask_price,best_ask_qty,transaction_time,event_time"
TARDIS = "exchange,symbol,timestamp,local_timestamp,id,side,price,amount"


def run(path: Path, source: str = "binance", symbol: str = "ETHUSDT") -> tuple[pa.Table, Context]:
    """The events of all sessions."""
    ctx = Context("fetch")
    ctx.as_of = ctx.as_of.replace(year=2030)
    config = Config(fetch=Fetch(symbols=(symbol,), source=source, path=str(path)))
    groups = [group for _, group in stage.run({}, config, ctx)]
    return pa.concat_tables(groups).combine_chunks(), ctx  # type: ignore[arg-type]  # tables alone


def trades(found: pa.Table) -> tuple[int, float]:
    """How many, and their quantity."""
    sizes = found.filter(pa.compute.equal(found["event"].cast(pa.string()), "execute"))["size"].to_numpy()
    return len(sizes), float(sizes.sum())


def events(found: pa.Table) -> list[str]:
    """The rows as text: no price equals no price."""
    return [str(row) for row in found.to_pylist()]


def agg(count: int = 60) -> list[str]:
    return [f"{1000 + k},2474.0{k % 7},0.{k % 9 + 1},{5 * k},{5 * k + 4},{DAY + 50 * k},{str(k % 3 == 0).lower()}"
            for k in range(count)]  # fmt: skip


def quotes(count: int = 60) -> list[str]:
    return [f"{10**12 + 7 * k},2474.{k % 50:02},1{k % 9}.0,2475.{k % 50:02},2.5,{DAY + 49 * k},{DAY + 49 * k + 5}"
            for k in range(count)]  # fmt: skip


def write(folder: Path, kind: str, rows: Sequence[str], span: str = "2024-01-15", suffix: str = ".csv") -> Path:
    """A file of Binance's as it is published."""
    head = {"aggTrades": AGG, "trades": SINGLE, "bookTicker": TICKER}[kind]
    name, data = f"ETHUSDT-{kind}-{span}", "\n".join([head, *rows, ""]).encode()
    path = folder / (name + suffix)
    if suffix == ".zip":
        sink = io.BytesIO()
        with zipfile.ZipFile(sink, "w") as archive:
            archive.writestr(name + ".csv", data)
        data = sink.getvalue()
    path.write_bytes(gzip.compress(data) if suffix.endswith(".gz") else data)
    return path


@pytest.fixture
def clean(tmp_path: Path) -> tuple[int, float]:
    """The trades of a sound day."""
    folder = tmp_path / "clean"
    folder.mkdir()
    write(folder, "bookTicker", quotes())
    write(folder, "aggTrades", agg())
    return trades(run(folder)[0])


def test_trades_that_stand_twice_count_once_and_it_is_said(tmp_path: Path, clean: tuple[int, float]) -> None:
    """G1: every row doubled, side by side."""
    write(tmp_path, "bookTicker", quotes())
    write(tmp_path, "aggTrades", [row for row in agg() for _ in range(2)])
    found, ctx = run(tmp_path)
    assert trades(found) == clean
    assert any("60 trades that stood there twice count once" in line for line in ctx.lines)


@pytest.mark.parametrize(
    "files",
    [
        [("2024-01-15", ".csv"), ("2024-01-15", ".zip")],
        [("2024-01", ".zip"), ("2024-01-15", ".zip")],
        [("2024-01", ".csv.gz"), ("2024-01-15", ".csv")],
    ],
)
def test_a_day_in_two_files_counts_once(tmp_path: Path, clean: tuple[int, float], files: list[tuple[str, str]]) -> None:
    """Of trades and of best quotes: packed and not, the month's file beside the day's."""
    for span, suffix in files:
        write(tmp_path, "bookTicker", quotes(), span, suffix)
        write(tmp_path, "aggTrades", agg(), span, suffix)
    found, ctx = run(tmp_path)
    assert trades(found) == clean
    assert found.num_rows == 120
    assert any("60 quotes that stood there twice" in line for line in ctx.lines)


@pytest.mark.parametrize("kind", ["aggTrades", "trades"])
def test_one_id_of_two_trades_is_refused_with_its_line(tmp_path: Path, kind: str) -> None:
    """Nothing says which of the two is wrong."""
    write(tmp_path, "bookTicker", quotes())
    rows = agg() if kind == "aggTrades" else [f"{k},2474,{k + 1},9,{DAY + 50 * k},true" for k in range(60)]
    rows.insert(31, rows[30].replace(",247", ",248"))
    path = write(tmp_path, kind, rows)
    with pytest.raises(DataError, match=r"line 33: a second row of .*id") as caught:
        run(tmp_path)
    assert path.name in caught.value.what


def test_interleaved_halves_are_sorted_by_their_ids_and_it_is_said(tmp_path: Path) -> None:
    """H9: bookTicker rows of two halves by turns; of trades likewise."""
    write(tmp_path, "bookTicker", quotes())
    write(tmp_path, "aggTrades", agg())
    want, _ = run(tmp_path)
    for kind, rows in (("bookTicker", quotes()), ("aggTrades", agg())):
        mixed = [row for pair in zip(rows[:30], rows[30:], strict=True) for row in pair]
        write(tmp_path, kind, mixed)
    found, ctx = run(tmp_path)
    assert events(found) == events(want)
    assert sum("were out of order in the file, and are sorted by" in line for line in ctx.lines) == 2


def test_rows_out_of_order_without_an_id_are_to_be_sorted_by_hand(tmp_path: Path) -> None:
    """The hint does not send to the vendor for the same file again."""
    path = write(tmp_path, "bookTicker", quotes())
    lines = [line.partition(",")[2] for line in path.read_text().splitlines()]
    path.write_text("\n".join([lines[0], *lines[40:], *lines[1:40], ""]))
    with pytest.raises(DataError, match="its time lies before") as caught:
        run(tmp_path)
    assert caught.value.hint == "sort the rows of the file by their time"


def test_depth_updates_that_stand_twice_change_nothing_and_one_level_of_two_sizes_is_refused(tmp_path: Path) -> None:
    """Sizes are absolute, so that a copy has no effect; a contradiction is named with its line."""
    head = "symbol,timestamp,first_update_id,last_update_id,side,update_type,price,qty,pu"
    rows = [f"ETHUSDT,{DAY},0,9,{side},snap,{price},5,-1" for side, price in (("b", 100), ("a", 101))]
    rows += [f"ETHUSDT,{DAY + k},{10 * k},{10 * k + 9},b,set,{99 + k % 2},{k},{10 * k - 1}" for k in range(1, 20)]
    path = tmp_path / "ETHUSDT_T_DEPTH_2024-01-15_depth_update.csv"
    path.write_text("\n".join([head, *rows, ""]))
    want, _ = run(tmp_path)
    path.write_text("\n".join([head, *(row for row in rows for _ in range(2)), ""]))
    assert events(run(tmp_path)[0]) == events(want)
    path.write_text("\n".join([head, *rows, rows[7].replace(",6,", ",66,"), ""]))
    with pytest.raises(DataError, match=r"line 23: a second size of one level in update 69"):
        run(tmp_path)


def test_ids_and_times_that_disagree_are_refused(tmp_path: Path) -> None:
    """Sorted by id the time runs back: neither order is certain."""
    rows = quotes()
    rows[10] = rows[10].replace(str(DAY + 490), str(DAY + 49_000))
    write(tmp_path, "bookTicker", rows)
    with pytest.raises(DataError, match=r"line 13: its time lies before that of the update_id before it"):
        run(tmp_path)


def test_recorded_trades_without_ids_in_two_files_are_refused(tmp_path: Path) -> None:
    """Parquet of a recorder: a copy of the file would count each trade twice; files of one hour each do not overlap."""
    stamp = pa.array(DAY * 10**6 + np.arange(4) * 10**9, pa.timestamp("ns", tz="UTC"))
    columns = {"timestamp": stamp, "symbol": ["ETHUSDT"] * 4}
    states = {f"{side}_{what}_1": [p] * 4 for side, p in (("bid", 100.0), ("ask", 101.0)) for what in ("price", "size")}
    rows = pa.table({**columns, "price": [100.0] * 4, "size": [1.0] * 4, "side": [1] * 4})
    pq.write_table(pa.table({**columns, **states}), tmp_path / "states.parquet")
    pq.write_table(rows.slice(0, 2), tmp_path / "a.parquet")
    pq.write_table(rows.slice(2), tmp_path / "b.parquet")
    assert trades(run(tmp_path)[0]) == (4, 4.0)
    pq.write_table(rows, tmp_path / "b.parquet")
    with pytest.raises(DataError, match="trades of the same time"):
        run(tmp_path)


def tardis(folder: Path, rows: Sequence[str], suffix: str = ".csv") -> None:
    """Quotes and trades of a day."""
    head = "exchange,symbol,timestamp,local_timestamp,ask_amount,ask_price,bid_price,bid_amount"
    book = [f"x,ETHUSDT,{DAY * 1000 + k},{DAY * 1000 + k + 9},1,101,100,2" for k in range(9)]
    (folder / "x_quotes_2024-01-15_ETHUSDT.csv").write_text("\n".join([head, *book, ""]))
    data = "\n".join([TARDIS, *rows, ""]).encode()
    path = folder / f"x_trades_2024-01-15_ETHUSDT{suffix}"
    path.write_bytes(gzip.compress(data) if suffix.endswith(".gz") else data)


def fills(ids: Sequence[str]) -> list[str]:
    return [f"x,ETHUSDT,{DAY * 1000 + k},{DAY * 1000 + k + 10},{name},buy,10{k},1" for k, name in enumerate(ids)]


def test_tardis_trades_count_once_an_id(tmp_path: Path) -> None:
    """Rows twice, a day plain and packed, a copy that arrived later; fills that share an id count apart."""
    rows = fills(["a", "b", "b", "d"])
    later = rows[0].replace(f",{DAY * 1000 + 10},", f",{DAY * 1000 + 99},")
    tardis(tmp_path, [row for row in rows for _ in range(2)] + [later])
    found, ctx = run(tmp_path, "tardis")
    assert trades(found) == (4, 4.0)
    assert any("5 trades that stood there twice" in line for line in ctx.lines)
    tardis(tmp_path, rows)
    tardis(tmp_path, rows, ".csv.gz")
    assert trades(run(tmp_path, "tardis")[0]) == (4, 4.0)


def test_tardis_trades_without_ids_in_two_files_are_refused(tmp_path: Path) -> None:
    """Some venues give none: equal rows of one file may be two trades."""
    tardis(tmp_path, fills(["", "", ""]))
    assert trades(run(tmp_path, "tardis")[0]) == (3, 3.0)
    tardis(tmp_path, fills(["", "", ""]), ".csv.gz")
    with pytest.raises(DataError, match="trades of the same time"):
        run(tmp_path, "tardis")


@settings(max_examples=15, deadline=None)
@given(st.lists(st.integers(0, 3), min_size=60, max_size=60), st.randoms(use_true_random=False), st.integers(0, 60))
def test_no_doubling_and_no_order_of_rows_changes_the_events(
    tmp_path_factory: pytest.TempPathFactory, more: list[int], random: object, cut: int
) -> None:
    """Any row any number of times, in any order, over one file or two: the sound day's events."""
    sound, spoilt = (tmp_path_factory.mktemp(name) for name in ("sound", "spoilt"))
    for kind, rows in (("bookTicker", quotes()), ("aggTrades", agg())):
        write(sound, kind, rows)
        many = [row for row, n in zip(rows, more, strict=True) for _ in range(n)]
        random.shuffle(many)  # type: ignore[attr-defined]  # Hypothesis's Random
        write(spoilt, kind, rows[:cut] + many)
        write(spoilt, kind, rows[cut:], suffix=".zip")
    assert events(run(spoilt)[0]) == events(run(sound)[0])


def test_bars_among_binance_s_dumps_are_for_the_file_source(tmp_path: Path) -> None:
    """The command that is named fetches them."""
    rows = [f"{DAY + 300_000 * k},100,101,99,100,5,{DAY + 300_000 * (k + 1) - 1},1,1,1,1,0" for k in range(288)]
    names = "open_time,open,high,low,close,volume,close_time,quote_volume,count,taker_buy_volume,taker_buy_quote_volume"
    (tmp_path / "BTCUSDT-5m-2024-01-15.csv").write_text("\n".join([names + ",ignore", *rows, ""]))
    with pytest.raises(DataError, match="no binance file") as caught:
        run(tmp_path)
    command = shlex.split(caught.value.hint)
    assert command[:5] == ["hfm", "fetch", "BTCUSDT", "--source", "file"]
    typed = hfm(*command[1:], "--json", cwd=tmp_path)
    assert typed.code == 0, typed.err
    assert typed.json["metrics"]["fetch"]["quality"]["BTCUSDT"]["present"] == 288


def test_a_symbol_that_is_not_there_is_answered_with_those_that_are(tmp_path: Path) -> None:
    """As a command."""
    write(tmp_path, "bookTicker", quotes())
    with pytest.raises(DataError) as caught:
        run(tmp_path, symbol="BTCUSDT")
    assert caught.value.hint == f"hfm fetch ETHUSDT --source binance --path {shlex.quote(str(tmp_path))}"


# ------------------------------------------------------------------------------------------------- the folder of cases
def test_g1_aggregated_trades_twice(real: Path) -> None:
    """120 trades, 119.015."""
    count, quantity = trades(run(real / "faults" / "G1_aggtrades_twice")[0])
    assert (count, round(quantity, 9)) == (120, 119.015)


def test_h9_best_quotes_interleaved(real: Path) -> None:
    """In order of the updates, none lost."""
    path = real / "faults" / "H9_bookticker_interleaved"
    found, ctx = run(path)
    assert found.num_rows == sum(1 for line in next(path.iterdir()).read_text().splitlines()) - 1
    assert (np.diff(tables.column_array(found["time"]).astype(np.int64)) >= 0).all()
    assert any("sorted by update_id" in line for line in ctx.lines)

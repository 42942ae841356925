"""Binance's dumps, written here as published, read back against a book kept in dicts; and the real recording."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from hfm import tables
from hfm.config import Config, Fetch
from hfm.errors import DataError
from hfm.fetch import stage
from hfm.stage import Context
from tests.fetch.levels import Message, expected, messages

START = 1_709_251_200_000_000
"""2024-03-01 00:00 UTC in microseconds."""
DEPTH = "symbol,timestamp,first_update_id,last_update_id,side,update_type,price,qty,pu\n"
TICKER = "update_id,best_bid_price,best_bid_qty,best_ask_price,best_ask_qty,transaction_time,event_time\n"


def milli(time_us: int) -> int:
    return time_us // 1000


def depth(made: Sequence[Message], whole: bool, lost: int = -1) -> str:
    """The snapshots, or the updates, of a feed whose k-th message ends with update id 10 k + 9."""
    lines = []
    for k, message in enumerate(made):
        if message.snapshot != whole or k == lost:
            continue
        kind = "snap" if whole else "set"
        for side, price, size in message.changes:
            lines.append(f"BTCUSDT,{milli(message.time_us)},{10 * k},{10 * k + 9},{'b' if side > 0 else 'a'},{kind},"
                         f"{price},{size},{10 * k - 1}")  # fmt: skip
    return DEPTH + "\n".join(lines) + "\n"


def run(path: Path, *symbols: str) -> tuple[list[tables.MemoryReader], Context]:
    ctx = Context("fetch")
    ctx.as_of = ctx.as_of.replace(year=2030)
    config = Config(fetch=Fetch(symbols=symbols, source="binance", path=str(path)))
    return [tables.MemoryReader(group) for _, group in stage.run({}, config, ctx)], ctx  # type: ignore[arg-type]


def levels_of(reader: tables.MemoryReader) -> np.ndarray[tuple[int, int], np.dtype[np.float64]]:
    table = reader.read()
    return np.array([table[column].to_numpy() for column in table.column_names[9:]])


def test_depth_updates_and_snapshots_give_the_book(tmp_path: Path) -> None:
    """Two files woven together by update id; ten levels after each message; no gap."""
    made = messages(seed=1, count=200, start_us=START, again=90)
    (tmp_path / "BTCUSDT_T_DEPTH_2024-03-01_depth_snap.csv").write_text(depth(made, whole=True))
    (tmp_path / "BTCUSDT_T_DEPTH_2024-03-01_depth_update.csv").write_text(depth(made, whole=False))
    (reader,), _ = run(tmp_path, "BTCUSDT")
    rows = expected(made)
    columns = tables.arrays(reader.read(), ["time", "event", "side", "size"])
    assert columns["event"].tolist() == [row[1] for row in rows]
    assert columns["time"].tolist() == [milli(made[row[0]].time_us) * 1_000_000 for row in rows]
    np.testing.assert_array_equal(levels_of(reader), np.array([made[row[0]].levels(10) for row in rows]).T)
    assert reader.meta.quality["BTCUSDT"]["gaps"] == 0
    assert (reader.meta.calendar, reader.meta.levels) == ("24/7", 10)


def test_a_lost_update_is_counted_and_said(tmp_path: Path) -> None:
    """pu is not the id before: the levels may be stale until the next snapshot."""
    made = messages(seed=1, count=40, start_us=START, again=-1)
    (tmp_path / "BTCUSDT_T_DEPTH_2024-03-01_depth_snap.csv").write_text(depth(made, whole=True))
    (tmp_path / "BTCUSDT_T_DEPTH_2024-03-01_depth_update.csv").write_text(depth(made, whole=False, lost=17))
    (reader,), ctx = run(tmp_path, "BTCUSDT")
    assert reader.meta.quality["BTCUSDT"]["gaps"] == 1
    assert any("1 gaps" in line for line in ctx.lines)


def test_updates_that_a_snapshot_already_has_come_before_it(tmp_path: Path) -> None:
    """Whatever the order of their times: ids decide, and time never runs back."""
    text = DEPTH + "BTCUSDT,1709251200500,0,50,b,snap,100,5,-1\n"
    (tmp_path / "BTCUSDT_T_DEPTH_2024-03-01_depth_snap.csv").write_text(text)
    text = DEPTH + "BTCUSDT,1709251200400,40,50,b,set,100,4,39\nBTCUSDT,1709251200450,51,60,b,set,100,7,50\n"
    (tmp_path / "BTCUSDT_T_DEPTH_2024-03-01_depth_update.csv").write_text(text)
    (reader,), _ = run(tmp_path, "BTCUSDT")
    table = reader.read()
    assert table["bid_sz_1"].to_pylist() == [4, 5, 7]
    assert table["event"].to_pylist() == ["add", "snapshot", "add"]
    assert np.diff(tables.column_array(table["time"])).tolist() == [100_000_000, 0]


TRADES = {
    "with a header": "id,price,qty,quote_qty,time,is_buyer_maker\n{rows}",
    "without one, as older ones are": "{rows}",
    "of spot, in microseconds": "{spot}",
}


@pytest.mark.parametrize("kind", TRADES)
def test_best_quotes_and_trades_become_one_book(tmp_path: Path, kind: str) -> None:
    """bookTicker beside trades, zipped as they are published; a buyer who is maker rests on the bid."""
    ticker = TICKER + "".join(f"{k},{100 + k},2,{101 + k},3,{milli(START) + 10 * k},0\n" for k in range(3))
    rows = f"1,101.0,0.5,50,{milli(START) + 5},false\n2,100.5,0.25,25,{milli(START) + 20},true\n"
    spot = rows.replace(",false", "000,False,True").replace(",true", "000,True,True")
    text = TRADES[kind].format(rows=rows, spot=spot)
    for name, content in (("bookTicker", ticker), ("trades", text)):
        sink = io.BytesIO()
        with zipfile.ZipFile(sink, "w") as archive:
            archive.writestr(f"BTCUSDT-{name}-2024-03-01.csv", content)
        (tmp_path / f"BTCUSDT-{name}-2024-03-01.zip").write_bytes(sink.getvalue())
    (reader,), _ = run(tmp_path, "BTCUSDT")
    table = reader.read()
    assert table["event"].to_pylist() == ["snapshot", "execute", "snapshot", "execute", "snapshot"]
    assert table["side"].to_pylist() == [0, -1, 0, 1, 0]
    assert table["bid_px_1"].to_pylist() == [100, 100, 101, 101, 102]
    assert reader.meta.levels == 1


def test_aggregated_trades_do_not_count_twice(tmp_path: Path) -> None:
    """They are taken where single trades are not there."""
    (tmp_path / "BTCUSDT-bookTicker-2024-03-01.csv").write_text(TICKER + f"1,100,2,101,3,{milli(START)},0\n")
    text = "agg_trade_id,price,quantity,first_trade_id,last_trade_id,transact_time,is_buyer_maker\n"
    path = tmp_path / "BTCUSDT-aggTrades-2024-03-01.csv"
    path.write_text(text + f"1,100,3,1,2,{milli(START) + 1},true\n")
    assert run(tmp_path, "BTCUSDT")[0][0].read()["size"].to_pylist() == [0, 3]
    single = f"1,100,1,1,{milli(START) + 1},true\n2,100,2,1,{milli(START) + 1},true\n"
    (tmp_path / "BTCUSDT-trades-2024-03-01.csv").write_text(single)
    assert run(tmp_path, "BTCUSDT")[0][0].read()["size"].to_pylist() == [0, 1, 2]


def test_sums_of_depth_are_no_book(tmp_path: Path) -> None:
    """bookDepth files say how much lies within percentages of the mid: refused by name."""
    path = tmp_path / "BTCUSDT-bookDepth-2024-03-01.csv"
    path.write_text("timestamp,percentage,depth,notional\n2024-03-01 00:00:06,-5,1,1\n")
    with pytest.raises(DataError, match="no binance file") as caught:
        run(path, "BTCUSDT")
    assert "percentage" in caught.value.why


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (lambda t: t[:-8], r"line \d+ is cut or damaged"),
        (lambda t: t.replace(",set,", ",put,", 1), r"line 2: its update_type"),
        (lambda t: t.replace(",1709251200", ",17092", 1), "neither ms, us nor ns"),
    ],
)
def test_a_damaged_file_names_itself(tmp_path: Path, spoil: object, says: str) -> None:
    """And the line, where there is one."""
    made = messages(seed=1, count=20, start_us=START, again=-1)
    path = tmp_path / "BTCUSDT_T_DEPTH_2024-03-01_depth_update.csv"
    path.write_text(spoil(depth(made, whole=False)))  # type: ignore[operator]  # a lambda above
    with pytest.raises(DataError, match=says):
        run(path, "BTCUSDT")


def test_states_in_parquet_are_matched_with_trades_by_a_recorder(tmp_path: Path) -> None:
    """Columns like ask_price_1; a symbol with the venue's suffix is the one asked for."""
    stamp = pa.array([START, START + 10], pa.timestamp("us", tz="UTC")).cast(pa.timestamp("ns", tz="UTC"))
    columns = {"timestamp": stamp, "symbol": ["BTCUSDT-usdm"] * 2}
    states = {**columns, "ask_price_1": [101.0, 102.0], "ask_size_1": [1.0, 0.0], "bid_price_1": [100.0, 100.0],
              "bid_size_1": [2.0, 2.0]}  # fmt: skip
    pq.write_table(pa.table(states), tmp_path / "states.parquet")
    pq.write_table(pa.table({**columns, "price": [101.0, 100.0], "size": [1.0, 1.0], "side": [1, -1]}),
                   tmp_path / "trades.parquet")  # fmt: skip
    (reader,), _ = run(tmp_path, "BTCUSDT")
    table = reader.read()
    assert table["side"].to_pylist() == [-1, 0, 1, 0]
    assert np.isnan(table["ask_px_1"].to_numpy()).tolist() == [True, False, False, True]
    assert reader.meta.symbols == ("BTCUSDT",)


# ------------------------------------------------------------------------------------------------------------ real data
def test_the_bitcoin_recording_is_whole(real: Path) -> None:
    """6,545 states and 21,313 trades, every level of every state, one UTC day of a 24/7 calendar."""
    (reader,), ctx = run(real / "book", "BTCUSDT")
    table = reader.read()
    tables.check(table, tables.book(10))
    assert table.num_rows == 6_545 + 21_313
    assert (reader.meta.calendar, reader.meta.tz, reader.meta.ticks) == ("24/7", "UTC", {"BTCUSDT": 0.1})
    columns = tables.arrays(table, ["time", "event", "price", "size", "side"])
    theirs = pq.read_table(real / "book" / "btcusdt_usdm_l10.parquet")
    state = columns["event"] == "snapshot"
    np.testing.assert_array_equal(columns["time"][state], tables.column_array(theirs["timestamp"]))
    for side in ("bid", "ask"):
        for level in range(1, 11):
            for ours, other in (("px", "price"), ("sz", "size")):
                mine = table[f"{side}_{ours}_{level}"].to_numpy()[state]
                np.testing.assert_array_equal(mine, theirs[f"{side}_{other}_{level}"].to_numpy())
    trades = pq.read_table(real / "book" / "btcusdt_usdm_trades.parquet")
    np.testing.assert_array_equal(columns["price"][~state], trades["price"].to_numpy())
    np.testing.assert_array_equal(columns["size"][~state], trades["size"].to_numpy())
    np.testing.assert_array_equal(columns["side"][~state], -trades["side"].to_numpy())
    np.testing.assert_array_equal(columns["time"][~state], tables.column_array(trades["timestamp"]))
    assert not ctx.losses
    assert not ctx.warnings


def test_a_torn_parquet_of_states_is_refused(tmp_path: Path) -> None:
    """Exit 4 with the file's name."""
    (tmp_path / "states.parquet").write_bytes(b"PAR1 and no more")
    with pytest.raises(DataError, match=r"states\.parquet cannot be read"):
        run(tmp_path / "states.parquet", "BTCUSDT")

"""Tardis.dev CSV files, written here as published, read back against a book kept in dicts."""

from __future__ import annotations

import gzip
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from hfm import tables
from hfm.config import Config, Fetch
from hfm.errors import DataError, UsageError
from hfm.fetch import stage
from hfm.fetch.sources.tardis import Tardis
from hfm.stage import Context
from tests.fetch.levels import Message, expected, messages

START = 1_593_561_600_000_000
"""2020-07-01 00:00 UTC in microseconds."""
SIDES = {1: "bid", -1: "ask"}


def name(kind: str, symbol: str = "BTCUSDT", day: str = "2020-07-01") -> str:
    return f"binance-futures_{kind}_{day}_{symbol}.csv"


def changes(made: Sequence[Message], symbol: str = "BTCUSDT") -> str:
    lines = ["exchange,symbol,timestamp,local_timestamp,is_snapshot,side,price,amount"]
    for message in made:
        for side, price, size in message.changes:
            lines.append(f"binance-futures,{symbol},{message.time_us - 900},{message.time_us},"
                         f"{str(message.snapshot).lower()},{SIDES[side]},{price},{size}")  # fmt: skip
    return "\n".join(lines) + "\n"


def snapshots(made: Sequence[Message], levels: int, symbol: str = "BTCUSDT") -> str:
    fields = [f"{side}[{i}].{what}" for i in range(levels) for side in ("asks", "bids") for what in ("price", "amount")]
    lines = ["exchange,symbol,timestamp,local_timestamp," + ",".join(fields)]
    for message in made:
        row = message.levels(levels)
        texts = []
        for i in range(levels):
            bid, bid_size, ask, ask_size = row[4 * i : 4 * i + 4]
            for price, size in ((ask, ask_size), (bid, bid_size)):
                texts += ["", ""] if np.isnan(price) else [str(price), str(size)]
        lines.append(f"x,{symbol},{message.time_us - 9},{message.time_us}," + ",".join(texts))
    return "\n".join(lines) + "\n"


def trades(rows: Sequence[tuple[int, str, float, float]], symbol: str = "BTCUSDT") -> str:
    lines = ["exchange,symbol,timestamp,local_timestamp,id,side,price,amount"]
    lines += [f"x,{symbol},{t - 5},{t},id-{t},{side},{price},{size}" for t, side, price, size in rows]
    return "\n".join(lines) + "\n"


def run(path: Path, *symbols: str) -> tuple[list[tables.MemoryReader], Context]:
    ctx = Context("fetch")
    ctx.as_of = ctx.as_of.replace(year=2030)
    config = Config(fetch=Fetch(symbols=symbols, source="tardis", path=str(path)))
    return [tables.MemoryReader(group) for _, group in stage.run({}, config, ctx)], ctx  # type: ignore[arg-type]


def levels_of(reader: tables.MemoryReader) -> np.ndarray[tuple[int, int], np.dtype[np.float64]]:
    table = reader.read()
    return np.array([table[column].to_numpy() for column in table.column_names[9:]])


@pytest.mark.parametrize("packed", [False, True])
def test_incremental_changes_give_the_book_after_each_message(tmp_path: Path, packed: bool) -> None:
    """Ten levels; adds, reductions and deletions by how much; a second snapshot begins anew; 24/7 and UTC."""
    made = messages(seed=1, count=300, start_us=START, again=150)
    text = changes(made).encode()
    (tmp_path / (name("incremental_book_L2") + ".gz" * packed)).write_bytes(gzip.compress(text) if packed else text)
    (reader,), _ = run(tmp_path, "BTCUSDT")
    columns = tables.arrays(reader.read(), ["time", "event", "side", "price", "size"])
    rows = expected(made)
    assert columns["event"].tolist() == [row[1] for row in rows]
    assert columns["side"].tolist() == [row[2] for row in rows]
    np.testing.assert_allclose(np.nan_to_num(columns["price"]), [row[3] for row in rows])
    np.testing.assert_allclose(columns["size"], [row[4] for row in rows], atol=1e-12)
    assert columns["time"].tolist() == [made[row[0]].time_us * 1000 for row in rows]
    np.testing.assert_array_equal(levels_of(reader), np.array([made[row[0]].levels(10) for row in rows]).T)
    assert reader.meta.calendar == "24/7"
    assert reader.meta.tz == "UTC"
    assert reader.meta.ticks == {"BTCUSDT": 0.1}
    assert reader.read()["order_id"].null_count == len(rows)


def test_book_snapshots_are_states(tmp_path: Path) -> None:
    """Five levels; empty fields are empty levels."""
    made = messages(seed=2, count=80, start_us=START, again=40)
    (tmp_path / name("book_snapshot_5")).write_text(snapshots(made, 5))
    (reader,), _ = run(tmp_path, "BTCUSDT")
    np.testing.assert_array_equal(levels_of(reader), np.array([message.levels(5) for message in made]).T)
    assert set(reader.read()["event"].to_pylist()) == {"snapshot"}


def test_quotes_are_a_book_of_one_level(tmp_path: Path) -> None:
    """The best of both sides."""
    text = "exchange,symbol,timestamp,local_timestamp,ask_amount,ask_price,bid_price,bid_amount\n"
    text += f"x,BTCUSDT,{START},{START + 1},3,101,100,2\nx,BTCUSDT,{START},{START + 2},,,100,2\n"
    (tmp_path / name("quotes")).write_text(text)
    (reader,), _ = run(tmp_path, "BTCUSDT")
    np.testing.assert_array_equal(levels_of(reader), np.array([[100, 2, 101, 3], [100, 2, np.nan, 0]]).T)


def test_trades_stand_among_the_book_by_arrival(tmp_path: Path) -> None:
    """Before what is as old; with the book as last known, none before the first; the resting side is the other one."""
    made = messages(seed=3, count=50, start_us=START, again=-1)
    rows = [
        (START, "buy", 100.1, 2.0),
        (made[20].time_us, "sell", 99.9, 1.5),
        (made[-1].time_us + 7, "unknown", 1e2, 1),
    ]
    (tmp_path / name("incremental_book_L2")).write_text(changes(made))
    (tmp_path / name("trades")).write_text(trades(rows))
    (reader,), _ = run(tmp_path, "BTCUSDT")
    table = reader.read()
    tables.check(table, tables.book(10))
    columns = tables.arrays(table, ["time", "event", "side", "price", "size"])
    at = np.flatnonzero(columns["event"] == "execute")
    assert columns["side"][at].tolist() == [-1, 1, 0]
    assert columns["price"][at].tolist() == [100.1, 99.9, 100.0]
    levels = levels_of(reader)
    assert np.isnan(levels[0::2, at[0]]).all()
    assert (levels[1::2, at[0]] == 0).all()
    np.testing.assert_array_equal(levels[:, at[1]], made[19].levels(10))
    np.testing.assert_array_equal(levels[:, at[2]], made[-1].levels(10))


def test_days_and_symbols_come_in_order_each_a_row_group(tmp_path: Path) -> None:
    """Two days of two symbols; one that is not there is a loss; a file of all futures is split."""
    for day in range(2):
        made = messages(seed=day, count=20, start_us=START + day * 86_400_000_000, again=-1)
        for symbol in ("ETHUSDT", "BTCUSDT"):
            path = tmp_path / name("incremental_book_L2", symbol, f"2020-07-0{day + 1}")
            path.write_text(changes(made, symbol))
    groups, ctx = run(tmp_path, "ETHUSDT", "BTCUSDT", "XRPUSDT")
    keys = [(str(group.read()["session"][0]), group.read()["symbol"][0].as_py()) for group in groups]
    assert keys == [(f"2020-07-0{d}", s) for d in (1, 2) for s in ("BTCUSDT", "ETHUSDT")]
    assert groups[-1].meta.quality["BTCUSDT"]["sessions"] == 2
    assert "XRPUSDT" in ctx.losses[0]
    both = tmp_path / "all"
    both.mkdir()
    made = messages(seed=9, count=20, start_us=START, again=-1)
    text = changes(made[:10], "ETHUSDT") + changes(made[10:], "BTCUSDT").partition("\n")[2]
    (both / name("incremental_book_L2", "FUTURES")).write_text(text)
    groups, _ = run(both)
    assert [group.read()["symbol"][0].as_py() for group in groups] == ["BTCUSDT", "ETHUSDT"]


def test_a_feed_over_midnight_is_two_sessions(tmp_path: Path) -> None:
    """UTC days; the book goes on."""
    made = messages(seed=5, count=60, start_us=START - 40_000, again=-1)
    (tmp_path / "recorded.csv").write_text(changes(made))
    groups, _ = run(tmp_path, "BTCUSDT")
    assert [str(group.read()["session"][0]) for group in groups] == ["2020-06-30", "2020-07-01"]
    first = next(k for k, message in enumerate(made) if message.time_us >= START)
    np.testing.assert_array_equal(levels_of(groups[1])[:, 0], made[first].levels(10))
    assert groups[1].read()["seq"][0].as_py() == 0


BAD = {
    "a cut line": (lambda text: text[:-7], r"line \d+ is cut"),
    "a negative amount": (lambda text: text.replace(",bid,", ",bid,-", 1), r"line \d+: its price is not positive"),
    "an unknown side": (lambda text: text.replace(",bid,", ",buy,", 1), r"line \d+: its side"),
    "time that runs back": (lambda text: text + text.split("\n")[1] + "\n", r"line \d+: its time lies before"),
    "no number": (lambda text: text.replace(",true,ask,", ",true,ask,x", 1), r"line \d+ is cut or damaged"),
}


@pytest.mark.parametrize("what", BAD)
def test_a_damaged_file_names_itself_and_the_line(tmp_path: Path, what: str) -> None:
    """Never read by half."""
    spoil, says = BAD[what]
    path = tmp_path / name("incremental_book_L2")
    path.write_text(spoil(changes(messages(seed=1, count=20, start_us=START, again=-1))))
    with pytest.raises(DataError, match=says):
        run(path, "BTCUSDT")


def test_what_is_no_book_is_refused(tmp_path: Path) -> None:
    """No path, an empty folder, other columns, trades alone."""
    with pytest.raises(UsageError, match="file or a folder"):
        list(stage.run({}, Config(fetch=Fetch(source="tardis")), Context("fetch")))
    with pytest.raises(DataError, match="no tardis file"):
        run(tmp_path, "BTCUSDT")
    (tmp_path / "other.csv").write_text("a,b\n1,2\n")
    with pytest.raises(DataError, match="no tardis file") as caught:
        run(tmp_path, "BTCUSDT")
    assert "other.csv begins with a, b" in caught.value.why
    (tmp_path / name("trades")).write_text(trades([(START, "buy", 1, 1)]))
    with pytest.raises(DataError, match="no book of BTCUSDT"):
        run(tmp_path, "BTCUSDT")


def test_the_most_telling_book_is_taken_and_the_rest_is_named(tmp_path: Path) -> None:
    """Changes before snapshots before quotes."""
    made = messages(seed=2, count=30, start_us=START, again=-1)
    (tmp_path / name("book_snapshot_5")).write_text(snapshots(made, 5))
    (tmp_path / name("incremental_book_L2")).write_text(changes(made))
    (reader,), ctx = run(tmp_path, "BTCUSDT")
    assert reader.meta.levels == 10
    assert any("states files are left out" in line for line in ctx.lines)
    assert Tardis.calendar == "24/7"


def test_a_day_of_trades_without_its_book_is_that_days_loss(tmp_path: Path) -> None:
    """Two days of trades, the book of the first: the second is named, the first is there."""
    made = messages(seed=3, count=50, start_us=START, again=-1)
    (tmp_path / name("incremental_book_L2")).write_text(changes(made))
    (tmp_path / name("trades")).write_text(trades([(START, "buy", 100.1, 2.0)]))
    (tmp_path / name("trades", day="2020-07-02")).write_text(trades([(START + 86_400_000_000, "buy", 100.1, 2.0)]))
    readers, ctx = run(tmp_path, "BTCUSDT")
    assert len(readers) == 1
    assert any("no book" in loss and "2020-07-02" in loss for loss in ctx.losses)


def test_a_session_in_two_files_is_refused(tmp_path: Path) -> None:
    """A copy under the next day's name: which one holds cannot be known."""
    made = messages(seed=3, count=50, start_us=START, again=-1)
    for day in ("2020-07-01", "2020-07-02"):
        (tmp_path / name("incremental_book_L2", day=day)).write_text(changes(made))
    _, ctx = run(tmp_path, "BTCUSDT")
    assert any("in an earlier file too" in loss for loss in ctx.losses)

"""LOBSTER files: read as their readme says, rebuilt where only messages are there, refused where they are cut."""

from __future__ import annotations

import gzip
import io
import re
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hfm import tables
from hfm.config import Config, Fetch
from hfm.errors import DataError, UsageError
from hfm.fetch import stage
from hfm.fetch.book import book_events, lobster_files
from hfm.fetch.sources.lobster import days, load
from hfm.plugins import RawBook
from hfm.stage import Context
from tests.fetch.flow import Flow, flow, refile

DAY = "2024-03-11"
"""The first session of summer time: New York is at UTC-4."""


def write(folder: Path, made: Flow, level: int, symbol: str = "XYZ", pair: bool = True, packed: bool = False) -> Path:
    """The message file, and the orderbook beside it."""
    for kind, text in (("message", made.messages), ("orderbook", made.orderbook))[: 1 + pair]:
        path = folder / f"{symbol}_{DAY}_34200000_57600000_{kind}_{level}.csv{'.gz' * packed}"
        path.write_bytes(gzip.compress(text.encode()) if packed else text.encode())
    return folder / f"{symbol}_{DAY}_34200000_57600000_message_{level}.csv{'.gz' * packed}"


def read(path: Path) -> RawBook:
    (day,) = days(str(path))
    return load(day, day.levels)


def run(path: Path, *symbols: str) -> tuple[list[tables.MemoryReader], Context]:
    """The fetch stage's row groups."""
    ctx = Context("fetch")
    ctx.as_of = ctx.as_of.replace(year=2030)
    config = Config(fetch=Fetch(symbols=symbols, source="lobster", path=str(path)))
    return [tables.MemoryReader(group) for _, group in stage.run({}, config, ctx)], ctx  # type: ignore[arg-type]


@pytest.mark.parametrize("packed", [False, True])
def test_a_pair_is_read_as_the_vendor_wrote_it(tmp_path: Path, packed: bool) -> None:
    """Every field of every row: times, types, sides, prices, ids, levels; plain and .gz."""
    made = flow(seed=1, events=400, level=3)
    raw = read(write(tmp_path, made, 3, packed=packed))
    opening = int(np.datetime64(f"{DAY}T04:00:00", "ns").astype(np.int64))
    assert raw.time.tolist() == [opening + int(Decimal(text) * 10**9) for text in made.seconds]
    assert [tables.BOOK_EVENTS[code] for code in raw.event] == made.words
    np.testing.assert_array_equal(raw.levels, made.levels)
    assert raw.tick == 0.01
    seen = {word: made.words.index(word) for word in ("add", "execute_hidden", "cross", "halt", "quoting", "resume")}
    assert raw.side[seen["halt"]] == raw.side[seen["cross"]] == 0
    assert np.isnan(raw.price[seen["halt"]])
    assert raw.order_id is not None
    assert raw.order_id[seen["execute_hidden"]] == -1
    assert raw.order_id[seen["add"]] > 0
    assert not raw.estimated


def test_empty_levels_are_nan_and_size_zero(tmp_path: Path) -> None:
    """The vendor's dummy prices never reach the table, and the table is whole."""
    made = flow(seed=2, events=60, level=5)
    write(tmp_path, made, 5)
    (reader,), _ = run(tmp_path, "XYZ")
    table = reader.read()
    tables.check(table, tables.book(5))
    assert reader.meta.levels == 5
    assert np.isnan(table["ask_px_5"].to_numpy()).any()
    assert np.nanmax(table["ask_px_5"].to_numpy(), initial=0) < 1000
    assert (table["ask_sz_5"].to_numpy()[np.isnan(table["ask_px_5"].to_numpy())] == 0).all()


def test_messages_alone_give_the_book_that_the_vendor_would(tmp_path: Path) -> None:
    """Also where orders rested before the first message: found by their going. All rows, all levels."""
    for seed in range(3):
        made = flow(seed=seed, events=500, level=10, resting=40)
        raw = read(write(tmp_path, made, 50, pair=False))
        assert len(raw.levels) == 40
        assert raw.estimated
        np.testing.assert_array_equal(raw.levels, made.levels)
        assert raw.counts["short_changes"] == 0


def test_messages_of_few_levels_alone_are_refused(tmp_path: Path) -> None:
    """What lies behind the best is not in them: naming the file that must be beside."""
    path = write(tmp_path, flow(seed=1, events=50, level=1), 1, pair=False)
    with pytest.raises(DataError, match="alone") as caught:
        read(path)
    assert "orderbook_1" in caught.value.hint


@given(st.integers(0, 86_400 * 10**9 - 1))
def test_seconds_become_ns_without_float_error(ns: int) -> None:
    """Any decimal of nine places below a day: the rounded double is the decimal."""
    assert np.rint(np.float64(str(Decimal(ns).scaleb(-9))) * 1e9).astype(np.int64) == ns


CUTS: dict[str, tuple[Callable[[Flow], Flow], str]] = {
    "a message cut in the middle": (lambda m: refile(m, messages=m.messages[:-12]), r"message_3\.csv: line 200 "),
    "a message line lost": (
        lambda m: refile(m, messages=_without(m.messages, 200)),
        r"message_3\.csv: line 200 is miss",
    ),
    "a line of the book lost": (
        lambda m: refile(m, orderbook=_without(m.orderbook, 200)),
        r"book_3\.csv: line 200 is m",
    ),
    "the book cut in the middle": (lambda m: refile(m, orderbook=m.orderbook[:-30]), r"orderbook_3\.csv: line 200 "),
    "the book cut in its last number": (lambda m: refile(m, orderbook=m.orderbook[:-2]), r"line 200 is not ended"),
    "a field lost": (lambda m: refile(m, messages=_field(m.messages, 7, 4, None)), r"message_3\.csv: line 8 "),
    "a word for a number": (lambda m: refile(m, messages=_field(m.messages, 7, 3, "x1")), r"message_3\.csv: line 8 "),
    "an unknown type": (lambda m: refile(m, messages=_field(m.messages, 7, 1, "9")), r"line 8 is no LOBSTER message"),
    "a side that is none": (lambda m: refile(m, messages=_field(m.messages, 7, 5, "0")), r"line 8 is no LOBSTER"),
    "a row twice": (lambda m: refile(m, *_twice(m)), r"line \d+ is no LOBSTER message"),
    "time that runs back": (lambda m: refile(m, messages=_field(m.messages, 9, 0, "1.5")), r"line 10 is no LOBSTER"),
    "the book of another day": (lambda m: refile(m, orderbook=flow(9, 200, 3, mid=500).orderbook), "contradicts"),
    "an empty file": (lambda m: refile(m, messages=""), r"message_3\.csv: line 1 "),
}


def _without(text: str, line: int) -> str:
    return "\n".join(part for i, part in enumerate(text.split("\n"), 1) if i != line)


def _twice(made: Flow) -> tuple[str, str]:
    """Both files with the line of the first order again after it."""
    at = made.words.index("add")
    files = [text.splitlines(keepends=True) for text in (made.messages, made.orderbook)]
    return "".join([*files[0][: at + 1], *files[0][at:]]), "".join([*files[1][: at + 1], *files[1][at:]])


def _field(text: str, line: int, at: int, value: str | None) -> str:
    rows = [row.split(",") for row in text.split("\n")]
    rows[line][at : at + 1] = [] if value is None else [value]
    return "\n".join(",".join(row) for row in rows)


@pytest.mark.parametrize("name", CUTS)
def test_a_file_that_is_cut_or_impossible_names_itself_and_the_line(tmp_path: Path, name: str) -> None:
    """Never read by half."""
    change, says = CUTS[name]
    path = write(tmp_path, change(flow(seed=4, events=200, level=3)), 3)
    with pytest.raises(DataError, match=says):
        read(path)


def test_a_cut_gz_names_file_and_line(tmp_path: Path) -> None:
    """The download that broke off."""
    path = write(tmp_path, flow(seed=4, events=300, level=3), 3, packed=True)
    path.write_bytes(path.read_bytes()[:-500])
    with pytest.raises(DataError, match=r"message_3\.csv\.gz is cut or damaged at line \d+"):
        read(path)


def test_a_last_line_without_its_end_is_taken_where_it_must_be_whole(tmp_path: Path) -> None:
    """Its last size follows from the line before: as in the vendor's own samples of 999 rows."""
    made = flow(seed=4, events=200, level=3)
    raw = read(write(tmp_path, refile(made, messages=made.messages[:-1], orderbook=made.orderbook[:-1]), 3))
    np.testing.assert_array_equal(raw.levels, made.levels)


def test_a_folder_gives_the_symbols_asked_for_each_a_row_group(tmp_path: Path) -> None:
    """In order of the symbols; one that is not there is a loss; levels are those that all have."""
    for symbol, level in (("ZED", 3), ("ABC", 2), ("OTHER", 1)):
        write(tmp_path, flow(seed=len(symbol), events=80, level=level), level, symbol)
    groups, ctx = run(tmp_path, "ZED", "ABC", "NONE")
    assert [group.read()["symbol"][0].as_py() for group in groups] == ["ABC", "ZED"]
    assert groups[-1].meta.symbols == ("ABC", "ZED")
    assert {group.meta.levels for group in groups} == {2}
    assert groups[-1].meta.quality["ZED"]["rows"] == 80
    assert groups[-1].meta.tz == "America/New_York"
    assert ["NONE" in loss for loss in ctx.losses] == [True]


def test_one_bad_day_spoils_no_other_symbol(tmp_path: Path) -> None:
    """It is lost by name; the rest is committed."""
    made = flow(seed=1, events=80, level=2)
    write(tmp_path, refile(made, messages=made.messages[:-9]), 2, "BAD")
    write(tmp_path, made, 2, "GOOD")
    groups, ctx = run(tmp_path)
    assert len(groups) == 1
    assert "BAD is left out" in ctx.losses[0]
    assert "line 80" in ctx.losses[0]


def test_what_is_not_certain_is_refused(tmp_path: Path) -> None:
    """No path, no such path, no such files, two files of one day, a span that files cannot give."""
    with pytest.raises(UsageError, match="needs files"):
        days(None)
    with pytest.raises(DataError, match="does not exist"):
        days(str(tmp_path / "nowhere"))
    with pytest.raises(DataError, match="holds no LOBSTER"):
        days(str(tmp_path))
    made = flow(seed=1, events=20, level=1)
    write(tmp_path, made, 1)
    write(tmp_path, made, 2)
    with pytest.raises(DataError, match="two message files"):
        days(str(tmp_path))
    config = Config(fetch=Fetch(symbols=("XYZ",), source="lobster", path=str(tmp_path), days=3))
    with pytest.raises(UsageError, match="whole files"):
        list(stage.run({}, config, Context("fetch")))


def test_events_after_the_horizon_are_not_there(tmp_path: Path) -> None:
    """--as-of cuts inside a session."""
    raw = read(write(tmp_path, flow(seed=1, events=100, level=1), 1))
    cut = book_events.until(raw, int(raw.time[49]))
    assert len(cut.time) == cut.levels.shape[1] == np.searchsorted(raw.time, raw.time[49], "right")


def test_the_same_files_give_the_same_bytes(tmp_path: Path) -> None:
    """Rows and metadata."""
    write(tmp_path, flow(seed=3, events=100, level=10), 50, pair=False)
    files = []
    for _ in range(2):
        sink = io.BytesIO()
        writer = tables.Writer(sink, tables.book(10))
        writer.write(run(tmp_path, "XYZ")[0][0].read())
        writer.close()
        files.append(sink.getvalue())
    assert files[0] == files[1]


# ------------------------------------------------------------------------------------------------------------ real data
AMZN = "AMZN_2012-06-21_34200000_57600000"
AAPL = "AAPL_2012-06-21_34200000"


def plain(path: Path) -> np.ndarray[tuple[int, int], np.dtype[np.float64]]:
    """A vendor's file by NumPy's own reader: the reference."""
    return np.loadtxt(path, delimiter=",", ndmin=2)


def test_amazon_best_bid_and_ask_are_the_vendors_in_every_row(real: Path) -> None:
    """57,515 events, against the orderbook file read by other means."""
    (reader,), _ = run(real / "book", "AMZN")
    table = reader.read()
    assert table.num_rows == 57_515
    theirs = plain(real / "book" / f"{AMZN}_orderbook_1.csv.gz")
    for column, name in enumerate(("ask_px_1", "ask_sz_1", "bid_px_1", "bid_sz_1")):
        unit = 10_000 if "px" in name else 1
        np.testing.assert_array_equal(np.rint(table[name].to_numpy() * unit), theirs[:, column])
    first = np.datetime64("2012-06-21T13:30:00.017459617", "ns")
    assert tables.column_array(table["time"])[0] == first.astype(np.int64)


def test_amazon_messages_are_the_vendors(real: Path) -> None:
    """Types, ids, sizes, prices and directions of every message."""
    (reader,), _ = run(real / "book", "AMZN")
    columns = tables.arrays(reader.read(), ["event", "side", "price", "size", "order_id"])
    theirs = plain(real / "book" / f"{AMZN}_message_1.csv.gz")
    words = ["", "add", "reduce", "delete", "execute", "execute_hidden", "cross", "halt"]
    assert columns["event"].tolist() == [words[int(kind)] for kind in theirs[:, 1]]
    np.testing.assert_array_equal(np.maximum(columns["order_id"], 0), theirs[:, 2])
    np.testing.assert_array_equal(columns["size"], theirs[:, 3])
    np.testing.assert_array_equal(np.rint(columns["price"] * 1e4), theirs[:, 4])
    np.testing.assert_array_equal(columns["side"], theirs[:, 5])


def test_apples_rebuilt_levels_are_the_vendors_first_999_rows(real: Path) -> None:
    """Ten levels from level-50 messages, wherever the vendor's level-10 file has the same message; never crossed."""
    (reader,), _ = run(real / "book" / f"{AAPL}_37800000_message_50.csv.gz", "AAPL")
    table = reader.read()
    assert table.num_rows == 91_997
    ours = plain(real / "book" / f"{AAPL}_37800000_message_50.csv.gz")
    theirs = plain(real / "book" / f"{AAPL}_57600000_message_10_first999rows.csv.gz")
    rows, at = [], 0
    for i, message in enumerate(ours):
        if at < len(theirs) and (message == theirs[at]).all():
            rows.append(i)
            at += 1
    assert len(rows) == 999
    book = plain(real / "book" / f"{AAPL}_57600000_orderbook_10_first999rows.csv.gz")
    for level in range(10):
        for column, name in enumerate(("ask_px", "ask_sz", "bid_px", "bid_sz")):
            mine = table[f"{name}_{level + 1}"].to_numpy()[rows] * (10_000 if "px" in name else 1)
            np.testing.assert_array_equal(np.rint(mine), book[:, 4 * level + column])
    assert reader.meta.quality["AAPL"]["crossed"] == 0
    assert reader.meta.quality["AAPL"]["short_changes"] == 0


def test_apples_whole_hour_agrees_with_another_rebuild(real: Path) -> None:
    """Best two levels in every row, all ten in 98.9 %: deeper down the two place unseen orders differently."""
    raw = read(real / "book" / f"{AAPL}_37800000_message_50.csv.gz")
    other = pq.read_table(real / "book" / "aapl_l10_2012-06-21_0930_1030.parquet")
    names = [name.replace("px", "price").replace("sz", "size") for name in book_events.level_names(10)]
    names = [f"{side}_{what}_{i}" for side, what, i in (name.split("_") for name in names)]
    theirs = np.array([other[name].to_numpy() / (10_000 if "price" in name else 1) for name in names])
    same = raw.levels == theirs
    assert same[:8].all()
    assert same.all(0).mean() > 0.989


def test_the_vendors_999_rows_are_read_though_their_last_line_is_not_ended(real: Path) -> None:
    """A pair named by one of its files."""
    raw = read(real / "book" / f"{AAPL}_57600000_orderbook_10_first999rows.csv.gz")
    assert raw.levels.shape == (40, 999)


def test_dummy_prices_are_recognised() -> None:
    """The vendor's own constant."""
    assert lobster_files.EMPTY == 9_999_999_999


def test_a_day_that_is_none_is_refused(tmp_path: Path) -> None:
    """The thirtieth of February, by the file's name."""
    made = flow(seed=1, events=20, level=1)
    for path in list(write(tmp_path, made, 1).parent.glob("*.csv")):
        path.rename(path.with_name(re.sub(r"\d{4}-\d\d-\d\d", "2012-02-30", path.name)))
    with pytest.raises(DataError, match="2012-02-30, which is no day"):
        run(tmp_path, "XYZ")


def test_one_row_cannot_show_that_it_is_whole(tmp_path: Path) -> None:
    """A last line without its end needs a row before it."""
    made = flow(seed=4, events=1, level=3)
    with pytest.raises(DataError, match="cut"):
        read(write(tmp_path, refile(made, messages=made.messages[:-1], orderbook=made.orderbook[:-1]), 3))

"""DBN files, written by Databento's own encoder where the extra is installed; without it the hint."""

from __future__ import annotations

import datetime as dt
import sys
import tracemalloc
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from hfm import tables
from hfm.config import Config, Fetch
from hfm.errors import ConfigError, DataError, ExitCode
from hfm.fetch import stage
from hfm.fetch.sources import databento, databento_mbo, dbn_file
from hfm.plugins import BarRequest
from hfm.stage import Context
from tests.bench import level3_day
from tests.fetch.orderflow import Made, made

OPEN = int(np.datetime64("2024-06-03T13:30", "ns").astype(np.int64))
"""09:30 in New York."""


def dbn() -> Any:
    """The encoder; skips by name without the extra."""
    pytest.importorskip("databento", reason="the extra databento is not installed")
    return pytest.importorskip("databento_dbn")


def header(schema: str, symbols: dict[str, int]) -> bytes:
    lib = dbn()
    span = {"start_date": dt.date(2024, 6, 3), "end_date": dt.date(2024, 6, 4)}
    mappings = [
        SimpleNamespace(raw_symbol=name, intervals=[SimpleNamespace(**span, symbol=str(number))])
        for name, number in symbols.items()
    ]
    meta = lib.Metadata(dataset="XNAS.ITCH", start=OPEN, stype_in=lib.SType.RAW_SYMBOL, symbols=list(symbols),
                        stype_out=lib.SType.INSTRUMENT_ID, schema=lib.Schema(schema), mappings=mappings)  # fmt: skip
    return bytes(meta.encode())


def orders(flow: Made, number: int = 17, flags: int = 0) -> bytes:
    """MBO records a millisecond apart from message to message."""
    lib = dbn()
    out = []
    for row, following in zip(flow.records, [*flow.records[1:], None], strict=True):
        ends = following is None or following.message != row.message
        word = {"A": "ADD", "C": "CANCEL", "M": "MODIFY", "R": "CLEAR", "T": "TRADE", "F": "FILL"}[row.action]
        side = {1: lib.Side.BID, -1: lib.Side.ASK, 0: lib.Side.NONE}[row.side]
        time = OPEN + row.message * 1_000_000
        out.append(bytes(lib.MBOMsg(1, number, time - 5, row.order, row.price, row.size, getattr(lib.Action, word),
                                    side, time, flags=flags | 128 * ends | 32 * row.snapshot)))  # fmt: skip
    return b"".join(out)


def run(path: Path, *symbols: str, calendar: str = "XNYS") -> tuple[list[tables.MemoryReader], Context]:
    ctx = Context("fetch")
    ctx.as_of = ctx.as_of.replace(year=2030)
    config = Config(fetch=Fetch(symbols=symbols, source="databento", path=str(path), calendar=calendar))
    return [tables.MemoryReader(group) for _, group in stage.run({}, config, ctx)], ctx  # type: ignore[arg-type]


def levels_of(reader: tables.MemoryReader) -> np.ndarray[tuple[int, int], np.dtype[np.float64]]:
    table = reader.read()
    return np.array([table[column].to_numpy() for column in table.column_names[9:]])


def test_without_the_extra_the_hint_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Exit 3."""
    monkeypatch.setitem(sys.modules, "databento", None)
    with pytest.raises(ConfigError) as caught:
        run(tmp_path, "XYZ")
    assert caught.value.code == ExitCode.CONFIG
    assert caught.value.hint == "pip install 'hfm[databento]'"


@pytest.mark.parametrize("packed", [False, True])
def test_market_by_order_is_rebuilt(tmp_path: Path, packed: bool) -> None:
    """Each event, and ten levels after each message; plain and zstd."""
    flow = made(3, 400, 10)
    raw = header("mbo", {"XYZ": 17}) + orders(flow)
    path = tmp_path / f"xnas-itch-20240603.mbo.dbn{'.zst' * packed}"
    path.write_bytes(pytest.importorskip("zstandard").compress(raw) if packed else raw)
    (reader,), _ = run(path, "XYZ")
    table = reader.read()
    tables.check(table, tables.book(10))
    columns = tables.arrays(table, ["time", "event", "side", "price", "size", "order_id"])
    assert columns["event"].tolist() == [row[0] for row in flow.rows]
    assert columns["side"].tolist() == [row[1] for row in flow.rows]
    np.testing.assert_allclose(np.nan_to_num(columns["price"]), [row[2] / 1e9 for row in flow.rows])
    assert columns["order_id"].tolist() == [row[4] for row in flow.rows]
    assert columns["time"].tolist() == [OPEN + row[5] * 1_000_000 for row in flow.rows]
    wanted = flow.levels()[:, [row[5] for row in flow.rows]]
    wanted[0::2] /= 1e9
    np.testing.assert_array_equal(levels_of(reader), wanted)
    assert reader.meta.ticks == {"XYZ": 0.01}
    assert tables.provenance(table.schema)["bid_px_1"] == "estimated"


def prices(levels: int, actions: str = "ACTMR", step_ns: int = 1000, start: int = OPEN) -> bytes:
    """MBP records: a bid at 100 - level and an ask at 101 + level, the last level empty."""
    lib = dbn()
    pairs = [lib.BidAskPair(bid_px=(100 - i) * 10**9, ask_px=(101 + i) * 10**9, bid_sz=10 + i, ask_sz=20 + i)
             for i in range(max(levels - 1, 1))]  # fmt: skip
    pairs += [lib.BidAskPair()] * (levels - len(pairs))
    words = {"A": "ADD", "C": "CANCEL", "T": "TRADE", "M": "MODIFY", "R": "CLEAR"}
    kind = lib.MBP10Msg if levels == 10 else lib.MBP1Msg
    shown = pairs if levels == 10 else pairs[0]
    out = []
    for k, action in enumerate(actions):
        price = 99_500_000_000 if action == "C" else 100 * 10**9
        out.append(bytes(kind(1, 17, start, price, 5, getattr(lib.Action, words[action]), lib.Side.BID, 0,
                              start + k * step_ns, flags=128, levels=shown)))  # fmt: skip
    return b"".join(out)


@pytest.mark.parametrize(("schema", "levels"), [("mbp-10", 10), ("mbp-1", 1), ("tbbo", 1)])
def test_market_by_price_is_the_feeds_own(tmp_path: Path, schema: str, levels: int) -> None:
    """Levels as given, none where there is no price; a trade's resting side is the other; a change without what is a
    snapshot."""
    path = tmp_path / f"x.{schema}.dbn"
    path.write_bytes(header(schema, {"XYZ": 17}) + prices(levels))
    (reader,), _ = run(path)
    table = reader.read()
    assert table["event"].to_pylist() == ["add", "delete", "execute", "snapshot", "snapshot"]
    assert table["side"].to_pylist() == [1, 1, -1, 0, 0]
    assert table["bid_px_1"].to_pylist() == [100.0] * 5
    assert reader.meta.symbols == ("XYZ",)
    if levels == 10:
        assert np.isnan(table["ask_px_10"].to_numpy()).all()
        assert table["ask_sz_10"].to_pylist() == [0.0] * 5


def test_events_outside_the_session_build_the_book_and_are_no_rows(tmp_path: Path) -> None:
    """Half of them before the open; with 24/7 all are there."""
    path = tmp_path / "x.mbp-1.dbn"
    path.write_bytes(header("mbp-1", {"XYZ": 17}) + prices(1, "AAAA", start=OPEN - 2000))
    (reader,), _ = run(path, "XYZ")
    assert reader.read().num_rows == 2
    assert reader.meta.quality["XYZ"]["outside"] == 2
    (reader,), _ = run(path, "XYZ", calendar="24/7")
    assert reader.read().num_rows == 4


def test_several_symbols_of_one_file_are_row_groups(tmp_path: Path) -> None:
    """By name; one that is not there is a loss."""
    path = tmp_path / "x.mbo.dbn"
    path.write_bytes(header("mbo", {"ZED": 5, "ABC": 6}) + orders(made(1, 50, 10), 5) + orders(made(2, 50, 10), 6))
    groups, ctx = run(path, "ZED", "ABC", "NONE")
    assert [group.read()["symbol"][0].as_py() for group in groups] == ["ABC", "ZED"]
    assert "NONE" in ctx.losses[0]


def test_what_is_cut_or_no_book_is_refused(tmp_path: Path) -> None:
    """A file cut in a record, in its head, empty; another schema; best prices as orders; no such path."""
    whole = header("mbo", {"XYZ": 17}) + orders(made(1, 50, 10))
    path = tmp_path / "x.dbn"
    for raw in (whole[:-7], whole[:40], b""):
        path.write_bytes(raw)
        with pytest.raises(DataError, match=r"x\.dbn is"):
            run(path, "XYZ")
    path.write_bytes(header("ohlcv-1m", {"XYZ": 17}))
    with pytest.raises(DataError, match="no order book"):
        run(path, "XYZ")
    path.write_bytes(header("mbo", {"XYZ": 17}) + orders(made(1, 5, 10), flags=64))
    with pytest.raises(DataError, match="best prices"):
        run(path, "XYZ")
    with pytest.raises(DataError, match="does not exist"):
        run(tmp_path / "none", "XYZ")


def day(flow: Made, number: int = 17) -> bytes:
    """A file of one symbol's orders."""
    return header("mbo", {"XYZ": number}) + orders(flow, number)


@pytest.mark.parametrize("rows", [1, 50, 333])
def test_a_session_in_parts_is_that_of_the_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, rows: int) -> None:
    """Rows, levels, numbers, tick and counts, however long the parts and the pieces that are read."""
    path = tmp_path / "x.mbo.dbn"
    path.write_bytes(day(made(8, 500, 10)))
    (whole,), ctx = run(path, "XYZ")
    monkeypatch.setattr(databento_mbo, "PART", rows)
    monkeypatch.setattr(databento_mbo.MboSessions.__init__, "__defaults__", (rows,))
    monkeypatch.setattr(dbn_file.pieces, "__defaults__", (7,))
    parts, other = run(path, "XYZ")
    assert [part.read().num_rows for part in parts[:-1]] == [rows] * (len(parts) - 1)
    table = pa.concat_tables([part.read() for part in parts]).unify_dictionaries()
    for name in table.column_names:
        one, two = (tables.column_array(t.column(name)) for t in (table, whole.read()))
        np.testing.assert_array_equal(one, two, err_msg=name)
    assert parts[-1].meta == whole.meta
    assert other.figures == ctx.figures


@pytest.mark.parametrize("asked", [("XYZ",), ()])
def test_one_symbol_of_a_file_is_read_as_it_would_be_alone(tmp_path: Path, asked: tuple[str, ...]) -> None:
    """Piece by piece where it is asked for, with the file as a whole where it is not."""
    path, flow = tmp_path / "x.mbo.dbn", made(8, 300, 10)
    path.write_bytes(header("mbo", {"XYZ": 17, "ABC": 18}) + orders(flow) + orders(made(9, 200, 10), 18))
    found = [reader for reader in run(path, *asked)[0] if reader.meta.symbols[-1] == "XYZ"]
    path.write_bytes(day(flow))
    (alone,), _ = run(path, "XYZ")
    for name in alone.read().column_names:
        one, two = (tables.column_array(t.read().column(name)) for t in (found[0], alone))
        np.testing.assert_array_equal(one, two, err_msg=name)


@pytest.mark.parametrize("asked", [("XYZ",), ()])
@pytest.mark.parametrize("packed", [False, True])
def test_a_cut_file_is_refused(tmp_path: Path, packed: bool, asked: tuple[str, ...]) -> None:
    """Also a packed one whose part ends with a whole record, which the library takes for whole."""
    raw = day(made(3, 400, 10))
    cut = raw[: len(raw) // 2 + 5]
    if packed:
        zstd = pytest.importorskip("zstandard")
        head = len(header("mbo", {"XYZ": 17}))
        frame = zstd.ZstdCompressor().compressobj()
        cut = frame.compress(raw + 20 * raw[head:]) + frame.flush(zstd.COMPRESSOBJ_FLUSH_BLOCK)
    path = tmp_path / f"x.mbo.dbn{'.zst' * packed}"
    path.write_bytes(cut)
    with pytest.raises(DataError, match="is cut or damaged"):
        run(path, *asked)


@pytest.mark.parametrize("asked", [("XYZ",), ()])
def test_a_file_without_records_is_refused(tmp_path: Path, asked: tuple[str, ...]) -> None:
    """Exit 4."""
    path = tmp_path / "x.mbo.dbn"
    path.write_bytes(header("mbo", {"XYZ": 17}))
    with pytest.raises(DataError, match=r"has no session with events of XYZ|holds no events"):
        run(path, *asked)


def test_one_event_is_a_book(tmp_path: Path) -> None:
    """Of one row."""
    path, flow = tmp_path / "x.mbo.dbn", made(3, 2, 1)
    only = [row for row in flow.records if not row.snapshot][:1]
    path.write_bytes(header("mbo", {"XYZ": 17}) + orders(Made(only, [], [])))
    (reader,), _ = run(path, "XYZ")
    assert reader.read().num_rows == 1


def test_a_part_that_stands_twice_is_said(tmp_path: Path) -> None:
    """Its records are older than those before them."""
    path, raw = tmp_path / "x.mbo.dbn", day(made(3, 400, 10))
    path.write_bytes(raw + raw[-56 * 50 :])
    _, ctx = run(path, "XYZ")
    assert any("records are older than one before them" in text for text in ctx.warnings)


def test_memory_does_not_grow_with_the_day(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Five times the records, of which as many stand at a time: the same peak."""
    monkeypatch.setattr(databento_mbo.MboSessions.__init__, "__defaults__", (2_000,))
    monkeypatch.setattr(dbn_file.pieces, "__defaults__", (1_000,))
    peaks = []
    for events in (20_000, 20_000, 100_000):  # the first for what is kept from then on: kernels, calendars
        path = tmp_path / f"{events}.mbo.dbn"
        level3_day.write(path, events)
        request = BarRequest(("XYZ",), 300, "XNYS", Context("fetch").as_of.replace(year=2030), path=str(path))
        tracemalloc.start()
        for _ in databento.Databento().books(request, Context("fetch")):
            pass
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[2] < 1.25 * peaks[1]

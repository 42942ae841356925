"""What is written is read back; a damaged file is an error, never a wrong number."""

from __future__ import annotations

import contextlib
import io
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from hfm import tables
from hfm.errors import DataError
from hfm.tables import parquet
from tests import toy
from tests.orderbook import queue_race, replayed
from tests.tables.test_rows import bars


def write(*groups: pa.Table) -> bytes:
    sink = io.BytesIO()
    writer = tables.Writer(sink, tables.BARS)
    for group in groups:
        writer.write(group)
    writer.close()
    return sink.getvalue()


def shifted(group: pa.Table, days: int) -> pa.Table:
    session = group["session"].cast(pa.int32()).to_numpy() + days
    return group.set_column(1, group.schema.field("session"), pa.array(session.astype("datetime64[D]")))


def test_groups_hold_whole_sessions_however_they_arrive(monkeypatch: pytest.MonkeyPatch) -> None:
    """Many small groups in, few larger ones out, the same rows, the same bytes."""
    monkeypatch.setattr(parquet, "GROUP_ROWS", 10)
    whole = bars(sessions=6)
    one = write(whole)
    many = write(*(whole.slice(i, 4) for i in range(0, 24, 4)))
    for raw in (one, many):
        file = pq.ParquetFile(io.BytesIO(raw))
        assert file.read().equals(whole)
        assert all(file.metadata.row_group(i).num_rows % 4 == 0 for i in range(file.num_row_groups))
    assert tables.header(pq.ParquetFile(io.BytesIO(one)).schema_arrow)["meta"] == {"source": "test"}


def test_a_group_out_of_order_or_a_split_session_is_refused() -> None:
    """Across groups as within one."""
    with pytest.raises(DataError, match="sorts before"):
        write(shifted(bars(), 5), bars())
    whole = bars()
    with pytest.raises(DataError, match="spread over two groups"):
        write(whole.slice(0, 6), whole.slice(6))


def assert_same(one: pa.Table, other: pa.Table) -> None:
    for name in other.column_names:
        np.testing.assert_array_equal(*(tables.column_array(t.column(name)) for t in (one, other)), err_msg=name)


def test_a_long_session_in_parts_is_read_whole_whatever_follows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its last rows lie in one row group with the short session after it: neither is split for a reader."""
    monkeypatch.setattr(parquet, "GROUP_ROWS", 100)
    quotes = replayed(queue_race(350, 1, 5400.0, "2012-06-21"), queue_race(30, 2, 5400.0, "2012-06-22"))
    end = int(np.argmax(tables.column_array(quotes["session"]) > np.datetime64("2012-06-21")))
    path = tmp_path / "quotes.parquet"
    writer = tables.Writer(path, tables.QUOTES)
    for start in range(0, end, 100):
        writer.write(quotes.slice(start, min(100, end - start)))
    writer.write(quotes.slice(end))
    writer.close()
    reader = tables.FileReader(path, "")
    owners = [set(np.unique(tables.column_array(group["session"]))) for group in reader.groups(["session"])]
    assert sum(map(len, owners)) == 2, "a session lies in two groups"
    assert_same(reader.read(), quotes)
    assert len(list(reader.parts())) > 1


@pytest.mark.parametrize("rows", [10, 10**6])
def test_symbols_of_one_session_may_come_one_after_the_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, rows: int
) -> None:
    """As a replay gives them, however many rows each has; a reader of whole sessions has them together."""
    monkeypatch.setattr(parquet, "GROUP_ROWS", rows)
    quotes = replayed(*(queue_race(40, seed, 5400.0, "2012-06-21", name) for seed, name in enumerate(("AAA", "BBB"))))
    border = int(np.argmax(tables.column_array(quotes["symbol"]) == "BBB"))
    path = tmp_path / "quotes.parquet"
    writer = tables.Writer(path, tables.QUOTES)
    writer.write(quotes.slice(0, border))
    writer.write(quotes.slice(border))
    writer.close()
    (group,) = tables.FileReader(path, "").groups()
    assert_same(group, quotes)


def test_a_book_has_a_row_group_for_each_session_and_symbol_and_the_last_header(tmp_path: Path) -> None:
    """However few rows they are; what was known only at the end stands in the file's metadata for every reader."""
    path = tmp_path / "book.parquet"
    with path.open("wb") as sink:
        writer = tables.Writer(sink, tables.book(1))
        first, then = toy.book(), toy.book(sessions=2).slice(2)
        other = then.set_column(0, then.schema.field("symbol"), pa.array(["ZED"] * 2).dictionary_encode())
        for group in (first, pa.concat_tables([then, other]).unify_dictionaries()):
            writer.write(group)
        with pytest.raises(DataError, match="spread over two groups"):
            writer.write(other.set_column(2, other.schema.field("seq"), pa.array([2, 3])))
        writer.close()
    reader = tables.FileReader(path, "hfm fetch --run r")
    assert [group.num_rows for group in reader.groups()] == [2, 2, 2]
    assert reader.meta == tables.TableMeta(levels=1, other={"sessions": 2})
    assert tables.meta_of(next(reader.groups()).schema) == reader.meta == tables.meta_of(reader.read().schema)


def test_a_table_without_rows_is_still_a_table() -> None:
    """Readers see the schema."""
    assert pq.ParquetFile(io.BytesIO(write())).schema_arrow.names == tables.BARS.names


@pytest.mark.parametrize("table", [tables.PREDICTIONS, tables.QUOTES, tables.LEDGER], ids=lambda table: table.name)
def test_every_bit_comes_back(table: tables.Table, tmp_path: Path) -> None:
    """However values are laid out: any size in any order, a zero's sign, a NaN's payload, nulls where there may be."""
    rng, n = np.random.default_rng(3), 1_000
    columns: dict[str, object] = {
        "word": "x", "date": np.datetime64("2026-11-20", "D"), "i4": rng.integers(-(2**31), 2**31, n), "bool": True,
        "i1": pa.array([-1, -1, 0, 1] * (n // 4), pa.int8()), "i1?": pa.array([None, -1, 0, 1] * (n // 4), pa.int8()),
    }  # fmt: skip
    filled: dict[str, object] = {}
    for column in table.columns:
        bits = np.frombuffer(rng.bytes(8 * n), np.int64)
        wide = {"f8": bits.view(np.float64), "i8": np.sort(bits), "time": bits}
        filled[column.name] = wide[column.kind] if column.kind in wide else columns[column.kind + "?" * column.nullable]
    drawn = tables.build(table, filled | {"seq": np.arange(n)})
    path = tmp_path / "table.parquet"
    with path.open("wb") as sink:
        writer = tables.Writer(sink, table)
        writer.write(drawn)
        writer.close()
    found = tables.FileReader(path, "hfm train").read()
    for name in table.names:
        one, two = (t.column(name).combine_chunks() for t in (drawn, found))
        assert one.null_count == two.null_count
        if table[name].kind == "f8":
            one, two = one.view(pa.int64()), two.view(pa.int64())
        assert one.equals(two.cast(one.type))


def test_flipped_bits_are_found_by_the_page_checksums(tmp_path: Path) -> None:
    """In any page of the data: DataError with the command that makes the file again."""
    path = tmp_path / "bars.parquet"
    rng = np.random.default_rng(1)
    group = bars(sessions=50)
    raw = write(group)
    found = 0
    body = range(4, len(raw) - int.from_bytes(raw[-8:-4], "little") - 8)
    for at in rng.choice(list(body), 60, replace=False):
        path.write_bytes(raw[:at] + bytes([raw[at] ^ 16]) + raw[at + 1 :])
        reader = tables.FileReader(path, "hfm fetch --run r")
        with contextlib.suppress(DataError):
            assert reader.read().equals(group)  # a page header's spare bit: no data byte was touched
            continue
        found += 1
    assert found > 50


def test_both_readers_give_the_same(tmp_path: Path) -> None:
    """Memory and file: table, groups, meta; a document's bytes."""
    path = tmp_path / "bars.parquet"
    group = bars(sessions=5)
    path.write_bytes(write(group))
    for reader in (tables.FileReader(path, "x"), tables.MemoryReader(group)):
        assert reader.read(["close"]).equals(group.select(["close"]))
        assert pa.concat_tables(reader.groups()).equals(group)
        assert reader.meta == tables.TableMeta(source="test")
    path.write_bytes(b"{}")
    assert tables.FileReader(path, "x").data() == tables.MemoryReader(b"{}").data()


@pytest.mark.parametrize("content", [b"", b"PAR1", b"hello" * 100])
def test_what_is_no_parquet_is_said_so(tmp_path: Path, content: bytes) -> None:
    """Empty, cut, junk."""
    path = tmp_path / "bars.parquet"
    path.write_bytes(content)
    with pytest.raises(DataError, match="cannot be read"):
        tables.FileReader(path, "hfm fetch --run r").read()

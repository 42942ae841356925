"""How columns are laid out on disk: as the module says, and back to the bit."""

from __future__ import annotations

from pathlib import Path

import pyarrow.parquet as pq
import pytest

from hfm import tables
from hfm.tables import encodings
from tests.orderbook import queue_race, replayed


@pytest.mark.parametrize("table", [tables.BARS, tables.QUOTES, tables.LEDGER, tables.book(3)], ids=lambda t: t.name)
def test_every_column_of_numbers_has_a_layout(table: tables.Table) -> None:
    """Words, dates and flags have none of their own: they are dictionaries, or bits."""
    found = encodings.of_table(table)
    plain = {c.name for c in table.columns if c.kind not in ("i8", "i4", "i1", "time", "f8")}
    assert set(found) == {c.name for c in table.columns} - plain
    floats = {found[c.name] for c in table.columns if c.kind == "f8"}
    assert floats == {"BYTE_STREAM_SPLIT" if table.name in encodings.SPLIT else "PLAIN"}


def test_a_file_is_laid_out_so(tmp_path: Path) -> None:
    """Ranges of sessions, numbers and times by row group, and of no price."""
    path, quotes = tmp_path / "quotes.parquet", replayed(queue_race(50))
    writer = tables.Writer(path, tables.QUOTES)
    writer.write(quotes)
    writer.close()
    group = pq.ParquetFile(path).metadata.row_group(0)
    columns = {group.column(i).path_in_schema: group.column(i) for i in range(group.num_columns)}
    for name, layout in encodings.of_table(tables.QUOTES).items():
        assert layout in columns[name].encodings, name
    assert {name for name, c in columns.items() if c.is_stats_set} == set(encodings.KEYS)
    assert {c.compression for c in columns.values()} == {"LZ4"}

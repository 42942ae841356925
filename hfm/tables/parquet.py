"""Parquet of a run: read with every page's checksum verified, written with whole sessions a row group."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Protocol

import pyarrow as pa
import pyarrow.parquet as pq

from hfm.errors import DataError
from hfm.tables import encodings, partition
from hfm.tables.rows import (
    broken,
    check,
    empty,
    first_disorder,
    header,
    meta_of,
    split_sessions,
)
from hfm.tables.schema import TABLES, Table
from hfm.tables.table_meta import TableMeta

GROUP_ROWS = 65_536
"""Rows, of each lane, after which a group is closed, at the next session border."""


class Reader(Protocol):
    """One artifact of an earlier stage, read-only. Tables are read by row group; documents as bytes or JSON."""

    @property
    def meta(self) -> TableMeta:
        """What the table says of itself: source, calendar, synthetic, ..."""
        ...

    @property
    def schema(self) -> pa.Schema:
        """The Arrow schema, with units and provenance."""
        ...

    def groups(self, columns: Sequence[str] | None = None, only: str | None = None) -> Iterator[pa.Table]:
        """Parts of the table in order; each holds whole sessions.

        only: of a table with a lane (of predictions: the model), the rows of this value alone.
        """
        ...

    def parts(self, columns: Sequence[str] | None = None) -> Iterator[pa.Table]:
        """The table in order, in pieces of bounded size: of a long session of events there are several."""
        ...

    def read(self, columns: Sequence[str] | None = None) -> pa.Table:
        """The whole table."""
        ...

    def data(self) -> bytes:
        """A document's bytes."""
        ...


class MemoryReader:
    """A Reader over a table or a document at hand: for verify and for tests."""

    def __init__(self, content: pa.Table | bytes) -> None:
        self._content = content

    @property
    def meta(self) -> TableMeta:
        """See Reader."""
        return meta_of(self.schema)

    def _table(self) -> pa.Table:
        assert not isinstance(self._content, bytes)
        return self._content

    @property
    def schema(self) -> pa.Schema:
        """See Reader."""
        return self._table().schema

    def groups(self, columns: Sequence[str] | None = None, only: str | None = None) -> Iterator[pa.Table]:
        """The one group."""
        if only is None:
            yield self.read(columns)
        else:
            found = partition.of_lane(self._table(), str(_lane(self.schema)), only)
            yield found.select(list(columns or self.schema.names))

    def parts(self, columns: Sequence[str] | None = None) -> Iterator[pa.Table]:
        """See Reader."""
        yield self.read(columns)

    def read(self, columns: Sequence[str] | None = None) -> pa.Table:
        """See Reader."""
        return self._table().select(list(columns)) if columns else self._table()

    def data(self) -> bytes:
        """See Reader."""
        assert isinstance(self._content, bytes)
        return self._content


class FileReader:
    """A Reader over one file. Every page's checksum is verified; a flipped bit is DataError, never a wrong number."""

    def __init__(self, path: Path, remake: str) -> None:
        self.path, self._remake = path, remake

    def _open(self) -> pq.ParquetFile:
        try:
            return pq.ParquetFile(self.path, page_checksum_verification=True)
        except (pa.ArrowInvalid, OSError) as e:
            raise self._corrupt(e) from e

    def _corrupt(self, e: Exception) -> DataError:
        return DataError(f"{self.path} cannot be read", why=str(e).splitlines()[0][:200], hint=self._remake)

    @property
    def meta(self) -> TableMeta:
        """See Reader."""
        return meta_of(self.schema)

    @property
    def schema(self) -> pa.Schema:
        """See Reader."""
        with self._open() as file:
            schema: pa.Schema = file.schema_arrow
            head = (file.metadata.metadata or {}).get(b"hfm")  # the last group's; the Arrow schema has the first's
            return schema.with_metadata({**(schema.metadata or {}), b"hfm": head}) if head else schema

    def groups(self, columns: Sequence[str] | None = None, only: str | None = None) -> Iterator[pa.Table]:
        """See Reader. Raises DataError on a damaged page."""
        with self._open() as file:
            try:
                lane = _lane(file.schema_arrow)
                if lane is None:
                    single = header(file.schema_arrow).get("table") == "book"
                    for batch in partition.whole_sessions(file.metadata, single):
                        found = [file.read_row_group(i, list(columns) if columns else None) for i in batch]
                        yield (
                            found[0]
                            if len(found) == 1
                            else pa.concat_tables(found).unify_dictionaries().combine_chunks()
                        )
                elif only is None:
                    yield from _all_lanes(file, lane, list(columns or file.schema_arrow.names))
                else:
                    yield from _one_lane(file, lane, only, list(columns or file.schema_arrow.names))
            except (pa.ArrowInvalid, OSError) as e:
                raise self._corrupt(e) from e

    def parts(self, columns: Sequence[str] | None = None) -> Iterator[pa.Table]:
        """See Reader: row group by row group. Raises DataError on a damaged page."""
        with self._open() as file:
            try:
                for i in range(file.num_row_groups):
                    yield file.read_row_group(i, list(columns) if columns else None)
            except (pa.ArrowInvalid, OSError) as e:
                raise self._corrupt(e) from e

    def read(self, columns: Sequence[str] | None = None) -> pa.Table:
        """See Reader. Raises DataError on a damaged page."""
        with self._open() as file:
            try:
                if _lane(file.schema_arrow) is None:
                    return file.read(list(columns) if columns else None)
            except (pa.ArrowInvalid, OSError) as e:
                raise self._corrupt(e) from e
        parts = list(self.groups(columns))
        return (
            pa.concat_tables(parts) if parts else self.schema.empty_table().select(list(columns or self.schema.names))
        )

    def data(self) -> bytes:
        """See Reader."""
        return self.path.read_bytes()


def _lane(schema: pa.Schema) -> str | None:
    """The column whose values lie apart in a file of this schema."""
    table = TABLES.get(header(schema).get("table", ""))
    return table.lane if table else None


def _all_lanes(file: pq.ParquetFile, lane: str, columns: list[str]) -> Iterator[pa.Table]:
    """Batches of all lanes, in the table's order."""
    order = TABLES[header(file.schema_arrow)["table"]].order
    for batch in partition.batches(file.metadata, lane):
        if len(batch) == 1:
            yield file.read_row_group(batch[0][0], columns)
        else:
            needed = [*columns, *(name for name in order[:-1] if name not in columns)]
            yield partition.interleave([file.read_row_group(i, needed) for i, _ in batch], order).select(columns)


def _one_lane(file: pq.ParquetFile, lane: str, value: str, columns: list[str]) -> Iterator[pa.Table]:
    """The rows whose column `lane` has a value; a group of several values is read and filtered."""
    for batch in partition.batches(file.metadata, lane):
        for i, known in batch:
            if known == value:
                yield file.read_row_group(i, columns)
            elif known is None:
                group = file.read_row_group(i, columns if lane in columns else [*columns, lane])
                yield partition.of_lane(group, lane, value).select(columns)


class Writer:
    """Writes one table to a stream: checks each group, regroups to whole sessions of about GROUP_ROWS rows.

    Of an order book a row group is one session of one symbol, or a part of a long one: `seq` then goes on where the
    part before it ended. What the last group's header says of the whole table is what readers see: it may know more
    than the first.
    """

    def __init__(self, sink: Any, table: Table) -> None:  # Any: a path or a binary file, as pyarrow takes it
        self._sink, self._table = sink, table
        self._held: list[pa.Table] = []
        self._rows = 0
        self._last: pa.Table | None = None
        self._single = table.name == "book"
        self._goes_on = False  # the last group may be a part of a session
        self._least = GROUP_ROWS
        self._header: dict[bytes, bytes] | None = None
        self._writer: pq.ParquetWriter | None = None
        self.rows = 0

    def write(self, group: pa.Table) -> None:
        """Take the next rows: whole sessions, after all rows before them. Raises DataError where they are not."""
        check(group, self._table)
        if group.num_rows == 0 and self._writer is not None:
            return
        if self._last is not None and group.num_rows:
            border = pa.concat_tables([self._last, group.slice(0, 1)])
            if first_disorder(border, self._table.order) is not None:
                raise broken(self._table, f"row {self.rows} (a group's first) sorts before the group before it")
            keys = ("session",) if self._table.lane else ("session", "symbol")
            if (
                "session" in self._table.order
                and all(border.column(key)[0].as_py() == border.column(key)[1].as_py() for key in keys)
                and not (self._goes_on and partition.follows(border))
            ):
                raise broken(self._table, f"session {border.column('session')[1]} is spread over two groups")
        if group.num_rows:
            self._goes_on = group.num_rows >= GROUP_ROWS
            self._last = group.slice(group.num_rows - 1, 1).combine_chunks()
            self._header = group.schema.metadata
        if self._writer is None:
            lane = [self._table.lane] if self._table.lane else []
            self._least = GROUP_ROWS * max(partition.count(group, lane[0]) if lane else 1, 1)
            self._writer = pq.ParquetWriter(
                self._sink,
                group.schema,
                compression=encodings.COMPRESSION.get(self._table.name, "lz4"),
                use_dictionary=[c.name for c in self._table.columns if c.kind in ("word", "date")],
                column_encoding=encodings.of_table(self._table),
                write_statistics=[
                    c for c in (*encodings.KEYS, *lane) if c in group.column_names
                ],  # floats too: 3 x slower
                write_page_checksum=True,
                version="2.6",
                store_schema=True,
            )
        self._held.append(group)
        self._rows += group.num_rows
        self.rows += group.num_rows
        if self._rows >= self._least or self._single:
            self._flush()

    def _flush(self) -> None:
        if self._writer is not None and self._held:
            plain = [g.replace_schema_metadata(None) for g in self._held]
            merged = pa.concat_tables(plain).unify_dictionaries() if len(plain) > 1 else plain[0]
            if self._table.lane or self._single:
                merged = merged.combine_chunks()  # rows are taken, or cut into many
            for part in partition.singles(merged) if self._single else split_sessions(merged, self._least):
                for one in partition.split(part, self._table.lane) if self._table.lane else (part,):
                    self._writer.write_table(
                        one.replace_schema_metadata(self._writer.schema.metadata),
                        row_group_size=max(one.num_rows, 1),
                    )
        self._held, self._rows = [], 0

    def abandon(self) -> None:
        """Write no more: the footer stays away, also when the writer is collected and its stream is long closed."""
        if self._writer is not None:
            self._writer.is_open = False

    def close(self) -> None:
        """Write what is held and end the file; a table with no group at all is an empty file of its schema."""
        if self._writer is None:
            self.write(empty(self._table))
        self._flush()
        assert self._writer is not None
        if self._header and self._header != self._writer.schema.metadata:
            self._writer.add_key_value_metadata(self._header)
        self._writer.close()

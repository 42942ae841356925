"""A table that comes in parts of so many rows, as a long session's file gives it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import pyarrow as pa

from hfm.tables import MemoryReader


class Parts(MemoryReader):
    """A reader of such a table."""

    def __init__(self, table: pa.Table, rows: int) -> None:
        super().__init__(table)
        self._rows = rows

    def parts(self, columns: Sequence[str] | None = None) -> Iterator[pa.Table]:
        """See Reader."""
        table = self.read(columns)
        yield from (table.slice(i, self._rows) for i in range(0, table.num_rows, self._rows))

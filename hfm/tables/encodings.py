"""How the columns of each table are laid out and packed in Parquet."""

from __future__ import annotations

from hfm.tables.schema import Table

KEYS = ["session", "seq", "time"]
"""Columns whose range is kept by row group; order decides, nobody looks for a price."""
COMPRESSION = {"book": "zstd"}
"""By table; lz4 elsewhere, read in half the time. Books are large, and kept: zstd makes a third less of them."""
SPLIT = ("quotes", "oracle", "predictions")
"""Tables whose floats differ in every row: byte by byte apart they are smaller, and written and read faster; the prices
of bars and books and the zeros of a ledger repeat, and lie closer as they are."""


def of_table(table: Table) -> dict[str, str]:
    """Column -> how Parquet lays out its values: clocks and counts as differences, floats as SPLIT says."""
    kinds = {"i8": "DELTA_BINARY_PACKED", "i4": "DELTA_BINARY_PACKED", "i1": "DELTA_BINARY_PACKED",
             "time": "DELTA_BINARY_PACKED", "f8": "BYTE_STREAM_SPLIT" if table.name in SPLIT else "PLAIN"}  # fmt: skip
    return {c.name: kinds[c.kind] for c in table.columns if c.kind in kinds}

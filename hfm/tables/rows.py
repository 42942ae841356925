"""Row groups: built from arrays, checked against their schema, taken apart into NumPy.

Each column's provenance (observed, estimated, simulated, planted) stands in its field metadata; what the whole table
is about (source, calendar, synthetic or not) stands in the schema's metadata under `hfm`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from hfm.errors import DataError
from hfm.tables.schema import TYPES, Column, Table
from hfm.tables.table_meta import TableMeta

Array = npt.NDArray[Any]  # Any: the dtype is the schema's
Provenance = Literal["observed", "estimated", "simulated", "planted"]


def build(
    table: Table,
    columns: Mapping[str, object],
    meta: TableMeta | None = None,
    provenance: Mapping[str, Provenance] | Provenance | None = None,
) -> pa.Table:
    """A row group of `table` from arrays (or scalars, repeated) by column name.

    Parameters
    ----------
    table : the schema.
    columns : [n] each, or scalars; times are datetime64[ns] or int64 ns UTC, `word` columns arrays of str or one str.
        NaN where a float is not known.
    meta : of the whole table.
    provenance : of each column or of all.

    Returns
    -------
    pyarrow.Table : n rows, not yet checked for their order.

    Raises
    ------
    KeyError
        For a column that is missing or unknown: a bug.
    """
    unknown = set(columns) - set(table.names)
    if unknown:
        raise KeyError(f"{table.name} has no column {sorted(unknown)}")
    n = next((len(v) for v in columns.values() if isinstance(v, (np.ndarray, pa.Array, pa.ChunkedArray, list))), 1)
    data, fields = [], []
    for column in table.columns:
        data.append(_array(columns[column.name], TYPES[column.kind], n))
        origin = provenance if isinstance(provenance, str) else (provenance or {}).get(column.name)
        fields.append(_field(column, origin))
    return pa.table(data, schema=pa.schema(fields, metadata=_header(table, meta)))


def _array(value: object, kind: pa.DataType, n: int) -> pa.Array:
    if isinstance(value, (pa.Array, pa.ChunkedArray)):
        return value if value.type == kind else value.cast(kind)
    if value is None:
        return pa.nulls(n, kind)
    if isinstance(value, (str, int, float, bool, np.generic)):
        if pa.types.is_dictionary(kind):
            return pa.DictionaryArray.from_arrays(fixed(np.zeros(n, np.int32)), strings([str(value)]))
        return pa.array([str(value)] * n, kind) if pa.types.is_string(kind) else _array(np.full(n, value), kind, n)
    if pa.types.is_dictionary(kind):
        return _encoded(np.asarray(value, object))
    array = np.asarray(value)
    if pa.types.is_date32(kind):
        return fixed(array.astype("datetime64[D]"))
    if pa.types.is_timestamp(kind):
        ns = array.astype("datetime64[ns]")
        return fixed(ns.view(np.int64), ~np.isnat(ns)).view(kind)
    if array.dtype.kind not in "biuf":
        return pa.array(array).cast(kind)
    width = np.dtype(kind.to_pandas_dtype())
    if array.dtype.kind == "i" and width.kind in "if" and (array.astype(width) == array).all():
        array = array.astype(width)  # Arrow's own cast would import pyarrow.compute
    made = fixed(array)
    return made if made.type == kind else made.cast(kind)


def fixed(array: Array, known: Array | None = None) -> pa.Array:
    """An Arrow array of numbers, booleans or days over the memory of a NumPy array, by its buffer.

    pyarrow's own way imports pandas: .4 s a process, of 1.5 that `predict` and `backtest-cold` of the bench take.

    Parameters
    ----------
    array : [n] of a fixed width; NaN stays NaN.
    known : bool [n], false where the value is null; None: none is.

    Returns
    -------
    pyarrow.Array : [n]; it shares the memory where the layout is the same.
    """
    there = None if known is None or known.all() else _bits(known)
    if array.dtype == np.bool_:
        return pa.Array.from_buffers(pa.bool_(), len(array), [there, _bits(array)])
    if array.dtype.kind == "M":
        days = array.astype("datetime64[D]").astype(np.int64).astype(np.int32)
        return pa.Array.from_buffers(pa.date32(), len(days), [there, pa.py_buffer(days)])
    kind = pa.from_numpy_dtype(array.dtype)
    return pa.Array.from_buffers(kind, len(array), [there, pa.py_buffer(np.ascontiguousarray(array))])


def _bits(flags: Array) -> pa.Buffer:
    return pa.py_buffer(np.packbits(flags, bitorder="little"))


def _encoded(words: Array) -> pa.Array:
    """Words [n] (None: null) as a dictionary array, words by first appearance."""
    place: dict[str, int] = {}
    codes = (-1 if word is None else place.setdefault(word, len(place)) for word in words)
    code = np.fromiter(codes, np.int32, len(words))
    return pa.DictionaryArray.from_arrays(fixed(code, code >= 0), strings(list(place)))


def strings(words: Sequence[str]) -> pa.Array:
    """A string array, by its buffers."""
    raw = [word.encode() for word in words]
    ends = np.concatenate(([0], np.cumsum([len(r) for r in raw]))).astype(np.int32)
    return pa.Array.from_buffers(pa.string(), len(raw), [None, pa.py_buffer(ends), pa.py_buffer(b"".join(raw))])


def _field(column: Column, origin: str | None) -> pa.Field:
    notes = {"unit": column.unit, "doc": column.doc}
    if origin:
        notes["provenance"] = origin
    return pa.field(column.name, TYPES[column.kind], column.nullable, notes)


def _header(table: Table, meta: TableMeta | None) -> dict[bytes, bytes]:
    head = {"table": table.name, "version": table.version, "meta": meta.to_json(table.name) if meta else {}}
    return {b"hfm": json.dumps(head, sort_keys=True).encode()}


def header(schema: pa.Schema) -> dict[str, Any]:  # Any: JSON
    """{"table", "version", "meta"} of a schema that `build` made; empty where it has none."""
    raw = (schema.metadata or {}).get(b"hfm")
    return json.loads(raw) if raw else {}


def meta_of(schema: pa.Schema) -> TableMeta:
    """The metadata of a table; that of none says nothing."""
    return TableMeta.from_json(header(schema).get("meta", {}))


def provenance(schema: pa.Schema) -> dict[str, str]:
    """Column -> provenance, where it is known."""
    return {f.name: f.metadata[b"provenance"].decode() for f in schema if f.metadata and b"provenance" in f.metadata}


def check(group: pa.Table, table: Table) -> None:
    """Raise DataError unless `group` has exactly the schema of `table`, rows in order, keys unique, no stray null."""
    if group.column_names != table.names:
        raise broken(table, f"columns {group.column_names}")
    for column in table.columns:
        data = group.column(column.name)
        if data.type != TYPES[column.kind]:
            raise broken(table, f"column {column.name} is {data.type}, not {TYPES[column.kind]}")
        if data.null_count and not column.nullable:
            raise broken(table, f"column {column.name} has {data.null_count} nulls")
    row = first_disorder(group, table.order)
    if row is not None:
        raise broken(table, f"row {row} is not after the one before it in {', '.join(table.order)}")


def first_disorder(group: pa.Table, order: Sequence[str]) -> int | None:
    """Index of the first row that does not sort strictly after its predecessor by `order`, or None."""
    if group.num_rows < 2:
        return None
    later = np.zeros(group.num_rows - 1, bool)
    tied = np.ones(group.num_rows - 1, bool)
    for name in order:
        key = rank(group.column(name))
        later |= tied & (key[1:] > key[:-1])
        tied &= key[1:] == key[:-1]
    bad = np.flatnonzero(~later)
    return int(bad[0]) + 1 if bad.size else None


def rank(data: pa.ChunkedArray) -> Array:
    """Integers that sort as the column does (words by spelling)."""
    if not pa.types.is_dictionary(data.type):
        return column_array(data)
    merged = data.unify_dictionaries().combine_chunks()
    merged = merged.chunk(0) if isinstance(merged, pa.ChunkedArray) else merged
    if len(merged.dictionary) == 1:
        return np.zeros(len(merged), np.int64)
    rank = np.empty(len(merged.dictionary), np.int64)
    rank[np.argsort(np.array(merged.dictionary.to_pylist(), dtype=object))] = np.arange(len(rank))
    ranks: Array = rank[_fixed(pa.chunked_array([merged.indices]))]
    return ranks


def broken(table: Table, what: str) -> DataError:
    """The error of a group that is not as its schema says."""
    return DataError(
        f"table {table.name} breaks its schema (version {table.version}): {what}",
        hint="this is a fault of the stage or plug-in that made it; run hfm verify --run",
    )


def column_array(data: pa.ChunkedArray) -> Array:
    """A column as NumPy: dates as datetime64[D], times as int64 ns UTC, words as object.

    Returns
    -------
    array [n] : a null word is None, a null time the least int64, a null integer -1, a null float NaN.
    """
    if pa.types.is_dictionary(data.type):
        return _words(data)
    if data.null_count and (pa.types.is_timestamp(data.type) or pa.types.is_integer(data.type)):
        filled = _fixed(data).copy()
        filled[~_known(data)] = np.iinfo(np.int64).min if pa.types.is_timestamp(data.type) else -1
        return filled
    if data.null_count or not pa.types.is_primitive(data.type):
        out: Array = data.to_numpy()
        return out
    return _fixed(data)


def _words(data: pa.ChunkedArray) -> Array:
    parts = []
    for chunk in data.chunks:
        words = np.array([*chunk.dictionary.to_pylist(), None], object)  # the last is that of -1, a null
        parts.append(words[column_array(pa.chunked_array([chunk.indices]))])
    return np.concatenate(parts) if parts else np.empty(0, object)


def _known(data: pa.ChunkedArray) -> Array:
    """Bool [n]: false where a value is null."""
    parts = [_flags(c, 0) if c.null_count else np.ones(len(c), np.bool_) for c in data.chunks]
    return np.concatenate(parts) if parts else np.empty(0, np.bool_)


def _flags(chunk: pa.Array, buffer: int) -> Array:
    """Bool [n] of a buffer that has a bit a value."""
    bits = np.frombuffer(chunk.buffers()[buffer], np.uint8)
    return np.unpackbits(bits, bitorder="little")[chunk.offset : chunk.offset + len(chunk)].view(np.bool_)


_WIDTH = {pa.date32().id: "<i4", pa.timestamp("ns").id: "<i8"}


def _fixed(data: pa.ChunkedArray) -> Array:
    """Values of one width without nulls, by their buffers: to_numpy would import pandas, .4 s a process."""
    kind = data.type
    if pa.types.is_boolean(kind):
        flags = [_flags(c, 1) for c in data.chunks if len(c)]
        return np.concatenate(flags) if flags else np.empty(0, np.bool_)
    dtype = np.dtype(_WIDTH[kind.id]) if kind.id in _WIDTH else np.dtype(kind.to_pandas_dtype())
    parts = [np.frombuffer(c.buffers()[1], dtype, len(c), c.offset * dtype.itemsize) for c in data.chunks if len(c)]
    out: Array = parts[0] if len(parts) == 1 else np.concatenate(parts) if parts else np.empty(0, dtype)
    return out.astype("datetime64[D]") if pa.types.is_date32(kind) else out


def arrays(group: pa.Table, names: Sequence[str] | None = None) -> dict[str, Array]:
    """Columns of a group as NumPy arrays (see column_array)."""
    return {name: column_array(group.column(name)) for name in (names or group.column_names)}


def blocks(group: pa.Table, by: Sequence[str] = ("session", "symbol")) -> Array:
    """int64 [B+1]: row borders of the runs of equal `by` in an ordered group."""
    change = np.zeros(max(group.num_rows - 1, 0), bool)
    for name in by:
        key = rank(group.column(name))
        change |= key[1:] != key[:-1]
    if not group.num_rows:
        return np.zeros(1, np.int64)
    return np.concatenate(([0], np.flatnonzero(change) + 1, [group.num_rows])).astype(np.int64)


def empty(table: Table, meta: TableMeta | None = None) -> pa.Table:
    """A table of no rows."""
    return pa.schema([_field(c, None) for c in table.columns], metadata=_header(table, meta)).empty_table()


def split_sessions(group: pa.Table, rows: int) -> Iterator[pa.Table]:
    """Pieces of an ordered table, each whole sessions and, where they fit, at most about `rows` rows."""
    if "session" not in group.column_names or group.num_rows <= rows:
        yield group
        return
    borders = blocks(group, ("session",))
    start = 0
    for end, following in zip(borders[1:], [*borders[2:], borders[-1]], strict=True):
        if end == borders[-1] or following - start > rows:
            yield group.slice(start, int(end) - start)
            start = int(end)

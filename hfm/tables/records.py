"""Rows as records: NumPy structured dtypes made from the schema, so that kernels read `row.mid_open` by name.

A dtype is made once, at module level: numba compiles a kernel for each dtype, and finds it by the dtype's identity.
No dtype depends on the number of symbols; state of several symbols is an array of records [S].

| kind | field   | value |
|------|---------|-------|
| f8   | float64 | NaN where it is not known |
| i8 i4 i1 | the same integer | -1 where a nullable column has null |
| bool | bool    | |
| date | int64   | days since 1970-01-01 |
| time | int64   | ns since 1970-01-01 UTC, as `arrays` gives it; the least int64 where it is null |
| word | int64   | index of the word in a list that the caller keeps |

In a kernel and in plain Python `row = rows[i]` is a view: `row.qty += 1.0` writes to `rows`. The scalar type is
np.record, so that a kernel's `py_func` reads the same names. In plain Python a field named like an attribute of NumPy
scalars (`flags`, `size`) is read as `row["flags"]`, which numba takes as well.
"""

from __future__ import annotations

import struct
from collections import namedtuple
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from hfm.tables.rows import Array
from hfm.tables.schema import QUOTES, Column, Table

Records = npt.NDArray[np.record]
RecordType = np.dtype[np.record]

FIELDS: dict[str, str] = {
    "f8": "f8", "i8": "i8", "i4": "i4", "i1": "i1", "bool": "?", "date": "i8", "time": "i8", "word": "i8",
}  # fmt: skip
"""Kind of a column -> format of its field. Text has none: a kernel cannot read it."""


@cache
def columns_dtype(columns: tuple[Column, ...]) -> RecordType:
    """The dtype with one field a column, in their order: of state and parameters, which are no table's.

    Parameters
    ----------
    columns : tuple of Column
        See `schema.columns`; no column of text.

    Returns
    -------
    np.dtype
        Aligned, of np.record scalars; the same object for equal columns.
    """
    return nested_dtype(fields(columns))


def fields(columns: Sequence[Column]) -> list[tuple[str, str]]:
    """(name, format) of each column, for `nested_dtype`."""
    return [(column.name, FIELDS[column.kind]) for column in columns]


def nested_dtype(fields: Sequence[tuple[str, object] | tuple[str, object, tuple[int, ...]]]) -> RecordType:
    """The aligned dtype of np.record scalars with these fields, of which some may be records or arrays themselves.

    Parameters
    ----------
    fields : sequence of (name, dtype) or (name, dtype, shape)
        As np.dtype takes them. `("ring", ROW, (78,))` is a ring of 78 records.

    Returns
    -------
    np.dtype
        A new object at each call: keep it in a constant of the module.
    """
    return np.dtype((np.record, np.dtype(list(fields), align=True)))  # type: ignore[return-value]  # stubs: void


def record_dtype(table: Table, columns: Sequence[str] | None = None, extra: Sequence[Column] = ()) -> RecordType:
    """The dtype of a table's rows.

    Parameters
    ----------
    table : Table
        Whose columns become fields, in the schema's order.
    columns : sequence of str, optional
        Only these columns, in the given order; all of them by default.
    extra : sequence of Column
        Fields after the table's own, which no file has: see `schema.columns`.

    Returns
    -------
    np.dtype
        Aligned, of np.record scalars; the same object for equal arguments.

    Raises
    ------
    KeyError
        For a column that the table does not have, or one of text.
    """
    if unknown := [name for name in columns or () if name not in table.names]:
        raise KeyError(unknown[0])
    chosen = table.columns if columns is None else tuple(table[name] for name in columns)
    return columns_dtype((*chosen, *extra))


def fill(out: Records, columns: Mapping[str, Array]) -> None:
    """Write columns into the fields of their names; other fields stay as they are.

    Parameters
    ----------
    out : records [n]
        Changed in place. Columns that its dtype does not have are passed over.
    columns : mapping of str to array [n]
        As `tables.arrays` gives them: dates as datetime64[D] or days since 1970, times as int64 ns UTC. Of a word
        column the integer indices: text is refused.

    Raises
    ------
    ValueError
        For text in a word column, or a column of another length.
    """
    for name in out.dtype.names or ():
        if name not in columns:
            continue
        data = columns[name]
        if data.dtype.kind in "OUS":
            raise ValueError(f"field {name} takes the index of a word, not the word")
        out[name] = data.astype("datetime64[D]").astype(np.int64) if data.dtype.kind == "M" else data


def blank(n: int, dtype: RecordType) -> Records:
    """Records of which nothing is known.

    Parameters
    ----------
    n : int
        How many.
    dtype : np.dtype
        Of `record_dtype` or `nested_dtype`.

    Returns
    -------
    records [n]
        Floats are NaN, integers 0, flags False, at every depth.
    """
    out = np.zeros(n, dtype)
    for name in dtype.names or ():
        if out[name].dtype.kind == "f":
            out[name] = np.nan
        elif out[name].dtype.names is not None:
            out[name] = blank(1, out[name].dtype)[0]
    return out


def records(columns: Mapping[str, Array], dtype: RecordType) -> Records:
    """Columns as records.

    Parameters
    ----------
    columns : mapping of str to array [n]
        As in `fill`; at least one of them is a field.
    dtype : np.dtype
        Of `record_dtype`. A field without a column is blank: NaN, 0 or False.

    Returns
    -------
    records [n]

    Raises
    ------
    ValueError
        For text in a word column, columns of several lengths, or no column at all.
    """
    sizes = {len(columns[name]) for name in dtype.names or () if name in columns}
    if len(sizes) != 1:
        raise ValueError(f"columns of one length are wanted, found the lengths {sorted(sizes)}")
    missing = any(name not in columns for name in dtype.names or ())
    out = blank(sizes.pop(), dtype) if missing else np.empty(sizes.pop(), dtype)
    fill(out, columns)
    return out


def to_columns(rows: Records) -> dict[str, Array]:
    """The fields of records as arrays by name.

    Parameters
    ----------
    rows : records [n]

    Returns
    -------
    dict of str to array [n]
        Views: what is written to them stands in the records.
    """
    return {name: rows[name] for name in rows.dtype.names or ()}


QUOTE: RecordType = record_dtype(QUOTES)
"""A quotes row with all its columns; `symbol` is the symbol's number among the market's."""


class Values(Protocol):
    """A named tuple of one record's fields: what `Codec` makes, whose fields are the schema's."""

    def __getattr__(self, name: str) -> Any: ...  # Any: by the field

    def __getitem__(self, place: slice) -> tuple[Any, ...]: ...

    def __iter__(self) -> Iterator[Any]: ...


_CODES = {"f8": "d", "i8": "q", "i4": "i", "i1": "b", "b1": "?"}


class Codec:
    """Records as tuples of Python numbers and back; fields of nested records stand beside the others.

    Python reads a field of a NumPy record in 1.5 us, and of such a tuple in 0.02: who looks at several fields of a row
    decodes it once, in about 1 us (bench row `latency`).
    """

    def __init__(self, dtype: RecordType) -> None:
        names, form, end = list[str](), ["="], 0
        for name, code, offset in _leaves(dtype, 0):
            form.append(f"{offset - end}x{code}")
            names.append(name)
            end = offset + struct.calcsize(f"={code}")
        self.names = tuple(names)
        self._struct = struct.Struct("".join([*form, f"{dtype.itemsize - end}x"]))
        factory: Any = namedtuple  # Any: the fields are the schema's
        self._make = factory("Values", names)._make

    def make(self, values: Sequence[Any]) -> Values:  # Any: numbers of several types
        """Values of all fields, in the order of `names`."""
        made: Values = self._make(values)
        return made

    def read(self, data: memoryview) -> Values:
        """The record that begins with the first byte of `data`."""
        made: Values = self._make(self._struct.unpack_from(data))
        return made

    def write(self, data: memoryview, values: Values) -> None:
        """Write a record to the first bytes of `data`."""
        self._struct.pack_into(data, 0, *values)

    def all(self, rows: Records) -> Iterator[Values]:
        """Each of the records [n]."""
        return map(self._make, self._struct.iter_unpack(rows.tobytes()))


def _leaves(dtype: np.dtype[Any], offset: int) -> Iterator[tuple[str, str, int]]:
    """(name, code of struct, offset in bytes) of each number in a record."""
    for name in dtype.names or ():
        field, place, *_ = dtype.fields[name]  # type: ignore[index]  # it has names
        if field.names is None:
            yield name, _CODES[field.str[1:]], offset + place
        else:
            yield from _leaves(field, offset + place)

"""A text as a table of text: its delimiter, its header, and what is certainly no row of it.

Lines before the header, comments, blank lines, headers that come again and lines of words at the end are left out and
said. A line that is neither a row nor certainly none is named and refused.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pv

from hfm.errors import DataError
from hfm.fetch.files import header
from hfm.fetch.files.preamble import (
    SAMPLE,
    TextPreamble,
    column_names,
    omission_note,
    read_preamble,
    split_line,
    width_error,
)


@dataclass(frozen=True)
class Delimited:
    """Columns in the order of the file; names as they stand, which may come twice or be empty.

    named: whether the names are a header's; else they are positions, counted from 1. delimiter: of a text, else None.
    wide: of a header with a symbol a column. notes: what was left out. warnings: what the user should check.
    """

    names: tuple[str, ...]
    columns: tuple[pa.ChunkedArray, ...]
    named: bool = True
    delimiter: str | None = None
    wide: header.Wide | None = None
    notes: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()


def delimited(data: bytes, path: Path) -> Delimited:
    """The table in a UTF-8 text. Raises DataError where there is none or a line is neither a row nor certainly none."""
    top = read_preamble(data, path)
    start = 0
    for _ in range(top.skipped):
        start = data.find(b"\n", start) + 1 or len(data)
    body, notes = _drop_comments(data, start, top)
    names, wide = column_names(top)
    if not bytes(body[:SAMPLE]).strip():
        raise DataError(f"{path} has no rows", hint="export it again, with its rows")
    table, warnings = _rows(body, top, path)
    found = Delimited(
        names, tuple(table.columns), bool(top.header), top.delimiter, wide, (*top.notes, *notes), tuple(warnings)
    )
    found = _drop_non_rows(_align(found, path), path)
    return found if found.wide or not found.named else replace(found, wide=header.flat_names(found.names))


def _drop_comments(data: bytes, start: int, top: TextPreamble) -> tuple[memoryview, list[str]]:
    """The rows' bytes from `start` on, without lines that begin with # and are no rows (a symbol may be #AAPL)."""
    body = memoryview(data)[start:]
    if b"#" not in data or data.find(b"\n#", max(start - 1, 0)) < 0:  # one byte is found ten times faster than two
        return body, []
    count = 0

    def kept(match: re.Match[bytes]) -> bytes:
        nonlocal count
        cells = split_line(match[0].decode("utf-8", "replace").strip("\r\n"), top.delimiter)
        if len(cells) == top.width and header.is_row(cells):
            return match[0]
        count += 1
        return b""

    rows = re.sub(rb"(?m)^#[^\n]*\n?", kept, bytes(body))
    return memoryview(rows), [f"{count} lines that begin with # are left out"] if count else []


def _rows(body: memoryview, top: TextPreamble, path: Path) -> tuple[pa.Table, list[str]]:
    """All rows as text, and what was left out of them. Raises DataError for a line of another number of columns."""
    try:
        return _parse_csv(body, top.width, top.delimiter), []
    except pa.ArrowInvalid as e:
        if "columns" not in str(e):
            raise
    odd: list[pv.InvalidRow] = []

    def collect(row: pv.InvalidRow) -> str:
        odd.append(row)
        return "skip"

    table = _parse_csv(body, top.width, top.delimiter, collect)
    left = [row for row in odd if row.text.strip(' ,;\t|"\r')]
    for row in left:
        cells = split_line(row.text, top.delimiter)
        if any(header.is_time(cell) or header.is_number(cell) for cell in cells):
            line = (row.number or 0) + top.skipped
            raise width_error(path, line, row.text, row.actual_columns, top.width, len(left))
    if not left:
        return table, []
    first = left[0]
    more = f", and {len(left) - 1} more" if len(left) > 1 else ""
    return table, [omission_note((first.number or 0) + top.skipped - 1, first.text) + more]


def _parse_csv(body: memoryview, width: int, delimiter: str, invalid: object = None) -> pa.Table:
    names = [str(k) for k in range(width)]
    return pv.read_csv(
        pa.BufferReader(pa.py_buffer(body)),
        read_options=pv.ReadOptions(column_names=names, use_threads=invalid is None),
        parse_options=pv.ParseOptions(delimiter=delimiter, invalid_row_handler=invalid),
        convert_options=pv.ConvertOptions(
            column_types=dict.fromkeys(names, pa.string()), null_values=[""], strings_can_be_null=True
        ),
    )


def _align(found: Delimited, path: Path) -> Delimited:
    """Names and columns of one number: an index without a name gets an empty one, empty columns at the end go."""
    names, columns = found.names, found.columns
    if not found.named:
        while columns[-1].null_count == len(columns[-1]):
            names, columns = names[:-1], columns[:-1]
        return replace(found, names=names, columns=columns)
    while not names[-1] and columns[-1].null_count == len(columns[-1]):
        names, columns = names[:-1], columns[:-1]
    while len(names) > len(columns) and not names[-1]:
        names = names[:-1]
    while len(columns) > len(names) and columns[-1].null_count == len(columns[-1]):
        columns = columns[:-1]
    if len(columns) == len(names) + 1:
        names = ("", *names)
        first = columns[0]
        if not _index(first):
            raise DataError(
                f"{path}: the header names {len(names) - 1} columns, the rows have {len(columns)}",
                why=f"the first row begins with {str(first[0].as_py())[:40]!r} and ends with "
                f"{str(columns[-1][0].as_py())[:40]!r}",
                hint="name every column in the header",
            )
    if len(columns) != len(names):
        raise DataError(
            f"{path}: the header names {len(names)} columns, the rows have {len(columns)}",
            hint="name every column in the header",
        )
    return replace(found, names=names, columns=columns)


def _index(column: pa.ChunkedArray) -> bool:
    """Whether a column without a name is an index: all times, or running numbers."""
    if column.null_count:
        return False
    words = pc.utf8_trim_whitespace(column)
    if pc.all(pc.match_substring_regex(words, header.INSTANT)).as_py():
        return True
    try:
        numbers = words.cast(pa.int64()).to_numpy()
    except pa.ArrowInvalid:
        return False
    return bool((np.diff(numbers) == 1).all()) and int(numbers[0]) in (0, 1)


def _drop_non_rows(found: Delimited, path: Path) -> Delimited:
    """Without rows that are empty, a header that comes again, or words at the end."""
    columns = found.columns
    if not columns or not len(columns[0]):
        raise DataError(f"{path} has no rows", hint="export it again, with its rows")
    keep = np.ones(len(columns[0]), bool)
    notes, warnings = list(found.notes), list(found.warnings)
    fewest = min(columns, key=lambda column: column.null_count)
    if fewest.null_count:
        blank = np.all([column.is_null().to_numpy() for column in columns], 0)
        keep &= ~blank
    if found.named and found.wide is None:
        again = _repeated_header(found)
        keep &= ~again
        if again.any():
            notes.append(f"the header comes again {int(again.sum())} times and is left out")
    last = np.flatnonzero(keep)
    for row in last[::-1][:10]:
        cells = [str(column[int(row)].as_py() or "").strip() for column in columns]
        words = [cell for cell in cells if cell]
        if len(words) > 1 or not words or header.is_time(words[0]) or header.is_number(words[0]):
            break
        keep[row] = False
        warnings.append(f"the last line is no row and is left out: {words[0][:60]!r}")
    if keep.all():
        return found
    if not keep.any():
        raise DataError(f"{path} has no rows", hint="export it again, with its rows")
    rows = pa.array(np.flatnonzero(keep))
    return replace(
        found, columns=tuple(column.take(rows) for column in columns), notes=tuple(notes), warnings=tuple(warnings)
    )


def _repeated_header(found: Delimited) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    """Rows that are the header once more, cell for cell."""
    again = np.ones(len(found.columns[0]), bool)
    for name, column in zip(found.names, found.columns, strict=True):
        if name:
            again &= pc.fill_null(pc.equal(column, name), False).to_numpy()  # Arrow's own order
            if not again.any():
                break
    return again

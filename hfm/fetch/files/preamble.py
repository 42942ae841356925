"""The beginning of a text: its delimiter, its header, and what stands above them."""

from __future__ import annotations

import csv
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from hfm.errors import DataError
from hfm.fetch.files import header
from hfm.fetch.files.roles import roles_of

SAMPLE, LINES = 65_536, 200
"""Bytes and lines from which delimiter and header are read."""
TOP = 60
"""Lines before which the table has begun."""
DELIMITERS = ";\t|,"
"""Where two split the lines equally well the first: a comma may be a decimal mark."""
LEAST = 5
"""Columns of bars: a time and four prices."""


@dataclass(frozen=True)
class TextPreamble:
    """The beginning of a text: the lines of its header (none: it has none), and how many lines come before its rows."""

    delimiter: str
    width: int
    header: tuple[tuple[str, ...], ...]
    skipped: int
    notes: tuple[str, ...]


def split_line(line: str, delimiter: str) -> tuple[str, ...]:
    """The cells of a line, without blanks around them."""
    if '"' not in line:
        return tuple(cell.strip() for cell in line.split(delimiter))
    return tuple(cell.strip() for cell in next(csv.reader([line], delimiter=delimiter, skipinitialspace=True), []))


def read_preamble(data: bytes, path: Path) -> TextPreamble:
    """Delimiter and header. Raises DataError for a text that is no table."""
    lines = data[:SAMPLE].decode("utf-8", "replace").split("\n")
    lines = [line.rstrip("\r") for line in (lines[:-1] if len(data) > SAMPLE else lines)]
    if not any(line.strip() for line in lines):
        raise DataError(f"{path} is empty", hint="export it again, with a header line")
    separator = re.fullmatch(r"\ufeff?\"?sep=(.)\"?[,;]*", lines[0].strip(" "), re.IGNORECASE)
    full = [line for line in lines[bool(separator) : LINES] if line.strip(' ,;\t|"') and not line.startswith("#")]
    delimiter, width = _delimiter(full or lines, separator[1] if separator else None)
    notes = [f"line 1 names the delimiter ({lines[0].strip()!r})"] if separator else []
    rows = [split_line(line, delimiter) for line in lines[:TOP]]
    first = 1 if separator else 0
    commented: tuple[tuple[str, ...], ...] = ()
    torn: DataError | None = None
    # line by line until the first row or the header; what stands above them is left out
    for at in range(first, len(rows)):
        line, cells = lines[at], rows[at]
        if not line.strip(' ,;\t|"'):
            continue
        if line.startswith("#") and not (len(cells) == width and header.is_row(cells)):
            bare = split_line(line.lstrip("# "), delimiter)  # a comment; it may be the header
            commented = (bare,) if len(bare) == width and _known(bare) else commented
            if len(bare) != width or not _known(bare):
                notes.append(omission_note(at, line))
            continue
        if header.is_row(cells) and len(cells) == width:
            if torn:
                raise torn
            return TextPreamble(delimiter, width, commented, at, tuple(notes))
        if header.is_row(cells):
            torn = torn or width_error(path, at + 1, line, len(cells), width, 1)
        if _is_names(cells, width) and not commented:
            # a line of words whose next one has the names that are known is a title
            count = _height(rows[at:])
            below = rows[at + 1] if at + 1 < len(rows) else ()
            if count == 1 and not _known(cells) and _is_names(below, width) and _known(below):
                notes.append(omission_note(at, line))
                continue
            return TextPreamble(delimiter, width, tuple(rows[at : at + count]), at + count, tuple(notes))
        if header.is_header(cells) and _known(cells):
            torn = torn or width_error(path, at + 1, line, len(cells), width, 1)
        notes.append(omission_note(at, line))
    raise DataError(
        f"{path} has no line that is a header or a row of bars", why=f"it begins with {lines[0][:60]!r}",
        hint="export it again as CSV, with a header line; or move it out of the folder",
    )  # fmt: skip


def omission_note(at: int, line: str) -> str:
    """The note that a line, number `at` from 0, is no row and is left out."""
    return f"line {at + 1} is no row and is left out: {line.strip()[:60]!r}"


def _delimiter(lines: Sequence[str], separator: str | None) -> tuple[str, int]:
    """The delimiter that splits most lines into one number of columns, at least LEAST where one does; and how many."""
    best: tuple[tuple[bool, int], str, int] | None = None
    for delimiter in separator or DELIMITERS:
        counts = Counter(len(split_line(line, delimiter)) for line in lines)
        wide = Counter({width: n for width, n in counts.items() if width >= LEAST}) or counts
        width, number = wide.most_common(1)[0]
        rank = (width >= LEAST, number if width > 1 else 0)
        if best is None or rank > best[0]:
            best = rank, delimiter, width
    assert best is not None
    return best[1], best[2]


def _is_names(cells: Sequence[str], width: int) -> bool:
    """Whether a line is a header: words, as many as there are columns, or one fewer (an index without a name)."""
    held = len(cells)
    while held and not cells[held - 1]:
        held -= 1
    return header.is_header(cells) and held > 1 and width - 2 <= len(cells) <= width + 1 and held >= width - 2


def _known(cells: Sequence[str]) -> bool:
    """Whether four names and more are known."""
    return len(roles_of(cells, {}, None)) >= 4


def _height(rows: Sequence[tuple[str, ...]]) -> int:
    """Lines of the header that begins with rows[0]: three or two where they name a symbol a column, else one."""
    for count in (3, 2):
        above = rows[:count]
        if len(above) == count and not any(header.is_row(row) for row in above) and header.header_levels(above):
            return count
    return 1


def column_names(top: TextPreamble) -> tuple[tuple[str, ...], header.Wide | None]:
    """The columns' names, and whose they are where the header names symbols too."""
    if not top.header:
        return tuple(str(k + 1) for k in range(top.width)), None
    found = header.header_levels(top.header) if len(top.header) > 1 else None
    if found:
        return tuple(found[0]), found[1]
    return tuple(top.header[0]), None


def width_error(path: Path, line: int, text: str, width: int, usual: int, count: int) -> DataError:
    """The error of a line that has another number of columns than most lines.

    Parameters
    ----------
    path : the file.
    line : its number, counted from 1.
    text : the line.
    width : its number of columns.
    usual : that of most lines.
    count : how many lines are like it.

    Returns
    -------
    DataError
    """
    return DataError(
        f"{path}: line {line} has {width} columns, most have {usual}: {text.strip()[:80]!r}",
        why=f"{count} line{'s are' if count > 1 else ' is'} like this",
        hint="mend or remove the line" if count == 1 else "export it again, with one number of columns",
    )

"""Columns of text as numbers, whatever marks the decimals and the thousands.

One mark of decimals holds for all columns of a file. It is taken where one mark alone reads every cell; where both do
and give other numbers (1,234 may be 1234 or 1.234), the file is refused.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from hfm.arrays import Bool, Float
from hfm.errors import DataError
from hfm.fetch.files.header import NOTHING

MARKS = (".", ",")
SUFFIXES = {"K": 1e3, "M": 1e6, "B": 1e9}
"""Letters behind a volume: thousands, millions, billions."""
NUMBERS = {"point": ".", "comma": ","}
"""Values of fetch.decimal."""


def parse_numbers(
    columns: Mapping[str, pa.ChunkedArray], names: Mapping[str, str], path: Path, decimal: str, delimiter: str | None
) -> tuple[dict[str, Float], tuple[str, ...]]:
    """Columns of text as numbers, and notes of what was assumed.

    Parameters
    ----------
    columns : role -> cells [n].
    names : role -> the column's name, for messages.
    path : for messages.
    decimal : auto, point or comma.
    delimiter : of the text; None: the file is no text.

    Returns
    -------
    dict of str to float64 [n], tuple of str
        Cells without a value are NaN.

    Raises
    ------
    DataError
        With the first row that holds something else, and where the mark of the decimals is not certain.
    """
    plain = _plain_numbers(columns, names, path, decimal, delimiter)
    if plain is not None:
        return plain, ()
    words = {role: _strip(column) for role, column in columns.items()}
    mark, values = _marked_numbers(words, columns, names, path, decimal, delimiter)
    notes = ("a comma marks the decimals",) if mark == "," else ()
    if "volume" in words and pc.any(pc.match_substring_regex(words["volume"], "[KMBkmb]$")).as_py():
        notes = (*notes, "volumes are rounded, as the file writes them (1.2M)")
    return values, notes


def _plain_numbers(
    columns: Mapping[str, pa.ChunkedArray], names: Mapping[str, str], path: Path, decimal: str, delimiter: str | None
) -> dict[str, Float] | None:
    """Columns whose cells are all numbers to Arrow; None where one is not, or a decimal comma is asked for."""
    if decimal == "comma":
        return None
    try:
        plain = {role: _cast(column) for role, column in columns.items()}
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        return None
    if decimal == "auto" and delimiter in (";", "\t", "|") and _thousands(columns):
        raise _ambiguous(path, names, columns)
    return plain


def _marked_numbers(
    words: Mapping[str, pa.ChunkedArray],
    columns: Mapping[str, pa.ChunkedArray],
    names: Mapping[str, str],
    path: Path,
    decimal: str,
    delimiter: str | None,
) -> tuple[str, dict[str, Float]]:
    """(the mark before the decimals, the numbers by it); `words` are the cells of `columns` without blanks around."""
    # 1. the marks by which every cell is a number
    bad = {mark: {role: _unreadable(word, mark, role) for role, word in words.items()} for mark in MARKS}
    good = [mark for mark in MARKS if not any(flags.any() for flags in bad[mark].values())]
    if decimal != "auto" and good and NUMBERS[decimal] not in good:
        role, flags = next((role, flags) for role, flags in bad[NUMBERS[decimal]].items() if flags.any())
        raise cell_error(names[role], flags, columns[role], f"a number with a decimal {decimal}", path)
    if decimal != "auto":
        good = [NUMBERS[decimal]] if NUMBERS[decimal] in good else []
    if not good:
        raise _no_number(path, names, columns, bad)
    # 2. of two such marks, the numbers must be the same; of one, some cell must confirm it
    values = [{role: _value(word, mark, role) for role, word in words.items()} for mark in good]
    if len(values) == 2 and not all(np.array_equal(values[0][r], values[1][r], equal_nan=True) for r in words):
        raise _ambiguous(path, names, columns, ("comma", "point") if delimiter == ";" else ("point", "comma"))
    if len(good) == 1 and decimal == "auto" and _unconfirmed(words, good[0]):
        raise _ambiguous(path, names, columns, tuple(name for name, mark in NUMBERS.items() if mark == good[0]))
    return good[0], values[0]


def _cast(column: pa.ChunkedArray) -> Float:
    return np.asarray(column.cast(pa.float64()).to_numpy(), dtype=np.float64)


def _strip(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Cells without blanks and currency around; None where they say that there is no value."""
    words = pc.utf8_trim_whitespace(column.cast(pa.string()))
    words = pc.if_else(pc.is_in(words, pa.array(sorted(NOTHING))), pa.scalar(None, pa.string()), words)
    for old, new in (("\u2212", "-"), ("[\u00a0\u202f\u2009]", " "), ("\u2019", "'")):
        words = pc.replace_substring_regex(words, old, new)
    words = pc.replace_substring_regex(words, r"^([+-]?)\s*[$€£¥₹]\s*", r"\1")
    out: pa.ChunkedArray = pc.replace_substring_regex(words, r"\s*[$€£¥₹]$", "")
    return out


def _unreadable(words: pa.ChunkedArray, mark: str, role: str) -> Bool:
    """[n] cells that are no number where `mark` stands before the decimals."""
    d, t = re.escape(mark), re.escape("." if mark == "," else ",")
    groups = "|".join(rf"[1-9]\d{{0,2}}({between}\d{{3}})+" for between in (t, " ", "'"))
    integer = rf"(\d+|{groups}|[1-9]\d?({t}\d\d)+{t}\d{{3}})"
    suffix = r"\s*[KMBkmb]?" if role == "volume" else ""
    good = pc.match_substring_regex(words, rf"^[+-]?({integer}({d}\d*)?|{d}\d+)([eE][+-]?\d+)?{suffix}$")
    return np.asarray(pc.invert(pc.fill_null(good, True)).to_numpy(), dtype=bool)  # Arrow's own order


def _value(words: pa.ChunkedArray, mark: str, role: str) -> Float:
    factor: Float | float = 1.0
    if role == "volume":
        letters = pc.utf8_upper(pc.utf8_slice_codeunits(words, -1))
        for letter, times in SUFFIXES.items():
            factor = np.where(pc.fill_null(pc.equal(letters, letter), False).to_numpy(), times, factor)
        words = pc.replace_substring_regex(words, r"\s*[KMBkmb]$", "")
    words = pc.replace_substring_regex(words, "[ '.]" if mark == "," else "[ ',]", "")
    values = _cast(pc.replace_substring(words, mark, ".") if mark == "," else words)
    out = np.where(np.asarray(factor) > 1, np.rint(values * factor), values)
    return np.asarray(out, dtype=np.float64)


def _unconfirmed(words: Mapping[str, pa.ChunkedArray], mark: str) -> bool:
    """Whether prices have the other mark before three digits only, and no cell confirms that these are thousands."""
    d, t = re.escape(mark), re.escape("." if mark == "," else ",")
    prices = [word for role, word in words.items() if role != "volume"]
    if not any(pc.any(pc.match_substring_regex(word, t)).as_py() for word in prices):
        return False
    sure = rf"({t}\d{{3}}){{2}}|{t}\d{{3}}{d}\d|{t}\d\d{t}"
    confirmed = any(pc.any(pc.match_substring_regex(word, sure)).as_py() for word in words.values())
    return not confirmed and not any(pc.any(pc.match_substring(word, mark)).as_py() for word in prices)


def _thousands(columns: Mapping[str, pa.ChunkedArray]) -> bool:
    """Whether every point could as well stand before thousands: 38.123 and 1.234, in all rows."""
    group = dict.fromkeys(columns, r"^[1-9]\d{0,2}(\.\d{3})+$") | {"volume": r"^(0|[1-9]\d{0,2}(\.\d{3})*)$"}
    sample = {role: column.slice(0, 50).cast(pa.string()) for role, column in columns.items()}
    if not all(pc.all(pc.match_substring_regex(word, group[role])).as_py() for role, word in sample.items()):
        return False
    words = {role: column.cast(pa.string()) for role, column in columns.items()}
    if not all(pc.all(pc.match_substring_regex(word, group[role])).as_py() for role, word in words.items()):
        return False
    return "volume" not in words or bool(pc.any(pc.match_substring(words["volume"], ".")).as_py())


def _ambiguous(
    path: Path,
    names: Mapping[str, str],
    columns: Mapping[str, pa.ChunkedArray],
    marks: Sequence[str] = ("point", "comma"),
) -> DataError:
    """Why neither mark is taken. marks: those that read every cell, the likelier first (beside semicolons a comma)."""
    role = "close" if "close" in columns else next(iter(columns))
    cell = next((str(v) for v in columns[role].to_pylist() if v), "")
    return DataError(
        f"{path}: column {names[role]}: {cell[:40]!r} and every other cell may have thousands or decimals",
        why="no cell of the file tells which mark stands before the decimals",
        hint=", or ".join(f"--set fetch.decimal={mark}" for mark in marks),
    )


def _no_number(
    path: Path,
    names: Mapping[str, str],
    columns: Mapping[str, pa.ChunkedArray],
    bad: Mapping[str, Mapping[str, Bool]],
) -> DataError:
    """The error of the first cell that no mark reads; where each cell is read by some mark, of two that differ."""
    for role in columns:
        both = bad["."][role] & bad[","][role]
        if both.any():
            return cell_error(names[role], both, columns[role], "a number", path)
    role, row = next((r, int(np.flatnonzero(f)[0])) for r, f in bad["."].items() if f.any())
    other, line = next((r, int(np.flatnonzero(f)[0])) for r, f in bad[","].items() if f.any())
    return DataError(
        f"{path}: {columns[role][row].as_py()!r} (column {names[role]}, data row {row + 1}) has a comma before its "
        f"decimals, {columns[other][line].as_py()!r} (column {names[other]}, data row {line + 1}) a point",
        hint="export it again, with one mark for decimals",
    )


def cell_error(name: str, bad: Bool, column: pa.ChunkedArray, wanted: str, path: Path) -> DataError:
    """The error that names the first of the bad rows of a column.

    Parameters
    ----------
    name : of the column.
    bad : [n] rows that are bad, one at least.
    column : [n] cells.
    wanted : what a cell should be.
    path : for messages.

    Returns
    -------
    DataError
    """
    row = int(np.flatnonzero(bad)[0])
    cell = column[row].as_py()
    return DataError(
        f"{path}: column {name}, data row {row + 1}: {'' if cell is None else str(cell)[:40]!r} is not {wanted}",
        why=f"{int(bad.sum())} of {len(bad)} rows are like this",
        hint="mend the file; nothing is guessed",
    )

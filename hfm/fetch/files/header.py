"""Which lines at the top of a table are names and which are rows; headers of two and three lines (a symbol a column).

A cell is told by its look: a time, a number, or a word.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

DATE = r"(\d{4}[-/.]\d\d?[-/.]\d\d?|\d{8}|\d\d?[-/.]\d\d?[-/.](\d{4}|\d\d)|\d\d?[-. ][A-Za-z]{3,9}[-. ](\d{4}|\d\d))"
CLOCK = r"(\d\d?:\d\d(:\d\d([.,]\d+)?)?( ?[AaPp]\.?[Mm]\.?)?|\d{4}|\d{6})"
EPOCH = r"(\d{9,10}(\.\d+)?|\d{13}|\d{16}|\d{19})"
INSTANT = rf"^\[?({DATE}[ T,;]+{CLOCK}.*|\d{{8}}T?\d{{4,6}}.*|{EPOCH}|[A-Za-z]{{3,9}}\.?,? .*\d\d?:\d\d.*\d.*)$"
"""A date with a time of day in any common writing, or seconds, ms, us or ns since 1970."""
_INSTANT, _DATE, _CLOCK = re.compile(INSTANT), re.compile(rf"^{DATE}"), re.compile(r"^\d\d?:\d\d")
_NUMBER = re.compile(r"^[+\-\u2212(]?\s*[$€£¥₹]?\s*(\d[\d.,'’ \u00a0\u202f]*|[.,]\d+)([eE][+-]?\d+)?\s*[%KMBkmb)]?$")
NOTHING = frozenset({"", "nan", "NaN", "NAN", "null", "NULL", "None", "NA", "N/A", "#N/A", "n/a", "<NA>", "-", "--"})
"""Cells that say that there is no value."""
FIELDS = {
    "open": "open",
    "high": "high",
    "low": "low",
    "close": "close",
    "adjclose": "adj close",
    "adjusted": "adj close",
    "volume": "volume",
    "dividends": "dividends",
    "stocksplits": "stock splits",
    "capitalgains": "capital gains",
}
"""Names of a wide table's fields, lower case without punctuation -> as a column."""
VARIANTS = frozenset(
    [
        "bid",
        "ask",
        "mid",
        "adj",
        "adjusted",
        "raw",
        "unadjusted",
        "first",
        "last",
        "avg",
        "average",
        "prev",
        "previous",
        "day",
        "week",
    ]
)
"""Words before or behind a field's name that are no symbol."""
Wide = Mapping[str, Mapping[str, int]]
"""Symbol -> field -> number of its column."""


def is_time(cell: str) -> bool:
    """Whether a cell looks like a date or a time."""
    return bool(_DATE.match(cell) or _CLOCK.match(cell) or _INSTANT.match(cell))


def is_number(cell: str) -> bool:
    """Whether a cell looks like a number, whatever its marks."""
    return bool(_NUMBER.match(cell))


def is_row(cells: Sequence[str]) -> bool:
    """Whether the cells of a line look like a row of bars: a time and numbers, or four numbers and more."""
    times = sum(is_time(cell) for cell in cells)
    numbers = sum(not is_time(cell) and is_number(cell) for cell in cells)
    return (
        numbers >= 4 or (times >= 1 and numbers >= 1) or (times >= 1 and all(c in NOTHING or is_time(c) for c in cells))
    )


def is_header(cells: Sequence[str]) -> bool:
    """Whether the cells of a line look like names of columns: two words and more, no number, no time."""
    words = [cell for cell in cells if cell not in NOTHING]
    return len(words) >= 2 and not any(is_number(cell) or is_time(cell) for cell in words)


def plain(name: str) -> str:
    """A column's name in lower case, without punctuation, a number in front (`1. open`) or a unit (`Close (USD)`)."""
    bare = re.sub(r"^\s*\d+\s*[.:)]\s*|(?<=\w)\s*[(\[][^)\]]*[)\]]\s*$", "", name)
    return re.sub(r"[\W_]", "", bare).casefold()


def header_levels(rows: Sequence[Sequence[str]]) -> tuple[list[str], Wide] | None:
    """The columns' names, and whose they are, of a header in two or three lines.

    One line has the fields, one the symbols, in either order; a third may have the name of the index. What has no
    symbol (a time, a running number) belongs to all.

    Parameters
    ----------
    rows : the lines at the top that are no rows of bars.

    Returns
    -------
    (list of str, Wide) or None
        None where the lines are no such header.
    """
    if len(rows) not in (2, 3) or max(map(len, rows)) - min(map(len, rows)) > 1:
        return None
    rows = [[*row, *[""] * (max(map(len, rows)) - len(row))] for row in rows]
    for fields, symbols in ((rows[0], rows[1]), (rows[1], rows[0])):
        found: dict[str, dict[str, int]] = {}
        for k, (field, symbol) in enumerate(zip(fields, symbols, strict=True)):
            if plain(field) in FIELDS and re.search(r"\w", symbol):
                if FIELDS[plain(field)] in found.setdefault(symbol, {}):
                    return None
                found[symbol][FIELDS[plain(field)]] = k
        if found and all({"open", "high", "low", "close"} <= set(part) for part in found.values()):
            taken = {k for part in found.values() for k in part.values()}
            if len(rows) == 3 and any(cell for k, cell in enumerate(rows[2]) if k in taken):
                return None
            names = [_shared_name(k, fields, symbols, rows[2] if len(rows) == 3 else ()) for k in range(len(fields))]
            return names, found
    return None


def _shared_name(k: int, fields: Sequence[str], symbols: Sequence[str], index: Sequence[str]) -> str:
    """The name of a column of a wide table: the index line's, else the one cell that is not empty."""
    if k < len(index) and index[k]:
        return index[k]
    if fields[k] and symbols[k]:
        return fields[k] if plain(fields[k]) in FIELDS else ""
    return fields[k] or symbols[k]


def flat_names(names: Sequence[str]) -> Wide | None:
    """Which column is whose where each name joins a symbol and a field: `SPY.Open`, `Close_SPY`, `('Close', 'SPY')`.

    Parameters
    ----------
    names : of the columns.

    Returns
    -------
    Wide or None
        None unless every symbol has four prices and no name is a bare price.
    """
    words = "|".join(sorted((f.replace(" ", "[ ._]?") for f in FIELDS.values()), key=len, reverse=True))
    first = re.compile(rf"^(?P<f>{words})[ ._:/-]+(?P<s>.+)$", re.IGNORECASE)
    last = re.compile(rf"^(?P<s>.+?)[ ._:/-]+(?P<f>{words}|adjusted)$", re.IGNORECASE)
    found: dict[str, dict[str, int]] = {}
    for k, name in enumerate(names):
        pair = re.fullmatch(r"\('([^']*)', '([^']*)'\)", name)
        if pair:
            field, symbol = (pair[1], pair[2]) if plain(pair[1]) in FIELDS else (pair[2], pair[1])
            if plain(field) not in FIELDS or not symbol:
                continue
        elif plain(name) in ("open", "high", "low", "close"):
            return None
        else:
            match = last.match(name) or first.match(name)
            if match is None or plain(name) in FIELDS:
                continue
            field, symbol = match["f"], match["s"]
        if plain(symbol) in VARIANTS or FIELDS[plain(field)] in found.setdefault(symbol, {}):
            return None
        found[symbol][FIELDS[plain(field)]] = k
    found = {symbol: part for symbol, part in found.items() if set(part) & {"open", "high", "low", "close"}}
    if not found or not all({"open", "high", "low", "close"} <= set(part) for part in found.values()):
        return None
    return found

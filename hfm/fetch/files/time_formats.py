"""Times in words or digits, split into date, clock and zone, and every way in which a whole column can be read.

A date of unclear order, digits of unclear meaning and a clock that some rows lack are never guessed: each reading that
all rows allow is given, and who asks decides or refuses.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from hfm.arrays import Int
from hfm.fetch.files.clock_formats import parse_clocks
from hfm.fetch.files.date_formats import parse_dates
from hfm.instants import DAY_NS, SECOND_NS

_DATE = (
    r"(?P<date>(?:[A-Za-z]{3,9}[,.]?\s+)?(?:\d{8}|\d{1,4}[-/. ]\s?(?:\d{1,2}|[A-Za-z]{3,9})[-/., ]\s*\d{2,4}|"
    r"\d{1,2}[A-Za-z]{3,9}\d{2,4}|[A-Za-z]{3,9}\.?\s+\d{1,2},?\s+\d{4}|\d{6}))"
)
_COLONS = r"\d{1,2}:\d{2}(?::\d{2}(?:[.,]\d{1,9})?)?(?:\s*[AaPp]\.?[Mm]\b\.?)?"
_DIGITS = r"\d{1,9}(?:[.,]\d{1,9})?"
_ZONE = (
    r"(?P<zone>\s*(?:(?:[A-Z]{1,3})?\s*[+\-−]\d{1,2}(?::?\d{2}(?::?\d{2})?)?|[A-Za-z]{1,9}|[A-Z]{3}\d[A-Z]{3}|"
    r"[A-Za-z]+(?:/[A-Za-z0-9_+\-]+)+)?(?:\s*\[[^\]]+\])?(?:\s*\([^)]*\))?)"
)
_MIDNIGHT = r"(?:[ T]00:00(?::00(?:\.0+)?)?)"
PATTERNS = (
    rf"^{_DATE}(?:(?:\s*[Tt]\s*|\s*[,;_]\s*|\s+)(?P<clock>{_COLONS}|{_DIGITS}){_ZONE})?$",
    rf"^{_DATE}[-:](?P<clock>{_COLONS}){_ZONE}$",
    rf"^(?P<date>\d{{8}})(?P<clock>\d{{4}}|\d{{6}}(?:[.,]\d{{1,9}})?|\d{{9}}|\d{{12}}){_ZONE}$",
    rf"^{_DATE}{_MIDNIGHT}\s+(?P<clock>{_COLONS}|{_DIGITS}){_ZONE}$",
    rf"^(?P<clock>{_COLONS}),?\s+{_DATE}{_ZONE}$",
)
"""Date and clock; joined; all digits; a date column that has a midnight of its own; the clock first."""
UNIX = (
    r"^(?P<day>[A-Za-z]{3,9} +[A-Za-z]{3} +\d{1,2}) +(?P<clock>\d\d:\d\d(?::\d\d)?)(?P<zone> +[A-Z]{2,5})? +"
    r"(?P<year>\d{4})$"
)
"""As the command `date` and C's ctime write it."""


@dataclass(frozen=True)
class TextColumn:
    """One part of a column's times, as the distinct texts and each row's code among them."""

    texts: list[str]
    code: Int

    @staticmethod
    def of(column: pa.Array) -> TextColumn:
        """The distinct texts of a column of strings [n], and their codes; null is the empty text."""
        found = pc.fill_null(column, "").dictionary_encode()
        return TextColumn(found.dictionary.to_pylist(), found.indices.to_numpy().astype(np.int64))


@dataclass(frozen=True)
class TimeParts:
    """A column of times in parts."""

    date: TextColumn
    clock: TextColumn
    zone: TextColumn


def split_times(words: pa.Array) -> TimeParts | int:
    """Date, clock and zone of every row, by the one pattern that fits all; else the first row that fits none.

    Parameters
    ----------
    words : [n] text.

    Returns
    -------
    TimeParts or int
    """
    bad = 0
    for pattern in PATTERNS:
        parts = pc.extract_regex(words, pattern)
        if not parts.null_count:
            return TimeParts(*(TextColumn.of(parts.field(name)) for name in ("date", "clock", "zone")))
        bad = max(bad, int(np.flatnonzero(parts.is_null().to_numpy(zero_copy_only=False))[0]))
    parts = pc.extract_regex(words, UNIX)
    if parts.null_count:
        return max(bad, int(np.flatnonzero(parts.is_null().to_numpy(zero_copy_only=False))[0]))
    day = pc.binary_join_element_wise(parts.field("day"), parts.field("year"), " ")
    return TimeParts(TextColumn.of(day), TextColumn.of(parts.field("clock")), TextColumn.of(parts.field("zone")))


def parse_times(parts: TimeParts) -> dict[str, Int] | str:
    """Reading -> wall-clock ns since 1970 of every row; else the first text that cannot be read."""
    day, clock = parse_dates(parts.date.texts), parse_clocks(parts.clock.texts)
    if isinstance(day, str) or isinstance(clock, str):
        return day if isinstance(day, str) else str(clock)
    return {
        f"{d} {c}": days[parts.date.code] * DAY_NS + ns[parts.clock.code]
        for d, days in day.items()
        for c, ns in clock.items()
    }


def parse_digits(numbers: Int) -> Mapping[str, Int]:
    """Every format in which whole numbers are calendar times in digits (202403180930).

    Parameters
    ----------
    numbers : [n], positive.

    Returns
    -------
    mapping of str to int64 [n]
        Format -> ns since 1970 on the wall; may be empty.
    """
    out: dict[str, Int] = {}
    width = {len(str(int(n))) for n in (numbers.min(), numbers.max())}
    if len(width) != 1:
        return out
    (n,) = width
    for head, tail in ((8, n - 8), (6, n - 6)):
        if tail not in (2, 4, 6, 9):
            continue
        high, low = np.divmod(numbers, 10**tail)
        days, code = np.unique(high, return_inverse=True)
        times, place = np.unique(low, return_inverse=True)
        found = parse_dates(str(int(day)).zfill(head) for day in days)
        clock = parse_clocks([str(int(time)).zfill(tail) for time in times])
        if isinstance(found, str) or isinstance(clock, str):
            continue
        wanted = "hours" if tail == 2 else next(iter(clock))
        if wanted in clock:
            out |= {f"{d}{wanted}": day[code] * DAY_NS + clock[wanted][place] for d, day in found.items()}
    return out


def parse_excel(values: np.ndarray) -> Int:  # float64 [n]
    """Wall-clock ns of Excel's serial days, to the second: days since 1899-12-30, the clock as the fraction."""
    first = (date(1899, 12, 30) - date(1970, 1, 1)) // timedelta(days=1)
    seconds = np.rint((values + first) * 86_400.0).astype(np.int64)
    return seconds * SECOND_NS

"""Times in words or digits, split into date, clock and zone, and every way in which a whole column can be read.

A date of unclear order, digits of unclear meaning and a clock that some rows lack are never guessed: each reading that
all rows allow is given, and who asks decides or refuses.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from hfm.arrays import Int
from hfm.instants import DAY_NS, SECOND_NS

FULL = (
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
    "sept",
)
MONTHS = {name[:3]: number + 1 for number, name in enumerate(FULL[:12])}
WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
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
class Texts:
    """One part of a column's times, as the distinct texts and each row's code among them."""

    texts: list[str]
    code: Int

    @staticmethod
    def of(column: pa.Array) -> Texts:
        """A column of strings; null is the empty text."""
        found = pc.fill_null(column, "").dictionary_encode()
        return Texts(found.dictionary.to_pylist(), found.indices.to_numpy().astype(np.int64))


@dataclass(frozen=True)
class Split:
    """A column of times in parts."""

    date: Texts
    clock: Texts
    zone: Texts


def split(words: pa.Array) -> Split | int:
    """Date, clock and zone of every row, by the one pattern that fits all; else the first row that fits none."""
    bad = 0
    for pattern in PATTERNS:
        parts = pc.extract_regex(words, pattern)
        if not parts.null_count:
            return Split(*(Texts.of(parts.field(name)) for name in ("date", "clock", "zone")))
        bad = max(bad, int(np.flatnonzero(parts.is_null().to_numpy(zero_copy_only=False))[0]))
    parts = pc.extract_regex(words, UNIX)
    if parts.null_count:
        return max(bad, int(np.flatnonzero(parts.is_null().to_numpy(zero_copy_only=False))[0]))
    day = pc.binary_join_element_wise(parts.field("day"), parts.field("year"), " ")
    return Split(Texts.of(day), Texts.of(parts.field("clock")), Texts.of(parts.field("zone")))


def dates(texts: Iterable[str]) -> dict[str, Int] | str:
    """Reading -> days since 1970 of each text, for the readings that all allow; else the first text that has none.

    Of several, a reading by a year of two digits whose days lie a month or more apart gives way to one whose days are
    neighbours: intraday bars are of days in a row.
    """
    out: dict[str, list[date]] = {}
    texts = list(texts)
    for k, text in enumerate(texts):
        found = date_readings(text)
        out = (
            {name: [*days, found[name]] for name, days in out.items() if name in found}
            if k
            else {name: [day] for name, day in found.items()}
        )
        if not out:
            return text
    days = {name: np.array(found, "datetime64[D]").astype(np.int64) for name, found in out.items()}
    steps = {name: np.diff(np.unique(found)) for name, found in days.items() if len(np.unique(found)) > 1}
    near = [name for name, step in steps.items() if np.median(step) <= 5]
    if len(near) == 1 and len(steps) == len(days) and "%y" in near[0]:
        return {near[0]: days[near[0]]} if all(min(s) >= 27 for n, s in steps.items() if n != near[0]) else days
    return days


def date_readings(text: str) -> dict[str, date]:
    """Format -> the day that `text` is by it: the ways in which it can be read."""
    weekday, rest = _weekday(text.strip())
    numbers = [part for part in re.split(r"[^A-Za-z0-9]+", rest) if part]
    if len(numbers) == 1:
        joined = re.fullmatch(r"(\d{1,2})([A-Za-z]{3,9})(\d{4}|\d\d)", rest)
        numbers = list(joined.groups()) if joined else numbers
    out = _named(numbers) if any(part.isalpha() for part in numbers) else _numeric(numbers, "." in rest)
    good = {name: day for name, day in ((n, _day(*parts)) for n, parts in out.items()) if day}
    return {name: day for name, day in good.items() if weekday is None or day.weekday() == weekday}


def _weekday(text: str) -> tuple[int | None, str]:
    """(0 to 6 for a weekday's name before a date, what follows)."""
    found = re.match(r"([A-Za-z]{3,9})[,.]?\s+(?=.*\S)", text)
    if found and found[1][:3].lower() in WEEKDAYS and found[1].lower()[:3] not in MONTHS:
        return WEEKDAYS.index(found[1][:3].lower()), text[found.end() :]
    return None, text


def _named(parts: list[str]) -> dict[str, tuple[str, str, str]]:
    """Dates with a month's name: format -> (year, month, day)."""
    if len(parts) != 3:
        return {}
    place = next(k for k, part in enumerate(parts) if part.isalpha())
    word = parts[place].lower()
    if word[:3] not in MONTHS or (len(word) > 3 and word not in FULL):
        return {}
    first, second = (part for k, part in enumerate(parts) if k != place)
    month = str(MONTHS[word[:3]])
    if len(first) == 4:
        return {"%Y-%b-%d": (first, month, second)}
    return {"%d-%b-%Y": (second, month, first)} if place < 2 and len(second) in (2, 4) else {}


def _numeric(parts: list[str], dotted: bool) -> dict[str, tuple[str, str, str]]:
    """Dates in numbers: format -> (year, month, day)."""
    if len(parts) == 1 and len(parts[0]) == 8:
        t = parts[0]
        out = {"%Y%m%d": (t[:4], t[4:6], t[6:]), "%d%m%Y": (t[4:], t[2:4], t[:2]), "%m%d%Y": (t[4:], t[:2], t[2:4])}
        return out if _day(*out["%Y%m%d"]) is None else {"%Y%m%d": out["%Y%m%d"]}
    if len(parts) == 1 and len(parts[0]) == 6:
        a, b, c = parts[0][:2], parts[0][2:4], parts[0][4:]
        return {"%y%m%d": (a, b, c), "%d%m%y": (c, b, a), "%m%d%y": (c, a, b)}
    if len(parts) != 3:
        return {}
    a, b, c = parts
    if len(a) == 4 and len(b) <= 2 and len(c) <= 2:
        return {"%Y-%m-%d": (a, b, c)}
    if len(a) > 2 or len(b) > 2 or len(c) not in (2, 4):
        return {}
    year = "%Y" if len(c) == 4 else "%y"
    sign = "." if dotted else "/"
    out = {} if dotted else {f"%m/%d/{year}": (c, a, b)}
    out[f"%d{sign}%m{sign}{year}"] = (c, b, a)
    if len(c) == 2 and len(a) == 2:
        out[f"%y{sign}%m{sign}%d"] = (a, b, c)
    return out


def _day(year: str, month: str, day: str) -> date | None:
    """The day, 1900 to 2200; a year of two digits lies in 1970 to 2069. None where there is none."""
    try:
        number = int(year) if len(year) == 4 else int(year) + (2000 if int(year) < 70 else 1900)
        return date(number, int(month), int(day)) if 1900 <= number <= 2200 else None
    except ValueError:
        return None


def clocks(texts: list[str]) -> dict[str, Int] | str:
    """Reading -> ns since midnight of each text, for the readings that all allow; else the first text that has none.

    The empty text is midnight, which some writers leave out; 24:00 is the next day's.
    """
    filled = [text for text in texts if text]
    colons = [text for text in filled if ":" in text]
    if colons:
        return _colons(texts)
    whole = [re.split(r"[.,]", text)[0] for text in filled]
    width = max(map(len, whole), default=0)
    readings: dict[str, Int] = {}
    for name, least, most, factors in DIGITS:
        if least <= width <= most:
            found = [_digits(text, factors) for text in texts]
            if not any(ns is None for ns in found):
                readings[name] = np.array(found, np.int64)
    if "%H%M" in readings:  # minutes of the day only where they are no hours and minutes
        readings.pop("minutes of the day", None)
    return readings or filled[0]


DIGITS = (
    ("%H%M", 1, 4, (100,)),
    ("%H%M%S", 5, 6, (10_000, 100)),
    ("%H%M%S%f", 8, 9, (10_000_000, 100_000)),
    ("hours", 1, 2, (1,)),
    ("minutes of the day", 3, 4, ()),
    ("seconds of the day", 5, 5, ()),
)
"""Reading of a clock in digits, least and most digits, what its hours and minutes count."""


def _digits(text: str, factors: tuple[int, ...]) -> int | None:
    """ns since midnight of a clock in digits; None where it is none. No factors: minutes (or seconds) of the day."""
    if not text:
        return 0
    number, _, part = text.replace(",", ".").partition(".")
    value, fraction = int(number), int(part.ljust(9, "0")[:9]) if part else 0
    if not factors:
        unit = 60 if len(number) < 5 else 1
        return (value * unit * SECOND_NS + fraction) if value * unit < 86_400 and not part else None
    if factors == (1,):
        return _ns(value, 0, 0, fraction) if not part else None
    if factors == (100,):
        return _ns(value // 100, value % 100, 0, 0) if not part else None
    if factors == (10_000, 100):
        return _ns(value // 10_000, value // 100 % 100, value % 100, fraction)
    return _ns(value // factors[0], value // factors[1] % 100, value // 1000 % 100, value % 1000 * 10**6)


def _colons(texts: list[str]) -> dict[str, Int] | str:
    """Clocks with colons, all with AM or PM or none."""
    out = np.zeros(len(texts), np.int64)
    halves = {bool(re.search(r"[AaPp]\.?[Mm]\.?$", text)) for text in texts if text}
    for k, text in enumerate(texts):
        found = re.fullmatch(r"(\d{1,2}):(\d\d)(?::(\d\d)(?:[.,](\d{1,9}))?)?\s*([AaPp]?)[.Mm]*", text)
        ns = None
        if found:
            hour, part = int(found[1]), (found[4] or "").ljust(9, "0")
            if found[5]:
                hour = hour % 12 + 12 * (found[5] in "Pp") if 1 <= hour <= 12 else 99
            ns = _ns(hour, int(found[2]), int(found[3] or 0), int(part))
        if (text and ns is None) or (len(halves) > 1 and not re.search("[AaPp]", text)):
            return text
        out[k] = ns or 0
    seconds = ":%S" * any(text.count(":") > 1 for text in texts)
    return {f"%I:%M{seconds} %p" if True in halves else f"%H:%M{seconds}": out}


def _ns(hour: int, minute: int, second: int, fraction: int) -> int | None:
    if hour > 24 or minute > 59 or second > 59 or (hour == 24 and minute + second + fraction > 0):
        return None
    return ((hour * 60 + minute) * 60 + second) * SECOND_NS + fraction


def readings(parts: Split) -> dict[str, Int] | str:
    """Reading -> wall-clock ns since 1970 of every row; else the first text that cannot be read."""
    day, clock = dates(parts.date.texts), clocks(parts.clock.texts)
    if isinstance(day, str) or isinstance(clock, str):
        return day if isinstance(day, str) else str(clock)
    return {
        f"{d} {c}": days[parts.date.code] * DAY_NS + ns[parts.clock.code]
        for d, days in day.items()
        for c, ns in clock.items()
    }


def digits(numbers: Int) -> Mapping[str, Int]:
    """Reading -> wall-clock ns of whole numbers that are calendar times in digits (202403180930); may be empty."""
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
        found = dates(str(int(day)).zfill(head) for day in days)
        clock = clocks([str(int(time)).zfill(tail) for time in times])
        if isinstance(found, str) or isinstance(clock, str):
            continue
        wanted = "hours" if tail == 2 else next(iter(clock))
        if wanted in clock:
            out |= {f"{d}{wanted}": day[code] * DAY_NS + clock[wanted][place] for d, day in found.items()}
    return out


def excel(values: np.ndarray) -> Int:  # float64 [n]
    """Wall-clock ns of Excel's serial days, to the second: days since 1899-12-30, the clock as the fraction."""
    first = (date(1899, 12, 30) - date(1970, 1, 1)) // timedelta(days=1)
    seconds = np.rint((values + first) * 86_400.0).astype(np.int64)
    return seconds * SECOND_NS

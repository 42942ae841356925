"""Dates in words or digits, and every format in which a whole column of them can be read.

A date of unclear order is never guessed: each format that all texts allow is given, and the caller decides or refuses.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import date

import numpy as np

from hfm.arrays import Int

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


def parse_dates(texts: Iterable[str]) -> dict[str, Int] | str:
    """Every format in which all texts are dates; else the first text that has none.

    Of several, a format with a year of two digits whose days lie a month or more apart gives way to one whose days are
    neighbours: intraday bars are of days in a row.

    Parameters
    ----------
    texts : [n] dates, in words or digits.

    Returns
    -------
    dict of str to int64 [n], or str
        Format -> days since 1970.
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

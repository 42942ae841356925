"""Times of day in words or digits, and every format in which a whole column of them can be read.

Digits of unclear meaning are never guessed: each format that all texts allow is given, and the caller decides or
refuses.
"""

from __future__ import annotations

import re

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from hfm.arrays import Int
from hfm.instants import SECOND_NS

DAY_S = 86_400
"""Seconds of a day."""


def parse_clocks(texts: list[str]) -> dict[str, Int] | str:
    """Every format in which all texts are clocks; else the first text that has none.

    The empty text is midnight, which some writers leave out; 24:00 is the next day's.

    Parameters
    ----------
    texts : [n] clocks, in colons or digits.

    Returns
    -------
    dict of str to int64 [n], or str
        Format -> ns since midnight.
    """
    filled = [text for text in texts if text]
    colons = [text for text in filled if ":" in text]
    if colons:
        return _colons(texts)
    integers = [re.split(r"[.,]", text)[0] for text in filled]
    width = max(map(len, integers), default=0)
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


_CLOCK = re.compile(
    r"(?P<hour>\d{1,2}):(?P<minute>\d\d)(?::(?P<second>\d\d)(?:[.,](?P<part>\d{1,9}))?)?\s*(?P<half>[AaPp]?)[.Mm]*"
)
"""A time of the day as a clock shows it, by 24 hours or by 12 with AM or PM."""


def _digits(text: str, factors: tuple[int, ...]) -> int | None:
    """ns since midnight of a clock in digits; None where it is none. No factors: minutes (or seconds) of the day."""
    if not text:
        return 0
    number, _, part = text.replace(",", ".").partition(".")
    value, fraction = int(number), int(part.ljust(9, "0")[:9]) if part else 0
    if not factors:
        unit = 60 if len(number) < 5 else 1
        return (value * unit * SECOND_NS + fraction) if value * unit < DAY_S and not part else None
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
        found = _CLOCK.fullmatch(text)
        ns = None
        if found:
            hour, part = int(found["hour"]), (found["part"] or "").ljust(9, "0")
            if found["half"]:
                hour = hour % 12 + 12 * (found["half"] in "Pp") if 1 <= hour <= 12 else 99
            ns = _ns(hour, int(found["minute"]), int(found["second"] or 0), int(part))
        if (text and ns is None) or (len(halves) > 1 and not re.search("[AaPp]", text)):
            return text
        out[k] = ns or 0
    seconds = ":%S" * any(text.count(":") > 1 for text in texts)
    return {f"%I:%M{seconds} %p" if True in halves else f"%H:%M{seconds}": out}


def _ns(hour: int, minute: int, second: int, fraction: int) -> int | None:
    if hour > 24 or minute > 59 or second > 59 or (hour == 24 and minute + second + fraction > 0):
        return None
    return ((hour * 60 + minute) * 60 + second) * SECOND_NS + fraction


def normalise_clock(clock: pa.ChunkedArray) -> pa.ChunkedArray:
    """The cells of a column of text as HH:MM:SS or HHMM, where all of them are of one other writing; else as they are.

    Read are 09h30, 9.30, 930.0 (a number that a spreadsheet or pandas wrote), 9:30a and parts of a day, 0.395833.

    Parameters
    ----------
    clock : [n] text.

    Returns
    -------
    pa.ChunkedArray
        [n] text.
    """
    words = pc.utf8_trim_whitespace(clock)
    for pattern, replacement in (
        (r"^(\d{3,6})\.0+$", r"\1"),
        (r"^(\d{1,2})[hH]([0-5]\d)(?:m|min)?$", r"\1:\2"),
        (r"^(\d{1,2}:\d{2}(?::\d{2})?) ?([aApP])$", r"\1 \2m"),
        (r"^(\d|1\d|2[0-3])\.([0-5]\d)$", r"\1:\2"),
    ):
        if len(words) and pc.all(pc.match_substring_regex(words, pattern)).as_py():
            return pc.replace_substring_regex(words, pattern, replacement)
    if len(words) and pc.all(pc.match_substring_regex(words, r"^0?\.\d{3,}$|^0(\.5|\.25|\.75)?$")).as_py():
        seconds = np.rint(words.cast(pa.float64()).to_numpy() * DAY_S).astype(np.int64)
        return pa.chunked_array([[f"{s // 3600:02d}:{s // 60 % 60:02d}:{s % 60:02d}" for s in seconds.tolist()]])
    return clock

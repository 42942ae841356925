"""Wall clocks as UTC instants, by the zone that stands in the text, or by --tz where none does.

A zone in the text is an offset (`-04`, `+0530`, `Z`, `GMT-0400`, `UTC+2`), a name (`US/Eastern`, `[Asia/Tokyo]`), both,
or an abbreviation (`EDT`). One that means several zones, or that its own zone does not keep at that date, is refused
until --tz settles it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

import numpy as np

from hfm.arrays import Int
from hfm.errors import DataError, UsageError
from hfm.instants import SECOND_NS

HOUR = 3600 * SECOND_NS
ABBREVIATIONS: dict[str, tuple[tuple[str, float], ...]] = {
    "EST": (("America/New_York", -5),), "EDT": (("America/New_York", -4),),
    "CST": (("America/Chicago", -6), ("Asia/Shanghai", 8)), "CDT": (("America/Chicago", -5),),
    "MST": (("America/Denver", -7),), "MDT": (("America/Denver", -6),),
    "PST": (("America/Los_Angeles", -8),), "PDT": (("America/Los_Angeles", -7),),
    "WET": (("Europe/Lisbon", 0),), "WEST": (("Europe/Lisbon", 1),),
    "BST": (("Europe/London", 1), ("Asia/Dhaka", 6)),
    "IST": (("Asia/Kolkata", 5.5), ("Asia/Jerusalem", 2), ("Europe/Dublin", 1)),
    "CET": (("Europe/Paris", 1),), "CEST": (("Europe/Paris", 2),),
    "EET": (("Europe/Athens", 2),), "EEST": (("Europe/Athens", 3),),
    "MSK": (("Europe/Moscow", 3),), "SGT": (("Asia/Singapore", 8),), "HKT": (("Asia/Hong_Kong", 8),),
    "JST": (("Asia/Tokyo", 9),), "KST": (("Asia/Seoul", 9),),
    "AEST": (("Australia/Sydney", 10),), "AEDT": (("Australia/Sydney", 11),),
}  # fmt: skip
"""Abbreviation -> the zones that it may mean and its hours from UTC."""
CLOCKS = {"ET": "America/New_York", "CT": "America/Chicago", "MT": "America/Denver", "PT": "America/Los_Angeles"}
"""Abbreviations of a wall clock, summer and winter."""
UNKNOWN = "--tz America/New_York, or --tz UTC"
"""What helps where no zone is known; a caller that knows the market names its zone."""
_OFFSET = re.compile(r"(?:UTC|GMT|UT|Z)?\s*([+\-\u2212])(\d{1,2})(?::?(\d\d)(?::?(\d\d))?)?", re.I)
_UTC = ("Z", "UTC", "GMT", "UT", "UCT", "ZULU")
_COLUMN = re.compile(r"(?:^|[^a-z])(?:utc|gmt)(?:\s*([+\-\u2212])\s*(\d{1,2})(?::?(\d\d))?())?(?:[^a-z0-9]|$)", re.I)
"""UTC or GMT as a word of a column's name, and how far from it."""


@dataclass(frozen=True)
class ZoneText:
    """What a zone in the text says: ns east of UTC, a name of the zone database, an abbreviation; any may be absent."""

    offset: int | None = None
    name: str | None = None
    abbreviation: str | None = None


def check_zone(tz: str | None) -> None:
    """Raise UsageError unless `tz` is None or a time zone."""
    try:
        ZoneInfo(tz or ("UTC" if tz is None else "?"))
    except (ZoneInfoNotFoundError, ValueError, OSError):
        found = _OFFSET.fullmatch(tz.strip()) if tz else None
        fixed = _fixed_zone(_seconds(found)) if found else None
        raise UsageError(f"--tz {tz!r} is not a time zone", hint=f"--tz {fixed or 'America/New_York'}") from None


def parse_zone(text: str) -> ZoneText | None:
    """What the end of a time says of its zone; None where it is no zone."""
    text = text.strip()
    comment = re.fullmatch(r"(.*?)\s*\((.*)\)", text)
    if comment:
        text, inner = comment.groups()
        zone = parse_zone(text) if text else None
        other = parse_zone(inner) if inner.upper() in (*ABBREVIATIONS, *_UTC) or "/" in inner else None
        if not text or zone is None or other is None:
            return zone if text else other
        return ZoneText(zone.offset, other.name or zone.name, other.abbreviation) if other.offset is None else zone
    bracket = re.fullmatch(r"(.*?)\s*\[(.*)\]", text)
    if bracket:
        before, inner = bracket.groups()
        zone, other = parse_zone(before) if before else ZoneText(), parse_zone(inner)
        if zone is None or other is None:
            return None
        return ZoneText(zone.offset if zone.offset is not None else other.offset, other.name, other.abbreviation)
    if text.upper() in _UTC:
        return ZoneText(0)
    found = _OFFSET.fullmatch(text)
    if found:
        seconds = _seconds(found)
        return None if abs(seconds) > 15 * 3600 else ZoneText(seconds * SECOND_NS)
    if text.upper() in ABBREVIATIONS:
        return ZoneText(abbreviation=text.upper())
    name = CLOCKS.get(text.upper()) or _database_name(text)
    return ZoneText(name=name) if name else None


def zone_of_name(name: str) -> str | None:
    """The zone that the name of a column of times says: `time_utc`, `Gmt time`, `Time (UTC+8)`.

    Returns
    -------
    str or None
        IANA name; None where the name says no zone, or an offset that is not of whole hours.
    """
    found = _COLUMN.search(name)
    if found is None:
        return None
    seconds = _seconds(found) if found[1] else 0
    return _fixed_zone(seconds) if seconds else "UTC"


def _seconds(found: re.Match[str]) -> int:
    """Seconds east of UTC of an offset."""
    sign, *parts = found.groups()
    hours, minutes, seconds = (int(part or 0) for part in parts)
    return (1 if sign == "+" else -1) * (hours * 3600 + minutes * 60 + seconds)


def _fixed_zone(seconds: int) -> str | None:
    """The name of the zone that always is so far east of UTC (POSIX turns the sign); None where it has none."""
    hours = seconds // 3600
    return f"Etc/GMT{-hours:+d}" if seconds % 3600 == 0 and -12 <= hours <= 14 and hours else None


def _database_name(text: str) -> str | None:
    """The zone database's name for `text`, whatever its case."""
    try:
        return ZoneInfo(text).key
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return next((name for name in sorted(available_timezones()) if name.lower() == text.lower()), None)


def offset_at(utc: Int, zone: str) -> Int:
    """How far east of UTC a zone is at instants.

    Parameters
    ----------
    utc : [n] ns UTC.
    zone : IANA name.

    Returns
    -------
    int64 [n]
        ns.
    """
    import pandas as pd

    local = pd.DatetimeIndex(utc.view("datetime64[ns]")).tz_localize("UTC").tz_convert(zone)
    out: Int = local.tz_localize(None).as_unit("ns").asi8 - utc
    return out


def wall_to_utc(clock: Int, zone: str) -> tuple[Int, Int]:
    """Instants of wall clocks, and the rows whose clock the zone repeats or skips.

    Parameters
    ----------
    clock : [n] ns since 1970 on the wall.
    zone : IANA name.

    Returns
    -------
    int64 [n], int64 [k]
        ns UTC (those of the k rows mean nothing); the k rows.
    """
    import pandas as pd

    local = pd.DatetimeIndex(clock.view("datetime64[ns]")).tz_localize(zone, ambiguous="NaT", nonexistent="NaT")
    utc: Int = local.as_unit("ns").tz_convert("UTC").asi8
    return utc, np.flatnonzero(local.isna())


def localise(clock: Int, name: str, tz: str | None) -> Int:
    """Instants of wall clocks in the zone of --tz.

    Parameters
    ----------
    clock : [n] ns since 1970 on the wall.
    name : of the column, for messages.
    tz : IANA name, or None.

    Returns
    -------
    int64 [n]
        ns UTC.

    Raises
    ------
    DataError
        Without a zone, or in the hour that a clock repeats or skips.
    """
    if tz is None:
        raise DataError(
            f"column {name} has no time zone (first {_clock_text(clock[0])})",
            why="09:30 in New York and in UTC are different bars",
            hint=UNKNOWN,
        )
    utc, bad = wall_to_utc(clock, tz)
    if bad.size:
        raise DataError(
            f"column {name}: {_clock_text(clock[bad[0]])} comes twice or never in {tz} (clock change); "
            f"{bad.size} rows are like this",
            hint="export the times in UTC",
        )
    return utc


def zones_to_utc(clock: Int, code: Int, texts: list[str], name: str, tz: str | None) -> tuple[Int, bool]:
    """Instants of wall clocks, each in the zone that stands with it; and whether --tz settled any.

    Parameters
    ----------
    clock : [n] ns since 1970 on the wall.
    code : [n] position of each row's zone in `texts`.
    texts : what stands behind the times.
    name : of the column, for messages.
    tz : the zone of --tz, or None.

    Returns
    -------
    int64 [n], bool
        ns UTC.

    Raises
    ------
    DataError
        For a text that is no zone, an offset and a name that contradict each other, and an abbreviation that is not
        certain and that `tz` does not settle.
    """
    out, settled = np.empty_like(clock), False
    for k, text in enumerate(texts):
        rows = np.flatnonzero(code == k)
        if not rows.size:
            continue
        zone = parse_zone(text)
        if zone is None:
            raise DataError(
                f"column {name}, data row {rows[0] + 1}: {text.strip()[:40]!r} is no time zone",
                hint="write the times as ISO, 2025-02-19T09:30:00-05:00",
            )
        out[rows], by_tz = _apply_zone(clock[rows], zone, text.strip(), name, tz)
        settled |= by_tz
    return out, settled


def _apply_zone(clock: Int, zone: ZoneText, text: str, name: str, tz: str | None) -> tuple[Int, bool]:
    """(ns UTC of wall-clock ns in one zone, whether `tz` was needed for it)."""
    meant = ABBREVIATIONS.get(zone.abbreviation or "", ())
    if zone.offset is not None:
        utc = clock - zone.offset
        kept = [offset_at(utc, zone.name) == zone.offset] if zone.name else []
        kept += [np.full(len(utc), zone.offset in [int(hours * HOUR) for _, hours in meant])] if meant else []
        for agrees in kept:
            if not agrees.all():
                first = _clock_text(clock[np.flatnonzero(~agrees)[0]])
                raise DataError(
                    f"column {name}: at {first} the offset and the zone in {text!r} contradict each other",
                    why=f"{int((~agrees).sum())} rows are like this",
                    hint="export the times in UTC",
                )
        return utc, False
    if zone.name:
        return localise(clock, name, zone.name), False
    (place, hours), *more = meant
    utc = clock - int(hours * HOUR)
    if not more and (offset_at(utc, place) == int(hours * HOUR)).all():
        return utc, False
    return _settle(clock, zone.abbreviation or "", name, tz), True


def _settle(clock: Int, abbreviation: str, name: str, tz: str | None) -> Int:
    """ns UTC of times whose abbreviation `tz` settles: one whose offset that zone keeps at some time of the year."""
    for _, hours in ABBREVIATIONS[abbreviation] if tz else ():
        offset = int(hours * HOUR)
        utc = clock - offset
        half = utc[:1] + np.arange(0, 366, 30) * 24 * HOUR
        if (offset_at(half, tz or "") == offset).any():
            # taken by its own offset a time is right in the hour that the clock repeats; the others are wall clocks
            kept = offset_at(utc, tz or "") == offset
            if not kept.all():
                utc = utc.copy()
                utc[~kept] = localise(clock[~kept], name, tz)
            return utc
    places = [place for place, _ in ABBREVIATIONS[abbreviation]]
    if len(places) == 1:
        hours = ABBREVIATIONS[abbreviation][0][1]
        why = f"{places[0]} does not keep {abbreviation} at that date: its clock, or {hours:+g} h all the year?"
        places += [fixed for fixed in [_fixed_zone(int(hours * 3600))] if fixed]
    else:
        why = f"{abbreviation} is the abbreviation of {len(places)} zones"
    raise DataError(
        f"column {name}: {_clock_text(clock[0])} {abbreviation} is not certain",
        why=why,
        hint=", or ".join(f"--tz {place}" for place in places),
    )


def _clock_text(clock: np.int64) -> str:
    return str(np.datetime64(int(clock), "ns").astype("datetime64[s]"))

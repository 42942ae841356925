"""Times of a vendor's file as UTC instants, and whether they stand at the start or the end of each bar.

Nothing is guessed: a time without a zone, a date of unclear order, an epoch of unclear unit, a spacing that is not the
interval asked for, labels that fit both readings are refused, with what to add on the command line.
"""

from __future__ import annotations

import itertools
from typing import Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from hfm.config import INTERVALS
from hfm.errors import DataError, UsageError
from hfm.fetch.sessions import SECOND, Bool, Int, Sessions

Float = npt.NDArray[np.float64]
DATES = (
    "%m/%d/%Y",
    "%d/%m/%Y",
    "%m-%d-%Y",
    "%d-%m-%Y",
    "%d.%m.%Y",
    "%Y/%m/%d",
    "%Y.%m.%d",
    "%Y%m%d",
    "%d-%b-%Y",
    "%m/%d/%y",
    "%d/%m/%y",
)
CLOCKS = ("%H:%M", "%H:%M:%S", "%H:%M:%S.%f", "%H%M", "%H%M%S", "%I:%M %p", "%I:%M:%S %p")
UNITS = {"s": (1e8, 5e9, SECOND), "ms": (1e11, 5e12, 10**6), "us": (1e14, 5e15, 1000), "ns": (1e17, 5e18, 1)}
"""Epoch units -> plausible range (1973 to 2128) and nanoseconds."""
STEP, EARLY = 3.0, 12
"""Factor between the volumes of bars that tells the market's open; bars before the open that it is told against."""


def instants(column: pa.ChunkedArray, name: str, tz: str | None) -> tuple[Int, str]:
    """int64 [n] ns UTC of a time column, and what was assumed of it.

    tz: the zone of times that do not say theirs; times that do are taken as they are. Raises DataError for times that
    cannot be read, have no zone, or are dates alone; UsageError for an unknown zone.
    """
    check_zone(tz)
    kind = column.type
    if column.null_count:
        row = int(np.flatnonzero(column.is_null().to_numpy())[0])
        raise DataError(
            f"column {name}, data row {row + 1}: there is no time",
            why=f"{column.null_count} rows have none",
            hint="mend the file; nothing is guessed",
        )
    if pa.types.is_timestamp(kind):
        if kind.tz is not None:
            return _ns(column, name), f"times are {kind.tz}'s"
        return localise(_ns(column, name), name, tz)
    if pa.types.is_date(kind):
        raise _dates_only(name)
    if pa.types.is_integer(kind) or pa.types.is_floating(kind):
        return epoch(column.cast(pa.float64()).to_numpy() if pa.types.is_floating(kind) else column.to_numpy(), name)
    words = pc.utf8_trim_whitespace(column.cast(pa.string()))
    if pc.all(pc.match_substring_regex(words, r"^\d{9,10}(\.\d+)?$|^\d{12,13}$|^\d{15,16}$|^\d{18,19}$")).as_py():
        return epoch(words.cast(pa.float64() if "." in words[0].as_py() else pa.int64()).to_numpy(), name)
    return _words(words, name, tz)


def _ns(column: pa.ChunkedArray, name: str) -> Int:
    kind = pa.timestamp("ns", tz=column.type.tz)
    try:
        out: Int = column.cast(kind).cast(pa.int64()).to_numpy()
    except pa.ArrowInvalid as e:
        raise DataError(f"column {name} holds times that are none", why=str(e)[:200], hint="mend the file") from e
    return out


def epoch(values: npt.NDArray[np.int64] | Float, name: str) -> tuple[Int, str]:
    """ns UTC of numbers since 1970, in the one unit that makes them all plausible dates. Raises DataError."""
    for unit, (low, high, factor) in UNITS.items():
        if (values >= low).all() and (values <= high).all():
            whole = np.floor(values).astype(np.int64)
            part = np.rint((values - whole) * factor).astype(np.int64)
            return whole * factor + part, f"times are epoch {unit}"
    raise DataError(
        f"column {name} holds numbers that are no times since 1970 in s, ms, us or ns (first {values[0]})",
        why=f"they run from {values.min()} to {values.max()}",
        hint="write the times as ISO, 2025-02-19T09:30:00-05:00",
    )


def _words(words: pa.ChunkedArray, name: str, tz: str | None) -> tuple[Int, str]:
    """Times in words: ISO, or the one other format that reads every row."""
    import pandas as pd

    text = pd.Series(words.to_pandas())
    zoned = np.asarray(pc.match_substring_regex(words, r"\d\d:\d\d.*(Z|UTC|[+-]\d\d:?\d\d)$").to_numpy(), dtype=bool)
    if zoned.any() and not zoned.all():
        row = int(np.flatnonzero(zoned != zoned[0])[0])
        raise DataError(
            f"column {name} mixes times with and without a zone: {text[0]!r} and {text[row]!r} (data row {row + 1})",
            hint="write them all one way",
        )
    if zoned.all():
        parsed = pd.to_datetime(text.str.replace("UTC", "+00:00"), format="ISO8601", utc=True, errors="coerce")
        return _read_all(parsed, text, name), "times have their own zone"
    if text.str.fullmatch(r"\d{4}-?\d\d-?\d\d|\d\d?[/.]\d\d?[/.]\d{2,4}").all():
        raise _dates_only(name)
    parsed = pd.to_datetime(text, format="ISO8601", errors="coerce")
    if not parsed.isna().any():
        return localise(_read_all(parsed, text, name), name, tz)
    return localise(_read_all(_formatted(text, name), text, name), name, tz)


def _formatted(text, name: str):  # type: ignore[no-untyped-def]  # pandas has no types here: Series of str -> Series
    """Times by the one format that reads them all. Raises DataError where two do, and differ."""
    import pandas as pd

    good = {}
    for date, clock in itertools.product(DATES, CLOCKS):
        form = f"{date} {clock}"
        if pd.isna(pd.to_datetime(text.iloc[0], format=form, errors="coerce")):
            continue
        parsed = pd.to_datetime(text, format=form, errors="coerce")
        if not parsed.isna().any():
            good[form] = parsed
    (first, times), *others = good.items() or [("", pd.to_datetime(text, format="ISO8601", errors="coerce"))]
    for form, other in others:
        if not times.equals(other):
            raise DataError(
                f"column {name}: {text.iloc[0]!r} can be read as {first} and as {form}, and so can every row",
                hint="write the times as ISO, 2025-02-19T09:30:00-05:00",
            )
    return times


def _read_all(parsed, text, name: str) -> Int:  # type: ignore[no-untyped-def]  # pandas Series
    bad = np.flatnonzero((parsed.isna() | (parsed.dt.year < 1900) | (parsed.dt.year > 2200)).to_numpy())
    if bad.size:
        raise DataError(
            f"column {name}, data row {bad[0] + 1}: {str(text.iloc[bad[0]])[:40]!r} is not a time",
            why=f"{bad.size} of {len(text)} rows are like this (or before 1900, or after 2200)",
            hint="write the times as ISO, 2025-02-19T09:30:00-05:00",
        )
    zone = None if parsed.dt.tz is None else "UTC"
    out: Int = parsed.astype("datetime64[ns]" if zone is None else "datetime64[ns, UTC]").astype(np.int64).to_numpy()
    return out


def check_zone(tz: str | None) -> None:
    """Raise UsageError unless `tz` is None or a time zone."""
    try:
        ZoneInfo(tz or ("UTC" if tz is None else "?"))
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise UsageError(f"--tz {tz!r} is not a time zone", hint="--tz America/New_York") from None


def localise(wall: Int, name: str, tz: str | None) -> tuple[Int, str]:
    """ns UTC of wall-clock ns in zone `tz`. Raises DataError without a zone, or in the hour that a clock repeats."""
    if tz is None:
        first = np.datetime64(int(wall[0]), "ns").astype("datetime64[s]")
        raise DataError(
            f"column {name} has no time zone (first {first})",
            why="09:30 in New York and in UTC are different bars",
            hint="--tz America/New_York, or --tz UTC",
        )
    import pandas as pd

    local = pd.DatetimeIndex(wall.view("datetime64[ns]")).tz_localize(tz, ambiguous="NaT", nonexistent="NaT")
    bad = np.flatnonzero(local.isna())
    if bad.size:
        first = np.datetime64(int(wall[bad[0]]), "ns").astype("datetime64[s]")
        raise DataError(
            f"column {name}: {first} comes twice or never in {tz} (clock change); {bad.size} rows are like this",
            hint="export the times in UTC",
        )
    out: Int = local.as_unit("ns").tz_convert("UTC").asi8
    return out, f"times are taken as {tz}"


def _dates_only(name: str) -> DataError:
    return DataError(
        f"column {name} holds dates without a time of day",
        why="bars of a day or longer are no intraday bars",
        hint=f"export bars of {', '.join(INTERVALS)}",
    )


def spacing(times: list[Int], interval_s: int) -> None:
    """Raise DataError unless the commonest step between the stamps of a symbol (lists of ns) is `interval_s`."""
    steps = np.sort(np.concatenate([np.diff(np.sort(time)) for time in times]))
    steps = steps[steps > 0]
    if not steps.size:
        return
    border = np.flatnonzero(np.append(True, steps[1:] != steps[:-1]))
    counts = np.diff(np.append(border, len(steps)))
    common = int(steps[border[np.argmax(counts)]])
    if common != interval_s * SECOND:
        word = next((name for name, seconds in INTERVALS.items() if seconds * SECOND == common), None)
        asked = next(name for name, seconds in INTERVALS.items() if seconds == interval_s)
        raise DataError(
            f"the bars are {common / SECOND:g} s apart ({counts.max() / steps.size:.1%} of steps), "
            f"--interval {asked} asks for {interval_s} s",
            hint=f"--interval {word}" if word else f"export bars of {', '.join(INTERVALS)}",
        )


def label(stamps: Int, volume: Float, sessions: Sessions) -> Literal["start", "end"]:
    """Whether the stamps (ns UTC, of one symbol) stand at the start or the end of their bars.

    Start labels have the open and not the close, end labels the close and not the open. With both, for there are
    hours before and after, the volume tells on which side of the stamp `open` the market opened. Raises DataError
    where neither reading is certain.
    """
    order = np.argsort(stamps, kind="stable")
    stamps, volume = stamps[order], volume[order]
    opens, closes = (int(_among(t, stamps)[1].sum()) for t in (sessions.open, sessions.close))
    if opens > 10 * closes:
        return "start"
    if closes > 10 * opens:
        return "end"
    before = _typical(stamps, volume, sessions, range(-EARLY, 0))
    at, after = (_typical(stamps, volume, sessions, range(k, k + 1)) for k in (0, 1))
    if opens and at > STEP * before and after <= STEP * at:
        return "start"
    if opens and after > STEP * at and at <= STEP * max(before, 1.0):
        return "end"
    raise DataError(
        f"the times fit bars labelled at their start and at their end: of {len(sessions)} sessions {opens} have one "
        f"at the open and {closes} at the close",
        why="a bar 09:30-09:35 is stamped 09:30 by some vendors and 09:35 by others",
        hint="--label start, or --label end",
    )


def _typical(stamps: Int, volume: Float, sessions: Sessions, slots: range) -> float:
    """Median volume of the bars stamped `slots` intervals from the open; 0 where there are none."""
    place, there = _among((sessions.open[:, None] + np.array(slots) * sessions.interval).ravel(), stamps)
    found = volume[place][there]
    found = found[~np.isnan(found)]
    return float(np.median(found)) if found.size else 0.0


def _among(times: Int, stamps: Int) -> tuple[Int, Bool]:
    """Where each time stands in the ordered `stamps`, and whether it does (np.isin is ten times slower)."""
    place = np.minimum(np.searchsorted(stamps, times), len(stamps) - 1)
    return place, stamps[place] == times

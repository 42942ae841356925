"""Times of a vendor's file as UTC instants, and whether they are as far apart as the interval asked for.

Nothing is guessed: a time without a zone, a date of unclear order, digits or an epoch of unclear meaning, a spacing
that is not the interval asked for are refused, with what to add on the command line where something can be added.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from hfm.arrays import Float, Int
from hfm.config import INTERVALS
from hfm.errors import DataError
from hfm.fetch.files import time_formats, time_zones
from hfm.fetch.files.date_formats import parse_dates
from hfm.instants import SECOND_NS

UNITS = {"s": (1e8, 5e9, SECOND_NS), "ms": (1e11, 5e12, 10**6), "us": (1e14, 5e15, 1000), "ns": (1e17, 5e18, 1)}
"""Epoch units -> plausible range (1973 to 2128) and nanoseconds."""
SERIAL = (20_000.0, 80_000.0)
"""Excel's serial days of 1954 to 2119."""
ISO = r"^\d{4}-\d\d-\d\d[T ]\d\d:\d\d(?::\d\d(?:\.\d{1,9})?)?"
OFFSET = r"(?:Z|[+-](?:0\d|1[0-4]):?[0-5]\d)$"
INCLUSIVE, MOST = (999_000_000, 999_999_000, 999_999_999), 0.9
"""ns of a second at which an inclusive bar ends, and the share of rows that tells it."""
ADVICE = "write the times as ISO, 2025-02-19T09:30:00-05:00"


@dataclass(frozen=True)
class ParsedTimes:
    """Times of one column. utc: int64 [n] ns; notes: what was assumed; warnings: what the user should check.

    wall: the zone of --tz, where clocks without a zone were taken in it. inclusive: the stamps were the last instant
    of each bar (04:59.999) and have been moved to its end.
    """

    utc: Int
    notes: tuple[str, ...]
    warnings: tuple[str, ...] = ()
    wall: str | None = None
    inclusive: bool = False


def parse_instants(column: pa.ChunkedArray, name: str, tz: str | None, interval_s: int | None = None) -> ParsedTimes:
    """A column of times as instants.

    Parameters
    ----------
    column : [n] timestamps, dates, numbers or text.
    name : of the column; it may say a zone.
    tz : the zone of times that do not say theirs; times that do are taken as they are.
    interval_s : seconds; settles what digits mean (202403180930: a calendar time, or epoch ms of 1976).

    Returns
    -------
    ParsedTimes

    Raises
    ------
    DataError
        For times that cannot be read, have no zone, or are dates alone.
    UsageError
        For an unknown zone.
    """
    time_zones.check_zone(tz)
    if column.null_count:
        row = int(np.flatnonzero(column.is_null().to_numpy())[0])
        raise DataError(
            f"column {name}, data row {row + 1}: there is no time",
            why=f"{column.null_count} rows have none",
            hint="mend the file; nothing is guessed",
        )
    return _inclusive_to_end(_by_type(column, name, tz, interval_s))


def _by_type(column: pa.ChunkedArray, name: str, tz: str | None, interval_s: int | None) -> ParsedTimes:
    """A column's times as its type and, of text, its look ask for: timestamps, numbers or words; dates are refused."""
    kind = column.type
    if pa.types.is_timestamp(kind):
        if kind.tz is not None:
            return _with_zone(_ns(column, name), f"times are {kind.tz}'s", tz)
        return _wall_times(_ns(column, name), name, tz)
    if pa.types.is_date(kind):
        raise _dates_only(name)
    if pa.types.is_integer(kind) or pa.types.is_floating(kind):
        values = column.cast(pa.float64()).to_numpy() if pa.types.is_floating(kind) else column.to_numpy()
        return _numbers(values, name, tz, interval_s)
    words = pc.utf8_trim_whitespace(column.cast(pa.string())).combine_chunks()
    words = words.chunk(0) if isinstance(words, pa.ChunkedArray) else words
    if pc.all(pc.match_substring_regex(words.slice(0, 1), r"^\d+(\.\d+)?$")).as_py():
        if pc.all(pc.match_substring_regex(words, r"^(?:\d{8,18}|[0-8]\d{18})$")).as_py():
            return _numbers(words.cast(pa.int64()).to_numpy(), name, tz, interval_s)
        if pc.all(pc.match_substring_regex(words, r"^\d{5,10}(\.\d+)?$")).as_py():
            return _numbers(words.cast(pa.float64()).to_numpy(), name, tz, interval_s)
    return _words(words, name, tz, interval_s)


def _ns(column: pa.ChunkedArray, name: str) -> Int:
    kind = pa.timestamp("ns", tz=column.type.tz)
    try:
        out: Int = column.cast(kind).cast(pa.int64()).to_numpy()
    except pa.ArrowInvalid as e:
        raise DataError(f"column {name} holds times that are none", why=str(e)[:200], hint="mend the file") from e
    return out


def _with_zone(utc: Int, note: str, tz: str | None) -> ParsedTimes:
    """Times that say their own zone: --tz is not used, and that is said."""
    return ParsedTimes(utc, (note,) if tz is None else (note, f"--tz {tz} is not needed and not used"))


def _wall_times(clock: Int, name: str, tz: str | None) -> ParsedTimes:
    """Wall clocks in the zone that the name of their column says, else in that of --tz."""
    zone = time_zones.zone_of_name(name)
    if zone is not None:
        return _with_zone(
            time_zones.localise(clock, name, zone), f"times are {zone}'s, as the name of their column says", tz
        )
    return ParsedTimes(time_zones.localise(clock, name, tz), (f"times are taken as {tz}",), wall=tz)


def _inclusive_to_end(times: ParsedTimes) -> ParsedTimes:
    """Stamps of the last instant of each bar (04:59.999, or 04:59 in whole seconds) moved to the bar's end."""
    utc = times.utc
    for size, ends, unit in ((SECOND_NS, INCLUSIVE, None), (60 * SECOND_NS, (59 * SECOND_NS,), SECOND_NS)):
        if not np.isin(utc[:: max(len(utc) // 50, 1)] % size, ends).mean() >= MOST:
            continue
        rest = utc % size
        found = np.isin(rest, ends)
        if found.mean() >= MOST:
            step = np.where(found, size - rest, 0) if unit is None else np.where(found, unit, 0)
            note = "times are the last instant of each bar: the bar ends with the next second"
            return replace(times, utc=utc + step, notes=(*times.notes, note), inclusive=True)
    return times


def parse_epoch(values: Int | Float) -> tuple[Int, str] | None:
    """Instants of numbers since 1970 in the one unit that makes them all plausible dates, and that unit.

    Parameters
    ----------
    values : [n], no NaN.

    Returns
    -------
    (int64 [n] ns UTC, str) or None
        None where no unit does.
    """
    for unit, (low, high, factor) in UNITS.items():
        if (values >= low).all() and (values <= high).all():
            integer_part = np.floor(values).astype(np.int64)
            # of seconds the rest is rounded to the microsecond: a float64 goes no further
            part = np.rint((values - integer_part) * min(factor, 10**6)).astype(np.int64) * (
                factor // min(factor, 10**6)
            )
            return integer_part * factor + part, unit
    return None


def _numbers(values: Int | Float, name: str, tz: str | None, interval_s: int | None) -> ParsedTimes:
    """Numbers: seconds and their parts since 1970, a calendar time in digits, or Excel's serial days."""
    found = parse_epoch(values)
    integer_part = values if values.dtype.kind in "iu" else np.floor(values)
    clocks: dict[str, Int] = {}
    if (integer_part == values).all() and values.min() > 0 and values.max() < UNITS["ns"][1]:
        integers = integer_part.astype(np.int64)
        width = len(str(int(integers[0])))
        if width == 8 and not isinstance(parse_dates(str(int(n)) for n in np.unique(integers)), str):
            raise _dates_only(name)
        clocks = dict(time_formats.parse_digits(integers)) if width in (10, 12, 14, 17) else {}
    elif (values > SERIAL[0]).all() and (values < SERIAL[1]).all():
        clocks = {"Excel's serial days": time_formats.parse_excel(values)}
    epochs = {f"epoch {found[1]}": found[0]} if found else {}
    if not clocks and not epochs:
        raise DataError(
            f"column {name} holds numbers that are no times since 1970 in s, ms, us or ns (first {values[0]})",
            why=f"they run from {values.min()} to {values.max()}",
            hint=ADVICE,
        )
    chosen = _choose_reading({**clocks, **epochs}, name, str(values[0]), interval_s)
    if chosen in epochs:
        text = f"{chosen} is counted from 1970 in UTC: --tz {tz} is not used"
        return ParsedTimes(epochs[chosen], (f"times are {chosen}",), (text,) if tz not in (None, "UTC") else ())
    times = _wall_times(clocks[chosen], name, tz)
    return replace(times, notes=(f"times are read as {chosen}", *times.notes))


def _words(words: pa.Array, name: str, tz: str | None, interval_s: int | None) -> ParsedTimes:
    """Times in words: ISO by pandas, which is fast; all else by its parts (time_formats)."""
    import pandas as pd

    zoned = pc.match_substring_regex(words.slice(0, 1), OFFSET).to_pylist() == [True]
    if pc.all(pc.match_substring_regex(words, ISO + (OFFSET if zoned else "$"))).as_py():
        text = pd.Series(words.to_pandas())
        parsed = pd.to_datetime(text, format="ISO8601", errors="coerce", utc=True if zoned else None)
        if not (parsed.isna() | (parsed.dt.year < 1900) | (parsed.dt.year > 2200)).any():
            kind = "datetime64[ns, UTC]" if zoned else "datetime64[ns]"
            out: Int = parsed.astype(kind).astype(np.int64).to_numpy()
            return _with_zone(out, "times have their own zone", tz) if zoned else _wall_times(out, name, tz)
    parts = time_formats.split_times(words)
    if isinstance(parts, int):
        raise _unread_error(words, name, parts)
    if parts.clock.texts == [""]:
        found = parse_dates(parts.date.texts)
        raise _unread_error(words, name, _first_row(parts.date, found)) if isinstance(found, str) else _dates_only(name)
    _check_zones(parts.zone, words, name)
    clocks = time_formats.parse_times(parts)
    if isinstance(clocks, str):
        where = parts.date if clocks in parts.date.texts else parts.clock
        raise _unread_error(words, name, _first_row(where, clocks))
    clock = clocks[_choose_reading(clocks, name, words[0].as_py(), interval_s)]
    if parts.zone.texts == [""]:
        return _wall_times(clock, name, tz)
    utc, settled = time_zones.zones_to_utc(clock, parts.zone.code, parts.zone.texts, name, tz)
    if settled:
        return ParsedTimes(utc, (f"the abbreviations in the times are taken as {tz}",))
    return _with_zone(utc, "times have their own zone", tz)


def _first_row(part: time_formats.TextColumn, text: str) -> int:
    """The first row that holds `text`."""
    return int(np.flatnonzero(part.code == part.texts.index(text))[0])


def _check_zones(zone: time_formats.TextColumn, words: pa.Array, name: str) -> None:
    """Raise DataError where some rows have a zone and others none."""
    if "" in zone.texts and len(zone.texts) > 1:
        bare = zone.code == zone.texts.index("")
        row = int(np.flatnonzero(bare != bare[0])[0])
        raise DataError(
            f"column {name} mixes times with and without a zone: {words[0].as_py()!r} and {words[row].as_py()!r} "
            f"(data row {row + 1})",
            hint="write them all one way",
        )


def _choose_reading(readings: Mapping[str, Int], name: str, first: str, interval_s: int | None) -> str:
    """The key of the one reading of a column that is certain; DataError where several that differ are left."""
    # 1. readings that come to the same times are one
    left = dict(readings)
    for key in list(readings)[1:]:
        if any(np.array_equal(left[key], left[other]) for other in list(left) if other != key):
            del left[key]
    # 2. those whose times are as far apart as the bars asked for, else as any bars that are known
    for wanted in ([interval_s] if interval_s else [], list(INTERVALS.values())):
        if len(left) > 1 and len({_sort(key) for key in left}) > 1:
            good = [key for key, time in left.items() if common_step([time])[0] in [s * SECOND_NS for s in wanted]]
            left = {key: left[key] for key in good} or left
    if len(left) > 1:
        one, other = list(left)[:2]
        raise DataError(
            f"column {name}: {first!r} can be read as {one} and as {other}, and so can every row", hint=ADVICE
        )
    return next(iter(left))


def _sort(key: str) -> str:
    """What a reading is but for the order of its date: that order is never told by the spacing."""
    return key.split()[-1] if key.startswith("%") and " " in key else "epoch" if key.startswith("epoch") else "digits"


def _unread_error(words: pa.Array, name: str, row: int) -> DataError:
    return DataError(
        f"column {name}, data row {row + 1}: {words[row].as_py()[:40]!r} is not a time",
        why=f"of {len(words)} rows this is the first that cannot be read like the others (1900 to 2200)",
        hint=ADVICE,
    )


def _dates_only(name: str) -> DataError:
    return DataError(
        f"column {name} holds dates without a time of day",
        why="bars of a day or longer are no intraday bars",
        hint=f"export bars of {', '.join(INTERVALS)}",
    )


def common_step(times: list[Int]) -> tuple[int, float]:
    """The commonest step between the stamps of a symbol, and its share of the steps.

    Parameters
    ----------
    times : of each symbol, ns in any order.

    Returns
    -------
    int, float
        ns; (0, 0) without a step.
    """
    steps = np.sort(np.concatenate([np.diff(np.sort(time)) for time in times]))
    steps = steps[steps > 0]
    if not steps.size:
        return 0, 0.0
    border = np.flatnonzero(np.append(True, steps[1:] != steps[:-1]))
    counts = np.diff(np.append(border, len(steps)))
    return int(steps[border[np.argmax(counts)]]), float(counts.max() / steps.size)


def check_spacing(times: list[Int], interval_s: int) -> None:
    """Raise DataError unless the commonest step between the stamps of a symbol is the interval asked for.

    Parameters
    ----------
    times : of each symbol, ns in any order.
    interval_s : seconds.

    Raises
    ------
    DataError
    """
    common, share = common_step(times)
    if common not in (0, interval_s * SECOND_NS):
        word = next((name for name, seconds in INTERVALS.items() if seconds * SECOND_NS == common), None)
        interval_name = next(name for name, seconds in INTERVALS.items() if seconds == interval_s)
        raise DataError(
            f"the bars are {common / SECOND_NS:g} s apart ({share:.1%} of steps), "
            f"--interval {interval_name} asks for {interval_s} s",
            hint=f"--interval {word}" if word else f"export bars of {', '.join(INTERVALS)}",
        )

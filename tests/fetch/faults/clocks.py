"""Writes the times of bars as vendors do: one function, `clock_columns`, for every style of zone, digits and labels.

A style is a name of STYLES. Styles that say their own zone need no --tz; wall clocks do, and the settings hold it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import numpy as np
import pandas as pd

from hfm.arrays import Int
from hfm.instants import SECOND_NS

Labels = Literal["start", "end", "inclusive"]
"""The bar's first instant, its end, or its last instant (Binance's close_time)."""
Columns = dict[str, list[str] | list[int] | list[float]]
ABBREVIATED = ("America/New_York", "Asia/Tokyo", "Asia/Hong_Kong", "Europe/Paris")
"""Zones whose abbreviations name no other zone."""


def _format(pattern: str) -> Callable[[pd.DatetimeIndex], Columns]:
    return lambda local: {"time": list(local.strftime(pattern))}


def _offset(local: pd.DatetimeIndex, minutes: bool, colon: str) -> list[str]:
    """`-04`, `-0400` or `-04:00` of each time."""
    seconds = (local.tz_localize(None) - local.tz_convert("UTC").tz_localize(None)).total_seconds().to_numpy()
    hours, rest = np.divmod(np.abs(seconds) // 60, 60)
    signs = np.where(seconds < 0, "-", "+")
    tail = [f"{colon}{int(m):02d}" if minutes or m else "" for m in rest]
    return [f"{s}{int(h):02d}{t}" for s, h, t in zip(signs, hours, tail, strict=True)]


def _with_offset(pattern: str, minutes: bool, colon: str, before: str = "", after: str = "") -> Callable[..., Columns]:
    def write(local: pd.DatetimeIndex) -> Columns:
        face = local.strftime(pattern)
        offsets = _offset(local, minutes, colon)
        end = after.replace("{zone}", str(local.tz))
        return {"time": [f"{f}{before}{o}{end}" for f, o in zip(face, offsets, strict=True)]}

    return write


def _named(pattern: str) -> Callable[[pd.DatetimeIndex], Columns]:
    return lambda local: {"time": [f.replace("ZONE", str(local.tz)) for f in local.strftime(pattern)]}


def _utc(pattern: str) -> Callable[[pd.DatetimeIndex], Columns]:
    return lambda local: {"time": list(local.tz_convert("UTC").strftime(pattern))}


def _epoch(unit: int) -> Callable[[pd.DatetimeIndex], Columns]:
    return lambda local: {"time": [int(t) // unit for t in local.tz_convert("UTC").as_unit("ns").asi8]}


def _two(date: str, clock: str, name: str = "time") -> Callable[[pd.DatetimeIndex], Columns]:
    return lambda local: {"date": list(local.strftime(date)), name: list(local.strftime(clock))}


def _excel(local: pd.DatetimeIndex) -> Columns:
    wall = local.tz_localize(None).as_unit("ns").asi8
    return {"time": [round(t / (86_400 * SECOND_NS) + 25_569, 6) for t in wall]}


def _bare(local: pd.DatetimeIndex) -> Columns:
    """A date and a clock as whole numbers without leading zeros: 20240318 and 930."""
    return {"date": [int(d) for d in local.strftime("%Y%m%d")], "time": [int(t) for t in local.strftime("%H%M")]}


def _minutes(local: pd.DatetimeIndex) -> Columns:
    return {"date": list(local.strftime("%Y-%m-%d")), "time": [int(t) for t in local.hour * 60 + local.minute]}


ZONED: dict[str, Callable[[pd.DatetimeIndex], Columns]] = {
    "iso": _with_offset("%Y-%m-%dT%H:%M:%S", True, ":"),
    "postgres": _with_offset("%Y-%m-%d %H:%M:%S", False, ":"),
    "postgres fractions": _with_offset("%Y-%m-%d %H:%M:%S.%f", False, ":"),
    "no colon": _with_offset("%Y-%m-%d %H:%M:%S", True, ""),
    "spaced": _with_offset("%Y/%m/%d %H:%M:%S", True, ":", " "),
    "comma": _with_offset("%Y-%m-%dT%H:%M:%S,%f", True, ":"),
    "basic": _with_offset("%Y%m%dT%H%M%S", True, ""),
    "digits": _with_offset("%Y%m%d%H%M%S", True, ""),
    "gmt": _with_offset("%Y-%m-%d %H:%M:%S", True, "", " GMT"),
    "utc": _with_offset("%d %b %Y %H:%M", True, ":", " UTC"),
    "java": _with_offset("%Y-%m-%dT%H:%M", True, ":", "", "[{zone}]"),
    "java named": _named("%Y-%m-%dT%H:%M:%S[ZONE]"),
    "javascript": _with_offset("%a %b %d %Y %H:%M:%S", True, "", " GMT", " (Local Time)"),
    "rfc 2822": _with_offset("%a, %d %b %Y %H:%M:%S", True, "", " "),
    "named": _named("%Y%m%d %H:%M:%S ZONE"),
    "named 12 h": _named("%Y-%m-%d %I:%M:%S %p ZONE"),
    "z": _utc("%Y-%m-%dT%H:%M:%SZ"),
    "basic z": _utc("%Y%m%dT%H%M%SZ"),
    "rfc gmt": _utc("%a, %d %b %Y %H:%M:%S GMT"),
    "minutes z": _utc("%Y-%m-%d %H:%MZ"),
    "ms": _epoch(10**6),
    "us": _epoch(1000),
    "ns": _epoch(1),
}
WALL: dict[str, Callable[[pd.DatetimeIndex], Columns]] = {
    "plain": _format("%Y-%m-%d %H:%M:%S"),
    "fractions": _format("%Y-%m-%dT%H:%M:%S.000"),
    "mdy": _format("%m/%d/%Y %H:%M"),
    "dmy": _format("%d/%m/%Y %H:%M:%S"),
    "ymd short": _format("%y/%m/%d %H:%M"),
    "dmy short": _format("%d.%m.%y %H:%M"),
    "dotted": _format("%d.%m.%Y %H:%M:%S"),
    "am pm": _format("%m/%d/%Y %I:%M:%S %p"),
    "month": _format("%b %d, %Y %I:%M %p"),
    "weekday": _format("%A, %d %B %Y %H:%M"),
    "sas": _format("%d%b%Y:%H:%M:%S"),
    "twelve": lambda local: {"time": [int(t) for t in local.strftime("%Y%m%d%H%M")]},
    "fourteen": _format("%Y%m%d%H%M%S"),
    "seventeen": _format("%Y%m%d%H%M%S000"),
    "metastock": _format("%y%m%d %H%M"),
    "hhmm": _two("%m/%d/%Y", "%H%M"),
    "hhmmss": _two("%Y%m%d", "%H%M%S"),
    "iex": _two("%Y-%m-%d", "%H:%M"),
    "bare": _bare,
    "minutes": _minutes,
    "excel": _excel,
}
STYLES = (*ZONED, *WALL, "abbreviation", "unix date")


def clock_columns(
    ends: Int, starts: Int, style: str, zone: str, labels: Labels = "start"
) -> tuple[Columns, dict[str, object]]:
    """(columns of the times, settings of `fetch` that they need) of bars in `style`.

    ends, starts: ns UTC. zone: whose clock is written; the settings name it where the style does not. Styles by whole
    minutes cannot hold `inclusive` labels: the columns then are those of the ends.
    """
    stamp = starts if labels == "start" else ends
    if labels == "inclusive":
        stamp = ends - 10**6 if style in ("comma", "postgres fractions", "ms", "us") else ends
    local = pd.DatetimeIndex(stamp).tz_localize("UTC").tz_convert(zone)
    if style == "abbreviation":
        return {"time": list(local.strftime("%Y-%m-%d %H:%M:%S %Z"))}, {}
    if style == "unix date":
        return {"time": list(local.strftime("%a %b %d %H:%M:%S %Z %Y"))}, {}
    if style in ZONED:
        return ZONED[style](local), {}
    return WALL[style](local), {"tz": zone}

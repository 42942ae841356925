"""Adjustments of prices that a user typed, for splits and for changes of unit.

An adjustment SESSION=RATIO multiplies all prices from SESSION (a date, or an instant) on by RATIO: 10 for a split of 10
for 1. Volumes from it on are divided by RATIO where they moved with the split, and stay where only the unit of the
prices changed. Rows before it stay as they are, so that no row hangs on what comes later.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from fractions import Fraction

import numpy as np

from hfm.arrays import Bool
from hfm.errors import ConfigError, typed
from hfm.fetch.sessions import Sessions
from hfm.instants import SECOND_NS
from hfm.raw_data import RawBars

KEEP = "no"
LOOK = 10
"""Sessions before a shift that its volume is compared with."""
_SESSION = re.compile(r"(?:(.+):)?(\d{4}-\d\d-\d\d(?:[T ].*)?)")
"""A symbol, which may hold colons itself, and a session."""


@dataclass(frozen=True)
class Adjustment:
    """symbol: None for the one symbol there is. moment: as typed; ratio: prices before it are divided by it."""

    symbol: str | None
    moment: str
    ratio: float


def parse_adjustments(texts: Sequence[str]) -> tuple[set[str | None], list[Adjustment]]:
    """(symbols whose shifts are kept, None: all; adjustments). Raises ConfigError for what is neither."""
    keep: set[str | None] = set()
    found: list[Adjustment] = []
    for text in texts:
        left, _, right = text.rpartition("=")
        if not left:
            symbol, _, word = text.rpartition(":")
            if word.lower() != KEEP:
                raise _unclear(text)
            keep.add(symbol or None)
            continue
        found.append(_adjustment(text, left, right))
    return keep, found


def _adjustment(text: str, left: str, right: str) -> Adjustment:
    found = _SESSION.fullmatch(left)
    if found is None:
        raise _unclear(text)
    symbol, moment = found.groups()
    try:
        datetime.fromisoformat(moment)
        ratio = float(Fraction(right.replace(":", "/")))
    except (ValueError, ZeroDivisionError):
        raise _unclear(text) from None
    if not (1e-9 < ratio < 1e9):
        raise _unclear(text)
    return Adjustment(symbol or None, moment, ratio)


def _unclear(text: str) -> ConfigError:
    return ConfigError(
        f"fetch.adjust is {text[:60]!r}: neither SESSION=RATIO nor no",
        why="SESSION is a date, RATIO a number such as 10, 3/2 or 1/100; a symbol may stand before it: NVDA:",
        hint="--adjust 2024-06-10=10",
    )


def ratio_text(ratio: float) -> str:
    """A ratio as it is typed: 10, 3/2, 1/100, else a decimal."""
    part = Fraction(ratio).limit_denominator(1000)
    if abs(float(part) / ratio - 1.0) < 1e-9:
        return str(part)
    return f"{ratio:.6g}"


def start_ns(moment: str, sessions: Sessions) -> int:
    """The instant from which an adjustment holds.

    Parameters
    ----------
    moment : a date, or an instant; UTC where that names no zone.
    sessions : of the span.

    Returns
    -------
    int
        ns UTC. Of a date: the open of its session, else of the next one, else the last close, after which no bar is.
    """
    if len(moment) > 10:
        when = np.datetime64(datetime.fromisoformat(moment).replace(tzinfo=None), "ns").astype(np.int64)
        offset = datetime.fromisoformat(moment).utcoffset()
        return int(when) - int(offset.total_seconds() * SECOND_NS if offset is not None else 0)
    later = np.flatnonzero(sessions.day >= np.datetime64(moment))
    return int(sessions.open[later[0]] if later.size else sessions.close.max(initial=0))


def _apply(raw: RawBars, chosen: Sequence[Adjustment], sessions: Sessions) -> tuple[RawBars, list[str]]:
    """The bars after the adjustments, and a sentence for each. One before the first bar changes nothing."""
    notes = []
    for one in chosen:
        after = raw.time > start_ns(one.moment, sessions)
        if after.all():
            continue
        if not after.any():
            notes.append(f"no bar is as late as {one.moment}: {one.moment}={ratio_text(one.ratio)} adjusts nothing")
            continue
        with_volume = _volume_moved(raw, after, one.ratio, sessions)
        price, volume = np.where(after, one.ratio, 1.0), np.where(after & with_volume, one.ratio, 1.0)
        raw = replace(
            raw, open=raw.open * price, high=raw.high * price, low=raw.low * price, close=raw.close * price,
            volume=raw.volume / volume,
        )  # fmt: skip
        also = f"volumes divided by {ratio_text(one.ratio)}" if with_volume else "volumes left as they are"
        notes.append(f"prices from {one.moment} on are multiplied by {ratio_text(one.ratio)} as asked, {also}")
    return raw, notes


def _volume_moved(raw: RawBars, after: Bool, ratio: float, sessions: Sessions) -> bool:
    """Whether volumes moved with a split, so that they are adjusted too."""
    index, inside = sessions.holding(raw.time)
    known = inside & (raw.volume > 0)
    if not (known & after).any() or not (known & ~after).any():
        return False
    first = int(index[known & after].min())
    new = raw.volume[known & after & (index == first)]
    old = raw.volume[known & ~after & (index >= first - LOOK)]
    if not old.size:
        return False
    # in logarithms: nearer to the split's ratio than to the volumes of the LOOK sessions before
    moved = float(np.log(np.median(new) / np.median(old)))
    return bool(abs(moved - np.log(ratio)) < abs(moved))


def check_adjustments(texts: Sequence[str], symbols: Sequence[str]) -> None:
    """Raise ConfigError for adjustments that are unclear, or whose symbol is not there or not said."""
    _, found = parse_adjustments(texts)
    for one in found:
        text = f"{one.moment}={ratio_text(one.ratio)}"
        if one.symbol is None and len(symbols) > 1:
            raise ConfigError(
                f"fetch.adjust {text} names no symbol, and there are {len(symbols)}",
                hint=typed("--adjust", f"{symbols[0]}:{text}"),
            )
        if one.symbol is not None and one.symbol not in symbols:
            raise ConfigError(
                f"fetch.adjust {one.symbol}:{text} names a symbol that is not there",
                why=f"there are {', '.join(symbols[:10])}",
                hint=typed("--adjust", f"{symbols[0]}:{text}") if symbols else "leave it out",
            )


def adjust(raw: RawBars, texts: Sequence[str], symbol: str, sessions: Sessions) -> tuple[RawBars, list[str]]:
    """A symbol's bars after the adjustments that were typed for it, and a sentence for each.

    Parameters
    ----------
    raw : bars in any order.
    texts : adjustments as they were typed; of several for one session the last holds.
    symbol : whose they are.
    sessions : of the span.

    Returns
    -------
    RawBars, list of str
    """
    _, found = parse_adjustments(texts)
    last = {one.moment: one for one in found if one.symbol in (symbol, None)}
    return _apply(raw, list(last.values()), sessions)

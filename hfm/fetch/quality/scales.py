"""What a symbol's bars are measured by: the usual size of their moves, and whether a move was traded as its size asks.

Axes: [n] bars of one symbol in order. All scales are medians, so that a wrong price moves none of them.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from hfm.arrays import Bool, Float, Int

MAD = 1.4826
"""Median absolute value to standard deviation, of a normal."""
TRAIL = 20
"""Sessions before a bar's own that its scales come from."""
NEAR = 6
"""Bars on either side that a bar is compared with."""
BUSY, USUAL = 1.5, 10.0
"""A move of USUAL sigmas is traded at BUSY times the volume near it; one of z at BUSY sqrt(z / USUAL)."""


class Priced(NamedTuple):
    """Bars of one symbol in order, [n]. session: position of each bar's session; seq: its slot.

    scale: sigma of a bar's return, night: that of the return between sessions, opening: that of a session's first bar
    (NaN: not known). sigma: scale with the bars that did not move.
    """

    session: Int
    seq: Int
    open: Float
    high: Float
    low: Float
    close: Float
    volume: Float
    scale: Float
    night: Float
    opening: Float
    sigma: Float

    def pick(self, keep: Bool) -> Priced:
        """Some of the bars."""
        if keep.all():
            return self
        return self._replace(**{name: getattr(self, name)[keep] for name in self._fields})


def priced(session: Int, seq: Int, prices: tuple[Float, Float, Float, Float], volume: Float) -> Priced:
    """Bars with their scales. Each comes from the TRAIL sessions before the bar's own; of the first sessions, from what
    there is."""
    open_, high, low, close = prices
    new = np.append(True, session[1:] != session[:-1])[: len(session)]
    border = np.flatnonzero(new)
    step = np.append(np.nan, np.diff(np.log(close)))[: len(close)]
    scale, sigma = trailing(border, np.where(new, np.nan, step))
    night, opening = np.full(len(border), np.nan), np.log(close[border] / open_[border])
    night[1:] = np.log(open_[border[1:]] / close[border[1:] - 1])
    counts = np.diff(np.append(border, len(close)))[: len(border)]
    opening, night = (np.repeat(by_session(x), counts) for x in (opening, night))
    opening, night = np.fmax(opening, 4.0 * scale), np.fmax(night, 5.0 * scale)
    return Priced(session, seq, open_, high, low, close, volume, scale, night, opening, sigma)


def median(values: Float) -> float:
    """The median of values without NaN, as np.median has it, in a third of its time (it is asked for every session)."""
    half = len(values) // 2
    if len(values) % 2:
        return float(np.partition(values, half)[half])
    part = np.partition(values, (half - 1, half))
    return float(0.5 * (part[half - 1] + part[half]))


def trailing(border: Int, change: Float) -> tuple[Float, Float]:
    """MAD x median |change| of the TRAIL sessions before each row's own; of the first session its own; NaN where there
    is none.

    Returns
    -------
    scale, sigma : [n] without changes of nothing, which are no trade, and with them (quality.trailing_sigma).

    Notes
    -----
    One partition of a window gives both medians: the order statistics of the changes with those of nothing in front.
    """
    size = np.abs(change)
    known = size > 0
    place, count = np.append(0, np.cumsum(known)), np.append(0, np.cumsum(~np.isnan(size)))
    size = size[known]
    ends = np.append(border[1:], len(change))[: len(border)]
    scale, sigma = np.full(len(border), np.nan), np.full(len(border), np.nan)
    for k, (start, end) in enumerate(zip(border, ends, strict=True)):
        low, high = (border[max(k - TRAIL, 0)], start) if k else (start, end)
        n, m = int(count[high] - count[low]), int(place[high] - place[low])
        if not n:
            continue
        ranks = [(m - 1) // 2, m // 2, (n - 1) // 2 - (n - m), n // 2 - (n - m)]
        asked = sorted({rank for rank in ranks if 0 <= rank < m})
        part = np.partition(size[place[low] : place[high]], asked) if asked else size[:0]
        a, b, c, d = (float(part[rank]) if rank >= 0 else 0.0 for rank in ranks) if m else (np.nan, np.nan, 0.0, 0.0)
        scale[k], sigma[k] = MAD * (0.5 * (a + b)), MAD * (0.5 * (c + d))
    return np.repeat(scale, ends - border), np.repeat(sigma, ends - border)


def by_session(change: Float) -> Float:
    """[S] as `trailing`, of one change a session."""
    size = np.abs(change)
    size[~(size > 0)] = np.nan
    padded = np.concatenate((np.full(TRAIL, np.nan), size))
    windows = np.sort(np.lib.stride_tricks.sliding_window_view(padded, TRAIL)[: len(size)], axis=1)
    windows[:1, 0] = size[:1]
    count = np.isfinite(windows).sum(axis=1)
    rows, half = np.arange(len(size)), count // 2
    low, high = windows[rows, np.maximum((count - 1) // 2, 0)], windows[rows, np.minimum(half, TRAIL - 1)]
    return MAD * np.where(count > 0, 0.5 * (low + high), np.nan)


def local(bars: Priced, row: int) -> float:
    """Sigma of the returns of the NEAR bars on either side of a row, in its session; 0 where there are none."""
    part = slice(max(row - NEAR - 1, 0), row + NEAR + 2)
    rows = np.arange(part.start, min(part.stop, len(bars.close)))
    rows = rows[(bars.session[rows] == bars.session[row]) & (rows != row)]
    if len(rows) < 3:
        return 0.0
    return MAD * median(np.abs(np.diff(np.log(bars.close[rows]))))


def usual_volume(bars: Priced, first: int, last: int) -> float:
    """The volume of a bar around rows first..last: the median of the bars near them, and of the same slots in the TRAIL
    sessions before (of the first session after, for there is none before), whichever is larger. NaN where none is
    known."""
    near = np.concatenate((bars.volume[max(first - NEAR, 0) : first], bars.volume[last + 1 : last + 1 + NEAR]))
    same = (bars.seq >= bars.seq[first]) & (bars.seq <= bars.seq[last]) if last - first < NEAR else bars.seq >= 0
    ago = bars.session[first] - bars.session
    same &= ((ago >= 0) & (ago <= TRAIL)) if ago[0] > 0 else (ago >= -TRAIL)
    same[first : last + 1] = False
    slot = bars.volume[same]
    found = [float(np.median(x[x > 0])) for x in (near, slot) if (x > 0).any()]
    return max(found) if found else float("nan")


def traded(bars: Priced, first: int, last: int, size: float) -> bool:
    """Whether bars first..last were traded as a move of `size` (a logarithm) asks; False where volume is not known."""
    usual = usual_volume(bars, first, last)
    volume = float(bars.volume[first : last + 1].mean())
    sigmas = size / max(float(bars.scale[first]), local(bars, first), 1e-9)
    return bool(volume >= usual * BUSY * np.sqrt(max(sigmas / USUAL, 1.0)))

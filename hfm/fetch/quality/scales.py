"""What a symbol's bars are measured by: the usual size of their moves, and whether a move was traded as its size asks.

Axes: [n] bars of one symbol in order. All scales are medians, so that a wrong price moves none of them.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from hfm.arrays import Bool, Float, Int
from hfm.fetch.quality.grid_bars import GridBars, first_of_group

MAD = 1.4826
"""Median absolute value to standard deviation, of a normal."""
TRAIL = 20
"""Sessions before a bar's own that its scales come from."""
NEAR = 6
"""Bars on either side that a bar is compared with."""
BUSY, USUAL = 1.5, 10.0
"""A move of USUAL sigmas is traded at BUSY times the volume near it; one of z at BUSY sqrt(z / USUAL)."""


class ScaledBars(NamedTuple):
    """Bars of one symbol in order, and the scales of their moves. Arrays [n].

    Attributes
    ----------
    session : position of each bar's session.
    seq : slot in the session.
    open, high, low, close : currency.
    volume : shares.
    scale : sigma of a bar's log return, from bars that moved; NaN where it is not known, as in the next three.
    night : sigma of the return from the session before to a bar's session.
    opening : sigma of the return of the session's first bar.
    sigma : `scale` with the bars that did not move.
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

    def take(self, keep: Bool) -> ScaledBars:
        """Some of the bars, with their scales.

        Parameters
        ----------
        keep : [n].

        Returns
        -------
        ScaledBars
        """
        if keep.all():
            return self
        return self._replace(**{name: getattr(self, name)[keep] for name in self._fields})


def measure(bars: GridBars) -> ScaledBars:
    """Bars [n] with the scales of their moves.

    Each scale comes from the TRAIL sessions before the bar's own; of the first sessions, from what there is.

    Returns
    -------
    ScaledBars
    """
    new = bars.session_start
    border = np.flatnonzero(new)
    step = np.append(np.nan, np.diff(np.log(bars.close)))[: len(bars)]
    trail = trailing(border, np.where(new, np.nan, step))
    night, opening = np.full(len(border), np.nan), np.log(bars.close[border] / bars.open[border])
    night[1:] = np.log(bars.open[border[1:]] / bars.close[border[1:] - 1])
    counts = np.diff(np.append(border, len(bars)))[: len(border)]
    opening, night = (np.repeat(by_session(x), counts) for x in (opening, night))
    opening, night = np.fmax(opening, 4.0 * trail.scale), np.fmax(night, 5.0 * trail.scale)
    return ScaledBars(
        bars.index, bars.seq, bars.open, bars.high, bars.low, bars.close, bars.volume,
        trail.scale, night, opening, trail.sigma,
    )  # fmt: skip


def median(values: Float) -> float:
    """The median, as np.median has it, in a third of its time (it is asked for every session).

    Parameters
    ----------
    values : [n], at least one, no NaN.

    Returns
    -------
    float
    """
    half = len(values) // 2
    if len(values) % 2:
        return float(np.partition(values, half)[half])
    part = np.partition(values, (half - 1, half))
    return float(0.5 * (part[half - 1] + part[half]))


class TrailingScales(NamedTuple):
    """[n] of each bar: scale without the changes of 0, which are no trade; sigma with them. NaN: no change is known."""

    scale: Float
    sigma: Float


def trailing(border: Int, change: Float) -> TrailingScales:
    """MAD x median |change| of the TRAIL sessions before each row's own; of the first session its own.

    One partition of a window gives both medians: the order statistics of the changes that are not 0, with those of 0 in
    front. So an import sorts each window once and not twice. Slow twin: `trailing_sigma`, which leaves out `scale`;
    tests/fetch/quality/test_scales.py holds the two together.

    Parameters
    ----------
    border : [S] first row of each session, from 0 on.
    change : [n] log returns; NaN where there is none.

    Returns
    -------
    TrailingScales
    """
    size = np.abs(change)
    moved = size > 0
    place, count = np.append(0, np.cumsum(moved)), np.append(0, np.cumsum(~np.isnan(size)))
    size = size[moved]
    ends = np.append(border[1:], len(change))[: len(border)]
    scale, sigma = np.full(len(border), np.nan), np.full(len(border), np.nan)
    for k, (start, end) in enumerate(zip(border, ends, strict=True)):
        low, high = (border[max(k - TRAIL, 0)], start) if k else (start, end)
        n, m = int(count[high] - count[low]), int(place[high] - place[low])  # changes, and those that are not 0
        if not n:
            continue
        # the two middle ranks among the m, and among the n, of which the first n - m are 0
        ranks = [(m - 1) // 2, m // 2, (n - 1) // 2 - (n - m), n // 2 - (n - m)]
        distinct = sorted({rank for rank in ranks if 0 <= rank < m})
        part = np.partition(size[place[low] : place[high]], distinct) if distinct else size[:0]
        a, b, c, d = (float(part[rank]) if rank >= 0 else 0.0 for rank in ranks) if m else (np.nan, np.nan, 0.0, 0.0)
        scale[k], sigma[k] = MAD * (0.5 * (a + b)), MAD * (0.5 * (c + d))
    return TrailingScales(np.repeat(scale, ends - border), np.repeat(sigma, ends - border))


def trailing_sigma(session: Int, change: Float) -> Float:
    """MAD x median |change| of the TRAIL sessions before each row's own: the plain form of `trailing`'s sigma.

    Parameters
    ----------
    session : [n] position of each row's session, in order.
    change : [n] log returns; NaN where there is none.

    Returns
    -------
    [n]; NaN where no change is known.
    """
    border = np.flatnonzero(first_of_group(session))
    ends = np.append(border[1:], len(session))
    sigma = np.full(len(session), np.nan)
    for k, (start, end) in enumerate(zip(border, ends, strict=True)):
        low, high = (border[max(k - TRAIL, 0)], start) if k else (start, end)
        window = np.abs(change[low:high])
        window = window[~np.isnan(window)]
        if window.size:
            sigma[start:end] = MAD * median(window)
    return sigma


def by_session(change: Float) -> Float:
    """MAD x median |change| of the TRAIL sessions before, of one change a session: as `trailing`'s scale.

    Parameters
    ----------
    change : [S] log returns; NaN and 0 are left out.

    Returns
    -------
    [S]; of the first session its own change; NaN where none is known.
    """
    size = np.abs(change)
    size[~(size > 0)] = np.nan
    padded = np.concatenate((np.full(TRAIL, np.nan), size))
    windows = np.sort(np.lib.stride_tricks.sliding_window_view(padded, TRAIL)[: len(size)], axis=1)
    windows[:1, 0] = size[:1]
    count = np.isfinite(windows).sum(axis=1)
    rows, half = np.arange(len(size)), count // 2
    low, high = windows[rows, np.maximum((count - 1) // 2, 0)], windows[rows, np.minimum(half, TRAIL - 1)]
    return MAD * np.where(count > 0, 0.5 * (low + high), np.nan)


def local_sigma(bars: ScaledBars, row: int) -> float:
    """Sigma of the log returns of the NEAR bars on either side of a row, in its session; 0 where there are none."""
    part = slice(max(row - NEAR - 1, 0), row + NEAR + 2)
    rows = np.arange(part.start, min(part.stop, len(bars.close)))
    rows = rows[(bars.session[rows] == bars.session[row]) & (rows != row)]
    if len(rows) < 3:
        return 0.0
    return MAD * median(np.abs(np.diff(np.log(bars.close[rows]))))


def usual_volume(bars: ScaledBars, first: int, last: int) -> float:
    """The volume of a bar around rows first..last: the larger of two medians of positive volumes.

    Those of the bars near them, and those of the same slots in the TRAIL sessions before (of the first session after,
    for there is none before).

    Parameters
    ----------
    bars : [n].
    first, last : rows, both included.

    Returns
    -------
    Shares; NaN where none is known.
    """
    near = np.concatenate((bars.volume[max(first - NEAR, 0) : first], bars.volume[last + 1 : last + 1 + NEAR]))
    same = (bars.seq >= bars.seq[first]) & (bars.seq <= bars.seq[last]) if last - first < NEAR else bars.seq >= 0
    ago = bars.session[first] - bars.session
    same &= ((ago >= 0) & (ago <= TRAIL)) if ago[0] > 0 else (ago >= -TRAIL)
    same[first : last + 1] = False
    medians = [float(np.median(x[x > 0])) for x in (near, bars.volume[same]) if (x > 0).any()]
    return max(medians) if medians else float("nan")


def is_traded(bars: ScaledBars, first: int, last: int, size: float) -> bool:
    """Whether bars were traded as a move of their size asks; False where volume is not known.

    Parameters
    ----------
    bars : [n].
    first, last : rows of the bars, both included.
    size : the move, a logarithm of the price.

    Returns
    -------
    bool
    """
    usual = usual_volume(bars, first, last)
    volume = float(bars.volume[first : last + 1].mean())
    sigmas = size / max(float(bars.scale[first]), local_sigma(bars, first), 1e-9)
    return bool(volume >= usual * BUSY * np.sqrt(max(sigmas / USUAL, 1.0)))

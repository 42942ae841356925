"""What chance alone would show: circular-shift permutation and the Pesaran-Timmermann test.

Axes: n rows in order, G clusters. Signals are -1, 0, 1, 0 where there is none.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from hfm.arrays import Float
from hfm.proportion import student_tail

Array = npt.NDArray[Any]  # Any: signs as int8, or float64
SHIFTS = 999
"""B: most shifts that are looked at, evenly spaced."""
OFFSETS = 128
"""Offsets that are transformed at a time, so that the memory of many rows is that of few."""


class SignalSeries(NamedTuple):
    """Signals and outcomes of one symbol over its rows in order, [n] each; a NaN outcome counts as 0."""

    signal: Array
    outcome: Array


class ShiftTest(NamedTuple):
    """The scaled sum of signal x outcome, and the same under each circular shift, [B]; B is 0 for too few rows."""

    statistic: float
    null: Float

    @property
    def p(self) -> float | None:
        """The one-sided p-value; None without a null distribution."""
        return p_value(self.statistic, self.null)


class TimingTest(NamedTuple):
    """A t statistic and its one-sided p-value."""

    statistic: float
    p: float


def shift_test(series: Sequence[SignalSeries], least: int, studentise: bool = False) -> ShiftTest:
    """The sum of signal x outcome over all symbols, and its null distribution under circular shifts.

    All symbols are shifted by the same multiples of a fixed number of rows, each circularly over its own rows, of which
    the first are left out where they do not fill a step (at most one in SHIFTS). Nothing is padded, so that a constant
    signal has the same sum under every shift. A shift counts where it is `least` rows and more either way of every
    symbol.

    Parameters
    ----------
    series : one a symbol; NaN outcomes count as 0.
    least : rows, normally of a session. Without a null distribution where a symbol has fewer than two `least`.
    studentise : take outcomes less their mean, and divide each sum by the root of its own sum of squares, so that a
        signal that stands where outcomes are large is compared with others of the same variance (Janssen 1997,
        doi:10.1016/S0167-7152(97)00043-6); else one root divides all sums.

    Returns
    -------
    The statistic, and its values under the shifts that count.
    """
    longest = max((len(signal) for signal, _ in series), default=0)
    step = -(-longest // (SHIFTS + 1)) or 1
    shifts = np.arange(max(longest // step, 1))
    sums, squares, counted = np.zeros(len(shifts)), np.zeros(len(shifts)), shifts >= 1
    for signal, outcome in series:
        rest = len(signal) % step
        x, y, n = signal[rest:], outcome[rest:], len(signal) - rest
        centre = float(np.nanmean(y)) if studentise and np.isfinite(y).any() else 0.0
        at = shifts % max(n // step, 1)
        sums += _circular(x, y, centre, step)[at]
        if studentise:
            squares += _circular(x, y, centre, step, square=True)[at]
        else:
            squares += np.count_nonzero(x) / max(n, 1) * float(np.nansum(np.square(y, dtype=np.float64)))
        counted &= (at * step >= least) & (at * step <= n - least) & (len(signal) >= 2 * least)
    scaled: Float = sums / np.sqrt(np.maximum(squares, max(1e-12 * float(squares.max()), 1e-300)))
    return ShiftTest(float(scaled[0]), scaled[counted])


def _circular(signal: Array, outcome: Array, centre: float, step: int, square: bool = False) -> Float:
    """Circular cross-correlation at every step-th shift k: sum over i of signal[i] (outcome - centre)[(i + k) mod n].

    One short FFT for each offset below `step`: a full-length one would know all shifts, and cost ten times as much.
    Sums of squares are kept in single precision: they are divisors, and their transforms take half the time.

    Parameters
    ----------
    signal, outcome : [n], n a multiple of step; NaN outcomes count as 0.
    centre : taken off the outcomes.
    step : rows from one shift to the next.
    square : sums of squared products instead.

    Returns
    -------
    [n / step], at shift k step in place k.
    """
    blocks, kind = max(len(signal) // step, 1), np.float32 if square else np.float64
    product = np.zeros(blocks // 2 + 1, np.complex128)
    grid = [x.reshape(blocks, step) for x in (signal, outcome)]
    for first in range(0, step, OFFSETS):
        x, y = (np.array(each[:, first : first + OFFSETS].T, np.float64, order="C") for each in grid)
        y -= centre
        if outcome.dtype.kind == "f":
            y[np.isnan(y)] = 0.0
        if square:
            x, y = x * x, y * y
        lines = [np.fft.rfft(line.astype(kind, copy=False), axis=1) for line in (x, y)]
        product += np.einsum("bf,bf->f", np.conj(lines[0]), lines[1])
    cross: Float = np.fft.irfft(product, blocks)
    return cross


def p_value(actual: float, null: Float) -> float | None:
    """The one-sided p-value of a permutation test, (1 + # of null at or above actual) / (1 + B).

    Parameters
    ----------
    actual : the statistic.
    null : [B] its values under permutations; ties up to rounding count as at or above.

    Returns
    -------
    In (0, 1]; None where B is 0.
    """
    if not null.size:
        return None
    slack = 1e-9 * max(float(np.abs(null).max()), abs(actual), 1.0)
    return (1 + int((null >= actual - slack).sum())) / (1 + null.size)


def pesaran_timmermann(hits: Float, ups: Float, calls: Float, rows: Float) -> TimingTest | None:
    """The test that directions are foretold, from sums by cluster.

    Pesaran and Timmermann (2009), doi:10.1198/jasa.2009.0113, of two categories: the covariance of outcome and
    forecast (0 or 1), here with clusters (sessions, or blocks of one) as independent units in place of their HAC
    estimate: the t test of the clusters' sums, G - 1 degrees of freedom. Of rows that are all independent it is their
    test of 1992.

    Parameters
    ----------
    hits : [G] rows called right; a call of neither side is half one.
    ups : [G] outcomes up.
    calls : [G] forecasts up; neither side is a half.
    rows : [G] rows; clusters without any are left out.

    Returns
    -------
    Statistic and one-sided p; None below two clusters with rows, and where all outcomes or all forecasts are the same.
    """
    some = rows > 0
    hits, ups, calls, rows = hits[some], ups[some], calls[some], rows[some]
    groups, n = len(rows), float(rows.sum())
    if groups < 2 or not 0 < ups.sum() < n or not 0 < calls.sum() < n:
        return None
    y, x = float(ups.sum()) / n, float(calls.sum()) / n
    both = 0.5 * (hits - rows + ups + calls)  # sum of forecast x outcome
    each = both - x * ups - y * calls + x * y * rows
    error = float(each.std(ddof=1)) * math.sqrt(groups)
    if not error > 1e-12 * n:
        return None
    t = float(each.sum()) / error
    return TimingTest(t, student_tail(t, groups - 1))

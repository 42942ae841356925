"""What chance alone would show: circular-shift permutation and the Pesaran-Timmermann test.

Axes: n rows in order. Signals are -1, 0, 1, 0 where there is none.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import NormalDist
from typing import Any

import numpy as np
import numpy.typing as npt

Float = npt.NDArray[np.float64]
Array = npt.NDArray[Any]  # Any: signs as int8, or float64
SHIFTS = 999
"""B: most shifts that are looked at, evenly spaced."""


PLACES = 128
"""Places in a block that are transformed at a time, so that the memory of many rows is that of few."""


def shift_test(parts: Sequence[tuple[Array, Array]], least: int) -> tuple[float, Float]:
    """sum(signal x outcome) over `parts` (one a symbol) as it is, and under circular shifts of the signals, [B].

    Each part is cut into at most SHIFTS blocks (the last filled up with empty rows) and shifted by 1, 2, ... blocks, as
    far as that is `least` rows (a session) and more either way; so symbols of equal length move together. NaN outcomes
    count as 0. B is 0 where a part is shorter than two `least`.
    """
    blocks = max(1, min(max((len(signal) for signal, _ in parts), default=0), SHIFTS))
    steps = np.arange(1, blocks)
    actual, null = 0.0, np.zeros(blocks)
    for signal, outcome in parts:
        y = outcome if outcome.dtype.kind == "i" else np.where(np.isnan(outcome), 0.0, outcome)
        rows = -(-len(signal) // blocks)
        actual += float(np.sum(signal * y, dtype=np.float64))
        null += _circular(signal, y, blocks, rows)
        steps = steps[(steps * rows >= least) & ((blocks - steps) * rows >= least) & (len(signal) >= 2 * least)]
    return actual, null[steps]


def _circular(signal: Array, y: Array, blocks: int, rows: int) -> Float:
    """[blocks]: sum over i of signal[i] y[i + k rows] at each k, circular over blocks x rows rows.

    One short FFT for each place in a block: a full-length one would know all shifts, and cost ten times as much.
    """
    product = np.zeros(blocks // 2 + 1, np.complex128)
    for first in range(0, rows, PLACES):
        lines = [np.fft.rfft(_places(x, blocks, rows, first), axis=1) for x in (signal, y)]
        product += np.einsum("bf,bf->f", np.conj(lines[0]), lines[1])
    cross: Float = np.fft.irfft(product, blocks)
    return cross


def _places(x: Array, blocks: int, rows: int, first: int) -> Float:
    """[places, blocks]: the rows at places `first` and on of each block of x, zeros beyond its end."""
    last = min(first + PLACES, rows)
    out = np.zeros((last - first, blocks))
    for place in range(first, last):
        found = x[place::rows]
        out[place - first, : len(found)] = found
    return out


def p_value(actual: float, null: Float) -> float | None:
    """(1 + # of null at or above actual) / (1 + B); None without a null. Ties up to rounding count against us."""
    if not null.size:
        return None
    slack = 1e-9 * max(float(np.abs(null).max()), abs(actual))
    return (1 + int((null >= actual - slack).sum())) / (1 + null.size)


def pesaran_timmermann(hits: int, ups: int, calls: int, n: int) -> tuple[float, float] | None:
    """Statistic and one-sided p that directions are foretold: hits of n, `ups` outcomes up, `calls` forecasts up.

    Pesaran and Timmermann (1992), eq. 6. None where all outcomes or all forecasts are the same.
    """
    if n == 0 or ups in (0, n) or calls in (0, n):
        return None
    y, x = ups / n, calls / n
    star = y * x + (1 - y) * (1 - x)
    of_hits = star * (1 - star) / n
    of_star = ((2 * y - 1) ** 2 * x * (1 - x) + (2 * x - 1) ** 2 * y * (1 - y)) / n
    of_star += 4 * y * x * (1 - y) * (1 - x) / n**2
    if of_hits <= of_star:
        return None
    s = (hits / n - star) / math.sqrt(of_hits - of_star)
    return s, 1.0 - NormalDist().cdf(s)

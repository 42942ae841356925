"""What chance alone would show: circular-shift permutation and the Pesaran-Timmermann test.

Axes: n rows in order. Signals are -1, 0, 1, 0 where there is none.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import NormalDist

import numpy as np
import numpy.typing as npt

Float = npt.NDArray[np.float64]
SHIFTS = 999
"""B: most shifts that are looked at, evenly spaced."""


def shift_test(parts: Sequence[tuple[Float, Float]], least: int) -> tuple[float, Float]:
    """sum(signal x outcome) over `parts` (one a symbol) as it is, and under circular shifts of the signals, [B].

    Each shift is by `least` rows (a session) and more either way; symbols of equal length move together. NaN
    outcomes count as 0. B is 0 where a part is shorter than two `least`.
    """
    room = min((len(signal) - 2 * least + 1 for signal, _ in parts), default=0)
    actual, null = 0.0, np.zeros(max(min(SHIFTS, room), 0))
    for signal, outcome in parts:
        y = np.nan_to_num(outcome, nan=0.0)
        actual += float(signal @ y)
        if null.size:
            steps = np.linspace(least, len(signal) - least, null.size).round().astype(np.int64)
            null += _circular(signal, y)[steps]
    return actual, null


def _circular(signal: Float, y: Float) -> Float:
    """[n]: sum over i of signal[i] y[(i + k) mod n] at each k, by FFT."""
    n = len(signal)
    size = 1 << (2 * n - 1).bit_length()
    cross = np.fft.irfft(np.conj(np.fft.rfft(signal, size)) * np.fft.rfft(y, size), size)
    full: Float = cross[:n].copy()
    full[1:] += cross[size - n + 1 :]
    return full


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

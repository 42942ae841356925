"""The original one-file recipe of the spread and the order flow, kept so that its figures can be set beside
honest ones.

Spread = 10 bp + 2 x volatility of 20 rows + noise, at least 1 bp; OFI = +.6 volume where the row rose, -.4
otherwise. Its noise is a tenth of the volatility's sd over the whole sample, so that a longer sample changes
earlier rows.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Float = npt.NDArray[np.float64]

WINDOW = 20
BASE_BPS, SLOPE, NOISE, FLOOR_BPS = 10.0, 2.0, 0.1, 1.0


def volatility(returns: Float, tail: Float) -> tuple[Float, Float]:
    """Sample sd of the last 20 returns [n], in bps, and the tail for the next call.

    tail: the last up to 19 returns before these. While fewer than 20 are known, the sd of those that are; 0
    of one.
    """
    joined = np.concatenate((tail, returns))
    padded = np.concatenate((np.zeros(WINDOW - 1), joined))
    total, squares = np.zeros(len(joined)), np.zeros(len(joined))
    for lag in range(WINDOW):
        part = padded[lag : lag + len(joined)]
        total += part
        squares += part * part
    n = np.minimum(np.arange(1, len(joined) + 1), WINDOW)
    variance = np.where(n > 1, squares - total * total / n, 0.0) / np.maximum(n - 1, 1)
    return 1e4 * np.sqrt(np.maximum(variance, 0.0))[len(tail) :], joined[-(WINDOW - 1) :]


def spread_bps(volatility_bps: Float, noise_bps: Float) -> Float:
    """Spreads in bps of volatilities in bps; noise_bps: standard normals times the volatility's sd over the sample."""
    return np.maximum(BASE_BPS + SLOPE * volatility_bps + NOISE * noise_bps, FLOOR_BPS)


def ofi(returns: Float, volume: Float) -> Float:
    """Order-flow imbalance in shares."""
    return np.where(returns > 0, 0.6, -0.4) * volume

"""Measures of forecasts: arrays in, a number out, with a standard error by cluster where it has one.

p is P(up), y the label, 1 or 0; n rows, none of them NaN.
"""

from __future__ import annotations

import numpy as np

from hfm.plugins import Float, Int
from hfm.train.calibration import clustered

BINS = 15
"""Bins of equal count in the expected calibration error."""


def auc(p: Float, y: Float, cluster: Int) -> tuple[float, float, int]:
    """The area under the ROC curve, with its standard error.

    The error is DeLong's (DeLong, DeLong and Clarke-Pearson 1988, Biometrics 44(3), doi:10.2307/2531595), its
    components summed by cluster (Obuchowski 1997, Biometrics 53(2), doi:10.2307/2533958).

    Parameters
    ----------
    p : float64 [n]
        P(up), without NaN; ties count half.
    y : float64 [n]
        1 or 0.
    cluster : int64 [n]
        In whose sums errors may move together.

    Returns
    -------
    area, error : float
        NaN where one class is missing.
    n : int
    """
    up = y > 0.5
    ups, downs = int(up.sum()), int((~up).sum())
    if ups == 0 or downs == 0:
        return float("nan"), float("nan"), len(y)
    high, low = np.sort(p[up]), np.sort(p[~up])
    # DeLong's placements: of an up the share of downs below it, of a down the share of ups above it
    place = np.empty(len(p))
    place[up] = (np.searchsorted(low, p[up], "left") + np.searchsorted(low, p[up], "right")) / (2 * downs)
    place[~up] = 1 - (np.searchsorted(high, p[~up], "left") + np.searchsorted(high, p[~up], "right")) / (2 * ups)
    value = float(place[up].mean())
    influence = np.where(up, (place - value) / ups, (place - value) / downs) * len(p)
    return value, clustered(influence, cluster)[1], len(y)


def r_squared(error: Float, y: Float, cluster: Int) -> tuple[float, float]:
    """1 - mean squared error / variance of the labels, with its standard error, linearised.

    Parameters
    ----------
    error : float64 [n]
        Label less forecast, without NaN.
    y : float64 [n]
        Labels.
    cluster : int64 [n]
        In whose sums errors may move together.

    Returns
    -------
    value, error : float
        NaN where y is constant.
    """
    around = (y - y.mean()) ** 2
    if around.mean() == 0:
        return float("nan"), float("nan")
    ratio = float(np.mean(error**2) / around.mean())
    return 1 - ratio, clustered((error**2 - ratio * around) / around.mean(), cluster)[1]


def _bins(p: Float) -> Int:
    """[n] bin of each row: BINS bins of (almost) equal count by rank."""
    rank = np.empty(len(p), np.int64)
    rank[np.argsort(p, kind="stable")] = np.arange(len(p))
    return rank * min(BINS, len(p)) // len(p)


def calibration_error(p: Float, y: Float) -> float:
    """Expected calibration error: mean |share of ups - mean p| over BINS bins of equal count, weighted by count.

    Parameters
    ----------
    p : float64 [n]
        P(up), without NaN; n > 0.
    y : float64 [n]
        1 or 0.

    Returns
    -------
    float
        In [0, 1].
    """
    at = _bins(p)
    return float(np.abs(np.bincount(at, y - p)).sum() / len(p))


def expected_error(p: Float) -> float:
    """The calibration error that a true P(up) = p would show at this n, by the normal approximation in each bin.

    Parameters
    ----------
    p : float64 [n]
        Without NaN.

    Returns
    -------
    float
        NaN without a row.
    """
    if len(p) == 0:
        return float("nan")
    return float(np.sqrt(2 / np.pi * np.bincount(_bins(p), p * (1 - p))).sum() / len(p))


def oracle_share(p: Float, oracle: Float) -> float:
    """Share that a forecast keeps of the oracle's gain in expected log-loss over P(up) = 1/2.

    Parameters
    ----------
    p : float64 [n]
        P(up), without NaN.
    oracle : float64 [n]
        The simulator's own; rows where it is NaN are left out.

    Returns
    -------
    float
        NaN where the oracle knows nothing.
    """
    rows = np.isfinite(oracle)
    q, p = oracle[rows], np.clip(p[rows], 1e-12, 1 - 1e-12)
    if rows.sum() == 0 or np.abs(q - 0.5).max() < 1e-9:
        return float("nan")
    q = np.clip(q, 1e-12, 1 - 1e-12)
    gain = q * np.log(2 * p) + (1 - q) * np.log(2 * (1 - p))
    full = q * np.log(2 * q) + (1 - q) * np.log(2 * (1 - q))
    return float(gain.sum() / full.sum())

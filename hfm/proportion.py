"""Proportions and their intervals, of independent rows and of rows that move together inside a cluster.

Axes: G clusters. Student's t is here too, for intervals and tests that rest on few clusters.
"""

from __future__ import annotations

import math
from statistics import NormalDist

from hfm.arrays import Float


def wilson(hits: float, n: float, level: float = 0.95) -> tuple[float, float]:
    """Interval of a proportion of `hits` in `n` independent draws.

    Wilson (1927), JASA 22, 209-212, doi:10.1080/01621459.1927.10502953.

    Parameters
    ----------
    hits, n : counts; of weighted rows they need not be whole.
    level : coverage, in (0, 1).

    Returns
    -------
    (low, high) : in [0, 1]; (0, 1) where n is 0.
    """
    if n == 0:
        return 0.0, 1.0
    z = NormalDist().inv_cdf(0.5 + level / 2)
    share, scale = hits / n, 1 + z * z / n
    centre = (share + z * z / (2 * n)) / scale
    half = z / scale * math.sqrt(share * (1 - share) / n + z * z / (4 * n * n))
    return max(0.0, centre - half), min(1.0, centre + half)


def wilson_clustered(hits: Float, rows: Float, level: float = 0.95) -> tuple[float, float] | None:
    """Interval of a proportion from hits and rows by cluster.

    Wilson's interval at the effective number of rows: rows over the design effect (variance of the ratio estimator,
    Cochran 1977, eq. 2.39, over that of independent rows, at least 1), scaled down by (z / t of G - 1 degrees of
    freedom)^2. Dean and Pagano (2015), doi:10.1093/jssam/smv024. Where all rows or none are hits, each cluster counts
    as one row.

    Parameters
    ----------
    hits, rows : [G] counts of each cluster; no NaN; clusters without rows are left out.
    level : coverage, in (0, 1).

    Returns
    -------
    (low, high) : in [0, 1]; None below two clusters with rows.
    """
    some = rows > 0
    hits, rows = hits[some], rows[some]
    groups, n = len(rows), float(rows.sum())
    if groups < 2:
        return None
    share = float(hits.sum()) / n
    if not 0 < share < 1:
        return wilson(share * groups, groups, level)
    residual = hits - share * rows
    variance = groups / (groups - 1) * float(residual @ residual) / n**2
    effect = max(variance * n / (share * (1 - share)), 1.0)
    ratio = student_quantile(0.5 + level / 2, groups - 1) / NormalDist().inv_cdf(0.5 + level / 2)
    effective = n / (effect * ratio**2)
    return wilson(share * effective, effective, level)


def student_tail(t: float, freedom: int) -> float:
    """P(T > t) of Student's t with an integer number of degrees of freedom, at least 1.

    Abramowitz and Stegun (1964), 26.7.3 and 26.7.4.

    Returns
    -------
    float : in [0, 1].
    """
    theta = math.atan2(abs(t), math.sqrt(freedom))
    cos2, odd = math.cos(theta) ** 2, freedom % 2 == 1
    term = math.cos(theta) if odd else 1.0
    total = 0.0 if freedom == 1 else term
    for k in range(3 if odd else 2, freedom - 1, 2):
        term *= (k - 1) / k * cos2
        total += term
    inside = 2 / math.pi * (theta + math.sin(theta) * total) if odd else math.sin(theta) * total
    return 0.5 * (1.0 - inside) if t >= 0 else 0.5 * (1.0 + inside)


def student_quantile(probability: float, freedom: int) -> float:
    """The t with P(T <= t) = `probability`, from 1/2 to below 1, to 1e-9 of itself; by bisection."""
    low, high = 0.0, 1.0
    while student_tail(high, freedom) > 1 - probability:
        low, high = high, 2 * high
    while high - low > 1e-9 * high:
        middle = 0.5 * (low + high)
        low, high = (middle, high) if student_tail(middle, freedom) > 1 - probability else (low, middle)
    return 0.5 * (low + high)

"""EDGE: the effective spread from open, high, low and close (Ardia, Guidotti and Kroencke 2024).

Journal of Financial Economics 161, 103916, doi:10.1016/j.jfineco.2024.103916. The steps, and the letters r, tau, d, x,
are those of the authors' own `edge` (package bidask), with which tests/simulate/spread compares it. One estimate a
session, signed and squared, so that a mean over sessions stays unbiased. Where opens are the closes before, the second
of its two moments is 0 by construction, with no variance, and rules: the estimate is then 0 whatever the spread.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from hfm.arrays import Float


def squared_spread(open_: Float, high: Float, low: Float, close: Float) -> Float:
    """Squared relative spread of each session.

    Parameters
    ----------
    open_, high, low, close
        [S, T] prices, NaN in holes.

    Returns
    -------
    Float
        [S], may be below 0; NaN where fewer than two bars moved, or no open or close ever left the bar's extremes.
    """
    return moments(*(np.log(x) for x in (open_, high, low, close)))[0]


def moments(o: Float, h: Float, lo: Float, c: Float) -> tuple[Float, Float, Float]:
    """EDGE of each session, with its own variance.

    Parameters
    ----------
    o, h, lo, c
        [S, T] log prices, NaN in holes.

    Returns
    -------
    tuple[Float, Float, Float]
        [S] each: the squared relative spread, the variance of that mean from the rows' own scatter, the rows behind it.
        NaN as in squared_spread.
    """
    # returns between open, mid-range and the close before (section 2.2)
    m = (h + lo) / 2.0
    h1, l1, c1, m1 = (x[:, :-1] for x in (h, lo, c, m))
    o, h, lo, m = (x[:, 1:] for x in (o, h, lo, m))
    r1, r2, r3, r4, r5 = m - o, o - m1, m - c1, c1 - m1, o - c1
    valid = np.isfinite(r1 + r2 + r3 + r4)
    rows = valid.sum(axis=1).astype(float)
    n = np.maximum(rows, 1.0)
    if not valid.all():
        r1, r2, r3, r4, r5 = (np.where(valid, r, 0.0) for r in (r1, r2, r3, r4, r5))

    def mean(x: npt.NDArray[Any]) -> Float:  # Any: booleans or floats
        return np.asarray(x.sum(axis=1) / n)

    # tau: rows in which the price moved; and the probabilities that an open, and the close before, is not at its bar's
    # high, plus not at its low
    moved = valid & ((h != lo) | (lo != c1))
    p_open = mean(moved & (o != h)) + mean(moved & (o != lo))
    p_close = mean(moved & (c1 != h1)) + mean(moved & (c1 != l1))
    p_moved = mean(moved)
    # undefined below two such rows, or where one of the two probabilities is 0
    ok = (p_moved * n >= 2.0) & (p_open > 0) & (p_close > 0)
    p_moved, p_open, p_close = (np.where(ok, p, 1.0) for p in (p_moved, p_open, p_close))
    # returns less their mean over the rows that moved
    d1, d3, d5 = (r - (mean(r) / p_moved)[:, None] * moved for r in (r1, r3, r5))
    to_open, to_close = (-4.0 / p_open)[:, None], (-4.0 / p_close)[:, None]
    # two moments, each with expectation s^2: about mid-ranges, and about the open
    x1 = to_open * d1 * r2 + to_close * d3 * r4
    x2 = to_open * d1 * r5 + to_close * d5 * r4
    best, variance = _combined(x1, x2, n)
    return np.where(ok, best, np.nan), np.where(ok, variance, np.nan), rows


def _combined(x1: Float, x2: Float, n: Float) -> tuple[Float, Float]:
    """The mean of two moments over n rows [S], and its variance; x1, x2 [S, T - 1], 0 in rows that do not count."""
    # weighted by the variance of the other: efficient where they are uncorrelated
    e1, e2 = x1.sum(axis=1) / n, x2.sum(axis=1) / n
    v1, v2 = np.vecdot(x1, x1) / n - e1 * e1, np.vecdot(x2, x2) / n - e2 * e2
    total = v1 + v2
    share = np.where(total > 0, v2 / np.where(total > 0, total, 1.0), 0.5)
    # the variance of that mean (not in `edge`)
    cross = np.vecdot(x1, x2) / n - e1 * e2
    rest = share * share * v1 + (1.0 - share) ** 2 * v2 + 2.0 * share * (1.0 - share) * cross
    return share * e1 + (1.0 - share) * e2, np.maximum(rest, 0.0) / n

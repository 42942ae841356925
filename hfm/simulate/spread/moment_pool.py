"""Estimates of the squared spread pooled over sessions, their errors, and whether they can be trusted.

Axes: S sessions, N cases (sets of sessions), E estimators (estimators.NAMES). A pool comes from sums over sessions
alone, so that sessions may be added in any grouping.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hfm.arrays import Bool, Float
from hfm.simulate.spread.estimators import NAMES, SessionMoments, by_name

LEAST_ROWS = 30
"""Rows with a close before, below which nothing is estimated."""
CLUSTERED = 10
"""Sessions from which errors are clustered; below, they come from the rows."""
JOINED_GAPS, JOINED_RANGES = 0.5, 0.8
"""Shares of opens equal to the close before above which EDGE, and every estimator from ranges, is not trusted."""
THIN = 0.25
"""Share of closes at their bar's high or low above which no range is trusted: its bars hold too few trades."""
_SUMS = 7


@dataclass(frozen=True)
class MomentPool:
    """Estimates from N sets of sessions. square, se [N, E]: squared spread and its error (NaN: none); trusted [N, E]:
    whether the preconditions hold; df [N, E]: degrees of freedom of the error; rows, joined, sessions [N].
    """

    square: Float
    se: Float
    trusted: Bool
    df: Float
    rows: Float
    joined: Float
    sessions: Float


def sums(moments: SessionMoments) -> Float:
    """What a pool adds up of each session: the sums of a weighted mean, of its error, and of the prices' shape.

    Parameters
    ----------
    moments
        Of S sessions.

    Returns
    -------
    Float
        [S, 7 E + 5]; sums over sessions are what `pool` takes.
    """
    a, b = moments.weight * moments.square, moments.weight
    stack = (a, b, a * a, a * b, b * b, b * b * moments.variance, (b > 0).astype(float))
    some = (moments.weight > 0).any(axis=1, keepdims=True).astype(float)
    return np.concatenate((*stack, moments.shape, some), axis=1)


def pool(total: Float) -> MomentPool:
    """Estimates of each case, and whether they can be trusted.

    Parameters
    ----------
    total
        [N, 7 E + 5] `sums`, summed over the sessions of each case.

    Returns
    -------
    MomentPool
        [N, E] in bp^2; NaN where no session has rows for an estimator.
    """
    # the weighted mean over sessions, a / b
    count = len(NAMES)
    a, b, aa, ab, bb, within, n = (total[:, i * count : (i + 1) * count] for i in range(_SUMS))
    rows, joined, closes, extreme, sessions = total[:, _SUMS * count :].T
    some = b > 0
    mass = np.where(some, b, 1.0)
    square = np.where(some, a / mass, np.nan)
    # its variance: sum w^2 (x - mean)^2 over sessions, with n / (n - 1) for the mean that was fitted; of few sessions,
    # from the rows within each
    scatter = np.maximum(aa - 2.0 * square * ab + square * square * bb, 0.0) * n / np.maximum(n - 1.0, 1.0)
    clustered = n >= CLUSTERED
    variance = np.where(clustered, scatter, within) / mass**2
    # degrees of freedom: the effective number of sessions (sum w)^2 / sum w^2, less one
    df = np.where(clustered, np.maximum(mass * mass / np.where(some, bb, 1.0) - 1.0, 3.0), np.inf)
    s = by_name(square)["corwin_schultz"].copy()  # which is of the spread itself: onto the squared scale, signed
    by_name(square)["corwin_schultz"] = np.sign(s) * s * s
    share = joined / np.maximum(rows, 1.0)
    se = np.sqrt(variance)
    trusted = some & (se > 0) & (rows >= LEAST_ROWS)[:, None]
    dense = extreme <= THIN * closes
    trust = by_name(trusted)
    trust["abdi_ranaldo"] &= dense & (share <= JOINED_RANGES)
    trust["corwin_schultz"] &= dense & (share <= JOINED_RANGES)
    trust["edge"] &= share <= JOINED_GAPS
    return MomentPool(square, se, trusted, df, rows, share, sessions)

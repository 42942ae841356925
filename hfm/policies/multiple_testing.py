"""What the best of many worthless policies is expected to show."""

from __future__ import annotations

import math
from statistics import NormalDist

import numpy as np

NORMAL = NormalDist()


def expected_maximum(trials: int) -> float:
    """Expected largest of independent standard normals.

    Bailey and Lopez de Prado (2014), Journal of Portfolio Management 40(5), eq. 1,
    doi:10.3905/jpm.2014.40.5.094.

    Parameters
    ----------
    trials
        How many.

    Returns
    -------
    float
        In standard deviations; 0 for one.
    """
    if trials < 2:
        return 0.0
    tail = NORMAL.inv_cdf(1 - 1 / trials), NORMAL.inv_cdf(1 - 1 / (trials * math.e))
    return (1 - np.euler_gamma) * tail[0] + np.euler_gamma * tail[1]


def sharpe_hurdle(trials: int, n: int) -> float:
    """Sharpe ratio that the best of worthless policies is expected to show.

    Each trial's own sampling variance under the null, 1 / n, stands for the variance between trials: a family
    of near copies does not lower its own hurdle.

    Parameters
    ----------
    trials
        How many policies.
    n
        Observations of each.

    Returns
    -------
    float
        Per observation, not a year; NaN where n is 0.
    """
    return expected_maximum(trials) / math.sqrt(n) if n else math.nan

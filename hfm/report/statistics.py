"""The inference that stands behind the verdict: pure functions over arrays.

Legend of axes: S sessions, K trials. Sharpe ratios here are per observation (not annualised) unless named
otherwise.
"""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
import numpy.typing as npt

from hfm.policies.multiple_testing import sharpe_hurdle
from hfm.proportion import wilson, wilson_clustered

Float = npt.NDArray[np.float64]
Int = npt.NDArray[np.int64]
NORMAL = NormalDist()


# ---- proportions
def clustered_se(values: Float, clusters: Int) -> float:
    """Standard error of a mean whose errors may be correlated within a cluster.

    The sandwich of Liang and Zeger (1986), Biometrika 73, 13-22, doi:10.1093/biomet/73.1.13, times G / (G - 1) for G
    clusters.

    Parameters
    ----------
    values : [n] finite.
    clusters : [n] number or name of each one's cluster.

    Returns
    -------
    NaN below two clusters.
    """
    _, group = np.unique(clusters, return_inverse=True)
    count = int(group.max()) + 1 if group.size else 0
    if count < 2:
        return math.nan
    sums = np.bincount(group, values - values.mean(), minlength=count)
    return math.sqrt(count / (count - 1) * float(sums @ sums)) / values.size


@dataclass(frozen=True)
class ReliabilityCurve:
    """Calibration of probabilities, bin by bin: mean forecast, share that came true, its Wilson interval, rows."""

    forecast: Float
    observed: Float
    low: Float
    high: Float
    rows: Int
    ece: float
    """Expected calibration error: mean |observed - forecast| weighted by rows."""
    floor: float
    """The ECE that perfectly calibrated forecasts would show at this many rows."""


def reliability(p: Float, hit: Float, bins: int = 10, clusters: Int | None = None) -> ReliabilityCurve | None:
    """Reliability of forecasts against outcomes, in bins of equal count.

    The floor of the ECE: each bin's |observed - forecast| is half-normal with variance sum p (1 - p) / rows^2 when p is
    right, times the design effect of the clusters.

    Parameters
    ----------
    p : [n] forecasts, in [0, 1], finite.
    hit : [n] outcomes, 0 or 1.
    bins : most bins.
    clusters : [n] rows of one may move together, and the intervals and the floor are as wide as that makes them; a bin
        of one cluster has the interval (0, 1). None: all rows are independent.

    Returns
    -------
    The curve; None where n is 0.
    """
    if p.size == 0:
        return None
    order = np.argsort(p, kind="stable")
    parts = [part for part in np.array_split(order, min(bins, p.size)) if part.size]
    rows = np.array([part.size for part in parts])
    forecast = np.array([p[part].mean() for part in parts])
    observed = np.array([hit[part].mean() for part in parts])
    spread = np.array([math.sqrt(float((p[part] * (1 - p[part])).sum())) / part.size for part in parts])
    if clusters is None:
        bounds = np.array([wilson(round(float(hit[part].sum())), part.size) for part in parts])
    else:
        group = np.unique(clusters, return_inverse=True)[1]
        bounds = np.array([_clustered_bounds(hit[part], group[part]) for part in parts])
        spread *= np.sqrt([_design_effect(hit[part] - p[part], group[part]) for part in parts])
    weight = rows / rows.sum()
    ece = float(weight @ np.abs(observed - forecast))
    floor = float(weight @ spread) * math.sqrt(2 / math.pi)
    low, high = np.minimum(bounds[:, 0], observed), np.maximum(bounds[:, 1], observed)  # at 0 and 1 bounds round
    return ReliabilityCurve(forecast, observed, low, high, rows, ece, floor)


def _clustered_bounds(hit: Float, group: Int) -> tuple[float, float]:
    """Wilson interval of the share of hits [n]; (0, 1) of one cluster."""
    return wilson_clustered(np.bincount(group, hit).astype(float), np.bincount(group).astype(float)) or (0.0, 1.0)


def _design_effect(values: Float, group: Int) -> float:
    """Variance of the mean of values [n] with clusters over that without, at least 1; 1 where it cannot be known."""
    variance, error = float(values.var()) / values.size, clustered_se(values, group)
    return max(error**2 / variance, 1.0) if variance > 0 and math.isfinite(error) else 1.0


# ---- Sharpe
def probabilistic_sharpe(returns: Float, benchmark: float = 0.0) -> float:
    """The probabilistic Sharpe ratio, P(true Sharpe > `benchmark`).

    The standard error is taken at the observed ratio. Bailey and Lopez de Prado (2012), Journal of Risk 15(2), eq. 9,
    doi:10.21314/JOR.2012.255.

    Parameters
    ----------
    returns : [n] a period each, finite.
    benchmark : Sharpe ratio a period.

    Returns
    -------
    A probability; NaN without variance or below 3 observations.
    """
    n, sd = returns.size, float(returns.std()) if returns.size else 0.0
    if n < 3 or sd <= 1e-15:
        return math.nan
    z = (returns - returns.mean()) / sd
    sharpe = float(returns.mean()) / sd
    skew, kurtosis = float((z**3).mean()), float((z**4).mean())
    variance = (1 - skew * sharpe + (kurtosis - 1) / 4 * sharpe**2) / (n - 1)
    return NORMAL.cdf((sharpe - benchmark) / math.sqrt(variance)) if variance > 0 else math.nan


def deflated_sharpe(returns: Float, trials: int) -> float:
    """The deflated Sharpe ratio, P(true Sharpe > hurdle of `trials`): Bailey and Lopez de Prado (2014), eq. 2.

    Parameters
    ----------
    returns : [n] a period each, finite.
    trials : tried in all.

    Returns
    -------
    A probability; NaN as probabilistic_sharpe.
    """
    return probabilistic_sharpe(returns, sharpe_hurdle(trials, returns.size))


# ---- overfitting
def overfitting(excess_SK: Float, blocks: int = 16) -> float:
    """The probability of back-test overfitting (PBO).

    The share of splits in which the in-sample best trial is below the out-of-sample median: combinatorially symmetric
    cross-validation over `blocks` runs of sessions, ranked by Sharpe ratio; ties share their rank. Bailey, Borwein,
    Lopez de Prado and Zhu (2017), Journal of Computational Finance 20(4), doi:10.21314/JCF.2016.322.

    Parameters
    ----------
    excess_SK : [S, K] returns, finite.
    blocks : runs of sessions; fewer where S is below it.

    Returns
    -------
    In [0, 1]; NaN below two trials or four sessions.
    """
    sessions, trials = excess_SK.shape
    blocks = min(blocks, sessions // 2 * 2)
    if trials < 2 or blocks < 4:
        return math.nan
    parts = np.array_split(excess_SK, blocks)
    count = np.array([len(p) for p in parts], float)
    first = np.array([p.sum(axis=0) for p in parts])
    second = np.array([(p * p).sum(axis=0) for p in parts])
    chosen = np.array(list(itertools.combinations(range(blocks), blocks // 2)))
    inside = np.zeros((len(chosen), blocks))
    inside[np.arange(len(chosen))[:, None], chosen] = 1.0
    train = _sharpe(inside @ count, inside @ first, inside @ second)
    test = _sharpe((1 - inside) @ count, (1 - inside) @ first, (1 - inside) @ second)
    best = test[np.arange(len(chosen)), train.argmax(axis=1)][:, None]
    rank = (test < best).sum(axis=1) + 0.5 * ((test == best).sum(axis=1) + 1)
    return float((rank / (trials + 1) <= 0.5).mean())


def _sharpe(count: Float, first: Float, second: Float) -> Float:
    """Sharpe ratios from counts [n] and sums and sums of squares [n, K]; 0 without variance."""
    mean = first / count[:, None]
    variance = np.maximum(second / count[:, None] - mean**2, 0.0)
    flat = variance <= 1e-30
    return np.where(flat, 0.0, mean / np.sqrt(np.where(flat, 1.0, variance)))


# ---- resampling
def sharpe_interval(returns: Float, reps: int, seed: int) -> tuple[float, float]:
    """95 % percentile interval of the Sharpe ratio, sessions drawn with replacement.

    Parameters
    ----------
    returns : [n] a session each, finite, with variance.
    reps, seed : of the resampling.

    Returns
    -------
    Lower and upper end, not annualised.
    """
    rng = np.random.default_rng(seed)
    drawn = returns[rng.integers(0, returns.size, (reps, returns.size))]
    sd = drawn.std(axis=1)
    ratio = np.where(sd > 0, drawn.mean(axis=1) / np.where(sd > 0, sd, 1.0), 0.0)
    low, high = np.quantile(ratio, (0.025, 0.975))
    return float(low), float(high)

"""What is settled on validation rows once the models are fitted: gates, weights, temperature, confidence.

All of it is pooled over the validation blocks up to the fold at hand, so that it sees nothing of the fold's test part
and rests on more rows as the walk goes on.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

import numpy as np

from hfm.models.heads import QUANTILES, TASKS, blend, columns_of, mix
from hfm.models.networks.losses import log_loss, pinball
from hfm.plugins import Float, Int

GATES = np.array([0.0, 0.25, 0.5, 0.75, 1.0])
"""Shares of a network's correction that are tried."""
TEMPERATURES = np.linspace(0.0, 1.5, 301)
"""1/T that are tried."""
PRIOR = 0.25
"""Standard deviation of 1/T around 1: few rows leave it near 1, many decide it."""


@dataclass(frozen=True)
class ValidationBlock:
    """Validation rows of one fold. floor, heads: [n, 5] without and with the network; labels and clusters [n]."""

    floor: Float
    heads: Float
    up: Float
    log_vol: Float
    log_spread: Float
    cluster: Int


def pool(blocks: list[ValidationBlock]) -> ValidationBlock:
    """Several blocks as one."""
    return ValidationBlock(
        *(np.concatenate([getattr(b, name) for b in blocks]) for name in ValidationBlock.__dataclass_fields__)
    )


def gates(block: ValidationBlock) -> Float:
    """Shares of the network's corrections that validation rows support.

    Parameters
    ----------
    block : ValidationBlock
        floor, heads : [n, 5] without and with the network.

    Returns
    -------
    float64 [3]
        Of heads.TASKS: of GATES the one with the lowest mean loss, if its gain over the floor is more than one standard
        error (clustered by session or block); else 0: the floor stands. So it does where one cluster leaves no error.
    """
    chosen = np.zeros(len(TASKS))
    losses = (_direction, _volatility, _spread)
    for k, loss in enumerate(losses):
        base = loss(block, block.floor)
        best = 0.0
        for share in GATES[1:]:
            gain = base - loss(block, mix(block.floor, block.heads, np.full(len(TASKS), share)))
            mean, se = clustered(gain, block.cluster)
            if mean > best and mean > se:
                best, chosen[k] = mean, share
    return chosen


def weights(block: ValidationBlock, free: bool = False) -> Float:
    """Weights of an ensemble's members that validation rows support.

    Half way between equal weights and the ones (tenths, no negative, sum 1) with the least mean loss: equal weights are
    hard to beat with few rows, and half of the way costs little with many.

    Parameters
    ----------
    block : ValidationBlock
        heads : [n, 5, M] of M members.
    free : bool
        The best ones themselves, 0 where they have it, if their gain over half way is more than one standard error
        (clustered).

    Returns
    -------
    float64 [3, M]
        Of heads.TASKS.
    """
    members = block.heads.shape[2]
    tried = [np.array(w) / 10 for w in itertools.product(range(11), repeat=members) if sum(w) == 10]
    out = np.full((len(TASKS), members), 1 / members)
    for k, loss in enumerate((_direction, _volatility, _spread)):
        means = [np.nanmean(_blended(block, loss, w)) for w in tried]
        if np.isfinite(means).any():
            best = tried[int(np.nanargmin(means))]
            out[k] = 0.5 * (out[k] + best)
            gain, se = clustered(_blended(block, loss, out[k]) - _blended(block, loss, best), block.cluster)
            if free and gain > se:
                out[k] = best
    return out


def _blended(block: ValidationBlock, loss: Callable[[ValidationBlock, Float], Float], share: Float) -> Float:
    """[n] the loss of the members' mean with weights share [M]."""
    return loss(block, blend(block.heads, np.tile(share, (len(TASKS), 1))))


def _direction(block: ValidationBlock, heads: Float) -> Float:
    return log_loss(columns_of(heads).logit, block.up)


def _volatility(block: ValidationBlock, heads: Float) -> Float:
    return (block.log_vol - columns_of(heads).log_vol) ** 2


def _spread(block: ValidationBlock, heads: Float) -> Float:
    quantiles = zip(columns_of(heads).quantiles, QUANTILES, strict=True)
    each: list[Float] = [pinball(block.log_spread - quantile, level) for quantile, level in quantiles]
    return np.asarray(np.mean(each, axis=0))


def clustered(values: Float, cluster: Int) -> tuple[float, float]:
    """Mean and standard error, errors free to move together inside a cluster.

    Liang and Zeger 1986, Biometrika 73(1), doi:10.1093/biomet/73.1.13, with the G/(G-1) correction.

    Parameters
    ----------
    values : float64 [n]
        NaN is left out.
    cluster : int64 [n]
        Number of each value's cluster.

    Returns
    -------
    mean, error : float
        The error is NaN below two clusters, both are NaN without a value.
    """
    good = np.isfinite(values)
    if not good.any():
        return float("nan"), float("nan")
    part, at = values[good], np.unique(cluster[good], return_inverse=True)[1]
    mean, groups = float(part.mean()), int(at.max()) + 1
    if groups < 2:
        return mean, float("nan")
    sums = np.bincount(at, part - mean)
    # the sandwich of a mean: squares of the clusters' sums of residuals, over n squared
    return mean, float(np.sqrt(groups / (groups - 1) * np.sum(sums * sums)) / len(part))


def inverse_temperature(logit: Float, up: Float, cluster: Int | None = None) -> float:
    """1/T of least log-loss of sigmoid(logit / T), with a normal prior around 1.

    Parameters
    ----------
    logit, up : float64 [n]
        Heads and labels of validation rows; NaN is left out.
    cluster : int64 [n], optional
        Blocks of rows, each with a 1/T of its own that is PRIOR away from that of all (standard deviation): G of them,
        however many rows they have, weigh at most G times as much as the prior. Rows of an order book that wait for the
        same move have one label, and a calm stretch is another market than a fast one.

    Returns
    -------
    float
        In [0, 1.5]; 1 without rows.
    """
    # temperature scaling: Guo et al. 2017, arXiv:1706.04599; with a prior it is a maximum a posteriori
    good = np.isfinite(logit) & np.isfinite(up)
    if not good.any():
        return 1.0
    z, y = logit[good], up[good]
    share = 1.0

    @cache
    def loss(i: int) -> float:
        k = TEMPERATURES[i]
        return float(np.sum(np.logaddexp(0, k * z) - k * y * z))

    if cluster is not None:
        # the information in the rows, were they independent, against that of G clusters beside the prior
        p = 0.5 + 0.5 * np.tanh(0.5 * TEMPERATURES[_least(loss, len(TEMPERATURES))] * z)
        share = 1 / (1 + float(np.sum(p * (1 - p) * z * z)) * PRIOR**2 / len(np.unique(cluster[good])))
    prior = (TEMPERATURES - 1) ** 2 / (2 * PRIOR**2)
    return float(TEMPERATURES[_least(lambda i: share * loss(i) + prior[i], len(TEMPERATURES))])


def _least(value: Callable[[int], float], count: int) -> int:
    """The first of 0..count-1 at which a convex `value` is least, by bisection of its slope (bench `walk-forward`)."""
    low, high = 0, count - 1
    while low < high:
        middle = (low + high) // 2
        if value(middle + 1) >= value(middle):
            high = middle
        else:
            low = middle + 1
    return low


def confidences(logit: Float, inverse: float) -> Float:
    """Sorted |p - .5| of a fold's validation block: what conf_rank counts.

    Parameters
    ----------
    logit : float64 [n]
        Heads of the block; what is not finite is left out.
    inverse : float
        1/T.

    Returns
    -------
    float64 [m]
        In [0, .5], ascending.
    """
    z = logit[np.isfinite(logit)]
    return np.sort(np.abs(0.5 * np.tanh(0.5 * z * inverse)))

"""The test behind the verdict: does a family of trials earn anything, taken together as it went along?

Legend of axes: S sessions, K trials. One series is made of the K: at each session a mean of the trials, weighted by
what each had earned before that session. Its weights know nothing of the session that they weigh, so where no trial is
worth anything its expected excess is 0 at every session, and one test speaks for all K without a correction for the
best of them. Two resampling distributions give a p-value each, and the larger one counts. A
part of the error probability is kept for the best single trial, corrected for having been picked.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np

from hfm.arrays import Float, Float32

START = 5
"""Sessions from which the first weights are made; they are not in the series."""
RATE = 1.0
"""Learning rate of the weights, a unit of t. Power on planted markets of 200 sessions (rho .06, level .0034): 0: .68,
1: .64, 2: .55, the largest t of the family .50; with 0 a family that mostly loses hides a member that earns."""
WEIGHT = 0.75
"""Share of the error probability that the series has; the best trial has the rest, for a family in which one trial
earns and the others are unlike it (weighted Bonferroni: Genovese, Roeder and Wasserman 2006, Biometrika 93(3), 509-524,
doi:10.1093/biomet/93.3.509)."""
CHUNK = 2_000_000
"""Returns drawn in memory at a time."""
PROBABILITIES: Float = np.array([*np.arange(0.01, 0.98, 0.02), 0.98, 0.99, 0.995, 0.998, 0.999])


@dataclass(frozen=True)
class Randomization:
    """What the test gives. t is a studentised mean.

    Attributes
    ----------
    p : of the family: the smaller of p_series / WEIGHT and p_best / (1 - WEIGHT), at most 1.
    p_series : of the weighted series, the larger of p_signs and p_bootstrap.
    p_best : of the best trial, corrected for having been picked from K.
    t : studentised mean of the weighted series.
    sessions : length of the series.
    null : quantiles of t at PROBABILITIES where every session's sign is random.
    largest_p : [K] p-values of the single trials, corrected for the best of K (step-down).
    """

    p: float
    p_series: float
    p_best: float
    p_signs: float
    p_bootstrap: float
    t: float
    sessions: int
    null: Float
    largest_p: Float

    def critical(self, level: float) -> float:
        """The t that a worthless family exceeds with probability `level`, from a normal beyond the quantiles held."""
        normal = NormalDist().inv_cdf(1 - level)
        if level < 1 - PROBABILITIES[-1]:
            scale = float(self.null[-1]) / NormalDist().inv_cdf(float(PROBABILITIES[-1]))
            return normal * max(scale, 1.0)
        return float(np.interp(1 - level, PROBABILITIES, self.null))


def weighted_series(excess_SK: Float, rate: float = RATE) -> Float:
    """The trials as one series: each session's mean, weighted by the sessions before it.

    Parameters
    ----------
    excess_SK : [S, K] excess returns, finite.
    rate : learning rate of the weights.

    Returns
    -------
    [S - START] in units of each trial's own root mean square over the sessions in which it moved so far; 0 where no
    trial had moved in START of them yet. Exponential
    weights of the self-normalised sums so far (Cesa-Bianchi and Lugosi 2006, Prediction, Learning, and Games, section
    2.1, doi:10.1017/CBO9780511546921).
    """
    sums = np.cumsum(excess_SK, axis=0)[START - 1 : -1]
    squares = np.cumsum(excess_SK**2, axis=0)[START - 1 : -1]
    active = np.cumsum(excess_SK != 0, axis=0)[START - 1 : -1]
    moved = active >= START  # fewer say nothing of a trial's scale, and a tiny first move would swamp the series
    score = np.where(moved, sums / np.sqrt(np.where(moved, squares, 1.0)), -np.inf)
    top = np.max(score, axis=1, keepdims=True)
    weight = np.where(moved, np.exp(rate * (score - np.where(np.isfinite(top), top, 0.0))), 0.0)
    total = weight.sum(axis=1, keepdims=True)
    weight /= np.where(total > 0, total, 1.0)
    scale = np.sqrt(np.where(moved, squares / np.maximum(active, 1), 1.0))
    return np.asarray((weight * excess_SK[START:] / scale).sum(axis=1))


def family_test(excess_SK: Float, reps: int, seed: int) -> Randomization:
    """The test of a family: that its weighted series has no positive mean.

    Parameters
    ----------
    excess_SK : [S, K] excess returns by session and trial, finite; S beyond START, every trial with variance.
    reps, seed : of the resampling.

    Returns
    -------
    The p-values, the studentised mean and its null distribution.

    Notes
    -----
    p_signs: every session's sign is drawn at random, its size stays (Fisher 1935; Romano 1990, JASA 85(411), 686-692,
    doi:10.1080/01621459.1990.10474928): exact for symmetric returns of any volatility, heavy tails and few sessions
    included, where a bootstrap of plain means rejects two to three times too often. p_bootstrap: sessions are drawn
    with replacement and the mean is studentised again in each resample (Hall 1988, Annals of Statistics 16(3), 927-953,
    doi:10.1214/aos/1176350933), which is right for skewed returns. largest_p: Romano and Wolf (2005), Econometrica
    73(4), 1237-1282, doi:10.1111/j.1468-0262.2005.00615.x, from the same signs.
    """
    series = weighted_series(excess_SK)
    t = studentised(series)
    rng = np.random.default_rng(seed)
    signs, boot = np.empty(reps), np.empty(reps)
    centred = series - series.mean()
    step = max(CHUNK // series.size, 1)
    for first in range(0, reps, step):
        part = slice(first, min(first + step, reps))
        signs[part] = _signed(series, part.stop - part.start, rng)
        boot[part] = _resampled(centred, part.stop - part.start, rng)
    p_signs, p_bootstrap = (_tail(null, t) for null in (signs, boot))
    largest_p = step_down(excess_SK, reps, seed)
    p_series, p_best = max(p_signs, p_bootstrap), float(largest_p.min())
    p = min(p_series / WEIGHT, p_best / (1 - WEIGHT), 1.0)
    null = np.quantile(signs, PROBABILITIES)
    return Randomization(p, p_series, p_best, p_signs, p_bootstrap, t, len(series), null, largest_p)


def studentised(x: Float) -> float:
    """The t of a mean: mean / sd x sqrt(n).

    Parameters
    ----------
    x
        [n] finite.

    Returns
    -------
    float
        0 without variance.
    """
    sd = float(x.std(ddof=1)) if x.size > 1 else 0.0
    return float(x.mean()) / sd * math.sqrt(x.size) if sd > 0 else 0.0


def _tail(null: Float, t: float) -> float:
    """(1 + resamples at or above t) / (1 + all); where there is none, the normal tail at the scale of their own one."""
    # so that a level below what was drawn can be met, at a t that `critical` names
    above = int((null >= t - 1e-12).sum())
    if above:
        return (1 + above) / (1 + null.size)
    normal = NormalDist()
    scale = max(float(np.quantile(null, PROBABILITIES[-1])) / normal.inv_cdf(float(PROBABILITIES[-1])), 1.0)
    return min(normal.cdf(-t / scale), 1 / (1 + null.size))


def _random_signs(count: int, n: int, rng: np.random.Generator) -> Float32:
    """[count, n] random signs."""
    bits = np.unpackbits(rng.integers(0, 256, (count, -(-n // 8)), np.uint8), axis=1)[:, :n]
    return bits.astype(np.float32) * 2 - 1


def _signed(x: Float, count: int, rng: np.random.Generator) -> Float:
    """[count] studentised means of x with random signs: the sum of squares stays, so the sum alone is drawn."""
    n, square = x.size, float(x @ x)
    if square == 0:
        return np.zeros(count)
    mean = (_random_signs(count, n, rng) @ x.astype(np.float32)).astype(np.float64) / n
    return np.asarray(mean / np.sqrt(np.maximum(square / n - mean**2, 1e-300) / (n - 1)))


def _resampled(centred: Float, count: int, rng: np.random.Generator) -> Float:
    """[count] studentised means of samples with replacement from `centred`."""
    drawn = centred[rng.integers(0, centred.size, (count, centred.size))]
    sd = drawn.std(axis=1, ddof=1)
    return np.asarray(np.where(sd > 0, drawn.mean(axis=1) / np.where(sd > 0, sd, 1.0), 0.0) * math.sqrt(centred.size))


def step_down(excess_SK: Float, reps: int, seed: int) -> Float:
    """P-value of each trial, corrected for having been picked from K: Romano and Wolf (2005), algorithm 4.1.

    Parameters
    ----------
    excess_SK : [S, K] excess returns, finite.
    reps, seed : of the resampling of signs.

    Returns
    -------
    [K].
    """
    norm = np.sqrt((excess_SK**2).sum(axis=0))
    scaled = excess_SK / np.where(norm > 0, norm, 1.0)
    actual = scaled.sum(axis=0)
    rng, order = np.random.default_rng(seed), np.argsort(-actual)
    above = np.ones(len(actual))
    step = max(CHUNK // len(scaled), 1)
    for first in range(0, reps, step):
        null = _random_signs(min(step, reps - first), len(scaled), rng) @ scaled[:, order].astype(np.float32)
        rest = np.maximum.accumulate(null[:, ::-1], axis=1)[:, ::-1]  # largest of each trial and all behind it
        above += (rest >= actual[order] - 1e-6).sum(axis=0)
    out = np.empty(len(actual))
    out[order] = np.maximum.accumulate(above / (1 + reps))
    return out

"""The path inside a bar, by analogues: pieces of true random walks that begin, end and range as the bar does.

A pool of Gaussian walks is drawn once a process; each serves four times (as it is, upside down, backwards, both). Of
the NEAREST in (open position, close position) one is drawn by the posterior of the bar's volatility: the forecast is
not the bar's volatility, and a bar with a wide range is either a trending walk or a volatile one. With ln(sigma of the
bar / forecast) normal, of sd `error_sd` and mean -error_sd^2 (so that the forecast variance is unbiased), the density
of a walk of range X is that of the error ln(range / forecast) - ln X. An affine map then lays the walk on the range.

So the path has the roughness of a walk, whatever the bar says. Bridges folded into a bar's range do not
(autocorrelation up to .13). Walks that take the forecast for the truth do not either: on bars whose volatility the
forecast misses by half, returns over a minute correlated by .03. K steps a path, P paths in the pool.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from hfm.arrays import Float

Single = npt.NDArray[np.float32]

PATHS, SIGNS = 4096, 32
FIFTHS, THIRTIETHS, THREE_HUNDREDTHS = (1, 2, 4, 8, 15), 16, 17
"""SIGNS walks at a time share their steps up to signs, which are rows of a Hadamard matrix: a step's column is that of
its fifth of the bar, times that of THIRTIETHS in every other thirtieth, and so on. So moves over a minute, ten seconds
and a second of five minutes have no lag-1 autocorrelation in the pool at all, and the ends have the variance of a walk.
Moves of 4,096 independent walks correlate by chance: .008 is the standard error over a fifth, and what the pool has is
in every path."""
NEAREST = 64
PRIOR_SD, PRIOR_BARS = 0.25, 5.0
"""sd of ln(volatility of a bar / its forecast) before a session's first bar, and the bars that this is worth."""
LEAST_SD = 0.03
_KEY = 20240326  # of the pool: it is a constant of the method, like a table of random numbers
_ROUNDS = 4


@dataclass(frozen=True)
class PathPool:
    """walks [P, K+1]: from 0, variance 1 at the end. Of their variants, P apart: ends [4P, 2], the positions of start
    and end in the range, and log_range [4P].
    """

    walks: Single
    ends: Float
    log_range: Float


@lru_cache(maxsize=2)
def pool(steps: int) -> PathPool:
    """The pool of paths of `steps` steps."""
    # Gaussian walks, SIGNS of which share their steps up to sign
    rng = np.random.Generator(np.random.Philox(key=[_KEY, steps]))
    part = rng.standard_normal((PATHS // SIGNS, steps), dtype=np.float32)
    walks = np.zeros((PATHS, steps + 1), np.float32)
    for row, sign in enumerate(_signs(steps)):
        np.cumsum(part * sign, axis=1, dtype=np.float32, out=walks[row::SIGNS, 1:])
    walks *= np.float32(1.0 / np.sqrt(steps))
    # each as it is, upside down, backwards, and both: where it begins and ends in its range, and how wide that is
    low, high = walks.min(axis=1).astype(float), walks.max(axis=1).astype(float)
    spread = high - low
    plain = np.stack((-low / spread, (walks[:, -1] - low) / spread), axis=1)
    back = plain[:, ::-1]
    return PathPool(walks, np.concatenate((plain, 1.0 - plain, back, 1.0 - back)), np.tile(np.log(spread), 4))


def _signs(steps: int) -> Single:
    """[SIGNS, steps] 1 and -1: columns of a Hadamard matrix, one for each mark of FIFTHS, THIRTIETHS and so on."""
    k = np.arange(steps)
    mark = np.array(FIFTHS)[k * 5 // steps]
    mark ^= THIRTIETHS * (k * 30 // steps % 2) ^ THREE_HUNDREDTHS * (k * 300 // steps % 2)
    odd = np.array([n.bit_count() % 2 for n in range(SIGNS)])
    return np.asarray(1.0 - 2.0 * odd[np.arange(SIGNS)[:, None] & mark], dtype=np.float32)


class ForecastError:
    """How far forecasts of volatility missed the bars of a session so far.

    The variance of ln(range / forecast sd) beyond that of a walk's ln range is the forecast's.
    """

    def __init__(self, walk_pool: PathPool) -> None:
        self._mean, self._variance = float(walk_pool.log_range.mean()), float(walk_pool.log_range.var())
        self._bars, self._excess = 0, 0.0

    @property
    def sd(self) -> float:
        """The sd of ln(volatility / forecast), by the bars that `add` was given."""
        square = (PRIOR_BARS * PRIOR_SD**2 + self._excess) / (PRIOR_BARS + self._bars)
        return max(math.sqrt(max(square, 0.0)), LEAST_SD)

    def add(self, spread: float) -> None:
        """Take a bar whose range over its forecast sd was `spread`, above 0."""
        self._bars += 1
        self._excess += (math.log(spread) - self._mean) ** 2 - self._variance


def path(walk_pool: PathPool, start: float, end: float, spread: float, error_sd: float, draw: float) -> Float:
    """A walk from `start` to `end` that touches both ends of [0, 1].

    Parameters
    ----------
    walk_pool
        Of K steps.
    start, end
        Positions in the bar's range.
    spread
        The range over the forecast sd of the bar's move.
    error_sd
        sd of ln(volatility / forecast), above 0.
    draw
        A uniform in [0, 1), which decides among the NEAREST.

    Returns
    -------
    Float
        [K+1] in [0, 1].
    """
    # the NEAREST in where they begin and end
    gap = walk_pool.ends - np.array((start, end))
    distance = np.einsum("ij,ij->i", gap, gap)
    near = np.sort(np.argpartition(distance, NEAREST)[:NEAREST])
    # one of them by the posterior of the bar's volatility: ln(range / forecast) - ln X ~ N(-error_sd^2, error_sd^2)
    error = (math.log(max(spread, 1e-3)) - walk_pool.log_range[near] + error_sd**2) / error_sd
    weight = np.cumsum(np.exp(0.5 * ((error * error).min() - error * error)))
    place = min(int(np.searchsorted(weight, draw * weight[-1], side="right")), NEAREST - 1)
    # the variant: upside down is odd, backwards from 2 on
    variant, which = divmod(int(near[place]), len(walk_pool.walks))
    walk = walk_pool.walks[which].astype(float)
    if variant >= 2:
        walk = walk[::-1].copy()
    if variant % 2:
        walk = -walk
    # laid on [0, 1] and tilted to both ends, in turn: a tilt moves the extremes a little
    clock = np.linspace(0.0, 1.0, len(walk))
    for _ in range(_ROUNDS):
        low = walk.min()
        walk = (walk - low) / (walk.max() - low)
        walk += (start - walk[0]) * (1.0 - clock) + (end - walk[-1]) * clock
    return np.asarray(np.clip(walk, 0.0, 1.0))

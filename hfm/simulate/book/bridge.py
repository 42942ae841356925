"""The path inside a bar, by analogues: pieces of true random walks that begin, end and range as the bar does.

A pool of Gaussian walks is drawn once a process; each serves four times (as it is, upside down, backwards, both). The
nearest in (open position, close position, RANGE_WEIGHT ln(range / sigma)) are looked up, one of them is taken, and an
affine map lays it on the bar's range. So the path has the roughness of a walk with that sigma, whatever the bar says;
bridges folded into a bar's range do not (autocorrelation up to .13). K steps a path, P paths in the pool.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt

Float = npt.NDArray[np.float64]
Single = npt.NDArray[np.float32]

PATHS, CHUNK = 4096, 256
NEAREST = 4
RANGE_WEIGHT = 0.35
_KEY = 20240326  # of the pool: it is a constant of the method, like a table of random numbers
_ROUNDS = 4


@dataclass(frozen=True)
class Pool:
    """walks [P, K+1]: from 0, variance 1 at the end; features [4P, 3], variants of one walk P apart."""

    walks: Single
    features: Float


@lru_cache(maxsize=2)
def pool(steps: int) -> Pool:
    """The pool of paths of `steps` steps."""
    rng = np.random.Generator(np.random.Philox(key=[_KEY, steps]))
    walks = np.zeros((PATHS, steps + 1), np.float32)
    for first in range(0, PATHS, CHUNK):
        part = rng.standard_normal((CHUNK, steps), dtype=np.float32)
        np.cumsum(part, axis=1, out=walks[first : first + CHUNK, 1:])
    walks *= np.float32(1.0 / np.sqrt(steps))
    low, high = walks.min(axis=1).astype(float), walks.max(axis=1).astype(float)
    spread = high - low
    start, end = -low / spread, (walks[:, -1] - low) / spread
    wide = RANGE_WEIGHT * np.log(spread)
    plain = np.stack((start, end, wide), axis=1)
    back = np.stack((end, start, wide), axis=1)
    features = np.concatenate((plain, 1.0 - plain, back, 1.0 - back))
    features[:, 2] = np.tile(wide, 4)
    return Pool(walks, features)


def path(known: Pool, start: float, end: float, spread: float, choice: int) -> Float:
    """[K+1] in [0, 1], touching both: a walk from `start` to `end` (positions in the bar's range).

    spread: the range over the forecast sd of the bar's move; choice: which of the NEAREST.
    """
    wanted = np.array((start, end, RANGE_WEIGHT * np.log(max(spread, 1e-3))))
    gap = known.features - wanted
    distance = np.einsum("ij,ij->i", gap, gap)
    near = np.argpartition(distance, NEAREST)[:NEAREST]
    variant, which = divmod(int(near[np.argsort(distance[near])][choice]), len(known.walks))
    walk = known.walks[which].astype(float)
    if variant >= 2:
        walk = walk[::-1].copy()
    if variant % 2:
        walk = -walk
    clock = np.linspace(0.0, 1.0, len(walk))
    for _ in range(_ROUNDS):
        low = walk.min()
        walk = (walk - low) / (walk.max() - low)
        walk += (start - walk[0]) * (1.0 - clock) + (end - walk[-1]) * clock
    return np.asarray(np.clip(walk, 0.0, 1.0))

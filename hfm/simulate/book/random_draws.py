"""Random numbers inside kernels, and the tables that sizes and distances are drawn from.

The generator is Marsaglia's xorshift (2003, Journal of Statistical Software 8(14), doi:10.18637/jss.v008.i14) with two
64-bit words: its state is the array `seed`, set a bar by the session's own stream. Only shifts and xors: no overflow.
"""

from __future__ import annotations

import math

import numpy as np

from hfm.arrays import Float, Int
from hfm.kernels.jit import bare
from hfm.simulate.book.book_state import Seed

_A, _B, _C, _SHIFT, _TABLE = np.uint64(23), np.uint64(17), np.uint64(26), np.uint64(11), np.uint64(52)
_UNIT = 2.0**-53
LOG_SD, TAIL, TAIL_FROM = 1.0, 1.6, 0.93
"""Order sizes: lognormal in round lots, and a Pareto tail from that quantile on."""
DECAY = 0.35
"""Limit orders arrive at distance d from the opposite best with weight e^(-DECAY d)."""


@bare
def bits(seed: Seed) -> np.uint64:
    """The next 64 random bits: x ^= x << a; x ^= x >> b ^ y ^ y >> c; the two words change places."""
    x, y = seed[0], seed[1]
    seed[0] = y
    x ^= x << _A
    x ^= (x >> _B) ^ y ^ (y >> _C)
    seed[1] = x
    out: np.uint64 = x ^ y
    return out


@bare
def uniform(seed: Seed) -> float:
    """A uniform on (0, 1]: its log is finite."""
    return (float(bits(seed) >> _SHIFT) + 1.0) * _UNIT


@bare
def table_index(seed: Seed) -> int:
    """A uniform index of a table of DRAWS entries."""
    return int(bits(seed) >> _TABLE)


@bare
def draw(values: Float, seed: Seed) -> float:
    """One of some values, each as likely as any.

    Parameters
    ----------
    values
        [n].
    seed
        Read and written.

    Returns
    -------
    float
        The value.
    """
    return float(values[min(int(uniform(seed) * len(values)), len(values) - 1)])


def order_sizes(lot: int, entries: int) -> Int:
    """[entries] order sizes by quantile, whole multiples of `lot`: median one and a half lots, Pareto tail of TAIL."""
    from statistics import NormalDist

    p = (np.arange(entries) + 0.5) / entries
    normal = NormalDist(0.0, LOG_SD)
    # lognormal up to the quantile TAIL_FROM, from there on x (1 - TAIL_FROM)^(1/TAIL) / (1 - p)^(1/TAIL)
    body = np.exp([normal.inv_cdf(min(float(x), TAIL_FROM)) for x in p])
    tail = np.where(p > TAIL_FROM, ((1.0 - TAIL_FROM) / (1.0 - np.maximum(p, TAIL_FROM))) ** (1.0 / TAIL), 1.0)
    return np.asarray(np.maximum(np.rint(1.2 * body * tail), 1.0) * lot, dtype=np.int64)


def distances(nearest: int, farthest: int, entries: int) -> Int:
    """Distances by quantile of e^(-DECAY d).

    Parameters
    ----------
    nearest, farthest
        Ticks, both included.
    entries
        How many.

    Returns
    -------
    Int
        [entries] ticks, ascending.
    """
    weight = np.exp(-DECAY * np.arange(nearest, farthest + 1))
    quantile = np.cumsum(weight) / weight.sum()
    p = (np.arange(entries) + 0.5) / entries
    return np.asarray(nearest + np.searchsorted(quantile, p), dtype=np.int64)


def round_lot(depth: float) -> int:
    """Units in a round lot where best queues hold about `depth` units: the power of ten next to a tenth of it."""
    return max(int(10.0 ** round(math.log10(max(depth, 1.0) / 10.0))), 1)

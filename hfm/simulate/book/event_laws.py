"""The laws of the next event's gap and of its kind and side, as weights and factors that multiply.

Each law is a table of weights given the state before, times a factor of each further state, fitted by iterative
proportional fitting (Deming and Stephan 1940, doi:10.1214/aoms/1177731829). n events in order.
"""

from __future__ import annotations

import math

import numpy as np

from hfm.arrays import Float, Int
from hfm.simulate.book.book_state import BINS, CLASSES, SHARES, SPREADS

ROUNDS = 20
"""Of the proportional fitting."""
PRIOR = 2.0
"""Events that each row of the transitions gets of the mean row, and each cell of a factor of what it expects."""


def counts(shape: tuple[int, ...], *at_each: Int) -> Float:
    """How many events have each combination of states.

    The laws know an event by its states alone, so a fit looks at the combinations, of which there are few.

    Parameters
    ----------
    shape
        Number of states of each kind.
    *at_each
        [n] states of each kind.

    Returns
    -------
    Float
        [*shape].
    """
    return np.bincount(np.ravel_multi_index(at_each, shape), minlength=math.prod(shape)).reshape(shape).astype(float)


def fit_gaps(bins: Int, kind: Int, spread: Int) -> tuple[Float, Float, Float]:
    """The law of the bin of the next gap.

    Parameters
    ----------
    bins
        [n] of the gap before each event.
    kind
        [n] of each event.
    spread
        [n] bucket before each event; so a gap lies under that of the event which ends it.

    Returns
    -------
    tuple[Float, Float, Float]
        Weights given the bin before [BINS, BINS], and factors of the event before the gap [7, BINS] and of the spread
        that it left [SPREADS, BINS].
    """
    before, after, last, left = bins[:-1], bins[1:], kind[:-1], spread[1:]
    base = PRIOR / BINS + counts((BINS, BINS), before, after)
    base /= base.sum(axis=1, keepdims=True)
    observed = counts((BINS, 7, SPREADS), before, last, left)
    from_bin, from_kind, from_spread = np.nonzero(observed)
    many = observed[from_bin, from_kind, from_spread]
    factors = [np.ones((7, BINS)), np.ones((SPREADS, BINS))]
    seen = [counts((7, BINS), last, after), counts((SPREADS, BINS), left, after)]
    # Deming and Stephan's step: scale each factor until what the product expects of its states is what was counted
    for _ in range(ROUNDS):
        for factor, row, found in zip(factors, (from_kind, from_spread), seen, strict=True):
            weight = base[from_bin] * factors[0][from_kind] * factors[1][from_spread]
            weight *= (many / weight.sum(axis=1))[:, None]
            expected = np.zeros_like(factor)
            np.add.at(expected, row, weight)
            factor *= (found + PRIOR) / (expected + PRIOR)
    return base, factors[0], factors[1]


def fit_marks(kind: Int, mark: Int, bins: Int, spread: Int, share: Int) -> tuple[Float, Float, Float]:
    """The law of the next mark: 2 kind + 1 where it is on the other side than the event before.

    Parameters
    ----------
    kind, bins, spread
        [n] as in fit_gaps.
    mark
        [n - 1] of all but the first event.
    share
        [n] bucket of the share that the queue which the event hit has of both; the other side's is what is left.

    Returns
    -------
    tuple[Float, Float, Float]
        Weights given the kind before and the class of the gap [7, CLASSES, 14], and factors of the spread [7, SPREADS]
        and of the queue's share [7, SHARES].
    """
    before, after = kind[:-1], kind[1:]
    pause = np.minimum(bins[1:] * CLASSES // BINS, CLASSES - 1)
    base = counts((7, CLASSES, 14), before, pause, mark) + PRIOR * np.bincount(mark, minlength=14) / len(mark)
    base /= base.sum(axis=2, keepdims=True)
    now, hit_queue = spread[1:], share[1:]
    first = np.where(mark % 2 == 0, hit_queue, SHARES - 1 - hit_queue)  # of the side of the event before
    observed = counts((7, CLASSES, SPREADS, SHARES), before, pause, now, first)
    from_kind, from_pause, from_spread, from_share = np.nonzero(observed)
    many = observed[from_kind, from_pause, from_spread, from_share]
    of_spread, of_share = np.ones((7, SPREADS)), np.ones((7, SHARES))
    kinds, shape = np.arange(14) // 2, (len(many), 14)
    states = np.where(np.arange(14) % 2 == 0, from_share[:, None], SHARES - 1 - from_share[:, None])
    spreads = np.broadcast_to(from_spread[:, None], shape)
    seen = [counts((7, SPREADS), after, now), counts((7, SHARES), after, hit_queue)]
    # Deming and Stephan's step, as in fit_gaps; each row's weights are scaled to the events that its states had
    for _ in range(ROUNDS):
        for factor, where, found in zip((of_spread, of_share), (spreads, states), seen, strict=True):
            weight = base[from_kind, from_pause] * of_spread[kinds, spreads] * of_share[kinds, states]
            weight *= (many / weight.sum(axis=1))[:, None]
            expected = np.zeros_like(factor)
            np.add.at(expected, (np.broadcast_to(kinds, shape), where), weight)
            factor *= (found + PRIOR) / (expected + PRIOR)
    return base, of_spread, of_share

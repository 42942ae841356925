"""Rows whose price stood still where the symbol's own bars say that it does not: prices that a vendor filled forward.

Axes: S sessions, T clock slots; n rows in order. A row is unmoved where its open, high, low and close are those of the
row before, or all one price and that row's close. q, the chance of such a row in an honest market, is at most the
smaller of two shares that runs of filled rows hardly raise, however many sessions hold them:

1. of the rows that did move, the share that hardly moved (one price, or a range of at most two of the symbol's usual
   price steps). Prices that trade rarely, or move by a tick, have many; prices that move by twenty ticks have none;
2. of the rows after one that moved, the share that is unmoved, its odds times PERSIST for honest rows that stand still
   together.

Each is the larger of the share in the LOOK sessions before (around the same slot, of bars of as much volume for it) and
that in the session so far, shrunk to the first: a quiet day raises q as it goes. Where nothing is known, q is 1.

A row is stale where it is unmoved and its run of unmoved rows has a probability below RARE (the product of q), or the
session so far has so many of them that the binomial tail is (Chernoff's bound; Hoeffding 1963, theorem 1,
doi:10.1080/01621459.1963.10500830). Everything at a row comes from rows up to it. `extent` then adds, for scores and
counts, the session's other unmoved rows.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from hfm.arrays import Bool, Float, Int

LOOK = 20
"""Sessions of look-back."""
KEPT = 2 * LOOK + 1
"""Sessions that later ones need: what a row of the look-back is compared with has a look-back, and a row before it."""
RARE = 1e-6
"""Probability below which rows are called stale."""
LEAST = 0.02
"""q is never below it."""
SHORTEST = math.ceil(math.log(RARE) / math.log(LEAST))
"""Fewest unmoved rows, in a run or a session, that can be that improbable: 4."""
NEAR = 1.5
"""Price steps of a range that is as good as none."""
PRIOR = 3.0
"""Rows that hardly moved which the look-back is taken to hold: where nothing is known, nothing is improbable."""
PERSIST = 5.0
"""Odds of an unmoved row in an honest symbol's quiet times over its usual ones."""
WEIGHT = 10.0
"""Rows that the look-back counts for beside the session's own."""
AROUND = 0.08
"""Of a session's slots, on either side of a slot, that count as the same time of day."""
UNIT = 1024
"""Logarithms are summed in whole parts of this, so that sums do not depend on the rows that come in one call."""


@dataclass(frozen=True)
class PriceRows:
    """[S, T] of one symbol, NaN in holes; volume may be all 0 or NaN where it is not known."""

    open: Float
    high: Float
    low: Float
    close: Float
    volume: Float
    present: Bool


@dataclass(frozen=True)
class StaleRowState:
    """What a symbol's earlier rows leave. bars: its last KEPT sessions; run: log probability of the run of unmoved rows
    under way, 0 where there is none.
    """

    bars: PriceRows
    run: float


@dataclass(frozen=True)
class StaleRows:
    """[S, T]: unmoved rows, and those of them that are stale."""

    unmoved: Bool
    stale: Bool


def new_state(slots: int) -> StaleRowState:
    """Before a symbol's first session."""
    none = np.empty((0, slots))
    return StaleRowState(PriceRows(none, none, none, none, none, np.empty((0, slots), bool)), 0.0)


def detect(memory: StaleRowState, bars: PriceRows) -> tuple[StaleRows, StaleRowState]:
    """The unmoved and the stale rows of S new sessions, and the memory after them; no row looks at a later one."""
    # 1. the sessions that are remembered, and the new ones
    names = PriceRows.__dataclass_fields__
    every = PriceRows(*(np.concatenate((getattr(memory.bars, n), getattr(bars, n))) for n in names))
    kept, new_rows = PriceRows(*(getattr(every, n)[-KEPT:] for n in names)), slice(len(memory.bars.present), None)
    unmoved = _unmoved(every)
    # 2. too few unmoved rows to be improbable: most sessions of most symbols end here
    count = unmoved[new_rows].sum(axis=1)
    under_way = bool(unmoved[every.present][-1:].any()) or memory.run < 0
    if not under_way and (count + np.append(0, count[:-1])).max(initial=0) < SHORTEST:
        return StaleRows(unmoved[new_rows], np.zeros(bars.present.shape, bool)), StaleRowState(kept, 0.0)
    stale, run = _improbable(unmoved[new_rows], bars.present, _chance(every, unmoved)[new_rows], memory.run)
    return StaleRows(unmoved[new_rows], stale), StaleRowState(kept, run)


def extent(unmoved: Bool, stale: Bool, session: Int) -> Bool:
    """The unmoved rows of every session that has a stale one.

    Parameters
    ----------
    unmoved, stale : [n] rows.
    session : [n] any number of each row's session.

    Returns
    -------
    bool [n]
    """
    rows_found: Bool = unmoved & np.isin(session, session[stale])
    return rows_found


def _unmoved(bars: PriceRows) -> Bool:
    """[S, T] rows with the prices of the row before, or with its close as their one price."""
    o, h, low, c = (x[bars.present] for x in (bars.open, bars.high, bars.low, bars.close))
    still = np.zeros(len(c), bool)
    one = (h[1:] == low[1:]) & (c[1:] == c[:-1])
    still[1:] = one | ((o[1:] == o[:-1]) & (h[1:] == h[:-1]) & (low[1:] == low[:-1]) & (c[1:] == c[:-1]))
    out = np.zeros(bars.present.shape, bool)
    out[bars.present] = still
    return out


def _chance(bars: PriceRows, unmoved: Bool) -> Float:
    """[S, T] q of each row, from the rows before it."""
    moved = bars.present & ~unmoved
    # rows that moved, and of them those that hardly did (1. above)
    with np.errstate(invalid="ignore"):
        span = bars.high - bars.low
        near = moved & ((span <= NEAR * _step(bars, moved)) | (span == 0))
    # rows after one that moved, and of them the unmoved (2. above)
    after = np.zeros(moved.shape, bool)
    after[bars.present] = np.append(False, ~unmoved[bars.present][:-1])
    high = _busy(bars.volume, moved)
    begins = _share(after, after & unmoved, high)
    begins = PERSIST * begins / (1.0 + (PERSIST - 1.0) * begins)
    return np.maximum(np.minimum(_share(moved, near, high), begins), LEAST)


def _before(values: Float) -> Float:
    """[S, ...] sums over the LOOK sessions before each; of whole numbers, so that they are exact in any order."""
    total = np.concatenate((np.zeros((LOOK + 1, *values.shape[1:])), np.cumsum(values, axis=0)))
    return np.asarray(total[LOOK:-1] - total[: -LOOK - 1])


def _sofar(values: Bool | Float) -> Float:
    """[S, T] sums over the session's rows before each."""
    out = np.zeros(values.shape)
    np.cumsum(values[:, :-1], axis=1, out=out[:, 1:])
    return out


def _step(bars: PriceRows, moved: Bool) -> Float:
    """[S, T] the usual price step known before each row; NaN: none yet."""
    # it is the geometric mean of the rows' smallest distances between two of their prices that differ
    prices = np.sort(np.stack([x[moved] for x in (bars.open, bars.high, bars.low, bars.close)]), axis=0)
    gaps = np.diff(prices, axis=0)
    least = np.where(gaps > 0, gaps, np.inf).min(axis=0, initial=np.inf)
    some = np.isfinite(least)
    log, known = np.zeros(moved.shape), np.zeros(moved.shape, bool)
    log[moved] = np.rint(UNIT * np.log(np.where(some, least, 1.0)))
    known[moved] = some
    count = _before(known.sum(axis=1, keepdims=True).astype(float)) + _sofar(known)
    total = _before(log.sum(axis=1, keepdims=True)) + _sofar(log)
    return np.where(count > 0, np.exp(total / np.maximum(count, 1.0) / UNIT), np.nan)


def _busy(volume: Float, moved: Bool) -> Bool:
    """[S, T] whether a row's volume is at least the geometric mean of the moved rows of its slot in the look-back."""
    some = volume > 0
    log = np.rint(UNIT * np.log(np.where(some, volume, 1.0)))
    count, total = _before((some & moved).astype(float)), _before(np.where(some & moved, log, 0.0))
    return np.asarray(some & (count > 0) & (log * count >= total))


def _share(every: Bool, some: Bool, high: Bool) -> Float:
    """[S, T] share of `some` in `every`: the larger of the look-back's around the slot and the session's so far."""
    slots = high.shape[1]
    width = max(1, round(AROUND * slots))
    first, last = np.maximum(np.arange(slots) - width, 0), np.minimum(np.arange(slots) + width + 1, slots)
    counts = []
    for rows in (every, some):
        by_class = []
        for of in (~high, high):
            past = np.cumsum(_before((rows & of).astype(float)), axis=1)
            past = np.concatenate((np.zeros((len(past), 1)), past), axis=1)
            by_class.append(past[:, last] - past[:, first])
        counts.append(np.where(high, by_class[1], by_class[0]))
    usual = (counts[1] + PRIOR) / (counts[0] + PRIOR)
    today = (_sofar(some) + WEIGHT * usual) / (_sofar(every) + WEIGHT)
    return np.asarray(np.maximum(usual, today))


def _improbable(unmoved: Bool, present: Bool, q: Float, run: float) -> tuple[Bool, float]:
    """([S, T] unmoved rows that are too improbable, log probability of the run under way after the last row)."""
    # 1. runs: the sum of log q since the last row that moved; a run goes on from the call before
    still, log = unmoved[present], np.log(q[present])
    total = np.cumsum(np.where(still, log, 0.0)) + run
    ended = np.maximum.accumulate(np.where(~still, np.arange(len(still)), -1))
    line = np.where(still, total - np.where(ended >= 0, total[np.maximum(ended, 0)], 0.0), 0.0)
    # 2. the session so far: Chernoff's bound of as many unmoved rows at the mean of their q
    rows, held = np.cumsum(present, axis=1), np.cumsum(unmoved, axis=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        share, mean = held / rows, np.cumsum(np.where(present, q, 0.0), axis=1) / rows
        rest = np.where(share < 1, (1 - share) * np.log((1 - share) / (1 - mean)), 0.0)
        tail = np.where(share > mean, -1.0 * rows * (share * np.log(share / mean) + rest), 0.0)
    stale = unmoved & (tail < math.log(RARE))
    stale[present] |= still & (line < math.log(RARE))
    return stale, float(line[-1]) if len(line) else run

"""The engine's flow of orders as a real book shows it: events with marks, fitted to the rows of a book table.

An event has a kind (observed_events.KINDS) and a side. Three laws, each counted from the file and nothing else: the
gap to the next event is drawn from quantiles of the file's gaps, its bin given the bin before, the last kind and the
spread; the kind and side follow from the kind before and the length of the gap, times a factor of the spread and one
of the queue that it hits (log-linear models, fitted by iterative proportional fitting; Deming and Stephan 1940,
doi:10.1214/aoms/1177731829); sizes and distances are drawn from the file's quantiles given the spread or the queue.
Queue-reactive (Huang, Lehalle and Rosenbaum 2015), but with marks, memory and spreads of more than a tick.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import fields
from typing import Any

import numpy as np

from hfm.arrays import Bool, Float, Int
from hfm.errors import ConfigError
from hfm.instants import SECOND_NS
from hfm.simulate.book.book_state import (
    BINS,
    CLASSES,
    LAW,
    LAW_SHAPES,
    LAWS,
    POINTS,
    QUEUES,
    SHARES,
    SPREADS,
    Pace,
    Record,
)
from hfm.simulate.book.observed_events import (
    CANCEL,
    DEEP_ADD,
    DEEP_CANCEL,
    HIDDEN,
    IMPROVE,
    JOIN,
    TRADE,
    ObservedEvents,
)

EDGES = (0.08, 0.2, 0.4, 0.6, 0.8, 0.93, 0.985)
"""Quantiles of the spread, by events, between its buckets: finer where it is wide, and must come back."""
AGAIN = "--calibrate-from RUN"
LEAST = 500
"""Events that a fit needs."""
ROUNDS = 20
"""Of the proportional fitting."""
PRIOR = 2.0
"""Events that each row of the transitions gets of the mean row, and each cell of a factor of what it expects."""

SHAPES: dict[str, tuple[int, ...]] = {**LAW_SHAPES, "pace": (len(Pace._fields),)}
"""The tables of a fit, as facts.json and simulate.tables hold them: flat, in this order."""


SIZED = ("queue_edges", "join", "improve", "deep", "hidden", "next")
"""Tables in shares."""
WINDOW = 300.0
"""Seconds over which events and volume are counted together."""
SWING = 1.5
"""A bar's ln rate is at most this far from the mean one."""


def points(x: Float, many: int = LAW) -> Float:
    """[many] quantiles of x at the middles of so many equal parts; ones where there are none."""
    if not len(x):
        return np.ones(many)
    return np.asarray(np.quantile(x, (np.arange(many) + 0.5) / many, method="inverted_cdf"))


def sided(x: Float, side: Int) -> Float:
    """[2, LAW] quantiles of x of bids and of asks."""
    return np.stack([points(x[side > 0]), points(x[side < 0])])


def given(x: Float, bucket: Int, many: int) -> Float:
    """[many, POINTS] quantiles of x in each bucket; of all where a bucket has next to none."""
    return np.stack([points(x[bucket == b] if (bucket == b).sum() >= 20 else x, POINTS) for b in range(many)])


def fit(sessions: Sequence[ObservedEvents], use: Sequence[Bool], seconds: float) -> dict[str, list[float]]:
    """Fit the laws of a flow to the events of real sessions.

    Parameters
    ----------
    sessions
        The events of each, [n].
    use
        Which of them count, [n] of each.
    seconds
        How long the counted part of all sessions is together.

    Returns
    -------
    dict[str, list[float]]
        The tables of SHAPES by name, flat; empty where the events are too few.
    """
    seen = _counted(sessions, use)
    kind, gap = seen.kind, seen.gap
    if len(kind) < LEAST:
        return {}
    # states of the book before each event: buckets of the spread, of the queue that it hits, of that queue's share
    spreads = np.quantile(seen.spread, EDGES)
    queues = np.quantile(seen.hit_size, np.arange(1, QUEUES) / QUEUES)
    s, q = np.searchsorted(spreads, seen.spread, "left"), np.searchsorted(queues, seen.hit_size, "left")
    share = share_of(seen.hit_size, seen.other_size)
    # first law: the gap's bin (an eighth of all gaps by length), given the bin before, the kind and the spread
    bins = np.argsort(np.argsort(gap, kind="stable"), kind="stable") * BINS // len(gap)
    chain, bin_kind, bin_spread = _bins(bins, kind, s)
    # second law: kind and side, given the kind before and the gap, times factors of spread and queue
    mark = kind[1:] * 2 + (seen.side[1:] != seen.side[:-1])
    base, of_spread, of_share = _marks(kind, mark, bins, s, share)
    traded = np.where((kind == TRADE) | (kind == HIDDEN), seen.size, 0.0)
    tables: dict[str, Any] = {  # Any: arrays, and a named tuple
        "spread_edges": spreads, "queue_edges": queues,
        "gaps": np.log(np.quantile(np.sort(gap), (np.arange(BINS * POINTS) + 0.5) / (BINS * POINTS))),
        "bins": chain, "bin_kind": bin_kind, "bin_spread": bin_spread, "marks": base, "of_spread": of_spread,
        "of_share": of_share, "pace": _fit_pace(seen.time, traded, seen.spread, seconds),
    } | _sizes_and_distances(seen, s, q)  # fmt: skip
    return {name: [float(f"{v:.4g}") for v in np.ravel(tables[name])] for name in SHAPES}


def _counted(sessions: Sequence[ObservedEvents], use: Sequence[Bool]) -> ObservedEvents:
    """The events that count, of all sessions in order."""
    rows = [r.use & u for r, u in zip(sessions, use, strict=True)]
    names = [field.name for field in fields(ObservedEvents)]
    parts = ([getattr(r, name)[c] for r, c in zip(sessions, rows, strict=True)] for name in names)
    return ObservedEvents(*(np.concatenate(part) for part in parts))


def _sizes_and_distances(seen: ObservedEvents, spread: Int, queue: Int) -> dict[str, Float]:
    """Third law: quantiles of sizes and distances, given buckets of the spread and of the queue that an event hit."""
    kind, side, size, away = seen.kind, seen.side, seen.size, seen.away
    join, improve, cancel, trade = (kind == k for k in (JOIN, IMPROVE, CANCEL, TRADE))
    retreats = seen.retreat > 0
    ratio = np.clip(size / np.maximum(seen.hit_size, 1e-9), 0.0, 1.0)
    return {
        "join": sided(size[join], side[join]), "improve": sided(size[improve], side[improve]),
        "next": sided(seen.next_size[retreats], side[retreats]),
        "deep": points(size[kind == DEEP_ADD]), "hidden": points(size[kind == HIDDEN]),
        "inside": given(away[improve], spread[improve], SPREADS),
        "back": given(seen.retreat[retreats], spread[retreats], SPREADS),
        "cancel": given(ratio[cancel], queue[cancel], QUEUES), "trade": given(ratio[trade], queue[trade], QUEUES),
        "add_at": points(away[kind == DEEP_ADD]), "cancel_at": points(away[kind == DEEP_CANCEL]),
    }  # fmt: skip


def share_of(hit_queue: Float, other: Float) -> Int:
    """[n] bucket of a queue's share of both best queues."""
    return np.minimum((hit_queue / np.maximum(hit_queue + other, 1e-9) * SHARES).astype(np.int64), SHARES - 1)


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


def _bins(bins: Int, kind: Int, spread: Int) -> tuple[Float, Float, Float]:
    """Weights of the next gap's bin given the bin before [BINS, BINS], and the factors of the event before the gap
    [7, BINS] and of the spread that it left [SPREADS, BINS].

    spread: before each event; so a gap lies under that of the event which ends it.
    """
    before, after, last, left = bins[:-1], bins[1:], kind[:-1], spread[1:]
    base = PRIOR / BINS + counts((BINS, BINS), before, after)
    base /= base.sum(axis=1, keepdims=True)
    observed = counts((BINS, 7, SPREADS), before, last, left)
    from_bin, from_kind, from_spread = np.nonzero(observed)
    many = observed[from_bin, from_kind, from_spread]
    factors = [np.ones((7, BINS)), np.ones((SPREADS, BINS))]
    seen = [counts((7, BINS), last, after), counts((SPREADS, BINS), left, after)]
    # proportional fitting: scale each factor until what the product expects of its states is what was counted
    for _ in range(ROUNDS):
        for factor, row, found in zip(factors, (from_kind, from_spread), seen, strict=True):
            weight = base[from_bin] * factors[0][from_kind] * factors[1][from_spread]
            weight *= (many / weight.sum(axis=1))[:, None]
            expected = np.zeros_like(factor)
            np.add.at(expected, row, weight)
            factor *= (found + PRIOR) / (expected + PRIOR)
    return base, factors[0], factors[1]


def _fit_pace(time: Int, traded: Float, spread: Float, seconds: float) -> Pace:
    """The rates and spreads of n events; what follows volume is fitted over windows of WINDOW."""
    window = time // (int(WINDOW) * SECOND_NS)
    _, which = np.unique(window, return_inverse=True)
    count, volume = np.bincount(which), np.bincount(which, traded)
    usable = (volume > 0) & (count >= 10)
    rate = math.log(len(time) / seconds)
    slope = 0.0
    if usable.sum() >= 6:
        slope = float(np.clip(np.polyfit(np.log(volume[usable]), np.log(count[usable]), 1)[0], 0.0, 1.0))
    powers = (volume[volume > 0] / WINDOW) ** slope
    level = rate - math.log(powers.mean()) if len(powers) else rate
    return Pace(rate, level, slope, float(spread.mean()), float(traded.sum() / seconds), float(spread.max()))


def rate(tables: Mapping[str, Sequence[float]], volume: float) -> float:
    """Events a second of a bar that trades so many shares a second."""
    of = pace(tables)
    ln_rate = of.level + of.slope * math.log(max(volume, 1e-9))
    return math.exp(min(max(ln_rate, of.ln_rate - SWING), of.ln_rate + SWING))


def reach(tables: Mapping[str, Sequence[float]]) -> int:
    """Ticks from the opposite best within which orders stand: far beyond what the fit saw, in bounds."""
    far = max(max(tables[name]) for name in ("inside", "back", "add_at", "cancel_at"))
    return int(min(max(4.0 * far, 60.0), 2000.0))


def _marks(kind: Int, mark: Int, bins: Int, spread: Int, share: Int) -> tuple[Float, Float, Float]:
    """Weights of the next mark [7, CLASSES, 14], and the factors of spread and of the queue's share [7, ...].

    share is that of the queue which the event hit; the other side's share is what is left.
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
    # proportional fitting, as in _bins; each row's weights are scaled to the events that its states had
    for _ in range(ROUNDS):
        for factor, where, found in zip((of_spread, of_share), (spreads, states), seen, strict=True):
            weight = base[from_kind, from_pause] * of_spread[kinds, spreads] * of_share[kinds, states]
            weight *= (many / weight.sum(axis=1))[:, None]
            expected = np.zeros_like(factor)
            np.add.at(expected, (np.broadcast_to(kinds, shape), where), weight)
            factor *= (found + PRIOR) / (expected + PRIOR)
    return base, of_spread, of_share


def pace(tables: Mapping[str, Sequence[float]]) -> Pace:
    """The rates and spreads of a fit."""
    return Pace(*tables["pace"])


def laws(tables: Mapping[str, Sequence[float]], unit: float) -> Record:
    """A fit as the engine holds it (book_state.LAWS). unit: shares of the engine's sizes."""
    out: Record = np.zeros(1, LAWS)[0]
    for name, shape in LAW_SHAPES.items():
        out[name] = np.reshape(np.asarray(tables[name], float) / (unit if name in SIZED else 1.0), shape)
    out["mean_spread"], out["widest_spread"] = pace(tables).mean_spread, pace(tables).widest_spread
    return out


def checked(tables: Mapping[str, Sequence[float]]) -> None:
    """Raise ConfigError for tables that no fit made: a name too many or too few, another length, no number."""
    for name, shape in SHAPES.items():
        many = math.prod(shape)
        if name not in tables:
            raise ConfigError(f"simulate.tables lacks {name!r}", hint=AGAIN)
        if len(tables[name]) != many or not np.isfinite(tables[name]).all():
            raise ConfigError(f"simulate.tables.{name} is not {many} finite numbers", hint=AGAIN)
        if name != "gaps" and name != "pace" and min(tables[name]) < 0:
            raise ConfigError(f"simulate.tables.{name} has a number below 0", hint=AGAIN)
    if unknown := sorted(set(tables) - set(SHAPES)):
        raise ConfigError(f"simulate.tables has no {unknown[0]!r}", why=f"it holds {', '.join(SHAPES)}", hint=AGAIN)


def gain(tables: Mapping[str, Sequence[float]], seen: ObservedEvents, use: Bool) -> float:
    """Nats an event by which the fitted law tells the next kind and side better than their shares in `use` [n] do."""
    t = {name: np.asarray(tables[name]).reshape(shape) for name, shape in SHAPES.items()}
    pause = np.searchsorted(t["gaps"].reshape(BINS, POINTS)[1:, 0], np.log(seen.gap), "right")
    pause = np.minimum(pause * CLASSES // BINS, CLASSES - 1)[1:]
    both = (use & seen.use)[1:] & seen.use[:-1]
    if not both.any():
        return math.nan
    spread = np.searchsorted(t["spread_edges"], seen.spread, "left")[1:]
    hit_queue = share_of(seen.hit_size, seen.other_size)[1:]
    mark = seen.kind[1:] * 2 + (seen.side[1:] != seen.side[:-1])
    states = (seen.kind[:-1], pause, spread, np.where(mark % 2 == 0, hit_queue, SHARES - 1 - hit_queue))
    many = counts((7, CLASSES, SPREADS, SHARES, 14), *(x[both] for x in (*states, mark)))
    kinds, first = np.arange(14) // 2, np.arange(SHARES)[:, None]
    hit = np.where(np.arange(14) % 2 == 0, first, SHARES - 1 - first)
    each_spread = np.arange(SPREADS)[:, None]
    by_share, by_spread = t["of_share"][kinds, hit], t["of_spread"][kinds, each_spread]
    weight = t["marks"][:, :, None, None, :] * by_spread[:, None, :] * by_share
    p = weight / weight.sum(axis=-1, keepdims=True)
    plain = many.sum(axis=(0, 1, 2, 3)) / many.sum()
    informed = (many * np.log(np.where(many > 0, p, 1.0))).sum() / many.sum()
    return float(informed - (plain[plain > 0] * np.log(plain[plain > 0])).sum())

"""The engine's flow of orders as a real book shows it: events with marks, fitted to the rows of a book table.

An event has a kind (observed_events.KINDS) and a side. Three laws, each counted from the file and nothing else: the
gap to the next event is drawn from quantiles of the file's gaps, its bin given the bin before, the last kind and the
spread; the kind and side follow from the kind before and the length of the gap, times a factor of the spread and one
of the queue that it hits (event_laws.py); sizes and distances are drawn from the file's quantiles given the spread or
the queue.
Queue-reactive (Huang, Lehalle and Rosenbaum 2015), but with marks, memory and spreads of more than a tick.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import fields
from typing import Any

import numpy as np

from hfm.arrays import Bool, Float, Int
from hfm.instants import SECOND_NS
from hfm.simulate.book.book_state import (
    BINS,
    CLASSES,
    LAW,
    POINTS,
    QUEUES,
    SHARES,
    SPREADS,
    Pace,
)
from hfm.simulate.book.event_laws import counts, fit_gaps, fit_marks
from hfm.simulate.book.flow_tables import SHAPES
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
LEAST = 500
"""Events that a fit needs."""


WINDOW = 300.0
"""Seconds over which events and volume are counted together."""


def points(x: Float, many: int = LAW) -> Float:
    """Quantiles at the middles of equal parts.

    Parameters
    ----------
    x
        [n].
    many
        How many parts.

    Returns
    -------
    Float
        [many]; ones where x is empty.
    """
    if not len(x):
        return np.ones(many)
    return np.asarray(np.quantile(x, (np.arange(many) + 0.5) / many, method="inverted_cdf"))


def sided(x: Float, side: Int) -> Float:
    """Quantiles of bids and of asks.

    Parameters
    ----------
    x
        [n].
    side
        [n] 1 bid, -1 ask.

    Returns
    -------
    Float
        [2, LAW], bids first.
    """
    return np.stack([points(x[side > 0]), points(x[side < 0])])


def given(x: Float, bucket: Int, many: int) -> Float:
    """Quantiles in each bucket; of all where a bucket has fewer than 20.

    Parameters
    ----------
    x
        [n].
    bucket
        [n] of each, from 0 on.
    many
        How many buckets.

    Returns
    -------
    Float
        [many, POINTS].
    """
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
    chain, bin_kind, bin_spread = fit_gaps(bins, kind, s)
    # second law: kind and side, given the kind before and the gap, times factors of spread and queue
    mark = kind[1:] * 2 + (seen.side[1:] != seen.side[:-1])
    base, of_spread, of_share = fit_marks(kind, mark, bins, s, share)
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
    """The bucket of a queue's share of both best queues.

    Parameters
    ----------
    hit_queue, other
        [n] shares of stock at the two best prices.

    Returns
    -------
    Int
        [n] below SHARES.
    """
    return np.minimum((hit_queue / np.maximum(hit_queue + other, 1e-9) * SHARES).astype(np.int64), SHARES - 1)


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


def gain(tables: Mapping[str, Sequence[float]], seen: ObservedEvents, use: Bool) -> float:
    """Nats an event by which the fitted law tells the next kind and side better than their shares do.

    Parameters
    ----------
    tables
        Of the fit.
    seen
        Events [n].
    use
        [n] which of them count; the shares are theirs.

    Returns
    -------
    float
        NaN where none counts.
    """
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

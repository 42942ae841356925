"""How far one order book is from another: seven samples of each half-hour, compared as distributions.

Samples are z-scores about the pooled mean and sd, so that a distance has no unit: Wasserstein-1 (0: equal; .1: moved by
a tenth of an sd) and total variation over twentieths of the pooled sample (0 to 1). A real book's even half-hours
against its odd ones say how near is near.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from hfm.arrays import Float, Int
from hfm.instants import SECOND_NS
from hfm.simulate.book import observed_events
from hfm.simulate.book.observed_events import ObservedEvents
from hfm.simulate.replay.event_tape import Tape

Window = Mapping[str, Float]
HALF_HOUR = 1800 * SECOND_NS
BINS = 20
SAMPLES = ("spread", "gap", "imbalance", "depth", "ofi", "size", "volume")
"""ln spread, imbalance and ln depth of the best level each second; ln seconds between time stamps; OFI of 10 s; ln size
of a trade; ln(1 + volume of a minute)."""


DEPTHS = ("limit", "cancel")
"""Of a file with levels: ticks d behind its side's best price at which limit orders come (below 0: inside the spread),
and at which orders are cancelled, as sign(d) ln(1 + |d|)."""


def windows(
    tape: Tape, start: int, end: int, tick: float, unit: float = 1.0, events: ObservedEvents | None = None
) -> list[Window]:
    """The samples of each half-hour between `start` and `end` that the tape spans whole, in order.

    Parameters
    ----------
    tape
        Of one session.
    start, end
        ns UTC.
    tick
        Currency.
    unit
        Shares that stand for one, where two books count sizes differently.
    events
        Of a book with levels: DEPTHS too.

    Returns
    -------
    list[Window]
        Samples by name, SAMPLES.
    """
    minute = 60 * SECOND_NS
    begins = np.arange(start, end - HALF_HOUR + 1, HALF_HOUR)
    spanned = (tape.time[tape.first] < begins + minute) & (tape.time[-1] > begins + HALF_HOUR - minute)
    out: list[Window] = []
    for begin in begins[spanned]:
        samples = _samples(tape, int(begin), tick, unit)
        out.append(samples if events is None else samples | _depths(events, int(begin)))
    return out


def _depths(events: ObservedEvents, begin: int) -> dict[str, Float]:
    inside = events.use & (events.time > begin) & (events.time <= begin + HALF_HOUR)
    away = np.where(events.kind == observed_events.IMPROVE, -1.0, 1.0) * np.log1p(events.away)
    limit = np.isin(events.kind, (observed_events.JOIN, observed_events.IMPROVE, observed_events.DEEP_ADD))
    return {
        "limit": away[inside & limit],
        "cancel": away[inside & np.isin(events.kind, (observed_events.CANCEL, observed_events.DEEP_CANCEL))],
    }


def _samples(tape: Tape, begin: int, tick: float, unit: float) -> dict[str, Float]:
    end = begin + HALF_HOUR
    each = _state(tape, np.arange(begin + SECOND_NS, end + 1, SECOND_NS))
    ten = _state(tape, np.arange(begin, end + 1, 10 * SECOND_NS))
    stamps = np.unique(tape.time[(tape.time > begin) & (tape.time <= end)])
    traded = (tape.time[tape.at] > begin) & (tape.time[tape.at] <= end)
    minute = (tape.time[tape.at[traded]] - begin - 1) // (60 * SECOND_NS)
    size, depth = tape.size[traded] / unit, (tape.bid_size + tape.ask_size)[each] / unit
    spread = tape.spread[each]
    total = np.maximum(depth, 1e-9)
    return {
        "spread": np.log(spread[np.isfinite(spread)] / tick),
        "gap": np.log(np.diff(stamps) / SECOND_NS),
        "imbalance": (tape.bid_size - tape.ask_size)[each] / unit / total,
        "depth": np.log(np.maximum(depth, 1e-2)),
        "ofi": np.diff(np.cumsum(tape.ofi)[ten]) / unit,
        "size": np.log(size),
        "volume": np.log1p(np.bincount(minute, size, 30)[:30]),
    }


def _state(tape: Tape, times: Int) -> Int:
    return np.maximum(np.searchsorted(tape.time, times, "right") - 1, tape.first)


def distances(one: Sequence[Window], other: Sequence[Window]) -> dict[str, tuple[float, float]]:
    """(Wasserstein-1, total variation) of each sample that both sides have, pooled over the windows of each side."""
    out = {}
    for name in [name for name in (*SAMPLES, *DEPTHS) if name in one[0] and name in other[0]]:
        x, y = (np.concatenate([w[name] for w in side]) for side in (one, other))
        pooled = np.concatenate((x, y))
        scale = pooled.std() or 1.0
        out[name] = (wasserstein((x - pooled.mean()) / scale, (y - pooled.mean()) / scale), _variation(x, y))
    return out


def mean(by_sample: Mapping[str, tuple[float, float]]) -> tuple[float, float]:
    """The two distances, averaged over the samples."""
    return float(np.mean([d[0] for d in by_sample.values()])), float(np.mean([d[1] for d in by_sample.values()]))


def interval(one: Sequence[Window], other: Sequence[Window], draws: int, seed: int) -> tuple[float, float]:
    """95 % interval of the mean Wasserstein-1 distance: half-hours of each side are drawn anew, with replacement.

    Parameters
    ----------
    one, other
        Half-hours of the two books.
    draws
        How many times.
    seed
        Of the draws.

    Returns
    -------
    tuple[float, float]
        Its lower and upper end.
    """
    # percentile bootstrap (Efron 1979, doi:10.1214/aos/1176344552)
    rng = np.random.default_rng(seed)
    values = []
    for _ in range(draws):
        sides = [[side[i] for i in rng.integers(0, len(side), len(side))] for side in (one, other)]
        values.append(mean(distances(*sides))[0])
    low, high = np.quantile(values, (0.025, 0.975))
    return float(low), float(high)


def wasserstein(x: Float, y: Float) -> float:
    """Wasserstein-1 distance of two samples: the area between their distribution functions.

    Parameters
    ----------
    x, y
        [n] and [m].

    Returns
    -------
    float
        In the unit of the samples.
    """
    x, y = np.sort(x), np.sort(y)
    both = np.sort(np.concatenate((x, y)))
    below = [np.searchsorted(side, both[:-1], "right") / len(side) for side in (x, y)]
    return float(np.sum(np.abs(below[0] - below[1]) * np.diff(both)))


def _variation(x: Float, y: Float) -> float:
    """Total variation of two samples over twentieths of the pooled one."""
    edges = np.unique(np.quantile(np.concatenate((x, y)), np.linspace(0.0, 1.0, BINS + 1)))
    if len(edges) < 2:
        return 0.0
    counts = [np.histogram(side, edges)[0] / len(side) for side in (x, y)]
    return float(0.5 * np.abs(counts[0] - counts[1]).sum())

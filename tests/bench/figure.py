"""One measured figure, and how it is measured: both sides in turn, the median of several."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Figure:
    """ours and peer in `unit` (a rate, or seconds); ratio > 1 where ours is better; n: what was worked on.

    spread: largest over smallest of ours. peer None: there is none, or `note` says why not.
    """

    name: str
    unit: str
    ours: float
    peer: float | None
    ratio: float | None
    n: int
    spread: float
    note: str = ""

    def line(self) -> str:
        """For a person."""
        against = f" · peer {self.peer:,.4g} · ratio {self.ratio:,.3g}" if self.peer and self.ratio else ""
        note = f" · {self.note}" if self.note else ""
        return f"{self.name}: {self.ours:,.4g} {self.unit}{against} · n {self.n:,} · spread {self.spread:.2f}{note}"


def rate(
    name: str,
    n: int,
    ours: Callable[[], object],
    peer: Callable[[], object] | None = None,
    *,
    note: str = "",
    times: int = 5,
) -> Figure:
    """Things a second of processor time, of functions of one thread that work on n things.

    Each is run once before, for caches; then both in turn. Processor time, since a neighbour on the machine stretches
    the clock on the wall several times.
    """
    sides = [ours] if peer is None else [ours, peer]
    seconds: list[list[float]] = [[] for _ in sides]
    for side in sides:
        side()
    for _ in range(times):
        for side, taken in zip(sides, seconds, strict=True):
            start = time.process_time()
            side()
            taken.append(time.process_time() - start)
    mean = [n / statistics.median(s) for s in seconds]
    ratio = mean[0] / mean[1] if peer else None
    return Figure(name, "/s", mean[0], mean[1] if peer else None, ratio, n, max(seconds[0]) / min(seconds[0]), note)


def alternate(
    name: str,
    ours: Callable[[], float],
    peer: Callable[[], float] | None = None,
    *,
    n: int = 1,
    note: str = "",
    times: int = 5,
) -> Figure:
    """Seconds that `ours` and `peer` say they took, of whole commands, in turn; the median of each."""
    taken: list[list[float]] = [[], []]
    for _ in range(times):
        taken[0].append(ours())
        if peer is not None:
            taken[1].append(peer())
    own = statistics.median(taken[0])
    other = statistics.median(taken[1]) if peer is not None else None
    ratio = other / own if other is not None else None
    return Figure(name, "s", own, other, ratio, n, max(taken[0]) / min(taken[0]), note)

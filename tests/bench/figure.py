"""One measured figure, and how it is measured: both sides in turn, the median of several."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass

from tests.bench.command import Cost


@dataclass(frozen=True)
class Figure:
    """ours and peer in `unit` (a rate, or seconds); ratio > 1 where ours is better; n: what was worked on.

    spread: largest over smallest of ours. peer None: there is none, or `note` says why not. mib: peak memory of ours,
    where ours is a command or stands on a device of its own; of several processes that of the largest. None where both
    sides share a process: its peak is the other's too, and stands in a row for the whole benchmark.
    """

    name: str
    unit: str
    ours: float
    peer: float | None
    ratio: float | None
    n: int
    spread: float
    note: str = ""
    mib: float | None = None

    def line(self) -> str:
        """For a person."""
        peer = "" if self.peer is None else f" · peer {self.peer:,.4g}"
        ratio = "" if self.ratio is None else f" · ratio {self.ratio:,.3g}"
        memory = "" if self.mib is None else f" · peak {self.mib:,.0f} MiB"
        note = f" · {self.note}" if self.note else ""
        ours = f"{self.ours:,.4g} {self.unit}".rstrip()
        return f"{self.name}: {ours}{peer}{ratio} · n {self.n:,} · spread {self.spread:.2f}{memory}{note}"


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
    ours: Callable[[], Cost],
    peer: Callable[[], Cost] | None = None,
    *,
    n: int = 1,
    note: str = "",
    times: int = 5,
) -> Figure:
    """Processor seconds of the commands `ours` and `peer`, in turn; the median of each, and the peak memory of ours."""
    taken: list[list[Cost]] = [[], []]
    for _ in range(times):
        taken[0].append(ours())
        if peer is not None:
            taken[1].append(peer())
    seconds, theirs = ([cost.cpu for cost in side] for side in taken)
    own = statistics.median(seconds)
    other = statistics.median(theirs) if theirs else None
    ratio = other / own if other is not None else None
    peak = max(cost.mib for cost in taken[0])
    return Figure(name, "s", own, other, ratio, n, max(seconds) / min(seconds), note, peak)

"""A whole day of a level-3 book by the commands a user types: fetch, replay, train by events; and the largest memory.

The day is one file of Databento's market-by-order records (level3_day), the format in which such a day is sold: an
order each, 56 bytes, where LOBSTER's files would be text with the book written out after each message. Beside it
stands hftbacktest's converter of the same file, which makes its own events of the records and no book; it has no reader
of LOBSTER's files. It is measured on PEER events, since it holds a Python row a record, and where it is installed.
Seconds are of the processor and on the wall, each command a process of its own with warm kernels.
"""

from __future__ import annotations

import importlib.util
import os
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from tests.bench import level3_day
from tests.bench.command import Cost, cost
from tests.bench.figure import Figure

SIZES = tuple(int(float(text) * 1e6) for text in os.environ.get("HFM_BENCH_DAY", "1.25,5").split(","))
"""Millions of events, the smallest first; the issue's figures are of 5,10,20."""
PEER = 200_000
SMALL = 20_000
"""Events of a day of which each command costs what it costs however short the day is."""
STAGES = {
    "fetch": ("fetch", level3_day.SYMBOL, "--source", "databento"),
    "simulate": ("simulate", "--fidelity", "replay"),
    "train": ("train", "--model", "logistic"),
}


def figures() -> Iterator[Figure]:
    """Events a second and MiB of each stage and size, of fetch and replay together, growth, and the peer."""
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        day(home, SMALL)  # the kernels' cache
        idle = day(home, SMALL)
        first: dict[str, float] = {}
        for size in SIZES:
            found = day(home, size)
            for stage, taken in found.items():
                each = (taken.cpu - idle[stage].cpu) / (size - SMALL)
                first.setdefault(stage, each)
                note = (f"{taken.cpu:.1f} s of processor, {taken.wall:.1f} s on the wall, {taken.mib:,.0f} MiB; "
                        f"an event beside {SIZES[0]:,}'s: {each / first[stage]:.2f}")  # fmt: skip
                yield Figure(f"day {stage}", "events/s", size / taken.wall, None, None, size, 1.0, note)
            both = found["fetch"].wall + found["simulate"].wall
            busy = found["fetch"].cpu + found["simulate"].cpu
            note = f"{busy:.1f} s of processor on {os.cpu_count()} cores"
            yield Figure("day fetch and simulate", "events/s", size / both, None, None, size, 1.0, note)
        yield from _peer(home)


def day(home: Path, events: int) -> dict[str, Cost]:
    """What each stage costs on a day of so many events."""
    path = home / f"{events}.mbo.dbn"
    level3_day.write(path, events)
    run = f"d{events}"
    out = {}
    for stage, words in STAGES.items():
        where = ("--path", str(path)) if stage == "fetch" else ()
        out[stage] = cost(["-m", "hfm", *words, *where, "--run", run, "-q"], HFM_HOME=str(home), OMP_NUM_THREADS="1")
    path.unlink()
    return out


def _peer(home: Path) -> Iterator[Figure]:
    """Fetch beside hftbacktest's converter, events a second of processor time, both without what they cost at once."""
    if importlib.util.find_spec("hftbacktest") is None:
        yield Figure("day peer", "events/s", 0.0, None, None, 0, 1.0, "hftbacktest is not installed")
        return
    path, small = home / "peer.mbo.dbn", home / "small.mbo.dbn"
    level3_day.write(path, PEER)
    level3_day.write(small, SMALL)
    ours, theirs = [], []
    for one in (small, small, path):
        ours.append(
            cost(["-m", "hfm", *STAGES["fetch"], "--path", str(one), "--run", "peer", "-q"], HFM_HOME=str(home))
        )
        theirs.append(cost(["-m", "tests.bench.day", str(one)]))
    rates = [(PEER - SMALL) / (side[2].cpu - side[1].cpu) for side in (ours, theirs)]
    mib = [(side[2].mib - side[1].mib) / (PEER - SMALL) * 1e6 for side in (ours, theirs)]
    note = f"peer: hftbacktest's databento converter; MiB a million events more: {mib[0]:,.0f} against {mib[1]:,.0f}"
    yield Figure("day fetch beside a converter", "events/s", *rates, rates[0] / rates[1], PEER, 1.0, note)


def convert(path: str) -> int:
    """How many events hftbacktest's converter makes of a file."""
    from hftbacktest.data.utils import databento

    return len(databento.convert(path, level3_day.SYMBOL))


if __name__ == "__main__":
    convert(sys.argv[1])

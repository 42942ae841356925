"""`bars` fidelity, rows a second: the stage as the pipeline runs it, facts included."""

from __future__ import annotations

import resource
from collections.abc import Iterator
from typing import Any

from hfm.config import Config, Simulate
from hfm.simulate import stage
from hfm.stage import Context
from hfm.tables import MemoryReader
from tests.bars import bar_table
from tests.bench.figure import Figure, rate

SESSIONS = 12_821  # a million rows


def figures() -> Iterator[Figure]:
    """Calibrated, planted, and the memory of ten times as many rows against one."""
    bars = MemoryReader(bar_table(SESSIONS))
    rows = SESSIONS * 78
    for name, settings in (("calibrated", {}), ("planted", {"signal": "planted"})):
        yield rate(f"simulate-bars {name}, rows", rows, lambda settings=settings: spend(bars, **settings))
    before = peak()
    for _ in range(3):
        spend(bars)
    note = "peak MiB now, after three million more rows"
    yield Figure("simulate-bars memory", "MiB", peak(), before, before / peak(), 3 * rows, 1.0, note)


def spend(bars: MemoryReader, **settings: Any) -> None:
    """Run the stage and drop what it makes, group by group, as the writer does."""
    config = Config(simulate=Simulate(**settings))
    for _ in stage.run({"fetch/bars.parquet": bars}, config, Context("simulate", seed=7)):
        pass


def peak() -> float:
    """MiB of this process at its largest."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024

"""`book` fidelity, events a second: the stage as the pipeline runs it, with what it keeps, on one core.

No peer runs here: published single-core figures are ABIDES RMSC04 3.6 thousand events/s, JAX-LOB on a CPU 76 thousand
messages/s (measured on another machine).
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from hfm import tables
from hfm.config import Config, Simulate
from hfm.simulate import stage
from hfm.stage import Context
from hfm.tables import MemoryReader
from tests.bars import bar_table
from tests.bench.figure import Figure, rate
from tests.bench.simulate_bars import peak

SESSIONS = 2


def figures() -> Iterator[Figure]:
    """Two levels of detail, without the events and with them written; and memory as sessions are added."""
    bars = MemoryReader(bar_table(SESSIONS))
    for name, settings in (("L2", {}), ("L3", {"l3": True})):
        for kept, events in (("", False), (", events written", True)):
            wanted = {**settings, "events": events}
            n = spend(bars, **wanted)
            yield rate(f"simulate-book {name}{kept}, events", n, lambda wanted=wanted: spend(bars, **wanted), times=3)
    before = peak()
    n = spend(MemoryReader(bar_table(4 * SESSIONS)), events=True)
    note = "peak MiB now, after four times as many sessions, events written"
    yield Figure("simulate-book memory", "MiB", peak(), before, before / peak(), n, 1.0, note)


def spend(bars: MemoryReader, **settings: Any) -> int:
    """Run the stage, write the events where there are any, drop the rest; how many events the book saw."""
    ctx = Context("simulate", seed=7)
    config = Config(simulate=Simulate(fidelity="book", **settings))
    with tempfile.TemporaryDirectory() as folder, (Path(folder) / "book.parquet").open("wb") as sink:
        writer = tables.Writer(sink, tables.book(config.simulate.levels))
        for name, payload in stage.run({"fetch/bars.parquet": bars}, config, ctx):
            if name == "simulate/book.parquet":
                writer.write(payload)
        if settings.get("events"):
            writer.close()
    return int(ctx.figures["events"])

"""`hfm simulate --check`: the stylised facts of simulated markets, each against its band."""

from __future__ import annotations

import math
from collections.abc import Sequence

from hfm.artifacts import BARS
from hfm.config import Config
from hfm.simulate.fact_check import SEEDS, SESSIONS, table
from hfm.tables import MemoryReader, Reader
from hfm.verify.claims import Row
from hfm.verify.in_memory_run import synthetic


def markets() -> list[Reader]:
    """The markets that the bands were drawn for: synthetic SPY bars of fixed seeds."""
    return [MemoryReader(synthetic(SESSIONS, seed).table(BARS)) for seed in SEEDS]


def check(bars: Sequence[Reader], config: Config) -> list[Row]:
    """A row for each fact; one without a band always passes."""
    rows = []
    for fact in table(bars, config).values():
        low, high = fact["band"] or (-math.inf, math.inf)
        value = math.nan if fact["value"] is None else float(fact["value"])
        words = f"{low:g} to {high:g}" if fact["band"] else "no band"
        rows.append(Row(f"{fact['label']} ({fact['of']})", words, value, low, high))
    return rows

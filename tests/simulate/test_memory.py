"""Memory does not grow with the number of sessions."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

BARS = """
import resource
from datetime import timedelta
import numpy as np
from hfm import tables
from hfm.config import Config, Simulate
from hfm.simulate import stage
from hfm.stage import Context
from tests.bars import bar_table, edited

part = bar_table(840)
days = tables.arrays(part, ("session", "time"))

class Endless(tables.MemoryReader):
    def groups(self, columns=None):
        for k in range({parts}):
            shift = 840 * k - 100_000
            yield edited(part, session=days["session"] + np.timedelta64(shift, "D"),
                         time=days["time"] + shift * 86_400 * 10**9)

rows = 0
made = stage.run({{"fetch/bars.parquet": Endless(part)}}, Config(simulate=Simulate()), Context("s", seed=7))
for name, group in made:
    rows += group.num_rows if name.endswith("quotes.parquet") else 0
print(rows, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024)
"""
BOOK = """
import os, resource
from hfm import tables
from hfm.config import Config, Simulate
from hfm.simulate import stage
from hfm.stage import Context
from tests.bars import bar_table

config = Config(simulate=Simulate(fidelity="book", events=True))
ctx = Context("s", seed=7, workers={workers})
with open(os.devnull, "wb") as sink:
    writer = tables.Writer(sink, tables.book(1))
    for name, group in stage.run({{"fetch/bars.parquet": tables.MemoryReader(bar_table({sessions}))}}, config, ctx):
        if name == "simulate/book.parquet":
            writer.write(group)
    writer.close()
print(ctx.figures["events"], resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024)
"""


def spend(program: str) -> tuple[int, int]:
    """(rows or events, peak MiB) of a program in a process of its own."""
    known = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, env=known, check=False)
    assert done.returncode == 0, done.stderr
    count, peak = done.stdout.split()
    return int(count), int(peak)


@pytest.mark.slow
def test_a_million_bars_take_no_more_memory_than_a_fifth_of_them() -> None:
    """Groups come and go."""
    (few, small), (many, large) = (spend(BARS.format(parts=n)) for n in (3, 15))
    assert many == 5 * few == 982_800
    assert large < small + 40


@pytest.mark.soak
def test_ten_million_bars_take_no_more_memory_than_two() -> None:
    """153 groups of 840 sessions: half a millennium of trading days."""
    (few, small), (many, large) = (spend(BARS.format(parts=n)) for n in (31, 153))
    assert few > 2_000_000
    assert many > 10_000_000
    assert large < small + 40


@pytest.mark.soak
@pytest.mark.timeout(3000)
def test_a_hundred_million_events_stay_below_two_gibibytes() -> None:
    """All of them written, however many workers."""
    events, peak = spend(BOOK.format(sessions=48, workers=2))
    assert events > 100_000_000
    assert peak < 2048

"""One, ten and a hundred million bars through a stage, each in a process of its own: seconds and the largest memory.

The stage is given whole-session groups as a file would give them, made one after another from one group whose days move
on, and what it makes is dropped as the writer does once it is written.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence

import numpy as np
import pyarrow as pa

from hfm import tables
from hfm.config import Config
from hfm.simulate import stage
from hfm.stage import Context
from tests.bars import bar_table
from tests.bench.command import cost
from tests.bench.figure import Figure

SIZES = (1_000_000, 10_000_000, 100_000_000)
SYMBOLS, SLOTS, SESSIONS = ("SPY", "QQQ", "IWM", "DIA", "TLT"), 390, 33


class Endless:
    """A Reader of as many rows as asked for, a group of 64 thousand at a time."""

    def __init__(self, rows: int) -> None:
        self._base = bar_table(SESSIONS, SYMBOLS, SLOTS)
        self._groups = -(-rows // self._base.num_rows)
        self.rows = self._groups * self._base.num_rows

    @property
    def meta(self) -> tables.TableMeta:
        """See Reader."""
        return tables.meta_of(self.schema)

    @property
    def schema(self) -> pa.Schema:
        """See Reader."""
        return self._base.schema

    def groups(self, columns: Sequence[str] | None = None, only: str | None = None) -> Iterator[pa.Table]:
        """The base group, its days moved on."""
        day, time = (self._base.column(n).to_numpy() for n in ("session", "time"))
        for i in range(self._groups):
            table, shift = self._base, np.timedelta64(i * SESSIONS, "D")
            for name, values in (("session", day + shift), ("time", time + shift)):
                place = table.schema.get_field_index(name)
                field = table.schema.field(name)
                table = table.set_column(place, field, pa.array(values).cast(field.type))
            yield table.select(list(columns)) if columns else table


def spend(rows: int) -> int:
    """Run `bars` simulation over that many rows; how many there were."""
    bars = Endless(rows)
    for _ in stage.run({"fetch/bars.parquet": bars}, Config(), Context("simulate", seed=7)):  # type: ignore[dict-item]  # reads groups alone
        pass
    return bars.rows


def figures() -> Iterator[Figure]:
    """Seconds a million rows beside those of the smallest size, and the peak."""
    spend(1)  # compile
    idle = cost(["-m", "tests.bench.scale", "1"]).cpu
    first = None
    for size in SIZES:
        seconds, mib, _ = cost(["-m", "tests.bench.scale", str(size)])
        each = (seconds - idle) / (size / 1e6)
        first = first or each
        note = "spread: a million rows beside the first size"
        yield Figure(f"scale simulate, {size:,} rows", "s", seconds, None, None, size, each / first, note, mib)


if __name__ == "__main__":
    spend(int(sys.argv[1]))

"""A stream that runs for years: memory stays where it is."""

from __future__ import annotations

import json
import resource
from pathlib import Path

import pytest

from hfm import tables
from hfm.live import quote_rows, row_step
from tests.live.market import made
from tests.live.test_stream import stream


def resident() -> float:
    """MiB of this process in memory now."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize() / 2**20


def grown(count: int) -> float:
    """MiB by which a stream grows from a tenth of `count` rows to all of them; each is judged, taken and answered."""
    of = made(interval="1m")  # at fewer rows a day ten million would end beyond the year 2262, where int64 ns do
    live = stream(of)
    table = quote_rows.matrix(tables.arrays(of.quotes, quote_rows.COLUMNS))
    shift = int(table[-1, row_step.V_SESSION] - table[0, row_step.V_SESSION]) + 1
    done, before = 0, 0.0
    while done < count:
        for row in table:
            verdict, gap, unfinished = live.order.judge(0, row)
            assert verdict == "ok"
            json.dumps(live.take(0, row, (gap, unfinished)))
        done += len(table)
        table[:, row_step.V_SESSION] += shift
        if not before and done >= count // 10:
            before = resident()
    return resident() - before


@pytest.mark.slow
def test_a_hundred_thousand_rows_leave_memory_where_it_was() -> None:
    """A year of one-minute bars."""
    assert grown(100_000) < 2.0


@pytest.mark.soak
def test_ten_million_rows_leave_memory_where_it_was() -> None:
    """Within two MiB."""
    assert grown(10_000_000) < 2.0

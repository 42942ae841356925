"""A stream that runs for years: memory stays where it is."""

from __future__ import annotations

import json
import resource
from pathlib import Path

import pytest

from hfm.live.quote_rows import DAY_NS
from tests.live.market import made, rows_of
from tests.live.test_stream import stream


def resident() -> float:
    """MiB of this process in memory now."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize() / 2**20


def grown(count: int) -> float:
    """MiB by which a stream grows from a tenth of `count` rows to all of them; each is judged, taken and answered."""
    of = made(interval="1m")  # at fewer rows a day ten million would end beyond the year 2262, where int64 ns do
    live = stream(of)
    rows = rows_of(of)
    shift, days = rows[-1].session - rows[0].session + 1, 0
    done, before = 0, 0.0
    while done < count:
        for row in rows:
            ns = days * DAY_NS
            later = row._replace(session=row.session + days, time=row.time + ns, time_open=row.time_open + ns)
            verdict = live.sequence.judge(later)
            assert verdict.status == "ok"
            json.dumps(live.take(later, verdict))
        done += len(rows)
        days += shift
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

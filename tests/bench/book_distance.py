"""How near simulated books come to a real one: AMZN's odd half-hours against its even ones, and against a
Cont-Stoikov-Talreja book fitted to the even ones. Needs HFM_REAL_DATA."""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import UTC, datetime

import numpy as np

from hfm.config import Config, Fetch
from hfm.fetch import stage as fetch
from hfm.simulate import distance, replay, tape
from hfm.stage import Context
from hfm.tables import arrays
from tests.bench import cst
from tests.bench.figure import Figure

TICK, DRAWS = 0.01, 200


def figures() -> Iterator[Figure]:
    """Mean Wasserstein-1 distance from the odd half-hours, with its interval; the ratio is to real against real."""
    folder = os.environ.get("HFM_REAL_DATA")
    if not folder:
        yield Figure("book-distance", "W1", 0.0, None, None, 0, 0.0, "HFM_REAL_DATA is unset")
        return
    config = Config(fetch=Fetch(symbols=("AMZN",), source="lobster", path=f"{folder}/book"))
    table = dict(fetch.run({}, config, Context("fetch", as_of=datetime(2025, 1, 1, tzinfo=UTC))))["fetch/book.parquet"]
    found = tape.read(table, 1)
    assert found is not None
    start, end = replay.hours("XNYS", np.datetime64("2012-06-21"))
    parts = distance.windows(found, start, end, TICK)
    odd = parts[1::2]
    near, _ = distance.mean(distance.distances(odd, parts[::2]))
    yield _figure("real, even half-hours", odd, parts[::2], near)
    columns = arrays(table, ("price", "size", "event"))
    use = ((found.time - start) // distance.HALF_HOUR) % 2 == 0
    rates = cst.fit(found, use, columns["event"] == "add", columns["price"], columns["size"], TICK)
    market = cst.simulate(rates, float(found.mid[found.first]), TICK, start, (end - start) / 1e9, 7)
    yield _figure(
        "Cont-Stoikov-Talreja, fitted on the even", odd, distance.windows(market, start, end, TICK)[1::2], near
    )


def _figure(name: str, odd: list[distance.Window], other: list[distance.Window], near: float) -> Figure:
    each = distance.distances(odd, other)
    found, variation = distance.mean(each)
    low, high = distance.interval(odd, other, DRAWS, 1)
    samples = ", ".join(f"{n} {d[0]:.2f}" for n, d in each.items())
    note = f"95 % {low:.3f} to {high:.3f}, total variation {variation:.3f}; {samples}"
    return Figure(f"book-distance {name}", "W1", found, near, found / near, len(other), 1.0, note)

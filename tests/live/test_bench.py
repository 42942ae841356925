"""The bench: what it measures is there, in microseconds, with one network and with all."""

from __future__ import annotations

import pytest

from hfm.live import bench
from hfm.tables import MemoryReader
from tests.live.market import Q50, made
from tests.live.test_stream import stream


def test_the_path_is_timed_with_one_network_and_with_all(monkeypatch: pytest.MonkeyPatch) -> None:
    """Quantiles in order; every line of the feed is taken, however often the rows come round."""
    monkeypatch.setattr(bench, "ROWS", 1500)
    of, market = made(), stream(made()).node.market
    timings = bench.paths(of.checkpoint, Q50, market, MemoryReader(of.quotes))
    paths, nothing = timings[::2], timings[1::2]
    assert [t.name for t in paths] == [
        f"{kind}: lstm, {n}" for n in ("1 network", "2 networks") for kind in ("step", "line")
    ]
    for path, idle in zip(paths, nothing, strict=True):
        assert (idle.name, idle.rows) == ("  nothing, for as long", path.rows)
    for timing in timings:
        assert 0 < timing.us[0] <= timing.us[1] <= timing.us[-1]
    lines = bench.table([*timings, bench.rival("nothing", lambda i: i, [1, 2])])
    assert len(lines) == 10
    assert "p99.9" in lines[0]

"""Zones, clock changes, half days, locales: none of them changes a byte, and each session has the hours it had."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from tests.command import hfm
from tests.conftest import Count
from tests.reliability.corridor import LIGHT, files

PLACES = ({"TZ": "UTC"}, {"TZ": "Asia/Tokyo", "LC_ALL": "C"}, {"TZ": "America/New_York", "LANG": "de_DE.UTF-8"})


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("as_of", ["2026-03-20T22:00:00Z", "2025-12-05T22:00:00Z"], ids=["spring", "autumn"])
def test_a_run_over_a_clock_change_and_a_half_day_is_the_same_everywhere(
    tmp_path: Path, count: Count, as_of: str
) -> None:
    """25 sessions around each change of clocks (and Thanksgiving's half day), in three zones, without a display."""
    seen = []
    for i, place in enumerate(PLACES):
        home = tmp_path / str(i)
        home.mkdir()
        options = ("SPY", "--source", "synthetic", "--sessions", 25, "--as-of", as_of, "--run", "r", "-q", *LIGHT)
        done = hfm("run", *options, cwd=home, env={**place, "DISPLAY": "", "MPLBACKEND": ""})
        assert (done.code, done.err) == (0, "")
        seen.append(files(home / "runs" / "r", report=True))
    assert seen[0] == seen[1] == seen[2]
    bars = pd.read_parquet(tmp_path / "0" / "runs" / "r" / "fetch" / "bars.parquet")
    local = bars["time"].dt.tz_convert("America/New_York")
    offsets = local.map(lambda t: t.utcoffset()).nunique()
    assert offsets == 2, "the span has no change of clocks in it"
    first, last = local.groupby(bars["session"]).min().dt.time, local.groupby(bars["session"]).max().dt.time
    assert {str(t) for t in first} <= {"09:35:00", "09:40:00"}
    assert {str(t) for t in last} <= {"15:55:00", "16:00:00", "13:00:00"}
    assert ("13:00:00" in {str(t) for t in last}) == (as_of[:4] == "2025")
    count("zones and locales, each over a clock change", len(PLACES))

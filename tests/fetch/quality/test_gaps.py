"""Why a symbol's bars are too few, and what helps."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pytest

from hfm.arrays import Bool
from hfm.errors import DataError
from hfm.fetch.quality.bar_quality import clean, count_missing
from hfm.fetch.quality.gaps import empty_error, gap_error
from hfm.plugins import BarRequest, RawBars
from tests.fetch.drive import raw, week

OVER = week()
UNTIL = int(OVER.close[-1])
REQUEST = BarRequest(("SPY",), 300, "XNYS", datetime(2026, 3, 14, tzinfo=UTC), path="a.csv")
ROWS = np.arange(390)


def error(bars: RawBars, max_gap: float = 0.05) -> DataError | None:
    grid, quality = clean(bars, OVER, UNTIL)
    count_missing(grid, quality, OVER, UNTIL)
    return gap_error("SPY", grid, quality, OVER, REQUEST, max_gap, bars.time)


@pytest.mark.parametrize(("keep", "hint"), [
    (ROWS >= 0, None),  # nothing is missing
    (ROWS % 30 > 0, None),  # fewer than the limit
    (ROWS % 7 > 0, "--max-gap 15%"),  # holes alone: a larger limit takes them
    (ROWS % 78 < 60, "no option mends this"),  # the same slots every day: another zone, calendar or grid
])  # fmt: skip
def test_the_hint_is_what_helps(keep: Bool, hint: str | None) -> None:
    """A larger --max-gap only where holes are all that is wrong."""
    found = error(raw(OVER).take(keep))
    assert found is None if hint is None else found is not None and found.hint.startswith(hint)


def test_bars_that_were_refused_are_no_holes() -> None:
    """Half of the volumes are negative: --no-volume, and no larger limit."""
    bars = raw(OVER)
    found = error(replace(bars, volume=np.where(ROWS % 2, bars.volume, -5.0)))
    assert found is not None
    assert found.hint == "--no-volume"


@pytest.mark.parametrize(("shift", "hint"), [(86_400 * 365 * 10**9, "--as-of"), (60 * 10**9, "no option mends this")])
def test_no_usable_bar_at_all_is_told_by_what_happened_to_the_rows(shift: int, hint: str) -> None:
    """All after the horizon, or all off the grid."""
    bars = replace(raw(OVER), time=raw(OVER).time + shift)
    _, quality = clean(bars, OVER, UNTIL)
    found = empty_error("SPY", quality, REQUEST, UNTIL, bars.time)
    assert found.hint.startswith(hint)

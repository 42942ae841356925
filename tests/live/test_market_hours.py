"""The clock that tells a stale row from a closed market."""

from __future__ import annotations

import numpy as np
import pytest

from hfm.live.market_hours import opened


@pytest.mark.parametrize(
    ("calendar", "text", "expected"),
    [
        ("XNYS", "2025-07-03T16:59:59", "2025-07-03T13:30"), ("XNYS", "2025-07-03T17:00", None),
        ("XNYS", "2025-07-04T15:00", None), ("XNYS", "2025-03-10T13:30", "2025-03-10T13:30"),
        ("XNYS", "2025-03-07T14:29", None), ("XHKG", "2025-03-10T04:30", None),
        ("XHKG", "2025-03-10T05:30", "2025-03-10T05:00"), ("24/7", "2025-03-09T05:30", "2025-03-09T00:00"),
    ],
)  # fmt: skip
def test_the_calendar_knows_half_days_holidays_clock_changes_and_breaks(
    calendar: str, text: str, expected: str | None
) -> None:
    """The instant at which trading under way began."""
    since = opened(calendar, int(np.datetime64(text, "ns").astype(np.int64)))
    assert since == (None if expected is None else int(np.datetime64(expected, "ns").astype(np.int64)))

"""The calendar whose sessions bars fill."""

from __future__ import annotations

import pytest

from hfm.fetch.calendar_fit import other_calendar
from tests.fetch.drive import raw, week


@pytest.mark.parametrize("calendar", ["XNYS", "XLON"])
def test_bars_of_a_calendar_are_known_as_its(calendar: str) -> None:
    """Under another one's sessions."""
    wrong = week("XHKG" if calendar != "XHKG" else "XNYS")
    assert other_calendar(raw(week(calendar)).time, wrong) == calendar


def test_bars_that_fill_no_sessions_are_of_none() -> None:
    """A minute off every grid."""
    assert other_calendar(raw(week()).time + 60 * 10**9, week("XHKG")) is None

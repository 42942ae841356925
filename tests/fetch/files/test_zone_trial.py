"""The zone of wall clocks, found by trial."""

from __future__ import annotations

import pytest

from hfm.fetch.files import time_zones
from hfm.fetch.files.session_edges import HOUR
from hfm.fetch.files.zone_trial import find_zone, volume_shift
from tests.fetch.drive import raw, week

OVER = week()
BARS = raw(OVER)
START = BARS.time - OVER.interval


@pytest.mark.parametrize("zone", ["America/New_York", "UTC", "Asia/Kolkata", "Europe/Athens"])
def test_the_zone_that_the_clocks_were_in_is_found(zone: str) -> None:
    """Whose sessions they fill."""
    clock = START + time_zones.offset_at(START, zone)
    assert find_zone(clock, OVER, ("start",), len(OVER)) == zone


def test_clocks_of_no_session_are_of_no_zone() -> None:
    """Off by twenty minutes under every zone."""
    assert find_zone(START + HOUR // 3, OVER, ("start",), 1) is None


def test_without_hours_around_the_volume_tells_nothing() -> None:
    """It is asked where bars surround the session."""
    assert volume_shift(START, BARS.volume, OVER) == 0

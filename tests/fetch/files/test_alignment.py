"""Whether stamps lie on the sessions of the calendar."""

from __future__ import annotations

import numpy as np
import pytest

from hfm.errors import DataError
from hfm.fetch.files.alignment import check_alignment, check_grid
from hfm.fetch.files.session_edges import HOUR
from tests.fetch.drive import raw, week

OVER = week(first="2026-02-09", last="2026-03-06")
BARS = raw(OVER)
START = BARS.time - OVER.interval


def check(shift: np.ndarray | int, wall: str | None = "America/New_York") -> object:
    stamps = START + shift
    order = np.argsort(stamps)
    return check_alignment("SPY", stamps[order], BARS.volume[order], "XNYS", 300, ("start", "end"), wall)


def test_true_stamps_are_on_the_grid_and_in_their_sessions() -> None:
    """Nothing is off."""
    check_grid(START, OVER, "SPY")
    assert check(0) is None


def test_stamps_of_another_zone_are_refused_with_it() -> None:
    """All sessions five hours off: taken in UTC they fit."""
    with pytest.raises(DataError) as caught:
        check(5 * HOUR)
    assert caught.value.hint == "--tz UTC"


def test_one_session_that_is_off_is_left_out_alone() -> None:
    """Its rows are named by their span, and no others."""
    one = OVER.holding(BARS.time)[0] == 7
    away = check(np.where(one, 2 * HOUR, 0))
    assert away is not None
    keep = away.without(START + np.where(one, 2 * HOUR, 0))  # type: ignore[attr-defined]
    assert (keep == ~one).all()


def test_stamps_off_the_grid_are_refused() -> None:
    """By a minute of five."""
    with pytest.raises(DataError, match="off the grid of 09:30"):
        check_grid(START + 60 * 10**9, OVER, "SPY")

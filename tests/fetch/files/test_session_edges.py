"""Where each session's stamps begin and end."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hfm.fetch.files.session_edges import HOUR, day_windows, session_edges
from tests.fetch.drive import raw, week

OVER = week()
START = raw(OVER).time - OVER.interval
BOTH = ("start", "end")


@pytest.mark.parametrize("late", [0, OVER.interval])
def test_true_sessions_are_right_under_either_label(late: int) -> None:
    """Stamped at the start or at the end."""
    edges = session_edges(START + late, OVER, BOTH)
    assert edges.has.all()
    assert edges.right.all()
    assert not edges.moved.any()


@given(st.integers(-10, 10).filter(lambda halves: halves not in (-1, 0, 1)))
def test_sessions_of_another_clock_are_off_by_its_hours(halves: int) -> None:
    """All as a whole, exactly so."""
    edges = session_edges(START + halves * HOUR // 2, OVER, ("start",))
    assert (edges.off[edges.moved] == halves * HOUR // 2).all()
    assert edges.moved.all()
    assert edges.exact.all()


def test_windows_of_days_do_not_overlap() -> None:
    """Half of each night belongs to the day before."""
    low, high = day_windows(OVER)
    assert (low < OVER.open).all()
    assert (high > OVER.close).all()
    assert (high[:-1] <= low[1:]).all()

"""Labels on rows small enough to check by hand."""

from __future__ import annotations

import numpy as np
import pytest

from hfm.train.labels import NO_TIME, ahead, labels, next_move, realised

MID = np.array([100.0, 101.0, 101.0, 100.0, 50.0, 51.0, 52.0])
SEQ = np.array([0, 1, 2, 4, 0, 1, 2])
START = np.array([0, 4, 7])
TIME = np.arange(7) * 10
LEVELS = np.column_stack([np.arange(7) / 10, np.arange(7) + 0.5])


def test_a_row_is_labelled_by_the_next_one_unless_a_hole_or_a_close_lies_between() -> None:
    """Row 2 has a hole after it, rows 3 and 6 end their sessions, row 1 did not move."""
    made = labels(MID, LEVELS, TIME, ahead(SEQ, START, 1))
    nan = np.nan
    np.testing.assert_array_equal(made.up, [1, nan, nan, nan, 1, 1, nan])
    np.testing.assert_allclose(
        made.ret_bps, [1e4 * np.log(1.01), 0, nan, nan, 1e4 * np.log(1.02), 1e4 * np.log(52 / 51), nan]
    )
    np.testing.assert_array_equal(made.log_spread, [0.1, 0.2, nan, nan, 0.5, 0.6, nan])
    np.testing.assert_array_equal(made.log_vol, [1.5, 2.5, nan, nan, 5.5, 6.5, nan])
    np.testing.assert_array_equal(made.time, [10, 20, NO_TIME, NO_TIME, 50, 60, NO_TIME])


def test_a_longer_horizon_needs_all_rows_between() -> None:
    """Two rows ahead: the session with the hole has one labelled row, the other one too."""
    made = labels(MID, LEVELS, TIME, ahead(SEQ, START, 2))
    np.testing.assert_array_equal(np.isfinite(made.log_vol), [True, False, False, False, True, False, False])
    assert made.up[4] == 1


@pytest.mark.parametrize("rows", [0, 1, 2])
def test_sessions_shorter_than_the_horizon_have_no_labels(rows: int) -> None:
    """Nothing to look forward to."""
    made = labels(MID[:rows], LEVELS[:rows], TIME[:rows], ahead(SEQ[:rows], np.array([0, rows]), 5))
    assert np.isnan(made.ret_bps).all()
    assert len(made.up) == rows


def test_the_next_move_is_the_first_later_row_of_the_session_whose_mid_differs() -> None:
    """By hand: two rows wait for one move, the last move's rows have none after it; nothing crosses a session."""
    mid = np.array([10.0, 10.0, 10.5, 10.5, 10.0, 10.0, 9.0, 9.0, 9.5])
    start = np.array([0, 6, 9])
    there = next_move(mid, start)
    np.testing.assert_array_equal(there, [2, 2, 4, 4, -1, -1, 8, 8, -1])
    made = labels(mid, np.zeros((9, 2)), np.arange(9) * 10, there)
    np.testing.assert_array_equal(made.up, [1, 1, 0, 0, np.nan, np.nan, 1, 1, np.nan])
    np.testing.assert_array_equal(made.time, [20, 20, 40, 40, NO_TIME, NO_TIME, 80, 80, NO_TIME])


@pytest.mark.parametrize("size", [0, 1, 2])
def test_a_market_that_stands_still_has_no_next_move(size: int) -> None:
    """All -1, whatever the length; also without a row."""
    np.testing.assert_array_equal(next_move(np.full(size, 5.0), np.array([0, size])), np.full(size, -1))


def test_the_realised_volatility_is_that_of_the_way_to_the_labels_row() -> None:
    """Of the next move the size of it; over three rows the root of the summed squares; never below what is least."""
    mid = np.array([100.0, 100.0, 101.0, 100.0, 100.0])
    start, least = np.array([0, 5]), np.full(5, 0.5)
    up, down = 1e4 * np.log(1.01), 1e4 * np.log(100 / 101)
    np.testing.assert_allclose(realised(mid, start, next_move(mid, start), least)[:3], np.log([up, up, -down]))
    over = realised(mid, start, ahead(np.arange(5), start, 3), least)
    np.testing.assert_allclose(over, [*np.log([np.hypot(up, down)] * 2), *[np.nan] * 3])
    assert realised(mid, start, ahead(np.arange(5), start, 1), least)[0] == pytest.approx(np.log(0.5))

"""Rows of quotes from a tape, by hand."""

from __future__ import annotations

import numpy as np
import pytest

from hfm.simulate.replay import event_tape, intervals, row_sigma
from hfm.simulate.replay.event_tape import Tape
from tests.orderbook import DAY, OPEN, SECOND, book_table


def day() -> Tape:
    """The tape of DAY."""
    found = event_tape.read(book_table(DAY), 1)
    assert found is not None
    return found


def test_events_of_one_time_stamp_are_one_row() -> None:
    """Nine events, seven stamps, six of them with two sides: one row each, from the first two-sided one on."""
    rows = intervals.by_event(day())
    columns = intervals.columns(day(), rows)
    np.testing.assert_array_equal((rows.t_close - OPEN) / SECOND, [1.0, 2.0, 3.0, 4.5, 6.0, 7.0])
    np.testing.assert_array_equal(rows.seq, np.arange(6))
    np.testing.assert_array_equal(columns["ofi"], [-50, 50, 10, -50, 40, -10])
    np.testing.assert_array_equal(columns["volume"], [0, 0, 10, 55, 0, 0])
    np.testing.assert_array_equal(columns["signed_volume"], [0, 0, 10, -55, 0, 0])
    np.testing.assert_allclose(columns["mid_close"], [10.01, 10.02, 10.02, 10.01, 10.01, 10.005])
    np.testing.assert_allclose(columns["mid_open"][1:], columns["mid_close"][:-1])
    np.testing.assert_allclose(
        columns["spread_bps"],
        1e4 * np.array([0.04, 0.02, 0.02, 0.04, 0.04, 0.03]) / [10.01, 10.02, 10.02, 10.01, 10.01, 10.005],
    )


def test_a_clock_weighs_the_spread_by_time() -> None:
    """Two-second rows: in (2, 4] the spread is .02 all along, in (4, 6] .02 for half a second, then .04."""
    rows = intervals.by_clock(day(), OPEN, OPEN + 8 * SECOND, 2 * SECOND)
    columns = intervals.columns(day(), rows)
    np.testing.assert_array_equal(rows.seq, [0, 1, 2, 3])
    bps = 1e4 * np.array([0.04 / 10.01, 0.02 / 10.02])
    assert columns["spread_bps"][1] == pytest.approx(bps[1])
    assert columns["spread_bps"][2] == pytest.approx(0.25 * bps[1] + 0.75 * bps[0])
    assert columns["spread_bps"][3] == pytest.approx(1e4 * 0.03 / 10.005)  # (6, 7] has no ask and is left out
    np.testing.assert_array_equal(columns["trades"], [0, 1, 2, 0])
    assert (columns["trade_high"][2], columns["trade_low"][2], columns["trade_close"][2]) == (10.01, 10.00, 10.00)
    assert np.isnan(columns["trade_open"][[0, 3]]).all()
    np.testing.assert_allclose(columns["mid_high"], [10.02, 10.02, 10.02, 10.01])
    np.testing.assert_allclose(columns["mid_low"], [10.01, 10.02, 10.01, 10.005])


def test_sums_over_clock_rows_are_the_sums_of_their_events() -> None:
    """OFI, volume, signed volume and trades add up to the day's, whatever the clock."""
    whole = intervals.columns(day(), intervals.by_event(day()))
    for seconds in (1, 2, 4, 8):
        rows = intervals.by_clock(day(), OPEN, OPEN + 8 * SECOND, seconds * SECOND)
        columns = intervals.columns(day(), rows)
        for name in ("ofi", "volume", "signed_volume", "trades"):
            assert columns[name].sum() == whole[name].sum(), (seconds, name)


def test_an_empty_side_keeps_the_last_quotes() -> None:
    """The row at 6.0 has no ask: bid and ask, mid and spread stay those of the last two-sided state."""
    columns = intervals.columns(day(), intervals.by_event(day()))
    assert (columns["bid_close"][4], columns["ask_close"][4]) == (9.99, 10.03)
    assert columns["depth_ask"][4] == 0
    assert np.isfinite(columns["micro_bps"]).all()


def test_the_effective_half_spread_is_what_takers_paid_and_is_kept_between_trades() -> None:
    """10 shares at .01 from the mid; then 50 at .01 and 5 at .01 below the mid of its time; before: half the quoted."""
    half = intervals.columns(day(), intervals.by_event(day()))["half_spread"]
    np.testing.assert_allclose(half, [0.02, 0.02, 0.01, 0.01, 0.01, 0.01], atol=1e-12)


def test_sigma_is_the_root_mean_square_of_rows_before() -> None:
    """Row 500 of a thousand: windows of 12, 78 and 390 before it in equal parts; its own return does not count."""
    returns = np.random.default_rng(0).normal(0, 1e-4, 1000)
    found = row_sigma.sigma(returns, 0.01, np.full(1000, 100.0))
    expected = np.mean([np.mean(returns[500 - w : 500] ** 2) for w in row_sigma.WINDOWS])
    assert found[500] == pytest.approx(np.sqrt(expected))
    assert found[0] == pytest.approx(0.005 / 100)
    still = row_sigma.sigma(np.zeros(5), 0.01, np.full(5, 100.0))
    np.testing.assert_allclose(still[1:], 0.001 / 100)

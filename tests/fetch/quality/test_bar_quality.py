"""What is rejected, what is missing, and how it is said."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from hfm.fetch.quality.bad_prints import close_jumps
from hfm.fetch.quality.bar_quality import clean, count_missing
from hfm.fetch.quality.scales import measure, trailing_sigma
from hfm.instants import SECOND_NS
from hfm.plugins import RawBars
from tests.fetch.drive import raw, week

OVER = week()
ALL = int(OVER.close[-1])


def changed(column: str, row: int, value: float) -> RawBars:
    """Clean bars with one value changed."""
    bars = raw(OVER)
    values = getattr(bars, column).copy()
    values[row] = value
    return replace(bars, **{column: values})


def rows(bars: RawBars, order: np.ndarray) -> RawBars:
    names = ("time", "open", "high", "low", "close", "volume")
    return RawBars(*(getattr(bars, name)[order] for name in names))


def test_clean_bars_are_all_kept_and_nothing_is_counted() -> None:
    """390 bars of five sessions, in any order, come out in order with no entry but their number."""
    bars = raw(OVER)
    grid, quality = clean(rows(bars, np.random.default_rng(0).permutation(390)), OVER, ALL)
    count_missing(grid, quality, OVER, ALL)
    assert (grid.time == bars.time).all()
    assert (grid.close == bars.close).all()
    assert (grid.seq == np.tile(np.arange(78), 5)).all()
    assert (quality.expected, quality.present, quality.sessions, quality.gap) == (390, 390, 5, 0.0)
    assert (quality.refused, quality.duplicates, quality.moves, quality.outside, quality.stale) == (0, 0, 0, 0, 0)


@pytest.mark.parametrize(
    ("column", "value", "reason"),
    [
        ("close", np.nan, "price"),
        ("open", 0.0, "price"),
        ("low", -5.0, "price"),
        ("high", np.inf, "price"),
        ("volume", np.nan, "volume"),
        ("volume", -1.0, "volume"),
        ("high", 90.0, "disorder"),
        ("low", 110.0, "disorder"),
    ],
)
def test_a_broken_value_rejects_its_bar_and_says_why(column: str, value: float, reason: str) -> None:
    """NaN, zero, negative and infinite prices, volumes that are no volumes, high below low."""
    grid, quality = clean(changed(column, 100, value), OVER, ALL)
    assert quality.rejected == {reason: 1}
    assert len(grid.time) == 389
    assert quality.rows[0]["reason"] == reason
    assert quality.rows[0]["time"] == "2026-03-03T16:25:00Z"


def test_float32_rounding_widens_the_bar_and_is_counted() -> None:
    """A high one part in ten million below the close is the vendor's float32."""
    bars = raw(OVER)
    high = bars.high.copy()
    high[7] = max(bars.open[7], bars.close[7]) * (1 - 1e-7)
    grid, quality = clean(replace(bars, high=high), OVER, ALL)
    assert (quality.widened, quality.refused) == (1, 0)
    assert grid.high[7] == max(bars.open[7], bars.close[7])


def test_of_duplicates_the_newest_valid_row_is_kept() -> None:
    """The later row wins; a broken later row does not; disagreement is counted."""
    bars = raw(OVER)
    again = RawBars(
        np.append(bars.time, [bars.time[5], bars.time[6], bars.time[7]]),
        *(np.append(getattr(bars, n), getattr(bars, n)[[5, 6, 7]]) for n in ("open", "high", "low", "close", "volume")),
    )
    again.volume[390] = 77.0
    again.close[391] = np.nan
    grid, quality = clean(again, OVER, ALL)
    assert grid.volume[5] == 77.0
    assert grid.close[6] == bars.close[6]
    assert (quality.duplicates, quality.conflicts, quality.rejected) == (2, 1, {"price": 1})
    assert len(grid.time) == 390


def test_rows_outside_forming_empty_and_off_grid_are_told_apart() -> None:
    """Only the off-grid row is a loss: the others say nothing about a regular bar that is over."""
    bars = raw(OVER)
    time = bars.time.copy()
    time[0] -= 3600 * SECOND_NS
    time[10] += 17 * SECOND_NS
    blank = {name: getattr(bars, name).copy() for name in ("open", "high", "low", "close", "volume")}
    for values in blank.values():
        values[20] = np.nan
    _, quality = clean(RawBars(time, **blank), OVER, int(bars.time[-2]))
    assert (quality.outside, quality.future, quality.empty, quality.rejected) == (1, 1, 1, {"off_grid": 1})


def test_zero_volume_is_kept_and_counted() -> None:
    """A bar without a trade is a fact."""
    grid, quality = clean(changed("volume", 50, 0.0), OVER, ALL)
    assert (quality.zero_volume, quality.refused, len(grid.time)) == (1, 0, 390)


def test_a_print_that_leaves_and_returns_is_quarantined_and_a_move_that_stays_is_news() -> None:
    """A close 7 % off for one bar goes; the same move for good stays and is counted."""
    bars = raw(OVER)
    spike = bars.close.copy()
    spike[200] *= 1.07
    grid, quality = clean(replace(bars, close=spike, high=np.maximum(bars.high, spike)), OVER, ALL)
    assert quality.rejected == {"jump": 1}
    assert quality.moves == 0
    assert bars.time[200] not in grid.time
    factor = np.where(np.arange(390) >= 200, 1.07, 1.0)
    stay = {name: getattr(bars, name) * factor for name in ("open", "high", "low", "close")}
    stay["high"][200] = max(stay["high"][200], stay["open"][200])
    grid, quality = clean(replace(bars, **stay), OVER, ALL)
    assert (quality.rejected, quality.moves, len(grid.time)) == ({}, 1, 390)


def test_a_wild_hour_is_no_row_of_errors() -> None:
    """Ten alternating moves of 20 sigma stand out from the day and not from each other: all are kept."""
    bars = raw(OVER)
    close = bars.close.copy()
    close[210:220] *= 1 + 0.01 * (-1.0) ** np.arange(10)
    grid, _ = clean(replace(bars, close=close, high=bars.high * 1.02, low=bars.low * 0.98), OVER, ALL)
    assert not close_jumps(grid, measure(grid).sigma).spikes[210:220].any()


def test_nothing_is_said_of_the_night_nor_of_a_sessions_first_and_last_bar() -> None:
    """A gap of 10 % between sessions is no jump."""
    bars = raw(OVER)
    factor = np.where(np.arange(390) >= 78, 1.1, 1.0)
    gap = {name: getattr(bars, name) * factor for name in ("open", "high", "low", "close")}
    gap["open"][78] *= 1.0
    _, quality = clean(replace(bars, **gap), OVER, ALL)
    assert (quality.refused, quality.moves) == (0, 0)


def test_the_sigma_of_a_session_comes_from_the_sessions_before() -> None:
    """Changing a session changes the sigma of later ones only; the first has its own."""
    index = np.repeat(np.arange(4), 50)
    change = np.random.default_rng(3).normal(0, 1, 200)
    before = trailing_sigma(index, change)
    change[100:150] *= 9
    after = trailing_sigma(index, change)
    assert (before[:150] == after[:150]).all()
    assert (before[150:] != after[150:]).all()
    assert before[0] == pytest.approx(before[50])


def test_the_account_names_lost_and_thin_sessions_and_counts_gaps_in_present_ones() -> None:
    """One session gone, one with ten bars, one bar missing elsewhere: gap 69 of 312, the lost one apart."""
    bars = raw(OVER)
    keep = np.ones(390, bool)
    keep[78:156] = False
    keep[166:234] = False
    keep[300] = False
    grid, quality = clean(rows(bars, np.flatnonzero(keep)), OVER, ALL)
    count_missing(grid, quality, OVER, ALL)
    assert quality.lost_sessions == ["2026-03-03"]
    assert quality.thin_sessions == {"2026-03-04": 10}
    assert (quality.expected, quality.present) == (312, 243)
    assert quality.gap == pytest.approx(69 / 312)


def test_a_session_in_progress_is_due_only_what_has_ended() -> None:
    """At 11:00 of the last day 18 of its bars are due; none is missing, none is stale."""
    until = int(OVER.open[-1]) + 90 * 60 * SECOND_NS
    grid, quality = clean(raw(OVER), OVER, until)
    count_missing(grid, quality, OVER, until)
    assert (quality.future, quality.expected, quality.present, quality.stale) == (60, 330, 330, 0)
    count_missing(grid, quality, OVER, until + 30 * 60 * SECOND_NS)
    assert quality.stale == 6


def test_no_rows_make_an_empty_grid() -> None:
    """Nothing in, nothing out, nothing raised."""
    none = np.zeros(0)
    grid, quality = clean(RawBars(none.astype(np.int64), none, none, none, none, none), OVER, ALL)
    assert not grid.time.size
    assert quality.raw == 0


def test_prices_that_were_filled_forward_are_counted_with_their_sessions() -> None:
    """Forty flat bars on the third of five days, with their volume; none of a clean week."""
    bars = raw(OVER)
    prices = {name: getattr(bars, name).copy() for name in ("open", "high", "low", "close")}
    for values in prices.values():
        values[176:216] = bars.close[175]
    _, quality = clean(replace(bars, **prices), OVER, ALL)
    assert quality.filled == 41  # with the one bar of that day that stood still by itself
    assert quality.filled_sessions == {str(OVER.day[2]): 41}
    assert quality.refused == 0
    assert clean(bars, OVER, ALL)[1].filled == 0


def test_the_account_is_json_without_numbers_that_json_has_not() -> None:
    """A shift that is near no split has no ratio there."""
    bars = raw(week())
    late = np.arange(390) >= 200
    prices = {n: np.where(late, getattr(bars, n) * 1.73, getattr(bars, n)) for n in ("open", "high", "low", "close")}
    _, count_missing = clean(replace(bars, **prices), week(), int(week().close[-1]))
    assert [shift["unit"] for shift in count_missing.as_json()["shifts"]] == [None]
    json.dumps(count_missing.as_json(), allow_nan=False)

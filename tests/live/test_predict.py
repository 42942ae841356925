"""The newest row's answer: the batch's last row, its age, and whether that is too old."""

from __future__ import annotations

import numpy as np
import pytest

from hfm import tables
from hfm.config import Backtest
from hfm.live.predict import Newest, predict, trading_since
from hfm.models import inference as models
from hfm.tables import MemoryReader
from hfm.train import training_panel
from tests.live.market import Made, made
from tests.live.test_stream import TWO, stream

NINE = Backtest(threshold="0.5")


def newest(of: Made, now: int, open_since: int | None = None) -> Newest:
    """predict, with a calendar that says one thing."""
    return predict(stream(of, NINE), MemoryReader(of.quotes), now, lambda calendar, instant: open_since)


def last_time(of: Made) -> int:
    """Close of the newest row, ns."""
    return int(tables.column_array(of.quotes["time"])[-1])


def cut_last(of: Made, count: int) -> Made:
    """Without its last rows: a session under way."""
    return Made(of.quotes.slice(0, of.quotes.num_rows - count), of.predictions, of.checkpoint, of.files)


def test_it_is_the_last_row_of_a_batch_over_the_same_rows_with_the_final_fit() -> None:
    """train's own batch: features, heads and finish of the whole panel."""
    of = cut_last(made(), 5)
    said = newest(of, last_time(of)).answers[0]
    data = training_panel.read(MemoryReader(of.quotes), training_panel.Task()).panel
    arrays = of.checkpoint.part("final")
    out = models.finished(models.heads(arrays, data), data.spread_bps, arrays)
    assert [said[name] for name in models.FORECAST_COLUMNS] == list(out[-1].item())
    assert said["signal"] == np.sign(out["p_up"][-1] - 0.5)
    assert said["target"]


@pytest.mark.parametrize(
    ("minutes", "open_for", "stale", "is_open"),
    [(0, None, [], True), (30, None, [], True), (31, 200, ["SPY"], True), (31, None, [], False), (900, 29, [], True),
     (900, 31, ["SPY"], True)],
    ids=["at once", "two intervals", "too old", "closed since", "just opened", "no bar of today"],
)  # fmt: skip
def test_a_row_is_stale_after_two_intervals_of_an_open_market(
    minutes: int, open_for: int | None, stale: list[str], is_open: bool
) -> None:
    """Fifteen-minute bars; the time counts from the open, and a closed market is never stale."""
    of = cut_last(made(), 5)
    now = last_time(of) + minutes * 60 * 10**9
    got = newest(of, now, None if open_for is None else now - open_for * 60 * 10**9)
    assert (got.stale, got.is_open) == (stale, is_open)
    assert got.answers[0]["age_s"] == minutes * 60


def test_after_the_last_row_of_a_session_the_market_is_closed_and_nothing_is_wanted() -> None:
    """Without a look at the calendar."""
    got = newest(made(), last_time(made()) + 10**9)
    assert (got.is_open, got.stale) == (False, [])
    assert got.answers[0]["target"] == 0.0


def test_a_symbol_that_stopped_is_named_and_the_others_are_answered() -> None:
    """It has no row in the last session."""
    of = made(TWO)
    day, symbol = tables.column_array(of.quotes["session"]), tables.column_array(of.quotes["symbol"])
    kept = of.quotes.filter((day < day[-1]) | (symbol == "BBB"))
    got = newest(cut_last(Made(kept, of.predictions, of.checkpoint, of.files), 3), last_time(of) - 44 * 60 * 10**9)
    assert got.stale == ["AAA"]
    assert [a["status"] for a in got.answers] == ["no row in the last session", "ok"]


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
    since = trading_since(calendar, int(np.datetime64(text, "ns").astype(np.int64)))
    assert since == (None if expected is None else int(np.datetime64(expected, "ns").astype(np.int64)))

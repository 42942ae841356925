"""At which end of its bar each stamp stands."""

from __future__ import annotations

import numpy as np
import pytest

from hfm.errors import DataError
from hfm.fetch.files.labelling import label, side_of_name
from hfm.instants import SECOND_NS
from tests.fetch.drive import raw, week


def test_labels_in_regular_hours_are_told_by_the_open_and_the_close() -> None:
    """Stamps with the open and not the close stand at the start; the other way round, at the end."""
    bars, over = raw(week()), week()
    assert label(bars.time, bars.volume, over) == "end"
    assert label(bars.time - over.interval, bars.volume, over) == "start"
    keep = np.ones(390, bool)
    keep[[0, 77, 160]] = False
    assert label(bars.time[keep], bars.volume[keep], over) == "end"


@pytest.mark.parametrize("shift", [0, -1])
def test_labels_with_hours_around_are_told_by_the_volume_at_the_open(shift: int) -> None:
    """Both the open and the close are stamped then; the market's first bar is the one with the volume."""
    over = week()
    start, end = over.open - 60 * over.interval, over.close + 40 * over.interval
    time = np.concatenate([np.arange(a + over.interval, b + 1, over.interval) for a, b in zip(start, end, strict=True)])
    regular = over.holding(time)[1]
    volume = np.where(regular, 1000.0, 20.0)
    assert label(time + shift * over.interval, volume, over) == ("start" if shift else "end")
    with pytest.raises(DataError, match="labelled at their start and at their end"):
        label(time + shift * over.interval, np.ones(len(time)), over)


def test_labels_without_the_first_and_the_last_bar_are_not_known() -> None:
    """Nothing to tell by: refused, with the flag that says it."""
    bars, over = raw(week()), week()
    inner = (over.grid(bars.time)[1] > 0) & (over.grid(bars.time)[1] < 77)
    with pytest.raises(DataError) as e:
        label(bars.time[inner], bars.volume[inner], over)
    assert "--label" in e.value.hint


def test_a_market_that_never_closes_has_no_labels() -> None:
    """Neither the first and last stamps of a file, nor the volume at midnight, tell."""
    over = week("24/7", 3600)
    bars = raw(over)
    for shift in (0, over.interval):
        with pytest.raises(DataError, match="fit bars labelled"):
            label(bars.time - shift, bars.volume, over)


def test_weeks_of_currencies_have_no_labels_either() -> None:
    """From Sunday evening to Friday evening: the stamps at Monday's midnight are no opening."""
    over = week("24/5", 3600)
    bars = raw(over)
    starts = np.concatenate([over.open[:1] - np.array([2, 1]) * 3600 * SECOND_NS, bars.time[:-4] - over.interval])
    for shift in (0, over.interval):
        with pytest.raises(DataError, match="fit bars labelled"):
            label(starts + shift, np.ones(len(starts)), over)


@pytest.mark.parametrize("calendar", ["XTKS", "XHKG"])
def test_a_lunch_break_tells_the_labels_too(calendar: str) -> None:
    """Open and close both stamped: the borders of the break decide nothing against a bar of one price."""
    over = week(calendar)
    bars = raw(over)
    due = over.holding(bars.time)[1]
    time, volume = bars.time[due], bars.volume[due]
    assert label(time, volume, over) == "end"
    assert label(time - over.interval, volume, over) == "start"


def test_a_stamp_at_the_close_too_leaves_the_label_open_unless_one_border_has_prints() -> None:
    """79 stamps a session: bars of one price at the opens alone are opening prints, at the closes alone closing ones;
    at both they tell nothing, and neither do they where many bars have one price."""
    bars, over = raw(week()), week()
    time = np.sort(np.concatenate([over.open, bars.time]))
    volume, none = np.ones(len(time)), np.zeros(len(time), bool)
    opens, closes = np.isin(time, over.open), np.isin(time, over.close)
    assert label(time, volume, over, opens) == "end"
    assert label(time, volume, over, closes) == "start"
    for flat in (None, none, opens | closes, opens | (np.arange(len(time)) % 3 == 0)):
        with pytest.raises(DataError, match="5 have one at the open and 5 at the close"):
            label(time, volume, over, flat)


def test_a_column_may_be_named_for_its_side() -> None:
    """Whatever its case and signs."""
    assert [side_of_name(name) for name in ("Open time", "close_time", "END", "timestamp", "date")] == [
        "start",
        "end",
        "end",
        None,
        None,
    ]

"""Sessions and the clock grid."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
import pytest

from hfm.errors import ConfigError, DataError
from hfm.fetch.sessions import Sessions, recent, sessions, span, yearly
from hfm.instants import SECOND_NS, instant_ns


def at(text: str) -> int:
    return int(np.datetime64(text, "ns").astype(np.int64))


def whole(over: Sessions) -> tuple[np.ndarray, np.ndarray]:
    """(index, seq) of every slot."""
    return np.repeat(np.arange(len(over)), over.slots), np.concatenate([np.arange(n) for n in over.slots])


@pytest.mark.parametrize(
    ("calendar", "interval_s", "day", "slots"),
    [
        ("XNYS", 300, "2026-03-02", 78),
        ("XNYS", 300, "2025-11-28", 42),
        ("XNYS", 60, "2026-03-02", 390),
        ("XNYS", 3600, "2026-03-02", 7),
        ("XNYS", 3600, "2025-11-28", 4),
        ("24/7", 300, "2026-03-07", 288),
        ("XTKS", 300, "2024-06-03", 72),
    ],
)
def test_a_session_has_the_slots_of_its_hours(calendar: str, interval_s: int, day: str, slots: int) -> None:
    """Full days, half days, an hourly grid that does not divide the day, days without end, a lunch break."""
    over = sessions(calendar, interval_s, day, day)
    assert over.slots.tolist() == [slots]
    index, seq = whole(over)
    ends = over.slot_end(index, seq)
    assert ends[-1] == over.close[0]
    again, number, inside, on = over.grid(ends)
    expected = (
        np.ones(slots, bool) if calendar != "XTKS" else np.r_[np.ones(30), np.zeros(12), np.ones(30)].astype(bool)
    )
    assert (inside == expected).all()
    assert (on == expected).all()
    assert (number == seq).all()
    assert (again == 0).all()
    assert over.expected[0] == expected.sum()


def test_the_clock_change_moves_the_session_in_utc_and_not_its_slots() -> None:
    """2026-03-06 opens at 14:30 UTC, 2026-03-09 at 13:30; both have 78 slots."""
    over = sessions("XNYS", 300, "2026-03-06", "2026-03-09")
    assert over.open.tolist() == [at("2026-03-06T14:30"), at("2026-03-09T13:30")]
    assert over.slots.tolist() == [78, 78]


def test_a_stamp_at_the_open_is_before_the_session_and_one_at_the_close_is_its_last() -> None:
    """End stamps: the open belongs to nothing, the close to the last slot; a second off is off the grid."""
    over = sessions("XNYS", 300, "2026-03-02", "2026-03-02")
    stamps = np.array(
        [
            over.open[0],
            over.open[0] + 300 * SECOND_NS,
            over.close[0],
            over.close[0] + SECOND_NS,
            over.open[0] + 301 * SECOND_NS,
            over.open[0] - SECOND_NS,
        ]
    )
    _, seq, inside, on = over.grid(stamps)
    assert inside.tolist() == [False, True, True, False, True, False]
    assert on.tolist() == [False, True, True, False, False, False]
    assert seq[[1, 2]].tolist() == [0, 77]


def test_bars_that_start_in_a_short_last_slot_end_at_the_close() -> None:
    """15:30 of an hourly grid ends at 16:00."""
    over = sessions("XNYS", 3600, "2026-03-02", "2026-03-02")
    starts = over.open[0] + np.arange(7) * 3600 * SECOND_NS
    assert (over.ends(starts) == over.slot_end(np.zeros(7, np.int64), np.arange(7))).all()


def test_what_is_due_counts_bars_that_have_ended() -> None:
    """None at the open, one five minutes later, half a lunch break counts nothing, all at the close."""
    over = sessions("XNYS", 300, "2026-03-02", "2026-03-03")
    opened = int(over.open[0])
    assert [over.due(opened + s * SECOND_NS)[0] for s in (0, 299, 300, 23_400)] == [0, 0, 1, 78]
    assert over.due(opened + 10**15).tolist() == [78, 78]
    tokyo = sessions("XTKS", 300, "2024-06-03", "2024-06-03")
    assert tokyo.due(int(tokyo.pause[0])).tolist() == [30]
    assert tokyo.due(int(tokyo.resume[0])).tolist() == [30]
    assert tokyo.due(int(tokyo.resume[0]) + 300 * SECOND_NS).tolist() == [31]


def test_recent_counts_sessions_back_from_the_last_finished_bar() -> None:
    """A session in progress counts once it has a bar; days are calendar days before now."""
    early, later = at("2026-03-06T14:34"), at("2026-03-06T14:35")
    assert str(recent("XNYS", 300, early, None, 2).day[-1]) == "2026-03-05"
    assert recent("XNYS", 300, later, None, 2).day.astype(str).tolist() == ["2026-03-05", "2026-03-06"]
    assert len(recent("XNYS", 300, later, 7, None)) == 5
    assert len(recent("XNYS", 300, later, None, 300)) == 300
    assert not len(recent("XNYS", 300, at("2026-03-08T12:00"), 1, None))


@pytest.mark.parametrize("year", [2013, 2020, 2025])
def test_slots_a_year_come_from_the_calendar(year: int) -> None:
    """Half days and holidays are counted: 19,392 to 19,662 in these years, never 252 x 78 = 19,656 by rote."""
    slots, days, full = yearly("XNYS", 300, np.datetime64(f"{year}-05-01"), np.datetime64(f"{year}-06-01"))
    assert 19_392 <= slots <= 19_662
    assert 250 <= days <= 253
    assert full == 78


def test_two_years_are_averaged_and_days_without_end_have_all_their_slots() -> None:
    """2024 has 19,548 and 2025 19,392 five-minute slots."""
    assert yearly("XNYS", 300, np.datetime64("2024-03-26"), np.datetime64("2025-04-01"))[0] == 19_470
    assert yearly("24/7", 300, np.datetime64("2025-03-26"), np.datetime64("2025-04-01")) == (105_120.0, 365.0, 288)


def test_an_unknown_calendar_is_a_setting_and_its_market_has_a_name() -> None:
    """Exit 3, and the calendar of the market that is meant; alike letters mean none, and all names are listed."""
    with pytest.raises(ConfigError, match="SENSEX") as e:
        sessions("SENSEX", 300, "2026-03-02", "2026-03-06")
    assert e.value.hint == "--set fetch.calendar=XBOM"
    with pytest.raises(ConfigError, match="XNYX") as e:
        sessions("XNYX", 300, "2026-03-02", "2026-03-06")
    assert e.value.hint == "take one of these names"
    assert "XNYS" in e.value.why


def test_days_before_a_calendar_begins_are_data_that_is_missing() -> None:
    """Tokyo's calendar begins in 1997."""
    with pytest.raises(DataError, match="does not cover 1980"):
        sessions("XTKS", 300, "1980-01-01", "1980-02-01")


def test_a_span_without_a_session_is_empty() -> None:
    """A weekend."""
    assert not len(span("XNYS", 300, at("2026-03-07T01:00"), at("2026-03-08T01:00")))
    assert not len(sessions("XNYS", 300, "2026-03-07", "2026-03-08"))


def test_an_instant_is_exact_nanoseconds() -> None:
    """Microseconds of an aware datetime survive."""
    assert instant_ns(datetime(2026, 3, 2, 14, 30, 0, 123456, tzinfo=UTC)) == at("2026-03-02T14:30:00.123456")

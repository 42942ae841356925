"""What a person types is understood or refused with the cure; what they read says all that counts."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from hfm.errors import UsageError
from hfm.live import parsing


def test_an_instant_without_a_zone_is_utc() -> None:
    """And one with a zone is kept."""
    assert parsing.instant("2025-04-01T20:00") == datetime(2025, 4, 1, 20, tzinfo=UTC)
    assert parsing.instant("2025-04-01T16:00-04:00") == datetime(2025, 4, 1, 20, tzinfo=UTC)
    with pytest.raises(UsageError, match="not an ISO time"):
        parsing.instant("tomorrow")


def test_a_symbol_is_taken_in_any_case_and_must_be_known() -> None:
    """None asks for all."""
    assert parsing.symbol("spy", ["SPY", "QQQ"]) == "SPY"
    assert parsing.symbol(None, ["SPY"]) is None
    with pytest.raises(UsageError, match="'DIA'") as error:
        parsing.symbol("DIA", ["SPY"])
    assert "SPY" in error.value.hint


def test_a_line_says_side_probability_spread_position_age_and_model() -> None:
    """What is not known is a dash; a stale row is said to be one; a row that is no forecast says what it is."""
    answer = {"symbol": "SPY", "time": "2025-04-01T20:00:00Z", "age_s": 61.0, "stale": False, "status": "ok",
              "signal": -1, "p_up": 0.4567, "spread_q10": 0.1, "spread_q50": 0.2, "spread_q90": 0.3, "target": -1785.0,
              "model": "lstm/final"}  # fmt: skip
    line, market = parsing.table([answer], True, "0123456789ab")
    assert line == ("SPY 2025-04-01T20:00:00Z  short  P(up) 0.4567  spread 0.200 (0.100 to 0.300) bps  "
                    "wants -1785 shares  61 s old  lstm/final 0123456789ab")  # fmt: skip
    assert market == "market: open"
    poor = {**answer, "p_up": None, "spread_q50": None, "signal": 0, "stale": True}
    assert parsing.table([poor], False, "x")[0].split("  ")[1:5] == [
        "flat",
        "P(up) -",
        "spread -",
        "wants -1785 shares",
    ]
    assert "STALE" in parsing.table([poor], False, "x")[0]
    gone = {**answer, "status": "no row in the last session"}
    assert parsing.table([gone], False, "x") == ["SPY 2025-04-01T20:00:00Z  no row in the last session  61 s old",
                                               "market: closed"]  # fmt: skip

"""Accuracy that honest forecasts of bars do not reach is named, over all rows and over those with a signal."""

from __future__ import annotations

from typing import Any

import pytest

from hfm.report.leakage import Hits, warning


@pytest.mark.parametrize(("change", "flagged"), [
    ({}, True), ({"planted": True}, False), ({"bars": False}, False), ({"right": 8100}, False),
    ({"right": 7900, "traded": (610, 1000)}, True), ({"right": 7900, "traded": (61, 100)}, False),
    ({"right": 45_000, "n": 77_000}, True),
])  # fmt: skip
def test_better_than_honest_is_flagged_on_bars_of_any_interval(change: dict[str, Any], flagged: bool) -> None:
    """54 % of 15,400 rows; 61 % of 1,000 rows with a signal beside 51.3 % of all; 58 % of 77,000 one-minute bars."""
    facts: dict[str, Any] = {"right": 8316, "n": 15_400, "planted": False} | change
    if "traded" in facts:
        facts["traded"] = Hits(*facts["traded"])
    text = warning(Hits(facts.pop("right"), facts.pop("n")), **facts)
    assert (text is not None) is flagged
    assert text is None or "hfm verify --run" in text


def test_the_reversal_rule_stands_beside_it() -> None:
    """Where the rule's accuracy is known, the reader sees how much of it a bounce may be."""
    text = warning(Hits(600, 1000), planted=False, reversal=0.58)
    assert text is not None
    assert "58.0% right" in text

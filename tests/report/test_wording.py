"""Figures as words."""

from __future__ import annotations

import pytest

from hfm.report import wording
from hfm.tables.json_document import from_json
from hfm.tables.metrics_document import Metric


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (0.5342, "fraction", "53.42%"),
        (-0.0123, "fraction", "−1.23%"),
        (0.151, "bps", "0.15 bp"),
        (1234.0, "count", "1,234"),
        (303.0, "sessions", "303 sessions"),
        (None, "fraction", "–"),
        (float("nan"), "a year", "–"),
        (1.259, "a year", "1.26"),
        (0.0123456, "-", "0.0123"),
        (25e5, "currency", "2,500,000"),
    ],
)
def test_a_number_carries_its_unit(value: float | None, unit: str, text: str) -> None:
    """Shares are %, spreads bp, counts whole; what is not there is a dash and never 0."""
    assert wording.number(value, unit) == text


def test_a_figure_stands_beside_its_interval_and_floor() -> None:
    """Label, value, interval, floor and note; an interval without width is none."""
    metric = {
        "label": "return net",
        "value": 0.004,
        "unit": "fraction",
        "lo": -0.003,
        "hi": 0.011,
        "floor": 0.0487,
        "floor_label": "buy-and-hold",
        "n": 205,
        "note": None,
    }
    got = wording.figure("return_net", from_json(Metric, metric))
    assert got.label == "Return net"
    assert (got.value, got.interval, got.floor) == ("+0.40%", "−0.30% to +1.10%", "buy-and-hold +4.87%")
    assert got.n == "205"
    assert got.note == ""
    assert wording.figure("return_net", from_json(Metric, metric | {"lo": 0.0, "hi": 0.0})).interval == ""


CHARGED = {"bps": 11.5, "claimed_bps": 0.157, "upper_bps": 11.6, "ruled_by": "abdi_ranaldo"}


def test_one_symbol_has_its_charge_its_claim_and_the_bars_own_limit() -> None:
    """Nothing where nothing is known; several symbols by their range."""
    assert wording.spread_charged({}) == []
    assert wording.spread_charged({"SPY": CHARGED}) == [
        ("spread", "11.5 bp there and back, claimed 0.157, its bars' upper side 11.6 (abdi ranaldo)")
    ]
    unknown = {"bps": 10.0, "claimed_bps": None, "upper_bps": None, "ruled_by": "none"}
    assert wording.spread_charged({"XYZ": unknown}) == [("spread", "10 bp there and back")]
    assert wording.spread_charged({"SPY": CHARGED, "XYZ": unknown}) == [
        ("spread", "10 bp (XYZ) to 11.5 (SPY) there and back; see facts.json")
    ]

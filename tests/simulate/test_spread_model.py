"""The model's constants."""

from __future__ import annotations

from dataclasses import asdict

from hfm.simulate.spread_model import RANGES, SpreadModel


def test_the_defaults_lie_within_what_a_calibration_may_set() -> None:
    """Every constant but the tick has bounds, and no other name has."""
    constants = asdict(SpreadModel())
    assert set(RANGES) == set(constants) - {"tick"}
    for name, (low, high) in RANGES.items():
        assert constants[name] is None or low <= constants[name] <= high

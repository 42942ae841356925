"""The threshold policy."""

from __future__ import annotations

from hfm.policies.threshold import Threshold
from tests.policies.contract import seen


def test_it_trades_strictly_beyond_the_level() -> None:
    """Long above .6, short below .4, flat on the border itself."""
    p = [0.61, 0.6, 0.5, 0.4, 0.39]
    assert Threshold(0.6).weights(seen(p)).tolist() == [1, 0, 0, 0, -1]

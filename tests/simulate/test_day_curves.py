"""Built-in curves of the time of day."""

from __future__ import annotations

import numpy as np
import pytest

from hfm.simulate import day_curves


@pytest.mark.parametrize("curve", [day_curves.SPREAD_CURVE, day_curves.VOLATILITY_CURVE, day_curves.VOLUME_CURVE])
def test_a_curve_of_as_many_slots_is_itself(curve: tuple[float, ...]) -> None:
    """Thirteen half-hours; six times as many slots lie between their neighbours."""
    np.testing.assert_allclose(np.exp(day_curves.day_curve(curve, 13)), curve)
    fine = np.exp(day_curves.day_curve(curve, 78))[3:-3]
    assert fine.max() <= max(curve)
    assert fine.min() >= min(curve)

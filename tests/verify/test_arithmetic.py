"""The series behind the Sharpe claim is what it says."""

from __future__ import annotations

import numpy as np
import pytest

from hfm.verify.arithmetic import SESSIONS, SLOTS, TRUTH, sharpe_series


def test_the_known_series_has_its_ratio_by_plain_arithmetic() -> None:
    """Mean over standard deviation of session sums, times the root of 252."""
    daily = sharpe_series().sum(1)
    assert sharpe_series().shape == (SESSIONS, SLOTS)
    assert daily.mean() / daily.std(ddof=1) * np.sqrt(252) == pytest.approx(TRUTH, abs=1e-12)

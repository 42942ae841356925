"""The quantile policy."""

from __future__ import annotations

import numpy as np

from hfm.policies.quantile import Quantile
from tests.policies.contract import seen


def test_it_trades_the_sign_of_confident_rows() -> None:
    """conf_rank strictly above the level; the side is that of p - .5."""
    out = Quantile(0.9).weights(seen([0.51, 0.49, 0.7, 0.3, 0.5], [0.95, 0.91, 0.9, np.nan, 0.99]))
    assert out.tolist() == [1, -1, 0, 0, 0]

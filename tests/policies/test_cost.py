"""The cost policy."""

from __future__ import annotations

import numpy as np

from hfm.policies.cost import Cost
from tests.policies.contract import seen


def test_it_trades_where_the_expected_move_pays_for_the_round_trip() -> None:
    """(2 x .6 - 1) x .8 x 10 bp = 1.6 bp against the cost of each row."""
    out = Cost().weights(
        seen([0.6, 0.6, 0.4, 0.6], ret_sd_bps=[10.0, 10.0, 10.0, np.nan], cost_bps=[1.5, 1.7, 1.5, 0.1])
    )
    assert out.tolist() == [1, 0, -1, 0]


def test_an_unknown_cost_is_flat() -> None:
    """NaN is not cheap."""
    assert Cost().weights(seen([0.9], cost_bps=np.nan)).tolist() == [0]

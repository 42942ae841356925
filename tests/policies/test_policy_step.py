"""The row kernel of the built-in policies is their `propose`."""

from __future__ import annotations

import numpy as np
import pytest

from hfm.plugins import Signals
from hfm.policies.choice import choose
from hfm.policies.policy_step import KINDS, propose


@pytest.mark.parametrize("text", ["0.5", "0.53", "0.6", "q50", "q90", "cost"])
def test_a_row_s_proposal_is_the_table_s(text: str) -> None:
    """NaN, infinities and levels hit exactly included."""
    chosen = choose(text)
    rng = np.random.default_rng(2)
    p, rank = rng.uniform(0.3, 0.7, 3000), rng.uniform(0, 1, 3000)
    sd, cost = rng.uniform(1, 30, 3000), rng.uniform(0, 3, 3000)
    p[:3], rank[:3] = (chosen.level or 0.5, 0.5, 1 - (chosen.level or 0.5)), chosen.level or 0.5
    for k, values in enumerate((p, rank, sd, cost)):
        values[100 + 50 * k : 110 + 50 * k], values[120 + 50 * k] = np.nan, np.inf
    level = getattr(chosen.policy, "level", chosen.level)
    with np.errstate(invalid="ignore"):
        want = chosen.policy.propose(Signals(p, rank, sd, cost))
    got = [propose(KINDS[chosen.kind], level, *row) for row in zip(p, rank, sd, cost, strict=True)]
    np.testing.assert_array_equal(got, want)
    assert {-1, 0, 1} <= set(got)

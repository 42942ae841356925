"""The original recipe's parts."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from hfm import tables
from hfm.features import batch
from hfm.simulate import original
from tests.bars import bar_table
from tests.simulate.test_stage import simulate


@pytest.mark.parametrize("cut", [0, 1, 19, 20, 60])
def test_volatility_is_the_sample_sd_of_20_returns_however_the_rows_are_cut(cut: int) -> None:
    """Twenty rows: the textbook sd in bps; fewer: that of those there are; the tail carries over."""
    returns = np.random.default_rng(0).normal(0, 1e-3, 100)
    first, tail = original.volatility(returns[:cut], np.empty(0))
    second, _ = original.volatility(returns[cut:], tail)
    found = np.concatenate((first, second))
    expected = [0.0] + [1e4 * returns[max(0, t - 19) : t + 1].std(ddof=1) for t in range(1, 100)]
    np.testing.assert_allclose(found, expected, atol=1e-6)


def test_spread_and_flow_by_hand() -> None:
    """10 + 2 x 3 + .1 x 5 x 1 = 16.5; never below 1; +.6 after a rise, -.4 at rest or after a fall."""
    np.testing.assert_allclose(original.spread_bps(np.array([3.0, 0.0]), 5.0 * np.array([1.0, -40.0])), [16.5, 1.0])
    np.testing.assert_allclose(original.ofi(np.array([1e-4, 0.0, -1e-4]), np.full(3, 100.0)), [60.0, -40.0, -40.0])


def test_its_one_line_rule_can_be_learnt_from_the_seed_features() -> None:
    """Falls where it stands above 10 bp + 2 x volatility: a logistic model of the seed group is as good."""
    q = tables.arrays(simulate(bar_table(150), recipe="seed")[0])
    names = batch.GROUPS["seed"]
    x = batch.compute(q, {"SPY": batch.state_new(78, 300.0)}, names)
    widens = np.append(np.diff(q["spread_bps"]) > 0, False)
    known = np.isfinite(x).all(axis=1) & np.append(np.diff(q["seq"]) == 1, False)
    x, widens = x[known], widens[known]
    rule = x[:, names.index("spread")] <= 10.0 + 2.0 * x[:, names.index("volatility")]
    half = len(x) // 2
    mean, scale = x[:half].mean(axis=0), x[:half].std(axis=0)
    model = LogisticRegression(C=1e3, max_iter=1000).fit((x[:half] - mean) / scale, widens[:half])
    learnt = model.score((x[half:] - mean) / scale, widens[half:])
    known_rule = np.mean(rule[half:] == widens[half:])
    assert known_rule > 0.62
    assert learnt > known_rule - 0.01

"""The trials table as matrices: sums, excess over the matched exposure, and the family against the bounce."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from hfm import tables
from hfm.report.trial_returns import RUINED, trial_returns
from tests.report.trials import noise, trials


def test_symbols_are_summed_and_matched_each_with_its_own_hold() -> None:
    """Two symbols of the same rows: the portfolio's net is twice one's, its excess too."""
    net, hold = noise(70, 2), noise(70, 1, seed=3)
    one = trial_returns(trials(net, exposure=0.3, hold=np.hstack([hold, hold])))
    two = trial_returns(trials(net, exposure=0.3, hold=np.hstack([hold, hold]), symbols=("QQQ", "SPY")))
    assert two.net == pytest.approx(2 * one.net)
    half = trial_returns(trials(net / 2, exposure=0.15, hold=np.hstack([hold, hold]), symbols=("QQQ", "SPY")))
    assert half.excess == pytest.approx(one.excess)
    opening = 1 + np.cumsum(net, axis=0) - net
    mean = np.array([(0.3 / opening[:t]).mean(axis=0) if t else np.zeros(2) for t in range(70)])
    assert one.excess == pytest.approx(net / opening - mean * hold)


def test_late_sessions_of_a_trial_that_grew_weigh_no_more() -> None:
    """Returns are those of the session's opening equity: compounding changes no t."""
    r = np.random.default_rng(11).normal(20e-4, 1e-2, (200, 2))
    equity = np.cumprod(1 + r, axis=0)
    compounded = equity - np.vstack([np.ones((1, 2)), equity[:-1]])
    assert trial_returns(trials(compounded)).excess == pytest.approx(r)


def test_a_ruined_trial_has_no_returns_after_its_ruin() -> None:
    """Nothing is divided by nothing: what follows the loss of all capital counts as 0."""
    net = noise(80)
    net[40, 1] = -1.2
    excess = trial_returns(trials(net)).excess
    assert np.isfinite(excess).all()
    assert (excess[41:, 1] == 0).all()


def test_the_order_of_rows_is_nothing_and_a_session_without_a_row_is_flat() -> None:
    """Rows shuffled, and one trial's row of one session taken away."""
    net = noise(20, 3)
    table = trials(net, exposure=0.2, hold=noise(20, 3, seed=4), user=2)
    plain = trial_returns(table)
    mixed = trial_returns(table.take(np.random.default_rng(0).permutation(table.num_rows)))
    order = [mixed.names.index(name) for name in plain.names]
    np.testing.assert_allclose(mixed.excess[:, order], plain.excess)
    np.testing.assert_array_equal(mixed.sessions, plain.sessions)
    assert (plain.names, plain.user, mixed.user) == (("q0", "q1", "q2"), "q2", "q2")
    gone = (np.array(table.column("trial").to_pylist()) == "q1") & (np.arange(table.num_rows) // 3 == 7)
    holed = trial_returns(table.filter(pa.array(~gone)))
    assert holed.net[7, 1] == 0
    assert holed.net[8, 1] == plain.net[8, 1]
    assert holed.traded.tolist() == [20, 19, 20]


def test_the_matched_exposure_is_that_of_the_sessions_before() -> None:
    """Four sessions by hand: the hold counts with the mean exposure so far, the first with none."""
    exposure, hold = np.array([[0.4], [0.8], [0.0], [0.2]]), np.array([[0.01], [0.02], [-0.01], [0.03]])
    found = trial_returns(trials(np.zeros((4, 1)), exposure=exposure, hold=hold))
    np.testing.assert_allclose(found.excess[:, 0], [0.0, -0.4 * 0.02, 0.6 * 0.01, -0.4 * 0.03])
    assert found.exposure.tolist() == pytest.approx([0.35])


def test_a_family_without_delayed_trials_has_no_bounce_and_says_whether_it_was_looked_for() -> None:
    """Where closes are prices of trades and nothing is known of their bounce, the back-test is of an older version."""
    table = trials(noise(10))
    assert trial_returns(table).bounce is None
    assert not trial_returns(table).unchecked
    data = tables.arrays(table)
    for meta, unchecked in (({"mid_is_trade": True}, True), ({"synthetic": False, "fidelity": "bars"}, True),
                            ({"synthetic": False, "fidelity": "replay"}, False), ({"mid_is_trade": False,
                             "synthetic": False, "fidelity": "bars"}, False)):  # fmt: skip
        old = tables.build(tables.TRIALS, data, tables.TableMeta(sessions_per_year=252.0, **meta))
        assert trial_returns(old).unchecked is unchecked, meta


def test_the_half_spread_that_is_not_charged_is_taken_off_by_turnover() -> None:
    """2 bp more on twice the capital a session; the symbol that shows most is named."""
    net = noise(12, 2)
    bounce = {"late_return": net / 2, "late_exposure": np.zeros((12, 2)), "free_return": np.zeros((12, 2)),
              "free_turnover": np.full((12, 2), 2.0)}  # fmt: skip
    shown = {"SPY": {"half_spread_bps": 3.0, "ruled_by": "edge", "extra_bps": 2.0}}
    found = trial_returns(trials(net, shown=shown, **bounce)).bounce
    assert found is not None
    assert (found.half_spread_bps, found.ruled_by) == (3.0, "edge")
    opening = 1 + np.cumsum(net, axis=0) - net
    np.testing.assert_allclose(found.charged, net / opening - 4e-4)
    np.testing.assert_allclose(found.charged_net, net.sum(axis=0) - 12 * 4e-4)
    np.testing.assert_allclose(found.late_net, net.sum(axis=0) / 2)


def test_ruin_begins_at_a_hundredth_of_the_capital() -> None:
    """One that keeps a little more goes on to be counted."""
    net = np.zeros((6, 2))
    net[1] = [-(1 - RUINED) - 1e-6, -(1 - RUINED) + 1e-3]
    net[3] = 1e-4
    excess = trial_returns(trials(net)).excess
    assert excess[3, 0] == 0
    assert excess[3, 1] > 0

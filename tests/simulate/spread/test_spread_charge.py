"""Which estimator rules, and that what is charged is never less than the truth where the bars can tell it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from hfm.simulate.spread import spread_charge
from tests.simulate.bounce import Make, bars


def charged(make: Make, sessions: int = 60, slots: int = 78, times: int = 1) -> np.ndarray:
    """Effective spreads in bp that samples of other seeds would charge."""
    return np.array(
        [2.0 * spread_charge.of_bars(*bars(make, sessions, slots, 100 + i)).upper_half_spread_bps for i in range(times)]
    )


@pytest.mark.parametrize("joined", [False, True])
@pytest.mark.parametrize("half", [0.0, 3.0, 5.0])
def test_what_is_charged_is_at_least_the_truth(half: float, joined: bool) -> None:
    """Ten samples of sixty sessions: none below, and no more than 3 bp and a quarter above."""
    found = charged(Make(half, joined=joined), times=10)
    assert (found >= 2.0 * half).all()
    assert np.median(found) < 1.25 * 2.0 * half + 3.0


def test_joined_opens_are_seen_and_edge_is_not_asked() -> None:
    """EDGE says 0 of 10 bp there: not trusted, and the charge is Roll's."""
    found = spread_charge.of_bars(*bars(Make(5.0, joined=True), 60, 78, 0))
    assert found.joined == 1.0
    assert not found.table["edge"]["trusted"]
    assert not found.table["abdi_ranaldo"]["trusted"]
    assert abs(float(found.table["edge"]["squared_bps2"] or 0.0)) < 1e-9
    assert found.ruled_by == "roll"
    assert 10.0 <= 2.0 * found.upper_half_spread_bps < 13.0
    assert spread_charge.of_bars(*bars(Make(5.0), 60, 78, 0)).table["edge"]["trusted"]


def test_thin_bars_have_no_ranges_to_go_by() -> None:
    """Three trades a bar, closes at the extremes: Roll rules, and the truth is covered."""
    found = spread_charge.of_bars(*bars(Make(4.0, trades=3), 60, 78, 0))
    assert not found.table["abdi_ranaldo"]["trusted"]
    assert 2.0 * found.upper_half_spread_bps >= 8.0


def test_a_mid_that_reverts_slowly_is_no_spread() -> None:
    """Ranges that show both sides deny it: a transient of 3 bp that lasts for bars is not charged as a spread of 6."""
    rng = np.random.default_rng(0)
    o, h, lo, c, v = bars(Make(0.0), 100, 78, 0)
    wave = np.zeros((100, 79))
    for t in range(78):
        wave[:, t + 1] = 0.8 * wave[:, t] + rng.normal(0, 1.8, 100)
    shift = np.exp(1e-4 * wave)
    found = spread_charge.of_bars(o * shift[:, :-1], h * shift[:, 1:], lo * shift[:, 1:], c * shift[:, 1:], v)
    assert 2.0 * found.upper_half_spread_bps < 3.0


def test_one_day_of_a_known_book_is_not_undercharged(real: Path) -> None:
    """Seventy-eight bars of one day with the quotes beside them: at least the quoted spread's mean."""
    import pyarrow.parquet as pq

    truth = pq.read_table(real / "quotes" / "spread_truth_5m.parquet").to_pydict()
    symbols = np.array(truth["symbol"])
    for symbol in np.unique(symbols):
        at = symbols == symbol
        columns = [np.array(truth[k], float)[at][None, :] for k in ("open", "high", "low", "close", "volume")]
        found = 2.0 * spread_charge.of_bars(*columns).upper_half_spread_bps
        told = spread_charge.UNKNOWN_BPS if np.isnan(found) else found
        assert told >= np.array(truth["spread_bps_tw"])[at].mean(), symbol


@pytest.mark.slow
@pytest.mark.parametrize("slots", [78, 390])
@pytest.mark.parametrize("joined", [False, True])
@pytest.mark.parametrize("same", [0.5, 0.85, 0.95])
@pytest.mark.parametrize("half", [0.0, 1.0, 3.0, 5.0])
def test_the_grid_is_covered(half: float, same: float, joined: bool, slots: int) -> None:
    """Sides that persist from trade to trade, two intervals, opens of both makes: at least 95 % of forty samples, less
    what forty samples of a rate of .95 may miss (38 expected, 34 at 2 %)."""
    sigma = 8.0 if slots == 78 else 3.6
    found = charged(Make(half, sigma, from_trade=same, joined=joined), sessions=60, slots=slots, times=40)
    assert (found >= 2.0 * half).sum() >= 34


@pytest.mark.slow
def test_a_side_that_persists_from_bar_to_bar_is_found_where_it_is_wide() -> None:
    """Joined opens, P(same) .85 from close to close, 250 sessions: 10 bp is covered in three of four samples."""
    assert (charged(Make(5.0, from_bar=0.85, joined=True), 250, times=20) >= 10.0).sum() >= 15

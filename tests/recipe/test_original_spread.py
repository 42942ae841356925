"""The original recipe's parts."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from sklearn.linear_model import LogisticRegression

from hfm import tables
from hfm.features import batch
from hfm.recipe import original_spread
from tests.bars import bar_table
from tests.simulate.test_stage import simulate, spy


@pytest.mark.parametrize("cut", [0, 1, 19, 20, 60])
def test_volatility_is_the_sample_sd_of_20_returns_however_the_rows_are_cut(cut: int) -> None:
    """Twenty rows: the textbook sd in bps; fewer: that of those there are; the tail carries over."""
    returns = np.random.default_rng(0).normal(0, 1e-3, 100)
    first, tail = original_spread.volatility(returns[:cut], np.empty(0))
    second, _ = original_spread.volatility(returns[cut:], tail)
    found = np.concatenate((first, second))
    expected = [0.0] + [1e4 * returns[max(0, t - 19) : t + 1].std(ddof=1) for t in range(1, 100)]
    np.testing.assert_allclose(found, expected, atol=1e-6)


def test_the_first_row_has_no_return_and_nights_are_in_the_volatility() -> None:
    """From close to close; a row before any other has no return, no volatility, and leaves no tail."""
    moves = original_spread.returns(np.array([100.0, 110.0, 99.0]), float("nan"))
    np.testing.assert_allclose(moves, [np.nan, 0.1, -0.1])
    found, tail = original_spread.volatility(moves, np.empty(0))
    np.testing.assert_allclose(found, [0.0, 0.0, 1e4 * np.std([0.1, -0.1], ddof=1)])
    np.testing.assert_allclose(tail, [0.1, -0.1])
    np.testing.assert_allclose(original_spread.returns(np.array([100.0]), 80.0), [0.25])


def test_the_noise_is_the_legacy_generators_whatever_the_groups() -> None:
    """Rows drawn in two pieces are those of one, and those that numpy's old global generator would give."""
    whole = np.random.RandomState(23).normal(0.0, 2.0, 9)
    first, state = original_spread.normals(original_spread.OriginalState(), 7, 4)
    second, _ = original_spread.normals(original_spread.OriginalState(generator=state), 7, 5)
    np.testing.assert_allclose(2.0 * np.concatenate((first, second)), whole)
    (other,), _ = original_spread.normals(original_spread.OriginalState(), 8, 1)
    assert other == np.random.RandomState(8).standard_normal()


def test_spread_and_flow_by_hand() -> None:
    """10 + 2 x 3 + .1 x 5 x 1 = 16.5; never below 1; +.6 after a rise, -.4 at rest or after a fall."""
    np.testing.assert_allclose(
        original_spread.spread_bps(np.array([3.0, 0.0]), 5.0 * np.array([1.0, -40.0])), [16.5, 1.0]
    )
    np.testing.assert_allclose(
        original_spread.ofi(np.array([1e-4, 0.0, -1e-4]), np.full(3, 100.0)), [60.0, -40.0, -40.0]
    )


def frame(bars: pa.Table) -> pd.DataFrame:
    """The recipe in pandas, row by row as it was written: volatility, spread and flow of one symbol's bars."""
    out = pd.DataFrame({name: bars[name].to_numpy() for name in ("close", "volume")})
    out["volatility"] = out["close"].pct_change().rolling(window=20, min_periods=1).std()
    spread = 0.001 + 2.0 * out["volatility"]
    noise = np.random.RandomState(23).normal(0, spread.std() * 0.1, len(out))
    out["spread"] = np.maximum(spread + noise, 0.0001)
    out["flow"] = np.where(out["close"].diff() > 0, 0.6, -0.4) * out["volume"]
    return out


@pytest.mark.parametrize("drop", [(), (0, 77, 78, 300)])
def test_the_whole_recipe_is_that_of_a_data_frame(drop: tuple[int, ...]) -> None:
    """Spread and flow of every row from the third on, with its seed and its whole-sample sd, holes or not."""
    bars = bar_table(12, drop=drop)
    quotes = simulate(bars, recipe="seed")[0]
    wanted = frame(bars)
    np.testing.assert_allclose(quotes["spread_bps"].to_numpy()[2:], 1e4 * wanted["spread"].to_numpy()[2:], rtol=1e-9)
    np.testing.assert_allclose(quotes["ofi"].to_numpy(), wanted["flow"].to_numpy())


def test_on_real_spy_its_one_line_rule_calls_the_spreads_direction_in_seven_rows_of_ten(real: Path) -> None:
    """Sixty sessions: 'falls where it stands above 10 bp + 2 x volatility' is right in .70 to .74 of the rows."""
    bars = spy(real)
    days = bars["session"].to_numpy()
    bars = bars.slice(int(np.searchsorted(days, np.unique(days)[-60])))
    quotes = simulate(bars, recipe="seed")[0]
    made = frame(bars)
    now = quotes["spread_bps"].to_numpy()[2:]
    rule = now[:-1] < original_spread.level_bps(1e4 * made["volatility"].to_numpy()[2:-1])
    assert 0.70 < np.mean(rule == (np.diff(now) > 0)) < 0.74


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

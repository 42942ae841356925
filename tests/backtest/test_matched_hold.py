"""Growth of each symbol by block, and the hold at the user's mean exposure, by hand."""

from __future__ import annotations

import numpy as np
import pytest

from hfm.backtest.matched_hold import block_growth, hold_result, matched_hold
from hfm.backtest.session_sums import LedgerSums
from hfm.backtest.totals import Totals
from hfm.config import Backtest

DAYS = np.array([20_000, 20_001, 20_002])


def sums_of(**blocks: list[float]) -> LedgerSums:
    """Session sums of three sessions of one symbol."""
    sums = LedgerSums(1)
    sums.session = [DAYS]
    columns = {"symbol": [0.0] * 3, "session": DAYS.tolist(), "dividend": [0.0] * 3, "split": [1.0] * 3, **blocks}
    sums.blocks = {name: [np.array(values, float)] for name, values in columns.items()}
    return sums


def totals_of(exposure: list[float], hold: list[float]) -> Totals:
    """Totals of the same blocks; exposure in currency."""
    totals = Totals(1)
    totals.symbol, totals.session = [np.zeros(3, np.int64)], [DAYS]
    totals.exposure, totals.hold = [np.array(exposure)], [np.array(hold)]
    return totals


def test_nights_dividends_and_splits_belong_to_the_growth() -> None:
    """From the first open; then from close to close, two for one, and a dividend of 1."""
    sums = sums_of(open=[100.0, 0.0, 0.0], close=[110.0, 60.0, 58.0], split=[1.0, 2.0, 1.0], dividend=[0.0, 0.0, 1.0])
    ((blocks, growth),) = block_growth(sums)
    assert blocks.tolist() == [0, 1, 2]
    assert growth.tolist() == pytest.approx([1.1, 60 * 2 / 110, 59 / 60])


def test_a_symbol_without_a_first_open_has_none() -> None:
    """It was never bought; a block without a close is passed over."""
    assert list(block_growth(sums_of(open=[np.nan] * 3, close=[1.0, 2.0, 3.0]))) == []
    ((blocks, growth),) = block_growth(sums_of(open=[100.0] * 3, close=[110.0, np.nan, 121.0]))
    assert (blocks.tolist(), growth.tolist()) == ([0, 2], pytest.approx([1.1, 1.1]))


def test_the_mean_exposure_over_all_sessions_meets_the_hold_of_each() -> None:
    """Half the capital in two of three sessions; over the hours traded, or over whole days."""
    sums = sums_of(open=[100.0, 0.0, 0.0], close=[101.0, 102.01, 102.01])
    totals = totals_of([500.0, 500.0, 0.0], [0.01, -0.01, 0.02])
    day = matched_hold(sums, totals, Backtest(cash=1000.0))
    assert day.tolist() == pytest.approx([0.01 / 3, -0.01 / 3, 0.02 / 3])
    night = matched_hold(sums, totals, Backtest(cash=1000.0, hold_overnight=True))
    assert night.tolist() == pytest.approx([0.01 / 3, 0.01 / 3, 0.0])


def test_buy_and_hold_without_a_price_is_nothing() -> None:
    """No return, no drawdown; else both of the line."""
    sums = LedgerSums(1)
    assert hold_result(sums) == (None, None)
    sums.holding.value[0] = 1.1
    sums.hold_gain.add(np.array([0.2, 0.08, 0.1]))
    result = hold_result(sums)
    assert result.total_return == pytest.approx(0.1)
    assert result.drawdown == pytest.approx(0.1)

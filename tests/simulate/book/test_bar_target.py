"""What a bar wants of the engine."""

from __future__ import annotations

import math

import numpy as np
import pytest

from hfm.simulate.book import bar_target
from hfm.simulate.book import book_state as at
from tests.board import MIDDLE, board


def begun(open_: float, high: float, low: float, close: float, volume: int) -> at.BookEngine:
    """A board at the start of a bar of ten minutes, prices in ticks above the origin."""
    engine = board()
    prices = [(x + engine.book[0].origin) * float(engine.bar[0].tick) for x in (open_, high, low, close)]
    path = MIDDLE + np.concatenate((np.linspace(0.0, 3.0, 301), np.linspace(3.0, -2.0, 300)))
    bar = bar_target.BarTarget(*prices, volume, path, 1000.0, 0.2, 4.0, 600.0, 600.0)
    engine.sums[0].ofi, engine.sums[0].signed = 70.0, -30.0
    bar_target.begin_bar(engine, bar, None)
    return engine


def test_sums_begin_anew_and_the_sessions_go_on() -> None:
    """Flow of the bar before stands in that of the session; times begin at the bar's start."""
    engine = begun(MIDDLE, MIDDLE + 3, MIDDLE - 2, MIDDLE, 5000)
    assert (engine.book[0].ofi_before, engine.book[0].signed_before) == (70.0, -30.0)
    assert (engine.sums[0].ofi, engine.sums[0].signed) == (0.0, 0.0)
    assert engine.sums[0].start == engine.sums[0].until == engine.book[0].now == engine.bar[0].start == 600.0
    assert engine.bar[0].calm == pytest.approx(math.exp(-1.0 / bar_target.MOOD_S))


@pytest.mark.parametrize(("high", "low", "reserve"), [(3, -2, 4), (0, -2, 3), (0, 0, 2)])
def test_a_share_is_kept_for_each_price_of_its_own(high: int, low: int, reserve: int) -> None:
    """Four, less the high or low that is the open or the close; they are due where the path has them."""
    bar = begun(MIDDLE, MIDDLE + high, MIDDLE + low, MIDDLE, 5000).bar[0]
    assert bar.reserve == reserve
    assert (bar.left, bar.lit_left, bar.stage) == (5000, 3000, at.BEFORE_OPEN)
    assert (bar.lowest, bar.highest) == (MIDDLE + low, MIDDLE + high)
    assert (bar.step_open, bar.step_high, bar.step_low, bar.step_close) == (1, 300, 599, 599)


def test_a_bar_without_volume_trades_nothing_and_one_share_is_all_four_prices() -> None:
    """Closed from the start; trading without an open of its own."""
    assert begun(MIDDLE, MIDDLE + 3, MIDDLE - 2, MIDDLE, 0).bar[0].stage == at.CLOSED
    one = begun(MIDDLE, MIDDLE, MIDDLE, MIDDLE, 1).bar[0]
    assert (one.stage, one.reserve, one.left) == (at.TRADING, 1, 1)

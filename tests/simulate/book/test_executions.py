"""Trades: every one inside the bar and the best prices, the bar's own four at their very price."""

from __future__ import annotations

import numpy as np
import pytest

from hfm.simulate.book import book_state as at
from hfm.simulate.book import executions
from hfm.simulate.book.queues import REACH, add_order
from tests.board import MIDDLE, board, queues


def ready(open_: float, high: float, low: float, close: float, volume: int = 10_000) -> at.BookEngine:
    """A board in the middle of a bar of these prices, in ticks above the origin, whose open has been traded."""
    engine = board()
    bar = engine.bar[0]
    bar.open, bar.high, bar.low, bar.close = ((x + engine.book[0].origin) * bar.tick for x in (open_, high, low, close))
    bar.left, bar.lit_left, bar.reserve, bar.stage = volume, volume // 2, 3, at.TRADING
    bar.lowest, bar.highest = int(np.ceil(low)), int(np.floor(high))
    bar.steps, bar.step, bar.step_close = 100, 50, 99
    bar.step_length = 1.0
    return engine


@pytest.mark.parametrize(("ticks", "lit"), [(MIDDLE, True), (MIDDLE + 9.0, True), (MIDDLE - 7.4, False)])
def test_a_price_of_the_bar_is_traded_whatever_the_book(ticks: float, lit: bool) -> None:
    """On the grid against a queue there, off it beside the book; between the best prices afterwards."""
    engine = ready(MIDDLE, MIDDLE + 12, MIDDLE - 12, MIDDLE)
    book, bar = engine.book[0], engine.bar[0]
    price = (ticks + book.origin) * bar.tick
    executions.trade_at(engine, price)
    trades = engine.trades[: book.trades]
    assert len(trades) >= 1
    np.testing.assert_allclose(trades["price"], price, rtol=0, atol=1e-9)
    assert (trades["lit"] == lit).any()
    assert book.bid - 1 <= ticks <= book.ask + 1
    assert trades["qty"].sum() == 10_000 - bar.left


def test_the_last_trade_takes_what_is_left() -> None:
    """To the share; nothing is due behind it."""
    engine = ready(MIDDLE, MIDDLE + 12, MIDDLE - 12, MIDDLE, 777)
    book, bar = engine.book[0], engine.bar[0]
    bar.step = 99
    executions.trade_due_prices(engine)
    trades = engine.trades[: book.trades]
    assert trades["qty"].sum() == 777
    prices = np.unique(np.rint(trades["price"] / bar.tick - book.origin))
    assert prices.tolist() == [MIDDLE - 12, MIDDLE, MIDDLE + 12]
    assert trades["price"][-1] == pytest.approx((MIDDLE + book.origin) * bar.tick)
    assert executions.price_due(engine) == -1


def test_an_accident_that_touches_the_high_is_the_high() -> None:
    """A trade at the bar's high fulfils it, and frees the share that was kept for it."""
    engine = ready(MIDDLE, MIDDLE + 1, MIDDLE - 12, MIDDLE)
    executions.trade_on_book(engine, 1, 100)
    assert engine.bar[0].high_done
    assert engine.bar[0].reserve == 2
    assert engine.sums[0].signed == 100
    assert engine.sums[0].paid == pytest.approx(50.0)


def test_off_book_trades_stay_inside() -> None:
    """A thousand of them: in the bar's range, between the best prices, never more than is left less the reserve."""
    engine = ready(MIDDLE, MIDDLE + 0.4, MIDDLE - 0.4, MIDDLE, 5000)
    book, bar = engine.book[0], engine.bar[0]
    bar.off_rate = 20.0
    for _ in range(1000):
        executions.random_off_book_trade(engine)
    trades = engine.trades[: book.trades]
    ticks = trades["price"] / bar.tick - book.origin
    assert len(trades) > 10
    assert (np.abs(ticks - MIDDLE) <= 0.4 + 1e-6).all()
    assert bar.left >= bar.reserve


def test_orders_that_are_left_far_behind_go_for_good() -> None:
    """Pruned beyond REACH of the opposite best, with nothing behind them: nobody takes their place, and none is put
    beyond the last tick."""
    engine = board()
    book = engine.book[0]
    before = int(book.events)
    far = [MIDDLE + 1 + REACH + d for d in (1, 30, 60)]
    for price in far:
        add_order(engine, -1, price, 100)
    executions.prune_orders(engine)
    events = engine.tape[before : book.events]
    assert (events["kind"] == at.ADD).sum() == len(far)
    assert max(queues(engine)) <= MIDDLE + REACH < book.ticks

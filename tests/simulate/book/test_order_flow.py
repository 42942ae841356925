"""The built-in flow: how likely each event is, and towards what the book is drawn."""

from __future__ import annotations

import math

import numpy as np
import pytest

from hfm.simulate.book import book_state as at
from hfm.simulate.book import order_flow
from tests.board import MIDDLE, board


def ready(path: float = MIDDLE + 0.5) -> at.BookEngine:
    """A board with rates: activity 4, depth aimed at 1,000, the path at `path`."""
    engine = board()
    book, bar = engine.book[0], engine.bar[0]
    book.activity, bar.deep, book.narrowing, bar.kappa, book.target = 4.0, 2.0, 3.0, 4.0, path
    book.depth[:] = 1000.0
    bar.depth_deep = 1.3
    order_flow.update_tilt(engine)
    return engine


def test_the_side_that_brings_the_mid_to_the_path_is_likelier() -> None:
    """e^(kappa x) against e^(-kappa x), and no more beyond FARTHEST."""
    for away in (-0.3, 0.0, 0.5, 9.0):
        book = ready(MIDDLE + 0.5 + away).book[0]
        x = min(max(away, -order_flow.FARTHEST), order_flow.FARTHEST)
        assert book.up == pytest.approx(math.exp(4.0 * x))
        assert book.up * book.down == pytest.approx(1.0)


def test_rates_add_up() -> None:
    """Touch up, touch down, deep, filling the spread, off-book: running totals, none below the one before."""
    engine = ready()
    book = engine.book[0]
    engine.bar[0].off_rate = 0.7
    book.last_ask += 2
    total = order_flow.event_rates(engine)
    r = [book.rate_up, book.rate_touch, book.rate_deep, book.rate_fill]
    assert (np.diff(np.concatenate(([0.0], r))) > 0).all()
    assert r[2] - r[1] == pytest.approx(4.0 * 2.0)
    assert r[3] - r[2] == pytest.approx(3.0 * 2)
    assert total == pytest.approx(r[3] + 0.7)
    assert r[1] == pytest.approx(2.0 * 4.0)


def test_queues_grow_where_they_are_short_and_shrink_where_they_are_long() -> None:
    """A thousand events at a bid of a tenth of what is aimed at, and of ten times it: adds against cancels."""
    shares = []
    for size in (100, 10_000):
        engine = ready()
        book = engine.book[0]
        book.last_bid_size = engine.queue[MIDDLE] = size
        order_flow.event_rates(engine)
        words = []
        for v in np.linspace(1e-9, book.rate_touch * (1 - 1e-9), 1000):
            order_flow.draw_event(engine, v)
            if book.event_side == 1:
                words.append(book.event_kind == at.ADD)
        shares.append(np.mean(words))
    assert shares[0] > 0.85
    assert shares[1] < 0.15


def test_deep_orders_stand_behind_the_best_prices() -> None:
    """Whatever the distance drawn; an empty price is never cancelled."""
    engine = ready()
    book = engine.book[0]
    order_flow.event_rates(engine)
    for v in np.linspace(book.rate_touch, book.rate_deep * (1 - 1e-9), 500):
        order_flow.draw_event(engine, v)
        assert book.event_price < book.bid if book.event_side > 0 else book.event_price > book.ask
        if book.event_kind == at.REDUCE:
            assert engine.queue[book.event_price] > 0


def test_no_market_order_outside_the_bar() -> None:
    """Before the open's print, beyond high and low, or with nothing left a taking order is a cancel."""
    engine = ready()
    bar = engine.bar[0]
    engine.book[0].market_share = 1.0
    bar.stage, bar.left, bar.reserve, bar.lowest, bar.highest = at.TRADING, 5000, 1, MIDDLE, MIDDLE
    assert order_flow.market_order(engine, -1, MIDDLE) > 0
    assert order_flow.market_order(engine, 1, MIDDLE + 1) == 0
    bar.left = 1
    assert order_flow.market_order(engine, -1, MIDDLE) == 0
    bar.left, bar.stage = 5000, at.BEFORE_OPEN
    assert order_flow.market_order(engine, -1, MIDDLE) == 0

"""The built-in flow: how likely each event is, and towards what the book is drawn."""

from __future__ import annotations

import math

import numpy as np
import pytest

from hfm.simulate.book import book_state as at
from hfm.simulate.book import order_flow, simulator
from tests.board import MIDDLE, board


def ready(path: float = MIDDLE + 0.5) -> simulator.Book:
    """A board with rates: activity 4, depth aimed at 1,000, the path at `path`."""
    book = board()
    f = book.f
    f[at.ACT], f[at.DEEP], f[at.FILL], f[at.KAPPA], f[at.PATH_AT] = 4.0, 2.0, 3.0, 4.0, path
    f[at.DEPTH_BID] = f[at.DEPTH_ASK] = 1000.0
    f[at.DEPTH_DEEP] = 1.3
    order_flow.tilt(f, book.i)
    return book


def test_the_side_that_brings_the_mid_to_the_path_is_likelier() -> None:
    """e^(kappa x) against e^(-kappa x), and no more beyond FARTHEST."""
    for away in (-0.3, 0.0, 0.5, 9.0):
        book = ready(MIDDLE + 0.5 + away)
        x = min(max(away, -order_flow.FARTHEST), order_flow.FARTHEST)
        assert book.f[at.WU] == pytest.approx(math.exp(4.0 * x))
        assert book.f[at.WU] * book.f[at.WD] == pytest.approx(1.0)


def test_rates_add_up() -> None:
    """Touch up, touch down, deep, filling the spread, off-book: running totals, none below the one before."""
    book = ready()
    book.f[at.OFF_RATE] = 0.7
    book.i[at.OLD_ASK] += 2
    total = order_flow.weigh(book.f, book.i)
    r = book.f[at.R1 : at.R1 + 4]
    assert (np.diff(np.concatenate(([0.0], r))) > 0).all()
    assert r[2] - r[1] == pytest.approx(4.0 * 2.0)
    assert r[3] - r[2] == pytest.approx(3.0 * 2)
    assert total == pytest.approx(r[3] + 0.7)
    assert r[1] == pytest.approx(2.0 * 4.0)


def test_queues_grow_where_they_are_short_and_shrink_where_they_are_long() -> None:
    """A thousand events at a bid of a tenth of what is aimed at, and of ten times it: adds against cancels."""
    shares = []
    for size in (100, 10_000):
        book = ready()
        i = book.i
        i[at.OLD_BID_SIZE] = i[at.QUEUE + MIDDLE] = size
        order_flow.weigh(book.f, i)
        words = []
        for v in np.linspace(1e-9, book.f[at.R2] * (1 - 1e-9), 1000):
            order_flow.choose(book.f, i, book.u, v)
            if i[at.SIDE] == 1:
                words.append(i[at.WORD] == at.ADD)
        shares.append(np.mean(words))
    assert shares[0] > 0.85
    assert shares[1] < 0.15


def test_deep_orders_stand_behind_the_best_prices() -> None:
    """Whatever the distance drawn; an empty price is never cancelled."""
    book = ready()
    i = book.i
    order_flow.weigh(book.f, i)
    for v in np.linspace(book.f[at.R2], book.f[at.R3] * (1 - 1e-9), 500):
        order_flow.choose(book.f, i, book.u, v)
        assert i[at.PRICE] < i[at.BID] if i[at.SIDE] > 0 else i[at.PRICE] > i[at.ASK]
        if i[at.WORD] == at.REDUCE:
            assert i[at.QUEUE + i[at.PRICE]] > 0


def test_no_market_order_outside_the_bar() -> None:
    """Before the open's print, beyond high and low, or with nothing left a taking order is a cancel."""
    book = ready()
    f, i = book.f, book.i
    f[at.LIT_P] = 1.0
    i[at.STAGE], i[at.LEFT], i[at.RESERVE], i[at.PRINT_MIN], i[at.PRINT_MAX] = 1, 5000, 1, MIDDLE, MIDDLE
    assert order_flow.market(f, i, book.u, -1, MIDDLE) > 0
    assert order_flow.market(f, i, book.u, 1, MIDDLE + 1) == 0
    i[at.LEFT] = 1
    assert order_flow.market(f, i, book.u, -1, MIDDLE) == 0
    i[at.LEFT], i[at.STAGE] = 5000, 0
    assert order_flow.market(f, i, book.u, -1, MIDDLE) == 0

"""Trades: every one inside the bar and the best prices, the bar's own four at their very price."""

from __future__ import annotations

import numpy as np
import pytest

from hfm.simulate.book import book_state as at
from hfm.simulate.book import executions, simulator
from hfm.simulate.book.queues import REACH, add
from tests.board import MIDDLE, board, queues


def ready(open_: float, high: float, low: float, close: float, volume: int = 10_000) -> simulator.Book:
    """A board in the middle of a bar of these prices, in ticks above the origin, whose open has been printed."""
    book = board()
    f, i = book.f, book.i
    f[at.OPEN], f[at.HIGH], f[at.LOW], f[at.CLOSE] = ((x + book.origin) * book.tick for x in (open_, high, low, close))
    i[at.LEFT], i[at.LIT_LEFT], i[at.RESERVE], i[at.STAGE] = volume, volume // 2, 3, 1
    i[at.PRINT_MIN], i[at.PRINT_MAX] = int(np.ceil(low)), int(np.floor(high))
    i[at.STEPS], i[at.STEP_AT], i[at.STEP_CLOSE] = 100, 50, 99
    f[at.STEP] = 1.0
    return book


@pytest.mark.parametrize(("ticks", "kind"), [(MIDDLE, at.LIT), (MIDDLE + 9.0, at.LIT), (MIDDLE - 7.4, at.OFF_BOOK)])
def test_an_anchor_prints_its_price_whatever_the_book(ticks: float, kind: float) -> None:
    """On the grid against a queue there, off it beside the book; between the best prices afterwards."""
    book = ready(MIDDLE, MIDDLE + 12, MIDDLE - 12, MIDDLE)
    price = (ticks + book.origin) * book.tick
    executions.anchor(book.f, book.i, book.tape, book.u, book.prints, price)
    made = book.prints[: book.i[at.PRINTS]]
    assert len(made) >= 1
    np.testing.assert_allclose(made[:, 1], price, rtol=0, atol=1e-9)
    assert (made[:, 4] == kind).any()
    assert book.i[at.BID] - 1 <= ticks <= book.i[at.ASK] + 1
    assert made[:, 2].sum() == 10_000 - book.i[at.LEFT]


def test_the_last_anchor_takes_what_is_left() -> None:
    """To the share; nothing is due behind it."""
    book = ready(MIDDLE, MIDDLE + 12, MIDDLE - 12, MIDDLE, 777)
    book.i[at.STEP_AT] = 99
    executions.own(book.f, book.i, book.u, book.tape, book.prints)
    made = book.prints[: book.i[at.PRINTS]]
    assert made[:, 2].sum() == 777
    prices = np.unique(np.rint(made[:, 1] / book.tick - book.origin))
    assert prices.tolist() == [MIDDLE - 12, MIDDLE, MIDDLE + 12]
    assert made[-1, 1] == pytest.approx((MIDDLE + book.origin) * book.tick)
    assert executions.due(book.i) == -1


def test_an_accident_that_touches_the_high_is_the_high() -> None:
    """A trade at the bar's high fulfils it, and frees the share that was kept for it."""
    book = ready(MIDDLE, MIDDLE + 1, MIDDLE - 12, MIDDLE)
    executions.lit(book.f, book.i, book.prints, 1, 100)
    assert book.i[at.HIGH_DONE] == 1
    assert book.i[at.RESERVE] == 2
    assert book.f[at.SIGNED] == 100
    assert book.f[at.PAID] == pytest.approx(50.0)


def test_off_book_trades_stay_inside() -> None:
    """A thousand of them: in the bar's range, between the best prices, never more than is left less the reserve."""
    book = ready(MIDDLE, MIDDLE + 0.4, MIDDLE - 0.4, MIDDLE, 5000)
    book.f[at.OFF_RATE] = 20.0
    for _ in range(1000):
        executions.crossing(book.f, book.i, book.tape, book.u, book.prints)
    made = book.prints[: book.i[at.PRINTS]]
    ticks = made[:, 1] / book.tick - book.origin
    assert len(made) > 10
    assert (np.abs(ticks - MIDDLE) <= 0.4 + 1e-6).all()
    assert book.i[at.LEFT] >= book.i[at.RESERVE]


def test_a_metaorder_is_recorded_with_its_children() -> None:
    """Only trades of its side count; its move is that of the mid since it began."""
    book = ready(MIDDLE, MIDDLE + 12, MIDDLE - 12, MIDDLE)
    i, f = book.i, book.f
    i[at.META_SIDE], i[at.META_LEFT] = 1, 3
    f[at.META_MID] = MIDDLE
    for side in (1, -1, 1):
        executions.lit(f, i, book.prints, side, 10)
    executions.finish(f, i, book.prints)
    row = book.prints[i[at.PRINTS] - 1]
    assert row[4] == at.METAORDER
    assert (row[1], row[2], row[3], row[6]) == (0.5, 20.0, 1.0, 2.0)


def test_orders_that_are_left_far_behind_go_for_good() -> None:
    """Pruned beyond REACH of the opposite best, with nothing behind them: nobody takes their place, and none is put
    beyond the last tick."""
    book = board()
    i = book.i
    before = int(i[at.EVENTS])
    far = [MIDDLE + 1 + REACH + d for d in (1, 30, 60)]
    for price in far:
        add(i, book.tape, -1, price, 100)
    executions.prune(i, book.u, book.tape)
    made = book.tape[before : i[at.EVENTS]]
    assert (made[:, 1] == at.ADD).sum() == len(far)
    assert max(queues(book)) <= MIDDLE + REACH
    assert int(i[at.QUEUE + book.ticks]) == 0

"""The queues: whatever comes and goes, best prices, sizes, times and OFI are those of a plain book."""

from __future__ import annotations

import numpy as np
import pytest

from hfm.simulate.book import book_state as at
from hfm.simulate.book.queues import REACH, account_quotes, accrue_time, add_order, remove_orders
from hfm.simulate.replay.event_tape import order_flow
from tests.board import MIDDLE, board, queues


@pytest.mark.parametrize("l3", [False, True])
def test_a_new_book_is_two_sided_and_filled(l3: bool) -> None:
    """A tick of spread, REACH prices a side, each with something."""
    engine = board(l3)
    queued = queues(engine)
    assert engine.book[0].bid == MIDDLE
    assert engine.book[0].ask == MIDDLE + 1
    assert sorted(queued) == list(range(MIDDLE - REACH + 1, MIDDLE + REACH + 1))
    assert min(queued.values()) >= 400


@pytest.mark.parametrize("l3", [False, True])
def test_random_comings_and_goings_keep_the_book(l3: bool) -> None:
    """Sizes as a dictionary has them, the best prices its largest bid and smallest ask, OFI as of a tape."""
    engine, rng = board(l3), np.random.default_rng(1)
    book = engine.book[0]
    bid, ask, bids, asks = [], [], [], []

    def note() -> None:
        bid.append(float(book.bid)), ask.append(float(book.ask))
        bids.append(float(engine.queue[book.bid])), asks.append(float(engine.queue[book.ask]))

    note()
    for _ in range(600):
        before, side = queues(engine), int(rng.choice([1, -1]))
        start = int(book.events)
        if rng.random() < 0.5:
            inside = int(book.ask - 1 if side > 0 else book.bid + 1)
            price = inside - side * int(rng.integers(0, 5))
            add_order(engine, side, price, int(rng.integers(1, 900)))
        else:
            price = int(book.bid if side > 0 else book.ask)
            kind = at.EXECUTE if rng.random() < 0.3 else at.REDUCE
            qty = int(rng.integers(1, before[price] + 1)) if kind == at.EXECUTE else 0
            remove_orders(engine, price, qty, kind)
        for event in engine.tape[start : book.events]:
            sign = 1 if event.kind == at.ADD else -1
            before[int(event.price)] = before.get(int(event.price), 0) + sign * int(event.qty)
        assert queues(engine) == {p: s for p, s in before.items() if s}
        account_quotes(engine)
        note()
        below = [p for p in queues(engine) if p <= book.bid]
        above = [p for p in queues(engine) if p >= book.ask]
        assert max(below) == book.bid
        assert min(above) == book.ask
        assert len(below) + len(above) == len(queues(engine))
    flow = order_flow(*(np.array(x) for x in (bid, ask, bids, asks)))
    assert engine.sums[0].ofi == flow.sum()


def test_time_is_added_to_the_state_that_lasted() -> None:
    """Three seconds at a tick, one at three ticks."""
    engine = board()
    book, sums = engine.book[0], engine.sums[0]
    book.now = 3.0
    accrue_time(engine)
    book.last_ask += 2
    book.now = 4.0
    accrue_time(engine)
    assert sums.spread_time == 6.0
    assert sums.one_tick_time == 3.0
    assert sums.bid_time == 4.0 * book.last_bid_size


def test_a_best_price_never_goes_without_another_behind_it() -> None:
    """Where REACH ticks are bare a new order comes first."""
    engine = board(full=False)
    engine.book[0].bid, engine.book[0].ask = 250, 251
    for side, price in ((1, 250), (-1, 251)):
        add_order(engine, side, price, 100)
    remove_orders(engine, 250, 100, at.EXECUTE)
    assert queues(engine) == {249: 100, 251: 100}
    assert engine.book[0].bid == 249

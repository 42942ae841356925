"""The queues: whatever comes and goes, best prices, sizes, times and OFI are those of a plain book."""

from __future__ import annotations

import numpy as np
import pytest

from hfm.simulate.book import book_state as at
from hfm.simulate.book.queues import REACH, add, elapse, leave, settle
from hfm.simulate.replay.event_tape import order_flow
from tests.board import MIDDLE, board, queues


@pytest.mark.parametrize("l3", [False, True])
def test_a_new_book_is_two_sided_and_filled(l3: bool) -> None:
    """A tick of spread, REACH prices a side, each with something."""
    book = board(l3)
    there = queues(book)
    assert book.i[at.BID] == MIDDLE
    assert book.i[at.ASK] == MIDDLE + 1
    assert sorted(there) == list(range(MIDDLE - REACH + 1, MIDDLE + REACH + 1))
    assert min(there.values()) >= 400


@pytest.mark.parametrize("l3", [False, True])
def test_random_comings_and_goings_keep_the_book(l3: bool) -> None:
    """Sizes as a dictionary has them, the best prices its largest bid and smallest ask, OFI as of a tape."""
    book, rng = board(l3), np.random.default_rng(1)
    i, f = book.i, book.f
    bid, ask, bids, asks = [], [], [], []

    def note() -> None:
        bid.append(float(i[at.BID])), ask.append(float(i[at.ASK]))
        bids.append(float(i[at.QUEUE + i[at.BID]])), asks.append(float(i[at.QUEUE + i[at.ASK]]))

    note()
    for _ in range(600):
        before, side = queues(book), int(rng.choice([1, -1]))
        start = int(i[at.EVENTS])
        if rng.random() < 0.5:
            inside = int(i[at.ASK] - 1 if side > 0 else i[at.BID] + 1)
            price = inside - side * int(rng.integers(0, 5))
            add(i, book.tape, side, price, int(rng.integers(1, 900)))
        else:
            price = int(i[at.BID] if side > 0 else i[at.ASK])
            kind = at.EXECUTE if rng.random() < 0.3 else at.REDUCE
            size = int(rng.integers(1, before[price] + 1)) if kind == at.EXECUTE else 0
            leave(i, book.tape, book.u, price, size, kind)
        for row in book.tape[start : i[at.EVENTS]]:
            sign = 1 if row[1] == at.ADD else -1
            before[int(row[3])] = before.get(int(row[3]), 0) + sign * int(row[4])
        assert queues(book) == {p: s for p, s in before.items() if s}
        settle(f, i)
        note()
        below = [p for p in queues(book) if p <= i[at.BID]]
        above = [p for p in queues(book) if p >= i[at.ASK]]
        assert max(below) == i[at.BID]
        assert min(above) == i[at.ASK]
        assert len(below) + len(above) == len(queues(book))
    flow = order_flow(*(np.array(x) for x in (bid, ask, bids, asks)))
    assert f[at.OFI] == flow.sum()


def test_time_is_added_to_the_state_that_lasted() -> None:
    """Three seconds at a tick, one at three ticks."""
    book = board()
    f, i = book.f, book.i
    f[at.NOW] = 3.0
    elapse(f, i)
    i[at.OLD_ASK] += 2
    f[at.NOW] = 4.0
    elapse(f, i)
    assert f[at.SPREAD_T] == 6.0
    assert f[at.ONE_T] == 3.0
    assert f[at.BID_T] == 4.0 * i[at.OLD_BID_SIZE]


def test_a_best_price_never_goes_without_another_behind_it() -> None:
    """Where REACH ticks are bare a new order comes first."""
    book = board(full=False)
    i = book.i
    i[at.BID], i[at.ASK] = 250, 251
    for side, price in ((1, 250), (-1, 251)):
        add(i, book.tape, side, price, 100)
    leave(i, book.tape, book.u, 250, 100, at.EXECUTE)
    assert queues(book) == {249: 100, 251: 100}
    assert i[at.BID] == 249

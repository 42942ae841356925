"""Events of single orders against a dict of orders."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import numpy as np
import pytest

from hfm import tables
from hfm.fetch.book import mbo
from hfm.fetch.book.order_levels import OrderEvents
from hfm.tables.records import Records
from tests.fetch.orderflow import Made, made


def columns(flow: Made) -> Records:
    rows = flow.records
    out = np.zeros(len(rows), mbo.RECORD)
    for name, of in (("side", "side"), ("price", "price"), ("qty", "size"), ("order", "order"), ("time", "message")):
        out[name] = [getattr(row, of) for row in rows]
    out["action"] = [ord(row.action) for row in rows]
    out["snapshot"] = [row.snapshot for row in rows]
    out["ends"] = [a.message != b.message for a, b in itertools.pairwise(rows)] + [True] * bool(rows)
    return out


def taken(rows: Records, levels: int, cuts: Sequence[int] = ()) -> OrderEvents:
    """Events of records that are given in pieces."""
    book = mbo.OrderBook(levels, 1)
    pieces = [one(book, piece) for piece in np.split(rows, cuts)]
    return OrderEvents(*(np.concatenate(columns, axis=-1) for columns in zip(*pieces, strict=True)))


def one(book: mbo.OrderBook, rows: Records) -> OrderEvents:
    """Events of the next records."""
    out = book.room(2 * len(rows))
    n = book.take(rows, out)
    return OrderEvents(*(column[..., :n] for column in out))


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("levels", [1, 10])
def test_orders_make_the_book_and_its_events(seed: int, levels: int) -> None:
    """Snapshots, clearings, changes of price or size, fills and their cancels, trades without a fill, unseen orders."""
    flow = made(seed, 600, levels)
    events = taken(columns(flow), levels)
    words = [tables.BOOK_EVENTS[code] for code in events.event]
    rest = (np.nan_to_num(getattr(events, name)).tolist() for name in ("side", "price", "size", "order", "time"))
    assert list(zip(words, *rest, strict=True)) == flow.rows
    np.testing.assert_array_equal(events.levels, flow.levels()[:, events.time])


@pytest.mark.parametrize("size", [1, 7, 100])
def test_pieces_of_whole_messages_make_the_same(size: int) -> None:
    """Whatever their size, bit for bit."""
    rows = columns(made(5, 400, 3))
    ends = np.flatnonzero(rows["ends"]) + 1
    for whole, part in zip(taken(rows, 3), taken(rows, 3, ends[:-1:size].tolist()), strict=True):
        np.testing.assert_array_equal(whole, part)


def test_room_is_that_of_the_orders_that_stand() -> None:
    """A hundred thousand that come and go need no more places than the few that stand at a time."""
    book, rows = mbo.OrderBook(1, 1), np.zeros(200, mbo.RECORD)
    rows["side"], rows["price"], rows["qty"], rows["ends"] = 1, 100, 5, 1
    rows["action"] = np.tile([ord("A"), ord("C")], 100)
    for k in range(1000):
        rows["order"] = 100 * k + np.arange(200) // 2
        last = one(book, rows)
    assert len(book._state.orders) <= 4096
    assert last.levels[:, -1].tolist()[1] == 0.0


def test_levels_far_from_the_best_are_found() -> None:
    """Deep levels grow, shrink, come and go, as a dict has them."""
    rng, standing = np.random.default_rng(3), dict[int, int]()
    book, row = mbo.OrderBook(1, 1), np.zeros(1, mbo.RECORD)
    row["side"], row["ends"], row["action"] = -1, 1, ord("A")
    for k in range(3000):
        price = int(rng.integers(1, 300))
        row["order"], row["price"], row["qty"] = k, price, 1 + k % 7
        row["action"] = ord("C") if standing.get(price, 0) and rng.random() < 0.5 else ord("A")
        change = int(row["qty"][0]) * (1 if row["action"][0] == ord("A") else -1)
        standing[price] = max(standing.get(price, 0) + change, 0)
        one(book, row)
    count = int(book._state.counts[1])
    found = dict(zip((-book._state.keys[1, :count]).tolist(), book._state.sizes[1, :count].tolist(), strict=True))
    assert found == {price: size for price, size in standing.items() if size}


def test_no_records_make_no_events() -> None:
    """And no levels."""
    events = one(mbo.OrderBook(3, 1), columns(Made([], [], [])))
    assert events.levels.shape == (12, 0)
    assert len(events.event) == 0

"""Events of single orders against a dict of orders."""

from __future__ import annotations

import numpy as np
import pytest

from hfm import tables
from hfm.fetch.book import mbo
from tests.fetch.orderflow import Made, made


def columns(flow: Made) -> mbo.Orders:
    rows = flow.records
    numbers = {
        name: np.array([getattr(row, name) for row in rows], np.int64)
        for name in ("side", "price", "size", "order", "message")
    }
    action = np.array([row.action.encode() for row in rows], "S1")
    return mbo.Orders(action=action, snapshot=np.array([row.snapshot for row in rows], bool), **numbers)


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("levels", [1, 10])
def test_orders_make_the_book_and_its_events(seed: int, levels: int) -> None:
    """Snapshots, clearings, changes of price or size, fills and their cancels, trades without a fill, unseen orders."""
    flow = made(seed, 600, levels)
    rows = columns(flow)
    events, book = mbo.book(rows, levels)
    np.testing.assert_array_equal(book, flow.levels())
    words = [tables.BOOK_EVENTS[code] for code in events.event]
    found = zip(words, *(getattr(events, name).tolist() for name in ("side", "price", "size", "order")), strict=True)
    assert [(*row, int(rows.message[r])) for row, r in zip(found, events.record, strict=True)] == flow.rows


def test_no_records_make_no_events() -> None:
    """And no levels."""
    events, book = mbo.book(columns(Made([], [], [])), 3)
    assert len(events.event) == 0
    assert book.shape == (12, 0)

"""Events of single orders against a dict of orders."""

from __future__ import annotations

import numpy as np
import pytest

from hfm import tables
from hfm.fetch.book import mbo
from tests.fetch.orderflow import Made, made


def columns(flow: Made) -> mbo.OrderRecords:
    rows = flow.records
    numbers = {
        name: np.array([getattr(row, name) for row in rows], np.int64)
        for name in ("side", "price", "size", "order", "message")
    }
    action = np.array([row.action.encode() for row in rows], "S1")
    return mbo.OrderRecords(action=action, snapshot=np.array([row.snapshot for row in rows], bool), **numbers)


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("levels", [1, 10])
def test_orders_make_the_book_and_its_events(seed: int, levels: int) -> None:
    """Snapshots, clearings, changes of price or size, fills and their cancels, trades without a fill, unseen orders."""
    flow = made(seed, 600, levels)
    rows = columns(flow)
    events, book = mbo.rebuild_by_order(rows, levels)
    np.testing.assert_array_equal(book, flow.levels())
    words = [tables.BOOK_EVENTS[code] for code in events.event]
    found = zip(words, *(getattr(events, name).tolist() for name in ("side", "price", "size", "order")), strict=True)
    assert [(*row, int(rows.message[r])) for row, r in zip(found, events.record, strict=True)] == flow.rows


def test_no_records_make_no_events() -> None:
    """And no levels."""
    events, book = mbo.rebuild_by_order(columns(Made([], [], [])), 3)
    assert len(events.event) == 0
    assert book.shape == (12, 0)


def prior(*events: tuple[int, int, bool]) -> tuple[list[int], list[int], list[int]]:
    """(arrival, first event, size) of events (order, size, comes)."""
    order, size, comes = (np.array(column) for column in zip(*events, strict=True))
    return tuple(column.tolist() for column in mbo.prior_orders(order, size, comes, ~comes))  # type: ignore[return-value]


def test_an_order_older_than_the_first_was_there_at_the_start() -> None:
    """With the sum of what goes; one that came in the file is none."""
    assert prior((5, 10, True), (2, 3, False), (5, 10, False), (2, 4, False)) == ([0], [1], [7])


def test_a_later_one_came_when_those_that_come_passed_its_reference() -> None:
    """Not before, and not after its own first event."""
    assert prior((5, 1, True), (6, 1, True), (9, 1, True), (7, 2, False)) == ([2], [3], [2])
    assert prior((5, 1, True), (8, 2, False), (9, 1, True)) == ([1], [1], [2])


def test_where_none_comes_all_were_there() -> None:
    """A file of cancels."""
    assert prior((5, 1, False), (3, 2, False)) == ([0, 0], [1, 0], [2, 1])

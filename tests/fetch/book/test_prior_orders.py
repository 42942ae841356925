"""Orders that are seen only to go."""

from __future__ import annotations

import numpy as np

from hfm.fetch.book.prior_orders import prior_orders


def prior(*events: tuple[int, int, bool]) -> tuple[list[int], list[int], list[int]]:
    """(arrival, first event, size) of events (order, size, comes)."""
    order, size, comes = (np.array(column) for column in zip(*events, strict=True))
    return tuple(column.tolist() for column in prior_orders(order, size, comes, ~comes))  # type: ignore[return-value]


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

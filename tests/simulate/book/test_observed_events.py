"""What a book's rows say of each event."""

from __future__ import annotations

import numpy as np
import pytest

from hfm.simulate.book import observed_events
from tests.orderbook import DAY, book_table


def test_a_hand_written_day_is_read_event_by_event() -> None:
    """Kinds, sides, gaps, the state before, and what a best price fell to."""
    rows = observed_events.read_events(book_table(DAY), 0.01)
    # no ask before the first; the bid improves by 2 ticks, is joined, the ask is hit, the bid emptied; the rest is odd
    assert rows.use.tolist() == [False, True, True, True, True, False, False, False]
    assert [observed_events.KINDS[k] for k in rows.kind[rows.use]] == ["improve", "join", "trade", "trade"]
    assert rows.side[rows.use].tolist() == [1, 1, -1, 1]
    np.testing.assert_allclose(rows.gap[rows.use], [1.0, observed_events.NO_GAP, 1.0, 1.5])
    assert rows.spread[rows.use].tolist() == [4, 2, 2, 2]
    assert rows.hit_size[rows.use].tolist() == [100, 30, 50, 50]
    assert rows.other_size[rows.use].tolist() == [50, 50, 50, 40]
    assert rows.away[rows.use].tolist() == [2, 0, 0, 0]
    assert rows.retreat[rows.use].tolist() == [0, 0, 0, 2]
    assert rows.next_size[rows.use][-1] == 100


@pytest.mark.parametrize(
    ("event", "price", "kind"), [("add", 9.97, "deep_add"), ("delete", 9.96, "deep_cancel"), ("reduce", 9.99, "cancel")]
)
def test_orders_behind_the_best_price_are_deep(event: str, price: float, kind: str) -> None:
    """Distances count from the best price of the event's own side."""
    state = (9.99, 100.0, 10.03, 50.0)
    rows = observed_events.read_events(
        book_table(((0.5, "add", 1, 9.99, 100.0, *state), (1.0, event, 1, price, 10.0, *state))), 0.01
    )
    assert rows.use.tolist() == [True]
    assert observed_events.KINDS[rows.kind[0]] == kind
    assert rows.away[0] == pytest.approx(abs(round((9.99 - price) * 100)))

"""Running sums of a tape, against sums of its events."""

from __future__ import annotations

import numpy as np
import pytest

from hfm.simulate.replay import event_tape, tape_sums
from hfm.simulate.replay.event_tape import Tape
from tests.orderbook import DAY, SECOND, book_table


def day() -> Tape:
    """The tape of DAY."""
    found = event_tape.read(book_table(DAY), 1)
    assert found is not None
    return found


def test_sums_are_of_what_came_before() -> None:
    """Flow before each event, volume before each trade; 65 shares in all, 15 net sold, at what they paid."""
    found, tape = tape_sums.sums(day(), clocked=False), day()
    np.testing.assert_array_equal(found.ofi, [0, *np.cumsum(tape.ofi)])
    assert found.volume.tolist() == [0.0, 10.0, 60.0, 65.0]
    assert found.signed.tolist() == [0.0, 10.0, -40.0, -45.0]
    np.testing.assert_allclose(found.paid, np.cumsum([0.0, 0.01 * 10, 0.01 * 50, 0.01 * 5]))
    assert found.weight.tolist() == found.volume.tolist()
    assert not len(found.spread)
    assert np.isnan(found.half)


def test_a_spread_lasts_until_the_next_event_and_none_lasts_no_time() -> None:
    """Integrals over 6.5 s, of which one second had no ask and half a second before it no quote."""
    found = tape_sums.sums(day(), clocked=True)
    assert found.known[-1] == pytest.approx(5.0 * SECOND)
    bps = 1e4 * np.array([0.04 / 10.01, 0.02 / 10.02, 0.04 / 10.01])
    assert found.spread[-1] == pytest.approx(SECOND * bps @ [1.0, 2.5, 1.5])


def test_what_is_not_known_is_the_last_that_was() -> None:
    """Before the first the first; after a part that left one, that one."""
    x = np.array([7.0, 1.0, 8.0, 2.0, 9.0])
    known = np.array([False, True, False, True, False])
    assert tape_sums.filled(x, known, 1, None).tolist() == [1.0, 1.0, 1.0, 2.0, 2.0]
    assert tape_sums.filled(x, known, 1, 5.0).tolist() == [5.0, 1.0, 1.0, 2.0, 2.0]
    assert tape_sums.filled(x, np.zeros(5, np.bool_), 0, 5.0).tolist() == [5.0] * 5


def test_sums_go_on_from_those_before() -> None:
    """Not from nothing: the last part's are the session's."""
    before = tape_sums.RowsBefore(
        rows=3, bid=1.0, ask=2.0, bps=3.0, ofi=100.0, spread=4.0, known=5.0, volume=6.0, signed=7.0, paid=8.0,
        weight=9.0, half=0.25,
    )  # fmt: skip
    one, other = (tape_sums.sums(day(), clocked=True, before=b) for b in (None, before))
    for name in ("ofi", "spread", "known", "volume", "signed", "paid", "weight"):
        np.testing.assert_allclose(getattr(other, name), getattr(one, name) + getattr(before, name), rtol=1e-12)
    assert other.half == 0.25
    assert (other.bid[0], other.ask[0]) == (1.0, 2.0)

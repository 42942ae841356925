"""What leaves the engine: trades, bars made of trades, rows and events."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from hfm.simulate.book import book_session, book_tables, book_tape
from hfm.simulate.book import book_state as at
from hfm.simulate.book.simulator import BestQuote, PlayedBar
from tests.simulate.book.test_book_session import passes


def played(rows: list[tuple[float, float, int, int, bool]]) -> PlayedBar:
    """A bar of trades (time, price, qty, side, lit)."""
    sums, nothing = np.zeros(1, at.SUMS)[0], BestQuote(0, 1, 0, 0)
    empty = (np.zeros(0, dtype) for dtype in (at.METAORDER, at.SNAPSHOT, at.EVENT))
    return PlayedBar(sums, nothing, nothing, np.array(rows, at.TRADE), *empty, 0)


ROWS = [(1.0, 10.0, 3, 1, True), (2.0, 10.2, 1, 0, False), (4.0, 9.9, 2, -1, True), (6.0, 10.1, 4, 0, False)]


def test_trades_are_those_on_and_off_the_book() -> None:
    """In order; the last one takes the fraction that the engine does not see."""
    one = book_tape.trades(played(ROWS), 10.4, 1.0)
    assert one.time.tolist() == [1.0, 2.0, 4.0, 6.0]
    assert one.size.tolist() == pytest.approx([3.0, 1.0, 2.0, 4.4])
    assert one.lit.tolist() == [True, False, True, False]
    assert book_tape.aggregate(one) == pytest.approx((10.0, 10.2, 9.9, 10.1, 10.4))


def test_trades_share_a_volume_that_is_too_small() -> None:
    """Half the shares: half of each trade."""
    one = book_tape.trades(played(ROWS), 5.0, 1.0)
    assert one.size.tolist() == pytest.approx([1.5, 0.5, 1.0, 2.0])


def test_no_trades_are_no_bar() -> None:
    """NaN prices and no volume."""
    *prices, volume = book_tape.aggregate(book_tape.trades(played([]), 0.0, 1.0))
    assert np.isnan(prices).all()
    assert volume == 0.0


def test_a_tape_that_was_tampered_with_is_found() -> None:
    """Its first wrong event is named: a size, a best price, a queue below 0."""
    one, setting, ctx = passes(1)
    found = book_session.play_session(one.grid, one.simulated, 0, setting, 1000.0, ctx)
    events = np.concatenate([p.tape for p in found.played])
    out = np.zeros((len(events), 2), at.LEVEL)
    assert book_tables.replay_levels(events, np.zeros(found.ticks, np.int64), out) == -1
    start = 2000
    execute = start + int(np.flatnonzero(events["kind"][start:] == at.EXECUTE)[0])
    for column, change in (("qty", 1), ("bid", -1), ("qty", 10**9)):
        wrong = events.copy()
        wrong[column][execute] += change
        assert book_tables.replay_levels(wrong, np.zeros(found.ticks, np.int64), out) == execute


def test_a_bar_that_is_not_made_again_is_said() -> None:
    """One price a cent off, one share too many: that bar alone."""
    one, setting, ctx = passes(1)
    found = book_session.play_session(one.grid, one.simulated, 0, setting, 1000.0, ctx)
    assert book_tape.faithful(found, one.simulated, 0).all()
    for column, amount in (("price", 0.01), ("qty", 1)):
        trades = found.played[2].trades.copy()
        trades[column][0] += amount
        bars = list(found.played)
        bars[2] = dataclasses.replace(bars[2], trades=trades)
        volume = found.volume.copy()
        volume[2] += amount if column == "qty" else 0.0
        bad = book_tape.faithful(dataclasses.replace(found, played=bars, volume=volume), one.simulated, 0)
        assert bad.tolist() == [n != 2 for n in range(6)]

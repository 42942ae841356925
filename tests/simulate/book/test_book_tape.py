"""What leaves the engine: trades, bars made of trades, rows and events."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from hfm.simulate.book import book_session, book_tape
from hfm.simulate.book import book_state as at
from hfm.simulate.book.simulator import Played
from tests.simulate.book.test_book_session import passes


def played(rows: list[tuple[float, ...]]) -> Played:
    """A bar whose prints are (time, price, size, side, kind)."""
    prints = np.zeros((len(rows), at.PRINT_WIDTH))
    prints[:, :5] = rows
    nothing = np.zeros(0)
    return Played(nothing, nothing.astype(np.int64), nothing.astype(np.int64), prints, np.zeros((0, 10), np.int64), 0)


ROWS = [
    (1.0, 10.0, 3.0, 1.0, at.LIT), (2.0, 10.2, 1.0, 0.0, at.OFF_BOOK), (3.0, 10.1, 0.0, 1.0, at.SNAPSHOT),
    (4.0, 9.9, 2.0, -1.0, at.LIT), (5.0, 0.0, 9.0, 1.0, at.METAORDER), (6.0, 10.1, 4.0, 0.0, at.OFF_BOOK),
]  # fmt: skip


def test_trades_are_prints_on_and_off_the_book() -> None:
    """Not snapshots, not metaorders; the last one takes the fraction that the engine does not see."""
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
    *prices, volume = book_tape.aggregate(book_tape.trades(played([ROWS[2]]), 0.0, 1.0))
    assert np.isnan(prices).all()
    assert volume == 0.0


def test_a_tape_that_was_tampered_with_is_found() -> None:
    """Its first wrong event is named: a size, a best price, a queue below 0."""
    one, setting, ctx = passes(1)
    found = book_session.play(one.grid, one.sheet, 0, setting, 1000.0, ctx)
    events = np.concatenate([p.tape for p in found.played])
    out = np.zeros((len(events), 8), np.int64)
    assert book_tape.levels(events, np.zeros(found.ticks, np.int64), out) == -1
    start = 2000
    execute = start + int(np.flatnonzero(events[start:, 1] == at.EXECUTE)[0])
    for column, change in ((4, 1), (6, -1), (4, 10**9)):
        wrong = events.copy()
        wrong[execute, column] += change
        assert book_tape.levels(wrong, np.zeros(found.ticks, np.int64), out) == execute


def test_a_bar_that_is_not_made_again_is_said() -> None:
    """One price a cent off, one share too many: that bar alone."""
    one, setting, ctx = passes(1)
    found = book_session.play(one.grid, one.sheet, 0, setting, 1000.0, ctx)
    assert book_tape.faithful(found, one.sheet, 0).all()
    for column, amount in ((1, 0.01), (2, 1.0)):
        prints = found.played[2].prints.copy()
        trade = np.flatnonzero(prints[:, 4] <= at.LIT)[0]
        prints[trade, column] += amount
        bars = list(found.played)
        bars[2] = dataclasses.replace(bars[2], prints=prints)
        volume = found.volume.copy()
        volume[2] += amount if column == 2 else 0.0
        bad = book_tape.faithful(dataclasses.replace(found, played=bars, volume=volume), one.sheet, 0)
        assert bad.tolist() == [n != 2 for n in range(6)]

"""Metaorders: when one begins, on which side, which trades are its children, what is left of it."""

from __future__ import annotations

import numpy as np
import pytest

from hfm.simulate.book import executions, metaorders
from hfm.simulate.book.book_state import BookEngine
from tests.board import MIDDLE
from tests.simulate.book.test_executions import ready


def test_a_metaorder_is_recorded_with_its_children() -> None:
    """Only trades of its side count; its move is that of the mid since it began."""
    engine = ready(MIDDLE, MIDDLE + 12, MIDDLE - 12, MIDDLE)
    book = engine.book[0]
    book.meta_side, book.meta_left = 1, 3
    book.meta_mid = MIDDLE
    for side in (1, -1, 1):
        executions.trade_on_book(engine, side, 10)
    metaorders.finish_metaorder(engine)
    (row,) = engine.metaorders[: book.metaorders]
    assert (row.move, row.qty, row.side, row.children) == (0.5, 20, 1, 2)


def test_one_without_trades_leaves_nothing() -> None:
    """It ends, and no row is written."""
    engine = ready(MIDDLE, MIDDLE + 12, MIDDLE - 12, MIDDLE)
    engine.book[0].meta_side, engine.book[0].meta_left = -1, 3
    metaorders.finish_metaorder(engine)
    assert (engine.book[0].meta_side, engine.book[0].meta_left, engine.book[0].metaorders) == (0, 0, 0)


def begun(engine: BookEngine, times: int) -> list[tuple[int, int]]:
    """(side, children) of the metaorders that so many trades begin."""
    found = []
    for _ in range(times):
        engine.book[0].meta_side = 0
        metaorders.begin_metaorder(engine)
        if engine.book[0].meta_side:
            found.append((int(engine.book[0].meta_side), int(engine.book[0].meta_left)))
    return found


@pytest.mark.parametrize("slope", [1.0, -1.0])
def test_who_knows_all_trades_to_the_side_of_the_path(slope: float) -> None:
    """ahead 1: always; ahead 0: never; one trade in ten begins one, of at least META_LEAST children."""
    engine = ready(MIDDLE, MIDDLE + 12, MIDDLE - 12, MIDDLE)._replace(path=MIDDLE + slope * np.arange(101.0))
    engine.book[0].trade_rate = 10.0
    for ahead, side in ((1.0, slope), (0.0, -slope)):
        engine.bar[0].ahead = ahead
        found = begun(engine, 4000)
        assert {s for s, _ in found} == {side}
        assert len(found) / 4000 == pytest.approx(metaorders.META_START, abs=0.02)
        assert min(n for _, n in found) >= metaorders.META_LEAST


def test_children_have_a_pareto_tail() -> None:
    """Where there is time for all: P(more than n) falls with n^-1.5."""
    engine = ready(MIDDLE, MIDDLE + 12, MIDDLE - 12, MIDDLE)._replace(path=np.arange(101.0))
    engine.book[0].trade_rate, engine.bar[0].ahead = 1e6, 1.0
    children = np.array([n for _, n in begun(engine, 60_000)])
    share = [(children > n).mean() for n in (12, 48)]
    assert share[1] / share[0] == pytest.approx(4.0**-metaorders.META_TAIL, rel=0.25)


def test_none_begins_at_the_end_of_a_bar() -> None:
    """Beyond the bar nobody knows anything."""
    engine = ready(MIDDLE, MIDDLE + 12, MIDDLE - 12, MIDDLE)._replace(path=np.arange(101.0))
    engine.bar[0].step = engine.bar[0].steps - 1
    assert begun(engine, 500) == []

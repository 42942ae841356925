"""A book of the engine in the middle of nowhere, for tests of its parts."""

from __future__ import annotations

from typing import Any

import numpy as np

from hfm.simulate.book import marks, simulator
from hfm.simulate.book.book_state import BookEngine
from hfm.simulate.book.queues import fill_book

MIDDLE = 250
"""Tick of the best bid of a new board."""


def board(l3: bool = False, full: bool = True, seed: int = 5, **options: Any) -> BookEngine:
    """A book with room for some 500 ticks of a cent; full: with orders around MIDDLE, of about 1,000 a tick."""
    book = simulator.SimulatedBook(100.0, 102.0, simulator.BookOptions(0.01, 100, l3, keep=True, **options))
    book.seed(np.array([seed, 77], np.uint64))
    engine = book.engine._replace(path=np.zeros(64))
    engine.bar[0].tick = book.tick
    if engine.book[0].fitted:
        marks.fill_fitted_book(engine, MIDDLE)
    elif full:
        fill_book(engine, MIDDLE, 1000.0)
    return engine


def queues(engine: BookEngine) -> dict[int, int]:
    """Size by tick, where there is any."""
    return {int(price): int(engine.queue[price]) for price in np.flatnonzero(engine.queue)}

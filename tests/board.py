"""A book of the engine in the middle of nowhere, for tests of its parts."""

from __future__ import annotations

from typing import Any

import numpy as np

from hfm.simulate.book import book_state as at
from hfm.simulate.book import marks, simulator
from hfm.simulate.book.queues import fill

MIDDLE = 250
"""Tick of the best bid of a new board."""


def board(l3: bool = False, full: bool = True, seed: int = 5, **options: Any) -> simulator.Book:
    """A book with room for some 500 ticks of a cent; full: with orders around MIDDLE, of about 1,000 a tick."""
    book = simulator.Book(100.0, 102.0, simulator.Frame(0.01, 100, l3, keep=True, **options))
    book.seed(np.array([seed, 77], np.uint64))
    book.f = np.concatenate((book.f, np.zeros(64), book.tables))
    book.f[at.TICK] = book.tick
    if len(book.tables):
        book.i[at.FITTED] = at.PATH + 64
        marks.found(book.f, book.i, book.tape, book.u, MIDDLE)
    elif full:
        fill(book.i, book.tape, book.u, MIDDLE, 1000.0)
    return book


def queues(book: simulator.Book) -> dict[int, int]:
    """Size by tick, where there is any."""
    sizes = book.i[at.QUEUE : at.QUEUE + book.ticks]
    return {int(price): int(sizes[price]) for price in np.flatnonzero(sizes)}

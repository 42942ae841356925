"""Bars on the slots of their sessions."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from hfm.fetch.quality.grid_bars import FIELDS, GridBars, first_of_group

COUNTS = st.lists(st.integers(1, 5), max_size=6)


def bars(counts: list[int]) -> GridBars:
    n = sum(counts)
    return GridBars(np.repeat(np.arange(len(counts)), counts), np.arange(n), np.arange(n), *np.ones((5, n)))


@given(COUNTS)
def test_the_first_bar_of_each_session_is_marked(counts: list[int]) -> None:
    """One a session, at its first bar."""
    start = bars(counts).session_start
    assert np.flatnonzero(start).tolist() == np.cumsum([0, *counts])[: len(counts)].tolist()
    assert len(start) == sum(counts)


@given(COUNTS, st.integers(0, 30))
def test_bars_that_are_cut_and_joined_are_the_same(counts: list[int], cut: int) -> None:
    """take and concat undo each other."""
    whole = bars(counts)
    rows = np.arange(len(whole))
    joined = GridBars.concat([whole.take(rows < cut), whole.take(rows[rows >= cut])])
    assert all((getattr(joined, name) == getattr(whole, name)).all() for name in FIELDS)


def test_no_group_has_no_first() -> None:
    """Length 0."""
    assert len(first_of_group(np.zeros(0, np.int64))) == 0

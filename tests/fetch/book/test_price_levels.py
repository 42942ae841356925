"""The rebuilt ladder against dicts that are sorted after every change."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest

from hfm.fetch.book import price_levels

Array = npt.NDArray[np.float64]


def plain(row: Array, side: Array, price: Array, size: Array, events: int, levels: int, absolute: bool) -> Array:
    """The same book the slow way."""
    held: dict[int, dict[int, float]] = {1: {}, -1: {}}
    out = np.full((4 * levels, events), np.nan)
    out[1::2] = 0
    for event in range(events):
        for k in np.flatnonzero(row == event):
            s, p = int(side[k]), int(price[k])
            if s == 0:
                held = {1: {}, -1: {}}
                continue
            new = float(size[k]) if absolute else held[s].get(p, 0.0) + float(size[k])
            held[s].pop(p, None)
            if new > 1e-9:
                held[s][p] = new
        for base, s in ((0, 1), (2, -1)):
            for i, p in enumerate(sorted(held[s], reverse=s > 0)[:levels]):
                out[4 * i + base : 4 * i + base + 2, event] = p, held[s][p]
    return out


@pytest.mark.parametrize("absolute", [False, True])
@pytest.mark.parametrize("levels", [1, 3, 10])
def test_the_ladder_is_the_sorted_book(absolute: bool, levels: int) -> None:
    """Random changes, several of one event, events without any, clearings: every level after every event."""
    rng = np.random.default_rng(levels)
    for spread in (5, 40):
        m, events = 1500, 1000
        row = np.sort(rng.integers(0, events, m))
        side = rng.choice([1, -1], m)
        side[rng.random(m) < 0.003] = 0
        price = 1000 + rng.integers(-spread, spread, m)
        size = np.round(np.where(rng.random(m) < 0.5, 0, rng.random(m)) if absolute else rng.normal(0, 2, m), 3)
        book, _ = price_levels.rebuild(price_levels.LevelChanges(row, side, price, size, absolute), events, levels)
        np.testing.assert_allclose(book, plain(row, side, price, size, events, levels, absolute), rtol=0, atol=1e-9)


def test_what_each_change_did_is_known() -> None:
    """By hand: more cannot be taken than is there; a new size is a difference; a clearing is no change of a level."""
    row, side, price = np.arange(5), np.array([1, 1, 1, 0, 1]), np.array([10, 10, 10, 0, 10])
    _, change = price_levels.rebuild(
        price_levels.LevelChanges(row, side, price, np.array([5.0, -2.0, -9.0, 0.0, 1.0]), absolute=False), 5, 1
    )
    assert change.tolist() == [5, -2, -3, 0, 1]
    _, change = price_levels.rebuild(
        price_levels.LevelChanges(row, side, price, np.array([5.0, 2.0, 0.0, 0.0, 1.0]), absolute=True), 5, 1
    )
    assert change.tolist() == [5, -3, -2, 0, 1]


def test_a_book_without_changes_is_empty() -> None:
    """No price, no size; and no event at all is no row."""
    none = np.zeros(0, np.int64)
    changes = price_levels.LevelChanges(none, none, none, np.zeros(0), absolute=False)
    book, _ = price_levels.rebuild(changes, 2, 1)
    assert np.isnan(book[0::2]).all()
    assert (book[1::2] == 0).all()
    assert price_levels.rebuild(changes, 0, 1)[0].shape == (4, 0)

"""Bars as sources give them: rows are picked and joined."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from hfm.raw_data import BAR_COLUMNS, RawBars


def _bars(count: int, *, notes: tuple[str, ...] = ()) -> RawBars:
    rows = np.arange(float(count))
    return RawBars(np.arange(count), rows, rows + 4, rows - 4, rows + 1, rows * 10, notes)


def _columns(bars: RawBars) -> list[list[float]]:
    return [getattr(bars, name).tolist() for name in BAR_COLUMNS]


@given(st.integers(0, 12), st.integers(0, 2**32 - 1))
def test_raw_bars_are_picked_as_numpy_picks(count: int, seed: int) -> None:
    """Positions in any order, a mask or a slice: each column is that column's pick, and the notes stay."""
    bars, rng = _bars(count, notes=("assumed",)), np.random.default_rng(seed)
    for index in (rng.random(count) < 0.5, rng.permutation(count), slice(1, None, 2)):
        picked = bars.take(index)
        assert _columns(picked) == [getattr(bars, name)[index].tolist() for name in BAR_COLUMNS]
        assert picked.notes == ("assumed",)


@given(st.integers(0, 12), st.integers(0, 12))
def test_raw_bars_that_are_cut_and_joined_are_the_same(count: int, cut: int) -> None:
    """concat undoes a cut; a note of both parts comes once; dtypes stay."""
    bars = _bars(count, notes=("assumed",))
    joined = RawBars.concat([bars.take(slice(None, cut)), bars.take(slice(cut, None))])
    assert _columns(joined) == _columns(bars)
    assert joined.notes == bars.notes
    assert [getattr(joined, n).dtype for n in BAR_COLUMNS] == [getattr(bars, n).dtype for n in BAR_COLUMNS]


def test_no_parts_make_no_bars() -> None:
    """The empty union has columns of length 0, the time an integer."""
    none = RawBars.concat([])
    assert none.time.dtype == np.int64
    assert _columns(none) == [[]] * 6

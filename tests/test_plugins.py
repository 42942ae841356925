"""Names find their classes; a wrong name is told the nearest right one."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hfm import plugins
from hfm.errors import UsageError
from hfm.plugins import BAR_COLUMNS, RawBars


@pytest.mark.parametrize(("group", "name"), [(g, n) for g, members in plugins.REGISTRY.items() for n in members])
def test_every_registered_name_imports(group: plugins.Group, name: str) -> None:
    """No line of the registry points nowhere."""
    found = plugins.find(group, name)
    assert group == "recipe_parts" or isinstance(found, type)


def test_a_wrong_name_is_told_the_nearest() -> None:
    """Exit 2 and 'did you mean'."""
    with pytest.raises(UsageError) as caught:
        plugins.find("sources", "yaho")
    assert caught.value.hint == "did you mean yahoo?"
    with pytest.raises(UsageError, match="policy"):
        plugins.find("policies", "x")


def _bars(count: int, *, notes: tuple[str, ...] = ()) -> RawBars:
    rows = np.arange(float(count))
    return RawBars(np.arange(count), rows, rows + 4, rows - 4, rows + 1, rows * 10, notes)


def _columns(bars: RawBars) -> list[list[float]]:
    return [getattr(bars, name).tolist() for name in BAR_COLUMNS]


@given(st.integers(0, 12), st.data())
def test_raw_bars_are_picked_as_numpy_picks(count: int, data: st.DataObject) -> None:
    """Positions in any order, a mask or a slice: each column is that column's pick, and the notes stay."""
    bars = _bars(count, notes=("assumed",))
    mask = np.array(data.draw(st.lists(st.booleans(), min_size=count, max_size=count)), bool)
    order = data.draw(st.permutations(range(count)))
    for index in (mask, np.array(order, np.int64), slice(1, None, 2)):
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

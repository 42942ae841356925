"""One symbol's rows of a file, and whether they can be one symbol's."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hfm.errors import DataError
from hfm.fetch.files.parts import FilePart, check_agreement, fill_unknown_volume
from hfm.fetch.files.roles import VALUES


def part(path: str, first: int, factor: float = 1.0) -> FilePart:
    stamp = np.arange(first, first + 20)
    return FilePart("SPY", stamp, dict.fromkeys(VALUES, (100.0 + stamp) * factor), (), path=path)


@given(st.integers(0, 30))
def test_files_that_agree_or_do_not_meet_are_one_symbols(first: int) -> None:
    """Whatever they have in common."""
    check_agreement("SPY", [part("a.csv", 0), part("b.csv", first)], "hint")


@given(st.integers(0, 15))
def test_files_that_differ_in_what_they_have_in_common_contradict_each_other(first: int) -> None:
    """Both are named."""
    with pytest.raises(DataError, match=r"a\.csv and b\.csv contradict each other"):
        check_agreement("SPY", [part("a.csv", 0), part("b.csv", first, 1.01)], "hint")


@pytest.mark.parametrize("cell", [-1.0, np.nan])
def test_a_volume_that_is_nowhere_known_is_zero(cell: float) -> None:
    """With a warning; one bar with a volume, and nothing is changed."""
    bars = part("a.csv", 0)
    unknown = replace(bars, values={**bars.values, "volume": np.array([0.0] * 19 + [cell])})
    filled = fill_unknown_volume(unknown)
    assert not filled.values["volume"].any()
    assert "not known" in filled.warnings[0]
    some = replace(bars, values={**bars.values, "volume": np.array([5.0] * 19 + [cell])})
    assert fill_unknown_volume(some) is some

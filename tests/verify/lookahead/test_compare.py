"""Where two tables first differ before an instant, and tables with another future."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from hfm.tables import column_array
from hfm.verify.lookahead import compare
from tests.bars import bar_table

BARS = bar_table(3, ("QQQ", "SPY"), slots=6)


def changed(name: str, row: int) -> pa.Table:
    """BARS with one value another."""
    values = column_array(BARS[name]).copy()
    values[row] += 1.0
    at = BARS.schema.get_field_index(name)
    return BARS.set_column(at, BARS.schema.field(at), pa.array(values))


def test_the_first_row_and_column_are_named() -> None:
    """Row 8 is QQQ's third of the second session... of two symbols of six rows each."""
    at = int(compare.times(BARS).max()) + 1
    found = compare.difference(BARS, changed("close", 8), at, ("open", "close", "volume"))
    assert (found.rows, found.same, found.column, found.place) == (36, 35, "close", "SPY 2020-01-01 row 2")
    assert compare.difference(BARS, BARS, at, ("open", "close")).same == 36


def test_rows_after_the_instant_do_not_count() -> None:
    """Only what is known before it is compared, of all symbols."""
    at = int(compare.times(BARS)[3])
    assert compare.difference(BARS, compare.poisoned(BARS, at), at, ("open", "volume")) == compare.Difference(6, 6)
    assert compare.difference(BARS, compare.cut(BARS, at), at, ("open",)) == compare.Difference(6, 6)
    later = compare.difference(BARS, compare.poisoned(BARS, at), at + 1, ("open", "volume"))
    assert (later.rows, later.same, later.place) == (8, 6, "QQQ 2020-01-01 row 3")


def test_a_row_that_is_not_there_differs_in_its_key() -> None:
    """Named by the place of the table that has it."""
    at = int(compare.times(BARS).max()) + 1
    short = BARS.slice(0, 35)
    found = compare.difference(BARS, short, at, ("open",))
    assert (found.column, found.place, found.same) == ("seq", "SPY 2020-01-03 row 5", 35)
    gap = pa.concat_tables([BARS.slice(0, 4), BARS.slice(5)])
    assert compare.difference(gap, BARS, at, ("open",)).place == "QQQ 2020-01-01 row 5"


def test_poison_changes_every_number_from_there_on_and_nothing_else() -> None:
    """Prices and volume by the factor; keys, times and flags as they were."""
    at = int(compare.times(BARS)[20])
    bad = compare.poisoned(BARS, at, 2.0)
    later = compare.times(BARS) >= at
    for name in ("open", "volume"):
        np.testing.assert_array_equal(column_array(bad[name]), column_array(BARS[name]) * np.where(later, 2.0, 1.0))
    for name in ("symbol", "session", "seq", "time", "is_last"):
        assert bad[name].equals(BARS[name])


@pytest.mark.parametrize("share", [0.0, 0.5, 1.0])
def test_an_instant_lies_inside_a_session(share: float) -> None:
    """Neither its first row nor after its last."""
    at = compare.instant(BARS, share)
    rows = np.flatnonzero(compare.times(BARS) == at)
    assert set(column_array(BARS["seq"])[rows]) == {2}


def test_forecasts_are_the_same_up_to_rounding_and_nan_is_nan() -> None:
    """What a shorter batch may round otherwise is no look-ahead."""
    one = np.array([0.5, np.nan, 0.5, 0.5])
    two = np.array([0.5 + 1e-9, np.nan, np.nan, 0.51])
    assert compare.near(one, two).tolist() == [True, True, False, False]

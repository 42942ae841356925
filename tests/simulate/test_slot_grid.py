"""Rows to sessions and slots, and back."""

from __future__ import annotations

import numpy as np
import pytest

from hfm import tables
from hfm.errors import DataError
from hfm.simulate.slot_grid import slot_grids
from tests.bars import bar_table


@pytest.mark.parametrize("drop", [(), (0, 5, 6, 30, 31, 59)])
def test_rows_come_back_as_they_were(drop: tuple[int, ...]) -> None:
    """Two symbols, with and without holes: matrix then line is the identity, holes are NaN and nowhere else."""
    table = bar_table(3, ("SPY", "QQQ"), slots=10, drop=drop)
    close = table["close"].to_numpy()
    seen = 0
    for grid in slot_grids(table, 10):
        matrix = grid.matrix(close)
        assert matrix.shape == (3, 10)
        np.testing.assert_array_equal(grid.line(matrix), close[grid.rows])
        np.testing.assert_array_equal(np.isfinite(matrix), grid.present())
        assert set(tables.arrays(table, ("symbol",))["symbol"][grid.rows]) == {grid.symbol}
        seen += len(grid.cell)
    assert seen == table.num_rows


def test_a_seq_outside_the_session_is_an_error() -> None:
    """More slots in the rows than in the calendar."""
    with pytest.raises(DataError, match="9 slots"):
        list(slot_grids(bar_table(1, slots=10), 9))


def test_an_empty_group_has_no_grids() -> None:
    """No rows, no symbols."""
    assert list(slot_grids(bar_table(1).slice(0, 0), 78)) == []

"""The state of the path: one kernel or two, whole sessions or row by row, the same numbers."""

from __future__ import annotations

import numpy as np
import pytest

from hfm import tables
from hfm.errors import UsageError
from hfm.live import quote_rows
from hfm.live.node import Engine, Market
from hfm.models.checkpoint import Checkpoint
from hfm.plugins import Float
from hfm.tables import MemoryReader
from tests.live.market import Q50, made
from tests.live.test_stream import stream


def table_of() -> Float:
    """The market's rows."""
    return quote_rows.matrix(tables.arrays(made().quotes, quote_rows.COLUMNS))


def test_a_plugged_in_policy_gets_the_same_path_in_two_steps() -> None:
    """Forecast, its own `propose` on arrays of one row, ledger: what the fused kernel gives for a built-in one."""
    one, two = stream(made()).engine, stream(made()).engine
    two._fused = False
    for row in table_of()[-300:]:
        np.testing.assert_array_equal(one.take(0, row), two.take(0, row))


def test_feeding_whole_sessions_is_feeding_rows() -> None:
    """Features and history come out alike."""
    data = table_of()
    one, two = stream(made()).engine, stream(made()).engine
    days = data[:, 0]
    for day in np.unique(days)[:-1]:
        one.feed(0, data[days == day])
    for row in data[days < days[-1]]:
        two.take(0, row, trade=False)
    for row in data[days == days[-1]]:
        a = one.take(0, row).copy()
        b = two.take(0, row)
        np.testing.assert_array_equal(a[8:], b[8:])
        np.testing.assert_array_equal(a[:8], b[:8])


def test_a_model_without_a_step_is_refused() -> None:
    """A checkpoint may hold models that only a batch can run."""
    of = made()
    arrays = {k: v for k, v in of.checkpoint.arrays.items() if "floor/vol_slot" not in k}
    with pytest.raises(UsageError, match="has no step"):
        Engine(Checkpoint(arrays, of.checkpoint.document), Q50, Market.of(MemoryReader(of.quotes).meta))

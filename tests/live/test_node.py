"""The state of the path: one kernel or two, whole sessions or row by row, the same numbers."""

from __future__ import annotations

import numpy as np
import pytest

from hfm.errors import UsageError
from hfm.live.node import MarketSpec, Node
from hfm.models.checkpoint import Checkpoint
from hfm.tables import MemoryReader
from tests.live.market import Q50, made, records_of, rows_of
from tests.live.test_stream import stream


def test_a_plugged_in_policy_gets_the_same_path_in_two_steps() -> None:
    """Forecast, its own `propose` on arrays of one row, ledger: what the one call gives for a built-in one."""
    one, two = stream(made()).node, stream(made()).node
    two._fused = False
    for row in rows_of(made())[-300:]:
        for node in (one, two):
            node.take(row)
        np.testing.assert_array_equal(list(one.result), list(two.result))


def test_feeding_whole_sessions_is_feeding_rows() -> None:
    """Features and history come out alike."""
    rows = records_of(made())
    one, two = stream(made()).node, stream(made()).node
    days = rows["session"]
    for day in np.unique(days)[:-1]:
        one.feed(rows[days == day])
    every = rows_of(made())
    for row in every:
        if row.session < days[-1]:
            two.take(row, trade=False)
    for row in every:
        if row.session == days[-1]:
            for node in (one, two):
                node.take(row)
            np.testing.assert_array_equal(list(one.result), list(two.result))


def test_a_model_without_a_step_is_refused() -> None:
    """A checkpoint may hold models that only a batch can run."""
    of = made()
    arrays = {k: v for k, v in of.checkpoint.arrays.items() if "floor/vol_slot" not in k}
    with pytest.raises(UsageError, match="has no step"):
        Node(Checkpoint(arrays, of.checkpoint.document), Q50, MarketSpec.of(MemoryReader(of.quotes).meta))

"""Round trips: they add up, whatever is added, reduced or turned over on the way."""

from __future__ import annotations

import numpy as np
import pytest

from hfm.ledger import layout as at
from hfm.ledger import reasons
from hfm.ledger.account import equity
from hfm.ledger.round_trips import value
from tests.ledger.market import FREE, day, play, random_rows


def test_a_trip_still_under_way_is_valued_at_the_mark() -> None:
    """So that the trades add up to the change of equity also where the data stops in the middle of one."""
    rows = day([100.0, 101.0, 103.0], [1, 1, 1])
    rows[-1, at.R_LAST] = 0
    _, trips, state = play(rows)
    assert not len(trips)
    trip = value(state, 0)
    assert trip is not None
    assert trip[at.T_NET] == pytest.approx(equity(state) - FREE.cash)
    assert trip[[at.T_ENTRY, at.T_EXIT, at.T_QTY]].tolist() == [100, 103, 100]
    assert trip[at.T_REASON] == reasons.OPEN_AT_END
    assert state[at.HEAD + at.B_QTY] == 100


def test_no_position_has_no_trip() -> None:
    """None, not a trip of zeros."""
    _, _, state = play(day([100.0, 101.0], [0, 0]))
    assert value(state, 0) is None


def test_trips_do_not_overlap_and_alternate_with_the_position() -> None:
    """Each exits before or when the next enters, and holds the side that the ledger holds."""
    rows = random_rows(3, 40, seed=2)
    out, trips, _ = play(rows)
    ns = trips[:, at.T_EXIT_SESSION] * 86400e9 + trips[:, at.T_EXIT_NS]
    start = trips[:, at.T_SESSION] * 86400e9 + trips[:, at.T_NS]
    assert (start[1:] >= ns[:-1]).all()
    assert (ns > start).all()
    place = {(r[at.R_SESSION], r[at.R_SEQ]): i for i, r in enumerate(rows)}
    for trip in trips:
        position = out[place[trip[at.T_SESSION], trip[at.T_SEQ]], at.O_POSITION]
        opened = out[place[trip[at.T_SESSION], trip[at.T_SEQ]], at.O_QTY_OPEN]
        assert np.sign(opened) == trip[at.T_SIDE]
        assert position in (trip[at.T_SIDE] * trip[at.T_QTY], 0)

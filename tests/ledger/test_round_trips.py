"""Round trips: they add up, whatever is added, reduced or turned over on the way."""

from __future__ import annotations

import numpy as np
import pytest

from hfm.ledger import reasons
from hfm.ledger.account import equity
from hfm.ledger.round_trips import valued
from tests.ledger.market import FREE, day, play, random_rows


def test_a_trip_still_under_way_is_valued_at_the_mark() -> None:
    """So that the trades add up to the change of equity also where the data stops in the middle of one."""
    rows = day([100.0, 101.0, 103.0], [1, 1, 1])
    rows["is_last"][-1] = 0
    _, trips, state = play(rows)
    assert not len(trips)
    trip = valued(state, 0)
    assert trip is not None
    assert trip["net"] == pytest.approx(equity(state) - FREE.cash)
    assert trip[["entry_price", "exit_price", "qty"]].tolist() == (100, 103, 100)
    assert trip["reason"] == reasons.OPEN_AT_END
    assert state.symbol["qty"][0] == 100


def test_no_position_has_no_trip() -> None:
    """None, not a trip of zeros."""
    _, _, state = play(day([100.0, 101.0], [0, 0]))
    assert valued(state, 0) is None


def test_trips_do_not_overlap_and_alternate_with_the_position() -> None:
    """Each exits before or when the next enters, and holds the side that the ledger holds."""
    rows = random_rows(3, 40, seed=2)
    out, trips, _ = play(rows)
    ns = trips["exit_time"]
    start = trips["time"]
    assert (start[1:] >= ns[:-1]).all()
    assert (ns > start).all()
    place = {(r["session"], r["seq"]): i for i, r in enumerate(rows)}
    for trip in trips:
        position = out["position"][place[trip["session"], trip["seq"]]]
        opened = out["qty_open"][place[trip["session"], trip["seq"]]]
        assert np.sign(opened) == trip["side"]
        assert position in (trip["side"] * trip["qty"], 0)

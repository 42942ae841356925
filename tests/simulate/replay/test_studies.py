"""Figures of half-hour windows."""

from __future__ import annotations

import numpy as np
import pytest

from hfm.simulate.replay import event_tape
from hfm.simulate.replay.studies import SessionStates, Studies
from tests.orderbook import OPEN, SECOND, Event, book_table


def market(n: int, minutes: int, follow: bool) -> list[Event]:
    """n events, evenly over so many minutes: each shifts the book a tick up or down, and trades on that side.

    follow: whether trades keep their sign for 20 events.
    """
    rng = np.random.default_rng(0)
    side, price, out = 1, 1000, []
    for i, t in enumerate(np.linspace(1.0, 60.0 * minutes - 1, n)):
        if not follow or i % 20 == 0:
            side = int(rng.choice((-1, 1)))
        price += side
        paid = (price + side) / 100
        out.append((t, "execute", -side, paid, 10.0, (price - 1) / 100, 100.0, (price + 1) / 100, 100.0))
    return out


def test_flow_that_moves_the_price_one_to_one_explains_all_of_it() -> None:
    """Each event shifts the mid a tick and the flow by 200 shares: R2 1 at every scale; a spread of two ticks."""
    studies = Studies()
    found = event_tape.read(book_table(market(6000, 60, follow=False)), 1)
    assert found is not None
    states = SessionStates(OPEN, OPEN + 3600 * SECOND)
    states.take(found, final=True)
    studies.add(states, OPEN, OPEN + 3600 * SECOND, 0.01)
    facts = studies.document()["facts"]
    for scale in (10, 60):
        assert facts[f"ofi_r2_{scale}s"]["value"] == pytest.approx(1.0, abs=1e-9)
    assert facts["spread_ticks"]["value"] == pytest.approx(2.0)
    assert facts["one_tick"]["value"] == 0.0
    assert abs(facts["sign_ac1"]["value"]) < 0.1
    assert facts["ofi_r2_10s"]["windows"] == 2


def test_signs_that_follow_each_other_are_seen() -> None:
    """Runs of 20 trades: lag-1 autocorrelation .95, lag-10 .5."""
    studies = Studies()
    found = event_tape.read(book_table(market(6000, 60, follow=True)), 1)
    assert found is not None
    states = SessionStates(OPEN, OPEN + 3600 * SECOND)
    states.take(found, final=True)
    studies.add(states, OPEN, OPEN + 3600 * SECOND, 0.01)
    facts = studies.document()["facts"]
    assert facts["sign_ac1"]["value"] == pytest.approx(0.95, abs=0.03)
    assert facts["sign_ac10"]["value"] == pytest.approx(0.5, abs=0.1)


def test_no_sessions_have_no_figures() -> None:
    """Null, not 0."""
    assert Studies().document()["facts"]["spread"]["value"] is None

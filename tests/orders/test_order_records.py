"""Orders as records: what each transition does, and that a back-test makes no other."""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hfm.config import Backtest
from hfm.ledger import ledger_records as rec
from hfm.ledger.account import params_new, state_new
from hfm.orders import order_records as orders
from hfm.orders import step
from hfm.orders.order_records import (
    ACCEPTED,
    CANCELLED,
    EXPIRED,
    FILLED,
    NEW,
    NONE,
    ORDER,
    PARTIALLY_FILLED,
    REJECTED,
    TRANSITIONS,
)  # fmt: skip
from hfm.tables.records import Records
from tests.ledger.market import FREE, assert_equal, day, markets, play, symbols_of, unjitted

COSTLY = Backtest(cash=10_000.0, fee_bps=1.0, spread_share=0.75, borrow=0.05, impact=0.7)
RULES: tuple[dict[str, Any], ...] = (
    {}, {"participation": 1e-5}, {"max_turnover": 1.3}, {"collar": 0.002}, {"daily_loss": 0.001},
    {"hold_overnight": True}, {"hold_overnight": True, "participation": 1e-5}, {"fill": "close"},
    {"fill": "passive"}, {"fill": "passive", "queue": True, "hold_overnight": True},
)  # fmt: skip


def walk(rows: Records, rule: Backtest = FREE) -> list[Records]:
    """The order's record after each row of one symbol."""
    state, params = state_new(rule.cash, 1), params_new(rule, 1, 0.01)
    out, trips, found = np.zeros(1, rec.LEDGER_RESULT), np.zeros(2, rec.ROUND_TRIP), []
    for row in rows:
        step.step(state, params, row, out[0], trips)
        found.append(state.order[0].copy())
    return found


def states(rows: Records, rule: Backtest = FREE) -> list[int]:
    return [int(order["state"]) for order in walk(rows, rule)]


def test_every_state_has_its_transitions_and_an_end_is_followed_by_a_new_order_alone() -> None:
    """The table is complete; what has ended never comes back to life as itself."""
    known = {NONE, NEW, ACCEPTED, PARTIALLY_FILLED, FILLED, CANCELLED, REJECTED, EXPIRED}
    assert set(TRANSITIONS) == known
    assert set().union(*TRANSITIONS.values()) == known - {NONE}
    for state in (FILLED, CANCELLED, REJECTED, EXPIRED):
        assert TRANSITIONS[state] == {NEW}
    order = np.zeros(1, ORDER)[0]
    for state in known:
        order["state"] = state
        assert orders.is_open(order) == (CANCELLED in TRANSITIONS[state])


@pytest.mark.parametrize(
    ("kernel", "ends"),
    [(orders.accept, {NEW: ACCEPTED}), (orders.reject, {NEW: REJECTED}),
     (orders.cancel, {NEW: CANCELLED, ACCEPTED: CANCELLED, PARTIALLY_FILLED: CANCELLED}),
     (orders.expire, {NEW: EXPIRED, ACCEPTED: EXPIRED, PARTIALLY_FILLED: EXPIRED})],
)  # fmt: skip
def test_a_transition_changes_only_the_states_that_it_is_for(
    kernel: Callable[[Any], None], ends: dict[int, int]
) -> None:
    """Any other state stays; nothing is left of an order that has ended."""
    for state in TRANSITIONS:
        order = np.zeros(1, ORDER)[0]
        order["state"], order["qty"], order["leaves"] = state, 7.0, 7.0
        kernel(order)
        assert order["state"] == ends.get(state, state)
        if order["state"] != state:
            assert order["leaves"] == (7.0 if order["state"] == ACCEPTED else 0.0)


def test_a_request_keeps_an_order_for_as_much_and_replaces_any_other() -> None:
    """By what is left of it; at 0 it is cancelled."""
    order = np.zeros(1, ORDER)[0]
    orders.request(order, 100.0)
    orders.accept(order)
    orders.fill(order, 30.0, 70.0)
    orders.request(order, 70.0)
    assert order[["state", "qty", "filled", "leaves"]].tolist() == (PARTIALLY_FILLED, 100.0, 30.0, 70.0)
    orders.request(order, -50.0)
    assert order[["state", "qty", "filled", "leaves"]].tolist() == (NEW, -50.0, 0.0, -50.0)
    orders.request(order, 0.0)
    assert order["state"] == CANCELLED
    orders.request(order, 0.0)
    assert order["state"] == CANCELLED


def test_an_order_is_new_at_its_decision_and_filled_at_the_next_open() -> None:
    """And the flattening of the last row is an order of its own."""
    found = walk(day([100.0] * 4, [1, 1, 0, 0]))
    assert [int(order["state"]) for order in found] == [NEW, FILLED, NEW, FILLED]
    assert [order[["qty", "filled"]].tolist() for order in found] == [(100, 0), (100, 100), (-100, 0), (-100, -100)]
    held = walk(day([100.0] * 3, [1, 1, 1]))[-1]
    assert held[["state", "qty", "filled", "leaves"]].tolist() == (FILLED, -100, -100, 0)


def test_an_open_without_a_price_rejects_and_the_order_is_asked_again() -> None:
    """New once more at that row's close and filled a row later; in the last row it stays rejected."""
    rows = day([100.0] * 4, [1, 1, 1, 1])
    rows["mid_open"][1] = np.nan
    assert states(rows)[:3] == [NEW, NEW, FILLED]
    rows = day([100.0] * 2, [1, 1])
    rows["is_last"][1], rows["mid_close"][1] = True, np.nan
    rows["mid_open"][1] = np.nan
    assert states(rows) == [NEW, REJECTED]


def test_a_fill_in_parts_is_partial_until_all_is_filled() -> None:
    """A share of the volume a row: 40, 40, 20."""
    rows = day([100.0] * 5, [1] * 5)
    rows["volume"] = 400.0
    found = walk(rows, dataclasses.replace(FREE, participation=0.1))
    assert [int(order["state"]) for order in found[:4]] == [NEW, PARTIALLY_FILLED, PARTIALLY_FILLED, FILLED]
    assert [order[["filled", "leaves"]].tolist() for order in found[1:4]] == [(40, 60), (80, 20), (100, 0)]


def test_a_passive_order_that_no_trade_reaches_is_accepted_and_ends_with_its_target_or_its_session() -> None:
    """Cancelled where the signal is gone, expired at the session's last row."""
    passive = dataclasses.replace(FREE, fill="passive")
    assert states(day([100.0] * 4, [1, 1, 0, 0], half=0.1), passive) == [NEW, ACCEPTED, CANCELLED, CANCELLED]
    assert states(day([100.0] * 3, [1, 1, 1], half=0.1), passive) == [NEW, ACCEPTED, EXPIRED]
    overnight = dataclasses.replace(passive, hold_overnight=True)
    assert states(day([100.0] * 3, [1, 1, 1], half=0.1), overnight) == [NEW, ACCEPTED, EXPIRED]


@settings(max_examples=60)
@given(markets(), st.sampled_from(RULES))
def test_a_back_test_makes_no_transition_that_the_table_forbids(rows: Records, rule: dict[str, Any]) -> None:
    """Each change of state, within a row as well; and the kernels end where the plain functions do."""
    costly, count, seen = dataclasses.replace(COSTLY, **rule), symbols_of(rows), set()
    compiled = play(rows, costly, symbols=count)
    with pytest.MonkeyPatch.context() as patch:
        module = unjitted(patch)

        def become(order: Any, state: int) -> None:
            seen.add((int(order["state"]), int(state)))
            order["state"] = state

        patch.setattr(sys.modules["hfm.orders.order_records"], "become", become)
        plain = play(rows, costly, symbols=count, module=module)
    assert {(a, b) for a, b in seen if b not in TRANSITIONS[a]} == set()
    assert_equal(plain, compiled)


@settings(max_examples=60)
@given(markets(), st.sampled_from(RULES))
def test_what_is_filled_and_what_is_left_make_the_order(rows: Records, rule: dict[str, Any]) -> None:
    """After each row: qty = filled + leaves while it is open; at its end nothing is left, and a filled one is full."""
    costly, count = dataclasses.replace(COSTLY, **rule), symbols_of(rows)
    state, params = state_new(costly.cash, count), params_new(costly, count, 0.01)
    out, trips = np.zeros(1, rec.LEDGER_RESULT), np.zeros(2, rec.ROUND_TRIP)
    for row in rows:
        step.step(state, params, row, out[0], trips)
        for order in state.order:
            if orders.is_open(order):
                assert order["leaves"] != 0.0
                assert order["qty"] == pytest.approx(order["filled"] + order["leaves"], abs=1e-9)
            else:
                assert order["leaves"] == 0.0
            if order["state"] == FILLED:
                assert order["filled"] == pytest.approx(order["qty"], abs=1e-9)
            if order["state"] in (NEW, ACCEPTED, REJECTED):
                assert order["filled"] == 0.0

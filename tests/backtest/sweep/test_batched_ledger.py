"""Ledgers side by side are what each is alone; the kernel is its plain function to the bit."""

from __future__ import annotations

import numpy as np
import pytest

from hfm.backtest.sweep import batched_ledger
from hfm.config import Backtest
from hfm.ledger import ledger_records as rec
from hfm.ledger.account import ledger, params_new, state_new, states_new
from hfm.ledger.ledger_records import LedgerState
from hfm.orders import step
from tests.backtest.walk import walk

LEVELS = np.array([0.0, 0.03, 0.08])


def states() -> LedgerState:
    return states_new(len(LEVELS), 1e6, 1)


@pytest.mark.parametrize("fill", ["next-open", "cross", "next-mid"])
def test_the_kernel_is_its_plain_function_to_the_bit(fill: str) -> None:
    """Over sessions with holes, up to the row where it stops."""
    rows, p = walk(400)
    rows["mid_open"][[5, 30]] = np.nan
    rows["ask_close"][155] = 0.0
    params = params_new(Backtest(fill=fill), 1, 0.01)  # type: ignore[arg-type]  # a string of its own Literal
    found = []
    for function in (batched_ledger.run, batched_ledger.run.py_func):  # type: ignore[attr-defined]  # numba's
        w = batched_ledger.load(states(), LEVELS)
        found.append((function(w, params, rows, p - 0.5, 0), w.tobytes()))
    assert found[0] == found[1]
    assert found[0][0] == 156  # a position was carried over a close without a quote


def test_states_after_it_are_those_of_the_step() -> None:
    """Whatever the step reads of a state, so that it can go on from there."""
    rows, p = walk(300)
    params, many = params_new(Backtest(), 1, 0.01), states()
    w = batched_ledger.load(many, LEVELS)
    assert batched_ledger.run(w, params, rows, p - 0.5, 0) == 300
    batched_ledger.save(w, many, rows)
    for k, level in enumerate(LEVELS):
        alone, one = state_new(1e6, 1), ledger(many, k)
        rows["target"] = (p - 0.5 > level).astype(float) - (p - 0.5 < -level)
        step.loop(alone, params, rows, np.zeros(300, rec.LEDGER_RESULT), np.zeros(602, rec.ROUND_TRIP))
        for name in ("cash", "session", "open_equity"):
            np.testing.assert_allclose(one.book[name], alone.book[name], rtol=1e-12)
        for name in ("qty", "mark", "session", "rows"):
            np.testing.assert_allclose(one.symbol[name], alone.symbol[name], rtol=1e-12)
        for name in ("target", "bid", "decided", "leaves"):
            np.testing.assert_allclose(one.order[name], alone.order[name], rtol=1e-12)


def test_a_lane_without_a_ledger_never_trades() -> None:
    """Its level is infinite."""
    rows, p = walk(300)
    w = batched_ledger.load(states(), LEVELS)
    batched_ledger.run(w, params_new(Backtest(), 1, 0.01), rows, p - 0.5, 0)
    assert not w["trips"][0, len(LEVELS) :].any()
    assert w["trips"][0, : len(LEVELS)].all()

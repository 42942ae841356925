"""What accounts: marks, fills and nights keep cash, positions and P&L together, and decide nothing."""

from __future__ import annotations

import numpy as np
import pytest

from hfm.config import Backtest
from hfm.ledger import account, accounting
from hfm.ledger import ledger_records as rec
from hfm.ledger.fills import Fill
from hfm.orders.order_records import ACCEPTED, EXPIRED, NEVER
from tests.ledger.market import FREE, random_rows, row

BUY = Fill(100.0, 10.05, 10.0, 5.0, 1.0, 0.0, 0)
"""100 at a mid of 10, half a spread of .05 paid, a fee of 1."""


def held(qty: float, mark: float) -> rec.LedgerState:
    """A ledger of 10,000 that holds a position, last seen in session 0."""
    state = account.state_new(10_000.0, 1)
    state.symbol["qty"], state.symbol["mark"], state.symbol["session"] = qty, mark, 0
    state.order["target"] = qty
    return state


def test_a_fill_moves_cash_turnover_and_position_by_its_price_and_costs() -> None:
    """cash - qty x price - fee; turnover at the mid; costs to the row's result, entry to the trip."""
    state, params = account.state_new(10_000.0, 1), account.params_new(FREE, 1, 0.01)
    out, trips = np.zeros(1, rec.LEDGER_RESULT), np.zeros(1, rec.ROUND_TRIP)
    state.order["target"] = 100.0
    assert accounting.book_fill(state, params[0], row(10.0, 10.0)[0], out[0], trips[0], BUY) == 0
    assert state.book[["cash", "traded"]][0].tolist() == pytest.approx((10_000 - 1005 - 1, 1000))
    assert state.symbol[["qty", "entered_qty"]][0].tolist() == (100, 100)
    assert out[["spread_cost", "fee", "qty_open", "px_open"]][0].tolist() == (5, 1, 100, 10.05)
    assert accounting.book_fill(state, params[0], row(10.0, 10.0)[0], out[0], trips[0], BUY._replace(qty=-100.0)) == 1
    assert state.symbol["qty"][0] == 0


@pytest.mark.parametrize("mid", [np.nan, np.inf, 0.0, -1.0])
def test_a_mid_that_is_no_price_leaves_the_mark(mid: float) -> None:
    """And earns nothing; a price earns the position's change of worth."""
    position = held(100.0, 10.0).symbol[0]
    assert accounting.revalue(position, mid) == 0.0
    assert position["mark"] == 10.0
    assert accounting.revalue(position, 10.5) == pytest.approx(50.0)
    assert position["mark"] == 10.5


@pytest.mark.parametrize("qty", [100.0, -100.0])
def test_a_night_pays_dividend_and_borrow_splits_and_ends_the_order(qty: float) -> None:
    """Twice the shares at half the price; borrow of a short over three nights; what is carried is to be flat."""
    state, out = held(qty, 10.0), np.zeros(1, rec.LEDGER_RESULT)
    state.order["state"], state.order["leaves"] = ACCEPTED, 5.0
    params = account.params_new(Backtest(cash=10_000.0, borrow=0.0365), 1, 0.01)
    monday = row(5.0, 5.0, session=3, split_ratio=2.0, cash_dividend=0.1)
    accounting.open_row(state, params[0], monday[0], out[0])
    assert state.symbol[["qty", "mark", "session"]][0].tolist() == (2 * qty, 5.0, 3)
    borrow = 0.0 if qty > 0 else 200 * 5 * 0.0365 * 3 / 365
    assert out[["borrow", "dividend"]][0].tolist() == pytest.approx((borrow, 2 * qty * 0.1))
    assert state.book["cash"][0] == pytest.approx(10_000 + 2 * qty * 0.1 - borrow)
    assert state.order[["state", "leaves", "target", "decided"]][0].tolist() == (EXPIRED, 0.0, 0.0, NEVER)


def test_the_kernel_s_equity_is_the_account_s() -> None:
    """cash + sum(position x mark), over several symbols."""
    state = account.state_new(1e4, 3)
    state.symbol["qty"], state.symbol["mark"] = (5.0, -2.0, 0.0), (10.0, 20.0, np.pi)
    assert accounting.equity(state) == account.equity(state) == 1e4 + 50 - 40


def test_a_row_ends_with_its_parts_and_with_what_the_next_order_is_decided_on() -> None:
    """net = gross - costs + dividend; the quote, the volume and the instant of the close."""
    state, out, last = account.state_new(1e4, 1), np.zeros(1, rec.LEDGER_RESULT), random_rows(1, 1)[0]
    for name, value in (("spread_cost", 1.0), ("fee", 2.0), ("impact", 3.0), ("borrow", 4.0), ("dividend", 0.5)):
        out[name] = value
    accounting.close_row(state.order[0], last, out[0], 20.0)
    assert out[["gross_pnl", "net_pnl"]][0].tolist() == (20.0, 10.5)
    assert state.order[["bid", "ask", "volume", "decided"]][0].tolist() == (
        last["bid_close"], last["ask_close"], last["volume"], last["time"],
    )  # fmt: skip

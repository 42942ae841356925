"""What every broker does, whatever stands behind it: a new one is a line in BROKERS."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hfm.config import Backtest
from hfm.ledger.account import params_new
from hfm.ledger.fills import Fill, quoted
from hfm.orders import order_records as orders
from hfm.orders import simulated_broker
from hfm.orders.order_records import ACCEPTED, CANCELLED, FILLED, NEW, NONE, ORDER, REJECTED, TRANSITIONS
from hfm.orders.protocol import Broker
from hfm.orders.simulated_broker import CLOSE, FLATTEN, OPEN
from hfm.tables.records import Records
from tests.ledger.market import row

BROKERS: tuple[Broker, ...] = (simulated_broker,)
COSTLY = Backtest(cash=10_000.0, fee_bps=1.0, spread_share=0.75, impact=0.7)
every = pytest.mark.parametrize("broker", BROKERS, ids=lambda broker: getattr(broker, "__name__", str(broker)))
sizes = st.sampled_from([-120.0, -1.0, 0.25, 100.0])
fills = st.sampled_from(["next-open", "next-mid", "cross", "passive"])


def order_new(want: float, half: float = 0.05) -> Any:
    """An order for `want` units that was decided at a mid of 100, accepted, as the step hands it over."""
    order = np.zeros(1, ORDER)[0]
    order["state"], order["qty"], order["leaves"], order["target"] = ACCEPTED, want, want, want
    order["bid"], order["ask"] = 100.0 - half, 100.0 + half
    return order


def rule(fill: Any, **other: Any) -> Any:
    """PARAMS of one symbol."""
    return params_new(dataclasses.replace(COSTLY, fill=fill, **other), 1, 0.01)[0]


def market(**other: float) -> Records:
    """A row whose mid goes from 100 to 100.02, quoted 10 cents."""
    out = row(100.0, 100.02, half=0.05, sigma_day=0.01, adv=1e6)
    for name, value in other.items():
        out[name] = value
    return out


@every
@given(want=sizes, fill=fills, low=st.sampled_from([99.0, 99.95, 100.0, np.nan]))
def test_it_can_fill_no_more_than_is_asked_for_and_all_of_it_at_market(
    broker: Broker, want: float, fill: str, low: float
) -> None:
    """Between nothing and the order; an order that takes liquidity, all. The order itself stays what it was."""
    order, quote = order_new(want), market(trade_low=low, trade_high=200.0 - low)
    before = order[["state", "qty", "filled", "leaves", "target"]].tolist()
    size = broker.executable(order, rule(fill), quote[0], want)
    assert 0.0 <= size <= abs(want)
    if fill != "passive":
        assert size == abs(want)
    elif not low <= 99.95 - 0.01:
        assert size == 0.0
    assert order[["state", "qty", "filled", "leaves", "target"]].tolist() == before


@every
@given(qty=sizes, fill=fills, when=st.sampled_from([OPEN, CLOSE, FLATTEN]))
def test_a_fill_is_of_the_quantity_asked_and_its_price_is_the_mid_and_its_costs(
    broker: Broker, qty: float, fill: str, when: int
) -> None:
    """qty (price - mid) = spread + impact; the mid is that of the instant; order and row stay as they are."""
    order, quote = order_new(qty), market()
    before = order.tobytes(), quote.tobytes()
    got = broker.execute(order, rule(fill), quote[0], qty, when)
    assert got.qty == qty
    assert got.mid == (100.0 if when == OPEN else 100.02)
    assert got.at_close == (when != OPEN)
    assert 0.0 < got.price < np.inf
    assert qty * (got.price - got.mid) == pytest.approx(got.spread_cost + got.impact, abs=1e-9)
    assert got.fee == pytest.approx(1e-4 * abs(qty) * got.price)
    assert (order.tobytes(), quote.tobytes()) == before


@every
@pytest.mark.parametrize("want", [100.0, -100.0, 0.0])
def test_an_order_that_rests_keeps_its_place_and_only_that_is_noted(broker: Broker, want: float) -> None:
    """Units ahead never grow while its price stands; all else of the order is the step's."""
    order, kept = order_new(want), ("target", "weight", "state", "qty", "filled", "leaves", "bid", "ask", "decided")
    before = order[list(kept)].tolist()
    broker.rest(order, market(depth_bid=300.0, depth_ask=300.0)[0], want)
    first = float(order["queue_ahead"])
    same = row(100.0, 100.0, half=0.05, depth_bid=500.0, depth_ask=500.0)
    order["bid"], order["ask"] = same["bid_close"][0], same["ask_close"][0]
    before = order[list(kept)].tolist()
    broker.rest(order, same[0], want)
    assert order["queue_ahead"] <= first or want == 0.0
    assert order[list(kept)].tolist() == before


@every
def test_the_same_order_on_the_same_row_is_filled_the_same(broker: Broker) -> None:
    """To the bit: a broker has no memory but the order's place in its queue."""
    found = []
    for _ in range(2):
        order = order_new(100.0)
        found.append((broker.executable(order, rule("cross"), market()[0], 100.0),
                      broker.execute(order, rule("cross"), market()[0], 100.0, OPEN)))  # fmt: skip
    assert found[0] == found[1]


class Desk:
    """One symbol's order behind a broker, carried as hfm.orders.protocol says; keeps each change of its state."""

    def __init__(self, broker: Broker, params: Any) -> None:
        self.broker, self.params, self.order = broker, params, np.zeros(1, ORDER)[0]
        self.held, self.changes, self.fills = 0.0, list[tuple[int, int]](), list[Fill]()

    def do(self, kernel: Callable[..., None], *arguments: float) -> None:
        """One kernel of the order's records, and what it makes of the state; cancel and new are two changes."""
        before, was_open = int(self.order["state"]), orders.is_open(self.order)
        kernel(self.order, *arguments)
        after = int(self.order["state"])
        if after == NEW and was_open:
            self.changes += [(before, CANCELLED), (CANCELLED, NEW)]
        elif after != before or kernel is orders.fill:
            self.changes.append((before, after))

    def open(self, quote: Any) -> None:
        """A row's open: rejected without a price, else accepted and filled as far as the broker can."""
        want = float(self.order["target"]) - self.held
        self.do(orders.request, want)
        if want == 0.0:
            return
        if not quoted(quote["mid_open"], quote["bid_open"], quote["ask_open"]):
            self.do(orders.reject)
            return
        self.do(orders.accept)
        size = self.broker.executable(self.order, self.params, quote, want)
        if size > 0.0:
            self.fills.append(self.broker.execute(self.order, self.params, quote, np.copysign(size, want), OPEN))
            self.held += self.fills[-1].qty
            self.do(orders.fill, self.fills[-1].qty, want - self.fills[-1].qty)

    def close(self, quote: Any, target: float) -> None:
        """A row's close: the next order is asked for, or the session's end ends it; what is left rests."""
        self.order["target"] = 0.0 if quote["is_last"] else target
        if quote["is_last"]:
            self.do(orders.expire)
        else:
            self.do(orders.request, target - self.held)
        self.broker.rest(self.order, quote, float(self.order["leaves"]))
        self.order["bid"], self.order["ask"] = quote["bid_close"], quote["ask_close"]


targets = st.lists(st.sampled_from([0.0, 50.0, 100.0, -100.0]), min_size=2, max_size=8)
opens = st.lists(st.sampled_from([100.0, 99.94, 100.06, np.nan, 0.0]), min_size=8, max_size=8)


@every
@given(targets=targets, opens=opens, fill=fills, queue=st.booleans(), volume=st.sampled_from([0.0, 700.0, np.nan]))
def test_an_order_is_acknowledged_filled_in_parts_and_ended_by_no_other_transition(
    broker: Broker, targets: list[float], opens: list[float], fill: str, queue: bool, volume: float
) -> None:
    """By the table of the orders' page: nothing is filled before it is accepted, or after its end; parts add up."""
    desk = Desk(broker, rule(fill, queue=queue))
    for number, target in enumerate(targets):
        quote = row(opens[number], 100.0, half=0.05, last=number == len(targets) - 1, volume=volume, trade_low=99.95,
                    trade_high=100.05, signed_volume=0.0, depth_bid=300.0, depth_ask=300.0)[0]  # fmt: skip
        desk.open(quote)
        order = desk.order
        if orders.is_open(order):
            assert order["filled"] + order["leaves"] == pytest.approx(order["qty"])
        else:
            assert order["leaves"] == 0.0
        desk.close(quote, target)
    assert {(a, b) for a, b in desk.changes if b not in TRANSITIONS[a]} == set()
    assert sum(fill.qty for fill in desk.fills) == pytest.approx(desk.held)
    assert not orders.is_open(desk.order)


@every
def test_asking_again_for_the_same_changes_nothing(broker: Broker) -> None:
    """A request, an acknowledgement, a refusal and an end that come twice find the order as it is."""
    desk = Desk(broker, rule("cross"))
    desk.order["target"] = 100.0
    for kernel, arguments, state in (
        (orders.request, (100.0,), NEW), (orders.accept, (), ACCEPTED), (orders.reject, (), ACCEPTED),
        (orders.request, (100.0,), ACCEPTED), (orders.cancel, (), CANCELLED), (orders.cancel, (), CANCELLED),
        (orders.expire, (), CANCELLED), (orders.accept, (), CANCELLED),
    ):  # fmt: skip
        desk.do(kernel, *arguments)
        assert desk.order["state"] == state
    desk.open(market()[0])
    assert (desk.order["state"], desk.held) == (FILLED, 100.0)
    before = desk.order.tobytes()
    desk.open(market()[0])
    assert (desk.order.tobytes(), len(desk.fills)) == (before, 1)


@every
def test_an_open_without_a_price_is_a_rejection_and_the_next_one_fills(broker: Broker) -> None:
    """The broker is not asked; what is still wanted is another order."""
    desk = Desk(broker, rule("cross"))
    desk.order["target"] = 100.0
    desk.open(market(mid_open=np.nan)[0])
    assert (desk.order["state"], desk.order["leaves"], desk.held) == (REJECTED, 0.0, 0.0)
    desk.open(market()[0])
    assert desk.changes == [(NONE, NEW), (NEW, REJECTED), (REJECTED, NEW), (NEW, ACCEPTED), (ACCEPTED, FILLED)]

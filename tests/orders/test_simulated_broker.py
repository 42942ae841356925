"""The simulated broker: fill modes by hand."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hfm.ledger import reasons
from hfm.tables.records import Records
from tests.ledger.market import FREE, day, markets, play, symbols_of

HALF = dataclasses.replace(FREE, spread_share=0.75)


@pytest.mark.parametrize(("mode", "price"), [("next-open", 100.075), ("next-mid", 100.0), ("cross", 100.1)])
def test_what_a_buyer_pays_at_the_next_open(mode: str, price: float) -> None:
    """Mid 100, quoted 20 cents: three quarters of half of it, nothing, or all of half of it."""
    out, _, _ = play(day([100.0] * 4, [1, 1, 1, 1], half=0.1), dataclasses.replace(HALF, fill=mode))
    assert out["px_open"][1] == pytest.approx(price, abs=1e-12)
    assert out["spread_cost"][1] == pytest.approx(100 * (price - 100), abs=1e-9)
    assert out["px_close"][3] == pytest.approx(99.9)


def test_a_seller_receives_as_much_less() -> None:
    """The mirror image."""
    out, _, _ = play(day([100.0] * 4, [-1] * 4, half=0.1), dataclasses.replace(HALF, fill="cross"))
    assert out["px_open"][1] == pytest.approx(99.9)
    assert out["px_close"][3] == pytest.approx(100.1)


def test_a_passive_order_is_filled_only_through_its_price() -> None:
    """A trade at the limit is not enough, a tick below it is; the spread is then earned, not paid."""
    settings = dataclasses.replace(FREE, fill="passive")
    rows = day([100.0] * 5, [1] * 5, half=0.1)
    rows["trade_low"][1] = 99.9  # the order rests at 99.9
    rows["trade_low"][2] = 99.89
    out, _, _ = play(rows, settings)
    assert out["qty_open"].tolist() == [0, 0, 100, 0, 0]
    assert out["px_open"][2] == 99.9
    assert out["spread_cost"][2] == pytest.approx(-10.0)
    assert int(out["reason"][1]) == reasons.UNFILLED
    rows["trade_low"][1] = np.nan
    assert play(rows, settings)[0]["qty_open"][1] == 0


def test_a_passive_seller_rests_at_the_ask() -> None:
    """Filled by a trade a tick above, at the ask."""
    rows = day([100.0] * 4, [-1] * 4, half=0.1)
    rows["trade_high"][1] = 100.11
    out, _, _ = play(rows, dataclasses.replace(FREE, fill="passive"))
    assert out[["qty_open", "px_open"]][1].tolist() == (-100, 100.1)


def test_a_passive_position_carried_over_a_missing_close_leaves_at_market() -> None:
    """No order rests overnight; what must be flat is made flat."""
    first = day([100.0] * 3, [1] * 3, half=0.1)
    first["trade_low"][1] = 99.0
    first["is_last"][-1] = 0
    out, _, _ = play(np.concatenate([first, day([100.0] * 2, [0, 0], half=0.1, session=1)]),
                     dataclasses.replace(HALF, fill="passive"))  # fmt: skip
    assert out[["qty_open", "position"]][3].tolist() == (-100, 0)
    assert out["px_open"][3] == pytest.approx(99.925)


def test_the_look_ahead_fill_trades_at_its_own_close() -> None:
    """The same row, half-spread paid, flat at the end all the same."""
    out, trips, _ = play(day([100.0, 101.0, 102.0], [1, 0, 0], half=0.1), dataclasses.replace(HALF, fill="close"))
    assert out[["qty_close", "position"]][0].tolist() == (100, 100)
    assert out["px_close"][0] == pytest.approx(100.075)
    assert out["position"][1] == 0
    assert trips["bars"][0] == 1
    assert trips["gross"][0] == pytest.approx(100)


def test_held_overnight_a_position_stays_and_pays_borrow() -> None:
    """No fill at the close, the gap is earned, the night is paid."""
    settings = dataclasses.replace(FREE, hold_overnight=True, borrow=0.365)
    rows = np.concatenate([day([100.0] * 3, [-1] * 3), day([98.0, 98.0], [-1, 0], session=1)])
    out, trips, _ = play(rows, settings)
    assert out["position"].tolist() == [0, -100, -100, -100, -100]
    assert out["gross_pnl"][3] == pytest.approx(200)
    assert out["borrow"][3] == pytest.approx(100 * 100 * 0.365 / 365)
    assert not len(trips)


def queue_day(trades: list[tuple[float, float]], depth: list[float]) -> Records:
    """Rows with a quote of 99.9 / 100.1: (lowest trade, shares sold) of each, and the depth at the bid."""
    rows = day([100.0] * len(trades), [1] * len(trades), half=0.1)
    rows["depth_bid"] = depth
    for row, (low, sold) in zip(rows, trades, strict=True):
        row["trade_low"], row["volume"], row["signed_volume"] = low, sold, -sold
    return rows


def test_a_passive_order_waits_for_its_turn_in_the_queue() -> None:
    """500 ahead; 300 trade at the price, then 250: 50 of our 100 are done, the next 20 and the rest follow."""
    settings = dataclasses.replace(FREE, fill="passive", queue=True)
    trades = [(100.0, 0.0), (99.9, 300.0), (99.9, 250.0), (99.9, 20.0), (100.0, 900.0), (99.9, 1e4), (100.0, 0.0)]
    rows = queue_day(trades, [500.0, 900.0, 900.0, 900.0, 900.0, 900.0, 900.0])
    out, trips, _ = play(rows, settings)
    assert out["qty_open"].tolist() == [0, 0, 50, 20, 0, 30, 0]
    assert (out["px_open"][[2, 3, 5]] == 99.9).all()
    assert int(out["reason"][2]) & reasons.UNFILLED
    assert len(trips) == 1
    assert trips["qty"][0] == 100
    assert not play(rows, dataclasses.replace(settings, queue=False))[0]["position"][:-1].any()


def test_an_order_keeps_its_place_only_at_its_price() -> None:
    """Cancels ahead bring it forward; a new best price puts it at the end of another queue."""
    settings = dataclasses.replace(FREE, fill="passive", queue=True)
    rows = queue_day([(100.0, 0.0), (100.0, 0.0), (99.9, 150.0), (100.0, 0.0)], [500.0, 120.0, 900.0, 900.0])
    assert play(rows, settings)[0]["qty_open"][2] == 30
    rows["bid_close"][1] = 99.95
    rows["trade_low"][2] = 99.95
    assert play(rows, settings)[0]["qty_open"][2] == 30  # behind the 120 that the new price shows
    rows["depth_bid"][1] = np.nan
    assert play(rows, settings)[0]["qty_open"][2] == 0  # a queue of unknown length


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf, 0.0, -1.0])
@pytest.mark.parametrize("side", [1, -1])
def test_no_order_rests_at_a_bad_price_or_is_hit_by_one(bad: float, side: int) -> None:
    """The quote of the decision, or the trade of the next row, is no price: unfilled."""
    settings = dataclasses.replace(FREE, fill="passive")
    for place in ("bid_close", "ask_close"):
        rows = day([100.0] * 3, [side] * 3, half=0.1)
        rows["trade_low"][1], rows["trade_high"][1], rows[place][0] = 99.0, 101.0, bad
        filled = play(rows, settings).out[["qty_open", "px_open"]][1]
        rests_here = (place == "bid_close") == (side > 0)
        assert not filled[0] if rests_here else np.isfinite(filled[0])
        assert not np.isinf(filled[1])
    rows = day([100.0] * 3, [side] * 3, half=0.1)
    rows["trade_low" if side > 0 else "trade_high"][1] = bad
    assert play(rows, settings)[0]["qty_open"][1] == 0


@given(markets(), st.sampled_from(["next-open", "next-mid", "cross", "passive", "close"]), st.booleans())
def test_identities_hold_in_every_mode(rows: Records, mode: str, hold: bool) -> None:
    """equity = cash + position x mark and net = change of equity, whatever the fill."""
    rows = rows[rows["symbol"] == 0]
    out, _, _ = play(rows, dataclasses.replace(HALF, fill=mode, hold_overnight=hold, borrow=0.05, impact=0.7))
    worth = out["cash"] + out["position"] * out["mark"]
    np.testing.assert_allclose(out["equity"], worth, atol=1e-8)
    np.testing.assert_allclose(np.diff(out["equity"], prepend=FREE.cash), out["net_pnl"], atol=1e-8)


@given(markets())
def test_the_order_of_the_modes_at_the_same_trades(rows: Records) -> None:
    """Crossing never earns more than three quarters of the half-spread, and that never more than the mid."""
    one = dataclasses.replace(HALF, cash=1e6, size=150 * symbols_of(rows) / 1e6)
    nets = []
    for mode in ("next-mid", "next-open", "cross"):
        out, _, _ = play(rows, dataclasses.replace(one, fill=mode), symbols=symbols_of(rows))
        nets.append(out["net_pnl"].sum())
    assert nets[0] >= nets[1] - 1e-6
    assert nets[1] >= nets[2] - 1e-6

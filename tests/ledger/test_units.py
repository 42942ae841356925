"""Ticks and lots: by symbol and market, and what a ledger in parts of a unit comes to."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hfm.backtest.ledger_tables import edges
from hfm.backtest.sweep.summary_ledger import rows_of, summarise, workspace
from hfm.backtest.sweep.thresholds import sweep
from hfm.config import Backtest
from hfm.errors import DataError
from hfm.ledger import ledger_records as rec
from hfm.ledger import reasons, units
from hfm.ledger.account import equity, params_new, state_new
from hfm.tables import TableMeta
from hfm.tables.records import Records
from tests.ledger.market import FREE, day, markets, play, random_rows, symbols_of, turned

COSTLY = Backtest(cash=10_000.0, fee_bps=1.0, spread_share=0.75, borrow=0.05, impact=0.7)
LOTS = (1.0, 1e-8, 1e-3, 0.25, 0.3, 7.0, 100.0)
RULES: tuple[dict[str, Any], ...] = (
    {}, {"participation": 1e-5}, {"max_turnover": 1.3}, {"max_gross": 0.77}, {"max_net": 0.31}, {"throttle": 2},
    {"fill": "cross"}, {"fill": "passive"}, {"hold_overnight": True}, {"daily_loss": 0.01}, {"sizing": "vol"},
    {"max_position": 7.3},
)  # fmt: skip


def in_lots(size: np.ndarray, lot: float) -> bool:
    """Whether sizes are whole lots, as far as a float can tell."""
    return bool((np.abs(size / lot - np.rint(size / lot)) < 1e-3 + 1e-15 * np.abs(size) / lot).all())


@given(markets(), st.sampled_from(LOTS), st.sampled_from(RULES), st.sampled_from([1.0, 60_000.0, 3e-7]))
def test_positions_are_whole_lots_and_the_books_add_up(
    rows: Records, lot: float, rule: dict[str, Any], price: float
) -> None:
    """At any price: no dust is left or traded, trips and rows add up to the change of equity, each to a cent."""
    rows, count = rows.copy(), symbols_of(rows)
    for place in ("mid_open", "bid_open", "ask_open", "mid_close", "bid_close", "ask_close",
                  "trade_high", "trade_low", "cash_dividend"):  # fmt: skip
        rows[place] *= price / 100.0
    rows["volume"] *= 100.0 / price
    rows["adv"] *= 100.0 / price
    rows["ret_sd_bps"] = 5.0
    settings = dataclasses.replace(COSTLY, **rule)
    params = params_new(settings, count, 1e-4 * price, 19_500.0, lot)
    out, trips, state = play(rows, settings, symbols=count, params=params)
    for place in ("target", "position"):
        assert in_lots(out[place], lot)
    for place in ("qty_open", "qty_close"):
        traded = np.abs(out[place])
        assert ((traded == 0) | (traded > 0.999 * lot)).all()
    np.testing.assert_allclose(out["equity"][-1], settings.cash + out["net_pnl"].sum(), atol=1e-6)
    flat = state.symbol["qty"]
    if not flat.any():
        np.testing.assert_allclose(trips["net"].sum(), out["net_pnl"].sum(), atol=1e-6)


@given(markets(), st.sampled_from(LOTS), st.sampled_from(["next-open", "next-mid", "cross"]))
def test_the_short_cuts_trade_the_same_lots(rows: Records, lot: float, fill: str) -> None:
    """The summary and the batched ledgers of sweeps give what the step gives, to rounding."""
    settings, count = dataclasses.replace(COSTLY, fill=fill), symbols_of(rows)
    rows = rows.copy()
    _, rows["block"] = np.unique(rows["session"] * 2 + rows["symbol"], return_inverse=True)
    mid = rows["mid_close"]
    rows["mark_sum"] = np.cumsum(np.where((mid > 0) & (mid < np.inf), mid, 0.0))
    params = params_new(settings, count, 0.01, 1.0, lot)
    out, trips, _ = play(rows, settings, symbols=count, params=params)
    codes = rows["target"].astype(np.int8) + edges(rows)
    score = rows["target"].copy()
    params["keep_trips"] = 0.0
    net, ended = sweep(rows.copy(), score, np.array([0.5]), params, settings.cash)
    assert net[0] == pytest.approx(out["equity"][-1] - settings.cash, abs=1e-6)
    assert ended[0] == len(trips)
    sums = np.zeros(int(rows["block"].max()) + 1, rec.BLOCK_SUMS)
    state = state_new(settings.cash, count)
    summarise(state, params, rows_of(rows), codes, sums, workspace(len(rows)))
    assert equity(state) == pytest.approx(out["equity"][-1], abs=1e-6)
    assert sums["trips"].sum() == len(trips)


@pytest.mark.parametrize("lot", [1e-8, 1e-3, 1.0])
def test_a_lot_that_is_small_beside_the_position_changes_little(lot: float) -> None:
    """Ten thousand in a coin at 64,000: nothing in whole ones, and in parts what a cheap share would have made."""
    rows = random_rows(3, 40, seed=5)
    dear = rows.copy()
    for place in ("mid_open", "bid_open", "ask_open", "mid_close", "bid_close", "ask_close"):
        dear[place] *= 640.0
    dear["adv"] /= 640.0
    fine = play(rows, COSTLY, params=params_new(COSTLY, 1, 0.01, 1.0, 1e-8))[0]["equity"][-1] - COSTLY.cash
    out, trips, _ = play(dear, COSTLY, params=params_new(COSTLY, 1, 0.01, 1.0, lot))
    net = out["equity"][-1] - COSTLY.cash
    if lot == 1.0:
        assert len(trips) == net == 0
        bits = out["reason"].astype(int)
        assert ((bits & reasons.BELOW_LOT != 0) == (out["signal"] != 0)).all()
    else:
        assert net == pytest.approx(fine, rel=0.05 if lot == 1e-3 else 1e-5)
        assert not (out["reason"].astype(int) & reasons.BELOW_LOT).any()


def test_a_position_turned_over_in_parts_of_a_unit_leaves_no_dust() -> None:
    """.1 + .2 is not .3 to a processor: from long to short and back the position is the target, to the bit."""
    closes = [61_234.5, 61_100.7, 60_987.6, 61_010.1, 61_333.3, 61_301.9]
    rows = day(closes, [1.0, -1.0, 1.0, -1.0, 1.0, 0.0], half=0.05)
    out, trips, state = play(rows, FREE, params=params_new(FREE, 1, 0.1, 1.0, 1e-8))
    assert (out["position"][1:-1] == out["target"][:-2]).all()
    assert state.symbol["qty"][0] == 0.0
    assert len(trips) == 5
    assert trips["qty"][0] == pytest.approx(0.1633066)


def test_each_symbol_trades_through_its_own_tick() -> None:
    """Two symbols at one price: a low of .05 below the bid fills the one whose tick is .05, and not that of .1."""
    passive = dataclasses.replace(FREE, fill="passive")
    both = [day([100.0, 100.0, 100.0], [1.0, 1.0, 0.0], symbol=s) for s in (0, 1)]
    for rows in both:
        rows["trade_low"] = 100.0 - 0.05
    rows = turned(*both)
    out = play(rows, passive, symbols=2, params=params_new(passive, 2, (0.05, 0.1)))[0]
    assert out["position"][2] > 0
    assert out["position"][3] == 0
    assert int(out["reason"][3]) & reasons.UNFILLED


def test_whole_units_are_what_they_were() -> None:
    """lot 1: the sizes are floors, bit by bit."""
    rows = random_rows(4, 60, seed=2)
    out = play(rows, COSTLY)[0]
    new = np.flatnonzero((out["target"][1:] != out["target"][:-1]) & (out["target"][1:] != 0)) + 1
    first = np.searchsorted(rows["session"], rows["session"][new])
    opening = np.where(first > 0, out["equity"][first - 1], COSTLY.cash)
    np.testing.assert_array_equal(np.abs(out["target"][new]), np.floor(opening / rows["mid_close"][new]))


@pytest.mark.parametrize(
    ("lot", "calendar", "size"),
    [(None, "XNYS", 1.0), (None, "24/7", 1e-8), (None, "24/5", 1.0), (0.001, "24/7", 0.001), (100.0, "XTKS", 100.0),
     (None, "", 1.0)],
)  # fmt: skip
def test_the_lot_is_the_market_s_unless_it_is_asked_for(lot: float | None, calendar: str, size: float) -> None:
    """Coins in parts, the rest whole."""
    assert units.lot_size(Backtest(lot=lot), calendar) == size


def test_ticks_of_a_quotes_table_with_and_without_one_a_symbol() -> None:
    """A table of before has one tick for all."""
    assert units.tick_sizes(TableMeta(tick=0.01), ["A", "B"]) == [0.01, 0.01]
    assert units.tick_sizes(TableMeta(tick=0.5, ticks={"B": 1e-8}), ["A", "B"]) == [0.5, 1e-8]
    with pytest.raises(DataError, match="tick of A"):  # else a passive order would be reached by any price
        units.tick_sizes(TableMeta(ticks={"B": 1e-8}), ["A", "B"])


@pytest.mark.parametrize(
    ("size", "text"), [(0.0, "0"), (-12.0, "-12"), (0.17400001, "0.17400001"), (0.5, "0.5"), (1e6, "1000000")]
)
def test_an_amount_has_the_decimals_that_it_needs(size: float, text: str) -> None:
    """Whole ones none."""
    assert units.amount(size) == text


def test_units_are_shares_where_stocks_trade() -> None:
    """And units elsewhere."""
    assert [units.unit_name(c) for c in ("XNYS", "XTKS", "24/7", "24/5")] == ["shares", "shares", "units", "units"]

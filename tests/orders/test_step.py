"""The step of a row: by hand, against plain Python and decimals, and its laws as properties."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hfm.config import Backtest
from hfm.ledger import ledger_records as rec
from hfm.ledger import reasons
from hfm.ledger.account import equity
from hfm.tables.records import Records
from tests.ledger.market import (
    FREE,
    Played,
    assert_equal,
    day,
    markets,
    play,
    random_rows,
    row,
    symbols_of,
    turned,
    unjitted,
)  # fmt: skip
from tests.ledger.oracle import Ledger

COSTLY = Backtest(cash=10_000.0, fee_bps=1.0, spread_share=0.75, borrow=0.05, impact=0.7)
NOTE = {"spread": "spread_cost", "fee": "fee", "impact": "impact", "borrow": "borrow", "gross": "gross_pnl",
        "dividend": "dividend", "net": "net_pnl", "cash": "cash", "position": "position",
        "equity": "equity"}  # fmt: skip


def test_four_bars_by_hand() -> None:
    """Long 100 at 100.075, turned over at 101.925, short 98 bought back at the ask of the close."""
    rows = day([100.0, 101.0, 102.0, 103.0], [1, 1, -1, 1], start=100.0, half=0.1)
    out, trips, state = play(rows, dataclasses.replace(COSTLY, impact=0.0))
    assert out["qty_open"].tolist() == [0, 100, 0, -198]
    assert out["px_open"][1] == pytest.approx(100.075, abs=1e-12)
    assert out["px_open"][3] == pytest.approx(101.925, abs=1e-12)
    assert out[["qty_close", "px_close"]][3].tolist() == (98, 103.1)
    assert out["position"].tolist() == [0, 100, 100, 0]
    assert out["signal"].tolist() == [1, 1, -1, 0]
    assert out["gross_pnl"].sum() == pytest.approx(102.0, abs=1e-9)
    assert out["spread_cost"].sum() == pytest.approx(7.5 + 14.85 + 9.8, abs=1e-9)
    assert out["fee"].sum() == pytest.approx(4.029245, abs=1e-9)
    assert equity(state) == pytest.approx(10_065.820755, abs=1e-9)
    assert trips["net"] == pytest.approx([182.98, -117.159245], abs=1e-9)
    assert trips["qty"].tolist() == [100, 98]
    assert trips["side"].tolist() == [1, -1]
    assert trips["bars"].tolist() == [2, 1]
    assert trips["reason"].tolist() == [reasons.SIGNAL, reasons.SESSION_END]
    assert trips["seq"].tolist() == [1, 3]
    assert trips["time"].tolist() == [300e9, 900e9]
    assert trips["exit_time"].tolist() == [900e9, 1200e9]


def test_a_signal_of_the_last_row_is_never_acted_on() -> None:
    """Nothing is held overnight, and the next session starts flat."""
    rows = np.concatenate([day([100.0, 100.0], [0, 1]), day([100.0, 100.0], [0, 0], session=1)])
    out, trips, _ = play(rows)
    assert not out["position"].any()
    assert not out["signal"].any()
    assert not len(trips)


def test_a_position_is_held_while_the_signal_keeps_its_sign() -> None:
    """No rebalancing as the price moves: one fill in, one out."""
    out, _, _ = play(day([100.0, 110.0, 120.0, 130.0, 140.0], [1, 1, 1, 0, 0]))
    assert out["qty_open"].tolist() == [0, 100, 0, 0, -100]


def test_the_size_is_whole_shares_of_the_sessions_opening_equity() -> None:
    """The second session's size stands on what the first one left, shared by the symbols."""
    rows = np.concatenate([day([100.0, 110.0], [1, 0]), day([99.0, 99.0], [1, 0], session=1)])
    out, _, _ = play(rows)
    assert out["qty_open"][3] == np.floor(11_000 / 99.0) == 111
    both, _, _ = play(rows, symbols=2)
    assert both["qty_open"][1] == 50


def test_a_missing_last_row_is_flattened_at_the_next_open_and_pays_borrow_over_the_nights() -> None:
    """A short carried from Friday to Monday: three nights of borrow, the dividend, and the flag."""
    friday = day([100.0, 100.0, 100.0], [-1, -1, -1])
    friday["is_last"][-1] = 0
    monday = day([101.0, 101.0], [0, 0], session=3)
    monday["cash_dividend"][0] = 0.25
    out, trips, state = play(np.concatenate([friday, monday]), dataclasses.replace(FREE, borrow=0.0365))
    assert out["position"][2] == -100
    assert out[["position", "qty_open"]][3].tolist() == (0, 100)
    assert out["borrow"][3] == pytest.approx(100 * 100 * 0.0365 * 3 / 365)
    assert out["dividend"][3] == pytest.approx(-25.0)
    assert int(out["reason"][3]) & reasons.CARRIED
    assert out["gross_pnl"][3] == pytest.approx(-100.0)
    assert equity(state) == pytest.approx(10_000 - 100 - 25 - 3.0)
    assert int(trips["reason"][0]) == reasons.CARRIED
    assert trips[["borrow", "dividend", "net"]][0].tolist() == pytest.approx((3.0, -25.0, -128.0))


def test_a_split_overnight_changes_shares_and_not_worth() -> None:
    """Two for one: twice the shares at half the price, no profit."""
    first = day([100.0, 100.0], [1, 1])
    first["is_last"][-1] = 0
    second = day([50.0, 50.0], [0, 0], session=1)
    second["split_ratio"][0] = 2.0
    out, trips, state = play(np.concatenate([first, second]))
    assert out["qty_open"][2] == -200
    assert equity(state) == 10_000
    assert trips[["qty", "entry_price", "exit_price"]][0].tolist() == (200, 50, 50)


def test_impact_is_the_square_root_law() -> None:
    """Y x sigma x sqrt(Q / ADV) over the price, on both sides."""
    rows = day([100.0, 100.0, 100.0], [1, 1, 1])
    rows["sigma_day"], rows["adv"] = 0.02, 400.0
    out, _, _ = play(rows, dataclasses.replace(FREE, impact=0.5))
    assert out["px_open"][1] == pytest.approx(100 * (1 + 0.5 * 0.02 * 0.5))
    assert out["impact"].sum() == pytest.approx(2 * 100 * 0.5)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf, 0.0, -1.0])
@pytest.mark.parametrize("place", ["mid_open", "bid_open", "ask_open"])
def test_a_bad_price_at_the_open_waits_for_the_next_row(bad: float, place: str) -> None:
    """Nothing is filled, the reason is flagged, and the order is carried out a row later."""
    rows = day([100.0] * 4, [1, 1, 1, 1])
    rows[place][1] = bad
    out, _, _ = play(rows)
    assert out["qty_open"].tolist() == [0, 0, 100, 0]
    assert int(out["reason"][1]) == reasons.NO_PRICE


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf, 0.0, -1.0])
@pytest.mark.parametrize("place", ["mid_close", "bid_close", "ask_close"])
def test_a_bad_price_at_the_last_close_is_flattened_at_the_next_open(bad: float, place: str) -> None:
    """The position stays, flagged, with a finite equity, and ends at the next session's open."""
    rows = np.concatenate([day([100.0] * 3, [1, 1, 1]), day([100.0] * 2, [0, 0], session=1)])
    rows[place][2] = bad
    out, _, _ = play(rows)
    assert out["position"][2] == 100
    assert int(out["reason"][2]) & reasons.NO_PRICE
    assert out["position"][3] == 0
    assert np.isfinite(out["equity"]).all()


def test_a_mid_outside_its_quote_does_not_fill() -> None:
    """A crossed or displaced quote is no price."""
    rows = day([100.0] * 3, [1, 1, 1], half=0.1)
    rows["bid_open"][1], rows["ask_open"][1] = 100.1, 100.2
    out, _, _ = play(rows)
    assert out["qty_open"][1] == 0


def test_a_nan_signal_counts_as_flat() -> None:
    """A row without a prediction closes the position."""
    out, _, _ = play(day([100.0] * 4, [1, np.nan, 0, 0]))
    assert out["position"].tolist() == [0, 100, 0, 0]


def test_symbols_share_cash_and_equity() -> None:
    """Two symbols at the same instants: each holds half, equity values both at every row."""
    a, b = day([100.0, 101.0, 101.0], [1, 1, 1]), day([50.0, 49.0, 49.0], [1, 1, 1], symbol=1)
    rows = turned(a, b)
    out, _, _ = play(rows, symbols=2)
    assert out[["qty_open", "cash"]][2].tolist() == (50, 5000)
    assert out[["qty_open", "cash", "equity"]][3].tolist() == (100, 0, 9_950)


@given(markets())
def test_every_identity_holds_at_every_row(rows: Records) -> None:
    """equity = cash + sum(position x mark); net = its parts = the change of equity; trips add up."""
    out, trips, state = play(rows, COSTLY, symbols=symbols_of(rows))
    tolerance = 1e-9 * COSTLY.cash
    assert all(np.isfinite(out[name]).all() for name in ("equity", "cash", "net_pnl", "mark"))
    worth = np.zeros(symbols_of(rows))
    before = COSTLY.cash
    for line, given_row in zip(out, rows, strict=True):
        worth[int(given_row["symbol"])] = line["position"] * line["mark"]
        assert line["equity"] == pytest.approx(line["cash"] + worth.sum(), abs=tolerance)
        costs = sum(line[name] for name in ("spread_cost", "fee", "impact", "borrow"))
        assert line["net_pnl"] == pytest.approx(line["gross_pnl"] - costs + line["dividend"], abs=tolerance)
        assert line["equity"] - before == pytest.approx(line["net_pnl"], abs=tolerance)
        before = line["equity"]
    if not state.symbol["qty"].any():
        assert trips["net"].sum() == pytest.approx(equity(state) - COSTLY.cash, abs=tolerance)


@given(markets())
def test_it_agrees_with_the_decimal_ledger(rows: Records) -> None:
    """Every column of every row to 1e-9 of starting cash."""
    out, _, _ = play(rows, COSTLY, symbols=symbols_of(rows))
    oracle = Ledger(COSTLY, symbols_of(rows))
    for given_row in rows:
        oracle.take(given_row)
    for name, place in NOTE.items():
        expected = [float(line[name]) for line in oracle.lines]
        assert out[place] == pytest.approx(expected, abs=1e-9 * COSTLY.cash), name


def test_the_compiled_kernel_equals_plain_python_bit_for_bit(monkeypatch: pytest.MonkeyPatch) -> None:
    """The reference is the same source without numba, over thousands of rows of two symbols."""
    rows = random_rows(12, 20, symbols=2, seed=4)
    rows["mid_open"][100] = rows["bid_close"][200] = np.nan
    fast = play(rows, COSTLY, symbols=2)
    plain = unjitted(monkeypatch)
    with np.errstate(all="ignore"):
        slow = play(rows, COSTLY, symbols=2, module=plain)
    assert_equal(fast, slow)


@given(markets())
def test_without_signals_cash_is_untouched(rows: Records) -> None:
    """Whatever the prices do."""
    rows["target"] = 0
    out, trips, state = play(rows, COSTLY, symbols=symbols_of(rows))
    assert (out["cash"] == COSTLY.cash).all()
    assert not len(trips)
    assert equity(state) == COSTLY.cash


@given(
    st.integers(0, 10_000),
    st.sampled_from(["fee_bps", "spread_share", "impact"]),
    st.floats(0.0, 1.0),
    st.floats(0.0, 1.0),
)
def test_more_cost_is_never_more_profit_at_the_same_trades(seed: int, name: str, a: float, b: float) -> None:
    """One share, so that costs cannot change a size: net falls, gross stays."""
    rows = random_rows(2, 12, seed=seed)
    one = dataclasses.replace(COSTLY, cash=1e6, size=150 / 1e6)
    low, high = sorted((a, b))
    cheap, _, _ = play(rows, dataclasses.replace(one, **{name: low}))
    dear, _, _ = play(rows, dataclasses.replace(one, **{name: high}))
    np.testing.assert_array_equal(cheap["position"], dear["position"])
    np.testing.assert_array_equal(cheap["gross_pnl"], dear["gross_pnl"])
    assert dear["net_pnl"].sum() <= cheap["net_pnl"].sum() + 1e-9


@given(st.integers(0, 10_000))
def test_a_mirrored_market_with_mirrored_signals_makes_the_same_money(seed: int) -> None:
    """Prices reflected at 100, signals turned, bid and ask exchanged: the same P&L row by row."""
    rows = random_rows(2, 12, seed=seed)
    mirror = rows.copy()
    mirror["target"] *= -1
    for when in ("open", "close"):
        mid, bid, ask = (f"{side}_{when}" for side in ("mid", "bid", "ask"))
        mirror[mid] = 200.0 - rows[mid]
        mirror[bid], mirror[ask] = 200.0 - rows[ask], 200.0 - rows[bid]
    one = dataclasses.replace(FREE, cash=1e6, size=150 / 1e6, spread_share=0.75)
    a, _, _ = play(rows, one)
    b, _, _ = play(mirror, one)
    np.testing.assert_allclose(a["position"], -b["position"])
    np.testing.assert_allclose(a["net_pnl"], b["net_pnl"], atol=1e-9)


@settings(max_examples=40)
@given(markets(), st.data())
def test_a_run_split_at_any_row_and_resumed_equals_one_run(rows: Records, data: st.DataObject) -> None:
    """The state is all there is: bit-equal ledgers, trips and final state."""
    cut = data.draw(st.integers(0, len(rows)))
    count = symbols_of(rows)
    one = play(rows, COSTLY, symbols=count)
    first, early, state = play(rows[:cut], COSTLY, symbols=count)
    second, late, state = play(rows[cut:], COSTLY, symbols=count, state=state.copy())
    assert_equal(one, Played(np.concatenate([first, second]), np.concatenate([early, late]), state))


def test_an_empty_ledger_and_a_single_row() -> None:
    """No rows: no change. One row: its signal has no next row."""
    out, trips, state = play(np.empty(0, rec.LEDGER_ROW))
    assert len(out) == len(trips) == 0
    assert equity(state) == FREE.cash
    out, _, state = play(row(100.0, 101.0, 1, last=True))
    assert out["equity"][0] == FREE.cash

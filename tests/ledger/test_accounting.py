"""The accounting kernel: by hand, against plain Python and decimals, and its laws as properties."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hfm.config import Backtest
from hfm.ledger import layout as at
from hfm.ledger import reasons
from hfm.ledger.account import equity, state_new
from tests.ledger.market import FREE, day, markets, play, random_rows, row, symbols_of, unjitted
from tests.ledger.oracle import Ledger

COSTLY = Backtest(cash=10_000.0, fee_bps=1.0, spread_share=0.75, borrow=0.05, impact=0.7)
NOTE = {"spread": at.O_SPREAD, "fee": at.O_FEE, "impact": at.O_IMPACT, "borrow": at.O_BORROW, "gross": at.O_GROSS,
        "dividend": at.O_DIVIDEND, "net": at.O_NET, "cash": at.O_CASH, "position": at.O_POSITION,
        "equity": at.O_EQUITY}  # fmt: skip


def test_four_bars_by_hand() -> None:
    """Long 100 at 100.075, turned over at 101.925, short 98 bought back at the ask of the close."""
    rows = day([100.0, 101.0, 102.0, 103.0], [1, 1, -1, 1], start=100.0, half=0.1)
    out, trips, state = play(rows, dataclasses.replace(COSTLY, impact=0.0))
    assert out[:, at.O_QTY_OPEN].tolist() == [0, 100, 0, -198]
    assert out[1, at.O_PX_OPEN] == pytest.approx(100.075, abs=1e-12)
    assert out[3, at.O_PX_OPEN] == pytest.approx(101.925, abs=1e-12)
    assert out[3, [at.O_QTY_CLOSE, at.O_PX_CLOSE]].tolist() == [98, 103.1]
    assert out[:, at.O_POSITION].tolist() == [0, 100, 100, 0]
    assert out[:, at.O_SIGNAL].tolist() == [1, 1, -1, 0]
    assert out[:, at.O_GROSS].sum() == pytest.approx(102.0, abs=1e-9)
    assert out[:, at.O_SPREAD].sum() == pytest.approx(7.5 + 14.85 + 9.8, abs=1e-9)
    assert out[:, at.O_FEE].sum() == pytest.approx(4.029245, abs=1e-9)
    assert equity(state) == pytest.approx(10_065.820755, abs=1e-9)
    assert trips[:, at.T_NET] == pytest.approx([182.98, -117.159245], abs=1e-9)
    assert trips[:, at.T_QTY].tolist() == [100, 98]
    assert trips[:, at.T_SIDE].tolist() == [1, -1]
    assert trips[:, at.T_BARS].tolist() == [2, 1]
    assert trips[:, at.T_REASON].tolist() == [reasons.SIGNAL, reasons.SESSION_END]
    assert trips[:, at.T_SEQ].tolist() == [1, 3]
    assert trips[:, at.T_NS].tolist() == [300e9, 900e9]
    assert trips[:, at.T_EXIT_NS].tolist() == [900e9, 1200e9]


def test_a_signal_of_the_last_row_is_never_acted_on() -> None:
    """Nothing is held overnight, and the next session starts flat."""
    rows = np.concatenate([day([100.0, 100.0], [0, 1]), day([100.0, 100.0], [0, 0], session=1)])
    out, trips, _ = play(rows)
    assert not out[:, at.O_POSITION].any()
    assert not out[:, at.O_SIGNAL].any()
    assert not len(trips)


def test_a_position_is_held_while_the_signal_keeps_its_sign() -> None:
    """No rebalancing as the price moves: one fill in, one out."""
    out, _, _ = play(day([100.0, 110.0, 120.0, 130.0, 140.0], [1, 1, 1, 0, 0]))
    assert out[:, at.O_QTY_OPEN].tolist() == [0, 100, 0, 0, -100]


def test_the_size_is_whole_shares_of_the_sessions_opening_equity() -> None:
    """The second session's size stands on what the first one left, shared by the symbols."""
    rows = np.concatenate([day([100.0, 110.0], [1, 0]), day([99.0, 99.0], [1, 0], session=1)])
    out, _, _ = play(rows)
    assert out[3, at.O_QTY_OPEN] == np.floor(11_000 / 99.0) == 111
    both, _, _ = play(rows, symbols=2)
    assert both[1, at.O_QTY_OPEN] == 50


def test_a_missing_last_row_is_flattened_at_the_next_open_and_pays_borrow_over_the_nights() -> None:
    """A short carried from Friday to Monday: three nights of borrow, the dividend, and the flag."""
    friday = day([100.0, 100.0, 100.0], [-1, -1, -1])
    friday[-1, at.R_LAST] = 0
    monday = day([101.0, 101.0], [0, 0], session=3)
    monday[0, at.R_DIVIDEND] = 0.25
    out, trips, state = play(np.concatenate([friday, monday]), dataclasses.replace(FREE, borrow=0.0365))
    assert out[2, at.O_POSITION] == -100
    assert out[3, [at.O_POSITION, at.O_QTY_OPEN]].tolist() == [0, 100]
    assert out[3, at.O_BORROW] == pytest.approx(100 * 100 * 0.0365 * 3 / 365)
    assert out[3, at.O_DIVIDEND] == pytest.approx(-25.0)
    assert int(out[3, at.O_REASON]) & reasons.CARRIED
    assert out[3, at.O_GROSS] == pytest.approx(-100.0)
    assert equity(state) == pytest.approx(10_000 - 100 - 25 - 3.0)
    assert int(trips[0, at.T_REASON]) == reasons.CARRIED
    assert trips[0, [at.T_BORROW, at.T_DIVIDEND, at.T_NET]] == pytest.approx([3.0, -25.0, -128.0])


def test_a_split_overnight_changes_shares_and_not_worth() -> None:
    """Two for one: twice the shares at half the price, no profit."""
    first = day([100.0, 100.0], [1, 1])
    first[-1, at.R_LAST] = 0
    second = day([50.0, 50.0], [0, 0], session=1)
    second[0, at.R_SPLIT] = 2.0
    out, trips, state = play(np.concatenate([first, second]))
    assert out[2, at.O_QTY_OPEN] == -200
    assert equity(state) == 10_000
    assert trips[0, [at.T_QTY, at.T_ENTRY, at.T_EXIT]].tolist() == [200, 50, 50]


def test_impact_is_the_square_root_law() -> None:
    """Y x sigma x sqrt(Q / ADV) over the price, on both sides."""
    rows = day([100.0, 100.0, 100.0], [1, 1, 1])
    rows[:, at.R_SIGMA_DAY], rows[:, at.R_ADV] = 0.02, 400.0
    out, _, _ = play(rows, dataclasses.replace(FREE, impact=0.5))
    assert out[1, at.O_PX_OPEN] == pytest.approx(100 * (1 + 0.5 * 0.02 * 0.5))
    assert out[:, at.O_IMPACT].sum() == pytest.approx(2 * 100 * 0.5)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf, 0.0, -1.0])
@pytest.mark.parametrize("place", [at.R_MID_OPEN, at.R_BID_OPEN, at.R_ASK_OPEN])
def test_a_bad_price_at_the_open_waits_for_the_next_row(bad: float, place: int) -> None:
    """Nothing is filled, the reason is flagged, and the order is carried out a row later."""
    rows = day([100.0] * 4, [1, 1, 1, 1])
    rows[1, place] = bad
    out, _, _ = play(rows)
    assert out[:, at.O_QTY_OPEN].tolist() == [0, 0, 100, 0]
    assert int(out[1, at.O_REASON]) == reasons.NO_PRICE


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf, 0.0, -1.0])
@pytest.mark.parametrize("place", [at.R_MID_CLOSE, at.R_BID_CLOSE, at.R_ASK_CLOSE])
def test_a_bad_price_at_the_last_close_is_flattened_at_the_next_open(bad: float, place: int) -> None:
    """The position stays, flagged, with a finite equity, and ends at the next session's open."""
    rows = np.concatenate([day([100.0] * 3, [1, 1, 1]), day([100.0] * 2, [0, 0], session=1)])
    rows[2, place] = bad
    out, _, _ = play(rows)
    assert out[2, at.O_POSITION] == 100
    assert int(out[2, at.O_REASON]) & reasons.NO_PRICE
    assert out[3, at.O_POSITION] == 0
    assert np.isfinite(out[:, at.O_EQUITY]).all()


def test_a_mid_outside_its_quote_does_not_fill() -> None:
    """A crossed or displaced quote is no price."""
    rows = day([100.0] * 3, [1, 1, 1], half=0.1)
    rows[1, at.R_BID_OPEN], rows[1, at.R_ASK_OPEN] = 100.1, 100.2
    out, _, _ = play(rows)
    assert out[1, at.O_QTY_OPEN] == 0


def test_a_nan_signal_counts_as_flat() -> None:
    """A row without a prediction closes the position."""
    out, _, _ = play(day([100.0] * 4, [1, np.nan, 0, 0]))
    assert out[:, at.O_POSITION].tolist() == [0, 100, 0, 0]


def test_symbols_share_cash_and_equity() -> None:
    """Two symbols at the same instants: each holds half, equity values both at every row."""
    a, b = day([100.0, 101.0, 101.0], [1, 1, 1]), day([50.0, 49.0, 49.0], [1, 1, 1], symbol=1)
    rows = np.stack([a, b], axis=1).reshape(6, -1)
    out, _, _ = play(rows, symbols=2)
    assert out[2, [at.O_QTY_OPEN, at.O_CASH]].tolist() == [50, 5000]
    assert out[3, [at.O_QTY_OPEN, at.O_CASH, at.O_EQUITY]].tolist() == [100, 0, 9_950]


@given(markets())
def test_every_identity_holds_at_every_row(rows: np.ndarray) -> None:
    """equity = cash + sum(position x mark); net = its parts = the change of equity; trips add up."""
    out, trips, state = play(rows, COSTLY, symbols=symbols_of(rows))
    tolerance = 1e-9 * COSTLY.cash
    assert np.isfinite(out[:, [at.O_EQUITY, at.O_CASH, at.O_NET, at.O_MARK]]).all()
    worth = np.zeros(symbols_of(rows))
    before = COSTLY.cash
    for line, given_row in zip(out, rows, strict=True):
        worth[int(given_row[at.R_SYMBOL])] = line[at.O_POSITION] * line[at.O_MARK]
        assert line[at.O_EQUITY] == pytest.approx(line[at.O_CASH] + worth.sum(), abs=tolerance)
        costs = line[[at.O_SPREAD, at.O_FEE, at.O_IMPACT, at.O_BORROW]].sum()
        assert line[at.O_NET] == pytest.approx(line[at.O_GROSS] - costs + line[at.O_DIVIDEND], abs=tolerance)
        assert line[at.O_EQUITY] - before == pytest.approx(line[at.O_NET], abs=tolerance)
        before = line[at.O_EQUITY]
    held = state[at.HEAD :].reshape(-1, at.BLOCK)[:, at.B_QTY]
    if not held.any():
        assert trips[:, at.T_NET].sum() == pytest.approx(equity(state) - COSTLY.cash, abs=tolerance)


@given(markets())
def test_it_agrees_with_the_decimal_ledger(rows: np.ndarray) -> None:
    """Every column of every row to 1e-9 of starting cash."""
    out, _, _ = play(rows, COSTLY, symbols=symbols_of(rows))
    oracle = Ledger(COSTLY, symbols_of(rows))
    for given_row in rows:
        oracle.take(given_row)
    for name, place in NOTE.items():
        expected = [float(line[name]) for line in oracle.lines]
        assert out[:, place] == pytest.approx(expected, abs=1e-9 * COSTLY.cash), name


def test_the_compiled_kernel_equals_plain_python_bit_for_bit(monkeypatch: pytest.MonkeyPatch) -> None:
    """The reference is the same source without numba, over thousands of rows of two symbols."""
    rows = random_rows(12, 20, symbols=2, seed=4)
    rows[100, at.R_MID_OPEN] = rows[200, at.R_BID_CLOSE] = np.nan
    fast = play(rows, COSTLY, symbols=2)
    plain = unjitted(monkeypatch)
    with np.errstate(all="ignore"):
        slow = play(rows, COSTLY, symbols=2, module=plain)
    for a, b in zip(fast, slow, strict=True):
        np.testing.assert_array_equal(a, b)


@given(markets())
def test_without_signals_cash_is_untouched(rows: np.ndarray) -> None:
    """Whatever the prices do."""
    rows[:, at.R_SIGNAL] = 0
    out, trips, state = play(rows, COSTLY, symbols=symbols_of(rows))
    assert (out[:, at.O_CASH] == COSTLY.cash).all()
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
    np.testing.assert_array_equal(cheap[:, at.O_POSITION], dear[:, at.O_POSITION])
    np.testing.assert_array_equal(cheap[:, at.O_GROSS], dear[:, at.O_GROSS])
    assert dear[:, at.O_NET].sum() <= cheap[:, at.O_NET].sum() + 1e-9


@given(st.integers(0, 10_000))
def test_a_mirrored_market_with_mirrored_signals_makes_the_same_money(seed: int) -> None:
    """Prices reflected at 100, signals turned, bid and ask exchanged: the same P&L row by row."""
    rows = random_rows(2, 12, seed=seed)
    mirror = rows.copy()
    mirror[:, at.R_SIGNAL] *= -1
    for side in ("OPEN", "CLOSE"):
        mid, bid, ask = (getattr(at, f"R_{k}_{side}") for k in ("MID", "BID", "ASK"))
        mirror[:, mid] = 200.0 - rows[:, mid]
        mirror[:, bid], mirror[:, ask] = 200.0 - rows[:, ask], 200.0 - rows[:, bid]
    one = dataclasses.replace(FREE, cash=1e6, size=150 / 1e6, spread_share=0.75)
    a, _, _ = play(rows, one)
    b, _, _ = play(mirror, one)
    np.testing.assert_allclose(a[:, at.O_POSITION], -b[:, at.O_POSITION])
    np.testing.assert_allclose(a[:, at.O_NET], b[:, at.O_NET], atol=1e-9)


@settings(max_examples=40)
@given(markets(), st.data())
def test_a_run_split_at_any_row_and_resumed_equals_one_run(rows: np.ndarray, data: st.DataObject) -> None:
    """The state is all there is: bit-equal ledgers, trips and final state."""
    cut = data.draw(st.integers(0, len(rows)))
    count = symbols_of(rows)
    whole, trips, end = play(rows, COSTLY, symbols=count)
    state = state_new(COSTLY.cash, count)
    first, early, state = play(rows[:cut], COSTLY, symbols=count, state=state)
    second, late, state = play(rows[cut:], COSTLY, symbols=count, state=state.copy())
    np.testing.assert_array_equal(whole, np.concatenate([first, second]))
    np.testing.assert_array_equal(trips, np.concatenate([early, late]))
    np.testing.assert_array_equal(end, state)


def test_an_empty_ledger_and_a_single_row() -> None:
    """No rows: no change. One row: its signal has no next row."""
    out, trips, state = play(np.empty((0, at.ROW)))
    assert len(out) == len(trips) == 0
    assert equity(state) == FREE.cash
    out, _, state = play(row(100.0, 101.0, 1, last=True)[None])
    assert out[0, at.O_EQUITY] == FREE.cash

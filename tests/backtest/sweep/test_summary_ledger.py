"""P&L alone: the sums of the whole ledger, however much is passed over."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hfm.backtest.ledger_tables import edges
from hfm.backtest.sweep.summary_ledger import EDGE, rows_new, rows_of, summarise, summarise_weights, workspace
from hfm.config import Backtest
from hfm.ledger import ledger_records as rec
from hfm.ledger.account import equity, params_new, state_new
from hfm.orders.order_records import ORDER
from hfm.tables.records import Records
from tests.ledger.market import day, markets, play, symbols_of

COSTLY = Backtest(cash=10_000.0, fee_bps=1.0, spread_share=0.75, borrow=0.05, impact=0.7)
MODES = ("next-open", "next-mid", "cross", "passive")
LIMITS: tuple[dict[str, float], ...] = ({}, {"collar": 0.002}, {"daily_loss": 0.01}, {"max_position": 30.0})


@given(markets(), st.sampled_from(MODES), st.sampled_from([None, 3]), st.sampled_from(LIMITS))
def test_passing_over_quiet_rows_adds_up_to_the_ledger(
    rows: Records, fill: str, throttle: int | None, limit: dict[str, float]
) -> None:
    """The sums of the summary are those of the whole ledger, to rounding, and so is the state that it leaves."""
    costly = dataclasses.replace(COSTLY, fill=fill, throttle=throttle, **limit)
    count = symbols_of(rows)
    rows = rows.copy()
    _, rows["block"] = np.unique(rows["session"] * 2 + rows["symbol"], return_inverse=True)
    mid = rows["mid_close"]
    rows["mark_sum"] = np.cumsum(np.where((mid > 0) & (mid < np.inf), mid, 0.0))
    blocks = int(rows["block"].max()) + 1
    codes = rows["target"].astype(np.int8) + edges(rows)
    out, trips, state = play(rows, costly, symbols=count)
    other, sums = state_new(costly.cash, count), np.zeros(blocks, rec.BLOCK_SUMS)
    params = params_new(costly, count, 0.01)
    params["keep_trips"] = 0.0
    summarise(other, params, rows_of(rows), codes, sums, workspace(len(rows)))
    block = rows["block"].astype(int)
    held = out["position"] * out["mark"]
    for name, values in (("net", out["net_pnl"]), ("gross", out["gross_pnl"]), ("held", held)):
        np.testing.assert_allclose(sums[name], np.bincount(block, values, blocks), atol=1e-6)
    assert sums["trips"].sum() == len(trips)
    for name in set(rec.LEDGER_BOOK.names or ()) - {"peak"}:  # only a watched run needs it
        np.testing.assert_allclose(other.book[name], state.book[name], atol=1e-7, err_msg=name)
    for name in ("qty", "mark", "session", "rows"):
        np.testing.assert_allclose(other.symbol[name], state.symbol[name], atol=1e-7, err_msg=name)
    for name in set(ORDER.names or ()) - {"weight", "entry_row"}:  # the throttle alone reads the row of an entry
        np.testing.assert_allclose(other.order[name], state.order[name], atol=1e-7, err_msg=name)
    open_ = state.order["target"] != 0
    np.testing.assert_array_equal(other.order["weight"][open_], state.order["weight"][open_])


@pytest.mark.parametrize("n", [0, 1, 2, 3])
@pytest.mark.parametrize("code", [-1, 0, 1, EDGE, EDGE + 1])
def test_few_rows_of_one_code_are_the_ledger_s_too(n: int, code: int) -> None:
    """No row, one, and a signal that never turns: nothing is read beyond the end."""
    rows = day([100.0, 101.0, 102.0, 103.0], [1.0] * 4)[:n]
    signal = code - EDGE if code > 1 else code
    rows["target"], rows["block"], rows["mark_sum"] = signal, 0.0, np.cumsum(rows["mid_close"])
    out, trips, state = play(rows, COSTLY)
    params, other, sums = params_new(COSTLY, 1, 0.01), state_new(COSTLY.cash, 1), np.zeros(1, rec.BLOCK_SUMS)
    params["keep_trips"] = 0.0
    codes = np.full(n, code, np.int8)
    codes[:1] = signal + EDGE  # the first of a session
    summarise(other, params, rows_of(rows), codes, sums, workspace(n))
    assert equity(other) == pytest.approx(equity(state), abs=1e-9)
    assert sums["net"][0] == pytest.approx(out["net_pnl"].sum(), abs=1e-9)
    assert sums["trips"][0] == len(trips)


@pytest.mark.parametrize("n", [0, 1, 5, 1_000_000])
def test_each_row_s_near_columns_are_one_line_of_the_cache(n: int) -> None:
    """Wherever the memory comes from; parts are views of the same."""
    rows = rows_new(n)
    assert n == 0 or rows.hot.ctypes.data % 64 == 0
    assert (rows.full.shape, rows.hot.shape) == ((n,), (n,))
    assert rows.hot.dtype.itemsize == 64
    assert rows.hot.flags.c_contiguous
    assert np.shares_memory(rows.part(slice(1, 3)).hot, rows.hot) == (n > 1)


@given(markets(), st.sampled_from(MODES))
def test_parts_of_a_position_add_up_to_the_ledger_too(rows: Records, fill: str) -> None:
    """Weights between -1 and 1: each row goes through the step, and half a weight is half the units, in lots."""
    costly, count = dataclasses.replace(COSTLY, fill=fill), symbols_of(rows)
    rows = rows.copy()
    rows["target"] *= 0.5
    rows["block"] = 0
    params = params_new(costly, count, 0.01)
    out, trips, state = play(rows, costly, symbols=count)
    other, sums = state_new(costly.cash, count), np.zeros(1, rec.BLOCK_SUMS)
    weights = rows["target"].copy()
    summarise_weights(other, params, rows_of(rows), weights, edges(rows), sums, workspace(len(rows)))
    assert equity(other) == pytest.approx(equity(state), abs=1e-7)
    assert sums["net"][0] == pytest.approx(out["net_pnl"].sum(), abs=1e-7)
    assert sums["trips"][0] == len(trips)
    full = play(day([100.0] * 4, [0.5, 0.5, 1.0, 0.0]), dataclasses.replace(COSTLY, impact=0.0))
    assert full.out["target"].tolist() == [50, 50, 100, 0]

"""P&L alone: the sums of the whole ledger, however much is passed over."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hfm.backtest.ledger_tables import edges
from hfm.backtest.sweep.summary_ledger import profit, room_for, rows_new, rows_of
from hfm.config import Backtest
from hfm.ledger import layout as at
from hfm.ledger.account import equity, params_new, state_new
from tests.ledger.market import day, markets, play, symbols_of

COSTLY = Backtest(cash=10_000.0, fee_bps=1.0, spread_share=0.75, borrow=0.05, impact=0.7)
MODES = ("next-open", "next-mid", "cross", "passive")
LIMITS: tuple[dict[str, float], ...] = ({}, {"collar": 0.002}, {"daily_loss": 0.01}, {"max_position": 30.0})


@given(markets(), st.sampled_from(MODES), st.sampled_from([None, 3]), st.sampled_from(LIMITS))
def test_passing_over_quiet_rows_adds_up_to_the_ledger(
    rows: np.ndarray, fill: str, throttle: int | None, limit: dict[str, float]
) -> None:
    """The sums of `profit` are those of the whole ledger, to rounding, and so is the state that it leaves."""
    costly = dataclasses.replace(COSTLY, fill=fill, throttle=throttle, **limit)
    count = symbols_of(rows)
    rows = rows.copy()
    _, rows[:, at.R_BLOCK] = np.unique(rows[:, at.R_SESSION] * 2 + rows[:, at.R_SYMBOL], return_inverse=True)
    mid = rows[:, at.R_MID_CLOSE]
    rows[:, at.R_SUM] = np.cumsum(np.where((mid > 0) & (mid < np.inf), mid, 0.0))
    blocks = int(rows[:, at.R_BLOCK].max()) + 1
    codes = rows[:, at.R_SIGNAL].astype(np.int8) + edges(rows)
    out, trips, state = play(rows, costly, symbols=count)
    other, sums = state_new(costly.cash, count), np.zeros((blocks, at.SUMS))
    params = params_new(costly, count, 0.01)
    params[at.P_TRIPS] = 0.0
    profit(other, params, rows_of(rows), codes, sums, room_for(len(rows)))
    block = rows[:, at.R_BLOCK].astype(int)
    held = out[:, at.O_POSITION] * out[:, at.O_MARK]
    for place, values in ((at.SUM_NET, out[:, at.O_NET]), (at.SUM_GROSS, out[:, at.O_GROSS]), (at.SUM_HELD, held)):
        np.testing.assert_allclose(sums[:, place], np.bincount(block, values, blocks), atol=1e-6)
    assert sums[:, at.SUM_TRIPS].sum() == len(trips)
    state[at.S_PEAK] = other[at.S_PEAK]  # only a watched run needs it, only a throttle and kept trips the rest
    for place in range(at.B_ENTRY, at.BLOCK):
        state[at.HEAD + place :: at.BLOCK] = other[at.HEAD + place :: at.BLOCK] = 0.0
    np.testing.assert_allclose(other, state, atol=1e-7)


@pytest.mark.parametrize("n", [0, 1, 2, 3])
@pytest.mark.parametrize("code", [-1, 0, 1, at.EDGE, at.EDGE + 1])
def test_few_rows_of_one_code_are_the_ledger_s_too(n: int, code: int) -> None:
    """No row, one, and a signal that never turns: nothing is read beyond the end."""
    rows = day([100.0, 101.0, 102.0, 103.0], [1.0] * 4)[:n]
    signal = code - at.EDGE if code > 1 else code
    rows[:, at.R_SIGNAL], rows[:, at.R_BLOCK], rows[:, at.R_SUM] = signal, 0.0, np.cumsum(rows[:, at.R_MID_CLOSE])
    out, trips, state = play(rows, COSTLY)
    params, other, sums = params_new(COSTLY, 1, 0.01), state_new(COSTLY.cash, 1), np.zeros((1, at.SUMS))
    params[at.P_TRIPS] = 0.0
    codes = np.full(n, code, np.int8)
    codes[:1] = signal + at.EDGE  # the first of a session
    profit(other, params, rows_of(rows), codes, sums, room_for(n))
    assert equity(other) == pytest.approx(equity(state), abs=1e-9)
    assert sums[0, at.SUM_NET] == pytest.approx(out[:, at.O_NET].sum(), abs=1e-9)
    assert sums[0, at.SUM_TRIPS] == len(trips)


@pytest.mark.parametrize("n", [0, 1, 5, 1_000_000])
def test_each_row_s_near_columns_are_one_line_of_the_cache(n: int) -> None:
    """Wherever the memory comes from; parts are views of the same."""
    rows = rows_new(n)
    assert n == 0 or rows.near.ctypes.data % 64 == 0
    assert (rows.whole.shape, rows.near.shape) == ((n, at.ROW), (n, at.NEAR))
    assert rows.near.flags.c_contiguous
    assert np.shares_memory(rows.part(slice(1, 3)).near, rows.near) == (n > 1)

"""Settings as the kernel's arrays."""

from __future__ import annotations

from typing import get_args, get_type_hints

from hfm.config import Backtest
from hfm.ledger.account import FILLS, equity, params_new, state_new


def test_a_new_state_is_all_cash() -> None:
    """And knows no session yet, so that the first row opens one."""
    state = state_new(500.0, 3)
    assert (state.book.shape, state.symbol.shape, state.order.shape) == ((1,), (3,), (3,))
    assert equity(state) == 500.0
    assert state.book["session"] == -1


def test_capital_is_shared_by_the_symbols() -> None:
    """A full position in one of four symbols is a quarter of it; bp become fractions."""
    params = params_new(Backtest(size=0.8, fee_bps=2.0), 4, 0.01)
    assert params["capital_share"].tolist() == [0.2] * 4
    assert (params["fee"] == 2e-4).all()


def test_every_fill_mode_of_the_settings_is_known_to_the_kernel() -> None:
    """A mode that config accepts and the kernel does not would fall back in silence."""
    modes = get_args(get_type_hints(Backtest)["fill"])
    assert set(modes) <= set(FILLS)

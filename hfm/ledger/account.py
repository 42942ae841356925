"""The arrays that the kernel works on, made from settings: parameters, a new state, and how to read a state."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from hfm.config import Backtest
from hfm.ledger import layout as at

Float = npt.NDArray[np.float64]
FILLS = {
    "next-open": at.FILL_NEXT_OPEN, "next-mid": at.FILL_NEXT_MID, "cross": at.FILL_CROSS, "passive": at.FILL_PASSIVE,
}  # fmt: skip


def state_new(cash: float, symbols: int) -> Float:
    """A ledger that holds `cash` (currency) and no position in any of `symbols`: float64 [HEAD + BLOCK x symbols]."""
    state = np.zeros(at.HEAD + at.BLOCK * symbols)
    state[at.S_CASH] = cash
    state[at.S_OPEN_EQUITY] = cash
    state[at.S_SESSION] = -1.0
    state[at.HEAD + at.B_SESSION :: at.BLOCK] = -1.0
    return state


def params_new(settings: Backtest, symbols: int, tick: float) -> Float:
    """The kernel's parameters [PARAMS]. The capital is shared equally: size / symbols of it is one full position."""
    params = np.zeros(at.PARAMS)
    params[at.P_SIZE] = settings.size / symbols
    params[at.P_SPREAD_SHARE] = settings.spread_share
    params[at.P_FEE] = settings.fee_bps * 1e-4
    params[at.P_BORROW] = settings.borrow
    params[at.P_IMPACT] = settings.impact
    params[at.P_FILL] = FILLS[settings.fill]
    params[at.P_TICK] = tick
    return params


def equity(state: Float) -> float:
    """cash + sum over symbols of position x mark, in currency."""
    blocks = state[at.HEAD :].reshape(-1, at.BLOCK)
    return float(state[at.S_CASH] + blocks[:, at.B_QTY] @ blocks[:, at.B_MARK])

"""The arrays that the kernel works on, made from settings: parameters, a new state, and how to read a state."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from hfm.config import Backtest
from hfm.ledger import layout as at
from hfm.ledger import reasons

Float = npt.NDArray[np.float64]
FILLS = {
    "next-open": at.FILL_NEXT_OPEN, "next-mid": at.FILL_NEXT_MID, "cross": at.FILL_CROSS, "passive": at.FILL_PASSIVE,
    "close": at.FILL_CLOSE,
}  # fmt: skip
SIZINGS = {"fixed": at.SIZE_FIXED, "vol": at.SIZE_VOL, "kelly": at.SIZE_KELLY}
LIMITS = {
    "max_position": at.P_MAX_POSITION, "max_gross": at.P_MAX_GROSS, "max_net": at.P_MAX_NET, "throttle": at.P_THROTTLE,
    "participation": at.P_PARTICIPATION, "max_turnover": at.P_TURNOVER, "max_spread_bps": at.P_MAX_SPREAD,
    "max_age_s": at.P_STALE, "collar": at.P_COLLAR, "daily_loss": at.P_DAILY_LOSS, "max_drawdown": at.P_DRAWDOWN,
}  # fmt: skip
"""Setting -> parameter; a limit that is not set is infinite (the throttle: 0 rows)."""
_UNITS = {"max_age_s": 1e9}


def state_new(cash: float, symbols: int) -> Float:
    """A ledger that holds `cash` (currency) and no position in any of `symbols`: float64 [HEAD + BLOCK x symbols]."""
    state = np.zeros(at.HEAD + at.BLOCK * symbols)
    state[at.S_CASH] = state[at.S_OPEN_EQUITY] = state[at.S_PEAK] = cash
    state[at.S_SESSION] = state[at.S_STOPPED] = -1.0
    state[at.HEAD + at.B_SESSION :: at.BLOCK] = -1.0
    return state


def params_new(
    settings: Backtest, symbols: int, tick: float | Sequence[float], rows_year: float = 1.0, lot: float = 1.0
) -> Float:
    """The kernel's parameters [PARAMS + symbols]. The capital is shared equally: size / symbols of it is one full
    position.

    tick: currency, one or one a symbol. rows_year: of the forecasts' horizon, rows a year over the horizon in rows
    (volatility sizing). lot: units, of which positions are multiples.
    """
    params = np.zeros(at.PARAMS + symbols)
    params[at.P_SIZE] = settings.size / symbols
    params[at.P_SPREAD_SHARE] = settings.spread_share
    params[at.P_FEE] = settings.fee_bps * 1e-4
    params[at.P_BORROW] = settings.borrow
    params[at.P_IMPACT] = settings.impact
    params[at.P_FILL] = FILLS[settings.fill]
    params[at.P_HOLD] = settings.hold_overnight
    params[at.P_LOT], params[at.P_LOTS] = lot, 1.0 / lot
    params[at.TICKS :] = tick
    params[at.P_SIZING] = SIZINGS[settings.sizing]
    params[at.P_VOL] = settings.vol_target * 1e4 / np.sqrt(rows_year)
    params[at.P_KELLY] = settings.kelly
    params[at.P_TRIPS] = 1.0
    params[at.P_QUEUE] = settings.queue
    for name, place in LIMITS.items():
        value = getattr(settings, name)
        params[place] = (0.0 if name == "throttle" else np.inf) if value is None else value * _UNITS.get(name, 1.0)
    if params[at.P_MAX_POSITION] < np.inf:  # no more lots than it holds
        params[at.P_MAX_POSITION] = np.floor(params[at.P_MAX_POSITION] / lot * (1 + 1e-12)) * lot
    return params


def equity(state: Float) -> float:
    """cash + sum over symbols of position x mark, in currency."""
    blocks = state[at.HEAD :].reshape(-1, at.BLOCK)
    return float(state[at.S_CASH] + blocks[:, at.B_QTY] @ blocks[:, at.B_MARK])


def halt(state: Float) -> None:
    """Halt by hand: every target becomes 0 and stays so until released."""
    state[at.S_HALT] = float(int(state[at.S_HALT]) | reasons.MANUAL)
    state[at.HEAD + at.B_TARGET :: at.BLOCK] = 0.0


def release(state: Float, name: str) -> bool:
    """Take back the halt called `name` ("drawdown", "halted by hand"); True where it was on.

    A drawdown starts to count anew from the equity at the release. Other names change nothing.
    """
    bit = next((b for b, n in reasons.NAMES.items() if n == name), 0)
    now = int(state[at.S_HALT])
    if not now & bit:
        return False
    state[at.S_HALT] = float(now & ~bit)
    if bit == reasons.DRAWDOWN:
        state[at.S_PEAK] = equity(state)
    return True

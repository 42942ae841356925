"""The records that the kernels work on, made from settings: parameters, a new state, and how to read a state."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from hfm.config import Backtest
from hfm.ledger import ledger_records as rec
from hfm.ledger import reasons
from hfm.ledger.ledger_records import LedgerState
from hfm.orders.order_records import ORDER
from hfm.tables.records import Records

FILLS = {
    "next-open": rec.FILL_NEXT_OPEN, "next-mid": rec.FILL_NEXT_MID, "cross": rec.FILL_CROSS,
    "passive": rec.FILL_PASSIVE, "close": rec.FILL_CLOSE,
}  # fmt: skip
SIZINGS = {"fixed": rec.SIZE_FIXED, "vol": rec.SIZE_VOL, "kelly": rec.SIZE_KELLY}
LIMITS = {
    "max_position": "max_position", "max_gross": "max_gross", "max_net": "max_net", "throttle": "throttle",
    "participation": "participation", "max_turnover": "max_turnover", "max_spread_bps": "max_spread_bps",
    "max_age_s": "max_age_ns", "collar": "collar", "daily_loss": "daily_loss", "max_drawdown": "max_drawdown",
}  # fmt: skip
"""Setting -> field of PARAMS; a limit that is not set is infinite (the throttle: 0 rows)."""
_UNITS = {"max_age_s": 1e9}


def state_new(cash: float, symbols: int) -> LedgerState:
    """A ledger that holds `cash` (currency) and no position or order in any of `symbols`."""
    book, symbol = np.zeros(1, rec.LEDGER_BOOK), np.zeros(symbols, rec.LEDGER_SYMBOL)
    for name in ("cash", "open_equity", "peak"):
        book[name] = cash
    for records, name in ((book, "session"), (book, "stopped_session"), (symbol, "session")):
        records[name] = -1
    return LedgerState(book, symbol, np.zeros(symbols, ORDER))


def states_new(count: int, cash: float, symbols: int) -> LedgerState:
    """New ledgers side by side; `ledger` takes one of them.

    Parameters
    ----------
    count
        How many.
    cash
        Of each, currency.
    symbols
        That each may trade.

    Returns
    -------
    LedgerState
        Without positions or orders: book [count], symbol and order [count, symbols].
    """
    one = state_new(cash, symbols)
    return LedgerState(np.repeat(one.book, count), np.tile(one.symbol, (count, 1)), np.tile(one.order, (count, 1)))


def ledger(states: LedgerState, number: int) -> LedgerState:
    """One of the ledgers of `states_new`, as views."""
    return LedgerState(states.book[number : number + 1], states.symbol[number], states.order[number])


def params_new(
    settings: Backtest, symbols: int, tick: float | Sequence[float], rows_year: float = 1.0, lot: float = 1.0
) -> Records:
    """The kernel's parameters, one record a symbol. The capital is shared equally: size / symbols of it is one full
    position.

    Parameters
    ----------
    settings
        Of the back-test: fill, costs, sizing and limits.
    symbols
        How many there are.
    tick
        Currency, one or one a symbol.
    rows_year
        Of the forecasts' horizon: rows a year over the horizon in rows (volatility sizing).
    lot
        Units, of which positions are multiples.

    Returns
    -------
    Records
        [symbols] of PARAMS.
    """
    params = np.zeros(symbols, rec.PARAMS)
    values = {
        "capital_share": settings.size / symbols, "spread_share": settings.spread_share, "fee": settings.fee_bps * 1e-4,
        "borrow": settings.borrow, "impact": settings.impact, "fill_mode": FILLS[settings.fill],
        "hold_overnight": settings.hold_overnight, "lot": lot, "lots_per_unit": 1.0 / lot, "tick": tick,
        "sizing": SIZINGS[settings.sizing], "vol_target_bps": settings.vol_target * 1e4 / np.sqrt(rows_year),
        "kelly": settings.kelly, "keep_trips": True, "queue": settings.queue,
    }  # fmt: skip
    for name, value in values.items():
        params[name] = value
    for name, field in LIMITS.items():
        value = getattr(settings, name)
        params[field] = (0.0 if name == "throttle" else np.inf) if value is None else value * _UNITS.get(name, 1.0)
    limited = params["max_position"] < np.inf  # no more lots than it holds
    params["max_position"][limited] = np.floor(params["max_position"][limited] / lot * (1 + 1e-12)) * lot
    return params


def equity(state: LedgerState) -> float:
    """cash + sum over symbols of position x mark, in currency."""
    return float(state.book["cash"][0] + state.symbol["qty"] @ state.symbol["mark"])


def halt(state: LedgerState) -> None:
    """Halt by hand: every target becomes 0 and stays so until released."""
    state.book["halt"] |= reasons.MANUAL
    state.order["target"] = 0.0


def release(state: LedgerState, name: str) -> bool:
    """Take back the halt called `name` ("drawdown", "halted by hand").

    A drawdown starts to count anew from the equity at the release. Other names change nothing.

    Returns
    -------
    bool
        Whether it was on.
    """
    bit = next((b for b, n in reasons.NAMES.items() if n == name), 0)
    if not state.book["halt"][0] & bit:
        return False
    state.book["halt"] &= ~bit
    if bit == reasons.DRAWDOWN:
        state.book["peak"] = equity(state)
    return True

"""Why a position differs from what the policy wants: one bit each, or-ed. Read by kernels, so plain integers."""

from __future__ import annotations

NO_PRICE = 1 << 0
"""A price or quote needed was NaN, infinite, zero, negative, or a mid outside its quote: nothing was filled."""
SESSION_END = 1 << 1
"""Flattened at the close of the session's last row."""
CARRIED = 1 << 2
"""The session's last row was missing: flattened at the next open instead."""
OPEN_AT_END = 1 << 3
"""The data ended with the position still open: the trade is valued at the last mark."""
UNFILLED = 1 << 4
"""A passive order that the market did not trade through."""
SIGNAL = 1 << 5
"""A trade that ended because the signal changed."""
NO_FORECAST = 1 << 6
"""Volatility or Kelly sizing without a forecast sd, or without an edge after costs: no position."""
MAX_POSITION = 1 << 7
MAX_GROSS = 1 << 8
MAX_NET = 1 << 9
THROTTLE = 1 << 10
"""A new position too soon after the one before."""
PARTICIPATION = 1 << 11
TURNOVER = 1 << 12
WIDE_SPREAD = 1 << 13
STALE = 1 << 14
"""Too long between the decision and the fill: a hole in the data."""
COLLAR = 1 << 15
"""The price moved too far between the decision and the fill."""
DAILY_LOSS = 1 << 16
"""Lost too much since the session's open: flat until the next session."""
DRAWDOWN = 1 << 17
"""Fell too far from the peak: flat, and halted until released by name."""
MANUAL = 1 << 18
"""Halted by hand."""
BELOW_LOT = 1 << 19
"""What there is to spend on a position does not buy one lot."""

NAMES = {
    NO_PRICE: "no price", SESSION_END: "session end", CARRIED: "carried over a missing close",
    OPEN_AT_END: "open at the end", UNFILLED: "passive order unfilled", SIGNAL: "signal changed",
    NO_FORECAST: "no forecast to size by", MAX_POSITION: "max position", MAX_GROSS: "max gross", MAX_NET: "max net",
    THROTTLE: "throttle", PARTICIPATION: "participation", TURNOVER: "turnover", WIDE_SPREAD: "spread too wide",
    STALE: "stale", COLLAR: "price collar", DAILY_LOSS: "daily loss", DRAWDOWN: "drawdown", MANUAL: "halted by hand",
    BELOW_LOT: "less than one lot",
}  # fmt: skip
LIMITS = (
    MAX_POSITION | MAX_GROSS | MAX_NET | THROTTLE | PARTICIPATION | TURNOVER | WIDE_SPREAD | STALE | COLLAR
    | DAILY_LOSS | DRAWDOWN | MANUAL
)  # fmt: skip
"""The bits that a limit sets."""


def spell(mask: int) -> list[str]:
    """The names of the bits set in `mask`, lowest first."""
    return [name for bit, name in NAMES.items() if mask & bit]

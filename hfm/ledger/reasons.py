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

NAMES = {
    NO_PRICE: "no price", SESSION_END: "session end", CARRIED: "carried over a missing close",
    OPEN_AT_END: "open at the end", UNFILLED: "passive order unfilled", SIGNAL: "signal changed",
}  # fmt: skip


def spell(mask: int) -> list[str]:
    """The names of the bits set in `mask`, lowest first."""
    return [name for bit, name in NAMES.items() if mask & bit]

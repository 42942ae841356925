"""What stands where in the flat float64 arrays of the accounting kernel.

R_ a row's inputs, P_ parameters, S_ the head of the state, B_ a symbol's block of the state (at HEAD + BLOCK x its
number), O_ a row's results, T_ a round trip's. Nanoseconds count from midnight UTC of the session's date, so
that they are exact in a float64 (below 2^53).
"""

from __future__ import annotations

# ------------------------------------------------------------------------------------------------ a row's inputs [ROW]
# What P&L alone reads inside a session stands first, NEAR columns; then what each row of the ledger needs.
R_MID_OPEN, R_BID_OPEN, R_ASK_OPEN, R_MID_CLOSE = 0, 1, 2, 3
R_SIGMA_DAY, R_ADV = 4, 5
"""Daily volatility (0.01 is 1 %) and average daily volume in shares, of earlier sessions; 0: not known, no impact."""
R_BLOCK, R_SUM = 6, 7
"""Only for `profit`: number of the (session, symbol) block, and the running sum of the marks up to the row."""
NEAR = 8
R_SYMBOL, R_SESSION, R_LAST = 8, 9, 10
"""Symbol's number, session in days since 1970, 1 on the session's last slot."""
R_SIGNAL = 11
"""-1, 0, 1 as known at the row's close."""
R_BID_CLOSE, R_ASK_CLOSE, R_VOLUME, R_CLOSE_NS = 12, 13, 14, 15
"""Quote, traded shares and time at the row's close."""
R_OPEN_NS, R_SEQ = 16, 17
"""The interval's start, seq."""
R_HIGH, R_LOW, R_DIVIDEND, R_SPLIT = 18, 19, 20, 21
"""Traded prices; currency a share, and new shares for one old, at the session's open."""
R_P_UP, R_RET_SD, R_COST = 22, 23, 24
"""P(up); forecast sd of the return, and expected round trip, in bp."""
R_DEPTH_BID, R_DEPTH_ASK, R_SIGNED = 25, 26, 27
"""Shares at the best quotes at the close; buyer-initiated less seller-initiated volume. Only a queue looks at them."""
ROW = 28
EDGE = 4
"""Added to a row's signal in the codes of `profit` where the row may not be passed over: the first and last of a
session, and those without a price."""

# -------------------------------------------------------------------------------------- parameters [PARAMS + symbols]
P_SIZE, P_SPREAD_SHARE, P_FEE, P_BORROW, P_IMPACT = 0, 1, 2, 3, 4
"""Share of the session's opening equity in one symbol; effective over quoted half-spread; fee a side over notional;
yearly borrow rate; Y of the square-root law."""
P_FILL, P_HOLD, P_LOT = 5, 6, 7
"""Fill mode; 1: positions stay overnight; the lot, of which positions are multiples, in units."""
P_SIZING, P_VOL, P_KELLY = 8, 9, 10
"""Sizing mode; target standard deviation of the capital over one row's horizon in bp; share of the Kelly bet."""
P_MAX_POSITION, P_MAX_GROSS, P_MAX_NET, P_THROTTLE = 11, 12, 13, 14
"""Limits on targets: shares in one symbol; gross and net exposure over the session's opening equity; least rows
between two new positions in one symbol."""
P_PARTICIPATION, P_TURNOVER, P_MAX_SPREAD, P_STALE, P_COLLAR = 15, 16, 17, 18, 19
"""Limits on fills: share of the volume of the row before; notional a session over its opening equity; quoted spread in
bp; ns between decision and fill; move of the mid since the mark, as a fraction."""
P_DAILY_LOSS, P_DRAWDOWN = 20, 21
"""Limits on equity: loss since the session's open, and since the peak, as fractions."""
P_TRIPS = 22
"""0: round trips are counted, but not kept (a sweep needs no more)."""
P_QUEUE = 23
"""1: a passive order waits for its turn at its price, as well as for a trade through it."""
P_LOTS = 24
"""Lots in a unit: 1 / P_LOT."""
PARAMS = 25
TICKS = PARAMS
"""From here on the tick of each symbol, in currency."""

FILL_NEXT_OPEN, FILL_NEXT_MID, FILL_CROSS, FILL_PASSIVE, FILL_CLOSE = 0, 1, 2, 3, 4
SIZE_FIXED, SIZE_VOL, SIZE_KELLY = 0, 1, 2

# --------------------------------------------------------------------------------------- state [HEAD + BLOCK x symbols]
S_CASH, S_SESSION, S_OPEN_EQUITY, S_PEAK = 0, 1, 2, 3
S_TRADED, S_STOPPED, S_HALT = 4, 5, 6
"""Notional traded in the session; session in which the daily loss struck; reason bits of a halt, which only
account.release takes back."""
HEAD = 8

B_QTY, B_MARK, B_TARGET, B_SESSION, B_ROWS = 0, 1, 2, 3, 4
"""Position, the mid that values it, wanted position, session of the last row seen, rows seen."""
B_BID, B_ASK, B_VOLUME, B_NS, B_ENTRY = 5, 6, 7, 8, 9
"""Quote, volume and time at the last row's close, and rows seen at the last new position."""
B_LOT_SESSION, B_LOT_SEQ, B_LOT_NS, B_LOT_ROWS = 10, 11, 12, 13
"""Entry of the round trip under way."""
B_LOT_IN, B_LOT_PAID, B_LOT_OUT, B_LOT_GOT, B_LOT_MID = 14, 15, 16, 17, 18
"""Shares opened and closed (unsigned), their fill notional, and the cash flow had all been filled at mids."""
B_LOT_SPREAD, B_LOT_FEE, B_LOT_IMPACT, B_LOT_BORROW, B_LOT_DIVIDEND, B_LOT_SIDE = 19, 20, 21, 22, 23, 24
B_REST, B_AHEAD = 25, 26
"""Side of the order that rests (0: none), and the shares before it in its queue."""
BLOCK = 27

# ------------------------------------------------------------------------------------------- results of a row [OUT]
O_SIGNAL, O_TARGET, O_REASON = 0, 1, 2
O_QTY_OPEN, O_PX_OPEN, O_MID_OPEN, O_QTY_CLOSE, O_PX_CLOSE, O_MID_CLOSE = 3, 4, 5, 6, 7, 8
O_SPREAD, O_FEE, O_IMPACT, O_BORROW, O_DIVIDEND, O_GROSS, O_NET = 9, 10, 11, 12, 13, 14, 15
O_CASH, O_POSITION, O_MARK, O_EQUITY = 16, 17, 18, 19
OUT = 20
"""In the order of the ledger's columns."""

# ------------------------------------------------------------------------------------- results of a round trip [TRADE]
T_SYMBOL, T_SESSION, T_SEQ, T_NS, T_EXIT_SESSION, T_EXIT_NS, T_SIDE, T_QTY, T_ENTRY, T_EXIT = range(10)
T_GROSS, T_SPREAD, T_FEE, T_IMPACT, T_BORROW, T_DIVIDEND, T_NET, T_BARS, T_REASON = range(10, 19)
TRADE = 19

SUM_NET, SUM_GROSS, SUM_HELD, SUM_TRIPS = 0, 1, 2, 3
"""Of a (session, symbol) block: net and gross P&L, position x mark summed over its rows, round trips ended."""
SUMS = 4

"""Where everything stands in the engine's flat arrays: a kernel reads and writes `f` (float64) and `i` (int64).

`i` holds scalars, then two tables of TABLE entries, then the queues: one size a tick (bids at or below BID, asks at or
above ASK), and, where orders are kept apart, each tick's first and last order and the orders themselves. `f` holds
scalars, then the path of the bar, one value a step.
"""

from __future__ import annotations

from hfm.kernels.jit import kernel as kernel  # this file's constants are read by kernels: it belongs to the cache's key

# ------------------------------------------------------------------------------------------------------- scalars of `i`
BID, ASK, OLD_BID, OLD_ASK, OLD_BID_SIZE, OLD_ASK_SIZE = 0, 1, 2, 3, 4, 5
TICKS, STEPS, STEP_AT, BEGUN = 6, 7, 8, 9
EVENTS, PRINTS, KEEP, LAST_ID, CLOCK = 10, 11, 12, 13, 14
LEFT, LIT_LEFT, RESERVE, STAGE = 15, 16, 17, 18
STEP_OPEN, STEP_HIGH, STEP_LOW, STEP_CLOSE, HIGH_DONE, LOW_DONE = 19, 20, 21, 22, 23, 24
PRINT_MIN, PRINT_MAX = 25, 26
META_SIDE, META_LEFT, META_SIZE, META_COUNT = 27, 28, 29, 30
TOTAL, LIT_COUNT, PER_SECOND = 31, 32, 33
L3, FREE, NODES, ORDER_ID, NODE = 34, 35, 36, 37, 38
FITTED, WIDENED, ORIGIN_TICK, WORD, SIDE, PRICE, INSIDE, LOST = 39, 40, 41, 42, 43, 44, 45, 46
REACH, KIND_BEFORE, SIDE_BEFORE, BIN = 47, 48, 49, 50
SIZES, DISTANCES, TABLE = 64, 64 + 4096, 4096
QUEUE = DISTANCES + TABLE

# ------------------------------------------------------------------------------------------------------- scalars of `f`
NOW, START, STEP = 0, 1, 2
HAWKES, ACT, WU, WD, PATH_AT = 3, 6, 7, 8, 9
R1, R2, R3, R4, R5 = 10, 11, 12, 13, 14
WIDE, FILL, REMOVED, TRADE_RATE, LIT_P = 15, 16, 17, 18, 19
DEPTH, BASE, EXCESS, SIGMA, TICK = 20, 21, 22, 23, 24
OPEN, HIGH, LOW, CLOSE = 25, 26, 27, 28
OFF_RATE, SWAY, AHEAD = 29, 30, 31
SINCE, SPREAD_T, ONE_T, BID_T, ASK_T = 32, 33, 34, 35, 36
MID_OPEN, MID_HIGH, MID_LOW, OFI, SIGNED, PAID, LIT_SIZE = 37, 38, 39, 40, 41, 42, 43
META_MID, META_TIME, TAKEN, DEPTH_DEEP, OFI_BEFORE, SIGNED_BEFORE, KAPPA, DEEP = 44, 45, 46, 47, 48, 49, 50, 51
GROW, DECAYS = 52, 55
MOOD_BID, MOOD_ASK, DEPTH_BID, DEPTH_ASK, CALM, STIR = 58, 59, 60, 61, 62, 63
NEXT, SLOW, RATION, HELD, DONE = 64, 65, 66, 67, 68
WEIGHTS = 72
PATH = 88

# ----------------------------------------------------------------------------- tables of a fitted flow, behind the path
SPREADS, SHARES, QUEUES, BINS, CLASSES, POINTS, LAW = 8, 5, 6, 8, 4, 24, 64
"""Buckets of the spread, of a queue's share, of a queue; bins of gaps, classes of them; quantiles of a law that depends
on the book, and of one that does not."""
G_SPREAD = 0
G_QUEUE = G_SPREAD + SPREADS - 1
G_GAPS = G_QUEUE + QUEUES - 1
G_BINS = G_GAPS + BINS * POINTS
G_BIN_KIND = G_BINS + BINS * BINS
G_BIN_SPREAD = G_BIN_KIND + 7 * BINS
G_MARKS = G_BIN_SPREAD + SPREADS * BINS
G_OF_SPREAD = G_MARKS + 7 * CLASSES * 14
G_OF_SHARE = G_OF_SPREAD + 7 * SPREADS
G_JOIN = G_OF_SHARE + 7 * SHARES
G_IMPROVE, G_NEXT = G_JOIN + 2 * LAW, G_JOIN + 4 * LAW
G_DEEP = G_JOIN + 6 * LAW
G_HIDDEN = G_DEEP + LAW
G_INSIDE = G_HIDDEN + LAW
G_BACK = G_INSIDE + SPREADS * POINTS
G_CANCEL = G_BACK + SPREADS * POINTS
G_TRADE = G_CANCEL + QUEUES * POINTS
G_ADD_AT = G_TRADE + QUEUES * POINTS
G_CANCEL_AT = G_ADD_AT + LAW
G_PACE = G_CANCEL_AT + LAW
G_END = G_PACE + 6

# ------------------------------------------------------------------------------------------------------- rows of output
ADD, REDUCE, DELETE, EXECUTE, HIDDEN, HALT = 0, 1, 2, 3, 4, 5
EVENT_WIDTH = 10
"""Of the event tape (int64): clock (ns), kind, resting side (1 bid, -1 ask), price (ticks; hidden: row of the prints),
size, order id (0: none), then best bid, best ask, and their sizes after the event."""
PRINT_WIDTH = 8
"""Of the prints (float64), by their kind, which stands in column 4. A trade: time (s), price (currency), size, side
(1 buyer), kind, mid (ticks), tick of a lit price, 0. A metaorder: end, move of the mid (ticks), size, side, kind,
start, children, 0. A snapshot: time, mid (ticks), spread (ticks), bid size, kind, ask size, OFI and signed volume since
the session's open."""
OFF_BOOK, LIT, METAORDER, SNAPSHOT = 0.0, 1.0, 2.0, 3.0

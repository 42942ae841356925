"""The flow of orders: rates of what can happen next, one event of it, and what changes from step to step.

Touch queues grow with rate h/(q + h) and shrink with q/(q + h) (queue-reactive, Huang, Lehalle and Rosenbaum 2015,
doi:10.1080/01621459.2014.982278), h being the depth that the bar wants; the side that would move the mid towards the
path is e^(kappa x) likelier, the other e^(-kappa x), x = path - mid in ticks. Deeper, orders come and go with
e^(-.35 d). A spread of more than a tick is closed at the rate that makes its mean excess what the bar wants.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from hfm.kernels.jit import bare
from hfm.simulate.book import book_state as at
from hfm.simulate.book import marks
from hfm.simulate.book.executions import begin, crossing, due, finish, lit, record
from hfm.simulate.book.queues import add, elapse, leave, settle
from hfm.simulate.book.random_draws import Seed, bits, place, uniform

Float = npt.NDArray[np.float64]
Int = npt.NDArray[np.int64]
FARTHEST = 1.75
"""Ticks between path and mid beyond which the tilt grows no more."""
PUSH = 0.03
"""Ticks by which a metaorder at work seems to shift the path: it drives refills and cancels."""
CALMEST = 0.2
"""Share of the activity that no event excites: one less the branching ratio."""
WILDEST = 8.0
CHECKS = 16
"""Times a bar that the share of market orders among what leaves the best queues is set anew."""
WIDE_MEMORY = 10.0
"""Seconds over which the widening of the spread is averaged."""
ONE = np.uint64(1)


@bare
def tilt(f: Float, i: Int) -> None:
    """The weights of what moves the mid up and down."""
    x = f[at.PATH_AT] - 0.5 * (i[at.BID] + i[at.ASK]) + PUSH * i[at.META_SIDE]
    x = min(max(x, -FARTHEST), FARTHEST)
    f[at.WU] = math.exp(f[at.KAPPA] * x)
    f[at.WD] = 1.0 / f[at.WU]


@bare
def weigh(f: Float, i: Int) -> float:
    """The total rate of events, a second; R1..R4 are the running totals of its parts."""
    ask, bid = i[at.OLD_ASK_SIZE], i[at.OLD_BID_SIZE]
    on_ask, on_bid = ask / (ask + f[at.DEPTH_ASK]), bid / (bid + f[at.DEPTH_BID])
    act = f[at.ACT]
    f[at.R1] = act * f[at.WU] * (1.0 + on_ask - on_bid)
    f[at.R2] = f[at.R1] + act * f[at.WD] * (1.0 + on_bid - on_ask)
    f[at.R3] = f[at.R2] + act * f[at.DEEP]
    f[at.R4] = f[at.R3] + f[at.FILL] * (i[at.OLD_ASK] - i[at.OLD_BID] - 1)
    return float(f[at.R4] + f[at.OFF_RATE])


@bare
def happen(f: Float, i: Int, tape: Int, u: Seed, prints: Float, total: float) -> None:
    """One event, drawn by the rates of `weigh`."""
    i[at.CLOCK] = int(f[at.NOW] * 1e9)
    v = uniform(u) * total
    if v < f[at.R4]:
        choose(f, i, u, v)
        side, price = i[at.SIDE], i[at.PRICE]
        if i[at.WORD] == at.ADD:
            add(i, tape, side, price, i[at.SIZES + place(u)])
        else:
            size = market(f, i, u, -side, price)
            kind = at.REDUCE
            if size > 0:
                kind = at.EXECUTE
                lit(f, i, prints, -side, size)
            gone = leave(i, tape, u, price, size, kind)
            if i[at.INSIDE]:
                f[at.TAKEN] += gone
        if v < f[at.R2] or v >= f[at.R3]:
            settle(f, i)
            tilt(f, i)
    else:
        crossing(f, i, tape, u, prints)
    excite = f[at.ACT] / total
    act = CALMEST
    for j in range(3):
        f[at.HAWKES + j] += f[at.GROW + j] * excite
        act += f[at.HAWKES + j]
    f[at.ACT] = f[at.BASE] * min(act, WILDEST)


@bare
def choose(f: Float, i: Int, u: Seed, v: float) -> None:
    """What `v`, a point below R4, stands for: WORD (ADD or REDUCE) of an order of SIDE at PRICE."""
    bid, ask = i[at.BID], i[at.ASK]
    word, side = at.ADD, 1
    if v < f[at.R2]:
        aim = 1 if v < f[at.R1] else -1  # where the mid is pushed
        v -= 0.0 if aim > 0 else f[at.R1]
        against = i[at.OLD_ASK_SIZE] if aim > 0 else i[at.OLD_BID_SIZE]
        h = f[at.DEPTH_ASK] if aim > 0 else f[at.DEPTH_BID]
        if v < f[at.ACT] * (f[at.WU] if aim > 0 else f[at.WD]) * against / (against + h):
            word, side = at.REDUCE, -aim
        else:
            side = aim
        price = bid if side > 0 else ask
    elif v < f[at.R3]:
        d = i[at.DISTANCES + place(u)]
        side = 1 if bits(u) & ONE else -1
        price = min(ask - d, bid - 1) if side > 0 else max(bid + d, ask + 1)
        h = f[at.DEPTH_DEEP] * (f[at.DEPTH_BID] if side > 0 else f[at.DEPTH_ASK])
        if uniform(u) * (i[at.QUEUE + price] + h) > h:
            word = at.REDUCE
    else:
        side = 1 if uniform(u) * (f[at.WU] + f[at.WD]) < f[at.WU] else -1
        price = bid + 1 if side > 0 else ask - 1
    i[at.WORD], i[at.SIDE], i[at.PRICE] = word, side, price


@bare
def market(f: Float, i: Int, u: Seed, side: int, price: int) -> int:
    """Size of the market order of a buyer (side 1) or seller that takes from the best `price`; 0: a cancel instead.

    INSIDE says whether it could have been one.
    """
    best = price == i[at.BID] or price == i[at.ASK]
    inside = best and i[at.STAGE] == 1 and i[at.PRINT_MIN] <= price <= i[at.PRINT_MAX]
    i[at.INSIDE] = inside
    if not inside or uniform(u) >= f[at.LIT_P] * (1.0 + f[at.SWAY] * side * i[at.META_SIDE]):
        return 0
    if i[at.META_SIDE] == 0:
        begin(f, i, u)
    return int(max(min(i[at.SIZES + place(u)], i[at.QUEUE + price], i[at.LEFT] - i[at.RESERVE]), 0))


@bare
def step(f: Float, i: Int, u: Seed, prints: Float) -> None:
    """What changes at the start of a step: path, decay of activity, depth aimed at, and once a second a snapshot."""
    k = i[at.STEP_AT]
    if i[at.META_SIDE] != 0 and i[at.META_LEFT] == 0:
        finish(f, i, prints)
    for side in range(2):  # a sum of three uniforms is normal enough
        shock = 2.0 * (uniform(u) + uniform(u) + uniform(u) - 1.5)
        f[at.MOOD_BID + side] = f[at.CALM] * f[at.MOOD_BID + side] + f[at.STIR] * shock
        f[at.DEPTH_BID + side] = f[at.DEPTH] * math.exp(f[at.MOOD_BID + side])
    f[at.PATH_AT] = f[at.PATH + k]
    act = CALMEST
    for j in range(3):
        f[at.HAWKES + j] *= f[at.DECAYS + j]
        act += f[at.HAWKES + j]
    f[at.ACT] = f[at.BASE] * min(act, WILDEST)
    part = f[at.STEP] / WIDE_MEMORY
    f[at.WIDE] += part * (i[at.WIDENED] / f[at.STEP] - f[at.WIDE])
    i[at.WIDENED] = 0
    f[at.FILL] = min(max(f[at.WIDE] / f[at.EXCESS], 0.2), 5000.0)
    if k % i[at.PER_SECOND] == 0:
        snapshot(f, i, prints)
    if k % max(i[at.STEPS] // CHECKS, 1) == 0 and k > 0:
        if i[at.FITTED]:
            marks.ration(f, i, max(i[at.STEPS] // CHECKS, 1) * f[at.STEP])
        else:
            ration(f, i)
    tilt(f, i)


@bare
def ration(f: Float, i: Int) -> None:
    """Set LIT_P so that the rest of the bar brings about the lit volume that is still due."""
    span = f[at.STEP] * max(i[at.STEPS] // CHECKS, 1)
    f[at.REMOVED] = 0.7 * f[at.REMOVED] + 0.3 * f[at.TAKEN] / span
    f[at.TRADE_RATE] = 0.7 * f[at.TRADE_RATE] + 0.3 * i[at.LIT_COUNT] / span
    f[at.TAKEN] = 0.0
    i[at.LIT_COUNT] = 0
    ahead = max((i[at.STEP_CLOSE] - i[at.STEP_AT]) * f[at.STEP], span)
    f[at.LIT_P] = min(max(i[at.LIT_LEFT], 0) / max(f[at.REMOVED] * ahead, 1.0), 0.9)


@bare
def snapshot(f: Float, i: Int, prints: Float) -> None:
    """The best prices and sizes, and the flow since the session's open."""
    row = record(i, prints, 0.5 * (i[at.BID] + i[at.ASK]), i[at.ASK] - i[at.BID], i[at.OLD_BID_SIZE], at.SNAPSHOT)
    prints[row, 0] = f[at.NOW]
    prints[row, 5] = i[at.OLD_ASK_SIZE]
    prints[row, 6] = f[at.OFI_BEFORE] + f[at.OFI]
    prints[row, 7] = f[at.SIGNED_BEFORE] + f[at.SIGNED]


@bare
def play(f: Float, i: Int, u: Seed, tape: Int, prints: Float, room: int) -> int:
    """Play a bar on from where it stands: 1 when it is over, 0 when one of the buffers has less than `room` left, 2
    where a print of the bar's own is due at this step."""
    while i[at.STEP_AT] < i[at.STEPS]:
        if i[at.BEGUN] == 0:
            if due(i) >= 0:
                return 2
            step(f, i, u, prints)
            i[at.BEGUN] = 1
        end = f[at.START] + (i[at.STEP_AT] + 1) * f[at.STEP]
        while True:
            if i[at.EVENTS] + room > len(tape) or i[at.PRINTS] + room > len(prints):
                return 0
            if i[at.FITTED]:
                if f[at.NEXT] >= end:
                    break
                f[at.NOW] = max(f[at.NOW], f[at.NEXT])
                marks.happen(f, i, tape, u, prints)
                continue
            total = weigh(f, i)
            t = f[at.NOW] - math.log(uniform(u)) / total
            if t >= end:
                break
            f[at.NOW] = t
            happen(f, i, tape, u, prints, total)
        f[at.NOW] = end
        i[at.BEGUN] = 0
        i[at.STEP_AT] += 1
    elapse(f, i)
    return 1

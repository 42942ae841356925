"""What a bar wants of the engine: prices, volume, path and depth; and the constants that the flow is calibrated to."""

from __future__ import annotations

import math
from dataclasses import dataclass

from hfm.arrays import Float
from hfm.simulate.book import book_state, marks, random_draws
from hfm.simulate.book.book_state import BEFORE_OPEN, CLOSED, TRADING, BookEngine, Pace

BRANCHING = (0.3, 0.3, 0.2)
"""Events that one event excites, through memories of MEMORY seconds: .8 together."""
MEMORY = (0.25, 5.0, 100.0)
KAPPA = 4.0
MOOD, MOOD_S = 0.75, 60.0
"""sd of the log of the depth that each side aims at, inside a bar, and its memory in seconds."""
DEEP = 2.0
"""Rate of events behind the best prices, over that at one of them without tilt."""
LIT_SHARE = 0.6
"""Of a bar's volume, that the book aims to trade; the rest is off-book."""
OFF_LOTS, MOST_OFF = 5.0, 20.0
"""Round lots of a mean off-book trade, and the most of them a second."""
AIM = 0.4
"""Where a best queue tends to, over the depth that the bar wants."""
DEEP_DEPTH = 1.3
"""Units at a price behind the best, over those that the best aims at."""
SWAY = 0.6
"""How much likelier a metaorder makes market orders of its side, and how much less likely the others."""
AHEAD = 0.75
"""Chance that a metaorder is on the side to which the bar's path goes while it is at work."""
EVENTS_A_SECOND = 2.5
"""Events at one best price without tilt, at the mean time of day, for SPY."""


def constants() -> dict[str, float]:
    """What the engine was calibrated to, by name."""
    return {
        "kappa": KAPPA, "deep": DEEP, "deep_depth": DEEP_DEPTH, "mood_sd": MOOD, "mood_s": MOOD_S, "sway": SWAY,
        "ahead": AHEAD, "lit_share": LIT_SHARE, "events_a_second": EVENTS_A_SECOND, "size_log_sd": random_draws.LOG_SD,
        "size_tail": random_draws.TAIL, "decay": random_draws.DECAY,
    }  # fmt: skip


@dataclass(frozen=True)
class BarTarget:
    """One bar and what is wanted inside it. Prices in currency, volume in units, path [K+1] in ticks of the mid.

    depth: units at a best price; excess: mean spread less a tick, in ticks; rate: events a second; start, length: s.
    """

    open: float
    high: float
    low: float
    close: float
    volume: int
    path: Float
    depth: float
    excess: float
    rate: float
    start: float
    length: float


def begin_bar(engine: BookEngine, bar: BarTarget, pace: Pace | None) -> None:
    """Set the engine's records for a bar, whose path and tick it has.

    Parameters
    ----------
    engine
        Its book stands where the bar before left it; its sums are taken into those of the session, and begin anew.
    bar
        What is wanted.
    pace
        Of a fitted flow; None for the built-in one.
    """
    book, record, sums = engine.book[0], engine.bar[0], engine.sums[0]
    steps = len(bar.path) - 1
    step = bar.length / steps
    book.now = record.start = bar.start
    book.clock = int(bar.start * 1e9)
    book.taken, book.lit_trades = 0.0, 0
    book.ofi_before += sums.ofi
    book.signed_before += sums.signed
    for name in book_state.SUMS.names or ():
        sums[name] = 0.0
    sums.start = sums.until = bar.start
    record.steps, record.step, record.step_begun, record.step_length = steps, 0, False, step
    record.steps_a_second = max(round(1.0 / step), 1)
    record.open, record.high, record.low, record.close = bar.open, bar.high, bar.low, bar.close
    record.depth, record.depth_deep, record.deep = AIM * bar.depth, DEEP_DEPTH, DEEP
    record.excess, record.rate, record.kappa = bar.excess, bar.rate, KAPPA
    record.sway, record.ahead = SWAY, AHEAD
    record.calm = math.exp(-step / MOOD_S)
    record.stir = MOOD * math.sqrt(1.0 - record.calm**2)
    for j, (share, memory) in enumerate(zip(BRANCHING, MEMORY, strict=True)):
        decay = math.exp(-step / memory)
        record.decay[j] = decay
        record.growth[j] = share / (step * (0.5 + decay / (1.0 - decay)))
    _set_due(engine, bar)
    if pace is not None:
        _set_pace(engine, bar, pace)


def _set_pace(engine: BookEngine, bar: BarTarget, pace: Pace) -> None:
    """The fitted flow for the bar: its pace, and the share of trades that its volume asks for."""
    book, record = engine.book[0], engine.bar[0]
    book.slowness = math.exp(pace.ln_rate) / bar.rate
    book.left_at_check, record.off_rate = record.left, 0.0
    if book.usual_volume == 0.0:
        book.usual_volume = pace.volume_rate
    usual = book.usual_volume * bar.rate / math.exp(pace.ln_rate)
    book.ration = min(max(bar.volume / bar.length / usual, marks.LEAST_RATION), marks.MOST_RATION)


def _set_due(engine: BookEngine, bar: BarTarget) -> None:
    """What the bar must trade: its own four prices, and its volume."""
    book, record = engine.book[0], engine.bar[0]
    steps = int(record.steps)
    high_done, low_done = bar.high in (bar.open, bar.close), bar.low in (bar.open, bar.close)
    record.high_done, record.low_done = high_done, low_done
    record.reserve, record.stage = 4 - high_done - low_done, BEFORE_OPEN
    if bar.volume == 0:
        record.stage = CLOSED
    elif bar.volume == 1 and bar.open == bar.close and record.reserve == 2:
        record.stage, record.reserve = TRADING, 1
    record.left = max(bar.volume, int(record.reserve))
    record.lit_left = int(LIT_SHARE * bar.volume)
    low, high = bar.low / record.tick - book.origin, bar.high / record.tick - book.origin
    record.lowest, record.highest = math.ceil(low - 1e-6), math.floor(high + 1e-6)
    off_book = (1.0 - LIT_SHARE) * bar.volume / (OFF_LOTS * int(engine.tables[0].qty[0]) * bar.length)
    record.off_rate = min(off_book, MOST_OFF) if bar.volume else 0.0
    ahead = max(int(record.lit_left), 0) / bar.length
    book.market_share = min(ahead / max(float(book.removed), 1.0), 0.9)
    record.step_open = min(1, steps - 1)
    record.step_close = steps - 1
    record.step_high = min(max(int(bar.path.argmax()), 2), steps - 1)
    record.step_low = min(max(int(bar.path.argmin()), 2), steps - 1)

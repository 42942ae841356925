"""Rows of quotes from a tape: one a time stamp, or on a clock.

Axes: R rows, n events, m trades. A row is the interval (t_open, t_close]; its opening state is that of the
last event up to t_open.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from hfm.arrays import Float, Int
from hfm.simulate.replay.event_tape import Tape
from hfm.tables import FLAG_NO_VOLUME


@dataclass(frozen=True)
class QuoteIntervals:
    """[R]: seq; t_open, t_close (ns UTC); the events whose states open and close the row; `after`: the last
    event before it (-1: none), so that its own events are after + 1 ... closing.
    """

    seq: Int
    t_open: Int
    t_close: Int
    opening: Int
    closing: Int
    after: Int
    clocked: bool


def by_event(tape: Tape) -> QuoteIntervals:
    """One row a time stamp, from the first two-sided quote on; seq is the running count."""
    last = np.flatnonzero(np.append(tape.time[1:] != tape.time[:-1], True))
    last = last[last >= tape.first]
    opening = np.concatenate((last[:1], last[:-1]))
    time = tape.time[last]
    after = opening.copy()
    after[0] = -1
    return QuoteIntervals(
        np.arange(len(last)), np.concatenate((time[:1], time[:-1])), time, opening, last, after, False
    )


def by_clock(tape: Tape, start: int, end: int, every: int) -> QuoteIntervals:
    """Rows of a fixed length, from the first known state to the last event.

    Parameters
    ----------
    tape
        Of one session.
    start, end
        ns UTC of the session.
    every
        ns of a row.

    Returns
    -------
    QuoteIntervals
        [R]; a row without events keeps its quotes.
    """
    count = (end - start) // every
    close = start + every * (np.arange(count) + 1)
    closing = np.searchsorted(tape.time, close, "right") - 1
    keep = (closing >= tape.first) & (close - every < tape.time[-1])
    seq, close, closing = np.flatnonzero(keep), close[keep], closing[keep]
    after = np.searchsorted(tape.time, close - every, "right") - 1
    return QuoteIntervals(seq, close - every, close, np.maximum(after, tape.first), closing, after, True)


def columns(tape: Tape, rows: QuoteIntervals) -> dict[str, Float]:
    """float64 columns of quotes [R] but sigma_bps; see the schema for units."""
    mid_open, mid_close = tape.mid[rows.opening], tape.mid[rows.closing]
    high, low = _extremes(tape.mid, rows.opening, rows.closing)
    bid, ask = (_known(x, tape) for x in (tape.bid, tape.ask))
    size = tape.bid_size + tape.ask_size
    weighted = (ask * tape.bid_size + bid * tape.ask_size) / np.where(size > 0, size, 1.0)
    micro = np.where(size > 0, weighted, tape.mid)
    close = rows.closing
    out = {
        "mid_open": mid_open, "mid_high": high, "mid_low": low, "mid_close": mid_close,
        "bid_open": bid[rows.opening], "ask_open": ask[rows.opening], "bid_close": bid[close], "ask_close": ask[close],
        "spread_bps": _spread(tape, rows), "depth_bid": tape.bid_size[close], "depth_ask": tape.ask_size[close],
        "ofi": _between(tape.ofi, rows), "imbalance": tape.imbalance[close],
        "micro_bps": 1e4 * (micro / tape.mid - 1.0)[close],
    }  # fmt: skip
    return out | _traded(tape, rows, ask[rows.opening] - bid[rows.opening])


def _known(side: Float, tape: Tape) -> Float:
    """Best prices, the last two-sided ones where a side is empty, locked or crossed."""
    known = np.isfinite(tape.spread)
    last = np.maximum.accumulate(np.where(known, np.arange(len(side)), -1))
    return side[np.maximum(last, tape.first)]


def _extremes(x: Float, start: Int, end: Int) -> tuple[Float, Float]:
    """Largest and smallest of x[start ... end], both included."""
    padded = np.append(x, x[-1])
    bounds = np.stack((start, end + 1), axis=1).reshape(-1)
    return np.maximum.reduceat(padded, bounds)[::2], np.minimum.reduceat(padded, bounds)[::2]


def _between(x: Float, rows: QuoteIntervals) -> Float:
    """Sums of x over each row's own events."""
    total = np.concatenate(([0.0], np.cumsum(x)))
    return np.asarray(total[rows.closing + 1] - total[rows.after + 1])


def _spread(tape: Tape, rows: QuoteIntervals) -> Float:
    """Quoted spread in bps of the mid: over a row of the clock weighted by time; of a time stamp, that at its close.

    A time stamp's own interval ends as its event comes: its mean would be the spread before the event.

    Returns
    -------
    Float
        [R] bps.
    """
    bps = 1e4 * tape.spread / tape.mid
    last = np.maximum.accumulate(np.where(np.isfinite(bps), np.arange(len(bps)), tape.first))
    at_close = bps[last][rows.closing]
    if not rows.clocked:
        return np.asarray(at_close)
    known = np.isfinite(bps)
    means = []
    for values in (np.where(known, bps, 0.0), known.astype(float)):
        lasting = np.append(np.diff(tape.time), 0) * values
        total = np.concatenate(([0.0], np.cumsum(lasting)))

        def until(t: Int, event: Int, total: Float = total, values: Float = values) -> Float:
            return np.asarray(
                np.where(t > tape.time[event], total[event] + values[event] * (t - tape.time[event]), total[event])
            )

        start = np.maximum(rows.t_open, tape.time[rows.opening])
        means.append(until(rows.t_close, rows.closing) - until(start, rows.opening))
    return np.where(means[1] > 0, means[0] / np.maximum(means[1], 1.0), at_close)


def _traded(tape: Tape, rows: QuoteIntervals, quoted: Float) -> dict[str, Float]:
    """What traded in each row.

    half_spread: the sizes' mean distance from the mid before, kept where nothing traded; half the quoted spread before
    the first trade.

    Returns
    -------
    dict[str, Float]
        Columns of quotes [R]; prices NaN where nothing traded.
    """
    begin, end = np.searchsorted(tape.at, rows.after, "right"), np.searchsorted(tape.at, rows.closing, "right")
    some = end > begin
    last = np.maximum(end - 1, 0)

    def sums(x: Float) -> Float:
        total = np.concatenate(([0.0], np.cumsum(x)))
        return np.asarray(total[end] - total[begin])

    volume, nothing = sums(tape.size), np.full(len(some), np.nan)
    out = {name: nothing.copy() for name in ("trade_open", "trade_high", "trade_low", "trade_close")}
    if some.any():
        out["trade_open"][some], out["trade_close"][some] = tape.price[begin[some]], tape.price[last[some]]
        out["trade_high"][some], out["trade_low"][some] = _extremes(tape.price, begin[some], last[some])
    signed = tape.sign != 0
    paid = sums(np.where(signed, np.abs(tape.price - tape.before) * tape.size, 0.0))
    weight = sums(np.where(signed, tape.size, 0.0))
    valid = weight > 0
    kept = np.maximum.accumulate(np.where(valid, np.arange(len(valid)), -1))
    half = np.where(valid, paid / np.maximum(weight, 1e-300), 0.0)
    return out | {
        "volume": volume,
        "signed_volume": sums(tape.sign * tape.size),
        "trades": (end - begin).astype(float),
        "half_spread": np.where(kept >= 0, half[np.maximum(kept, 0)], 0.5 * quoted),
    }


def flags(volume: Float) -> npt.NDArray[np.int32]:
    """The flags of quotes rows.

    Parameters
    ----------
    volume
        [R] shares.

    Returns
    -------
    npt.NDArray[np.int32]
        [R] FLAG_NO_VOLUME, or 0.
    """
    return np.where(volume > 0, 0, FLAG_NO_VOLUME).astype(np.int32)


WINDOWS = (12, 78, 390)


def sigma(returns: Float, tick: float, price: Float) -> Float:
    """Forecast sd of each row's return: root of the mean squared return of the last 12, 78 and 390 rows before it.

    Parameters
    ----------
    returns
        [R] log returns.
    tick, price
        Currency; price [R].

    Returns
    -------
    Float
        [R] the three windows in equal parts; at least a tenth of a tick, and half a tick before anything is known.
    """
    total = np.concatenate(([0.0], np.cumsum(returns * returns)))[:-1]
    row = np.arange(len(returns))
    out = np.zeros(len(returns))
    for window in WINDOWS:
        start = np.maximum(row - window, 0)
        out += (total - total[start]) / np.maximum(row - start, 1) / len(WINDOWS)
    out[:1] = (0.5 * tick / price[:1]) ** 2
    return np.sqrt(np.maximum(out, (0.1 * tick / price) ** 2))

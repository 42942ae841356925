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
from hfm.simulate.replay.tape_sums import TapeSums, filled, sums
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


def by_event(tape: Tape, seq: int = 0, final: bool = True) -> QuoteIntervals:
    """One row a time stamp, from the first two-sided quote on; seq is the running count.

    Parameters
    ----------
    tape
        Of one session, or from the event on that closed the last row.
    seq
        Number of the first row; where it is not the session's first, the tape's first event closed the row before.
    final
        Whether no event follows; else the last time stamp may not be complete, and makes no row.

    Returns
    -------
    QuoteIntervals
        [R].
    """
    last = np.flatnonzero(np.append(tape.time[1:] != tape.time[:-1], final))
    last = last[last >= (tape.first if seq == 0 else 1)]
    begin = last[:1] if seq == 0 else np.zeros(1, np.int64)
    opening = np.concatenate((begin, last[:-1]))[: len(last)]
    after = opening.copy()
    if seq == 0:
        after[:1] = -1
    return QuoteIntervals(
        seq + np.arange(len(last)), tape.time[opening], tape.time[last], opening, last, after, clocked=False
    )


def by_clock(tape: Tape, start: int, end: int, every: int, seq: int = 0, final: bool = True) -> QuoteIntervals:
    """Rows of a fixed length, from the first known state to the last event.

    Parameters
    ----------
    tape
        Of one session.
    start, end
        ns UTC of the session.
    every
        ns of a row.
    seq
        Number of the first row that is wanted.
    final
        Whether no event follows; else rows that close with or after the last event are not complete, and are left out.

    Returns
    -------
    QuoteIntervals
        [R]; a row without events keeps its quotes.
    """
    count = (end - start) // every
    if not final:
        count = min(count, max((int(tape.time[-1]) - 1 - start) // every, 0))
    number = np.arange(seq, max(count, seq))
    close = start + every * (number + 1)
    closing = np.searchsorted(tape.time, close, "right") - 1
    keep = (closing >= tape.first) & (close - every < tape.time[-1])
    number, close, closing = number[keep], close[keep], closing[keep]
    after = np.searchsorted(tape.time, close - every, "right") - 1
    return QuoteIntervals(number, close - every, close, np.maximum(after, tape.first), closing, after, True)


def columns(tape: Tape, rows: QuoteIntervals, of: TapeSums | None = None) -> dict[str, Float]:
    """The columns of quotes but sigma_bps; see the schema for units.

    Parameters
    ----------
    tape
        Of one session.
    rows
        [R] of it.
    of
        Its sums, where they are known.

    Returns
    -------
    dict[str, Float]
        float64 [R] by name.
    """
    of = sums(tape, rows.clocked) if of is None else of
    close, opening = rows.closing, rows.opening
    high, low = _extremes(tape.mid, opening, close)
    bid, ask, mid = of.bid[close], of.ask[close], tape.mid[close]
    size = (tape.bid_size + tape.ask_size)[close]
    weighted = (ask * tape.bid_size[close] + bid * tape.ask_size[close]) / np.where(size > 0, size, 1.0)
    micro = np.where(size > 0, weighted, mid)
    bid_open, ask_open = of.bid[opening], of.ask[opening]
    out = {
        "mid_open": tape.mid[opening], "mid_high": high, "mid_low": low, "mid_close": mid,
        "bid_open": bid_open, "ask_open": ask_open, "bid_close": bid, "ask_close": ask,
        "spread_bps": _spread(tape, rows, of), "depth_bid": tape.bid_size[close], "depth_ask": tape.ask_size[close],
        "ofi": of.ofi[close + 1] - of.ofi[rows.after + 1], "imbalance": tape.imbalance[close],
        "micro_bps": 1e4 * (micro / mid - 1.0),
    }  # fmt: skip
    return out | _traded(tape, rows, of, ask_open - bid_open)


def _extremes(x: Float, start: Int, end: Int) -> tuple[Float, Float]:
    """Largest and smallest of x[start ... end], both included."""
    high, low = np.maximum(x[start], x[end]), np.minimum(x[start], x[end])
    wide = np.flatnonzero(end - start > 1)
    if len(wide):
        bounds = np.stack((start[wide], end[wide] + 1), axis=1).reshape(-1)
        padded = np.append(x, x[-1])
        high[wide] = np.maximum.reduceat(padded, bounds)[::2]
        low[wide] = np.minimum.reduceat(padded, bounds)[::2]
    return high, low


def _spread(tape: Tape, rows: QuoteIntervals, of: TapeSums) -> Float:
    """Quoted spread in bps of the mid: over a row of the clock weighted by time; of a time stamp, that at its close.

    A time stamp's own interval ends as its event comes: its mean would be the spread before the event.

    Returns
    -------
    Float
        [R] bps.
    """
    at_close = of.bps[rows.closing]
    if not rows.clocked:
        return at_close
    bps = 1e4 * tape.spread / tape.mid
    known = np.isfinite(bps)
    means = []
    for total, values in ((of.spread, np.where(known, bps, 0.0)), (of.known, known.astype(float))):

        def until(t: Int, event: Int, total: Float = total, values: Float = values) -> Float:
            return np.asarray(
                np.where(t > tape.time[event], total[event] + values[event] * (t - tape.time[event]), total[event])
            )

        start = np.maximum(rows.t_open, tape.time[rows.opening])
        means.append(until(rows.t_close, rows.closing) - until(start, rows.opening))
    return np.where(means[1] > 0, means[0] / np.maximum(means[1], 1.0), at_close)


def _traded(tape: Tape, rows: QuoteIntervals, of: TapeSums, quoted: Float) -> dict[str, Float]:
    """What traded in each row.

    half_spread: the sizes' mean distance from the mid before, kept where nothing traded; half the quoted spread before
    the first trade.

    Returns
    -------
    dict[str, Float]
        Columns of quotes [R]; prices NaN where nothing traded.
    """
    is_trade = np.zeros(len(tape.time) + 1, np.int64)
    is_trade[tape.at + 1] = 1
    before = np.cumsum(is_trade)  # trades before each event
    begin, end = before[rows.after + 1], before[rows.closing + 1]
    some = end > begin
    last = np.maximum(end - 1, 0)

    def between(total: Float) -> Float:
        return np.asarray(total[end] - total[begin])

    nothing = np.full(len(some), np.nan)
    out = {name: nothing.copy() for name in ("trade_open", "trade_high", "trade_low", "trade_close")}
    if some.any():
        out["trade_open"][some], out["trade_close"][some] = tape.price[begin[some]], tape.price[last[some]]
        out["trade_high"][some], out["trade_low"][some] = _extremes(tape.price, begin[some], last[some])
    paid, weight = between(of.paid), between(of.weight)
    valid = weight > 0
    half = filled(np.where(valid, paid / np.maximum(weight, 1e-300), np.nan), valid, 0, of.half)
    return out | {
        "volume": between(of.volume),
        "signed_volume": between(of.signed),
        "trades": (end - begin).astype(float),
        "half_spread": np.where(np.isnan(half), 0.5 * quoted, half),
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

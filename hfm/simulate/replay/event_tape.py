"""One session of order-book events of one symbol as arrays: quotes after each event, order flow, trades with
signs.

Axes: n events, m trades. The state before the first two-sided quote is not known; one-sided, locked and
crossed states later keep the last mid (a halt, an empty side) and have no spread.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from hfm.arrays import Float, Int
from hfm.tables import Array, arrays, column_array, fixed

TRADES = ("execute", "execute_hidden", "cross")
EVENTS = ("time", "bid", "ask", "bid_size", "ask_size", "mid", "spread", "ofi", "imbalance")
"""Fields of a tape with an entry an event."""
TRADE = ("at", "price", "size", "sign", "before")
"""Fields with an entry a trade."""


@dataclass(frozen=True)
class Tape:
    """time [n] ns UTC; bid, ask, bid_size, ask_size [n] of the best level; mid [n]; spread [n], NaN where not
    two-sided; ofi [n]: shares, of each event; imbalance [n] over all levels; first: the first two-sided
    event.

    at, price, size, sign, before [m]: a trade's event, price, size, +1 buyer- and -1 seller-initiated (0 a
    cross), mid before it.
    """

    time: Int
    bid: Float
    ask: Float
    bid_size: Float
    ask_size: Float
    mid: Float
    spread: Float
    ofi: Float
    imbalance: Float
    first: int
    at: Int
    price: Float
    size: Float
    sign: Float
    before: Float


@dataclass(frozen=True)
class TapeEnd:
    """What a part of a session leaves to the next.

    The book after its last event (a side that is empty: NaN), the last mid, the last trade's price (NaN: none yet), and
    the sign of the last change of these prices.
    """

    bid: float
    ask: float
    bid_size: float
    ask_size: float
    mid: float
    price: float
    step: float


def needed(levels: int) -> list[str]:
    """The columns of a book that a tape is read from, those that are not numbers first: of deep levels the sizes."""
    sizes = [f"{side}_sz_{i}" for side in ("bid", "ask") for i in range(1, levels + 1)]
    return ["symbol", "session", "event", "time", "side", "price", "size", "bid_px_1", "ask_px_1", *sizes]


def read(group: pa.Table, levels: int, before: TapeEnd | None = None) -> Tape | None:
    """The tape of a group of the book table.

    Parameters
    ----------
    group
        A session of a symbol, or a part of one.
    levels
        Of the book.
    before
        What the part before left; None where the session begins.

    Returns
    -------
    Tape | None
        None where no event leaves a two-sided quote, nor one before did.
    """
    columns = arrays(group, needed(levels)[3:])
    bid, ask = columns["bid_px_1"], columns["ask_px_1"]
    two_sided = bid < ask
    if before is None and not two_sided.any():
        return None
    last = np.maximum.accumulate(np.where(two_sided, np.arange(len(bid)), -1))
    first = int(two_sided.argmax()) if before is None else 0
    mid = np.where(two_sided, 0.5 * (bid + ask), 0.0)[np.maximum(last, first)]
    if before is not None:
        mid[last < 0] = before.mid
    bid_size, ask_size = (_shares(columns[f"{s}_sz_1"]) for s in ("bid", "ask"))
    deep = [bid_size.copy(), ask_size.copy()]
    for side_of, total_of in zip(("bid", "ask"), deep, strict=True):
        for i in range(2, levels + 1):
            total_of += _shares(columns[f"{side_of}_sz_{i}"])
    total = deep[0] + deep[1]
    at, price, size, side = _trades(group, columns)
    mid_before = mid[np.maximum(at - 1, 0)]
    if before is not None:
        mid_before[at == 0] = before.mid
    sign = np.where(side == 0, lee_ready(price, mid_before, before), -side)
    sign[column_array(group.column("event").take(fixed(at))) == "cross"] = 0.0
    imbalance = (deep[0] - deep[1]) / np.where(total > 0, total, 1.0)
    return Tape(
        columns["time"], bid, ask, bid_size, ask_size, mid, np.where(two_sided, ask - bid, np.nan),
        _flow(bid, ask, bid_size, ask_size, before), imbalance, first, at, price, size, sign, mid_before,
    )  # fmt: skip


def _shares(size: Float) -> Float:
    """Sizes, 0 where there is none."""
    unknown = np.isnan(size)
    return np.where(unknown, 0.0, size) if unknown.any() else size


def end_of(tape: Tape, before: TapeEnd | None) -> TapeEnd:
    """What a part leaves to the next.

    Parameters
    ----------
    tape
        Of the part.
    before
        What the part before it left.

    Returns
    -------
    TapeEnd
    """
    price, step = (np.nan, 0.0) if before is None else (before.price, before.step)
    if len(tape.price):
        moves = _steps(tape.price, before)
        moved = np.flatnonzero(moves)
        price, step = float(tape.price[-1]), float(moves[moved[-1]]) if len(moved) else step
    bid, ask, bid_size, ask_size, mid = (
        float(x[-1]) for x in (tape.bid, tape.ask, tape.bid_size, tape.ask_size, tape.mid)
    )
    return TapeEnd(bid, ask, bid_size, ask_size, mid, price, step)


def join(one: Tape, other: Tape) -> Tape:
    """Two tapes of one session, the second of which follows the first."""
    out = {name: np.concatenate([getattr(one, name), getattr(other, name)]) for name in (*EVENTS, *TRADE)}
    out["at"] = np.concatenate([one.at, other.at + len(one.time)])
    return Tape(first=one.first, **out)


def cut(tape: Tape, start: int) -> Tape:
    """The events of a tape from one on, without that one's trades.

    Parameters
    ----------
    tape
        n events.
    start
        Number of the event.

    Returns
    -------
    Tape
    """
    out = {name: getattr(tape, name)[start:] for name in EVENTS}
    trade = int(np.searchsorted(tape.at, start, "right"))
    out |= {name: getattr(tape, name)[trade:] for name in TRADE}
    out["at"] = out["at"] - start
    return Tape(first=max(tape.first - start, 0), **out)


def _trades(group: pa.Table, columns: dict[str, Array]) -> tuple[Int, Float, Float, Float]:
    """[m] event, price, size and side of each trade."""
    words = group.column("event").combine_chunks()
    is_trade = np.array([word in TRADES for word in words.dictionary.to_pylist()], np.bool_)
    at = np.flatnonzero(is_trade[words.indices.to_numpy()])
    at = at[columns["size"][at] > 0]
    return at, columns["price"][at], columns["size"][at], columns["side"][at].astype(float)


def _flow(bid: Float, ask: Float, bid_size: Float, ask_size: Float, before: TapeEnd | None) -> Float:
    """[n] order-flow imbalance of each event."""
    if before is None:
        return order_flow(bid, ask, bid_size, ask_size)
    state = (before.bid, before.ask, before.bid_size, before.ask_size)
    columns = (np.append(x, y) for x, y in zip(state, (bid, ask, bid_size, ask_size), strict=True))
    return order_flow(*columns)[1:]


def order_flow(bid: Float, ask: Float, bid_size: Float, ask_size: Float) -> Float:
    """Order-flow imbalance of each event, e_n (Cont, Kukanov and Stoikov 2014, eq. 2).

    Parameters
    ----------
    bid, ask
        [n] best prices; NaN where a side is empty, which stands at no price: below all bids, above all asks.
    bid_size, ask_size
        [n] shares, 0 where a side is empty.

    Returns
    -------
    Float
        [n] shares; 0 for the first.
    """
    b, a = np.where(np.isnan(bid), -np.inf, bid), np.where(np.isnan(ask), np.inf, ask)
    out = np.zeros(len(b))
    # e_n = 1{b_n >= b_n-1} q_n - 1{b_n <= b_n-1} q_n-1 of bids, less the same of asks with the signs turned
    out[1:] = (
        (b[1:] >= b[:-1]) * bid_size[1:]
        - (b[1:] <= b[:-1]) * bid_size[:-1]
        - (a[1:] <= a[:-1]) * ask_size[1:]
        + (a[1:] >= a[:-1]) * ask_size[:-1]
    )
    return out


def lee_ready(price: Float, mid: Float, before: TapeEnd | None = None) -> Float:
    """Signs of trades by quote, at the mid by tick (Lee and Ready 1991, doi:10.1111/j.1540-6261.1991.tb02683.x).

    Parameters
    ----------
    price
        [m] of trades in order.
    mid
        [m] before each.
    before
        What the part of the session before these trades left.

    Returns
    -------
    Float
        [m] +1 above the mid, -1 below; at the mid the sign of the last change of price, 0 where none has changed yet.
    """
    # tick test: the sign of the last change of price
    step = _steps(price, before)
    last = np.maximum.accumulate(np.where(step != 0, np.arange(len(step)), -1))
    quote = np.sign(price - mid)  # quote test, which comes first
    tested = step[np.maximum(last, 0)] if len(step) else step
    if before is not None:
        tested[last < 0] = before.step
    return np.asarray(np.where(quote != 0, quote, tested))


def _steps(price: Float, before: TapeEnd | None) -> Float:
    """[m] sign of the change of price since the trade before; 0 of the session's first."""
    first = price[:1] if before is None or np.isnan(before.price) else np.array([before.price])
    return np.asarray(np.sign(np.diff(price, prepend=first)))

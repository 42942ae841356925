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
from hfm.tables import Array, arrays, column_array

TRADES = ("execute", "execute_hidden", "cross")


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


def needed(levels: int) -> list[str]:
    """The columns of a book that a tape is read from, those that are not numbers first: of deep levels the sizes."""
    sizes = [f"{side}_sz_{i}" for side in ("bid", "ask") for i in range(1, levels + 1)]
    return ["symbol", "session", "event", "time", "side", "price", "size", "bid_px_1", "ask_px_1", *sizes]


def read(group: pa.Table, levels: int) -> Tape | None:
    """The tape of a group of the book table; None where no event leaves a two-sided quote."""
    columns = arrays(group, needed(levels)[3:])
    bid, ask = columns["bid_px_1"], columns["ask_px_1"]
    two_sided = bid < ask
    if not two_sided.any():
        return None
    last = np.maximum.accumulate(np.where(two_sided, np.arange(len(bid)), -1))
    first = int(two_sided.argmax())
    mid = np.where(two_sided, 0.5 * (bid + ask), 0.0)[np.maximum(last, first)]
    bid_size, ask_size = (np.nan_to_num(columns[f"{s}_sz_1"]) for s in ("bid", "ask"))
    deep = [bid_size.copy(), ask_size.copy()]
    for side_of, total_of in zip(("bid", "ask"), deep, strict=True):
        for i in range(2, levels + 1):
            total_of += np.nan_to_num(columns[f"{side_of}_sz_{i}"])
    total = deep[0] + deep[1]
    at, price, size, side = _trades(group, columns)
    before = mid[np.maximum(at - 1, 0)]
    sign = np.where(side == 0, lee_ready(price, before), -side)
    sign[column_array(group.column("event"))[at] == "cross"] = 0.0
    imbalance = (deep[0] - deep[1]) / np.where(total > 0, total, 1.0)
    return Tape(
        columns["time"], bid, ask, bid_size, ask_size, mid, np.where(two_sided, ask - bid, np.nan),
        order_flow(bid, ask, bid_size, ask_size), imbalance, first, at, price, size, sign, before,
    )  # fmt: skip


def _trades(group: pa.Table, columns: dict[str, Array]) -> tuple[Int, Float, Float, Float]:
    """[m] event, price, size and side of each trade."""
    words = group.column("event").combine_chunks()
    codes = [i for i, word in enumerate(words.dictionary.to_pylist()) if word in TRADES]
    at = np.flatnonzero(np.isin(words.indices.to_numpy(), codes))
    at = at[columns["size"][at] > 0]
    return at, columns["price"][at], columns["size"][at], columns["side"][at].astype(float)


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


def lee_ready(price: Float, mid: Float) -> Float:
    """Signs of trades by quote, at the mid by tick (Lee and Ready 1991, doi:10.1111/j.1540-6261.1991.tb02683.x).

    Parameters
    ----------
    price
        [m] of trades in order.
    mid
        [m] before each.

    Returns
    -------
    Float
        [m] +1 above the mid, -1 below; at the mid the sign of the last change of price, 0 where none has changed yet.
    """
    # tick test: the sign of the last change of price
    step = np.sign(np.diff(price, prepend=price[:1]))
    last = np.maximum.accumulate(np.where(step != 0, np.arange(len(step)), 0))
    quote = np.sign(price - mid)  # quote test, which comes first
    return np.asarray(np.where(quote != 0, quote, step[last] if len(step) else step))

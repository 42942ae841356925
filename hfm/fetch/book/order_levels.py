"""The price levels that single orders make: changed one by one, and shown in the rows of the events.

A side is a sorted array whose last level is the best, so that what happens near the best price moves little.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from hfm.arrays import Float, Int, Sign
from hfm.fetch.book.order_table import place_of, remove_order
from hfm.kernels.jit import bare
from hfm.tables.records import Records, columns_dtype
from hfm.tables.schema import columns

SHOWN = columns_dtype(
    columns("""
key   i8 -      of the level that rows show, NO_LEVEL: none
qty   f8 shares its size
since i8 rows   first row that is to show it
""")
)
"""What the rows show of a level: they are filled when it changes, all at once."""
NO_LEVEL = -(2**63)
_NEAR = 16
"""Levels from the best one that are looked through one by one; a price behind them is found by bisection."""


class OrderEvents(NamedTuple):
    """Rows in order, [r]: ns UTC, event code, resting side, price (currency), size, order id.

    levels: [4 L, r] after the row's message, as RawBook has them.
    """

    time: Int
    event: Sign
    side: Sign
    price: Float
    size: Float
    order: Int
    levels: Float

    def rows(self, first: int, end: int) -> OrderEvents:
        """Views of the rows from `first` to before `end`."""
        return OrderEvents(
            self.time[first:end], self.event[first:end], self.side[first:end], self.price[first:end],
            self.size[first:end], self.order[first:end], self.levels[:, first:end],
        )  # fmt: skip

    def put(self, first: int, rows: OrderEvents) -> None:
        """Copy rows here, from `first` on."""
        end = first + len(rows.time)
        for name in self._fields:
            getattr(self, name)[..., first:end] = getattr(rows, name)


class BookState(NamedTuple):
    """What is kept between messages.

    orders: records of ORDER by hash of their number. keys, sizes: [2, K] levels of bids and asks, the best one last; a
    key is the price of a bid, and minus that of an ask. counts: levels of bids, of asks, and orders that stand. shown:
    records [2 L] of SHOWN, the best bid and ask, the next ones, ...
    """

    orders: Records
    keys: Int
    sizes: Float
    counts: Int
    shown: Records


@bare
def set_order(state: BookState, number: int, price: int, size: int) -> None:
    """An order is as it is now, whatever it was; of size 0 or less it is gone.

    Parameters
    ----------
    state : changed.
    number, price, size : of the order.
    """
    at = place_of(state.orders, number)
    stands = state.orders[at].qty > 0
    if size > 0:
        order = state.orders[at]
        order.number, order.price, order.qty = number, price, size
        state.counts[2] += 0 if stands else 1
    elif stands:
        remove_order(state.orders, at)
        state.counts[2] -= 1


@bare
def clear(state: BookState) -> None:
    """No order stands, and there is no level."""
    for k in range(state.orders.shape[0]):
        state.orders[k].qty = 0
    state.counts[0] = state.counts[1] = state.counts[2] = 0


@bare
def change_level(state: BookState, side: int, price: int, change: float) -> None:
    """Add to a level, or take away at most what it has; a record without a side changes none.

    Parameters
    ----------
    state : changed.
    side : 1 bid, -1 ask, 0 none.
    price : in the records' unit.
    change : shares.
    """
    if side == 0:
        return
    s, key = (0, price) if side > 0 else (1, -price)
    keys, sizes, count = state.keys[s], state.sizes[s], state.counts[s]
    # the last level whose key is not above
    at, near = count - 1, max(count - 1 - _NEAR, -1)
    while at > near and keys[at] > key:
        at -= 1
    if at == near and at >= 0 and keys[at] > key:
        low, high = 0, at
        while low < high:
            middle = (low + high) // 2
            if keys[middle] > key:
                high = middle
            else:
                low = middle + 1
        at = low - 1
    if at >= 0 and keys[at] == key:
        new = sizes[at] + change
        if new >= 1e-9:
            sizes[at] = new
            return
        for i in range(at, count - 1):  # the level is empty
            keys[i], sizes[i] = keys[i + 1], sizes[i + 1]
        state.counts[s] = count - 1
    elif change >= 1e-9:
        for i in range(count, at + 1, -1):
            keys[i], sizes[i] = keys[i - 1], sizes[i - 1]
        keys[at + 1], sizes[at + 1] = key, change
        state.counts[s] = count + 1


@bare
def fill(level: np.record, c: int, unit: float, out: OrderEvents, end: int) -> None:
    """Rows up to `end` show a level, whose columns begin with c, as it was.

    Parameters
    ----------
    level : record of SHOWN; changed.
    c : place of its price among the columns.
    unit : of prices, in one of currency.
    out : rows are filled.
    end : the row behind the last.
    """
    price = np.nan
    if level.key != NO_LEVEL:
        price = (level.key if c % 4 == 0 else -level.key) / unit
    first = level.since
    prices, sizes = out.levels[c], out.levels[c + 1]
    for i in range(first, end):
        prices[i] = price
    for i in range(first, end):
        sizes[i] = level.qty
    level.since = end


@bare
def show(state: BookState, unit: float, out: OrderEvents, first: int) -> None:
    """Rows from `first` on show the best levels as they are now.

    Parameters
    ----------
    state : changed.
    unit : of prices, in one of currency.
    out : rows are filled.
    first : row.
    """
    for k in range(state.shown.shape[0]):
        s = k % 2
        at = state.counts[s] - 1 - k // 2
        key, qty = NO_LEVEL, 0.0
        if at >= 0:
            key, qty = state.keys[s, at], state.sizes[s, at]
        level = state.shown[k]
        if key != level.key or qty != level.qty:
            fill(level, 2 * k, unit, out, first)
            level.key, level.qty = key, qty

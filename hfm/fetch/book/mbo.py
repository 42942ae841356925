"""Events of single orders (add, cancel, modify, fill) as events of a book and its best price levels.

An order that is modified without having been seen counts as new, as the feed's own rules have it (Databento, "State
management of resting orders"). Fills are followed by cancels of the same size: the fill is the event, the cancel only
changes the level. A day comes in pieces of whole messages: what is kept between them is the orders that stand and the
levels that they make, whatever went before.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from hfm.arrays import Float, Int, Sign
from hfm.fetch.book.book_events import CODE
from hfm.fetch.book.order_table import ORDER, move_orders, place_of, remove_order
from hfm.kernels.jit import bare
from hfm.tables.records import Records, columns_dtype
from hfm.tables.schema import columns

RECORD = columns_dtype(
    columns("""
time     i8 ns     when it is known (UTC)
price    i8 -      any integers
qty      i8 shares size
order    i8 -      reference of the order
action   i1 -      code of a letter
side     i1 -      1 bid, -1 ask, 0 none
snapshot i1 -      1: it is (a part of) a whole book
ends     i1 -      1: it is the last of its message
""")
)
"""A record."""
SHOWN = columns_dtype(
    columns("""
key   i8 -      of the level that rows show, NO_LEVEL: none
qty   f8 shares its size
since i8 rows   first row that is to show it
""")
)
"""What the rows show of a level: they are filled when it changes, all at once."""
NO_LEVEL = -(2**63)
ADD, CANCEL, MODIFY, CLEAR, TRADE, FILL = (ord(letter) for letter in "ACMRTF")
EV_ADD, EV_REDUCE, EV_DELETE, EV_EXECUTE, EV_HIDDEN, EV_SNAPSHOT = (
    CODE[word] for word in ("add", "reduce", "delete", "execute", "execute_hidden", "snapshot")
)
_LEAST = 1 << 12
"""Places for orders at first; there are always twice as many as orders."""
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


class OrderBook:
    """A book of single orders, rebuilt message by message."""

    def __init__(self, levels: int, unit: int) -> None:
        """An empty book.

        Parameters
        ----------
        levels : L, best levels that are shown.
        unit : how many of the records' prices are one of currency.
        """
        self._levels, self._unit = levels, float(unit)
        shown = np.zeros(2 * levels, SHOWN)
        shown["key"] = NO_LEVEL
        self._state = BookState(
            np.zeros(_LEAST, ORDER), np.zeros((2, 0), np.int64), np.zeros((2, 0)), np.zeros(3, np.int64), shown
        )

    def room(self, rows: int) -> OrderEvents:
        """Columns of so many rows, to be written."""
        return OrderEvents(
            np.empty(rows, np.int64), np.empty(rows, np.int8), np.empty(rows, np.int8), np.empty(rows), np.empty(rows),
            np.empty(rows, np.int64), np.empty((4 * self._levels, rows)),
        )  # fmt: skip

    def take(self, rows: Records, out: OrderEvents, start: int = 0) -> int:
        """Write the events of the next records.

        Parameters
        ----------
        rows : records [n] of RECORD, whole messages.
        out : columns with room for 2 n rows behind `start`.
        start : the first row that is written.

        Returns
        -------
        int
            The row behind the last one written.
        """
        n = len(rows)
        self._make_room(n)
        fills = 2
        while fills < 2 * int(np.count_nonzero(rows["action"] == FILL)) + 2:
            fills *= 2
        return int(rebuild(self._state, np.zeros((fills, 2), np.int64), rows, self._unit, out, start))

    def _make_room(self, n: int) -> None:
        """Places for n orders and n levels more."""
        old = self._state
        bids, asks, standing = old.counts.tolist()
        if max(bids, asks) + n > old.keys.shape[1]:
            wide = 2 * (max(bids, asks) + n)
            keys, sizes = np.zeros((2, wide), np.int64), np.zeros((2, wide))
            keys[:, : max(bids, asks)], sizes[:, : max(bids, asks)] = (
                part[:, : max(bids, asks)] for part in (old.keys, old.sizes)
            )
            self._state = self._state._replace(keys=keys, sizes=sizes)
        places = len(old.orders)
        while places < 2 * (standing + n):
            places *= 2
        if places > len(old.orders):
            orders = np.zeros(places, ORDER)
            move_orders(old.orders, orders)
            self._state = self._state._replace(orders=orders)


@bare
def _set_order(state: BookState, number: int, price: int, size: int) -> None:
    """An order is as it is now, whatever it was; of size 0 or less it is gone."""
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
def _clear(state: BookState) -> None:
    for k in range(state.orders.shape[0]):
        state.orders[k].qty = 0
    state.counts[0] = state.counts[1] = state.counts[2] = 0


@bare
def _change_level(state: BookState, side: int, price: int, change: float) -> None:
    """Add to a level, or take away at most what it has; a record without a side changes none."""
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
def _seen(fills: Int, number: int, message: int, add: bool) -> bool:
    """Whether a message has a fill of an order; `add`: it has from now on."""
    mask = fills.shape[0] - 1
    at = (((number ^ (number >> 31) ^ message) & 0x7FFFFFFF) * 2654435761 >> 15) & mask
    while fills[at, 1] > 0:
        if fills[at, 0] == number and fills[at, 1] == message:
            return True
        at = (at + 1) & mask
    if add:
        fills[at, 0], fills[at, 1] = number, message
    return False


@bare
def _event(out: OrderEvents, n: int, event: int, side: int, price: float, size: float, order: int) -> int:
    """Write a row but for its time and levels; the next row's number."""
    out.event[n], out.side[n], out.price[n], out.size[n], out.order[n] = event, side, price, size, order
    return n + 1


@bare
def _modify(state: BookState, row: np.record, unit: float, out: OrderEvents, n: int) -> int:
    """A modification at the same price reduces or adds; at another price it deletes there and adds here."""
    at = place_of(state.orders, row.order)
    old_price, old_size = state.orders[at].price, state.orders[at].qty
    price, size, plain = row.price / unit, float(row.qty), row.snapshot == 0
    if old_size > 0:
        _change_level(state, row.side, old_price, -float(old_size))
    _change_level(state, row.side, row.price, size)
    _set_order(state, row.order, row.price, row.qty)
    if not plain:
        return n
    if old_size <= 0:
        return _event(out, n, EV_ADD, row.side, price, size, row.order)
    if old_price != row.price:
        n = _event(out, n, EV_DELETE, row.side, old_price / unit, float(old_size), row.order)
        return _event(out, n, EV_ADD, row.side, price, size, row.order)
    grown = row.qty - old_size
    if grown < 0:
        return _event(out, n, EV_REDUCE, row.side, price, float(-grown), row.order)
    return _event(out, n, EV_ADD, row.side, price, float(grown), row.order) if grown > 0 else n


@bare
def _cancel(state: BookState, row: np.record, shown: bool, unit: float, out: OrderEvents, n: int) -> int:
    """Take from an order and its level; `shown`: it is an event of its own."""
    at = place_of(state.orders, row.order)
    left, price = state.orders[at].qty - row.qty, state.orders[at].price
    _change_level(state, row.side, row.price, -float(row.qty))
    if state.orders[at].qty > 0:
        _set_order(state, row.order, price, left)
    if not shown:
        return n
    return _event(out, n, EV_REDUCE if left > 0 else EV_DELETE, row.side, row.price / unit, float(row.qty), row.order)


@bare
def _fill(level: np.record, c: int, unit: float, out: OrderEvents, end: int) -> None:
    """Rows up to `end` show a level, whose columns begin with c, as it was."""
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
def _show(state: BookState, unit: float, out: OrderEvents, first: int) -> None:
    """Rows from `first` on show the best levels as they are now."""
    for k in range(state.shown.shape[0]):
        s = k % 2
        at = state.counts[s] - 1 - k // 2
        key, qty = NO_LEVEL, 0.0
        if at >= 0:
            key, qty = state.keys[s, at], state.sizes[s, at]
        level = state.shown[k]
        if key != level.key or qty != level.qty:
            _fill(level, 2 * k, unit, out, first)
            level.key, level.qty = key, qty


@bare
def rebuild(state: BookState, fills: Int, rows: Records, unit: float, out: OrderEvents, start: int) -> int:
    """Write the events of records of whole messages.

    Parameters
    ----------
    state : changed; it has room for as many orders and levels more as there are records.
    fills : [2^k, 2] zeros, more than twice as many as there are fills; changed.
    rows : records [n] of RECORD.
    unit : how many of the records' prices are one of currency.
    out : columns with room for 2 n rows behind `start`, filled.
    start : the first row that is written.

    Returns
    -------
    int
        The row behind the last one written.
    """
    for c in range(state.shown.shape[0]):
        state.shown[c].since = start
    n, k = start, 0
    while k < rows.shape[0]:
        # 1. where the message ends, and which orders it fills
        end, filled, message = k, False, k + 1
        while True:
            if rows[end].action == FILL:
                filled = True
                _seen(fills, rows[end].order, message, True)
            end += 1
            if rows[end - 1].ends != 0 or end == rows.shape[0]:
                break
        # 2. its records
        first = n
        for r in range(k, end):
            row = rows[r]
            action, plain = row.action, row.snapshot == 0
            if (not plain and r == k) or (action == CLEAR and plain):
                n = _event(out, n, EV_SNAPSHOT, 0, np.nan, 0.0, -1)
            if action == CLEAR:
                _clear(state)
            elif action == ADD:
                _change_level(state, row.side, row.price, float(row.qty))
                _set_order(state, row.order, row.price, row.qty)
                if plain:
                    n = _event(out, n, EV_ADD, row.side, row.price / unit, float(row.qty), row.order)
            elif action == CANCEL:
                shown = plain and not (filled and _seen(fills, row.order, message, False))
                n = _cancel(state, row, shown, unit, out, n)
            elif action == MODIFY:
                n = _modify(state, row, unit, out, n)
            elif action == FILL:
                n = _event(out, n, EV_EXECUTE, row.side, row.price / unit, float(row.qty), row.order)
            elif action == TRADE and plain and not filled:
                n = _event(out, n, EV_HIDDEN, -row.side, row.price / unit, float(row.qty), -1)
        # 3. all of its rows show the book after it
        for i in range(first, n):
            out.time[i] = rows[end - 1].time
        if n > first:
            _show(state, unit, out, first)
        k = end
    for c in range(state.shown.shape[0]):
        _fill(state.shown[c], 2 * c, unit, out, n)
    return n

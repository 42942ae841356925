"""Events of single orders (add, cancel, modify, fill) as events of a book and its best price levels.

An order that is modified without having been seen counts as new, as the feed's own rules have it (Databento, "State
management of resting orders"). Fills are followed by cancels of the same size: the fill is the event, the cancel only
changes the level. A day comes in pieces of whole messages: what is kept between them is the orders that stand and the
levels that they make, whatever went before.
"""

from __future__ import annotations

import numpy as np

from hfm.arrays import Int
from hfm.fetch.book.book_events import CODE
from hfm.fetch.book.order_levels import (
    NO_LEVEL,
    SHOWN,
    BookState,
    OrderEvents,
    change_level,
    clear,
    fill,
    set_order,
    show,
)  # fmt: skip
from hfm.fetch.book.order_table import ORDER, move_orders, place_of
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
ADD, CANCEL, MODIFY, CLEAR, TRADE, FILL = (ord(letter) for letter in "ACMRTF")
EV_ADD, EV_REDUCE, EV_DELETE, EV_EXECUTE, EV_HIDDEN, EV_SNAPSHOT = (
    CODE[word] for word in ("add", "reduce", "delete", "execute", "execute_hidden", "snapshot")
)
_LEAST = 1 << 12
"""Places for orders at first; there are always twice as many as orders."""


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
        change_level(state, row.side, old_price, -float(old_size))
    change_level(state, row.side, row.price, size)
    set_order(state, row.order, row.price, row.qty)
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
    change_level(state, row.side, row.price, -float(row.qty))
    if state.orders[at].qty > 0:
        set_order(state, row.order, price, left)
    if not shown:
        return n
    return _event(out, n, EV_REDUCE if left > 0 else EV_DELETE, row.side, row.price / unit, float(row.qty), row.order)


@bare
def _record(
    state: BookState, fills: Int, row: np.record, begins: bool, message: int, unit: float, out: OrderEvents, n: int
) -> int:
    """Change the book by a record and write its rows; begins: it is its message's first; message: 0 without a fill."""
    action, plain = row.action, row.snapshot == 0
    if (not plain and begins) or (action == CLEAR and plain):
        n = _event(out, n, EV_SNAPSHOT, 0, np.nan, 0.0, -1)
    if action == CLEAR:
        clear(state)
    elif action == ADD:
        change_level(state, row.side, row.price, float(row.qty))
        set_order(state, row.order, row.price, row.qty)
        if plain:
            n = _event(out, n, EV_ADD, row.side, row.price / unit, float(row.qty), row.order)
    elif action == CANCEL:
        shown = plain and not (message > 0 and _seen(fills, row.order, message, False))
        n = _cancel(state, row, shown, unit, out, n)
    elif action == MODIFY:
        n = _modify(state, row, unit, out, n)
    elif action == FILL:
        n = _event(out, n, EV_EXECUTE, row.side, row.price / unit, float(row.qty), row.order)
    elif action == TRADE and plain and message == 0:
        n = _event(out, n, EV_HIDDEN, -row.side, row.price / unit, float(row.qty), -1)
    return n


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
            n = _record(state, fills, rows[r], r == k, message if filled else 0, unit, out, n)
        # 3. all of its rows show the book after it
        for i in range(first, n):
            out.time[i] = rows[end - 1].time
        if n > first:
            show(state, unit, out, first)
        k = end
    for c in range(state.shown.shape[0]):
        fill(state.shown[c], 2 * c, unit, out, n)
    return n

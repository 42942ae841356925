"""Orders that stand, found by their number: a table of twice as many places as orders, with linear probing."""

from __future__ import annotations

from hfm.kernels.jit import bare
from hfm.tables.records import Records, columns_dtype
from hfm.tables.schema import columns

ORDER = columns_dtype(
    columns("""
number i8 -      reference
price  i8 -      in the records' unit
qty    i8 shares what is left; 0: the place is free
""")
)
"""An order that stands."""


@bare
def place_of(orders: Records, number: int) -> int:
    """Where an order is, or the free place that it would take.

    Parameters
    ----------
    orders : records [2^k] of ORDER, not all taken.
    number : reference of the order.

    Returns
    -------
    int
        Its place.
    """
    mask = orders.shape[0] - 1
    at = int((((number ^ (number >> 31)) & 0x7FFFFFFF) * 2654435761 >> 15) & mask)
    while orders[at].qty > 0 and orders[at].number != number:
        at = (at + 1) & mask
    return at


@bare
def move_orders(orders: Records, to: Records) -> None:
    """Put the orders that stand into an empty table.

    Parameters
    ----------
    orders : records [2^k] of ORDER.
    to : records [2^m] of ORDER, m > k; changed.
    """
    for k in range(orders.shape[0]):
        order = orders[k]
        if order.qty > 0:
            place = to[place_of(to, order.number)]
            place.number, place.price, place.qty = order.number, order.price, order.qty


@bare
def remove_order(orders: Records, at: int) -> None:
    """Free a place, and move up what stands behind it only since it was taken.

    Parameters
    ----------
    orders : records [2^k] of ORDER; changed.
    at : a place that is taken.
    """
    mask = orders.shape[0] - 1
    free, k = at, (at + 1) & mask
    orders[free].qty = 0
    while orders[k].qty > 0:
        number, price, qty = orders[k].number, orders[k].price, orders[k].qty
        orders[k].qty = 0
        place = orders[place_of(orders, number)]
        place.number, place.price, place.qty = number, price, qty
        k = (k + 1) & mask

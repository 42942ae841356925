"""Events of single orders (add, cancel, modify, fill) as events of a book and changes of its levels.

An order that is modified without having been seen counts as new, as the feed's own rules have it (Databento, "State
management of resting orders"). Fills are followed by cancels of the same size: the fill is the event, the cancel only
changes the level.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from hfm.arrays import Bool, Float, Int
from hfm.fetch.book import price_levels
from hfm.fetch.book.book_events import CODE

Bytes = npt.NDArray[np.bytes_]


@dataclass(frozen=True)
class OrderRecords:
    """Records of one instrument in order, [n]. price: any integers. side: 1 bid, -1 ask, 0 none.

    action: b"A", b"C", b"M", b"R", b"T", b"F". message: running number of the message that each belongs to; snapshot:
    it is (a part of) a whole book.
    """

    action: Bytes
    side: Int
    price: Int
    size: Int
    order: Int
    message: Int
    snapshot: Bool


@dataclass(frozen=True)
class OrderEvents:
    """Rows in order, [r]: record that each comes from, event code, resting side, price (integer), size, order id."""

    record: Int
    event: Int
    side: Int
    price: Int
    size: Int
    order: Int


def order_before(rows: OrderRecords) -> tuple[Int, Int]:
    """(price, size) of each record's order before it, [n]; size 0 where there is none."""
    n = len(rows.action)
    # records that change orders, by order and era (a clearing, R, begins a new one), in order of time
    live = np.flatnonzero(np.isin(rows.action, [b"A", b"C", b"M"]))
    era = np.cumsum(rows.action == b"R")[live]
    at = live[np.lexsort((live, rows.order[live], era))]
    era = np.cumsum(rows.action == b"R")[at]
    place = np.arange(len(at))
    new = np.concatenate(([True], (rows.order[at][1:] != rows.order[at][:-1]) | (era[1:] != era[:-1])))[: len(at)]
    first = np.maximum.accumulate(np.where(new, place, 0))
    sets = rows.action[at] != b"C"
    last = np.maximum.accumulate(np.where(sets, place, -1))
    last = np.concatenate(([-1], last[:-1]))[: len(at)]  # the latest add or modification before each record
    known = last >= first
    # its size then, less the cancels since
    taken = np.cumsum(np.where(sets, 0, rows.size[at]))
    source = np.maximum(last, 0)
    left = rows.size[at][source] - (np.concatenate(([0], taken[:-1]))[: len(at)] - taken[source])
    price, size = np.zeros(n, np.int64), np.zeros(n, np.int64)
    price[at] = rows.price[at][source]
    size[at] = np.where(known, np.maximum(left, 0), 0)
    return price, size


def rebuild_by_order(rows: OrderRecords, levels: int) -> tuple[OrderEvents, Float]:
    """The events of single orders, and the price levels after each message.

    Parameters
    ----------
    rows : n records.
    levels : L, best levels that are kept.

    Returns
    -------
    events : OrderEvents
    levels : float64 [4 L, messages]
        Prices in the records' unit.
    """
    old_price, old_size = order_before(rows)
    act, n = rows.action, np.arange(len(rows.action))
    is_add, is_cancel, is_change = act == b"A", act == b"C", act == b"M"
    moved = is_change & (old_size > 0)
    none = np.zeros(len(n), np.int64)
    record, rank, side, price, size = _gather(
        [
            (n[act == b"R"], 0, none, none, none),
            (n[moved], 1, rows.side, old_price, -old_size),
            (n[is_cancel], 1, rows.side, rows.price, -rows.size),
            (n[is_add | is_change], 2, rows.side, rows.price, rows.size),
        ]
    )
    at = np.lexsort((rank, record))
    total = int(rows.message[-1]) + 1 if len(n) else 0
    moves = price_levels.LevelChanges(
        rows.message[record[at]], side[at], price[at], size[at].astype(np.float64), absolute=False
    )
    shown, _ = price_levels.rebuild(moves, total, levels)
    return _events(rows, old_price, old_size), shown


def _events(rows: OrderRecords, old_price: Int, old_size: Int) -> OrderEvents:
    act, n = rows.action, np.arange(len(rows.action))
    plain = ~rows.snapshot
    fills = n[act == b"F"]
    # a cancel that follows a fill of its order in the message is no event of its own
    filled = np.isin(_pairs(rows.message, rows.order), _pairs(rows.message[fills], rows.order[fills]))
    has_fill = np.isin(rows.message, rows.message[fills])
    # a modification at the same price reduces or adds; at another price it deletes there and adds here
    change = (act == b"M") & (old_size > 0) & plain
    same = change & (old_price == rows.price)
    cancel = n[(act == b"C") & plain & ~filled]
    left = np.maximum(old_size - rows.size, 0)
    grown = rows.size - old_size
    start = np.concatenate(([True], rows.message[1:] != rows.message[:-1]))[: len(n)]
    snapshots = n[(rows.snapshot & start) | ((act == b"R") & plain)]
    fresh = n[plain & ((act == b"A") | ((act == b"M") & ~change) | (change & ~same))]
    zero, none = np.zeros(len(n), np.int64), np.full(len(n), -1)
    parts: list[tuple[str, FilePart]] = [
        ("snapshot", (snapshots, 0, zero, zero, zero, none)),
        ("execute", (fills, 0, rows.side, rows.price, rows.size, rows.order)),
        ("execute_hidden", (n[(act == b"T") & ~has_fill & plain], 0, -rows.side, rows.price, rows.size, none)),
        ("reduce", (cancel[left[cancel] > 0], 0, rows.side, rows.price, rows.size, rows.order)),
        ("delete", (cancel[left[cancel] == 0], 0, rows.side, rows.price, rows.size, rows.order)),
        ("delete", (n[change & ~same], 0, rows.side, old_price, old_size, rows.order)),
        ("reduce", (n[same & (grown < 0)], 0, rows.side, rows.price, -grown, rows.order)),
        ("add", (n[same & (grown > 0)], 0, rows.side, rows.price, grown, rows.order)),
        ("add", (fresh, 1, rows.side, rows.price, rows.size, rows.order)),
    ]
    record, rank, side, price, size, order = _gather([part for _, part in parts])
    event = np.concatenate([np.full(len(part[0]), CODE[word]) for word, part in parts])
    at = np.lexsort((rank, record))
    return OrderEvents(record[at], event[at], side[at], price[at], size[at], order[at])


FilePart = tuple[Int, int, *tuple[Int, ...]]
"""Records, their rank among what a record makes, and columns over all records."""


def _gather(parts: Sequence[FilePart]) -> list[Int]:
    """The records of all parts, their ranks, and each column at them."""
    out = [np.concatenate([part[0] for part in parts])]
    out.append(np.concatenate([np.full(len(part[0]), part[1], np.int64) for part in parts]))
    columns = range(2, len(parts[0]))
    return [*out, *(np.concatenate([np.asarray(part[k])[part[0]] for part in parts]) for k in columns)]


def _pairs(message: Int, order: Int) -> npt.NDArray[np.void]:
    """(message, order) as one value each, for membership."""
    pairs = np.stack([message, order], axis=1)
    return np.ascontiguousarray(pairs).view([("message", np.int64), ("order", np.int64)]).ravel()


class PriorOrders(NamedTuple):
    """Orders whose arrival no event shows, arrays [k].

    Attributes
    ----------
    arrival : row at which each must have come.
    first_event : row of its first event.
    size : what its events take from it, and so at least what it came with.
    """

    arrival: Int
    first_event: Int
    size: Int


def prior_orders(order: Int, size: Int, adds: Bool, removes: Bool) -> PriorOrders:
    """Orders that events take from without one that brought them.

    References are given in the order of arrival. So an order older than the first that comes was there at the start; a
    later one came unseen when those that come passed its reference, and at the latest at its own first event.

    Parameters
    ----------
    order : [n] reference of each event.
    size : [n] shares.
    adds : [n] whether the event brings the order.
    removes : [n] whether the event takes from it.

    Returns
    -------
    PriorOrders
        In order of the references.
    """
    # events that take from an order which no event brought
    going = np.flatnonzero(removes)
    known = pc.is_in(pa.array(order[going]), pa.array(order[adds])).to_numpy(zero_copy_only=False)
    rows = going[~known]
    ids, first, inverse = np.unique(order[rows], return_index=True, return_inverse=True)
    taken = np.bincount(inverse, size[rows], len(ids)).astype(np.int64)
    first_event = rows[first]
    if not adds.any():
        return PriorOrders(np.zeros_like(first_event), first_event, taken)
    # the first row at which a reference above its own has come; up to the first that comes: it was there at the start
    passed = np.searchsorted(np.maximum.accumulate(np.where(adds, order, 0)), ids, "right")
    return PriorOrders(np.where(passed <= np.argmax(adds), 0, np.minimum(passed, first_event)), first_event, taken)

"""An order as a record, and what may become of it: new, acknowledged, filled, or ended otherwise.

One record a symbol: the order under way or the last one, with what it was decided on and its place in a queue. Step
and short cuts of the back-test, live and a broker behind hfm.orders.protocol.Broker all change it by these kernels
alone. Sizes are in units of the symbol, signed where they are called qty.
"""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np

from hfm.kernels.jit import bare
from hfm.tables.records import RecordType, columns_dtype
from hfm.tables.schema import columns

Record: TypeAlias = Any  # as in hfm.ledger.ledger_records: NumPy's stubs take a field that was set for all of them

NONE, NEW, ACCEPTED, PARTIALLY_FILLED, FILLED, CANCELLED, REJECTED, EXPIRED = range(8)
"""States of an order. In FIX (OrdStatus, tag 39): none, A pending new, 0 new, 1, 2, 4, 8, C."""

TRANSITIONS: dict[int, frozenset[int]] = {
    NONE: frozenset({NEW}),
    NEW: frozenset({ACCEPTED, REJECTED, CANCELLED, EXPIRED}),
    ACCEPTED: frozenset({PARTIALLY_FILLED, FILLED, CANCELLED, EXPIRED}),
    PARTIALLY_FILLED: frozenset({PARTIALLY_FILLED, FILLED, CANCELLED, EXPIRED}),
    FILLED: frozenset({NEW}),
    CANCELLED: frozenset({NEW}),
    REJECTED: frozenset({NEW}),
    EXPIRED: frozenset({NEW}),
}
"""State -> the states that may follow. NEW after an end is the symbol's next order, in the same record."""

NEVER = np.iinfo(np.int64).min
"""`decided` where no row of the session has been seen."""

ORDER: RecordType = columns_dtype(columns("""
    target      f8 units    wanted position
    weight      f8 -        share of the full position of which the target was made
    state       i8 -        NONE, NEW, ...
    qty         f8 units    asked for, signed (OrderQty of FIX)
    filled      f8 units    of it, signed (CumQty)
    leaves      f8 units    still to be filled, signed (LeavesQty); 0 once it has ended
    bid         f8 currency best bid at the last row's close, on which it was decided; 0: no row yet
    ask         f8 currency best ask at the same
    volume      f8 units    traded in the last row
    decided     i8 ns       the last row's close
    entry_row   i8 rows     seen at the last new position
    queue_side  i8 -        of the order that rests; 0: none
    queue_ahead f8 units    before it in its queue
"""))  # fmt: skip
"""What a symbol's order is."""


@bare
def is_open(order: Record) -> bool:
    """Whether an order is under way: NEW, ACCEPTED or PARTIALLY_FILLED."""
    return bool(NEW <= order.state <= PARTIALLY_FILLED)


@bare
def become(order: Record, state: int) -> None:
    """Change an order's state: the only place that does, so that a test can hold each change to TRANSITIONS."""
    order.state = state


@bare
def submit(order: Record, want: float) -> None:
    """Begin an order for `want` signed units: NEW. The one before must have ended."""
    become(order, NEW)
    order.qty = order.leaves = want
    order.filled = 0.0


@bare
def request(order: Record, want: float) -> None:
    """Let the order under way be one for `want` signed units: it goes on if it is, else it is cancelled and replaced.

    `want` is the way from the position to the target; at 0 no order is under way.
    """
    if order.leaves == want:  # it goes on, or there is still none: an order is open while anything of it is left
        return
    cancel(order)
    if want != 0.0:
        submit(order, want)


@bare
def accept(order: Record) -> None:
    """Acknowledge a new order: ACCEPTED. One that works already stays as it is."""
    if order.state == NEW:
        become(order, ACCEPTED)


@bare
def reject(order: Record) -> None:
    """Refuse a new order, for want of a price: REJECTED. One that was accepted goes on and waits."""
    if order.state == NEW:
        order.leaves = 0.0
        become(order, REJECTED)


@bare
def fill(order: Record, qty: float, leaves: float) -> None:
    """Fill part of an accepted order, or what is left of it: PARTIALLY_FILLED, or FILLED.

    Parameters
    ----------
    order
        ORDER, updated.
    qty
        Signed units.
    leaves
        Signed units that are left then.
    """
    order.filled += qty
    order.leaves = leaves
    become(order, FILLED if leaves == 0.0 else PARTIALLY_FILLED)


@bare
def cancel(order: Record) -> None:
    """End an order under way because its target has changed: CANCELLED."""
    if is_open(order):
        order.leaves = 0.0
        become(order, CANCELLED)


@bare
def expire(order: Record) -> None:
    """End an order under way because its session has ended: EXPIRED. What is still wanted is a new order."""
    if is_open(order):
        order.leaves = 0.0
        become(order, EXPIRED)

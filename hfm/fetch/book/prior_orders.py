"""Orders of which a file shows only that they go: when they must have come, and with how much."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from hfm.arrays import Bool, Int


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

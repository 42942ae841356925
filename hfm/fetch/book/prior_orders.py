"""Orders whose going is in a file and whose coming is not: when they must have come, and with how much."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from hfm.arrays import Bool, Int


def orders(order: Int, size: Int, comes: Bool, goes: Bool) -> tuple[Int, Int, Int]:
    """(row at which each came, row of its first event, size that goes), [orders].

    order, size: [n] of every event. comes: the event brings the order. goes: it takes from it. References are given in
    the order of arrival: an order older than the first that comes was there at the start; a later one came where no one
    saw it when those that come passed its reference, and at the latest at its own first event. It came with at least
    what goes.
    """
    going = np.flatnonzero(goes)
    known = pc.is_in(pa.array(order[going]), pa.array(order[comes])).to_numpy(zero_copy_only=False)
    rows = going[~known]
    ids, first, back = np.unique(order[rows], return_index=True, return_inverse=True)
    held = np.bincount(back, size[rows], len(ids)).astype(np.int64)
    seen = rows[first]
    if not comes.any():
        return np.zeros_like(seen), seen, held
    came = np.searchsorted(np.maximum.accumulate(np.where(comes, order, 0)), ids, "right")
    return np.where(came <= np.argmax(comes), 0, np.minimum(came, seen)), seen, held

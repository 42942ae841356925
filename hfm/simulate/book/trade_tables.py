"""A session's trades and one-second snapshots as tables, on demand.

Times are those of the events (see tape.events): ns since the session's opening, cut.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pyarrow as pa

from hfm import tables
from hfm.simulate.book.book_session import Session
from hfm.simulate.book.book_tape import trades


def prints(session: Session, key: Mapping[str, object], opening: int) -> pa.Table:
    """The table `prints`: every trade on and off the book. key, opening: see tape.events."""
    made = [trades(p, v, session.unit) for p, v in zip(session.played, session.volume, strict=True)]
    time, price, size, side, lit = (
        np.concatenate([getattr(one, name) for one in made]) for name in ("time", "price", "size", "side", "lit")
    )
    columns = {"price": price, "size": size, "side": side.astype(np.int8), "lit": lit}
    return _build(tables.PRINTS, columns, time, key, opening)


def snapshots(session: Session, key: Mapping[str, object], opening: int, tick: float) -> pa.Table:
    """The table `snapshots`: best prices and sizes at each second, and what has flowed since the session's open."""
    rows = np.concatenate([p.snapshots for p in session.played])
    mid, half = rows["mid"] + session.origin, 0.5 * rows["spread"]
    columns = {
        "bid": (mid - half) * tick, "ask": (mid + half) * tick, "depth_bid": rows["bid_size"] * session.unit,
        "depth_ask": rows["ask_size"] * session.unit, "ofi": rows["ofi"] * session.unit,
        "signed_volume": rows["signed"] * session.unit,
    }  # fmt: skip
    return _build(tables.SNAPSHOTS, columns, rows["time"], key, opening)


def _build(
    table: tables.Table, columns: Mapping[str, object], time: tables.Array, key: Mapping[str, object], opening: int
) -> pa.Table:
    own = {
        "symbol": str(key["symbol"]), "session": np.full(len(time), key["session"]), "seq": np.arange(len(time)),
        "time": opening + (time * 1e9).astype(np.int64),
    }  # fmt: skip
    return tables.build(table, own | dict(columns), key["meta"], "simulated")  # type: ignore[arg-type]  # a dict

"""Five-minute bars of an order book, for the pictures that show a day: its events are too many, and have no slots.

A slot is a stretch of clock time from the one in which the session's first row lies. Prices are mids.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa

from hfm import tables
from hfm.report.statistics import Float, Int

WIDTH = 300
"""Seconds of a slot."""
TRADES = ("execute", "execute_hidden", "cross")


def slots(time: Int, session: Int) -> Int:
    """The slot of each row, from the first of its session.

    Parameters
    ----------
    time : [n] ns UTC.
    session : [n] days since 1970, in order.

    Returns
    -------
    [n] numbers from 0.
    """
    block = time // (WIDTH * 10**9)
    days, first = np.unique(session, return_index=True)
    least = np.minimum.reduceat(block, first) if len(days) else block
    return np.asarray(block - least[np.searchsorted(days, session)], np.int64)


def hours(time: Int, tz: str) -> Float:
    """Local time of day of instants; the offset from UTC is the first one's.

    Parameters
    ----------
    time : [n] ns UTC.
    tz : IANA name of the zone.

    Returns
    -------
    [n] hours in [0, 24).
    """
    if not len(time):
        return np.empty(0)
    offset = datetime.fromtimestamp(int(time[0]) // 10**9, UTC).astimezone(ZoneInfo(tz)).utcoffset()
    local = time / 3.6e12 + (offset.total_seconds() / 3600 if offset else 0.0)
    return np.asarray(local % 24, np.float64)


def bars(book: tables.Reader) -> tuple[dict[str, tables.Array], tables.TableMeta]:
    """Bars of an order book.

    Parameters
    ----------
    book : the table of its events.

    Returns
    -------
    Columns of the bars table without high and low, and its metadata. Slots without an event are not there; prices are
    mids, volume is that of executions, in shares.
    """
    parts: list[dict[str, tables.Array]] = []
    columns = ["symbol", "session", "time", "event", "size", "bid_px_1", "ask_px_1"]
    for group in book.groups(columns):
        data = tables.arrays(group, [c for c in columns if c != "event"])
        mid = 0.5 * (data["bid_px_1"] + data["ask_px_1"])
        events = group.column("event").cast(pa.string()).to_numpy()
        size = np.where(np.isin(events, TRADES), data["size"], 0.0)
        day = data["session"].astype("datetime64[D]").astype(np.int64)
        seq = slots(data["time"], day)
        good = np.isfinite(mid)
        mid, size, seq = mid[good], size[good], seq[good]
        if not len(seq):
            continue
        first = np.flatnonzero(np.diff(seq, prepend=-1))
        last = np.append(first[1:], len(seq)) - 1
        close = mid[last]
        parts.append({
            "symbol": data["symbol"][good][first], "session": data["session"][good][first], "seq": seq[first],
            "time": (data["time"][good][first] // (WIDTH * 10**9) + 1) * WIDTH * 10**9,
            "open": np.append(mid[:1], close[:-1]), "close": close,
            "volume": np.add.reduceat(size, first), "is_last": np.zeros(len(first), bool),
        })  # fmt: skip
    names = ("symbol", "session", "seq", "time", "open", "close", "volume", "is_last")
    bars_of_book = {name: np.concatenate([p[name] for p in parts]) if parts else np.empty(0) for name in names}
    count = int(bars_of_book["seq"].max()) + 1 if parts else 0
    return bars_of_book, replace(book.meta, interval_s=WIDTH, slots_per_session=count)

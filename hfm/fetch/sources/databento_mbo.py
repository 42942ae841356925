"""Databento's market-by-order records of one symbol as sessions, in parts of so many rows: a day is never held whole.

What is kept from piece to piece is the book, a message that is not ended yet, and the part that is being filled.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from hfm.errors import DataError
from hfm.fetch import sessions
from hfm.fetch.book import mbo
from hfm.fetch.book.order_levels import OrderEvents
from hfm.fetch.sessions import Sessions
from hfm.fetch.sources.dbn_file import RECORDS, DbnRecords
from hfm.instants import DAY_NS
from hfm.plugins import BarRequest
from hfm.raw_data import RawBook
from hfm.tables import GROUP_ROWS
from hfm.tables.records import Records

PRICE = 1_000_000_000
NONE = 2**63 - 1
"""A price that is not there."""
LAST, TOP, SNAPSHOT, DOUBTFUL = 128, 64, 32, 4
"""Flags: last record of a message; a feed of best prices as orders; part of a snapshot; the book may be wrong."""
PART = GROUP_ROWS
"""Rows of a part of a session: 26 MB with ten levels, which malloc takes from memory that was used before (it asks the
system anew for more than 32 MB, and each new page then costs more than what is written to it)."""
AHEAD = 7 * DAY_NS
"""How far beyond the records at hand sessions are looked up."""


class MboSessions:
    """The sessions of one symbol's records, by the calendar; what lies outside of them builds the book and is counted.

    A part is given once a row of the session follows it, so that what is said of the last one rests on all records.
    """

    def __init__(self, path: Path, request: BarRequest, levels: int, rows: int = PART) -> None:
        """Nothing read yet.

        Parameters
        ----------
        path : the file, for messages.
        request : of which calendar and interval are read.
        levels : L, best levels that are shown.
        rows : of a part.
        """
        self._path, self._request, self._levels, self._rows = path, request, levels, rows
        self._book = mbo.OrderBook(levels, PRICE)
        self._open = np.zeros(0, mbo.RECORD)  # the message that is not ended
        self._time, self._tick = 0, 0
        self._counts = {"late": 0, "doubtful_book": 0, "outside": 0}
        self._sessions: Sessions | None = None
        self._until = 0  # sessions are known to here
        self._session, self._start, self._filled = np.datetime64("NaT"), 0, 0
        self._part: OrderEvents | None = None

    def read(self, chunks: Iterable[DbnRecords]) -> Iterator[RawBook]:
        """The sessions in parts, in order.

        Parameters
        ----------
        chunks : records of MBOMsg, one piece after the other.

        Yields
        ------
        RawBook

        Raises
        ------
        DataError
            For a feed that has best prices in the place of orders.
        """
        for chunk in chunks:
            rows = np.concatenate([self._open, self._records(chunk)])
            whole = np.flatnonzero(rows["ends"][:-1]) if len(rows) else np.zeros(0, np.int64)
            # of the last record it is not known yet whether a snapshot ends with it
            cut = len(rows) if len(rows) and self._surely(rows) else int(whole[-1]) + 1 if len(whole) else 0
            self._open = rows[cut:]
            yield from self._take(rows[:cut])
        if len(self._open):
            self._open["ends"][-1] = 1
            yield from self._take(self._open)
        if self._filled:
            yield self._full(self._filled)

    def _surely(self, rows: Records) -> bool:
        """Whether the last record ends a message, whatever follows."""
        return bool(rows["ends"][-1]) and not rows["snapshot"][-1]

    def _records(self, chunk: DbnRecords) -> Records:
        """Records of mbo.RECORD; a message ends with its F_LAST, and where a snapshot begins or ends."""
        if (chunk["flags"] & TOP).any():
            raise DataError(
                f"{self._path} has best prices in the place of orders",
                hint="ask Databento for schema mbp-1 of this venue",
            )
        none = chunk["action"] == b"N"
        chunk = chunk[~none] if none.any() else chunk
        rows: Records = np.zeros(len(chunk), mbo.RECORD)
        if not len(rows):
            return rows
        stamp = chunk["ts_recv"].astype(np.int64)
        # time never runs back; where it would (a doubtful ts_recv) the latest stands, and is counted
        rows["time"] = np.maximum(np.maximum.accumulate(stamp), self._time)
        self._time = int(rows["time"][-1])
        self._counts["late"] += int((rows["time"] != stamp).sum())
        self._counts["doubtful_book"] += int((chunk["flags"] & DOUBTFUL).astype(bool).sum())
        for name, of in (("price", "price"), ("qty", "size"), ("order", "order_id")):
            rows[name] = chunk[of]
        rows["action"] = chunk["action"].view(np.int8)
        rows["side"] = (chunk["side"] == b"B").view(np.int8) - (chunk["side"] == b"A").view(np.int8)
        rows["snapshot"] = (chunk["flags"] & SNAPSHOT) != 0
        rows["ends"] = ((chunk["flags"] & LAST) != 0) & (rows["snapshot"] == 0)
        rows["ends"][:-1] |= rows["snapshot"][1:] != rows["snapshot"][:-1]
        if len(self._open):
            self._open["ends"][-1] |= self._open["snapshot"][-1] != rows["snapshot"][0]
        price = pc.unique(pa.array(chunk["price"])).to_numpy(zero_copy_only=False)
        self._tick = int(np.gcd.reduce(price[price != NONE], initial=self._tick))
        return rows

    def _take(self, rows: Records) -> Iterator[RawBook]:
        """The parts that whole messages fill."""
        if self._part is None or self._filled + 2 * len(rows) > len(self._part.time):
            self._part = self._moved(self._part, 0, self._filled, 2 * len(rows))
        first = self._filled
        n = self._book.take(rows, self._part, first) - first
        if not n:
            return
        time = self._part.time[first : first + n]
        found = self._sessions_to(int(time[0]), int(time[-1]))
        at = np.maximum(np.searchsorted(found.open, time, "right") - 1, 0)
        inside = np.zeros(n, np.bool_)
        if len(found):
            inside = (time >= found.open[at]) & (time <= found.close[at])
        self._counts["outside"] += int((~inside).sum())
        if inside[0] and inside[-1] and at[0] == at[-1] and found.day[at[0]] == self._session:
            self._filled += n
            yield from self._overflow()
            return
        new = self._book.room(n)  # the part may be given away before they are all in one
        new.put(0, self._part.rows(first, first + n))
        for k in np.unique(at[inside]):
            chosen = np.flatnonzero(inside & (at == k))
            if found.day[k] != self._session:
                if self._filled:
                    yield self._full(self._filled)
                self._session, self._start = found.day[k], 0
            self._append(new.rows(int(chosen[0]), int(chosen[-1]) + 1))
            yield from self._overflow()

    def _moved(self, old: OrderEvents | None, start: int, end: int, more: int) -> OrderEvents:
        """Room for a part and so many rows more, begun with some rows of an old one."""
        part = self._book.room(max(self._rows, end - start) + more)
        if old is not None:
            part.put(0, old.rows(start, end))
        return part

    def _append(self, events: OrderEvents) -> None:
        """Some events as the next rows of the part."""
        n = len(events.time)
        if self._part is None or self._filled + n > len(self._part.time):
            self._part = self._moved(self._part, 0, self._filled, n)
        self._part.put(self._filled, events)
        self._filled += n

    def _overflow(self) -> Iterator[RawBook]:
        """The parts that are full and have a row behind them."""
        while self._filled > self._rows:
            rest, part = self._filled - self._rows, self._part
            full = self._full(self._rows)
            self._part, self._filled = self._moved(part, self._rows, self._rows + rest, 2 * RECORDS), rest
            yield full

    def _full(self, n: int) -> RawBook:
        """The first rows of the part at hand; the next one is empty."""
        assert self._part is not None
        events = self._part.rows(0, n)
        counts, start = self._counts, self._start
        self._counts = dict.fromkeys(counts, 0)
        self._part, self._filled, self._start = None, 0, start + n
        return RawBook(
            session=self._session, time=events.time, event=events.event, side=events.side, price=events.price,
            size=events.size, order_id=events.order, levels=events.levels, tick=float(self._tick) / PRICE,
            estimated=True,
            notes=(f"the book was rebuilt to level {self._levels} from single orders; time is ts_recv of each "
                   "message's last",),
            counts=counts, start=start,
        )  # fmt: skip

    def _sessions_to(self, first: int, last: int) -> Sessions:
        """The calendar's sessions from the first event on to beyond the last."""
        if self._sessions is None or last > self._until:
            begin = first if self._sessions is None or not len(self._sessions) else int(self._sessions.open[0])
            self._until = last + AHEAD
            self._sessions = sessions.span(self._request.calendar, self._request.interval_s, begin, self._until)
        return self._sessions

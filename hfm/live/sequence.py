"""What arrives, judged by its place: in order, after a gap, twice, out of order, late, or in a halt.

Rules, by symbol (session, seq); a row's times say how long it is, never where it belongs:
- ok: newer than all before it. `gap` says how many slots of its session are missing before it; nothing is filled in.
- duplicate: its slot has been taken. The first one stands.
- out_of_order: of the session under way, older than the newest row, its slot missing. What was answered since then
  stands, so it is not taken.
- late: of a session that is over, for this symbol or for another. Not taken.
- halt: no price (a mid that is not a positive number). Not taken; a position stays as it is, the next row has a gap.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from hfm.arrays import Float
from hfm.tables.records import Values

OK, DUPLICATE, DISORDER, LATE, HALT = "ok", "duplicate", "out_of_order", "late", "halt"

FAR = 366
"""Days without a row after which no session begins: a run as old as that has to be trained again anyway."""


class Hole(NamedTuple):
    """Missing slots [first, end) of a session."""

    first: int
    end: int


class RowVerdict(NamedTuple):
    """What a row is; the slots missing before it; whether the session before it never ended."""

    status: str
    gap: int = 0
    unfinished: bool = False


class RowSequence:
    """The newest row of each symbol, and the slots of its session that are missing."""

    def __init__(self, symbols: int) -> None:
        self._day, self._seq = [-1] * symbols, [-1] * symbols
        self._ended = [True] * symbols
        self._holes: list[list[Hole]] = [[] for _ in range(symbols)]
        self._newest = -1

    def far(self, row: Values) -> bool:
        """Whether a row's session is so long after the newest that it cannot be meant: all to come would be late."""
        return self._newest >= 0 and row.session > self._newest + FAR

    def judge(self, row: Values) -> RowVerdict:
        """The verdict on a row of QUOTE; one that is ok is remembered."""
        symbol, day, seq = row.symbol, row.session, row.seq
        if day < self._newest:
            return RowVerdict(LATE)
        same = day == self._day[symbol]
        if same and seq <= self._seq[symbol]:
            missing = any(hole.first <= seq < hole.end for hole in self._holes[symbol])
            return RowVerdict(DISORDER if missing else DUPLICATE)
        if not (0.0 < row.mid_open < math.inf and 0.0 < row.mid_close < math.inf):
            return RowVerdict(HALT)
        unfinished = not same and not self._ended[symbol]
        if not same:
            self._holes[symbol] = []
        before = self._seq[symbol] + 1 if same else 0
        if seq > before:
            self._holes[symbol].append(Hole(before, seq))
        self._day[symbol], self._seq[symbol], self._newest = day, seq, day
        self._ended[symbol] = row.is_last
        return RowVerdict(OK, seq - before, unfinished)

    def save(self) -> dict[str, Float]:
        """The state as arrays by name: day, seq and ended [S, 3], and symbol, first and end of the holes [k, 3]."""
        holes = [(s, hole.first, hole.end) for s, ranges in enumerate(self._holes) for hole in ranges]
        newest = np.column_stack([self._day, self._seq, self._ended]).astype(np.float64)
        return {"sequence/newest": newest, "sequence/holes": np.array(holes, np.float64).reshape(-1, 3)}

    def load(self, newest: Float, holes: Float) -> None:
        """Become what was saved.

        Parameters
        ----------
        newest : float64 [S, 3]
            Day, seq and ended of each symbol's newest row.
        holes : float64 [k, 3]
            Symbol, first slot and end of each hole.
        """
        days, seqs, ended = newest.astype(np.int64).T.tolist()
        self._day, self._seq, self._ended, self._newest = days, seqs, [bool(e) for e in ended], max(days)
        self._holes = [[] for _ in days]
        for s, first, end in holes.astype(np.int64).tolist():
            self._holes[s].append(Hole(first, end))

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

import numpy as np

from hfm.live import row_step
from hfm.plugins import Float

OK, DUPLICATE, DISORDER, LATE, HALT = "ok", "duplicate", "out_of_order", "late", "halt"

FAR = 366
"""Days without a row after which no session begins: a run as old as that has to be trained again anyway."""


class Order:
    """The newest row of each symbol, and the slots of its session that are missing."""

    def __init__(self, symbols: int) -> None:
        self._day, self._seq = [-1] * symbols, [-1] * symbols
        self._ended = [True] * symbols
        self._holes: list[list[tuple[int, int]]] = [[] for _ in range(symbols)]
        """Ranges [first, end) of missing slots."""
        self._newest = -1

    def far(self, row: Float) -> bool:
        """Whether a row's session is so long after the newest that it cannot be meant: all to come would be late."""
        return self._newest >= 0 and row.item(row_step.V_SESSION) > self._newest + FAR

    def judge(self, symbol: int, row: Float) -> tuple[str, int, bool]:
        """(verdict, slots missing before it, whether the session before it never ended); an ok row is remembered."""
        day, seq = int(row[row_step.V_SESSION]), int(row[row_step.V_SEQ])
        if day < self._newest:
            return LATE, 0, False
        same = day == self._day[symbol]
        if same and seq <= self._seq[symbol]:
            hole = any(first <= seq < end for first, end in self._holes[symbol])
            return DISORDER if hole else DUPLICATE, 0, False
        if not (0.0 < row[row_step.V_MID_OPEN] < math.inf and 0.0 < row[row_step.V_MID_CLOSE] < math.inf):
            return HALT, 0, False
        unfinished = not same and not self._ended[symbol]
        if not same:
            self._holes[symbol] = []
        before = self._seq[symbol] + 1 if same else 0
        if seq > before:
            self._holes[symbol].append((before, seq))
        self._day[symbol], self._seq[symbol], self._newest = day, seq, day
        self._ended[symbol] = row[row_step.V_LAST] != 0.0
        return OK, seq - before, unfinished

    def save(self) -> dict[str, Float]:
        """The state as arrays: place [S, 3] and holes [k, 3]."""
        holes = [(s, a, b) for s, ranges in enumerate(self._holes) for a, b in ranges]
        place = np.column_stack([self._day, self._seq, self._ended]).astype(np.float64)
        return {"order/place": place, "order/holes": np.array(holes, np.float64).reshape(-1, 3)}

    def load(self, place: Float, holes: Float) -> None:
        """Become what was saved."""
        self._day, self._seq = ([int(v) for v in place[:, k]] for k in (0, 1))
        self._ended, self._newest = [bool(v) for v in place[:, 2]], max(self._day)
        self._holes = [[] for _ in self._day]
        for s, a, b in holes.astype(np.int64).tolist():
            self._holes[s].append((a, b))

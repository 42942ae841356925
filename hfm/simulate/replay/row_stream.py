"""Rows of quotes from a session that comes in parts: the same, bit for bit, however it is cut.

What is kept is the events since the last row that closed, and the running sums before them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from hfm.arrays import Float
from hfm.simulate.replay import event_tape, intervals, tape_sums
from hfm.simulate.replay.event_tape import Tape
from hfm.simulate.replay.intervals import QuoteIntervals
from hfm.simulate.replay.tape_sums import RowsBefore, TapeSums

Rows = Callable[[Tape, int, bool], QuoteIntervals]
"""The rows of a tape from a number on; whether no event follows."""


class QuoteRows(NamedTuple):
    """Rows and their columns; see intervals."""

    rows: QuoteIntervals
    columns: dict[str, Float]


class RowStream:
    """The rows of one session of one symbol."""

    def __init__(self, start: int, end: int, every: int | None) -> None:
        """Nothing read yet.

        Parameters
        ----------
        start, end
            ns UTC of the session.
        every
            ns of a row; None: a row a time stamp.
        """
        self._start, self._end, self._every = start, end, every
        self._parts: list[Tape] = []
        self._seq = 0
        self._before: RowsBefore | None = None

    def take(self, part: Tape, final: bool) -> QuoteRows | None:
        """The rows that the next part of the session completes.

        Parameters
        ----------
        part
            Its events.
        final
            Whether no event follows.

        Returns
        -------
        QuoteRows | None
            None where it completes no row.
        """
        self._parts.append(part)
        if not final and self._every is not None and part.time[-1] <= self._start + (self._seq + 1) * self._every:
            return None
        tape = self._parts[0]
        for other in self._parts[1:]:
            tape = event_tape.join(tape, other)
        self._parts = [tape]
        rows = self._rows(tape, final)
        if not len(rows.seq):
            return None
        of = tape_sums.sums(tape, rows.clocked, self._before)
        columns = intervals.columns(tape, rows, of)
        self._seq = int(rows.seq[-1]) + 1
        self._keep(tape, rows, of, float(columns["half_spread"][-1]))
        return QuoteRows(rows, columns)

    def _rows(self, tape: Tape, final: bool) -> QuoteIntervals:
        if self._every is None:
            return intervals.by_event(tape, self._seq, final)
        return intervals.by_clock(tape, self._start, self._end, self._every, self._seq, final)

    def _keep(self, tape: Tape, rows: QuoteIntervals, of: TapeSums, half: float) -> None:
        """The events from the last row's closing on, and the sums before them; half: that row's half-spread."""
        at = int(rows.closing[-1])
        first, trade = np.searchsorted(tape.at, (rows.after[0], at), "right")
        known = not np.isnan(of.half) or of.weight[trade] > of.weight[first]
        clocked = len(of.spread) > 0
        self._before = RowsBefore(
            rows=self._seq,
            bid=float(of.bid[at]),
            ask=float(of.ask[at]),
            bps=float(of.bps[at]),
            ofi=float(of.ofi[at]),
            spread=float(of.spread[at]) if clocked else 0.0,
            known=float(of.known[at]) if clocked else 0.0,
            volume=float(of.volume[trade]),
            signed=float(of.signed[trade]),
            paid=float(of.paid[trade]),
            weight=float(of.weight[trade]),
            half=half if known else np.nan,
        )
        self._parts = [event_tape.cut(tape, at)]

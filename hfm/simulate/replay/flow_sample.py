"""What a replay keeps of a symbol for the calibration: five-minute rows, and its first events."""

from __future__ import annotations

import dataclasses
import math
from typing import Any

import numpy as np
import pyarrow as pa

from hfm.arrays import Bool, Float, Int
from hfm.instants import SECOND_NS
from hfm.simulate.book import fitted, observed_events
from hfm.simulate.book.observed_events import ObservedEvents
from hfm.simulate.replay import book_distance, fitted_constants
from hfm.simulate.replay.event_tape import Tape
from hfm.simulate.replay.row_stream import QuoteRows, RowStream
from hfm.simulate.replay.studies import SessionStates

MOST = 2_000_000
"""Events of a symbol from which its flow is fitted."""


class FlowSample:
    """A symbol's five-minute rows, and its first MOST events, kept for the calibration."""

    def __init__(self, tick: float, slots: int) -> None:
        self.tick, self.slots = tick, slots
        self.sessions: list[tuple[Int, dict[str, Float]]] = []
        self.events: list[tuple[ObservedEvents, Bool, int]] = []
        self.begin_session(0, 0)

    def begin_session(self, start: int, end: int) -> None:
        """Forget what came of a session that was not ended; start, end: ns UTC of the next."""
        self._start, self._end = start, end
        self._stream = RowStream(start, end, fitted_constants.EVERY * SECOND_NS)
        self._rows: list[QuoteRows] = []
        self._parts: list[ObservedEvents] = []
        self._last: pa.Table | None = None

    def take(self, tape: Tape, group: pa.Table, final: bool) -> None:
        """Take a part of a session.

        Parameters
        ----------
        tape
            Of the part.
        group
            Its rows of the book table.
        final
            Whether no other follows.
        """
        taken = sum(len(r.time) for r, _, _ in self.events) + sum(len(part.time) for part in self._parts)
        room = max(MOST - taken, 0)
        if room or self._last is None:
            # the first row stands for what was before
            rows = group.slice(0, room + 1)
            if self._last is not None:
                rows = pa.concat_tables([self._last, group.slice(0, room)])
            self._parts.append(observed_events.read_events(rows, self.tick))
            self._last = group.slice(group.num_rows - 1)
        found = self._stream.take(tape, final)
        if found is not None:
            self._rows.append(found)

    def end_session(self, states: SessionStates) -> None:
        """Keep the session, whose last part was taken; a half day has fewer slots.

        Parameters
        ----------
        states
            Of all of it.
        """
        events = observed_events.concat(self._parts)
        if len(events.time):
            inside = (events.time > self._start) & (events.time <= self._end)
            even = (events.time - self._start) // book_distance.HALF_HOUR % 2 == 0
            span = min(int(events.time[-1]), self._end) - max(states.first_time, self._start)
            halves = max(span // book_distance.HALF_HOUR + 1, 0)
            self.events.append((dataclasses.replace(events, use=events.use & inside), even, (halves + 1) // 2))
        seq = np.concatenate([np.zeros(0, np.int64), *(found.rows.seq for found in self._rows)])
        columns = {
            name: np.concatenate([np.zeros(0), *(found.columns[name] for found in self._rows)])
            for name in fitted_constants.COLUMNS
        }
        inside = seq < self.slots
        self.sessions.append((seq[inside], {name: column[inside] for name, column in columns.items()}))
        self.begin_session(0, 0)


def flow(of: FlowSample) -> dict[str, Any]:  # Any: JSON
    """The laws of a book's events, and by how much they tell the next event better than shares do.

    Parameters
    ----------
    of
        The symbol's events; even half-hours are fitted.

    Returns
    -------
    dict[str, Any]
        tables, and the gain in nats there and in the odd half-hours; empty tables alone where the events are too few.
    """
    seconds = 1800.0 * sum(halves for _, _, halves in of.events)
    tables = fitted.fit([r for r, _, _ in of.events], [even for _, even, _ in of.events], seconds) if of.events else {}
    if not tables:
        return {"tables": {}}
    gains = []
    for odd in (False, True):
        parts = [(int((r.use & (even != odd)).sum()), fitted.gain(tables, r, even != odd)) for r, even, _ in of.events]
        gains.append(sum(n * g for n, g in parts if n and math.isfinite(g)) / max(sum(n for n, _ in parts), 1))
    names = ("gain_nats", "gain_nats_held_out")
    return {"tables": tables, **{name: float(f"{g:.6g}") for name, g in zip(names, gains, strict=True)}}


def calibration(fits: dict[str, FlowSample]) -> dict[str, Any]:  # Any: JSON
    """What facts.json says of the fit.

    Parameters
    ----------
    fits
        By symbol; the one with the most sessions, the first of those, stands for the run.

    Returns
    -------
    dict[str, Any]
        Constants that `--calibrate-from` takes, and their values in the held-out half.
    """
    symbol = max(fits, key=lambda s: len(fits[s].sessions))
    even, odd = fitted_constants.constants(fits[symbol].sessions, fits[symbol].slots, fits[symbol].tick)
    rounded = [{name: float(f"{value:.6g}") for name, value in part.items()} for part in (even, odd)]
    return {"constants": rounded[0], "held_out": rounded[1], "constants_of": symbol} | flow(fits[symbol])

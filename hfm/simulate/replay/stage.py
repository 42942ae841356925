"""`replay` fidelity: a real order book as quotes, event by event or on a clock. Nothing is invented.

One group of the book (a session of a symbol) at a time; the oracle knows nothing, and says so (NaN).
"""

from __future__ import annotations

import dataclasses
import math
import re
import warnings
from collections.abc import Iterator
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa

from hfm import artifacts
from hfm.arrays import Bool, Float, Int
from hfm.config import Simulate
from hfm.errors import DataError, UsageError
from hfm.instants import DAY_NS, SECOND_NS
from hfm.simulate.book import fitted, observed_events
from hfm.simulate.book.observed_events import ObservedEvents
from hfm.simulate.replay import book_distance, event_tape, fitted_constants, intervals
from hfm.simulate.replay.intervals import QuoteIntervals
from hfm.simulate.replay.studies import Studies
from hfm.stage import Context, Product
from hfm.tables import ORACLE, QUOTES, Array, Provenance, Reader, TableMeta, build, column_array

MOST = 2_000_000
"""Events of a symbol from which its flow is fitted."""
_CLOSING = 60 * SECOND_NS  # an event row this near the close is the session's last


def run(book: Reader, sim: Simulate, ctx: Context) -> Iterator[Product]:
    """Quotes and oracle of fetch/book.parquet, and the facts about them; for UsageError see `clock`.

    Parameters
    ----------
    book
        The table.
    sim
        The configuration.
    ctx
        Warnings, progress.

    Yields
    ------
    Product
        simulate/quotes.parquet and simulate/oracle.parquet by session, then facts.json.

    Raises
    ------
    DataError
        Where no event leaves a two-sided quote.
    """
    every = clock(sim.every)
    studies, fits = Studies(), dict[str, FlowSample]()
    sessions_replayed = 0
    meta = book.meta
    for group in book.groups(event_tape.needed(meta.levels)):
        key = _session_of(group, meta.calendar)
        tape = event_tape.read(group, meta.levels)
        if tape is None:
            ctx.warn(f"{key.symbol} {key.day}: no event leaves a bid below an ask, the session is left out")
            continue
        rows = intervals.by_event(tape) if every is None else intervals.by_clock(tape, key.start, key.end, every)
        if not len(rows.seq):
            ctx.warn(f"{key.symbol} {key.day}: no event lies inside the session, which is left out")
            continue
        sessions_replayed += 1
        tick = float((meta.ticks or {})[key.symbol])
        studies.add(tape, key.start, key.end, tick)
        sample = fits.setdefault(key.symbol, FlowSample(tick, key.length // (fitted_constants.EVERY * SECOND_NS)))
        sample.add(tape, group, key.start, key.end)
        yield from _tables(tape, rows, key, _about(meta, sim, every, key.length), tick)
        ctx.progress("simulate", sessions_replayed, sessions_replayed, f"{key.symbol} {key.day}")
    if not sessions_replayed:
        raise DataError(
            "the order book leaves no row of quotes",
            hint="fetch a book with events inside the sessions of its calendar",
        )
    yield artifacts.FACTS, studies.document() | calibration(fits)


class SessionKey(NamedTuple):
    """Whose session it is, and its open and close (ns UTC)."""

    symbol: str
    day: np.datetime64
    start: int
    end: int

    @property
    def length(self) -> int:
        """Nanoseconds from open to close."""
        return self.end - self.start


def _session_of(group: pa.Table, calendar: str) -> SessionKey:
    """The session of a row group of the book."""
    day = column_array(group.column("session").slice(0, 1))[0]
    return SessionKey(str(group.column("symbol")[0].as_py()), day, *hours(calendar, day))


class FlowSample:
    """A symbol's five-minute rows, and its first MOST events, kept for the calibration."""

    def __init__(self, tick: float, slots: int) -> None:
        self.tick, self.slots = tick, slots
        self.sessions: list[tuple[Int, dict[str, Float]]] = []
        self.events: list[tuple[ObservedEvents, Bool, int]] = []

    def add(self, tape: event_tape.Tape, group: pa.Table, start: int, end: int) -> None:
        """Take a session; a half day has fewer slots.

        Parameters
        ----------
        tape
            Of the session.
        group
            Its rows of the book table.
        start, end
            ns UTC.
        """
        room = MOST - sum(len(r.time) for r, _, _ in self.events)
        events = observed_events.read_events(
            group.slice(0, max(room, 0) + 1), self.tick
        )  # the first stands for what was before
        if len(events.time):
            inside = (events.time > start) & (events.time <= end)
            even = (events.time - start) // book_distance.HALF_HOUR % 2 == 0
            span = min(int(events.time[-1]), end) - max(int(tape.time[tape.first]), start)
            halves = max(span // book_distance.HALF_HOUR + 1, 0)
            self.events.append((dataclasses.replace(events, use=events.use & inside), even, (halves + 1) // 2))
        rows = intervals.by_clock(tape, start, end, fitted_constants.EVERY * SECOND_NS)
        columns = intervals.columns(tape, rows)
        inside = rows.seq < self.slots
        self.sessions.append((rows.seq[inside], {name: columns[name][inside] for name in fitted_constants.COLUMNS}))


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


def clock(text: str) -> int | None:
    """The length of a row.

    Parameters
    ----------
    text
        `event`, or a number and ms, s, m or h.

    Returns
    -------
    int | None
        Nanoseconds; None for one row a time stamp.

    Raises
    ------
    UsageError
        For any other text, and a length that is not within 1 ms and 1 h.
    """
    match = re.fullmatch(r"(\d+(?:\.\d+)?)(ms|s|m|h)", text)
    if text == "event":
        return None
    length = int(float(match[1]) * {"ms": 1e6, "s": 1e9, "m": 6e10, "h": 3.6e12}[match[2]]) if match else 0
    if not 1_000_000 <= length <= 3600 * SECOND_NS:
        raise UsageError(
            f"simulate.every is {text!r}",
            why="a row lasts from 1ms to 1h",
            hint="--every event, or --every 1s, or --every 5m",
        )
    return length


def hours(calendar: str, day: Array) -> tuple[int, int]:
    """Open and close of a session, by the calendar.

    Parameters
    ----------
    calendar
        Its name.
    day
        datetime64[D].

    Returns
    -------
    tuple[int, int]
        ns UTC; the whole day where the calendar has none of that date.
    """
    import exchange_calendars
    import pandas as pd

    stamp = pd.Timestamp(str(day))
    try:
        with warnings.catch_warnings():  # pandas speaks of its own future
            warnings.simplefilter("ignore")
            trading_days = exchange_calendars.get_calendar(calendar, start=stamp - pd.Timedelta(days=10))
        return int(trading_days.session_open(stamp).value), int(trading_days.session_close(stamp).value)
    except (exchange_calendars.errors.CalendarError, exchange_calendars.errors.NotSessionError, ValueError):
        return int(stamp.value), int(stamp.value) + DAY_NS


def _about(meta: TableMeta, sim: Simulate, every: int | None, length: int) -> TableMeta:
    """Metadata of quotes. Event rows have no slots: they are counted as if one came a second."""
    seconds = 1.0 if every is None else every / SECOND_NS
    slots = int(length / SECOND_NS / seconds)
    sessions = 365 if meta.calendar == "24/7" else 252
    return replace(
        meta, interval_s=seconds, slots_per_session=slots, slots_per_year=slots * sessions,
        sessions_per_year=sessions, fidelity="replay", every=sim.every, recipe="none", signal="none",
        tick=max((meta.ticks or {}).values()), mid_is_trade=False,
    )  # fmt: skip


def _tables(
    tape: event_tape.Tape, rows: QuoteIntervals, session: SessionKey, about: TableMeta, tick: float
) -> Iterator[Product]:
    n = len(rows.seq)
    columns = intervals.columns(tape, rows)
    origin = columns["mid_open"].copy()
    adjacent = np.diff(rows.seq) == 1
    origin[1:][adjacent] = columns["mid_close"][:-1][adjacent]
    returns = np.log(columns["mid_close"] / origin)
    is_last = rows.t_close == session.end
    if about.every == "event":
        is_last = (np.arange(n) == n - 1) & (session.end - rows.t_close < _CLOSING)
    key = {
        "symbol": session.symbol, "session": pa.array(np.full(n, session.day)), "seq": rows.seq, "time": rows.t_close,
    }  # fmt: skip
    yield artifacts.QUOTES, build(
        QUOTES,
        key | columns | {
            "time_open": rows.t_open, "is_last": is_last, "sigma_bps": 1e4 * intervals.sigma(returns, tick, origin),
            "cash_dividend": np.zeros(n), "split_ratio": np.ones(n), "flags": intervals.flags(columns["volume"]),
        },
        about,
        provenance(),
    )  # fmt: skip
    unknown = np.full(n, np.nan)
    nothing = dict.fromkeys(("p_up", "p_up_latent", "log_spread_mean", "log_spread_sd"), unknown)
    yield artifacts.ORACLE, build(ORACLE, key | nothing | {"signal": np.zeros(n)}, about, "estimated")


def provenance() -> dict[str, Provenance]:
    """All observed, but the forecast sd."""
    out: dict[str, Provenance] = {column.name: "observed" for column in QUOTES.columns}
    return out | {"sigma_bps": "estimated"}

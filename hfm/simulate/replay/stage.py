"""`replay` fidelity: a real order book as quotes, event by event or on a clock. Nothing is invented.

One group of the book at a time, a session of a symbol or a part of a long one; the oracle knows nothing, and says so
(NaN).
"""

from __future__ import annotations

import itertools
import re
import warnings
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pyarrow as pa

from hfm import artifacts
from hfm.config import Simulate
from hfm.errors import DataError, UsageError
from hfm.instants import DAY_NS, SECOND_NS
from hfm.simulate.replay import event_tape, fitted_constants
from hfm.simulate.replay.flow_sample import FlowSample, calibration
from hfm.simulate.replay.session_replay import SessionKey, SessionReplay
from hfm.simulate.replay.studies import Studies
from hfm.stage import Context, Product
from hfm.tables import Reader, TableMeta, column_array


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
    for (symbol, day), parts in itertools.groupby(_ahead(book.parts(event_tape.needed(meta.levels))), _session_of):
        key = SessionKey(symbol, day, *hours(meta.calendar, day))
        tick = float((meta.ticks or {})[symbol])
        sample = fits.get(symbol, FlowSample(tick, key.length // (fitted_constants.EVERY * SECOND_NS)))
        replay = SessionReplay(key, every, sample, _about(meta, sim, every, key.length), tick)
        for group, final in _marked(parts):
            yield from replay.take(group, meta.levels, final)
        if replay.states is None:
            ctx.warn(f"{key.symbol} {key.day}: no event leaves a bid below an ask, the session is left out")
            continue
        if not replay.rows:
            ctx.warn(f"{key.symbol} {key.day}: no event lies inside the session, which is left out")
            continue
        sessions_replayed += 1
        studies.add(replay.states, key.start, key.end, tick)
        fits[symbol] = sample
        sample.end_session(replay.states)
        ctx.progress("simulate", sessions_replayed, sessions_replayed, f"{key.symbol} {key.day}")
    if not sessions_replayed:
        raise DataError(
            "the order book leaves no row of quotes",
            hint="fetch a book with events inside the sessions of its calendar",
        )
    yield artifacts.FACTS, studies.document() | calibration(fits)


def _ahead(parts: Iterator[pa.Table]) -> Iterator[pa.Table]:
    """The same parts, each read (outside the interpreter's lock) while the one before it is worked on."""
    with ThreadPoolExecutor(1) as beside:
        following = beside.submit(next, parts, None)
        while (part := following.result()) is not None:
            following = beside.submit(next, parts, None)
            yield part


def _session_of(group: pa.Table) -> tuple[str, np.datetime64]:
    """Symbol and day of a group of the book: a session, or a part of one."""
    return str(group.column("symbol")[0].as_py()), column_array(group.column("session").slice(0, 1))[0]


def _marked(parts: Iterator[pa.Table]) -> Iterator[tuple[pa.Table, bool]]:
    """Each part, and whether it is the last."""
    held = next(parts)
    for part in parts:
        yield held, False
        held = part
    yield held, True


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


def hours(calendar: str, day: np.datetime64) -> tuple[int, int]:
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

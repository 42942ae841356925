"""The newest row of each symbol, answered with the final fit: what `hfm predict` prints."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from hfm.instants import DAY_NS
from hfm.live import quote_rows
from hfm.live.stream import Answer, Stream, in_time, sessions
from hfm.tables import Reader
from hfm.tables.records import Records, Values

PATIENCE = 2
"""Intervals after which a row is stale while the market is open."""
Clock = Callable[[str, int], int | None]
"""Answers as `trading_since` does."""


@dataclass(frozen=True)
class Newest:
    """answers: one a symbol; is_open: whether the market is; stale: symbols whose newest row is too old."""

    answers: list[Answer]
    is_open: bool
    stale: list[str]


def predict(stream: Stream, quotes: Reader, now: int, clock: Clock) -> Newest:
    """The answer to each symbol's newest row, with its age in seconds.

    It is that of a batch over the same rows with the final fit. The wanted position is that of a ledger that starts the
    last session flat, with the capital of the settings. A symbol without a row in the last session has no forecast.

    Parameters
    ----------
    stream : Stream
        New.
    quotes : Reader
        The run's quotes.
    now : int
        Ns UTC.
    clock : Clock
        `trading_since`; it is asked only where the rows themselves do not tell.

    Returns
    -------
    Newest
    """
    node = stream.node
    node.use("final")
    newest: dict[int, Values] = {}
    last: list[Records] = []
    for _, block in sessions(quotes, node):
        for rows in last:
            node.feed(rows)
        last = block
        newest |= {row.symbol: row for rows in block for row in quote_rows.CODEC.all(rows[-1:])}
    answered: dict[int, Answer] = {}
    for row in in_time(last) if last else ():
        answered[row.symbol] = stream.take(row, always=row.seq == newest[row.symbol].seq)
    opened = min((int(rows["time_open"][0]) - int(rows["session"][0]) * DAY_NS for rows in last), default=0)
    since = _trading_since(stream, newest, now, opened, clock)
    answers, stale = [], []
    for symbol, row in sorted(newest.items()):
        answer = answered.get(symbol) or stream.head("no row in the last session", row)
        answer["age_s"] = (now - row.time) / 1e9
        late = since is not None and now - max(row.time, since) > PATIENCE * node.market.interval_s * 1e9
        answer["stale"] = late
        stale += [node.market.symbols[symbol]] * late
        answers.append(answer)
    return Newest(answers, since is not None, stale)


def _trading_since(stream: Stream, newest: Mapping[int, Values], now: int, opened: int, clock: Clock) -> int | None:
    """When the trading under way began, ns UTC; None: the market is closed.

    A row within two intervals that is not its session's last means that the market is open; one that is, that it has
    closed. Only for older ones is the calendar needed.

    Parameters
    ----------
    stream : Stream
        Of the market.
    newest : mapping of int to values of QUOTE
        Each symbol's newest row.
    now : int
        Ns UTC.
    opened : int
        When the last session began, ns after its midnight UTC.
    clock : Clock
        The calendar.

    Returns
    -------
    int, optional
    """
    market = stream.node.market
    for row in newest.values():
        if now - row.time <= PATIENCE * market.interval_s * 1e9 and market.calendar != "24/7":
            return None if row.is_last else row.session * DAY_NS + opened
    return clock(market.calendar, now)


def trading_since(calendar: str, now: int) -> int | None:
    """When the trading under way at `now` began (ns UTC), at the open or after a break; None: the market is closed."""
    if calendar == "24/7":
        return now // DAY_NS * DAY_NS
    import exchange_calendars  # takes a second

    first, last = (np.datetime64(now + days * DAY_NS, "ns").astype("datetime64[D]") for days in (-10, 10))
    table = exchange_calendars.get_calendar(calendar, start=str(first), end=str(last)).schedule
    opens, closes = (table[name].to_numpy("datetime64[ns]") for name in ("open", "close"))
    pauses, resumes = (table[name].to_numpy("datetime64[ns]") for name in ("break_start", "break_end"))
    instant = np.datetime64(now, "ns")
    for begin, end, pause, resume in zip(opens, closes, pauses, resumes, strict=True):
        if begin <= instant < end and not pause <= instant < resume:  # without a break both are NaT: never true
            return int((resume if resume <= instant else begin).astype(np.int64))
    return None

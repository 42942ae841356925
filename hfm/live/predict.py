"""The newest row of each symbol, answered with the final fit: what `hfm predict` prints."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from hfm.live import quote_rows, row_step
from hfm.live.stream import Answer, Stream, in_time, sessions
from hfm.plugins import Float
from hfm.tables import Reader

PATIENCE = 2
"""Intervals after which a row is stale while the market is open."""
Opened = Callable[[str, int], int | None]


@dataclass(frozen=True)
class Newest:
    """answers: one a symbol; is_open: whether the market is; stale: symbols whose newest row is too old."""

    answers: list[Answer]
    is_open: bool
    stale: list[str]


def predict(stream: Stream, quotes: Reader, now: int, opened: Opened) -> Newest:
    """The answer to each symbol's newest row, with its age in seconds at `now` (ns UTC).

    What a batch over the same rows with the final fit says of the last one. The wanted position is that of a ledger
    that starts the last session flat, with the capital of the settings. A symbol without a row in the last session has
    no forecast. opened: see market.opened; it is asked only where the rows themselves do not tell.
    """
    engine = stream.engine
    engine.place("final")
    newest: dict[int, Float] = {}
    held: list[tuple[int, Float]] = []
    for _, block in sessions(quotes, engine):
        for symbol, data in held:
            engine.feed(symbol, data)
        held = block
        newest |= {symbol: data[-1] for symbol, data in block}
    said: dict[int, Answer] = {}
    for symbol, row in in_time(held) if held else ():
        said[symbol] = stream.take(symbol, row)
    first = min((float(data[0, row_step.V_OPEN_NS]) for _, data in held), default=0.0)
    began = _began(stream, newest, now, (int(first), opened))
    answers, stale = [], []
    for symbol, row in sorted(newest.items()):
        end = int(row[row_step.V_SESSION]) * quote_rows.DAY_NS + int(row[row_step.V_CLOSE_NS])
        answer = said.get(symbol) or stream.head("no row in the last session", symbol, row)
        answer["age_s"] = (now - end) / 1e9
        late = began is not None and now - max(end, began) > PATIENCE * engine.market.interval_s * 1e9
        answer["stale"] = late
        stale += [engine.market.symbols[symbol]] * late
        answers.append(answer)
    return Newest(answers, began is not None, stale)


def _began(stream: Stream, newest: dict[int, Float], now: int, clock: tuple[int, Opened]) -> int | None:
    """When the trading under way began; None: the market is closed.

    A row within two intervals that is not its session's last says that the market is open; one that is, that it has
    closed. Only for older ones is the calendar needed. clock: ns of the day at which the last session's rows begin, and
    the calendar.
    """
    market = stream.engine.market
    for row in newest.values():
        end = int(row[row_step.V_SESSION]) * quote_rows.DAY_NS + int(row[row_step.V_CLOSE_NS])
        if now - end <= PATIENCE * market.interval_s * 1e9 and market.calendar != "24/7":
            if row[row_step.V_LAST] == 0.0:
                return int(row[row_step.V_SESSION]) * quote_rows.DAY_NS + clock[0]
            return None
    return clock[1](market.calendar, now)

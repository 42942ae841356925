"""Rows in, answers out, a line each: a replay of the run's own quotes, or a live feed.

A replay steps each out-of-sample session with the fit of its fold, so it is the back-test again; sessions after the
training data are stepped with `final`, as a live feed is. Rows before the first out-of-sample session only warm up.
"""

from __future__ import annotations

import itertools
import math
import time
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
import pydantic_core

from hfm import tables
from hfm.errors import DataError, UsageError
from hfm.ledger.reasons import spell
from hfm.live import quote_rows, row_step, sequence
from hfm.live.fit_chooser import Folds, Walk
from hfm.live.monitor import Gauge
from hfm.live.node import Engine
from hfm.models.inference import OUT
from hfm.plugins import Float
from hfm.tables import Reader

INVALID = "invalid"
Answer = dict[str, Any]  # Any: JSON values


class Stream:
    """An engine with its judge of what arrives, its counts, and the answers to both."""

    def __init__(self, engine: Engine) -> None:
        self.engine, self.order = engine, sequence.Order(len(engine.market.symbols))
        self.gauge = Gauge()
        self.taken = 0
        """Rows read from a replay, warm-up included: where a restart goes on."""
        self._row = np.empty(row_step.ROW)
        self._clock = time.perf_counter
        """Only for the gauge's latencies; no answer depends on it."""

    def take(self, symbol: int, row: Float, flags: tuple[int, bool] = (0, False)) -> Answer:
        """The answer to a row that is in order. flags: slots missing before it; whether a session never ended."""
        engine = self.engine
        out = engine.take(symbol, row)
        self.gauge.add(out, engine.result, row, engine.market.slots, flags)
        gap, unfinished = flags
        answer = self.head(sequence.OK, symbol, row)
        answer["model"] = f"{engine.model}/{engine.fold}"
        values = out.tolist()
        for name, value in zip(OUT, values, strict=False):
            answer[name] = value if math.isfinite(value) else None
        result = engine.result
        for name in ("signal", "target", "position", "equity", "net_pnl"):
            answer[name] = result[name].item()
        answer["reasons"] = spell(result["reason"].item())
        if gap:
            answer["gap"] = gap
        if unfinished:
            answer["unfinished"] = True
        if row[row_step.V_LAST]:
            answer["last"] = True
        return answer

    def head(self, status: str, symbol: int, row: Float) -> Answer:
        """An answer's first entries: its status and the row's key."""
        day = int(row[row_step.V_SESSION])
        return {
            "status": status, "symbol": self.engine.market.symbols[symbol], "session": quote_rows.spell_day(day),
            "seq": int(row[row_step.V_SEQ]), "time": quote_rows.spell_time(day, row[row_step.V_CLOSE_NS]),
        }  # fmt: skip

    # ------------------------------------------------------------------------------------------------- a live feed
    def warm(self, quotes: Reader) -> None:
        """See all of the run's quotes: features and history of every row, the model from the last session's open."""
        self.engine.place("final")
        held: list[tuple[int, Float]] = []
        for _, block in sessions(quotes, self.engine):
            for symbol, data in held:
                self.engine.feed(symbol, data)
            held = block
            for symbol, data in block:
                for row in data:
                    self.order.judge(symbol, row)
        for symbol, row in in_time(held) if held else ():
            self.engine.take(symbol, row, trade=False)

    def answer(self, text: bytes) -> str:
        """The answer to one line of a feed, as one line; a line that cannot be understood is answered, too."""
        try:
            name = quote_rows.parse(_read(text), self._row)
            symbol = self.engine.number(name)
            if symbol < 0:
                raise DataError(f"symbol {name[:20]!r} is not one of the run's", hint="")
            if self.order.far(self._row):
                raise DataError(f"its session lies more than {sequence.FAR} days after the newest", hint="")
        except DataError as e:
            self.gauge.count(INVALID)
            return _written({"status": INVALID, "why": e.what})
        verdict, gap, unfinished = self.order.judge(symbol, self._row)
        if verdict == sequence.OK:
            return _written(self.take(symbol, self._row, (gap, unfinished)))
        self.gauge.count(verdict)
        return _written(self.head(verdict, symbol, self._row))

    def feed(self, lines: Iterable[bytes]) -> Iterator[str]:
        """An answer for each line that is not empty."""
        for text in lines:
            if text.strip():
                began = self._clock()
                line = self.answer(text)
                self.gauge.time(self._clock() - began)
                yield line

    # ------------------------------------------------------------------------------------------------------ a replay
    def replay(self, quotes: Reader) -> Iterator[str]:
        """Answers to the run's rows in time order, from the first out-of-sample session on, or where it stopped."""
        plan, done = Folds(self.engine.checkpoint.document), 0
        walk = Walk(self.engine) if plan.inside else None
        if walk is not None and self.engine.whole is not None:
            raise UsageError(
                f"{self.engine.model} cannot be replayed here", why="its graph takes whole sessions; folds end inside",
                hint="hfm backtest",
            )  # fmt: skip
        for day, block in sessions(quotes, self.engine):
            fold = plan.of(day)
            if walk is not None:
                walk.see(block)
            if fold is None:
                for symbol, data in block:
                    done += len(data)
                    if done > self.taken:
                        self.engine.feed(symbol, data)
                        self.taken = done
                continue
            if walk is None:
                self.engine.place(fold)
            for symbol, row in in_time(block):
                done += 1
                said = walk is None or walk.turn(plan.at(day, row), symbol, done > self.taken)
                if done > self.taken:
                    began = self._clock()
                    _, gap, unfinished = self.order.judge(symbol, row)
                    self.taken = done
                    if not said:
                        self.engine.rest(symbol, row)
                        continue
                    line = _written(self.take(symbol, row, (gap, unfinished)))
                    self.gauge.time(self._clock() - began)
                    yield line


def _read(text: bytes) -> object:
    """A JSON value, numbers to the last bit, in a third of the standard library's time; else DataError."""
    try:
        return pydantic_core.from_json(text)
    except ValueError as e:
        raise DataError(f"not JSON: {e}", hint="") from None


def _written(answer: Answer) -> str:
    """An answer as one line, numbers to the last bit, in a sixth of the standard library's time."""
    return pydantic_core.to_json(answer, inf_nan_mode="null").decode()


def sessions(quotes: Reader, engine: Engine) -> Iterator[tuple[int, list[tuple[int, Float]]]]:
    """(day, [(symbol's number, its rows [n, ROW])]) of each session in order."""
    for group in quotes.groups(list(quote_rows.COLUMNS)):
        columns = tables.arrays(group, quote_rows.COLUMNS)
        data, names = quote_rows.matrix(columns), columns["symbol"]
        blocks = [
            (engine.number(str(names[a])), data[a:b]) for a, b in itertools.pairwise(tables.blocks(group).tolist())
        ]
        for day, same in itertools.groupby(blocks, key=lambda block: int(block[1][0, row_step.V_SESSION])):
            yield day, list(same)


def in_time(block: list[tuple[int, Float]]) -> Iterator[tuple[int, Float]]:
    """Rows of one session by time; symbols of one instant in their order."""
    if len(block) == 1:
        symbol, data = block[0]
        yield from ((symbol, row) for row in data)
        return
    every = np.concatenate([data for _, data in block])
    owner = np.repeat([symbol for symbol, _ in block], [len(data) for _, data in block])
    for i in np.argsort(every[:, row_step.V_CLOSE_NS], kind="stable"):
        yield int(owner[i]), every[i]

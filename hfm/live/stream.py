"""Rows in, answers out, a line each: a replay of the run's own quotes, or a live feed.

A replay steps each out-of-sample session with the fit that plugins.FitChooser names, today that of its fold, so it is
the back-test again; sessions after the training data are stepped with `final`, as a live feed is. Rows before the first
out-of-sample session only warm up.
"""

from __future__ import annotations

import itertools
import math
import time
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np
import pydantic_core

from hfm import tables
from hfm.errors import DataError, UsageError
from hfm.ledger.reasons import spell
from hfm.live import quote_rows, sequence
from hfm.live.fit_handover import FitHandover
from hfm.live.monitor import Monitor
from hfm.live.node import Node
from hfm.live.sequence import RowSequence, RowVerdict
from hfm.models.inference import FORECAST_COLUMNS
from hfm.plugins import FitChooser, find
from hfm.tables import Reader
from hfm.tables.records import Records, Values

INVALID = "invalid"
Answer = dict[str, Any]  # Any: JSON values
_FORECASTS = len(FORECAST_COLUMNS)


class Stream:
    """A node with its judge of what arrives, its counts, and the answers to both."""

    def __init__(self, node: Node) -> None:
        self.node, self.sequence = node, RowSequence(len(node.market.symbols))
        self.monitor = Monitor()
        self._stride = int(node.checkpoint.document.get("stride", 1))
        """Of a session's rows those are forecast whose number it divides, as in training (train.rows)."""
        self.taken = 0
        """Rows read from a replay, warm-up included: where a restart goes on."""
        self._clock = time.perf_counter
        """Only for the monitor's latencies; no answer depends on it."""

    def take(self, row: Values, verdict: RowVerdict = RowVerdict(sequence.OK), always: bool = False) -> Answer:  # noqa: B008  # it is immutable
        """The answer to a row that is in order.

        Parameters
        ----------
        row : values of QUOTE
            The next one.
        verdict : RowVerdict
            Of its place in the feed.
        always : bool
            Whether it is also forecast where the model speaks of one row in k and not of this one.

        Returns
        -------
        Answer
        """
        node = self.node
        if row.seq % self._stride and not always:
            node.abstain(row)
        else:
            node.take(row)
        result = node.result
        self.monitor.add(result, row, node.market.slots, verdict)
        answer = self.head(sequence.OK, row)
        answer["model"] = f"{node.model}/{node.fit}"
        for name, value in zip(FORECAST_COLUMNS, result[:_FORECASTS], strict=True):
            answer[name] = value if math.isfinite(value) else None
        answer["signal"] = result.signal
        answer["target"], answer["position"] = result.target, result.position
        answer["equity"], answer["net_pnl"] = result.equity, result.net_pnl
        answer["reasons"] = spell(result.reason)
        if verdict.gap:
            answer["gap"] = verdict.gap
        if verdict.unfinished:
            answer["unfinished"] = True
        if row.is_last:
            answer["last"] = True
        return answer

    def head(self, status: str, row: Values) -> Answer:
        """An answer's first entries: its status and the row's key."""
        return {
            "status": status, "symbol": self.node.market.symbols[row.symbol],
            "session": quote_rows.spell_day(row.session), "seq": row.seq, "time": quote_rows.spell_time(row.time),
        }  # fmt: skip

    # ------------------------------------------------------------------------------------------------- a live feed
    def warm(self, quotes: Reader) -> None:
        """See all of the run's quotes: features and history of every row, the model from the last session's open."""
        self.node.use("final")
        last: list[Records] = []
        for _, block in sessions(quotes, self.node):
            for rows in last:
                self.node.feed(rows)
            last = block
            for rows in block:
                for row in quote_rows.CODEC.all(rows):
                    self.sequence.judge(row)
        for row in in_time(last) if last else ():
            self.node.take(row, trade=False)

    def answer(self, text: bytes) -> str:
        """The answer to one line of a feed, as one line; a line that cannot be understood is answered, too."""
        try:
            row = quote_rows.parse(_read(text), self.node.numbers)
            if self.sequence.far(row):
                raise DataError(f"its session lies more than {sequence.FAR} days after the newest", hint="")
        except DataError as e:
            self.monitor.count(INVALID)
            return _written({"status": INVALID, "why": e.what})
        verdict = self.sequence.judge(row)
        if verdict.status == sequence.OK:
            return _written(self.take(row, verdict))
        self.monitor.count(verdict.status)
        return _written(self.head(verdict.status, row))

    def feed(self, lines: Iterable[bytes]) -> Iterator[str]:
        """An answer for each line that is not empty."""
        for text in lines:
            if text.strip():
                start = self._clock()
                line = self.answer(text)
                self.monitor.time(self._clock() - start)
                yield line

    # ------------------------------------------------------------------------------------------------------ a replay
    def replay(self, quotes: Reader) -> Iterator[str]:
        """Answers to the run's rows in time order, from the first out-of-sample session on, or where it stopped."""
        chooser: FitChooser = find("choosers", "fold")(self.node.checkpoint.document)
        handover = FitHandover(self.node) if chooser.within_sessions else None
        if handover is not None and self.node.onnx is not None:
            raise UsageError(
                f"{self.node.model} cannot be replayed here", why="its graph takes whole sessions; folds end inside",
                hint="hfm backtest",
            )  # fmt: skip
        done = 0
        for day, block in sessions(quotes, self.node):
            fit = chooser.of_session(day)
            if handover is not None:
                handover.open(block)
            if fit is None:
                for rows in block:
                    done += len(rows)
                    if done > self.taken:
                        self.node.feed(rows)
                        self.taken = done
                continue
            if handover is None:
                self.node.use(fit)
            for row in in_time(block):
                done += 1
                chosen = chooser.of_row(day, row.time) if handover is not None else fit
                answered = handover is None or handover.next(chosen, row.symbol, done > self.taken)
                if done > self.taken:
                    yield from self._replay_row(row, answered, done)

    def _replay_row(self, row: Values, answered: bool, done: int) -> Iterator[str]:
        """The answer to a row of a replay, if it is answered at all."""
        start = self._clock()
        verdict = self.sequence.judge(row)
        self.taken = done
        if not answered or row.seq % self._stride:
            self.node.abstain(row)
            return
        line = _written(self.take(row, verdict))
        self.monitor.time(self._clock() - start)
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


def sessions(quotes: Reader, node: Node) -> Iterator[tuple[int, list[Records]]]:
    """(day, [a symbol's rows [n] of QUOTE]) of each session in order."""
    for group in quotes.groups(list(quote_rows.COLUMNS)):
        rows = quote_rows.quote_records(tables.arrays(group, quote_rows.COLUMNS), node.numbers)
        blocks = [rows[a:b] for a, b in itertools.pairwise(tables.blocks(group).tolist())]
        for day, same in itertools.groupby(blocks, key=lambda block: int(block["session"][0])):
            yield day, list(same)


def in_time(block: Sequence[Records]) -> Iterator[Values]:
    """Rows of one session by time; symbols of one instant in their order."""
    if len(block) == 1:
        return quote_rows.CODEC.all(block[0])
    every = np.concatenate(list(block))
    return quote_rows.CODEC.all(every[np.argsort(every["time"], kind="stable")])

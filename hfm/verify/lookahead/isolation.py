"""Plug-ins asked in a process of their own: a fresh interpreter in an empty folder, at another hour and under another
process id, that opens no file but code while it answers.

Whatever a plug-in has kept from the back-test, in globals, in a file, under a row's number, is not there; what it does
not know from its arguments it must do without. Its answers are compared in the process that knows the whole data.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import shutil
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from multiprocessing.connection import Connection
from multiprocessing.context import SpawnProcess
from typing import Any

import numpy as np
import pyarrow as pa

from hfm import plugins
from hfm.config import Config
from hfm.errors import HfmError
from hfm.plugins import Arrays, Float, Panel, Signals
from hfm.train.fit_jobs import FitInputs, fit_inputs
from hfm.verify.claims import Row
from hfm.verify.lookahead import sandbox

LEAVE_S = 1.0
"""Seconds that the process has to leave by itself."""


@dataclass(frozen=True)
class Reply:
    """Answers in the order of what was asked; files and connections that were refused; why there is no answer."""

    answers: list[Any] = field(default_factory=list)  # Any: arrays or tables
    touched: tuple[str, ...] = ()
    error: str = ""

    def touched_row(self, stage: str, subject: str) -> Row:
        """The row of the table that nothing was asked of the disk or the network while `subject` answered."""
        n = len(self.touched)
        text = f"{stage}: {subject} {self.touched[0]} when it is asked" if n else f"{stage}: {subject} opens no file"
        return Row(text, "0 files and connections", float(n), 0, 0)

    def error_row(self, stage: str, subject: str) -> Row:
        """The row of the table that `subject` gave no answer."""
        return Row(f"{stage}: {subject} cannot be asked again: {self.error}", "an answer", 0.0, 1, 1)


class Isolated:
    """The process; started when first asked. A context manager: it ends with the block."""

    def __init__(self) -> None:
        self._process: SpawnProcess | None = None
        self._line: Connection[Any, Any]  # Any: questions one way, replies the other
        self._folder = ""
        self._spare: Isolated | None = None

    @property
    def spare(self) -> Isolated:
        """Another such process, for a question that must not follow the others."""
        if self._spare is None:
            self._spare = Isolated()
        return self._spare

    def __enter__(self) -> Isolated:
        return self

    def __exit__(self, *error: object) -> None:
        if self._spare is not None:
            self._spare.__exit__(*error)
        if self._process is not None:
            self._line.close()
            self._process.join(LEAVE_S)
            self._process.kill()
            self._process.join()
            shutil.rmtree(self._folder, ignore_errors=True)
            self._process = None

    def begin(self) -> None:
        """Start the process before it is asked: it loads its libraries meanwhile."""
        if self._process is None:
            self._folder, spawn = tempfile.mkdtemp(prefix="hfm-verify-"), multiprocessing.get_context("spawn")
            self._line, theirs = spawn.Pipe()
            registry = {group: dict(known) for group, known in plugins.REGISTRY.items()}
            process = spawn.Process(target=_answer, args=(theirs, registry, self._folder))
            process.start()
            self._process = process
            theirs.close()

    def ask(self, question: Callable[..., Reply], *arguments: object) -> Reply:
        """What `question` (one of this module's) replies in the process; an exception of the plug-in is an error."""
        self.begin()
        try:
            self._line.send((question, arguments))
            reply: Reply = self._line.recv()
        except (EOFError, OSError):
            self.__exit__()
            return Reply([], (), "its process ended")
        return reply


def _answer(line: Connection[Any, Any], registry: dict[plugins.Group, dict[str, str]], folder: str) -> None:
    """Reply to one question after the other, until nobody asks any more: then it ends without a word."""
    with contextlib.suppress(EOFError, OSError):
        sandbox.settle(registry, folder)
        while True:
            question, arguments = line.recv()
            line.send(question(*arguments))


# ------------------------------------------------------------------------------------------------------- the questions
def propose(threshold: str, batches: Sequence[Signals]) -> Reply:
    """Of the policy that a threshold names: weights [n] a batch, one after the other from one object."""
    from hfm.policies.choice import choose
    from hfm.policies.one_symbol import OneSymbol

    def each() -> list[Any]:
        choice = choose(threshold)
        sandbox.move_clock_of(type(choice.plugin))
        if not isinstance(choice.allocator, OneSymbol):
            raise TypeError("it chooses the targets of all symbols together, which no look-ahead test asks again yet")
        return [sandbox.watched(choice.allocator.weights, b) for b in batches]

    return _answered(each)


def predict(model: str, arrays: Arrays, panels: Sequence[Panel]) -> Reply:
    """Heads of a model with its fitted arrays.

    Parameters
    ----------
    model
        Its name in the registry.
    arrays
        As fitted.
    panels
        Asked one after the other.

    Returns
    -------
    Reply
        [n, 5] a panel.
    """

    def each() -> list[Float]:
        sandbox.move_clock_of(plugins.find("models", model))
        forecaster: plugins.Forecaster = plugins.find("models", model)()
        return [np.asarray(sandbox.watched(forecaster.predict, arrays, _owned(p))) for p in panels]

    return _answered(each)


def fit(questions: Sequence[tuple[FitInputs, int]]) -> Reply:
    """The arrays of each (what a fit is given, number of its fold)."""

    def each() -> list[Arrays]:
        sandbox.move_clock_of(plugins.find("models", questions[0][0].model))
        given = [(replace(g, train=_owned(g.train), valid=_owned(g.valid)), k) for g, k in questions]
        return [sandbox.watched(fit_inputs, g, k, lambda _: None) for g, k in given]

    return _answered(each)


def fetch(configs: Sequence[Config], watch: bool) -> Reply:
    """fetch/bars.parquet under each config, or the HfmError that there is in its place. watch: whether files count."""
    from hfm.artifacts import BARS
    from hfm.verify.in_memory_run import carry_out

    def bars(config: Config) -> pa.Table | HfmError | bytes:
        try:
            return carry_out("fetch", {}, config)[BARS]
        except HfmError as e:
            return e

    def each() -> list[pa.Table | HfmError | bytes]:
        sandbox.move_clock_of(plugins.find("sources", configs[0].fetch.source))
        return [sandbox.watched(bars, c) if watch else bars(c) for c in configs]

    return _answered(each)


def _owned(panel: Panel) -> Panel:
    """The panel in arrays of its own: nothing lies behind them."""
    arrays = {name: value.copy() for name, value in vars(panel).items() if isinstance(value, np.ndarray)}
    return replace(panel, **arrays)  # type: ignore[arg-type]  # arrays by name


def _answered(each: Callable[[], list[Any]]) -> Reply:
    sandbox.refused.clear()
    try:
        return Reply(each(), tuple(dict.fromkeys(sandbox.refused)))
    except Exception as e:  # a plug-in's fault is what it is asked for: the row that fails names it
        return Reply([], tuple(dict.fromkeys(sandbox.refused)), f"{type(e).__name__}: {e}".splitlines()[0][:200])

"""Fits of deep models, one a fold, in this process or in several; the same bytes either way.

A worker is a fresh interpreter (spawn): torch takes seconds to import there, so it must have enough to do. It dies with
the process that started it, however that ends.
"""

from __future__ import annotations

import multiprocessing
import os
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from dataclasses import dataclass
from multiprocessing.connection import Connection
from multiprocessing.queues import Queue
from typing import Any

from hfm import plugins
from hfm.config import Train
from hfm.plugins import Arrays, Panel
from hfm.stage import Context
from hfm.train.folds import Fold

WORTH = 3_000_000
"""Labels x epochs x networks from which a second process pays for its start, even if training stops early."""
News = tuple[int, str, int, int, str]
"""(fold, label, done, total, note) as a worker reports it."""


@dataclass(frozen=True)
class Task:
    """What every fit needs: the model's name, the whole panel, the options, and the stage's seed and name."""

    model: str
    panel: Panel
    options: Train
    seed: int


@dataclass(frozen=True)
class Listener:
    """The progress function of one fold's fit: hands its news on."""

    fold: int
    tell: Callable[[News], None]

    def __call__(self, label: str, done: int, total: int, note: str = "") -> None:
        """See Progress."""
        self.tell((self.fold, label, done, total, note))


def fit(task: Task, fold: Fold, tell: Callable[[News], None]) -> Arrays:
    """The arrays of one fold; randomness depends on seed and fold alone. tell: called with each epoch's news."""
    ctx = Context(stage=f"train fold {fold.number}", seed=task.seed, progress=Listener(fold.number, tell))
    model: plugins.Forecaster = plugins.find("models", task.model)()
    return model.fit(task.panel.of_sessions(*fold.train), task.panel.of_sessions(*fold.valid), task.options, ctx)


def fit_all(task: Task, folds: Sequence[Fold], ctx: Context) -> Iterator[tuple[Fold, Arrays]]:
    """(fold, arrays) as they are done, in any order."""
    meter = _Meter(task, folds, ctx)
    rows = sum(len(task.panel.of_sessions(*f.train).slot) for f in folds) * task.options.epochs * task.options.seeds
    workers = min(ctx.workers, len(folds))
    if workers < 2 or rows < WORTH:
        for fold in folds:
            yield fold, fit(task, fold, meter.news)
            meter.finished(fold.number)
    else:
        yield from _spread(task, folds, workers, meter)


class _Meter:
    """Turns the news of single networks into one bar: epochs done of all epochs; an early stop skips the rest."""

    def __init__(self, task: Task, folds: Sequence[Fold], ctx: Context) -> None:
        self._ctx, self._each = ctx, task.options.epochs * task.options.seeds
        self._total, self._done = len(folds) * self._each, {f.number: 0 for f in folds}
        self._epochs = task.options.epochs

    def news(self, news: News) -> None:
        """One epoch of one network is over."""
        number, label, done, _, note = news
        before = int(label.split()[-1].split("/")[0]) - 1 if label[-1:].isdigit() else 0
        self._done[number] = max(self._done[number], before * self._epochs + done)
        place = "final" if number < 0 else f"fold {number}"
        self._ctx.progress("train", sum(self._done.values()), self._total, f"{place} {label} epoch {done}: {note}")

    def finished(self, number: int) -> None:
        """All networks of a fold are fitted."""
        self._done[number] = self._each
        self._ctx.progress("train", sum(self._done.values()), self._total, "")


# -------------------------------------------------------------------------------------------------------------- workers
_task: Task | None = None
_queue: Any = None  # Any: the queue of the process that started this one


def _start(task: Task, queue: Queue[News], alive: Connection) -> None:
    global _task, _queue
    _task, _queue = task, queue

    def watch() -> None:
        try:
            alive.recv()
        except (EOFError, OSError):
            os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


def _work(fold: Fold) -> Arrays:
    assert _task is not None
    return fit(_task, fold, _queue.put)


def _spread(task: Task, folds: Sequence[Fold], workers: int, meter: _Meter) -> Iterator[tuple[Fold, Arrays]]:
    """fit_all over processes, largest fold first."""
    spawn = multiprocessing.get_context("spawn")
    queue: Queue[News] = spawn.Queue()
    theirs, ours = spawn.Pipe(duplex=False)
    pool = ProcessPoolExecutor(workers, mp_context=spawn, initializer=_start, initargs=(task, queue, theirs))
    try:
        by_size = sorted(folds, key=lambda f: f.train[0] - f.train[1])
        waiting: dict[Future[Arrays], Fold] = {pool.submit(_work, fold): fold for fold in by_size}
        while waiting:
            done, _ = wait(waiting, timeout=0.2, return_when=FIRST_COMPLETED)
            while not queue.empty():
                meter.news(queue.get())
            for future in done:
                fold = waiting.pop(future)
                yield fold, future.result()
                meter.finished(fold.number)
    except BaseException:
        ours.close()  # the workers see the end of the pipe and end at once, in the middle of an epoch
        raise
    finally:
        pool.shutdown(wait=True, cancel_futures=True)
        ours.close()
        theirs.close()

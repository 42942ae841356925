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
from hfm.train import fold_rows
from hfm.train.fit_checkpoints import Record
from hfm.train.folds import Fold

WORTH = 3_000_000
"""Labels x epochs x networks from which a second process pays for its start, even if training stops early."""
News = tuple[int, str, int, int, str]
"""(fold, label, done, total, note) as a worker reports it."""
Saved = tuple[int, bytes]
"""(fold, state of its fit)."""


@dataclass(frozen=True)
class Task:
    """What every fit needs: the model's name, the whole panel, the options, and the stage's seed and name."""

    model: str
    panel: Panel
    options: Train
    seed: int


@dataclass(frozen=True)
class Given:
    """What one fit is given: the model's name, its training and validation rows, the options and the stage's seed."""

    model: str
    train: Panel
    valid: Panel
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


@dataclass(frozen=True)
class Slot:
    """The checkpoint of one fold's fit: what it saves is handed on, what it loads is what was handed in."""

    fold: int
    tell: Callable[[News | Saved], None]
    before: bytes | None

    def save(self, data: bytes) -> None:
        """See ResumeStore."""
        self.tell((self.fold, data))

    def load(self) -> bytes | None:
        """See ResumeStore."""
        return self.before


def fit(task: Task, fold: Fold, tell: Callable[[News | Saved], None], before: bytes | None = None) -> Arrays:
    """The arrays of one fold; randomness depends on seed and fold alone.

    tell: called with each epoch's news, and with what can be resumed. before: what such a fit had saved when it died.
    """
    given = Given(
        task.model,
        fold_rows.learn(task.panel, *fold.train),
        fold_rows.learn(task.panel, *fold.valid),
        task.options,
        task.seed,
    )
    return learn(given, fold.number, tell, before)


def learn(given: Given, fold: int, tell: Callable[[News | Saved], None], before: bytes | None = None) -> Arrays:
    """The same of rows that are already cut."""
    ctx = Context(
        stage=f"train fold {fold}", seed=given.seed, progress=Listener(fold, tell),
        checkpoint=Slot(fold, tell, before), resume=before is not None,
    )  # fmt: skip
    model: plugins.Forecaster = plugins.find("models", given.model)()
    return model.fit(given.train, given.valid, given.options, ctx)


def fit_all(task: Task, folds: Sequence[Fold], ctx: Context, record: Record) -> Iterator[tuple[Fold, Arrays]]:
    """(fold, arrays) as they are done, in any order; first those that the record of a killed run already holds."""
    meter = _Meter(task, folds, ctx)

    def tell(news: News | Saved) -> None:
        if len(news) == 2:
            record.keep(task.model, *news)
        else:
            meter.news(news)

    missing = []
    for fold in folds:
        arrays = record.done(task.model, fold.number)
        if arrays is None:
            missing.append(fold)
        else:
            meter.finished(fold.number)
            yield fold, arrays
    rows = (
        sum(len(fold_rows.part(task.panel, *f.train).slot) for f in missing) * task.options.epochs * task.options.seeds
    )
    workers = min(ctx.workers, len(missing))
    spread = workers > 1 and rows >= WORTH
    fits = _spread(task, missing, workers, tell, record) if spread else _here(task, missing, tell, record)
    for fold, arrays in fits:
        record.finish(task.model, fold.number, arrays)
        meter.finished(fold.number)
        yield fold, arrays


def _here(
    task: Task, folds: Sequence[Fold], tell: Callable[[News | Saved], None], record: Record
) -> Iterator[tuple[Fold, Arrays]]:
    """fit_all in this process."""
    for fold in folds:
        yield fold, fit(task, fold, tell, record.state(task.model, fold.number))


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


def _start(task: Task, queue: Queue[News | Saved], alive: Connection) -> None:
    global _task, _queue
    _task, _queue = task, queue

    def watch() -> None:
        try:
            alive.recv()
        except (EOFError, OSError):
            os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


def _work(fold: Fold, before: bytes | None) -> Arrays:
    assert _task is not None
    return fit(_task, fold, _queue.put, before)


def _spread(
    task: Task, folds: Sequence[Fold], workers: int, tell: Callable[[News | Saved], None], record: Record
) -> Iterator[tuple[Fold, Arrays]]:
    """fit_all over processes, largest fold first."""
    spawn = multiprocessing.get_context("spawn")
    queue: Queue[News | Saved] = spawn.Queue()
    theirs, ours = spawn.Pipe(duplex=False)
    pool = ProcessPoolExecutor(workers, mp_context=spawn, initializer=_start, initargs=(task, queue, theirs))
    try:
        by_size = sorted(folds, key=lambda f: f.train[0] - f.train[1])
        waiting: dict[Future[Arrays], Fold] = {
            pool.submit(_work, fold, record.state(task.model, fold.number)): fold for fold in by_size
        }
        while waiting:
            done, _ = wait(waiting, timeout=0.2, return_when=FIRST_COMPLETED)
            while not queue.empty():
                tell(queue.get())
            for future in done:
                fold = waiting.pop(future)
                yield fold, future.result()
    except BaseException:
        ours.close()  # the workers see the end of the pipe and end at once, in the middle of an epoch
        raise
    finally:
        pool.shutdown(wait=True, cancel_futures=True)
        ours.close()
        theirs.close()

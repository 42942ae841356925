"""Fits of deep models, one a fold, by the workers of an executor; the same bytes with any number of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial

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
    workers = min(ctx.workers, len(missing)) if rows >= WORTH else 1
    if workers > 1:  # the largest first, so that none is left to one worker at the end
        missing.sort(key=lambda f: f.train[0] - f.train[1])
    executor: plugins.Executor = plugins.find("executors", "processes")(workers)
    fits = [partial(_fit, fold, record.state(task.model, fold.number)) for fold in missing]
    for k, arrays in executor.as_completed(fits, task, tell):
        fold = missing[k]
        record.finish(task.model, fold.number, arrays)
        meter.finished(fold.number)
        yield fold, arrays


def _fit(fold: Fold, before: bytes | None, task: Task, tell: Callable[[News | Saved], None]) -> Arrays:
    """`fit` as an executor calls it."""
    return fit(task, fold, tell, before)


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

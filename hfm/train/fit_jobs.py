"""Fits of deep models, one a fold: one after the other where each begins from the one before, else by the workers of
an executor. The same bytes with any number of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple

from hfm import plugins
from hfm.config import Train
from hfm.plugins import Arrays, Panel
from hfm.stage import Context
from hfm.train import fold_rows
from hfm.train.fit_checkpoints import FitCheckpoints
from hfm.train.folds import Fold

PARALLEL_FROM = 3_000_000
"""Labels x epochs x networks from which a second process pays for its start, even if training stops early."""


class EpochReport(NamedTuple):
    """What a fit reports after an epoch: `done` of `total` epochs of the network `label`."""

    fold: int
    label: str
    done: int
    total: int
    note: str


class StateReport(NamedTuple):
    """What a fit can be resumed from."""

    fold: int
    state: bytes


Report = Callable[[EpochReport | StateReport], None]


@dataclass(frozen=True)
class FitTask:
    """What the fits of all folds share: the model's name, the whole panel, the options and the stage's seed."""

    model: str
    panel: Panel
    options: Train
    seed: int


@dataclass(frozen=True)
class FitInputs:
    """What one fit takes: the model's name, its training and validation rows, the options and the stage's seed."""

    model: str
    train: Panel
    valid: Panel
    options: Train
    seed: int
    before: Arrays | None = None
    """Arrays of the fit of the fold before, from which it may begin."""


@dataclass(frozen=True)
class FoldProgress:
    """The progress function of one fold's fit: hands its news on."""

    fold: int
    report: Report

    def __call__(self, label: str, done: int, total: int, note: str = "") -> None:
        """See Progress."""
        self.report(EpochReport(self.fold, label, done, total, note))


@dataclass(frozen=True)
class FoldCheckpoint:
    """The checkpoint of one fold's fit: what it saves is handed on, what it loads is what was handed in."""

    fold: int
    report: Report
    state: bytes | None

    def save(self, data: bytes) -> None:
        """See ResumeStore."""
        self.report(StateReport(self.fold, data))

    def load(self) -> bytes | None:
        """See ResumeStore."""
        return self.state


def fit(
    task: FitTask, fold: Fold, report: Report, state: bytes | None = None, before: Arrays | None = None
) -> Arrays:  # fmt: skip
    """Fit one fold; randomness depends on seed and fold alone.

    Parameters
    ----------
    task : FitTask
        What the folds share.
    fold : Fold
        Whose training and validation parts are read.
    report : callable
        Called with each epoch's news, and with what can be resumed.
    state : bytes, optional
        What such a fit had saved when it died.
    before : arrays by name, optional
        Of the fit of the fold before, for a model that begins there.

    Returns
    -------
    arrays by name
        See Forecaster.
    """
    train, valid = (fold_rows.purged_part(task.panel, *part) for part in (fold.train, fold.valid))
    inputs = FitInputs(task.model, train, valid, task.options, task.seed, before)
    return fit_inputs(inputs, fold.number, report, state)


def fit_inputs(inputs: FitInputs, fold: int, report: Report, state: bytes | None = None) -> Arrays:
    """`fit` on rows that are already cut; fold: the number of theirs."""
    ctx = Context(
        stage=f"train fold {fold}", seed=inputs.seed, progress=FoldProgress(fold, report),
        checkpoint=FoldCheckpoint(fold, report, state), resume=state is not None, before=inputs.before,
    )  # fmt: skip
    model: plugins.Forecaster = plugins.find("models", inputs.model)()
    return model.fit(inputs.train, inputs.valid, inputs.options, ctx)


def fit_all(
    task: FitTask, folds: Sequence[Fold], ctx: Context, checkpoints: FitCheckpoints
) -> Iterator[tuple[Fold, Arrays]]:
    """Fit all folds, in worker processes where there is enough to do.

    Parameters
    ----------
    task : FitTask
        What the folds share.
    folds : sequence of Fold
        Which.
    ctx : Context
        Of the stage: its workers and its progress.
    checkpoints : FitCheckpoints
        Of the stage: fits that a killed run had done are taken from there, and what is done is kept.

    Yields
    ------
    (fold, arrays) as they are done, in any order; first those that were done before.
    """
    meter = _Meter(task, folds, ctx)

    def listen(report: EpochReport | StateReport) -> None:
        if isinstance(report, StateReport):
            checkpoints.save_state(task.model, report.fold, report.state)
        else:
            meter.epoch(report)

    if task.options.warm_start and getattr(plugins.find("models", task.model), "warm", False):
        before: Arrays | None = None
        for fold in folds:
            arrays = checkpoints.arrays(task.model, fold.number)
            if arrays is None:
                arrays = fit(task, fold, listen, checkpoints.state(task.model, fold.number), before)
                checkpoints.save_arrays(task.model, fold.number, arrays)
            before = dict(arrays)  # whoever takes the arrays may take them apart
            meter.finished(fold.number)
            yield fold, arrays
        return
    missing = []
    for fold in folds:
        arrays = checkpoints.arrays(task.model, fold.number)
        if arrays is None:
            missing.append(fold)
        else:
            meter.finished(fold.number)
            yield fold, arrays
    labels = sum(len(fold_rows.part(task.panel, *f.train).slot) for f in missing)
    enough = labels * task.options.epochs * task.options.seeds >= PARALLEL_FROM
    workers = min(ctx.workers, len(missing)) if enough else 1
    if workers > 1:  # the largest first, so that none is left to one worker at the end
        missing.sort(key=lambda f: f.train[0] - f.train[1])
    executor: plugins.Executor = plugins.find("executors", "processes")(workers)
    fits = [partial(_fit, fold, checkpoints.state(task.model, fold.number)) for fold in missing]
    for k, arrays in executor.as_completed(fits, task, listen):
        fold = missing[k]
        checkpoints.save_arrays(task.model, fold.number, arrays)
        meter.finished(fold.number)
        yield fold, arrays


def _fit(fold: Fold, state: bytes | None, task: FitTask, report: Report) -> Arrays:
    """`fit` as an executor calls it."""
    return fit(task, fold, report, state)


class _Meter:
    """Turns the news of single networks into one bar: epochs done of all epochs; an early stop skips the rest."""

    def __init__(self, task: FitTask, folds: Sequence[Fold], ctx: Context) -> None:
        self._ctx, self._each = ctx, task.options.epochs * task.options.seeds
        self._total, self._done = len(folds) * self._each, {f.number: 0 for f in folds}
        self._epochs = task.options.epochs

    def epoch(self, report: EpochReport) -> None:
        """One epoch of one network is over."""
        number, label, done, _, note = report
        before = int(label.split()[-1].split("/")[0]) - 1 if label[-1:].isdigit() else 0
        self._done[number] = max(self._done[number], before * self._epochs + done)
        place = "final" if number < 0 else f"fold {number}"
        self._ctx.progress("train", sum(self._done.values()), self._total, f"{place} {label} epoch {done}: {note}")

    def finished(self, number: int) -> None:
        """All networks of a fold are fitted."""
        self._done[number] = self._each
        self._ctx.progress("train", sum(self._done.values()), self._total, "")

"""Fits of deep models, one a fold, by the workers of an executor; the same bytes with any number of them.

Folds that begin from the one before are fitted in turn, and the workers share the networks; else they share the folds.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial

from hfm import plugins
from hfm.config import Train
from hfm.plugins import Arrays, Panel
from hfm.stage import Context
from hfm.train import fold_rows, handed
from hfm.train.fit_checkpoints import FitCheckpoints
from hfm.train.fit_reports import EpochReport, FitMeter, FitReport, FoldCheckpoint, FoldProgress, Report, StateReport
from hfm.train.folds import Fold

PARALLEL_FROM = 3_000_000
"""Labels x epochs x networks from which a second process pays for its start, even if training stops early."""


@dataclass(frozen=True)
class FitTask:
    """What the fits of all folds share: the model's name, the whole panel, the options and the stage's seed."""

    model: str
    panel: Panel
    options: Train
    seed: int
    fitted: Mapping[int, Mapping[str, Arrays]] = field(default_factory=dict)
    """By number of a fold and name: what the model contains and is fitted already: floors, and members."""


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
    networks: range | None = None
    """Which of the model's networks; None: all."""
    fitted: Mapping[str, Arrays] = field(default_factory=dict)
    """Models that are fitted already on the same rows, by name."""


def fit(
    task: FitTask, fold: Fold, report: Report, state: bytes | None = None, before: Arrays | None = None,
    networks: range | None = None,
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
    networks : range, optional
        Which of the model's networks; default all.

    Returns
    -------
    arrays by name
        See Forecaster.
    """
    train, valid = (fold_rows.purged_part(task.panel, *part) for part in (fold.train, fold.valid))
    fitted = task.fitted.get(fold.number, {})
    inputs = FitInputs(task.model, train, valid, task.options, task.seed, before, networks, fitted)
    return fit_inputs(inputs, fold.number, report, state)


def fit_inputs(inputs: FitInputs, fold: int, report: Report, state: bytes | None = None) -> Arrays:
    """`fit` on rows that are already cut.

    Parameters
    ----------
    inputs : FitInputs
        The rows, and what to do with them.
    fold : int
        The number of their fold.
    report, state
        As in `fit`.

    Returns
    -------
    arrays by name
        See Forecaster.
    """
    first = 0 if inputs.networks is None else inputs.networks.start
    kind = plugins.find("models", inputs.model)
    before = None if inputs.before is None else handed.arrays(kind, inputs.before)
    fitted = {name: handed.arrays(kind, found) for name, found in inputs.fitted.items()}
    ctx = Context(
        stage=f"train fold {fold}", seed=inputs.seed, progress=FoldProgress(fold, report), resume=state is not None,
        checkpoint=FoldCheckpoint(fold, first, report, state), before=before, networks=inputs.networks, fitted=fitted,
    )  # fmt: skip
    model: plugins.Forecaster = kind()
    return model.fit(handed.rows(kind, inputs.train), handed.rows(kind, inputs.valid), inputs.options, ctx)


def is_chained(model: str, options: Train) -> bool:
    """Whether each fit of a model is given that of the fold before."""
    return options.warm_start and bool(getattr(plugins.find("models", model), "warm", False))


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
    meter = FitMeter(task.options, folds, ctx)
    missing = []
    for fold in folds:
        arrays = checkpoints.arrays(task.model, fold.number)
        if arrays is None:
            missing.append(fold)
        else:
            meter.finished(fold.number)
            yield fold, arrays
    if missing and is_chained(task.model, task.options):
        done = _fit_chains(task, folds, missing, ctx.workers, checkpoints, meter)
    else:
        done = _fit_apart(task, missing, ctx.workers, checkpoints, meter)
    for fold, arrays in done:
        checkpoints.save_arrays(task.model, fold.number, arrays)
        meter.finished(fold.number)
        yield fold, arrays


def _fit_apart(
    task: FitTask, folds: list[Fold], workers: int, checkpoints: FitCheckpoints, meter: FitMeter
) -> Iterator[tuple[Fold, Arrays]]:
    """Each fold by itself, in any order."""
    if (workers := _worthwhile(task, folds, min(workers, len(folds)))) > 1:
        folds.sort(
            key=lambda f: f.train.first - f.train.end
        )  # the largest first: none is left to one worker at the end
    executor: plugins.Executor = plugins.find("executors", "processes")(workers)
    fits = [partial(_fit, fold, checkpoints.state(task.model, fold.number)) for fold in folds]
    for k, arrays in executor.as_completed(fits, task, partial(_listen, task.model, checkpoints, meter)):
        yield folds[k], arrays


def _fit_chains(
    task: FitTask,
    folds: Sequence[Fold],
    missing: list[Fold],
    workers: int,
    checkpoints: FitCheckpoints,
    meter: FitMeter,
) -> Iterator[tuple[Fold, Arrays]]:
    """Folds in turn, each network from itself in the fold before; each worker has some of the networks.

    A network depends on no other, so that how they are shared out changes nothing. What all workers have reported of a
    fold is kept at once.

    Yields
    ------
    (fold, arrays) of all folds from the first of `missing` on, in turn.
    """
    at = folds.index(missing[0])
    before = checkpoints.arrays(task.model, folds[at - 1].number) if at else None
    workers = _worthwhile(task, folds[at:], min(workers, task.options.seeds))
    borders = [task.options.seeds * k // workers for k in range(workers + 1)]
    reported: dict[int, list[Arrays]] = {fold.number: [] for fold in folds}

    def listen(report: EpochReport | StateReport | FitReport) -> None:
        if not isinstance(report, FitReport):
            _listen(task.model, checkpoints, meter, report)
            return
        reported[report.fold].append(report.arrays)
        if len(reported[report.fold]) == workers:
            checkpoints.save_arrays(task.model, report.fold, _joined(reported[report.fold]))
            meter.finished(report.fold)

    chains = []
    for networks in itertools.starmap(range, itertools.pairwise(borders)):
        states = {fold.number: checkpoints.state(task.model, fold.number, networks.start) for fold in folds[at:]}
        chains.append(partial(_fit_chain, folds[at:], networks, before, states))
    executor: plugins.Executor = plugins.find("executors", "processes")(workers)
    done = dict(executor.as_completed(chains, task, listen))
    for k, fold in enumerate(folds[at:]):
        yield fold, _joined([done[part][k] for part in range(workers)])


def _fit_chain(
    folds: Sequence[Fold], networks: range, before: Arrays | None, states: Mapping[int, bytes | None], task: FitTask,
    report: Report,
) -> list[Arrays]:  # fmt: skip
    """Some networks of all folds, each fold from the one before; each is reported, too."""
    done: list[Arrays] = []
    for fold in folds:
        done.append(fit(task, fold, report, states[fold.number], done[-1] if done else before, networks))
        report(FitReport(fold.number, done[-1]))
    return done


def _joined(parts: Sequence[Arrays]) -> Arrays:
    """The arrays of all networks; what does not depend on them is in each part the same."""
    return {name: value for part in parts for name, value in part.items()}


def _worthwhile(task: FitTask, folds: Sequence[Fold], workers: int) -> int:
    """So many workers as asked for, where there is enough to do; else one."""
    labels = sum(len(fold_rows.part(task.panel, *f.train).slot) for f in folds)
    return workers if labels * task.options.epochs * task.options.seeds >= PARALLEL_FROM else 1


def _listen(
    model: str, checkpoints: FitCheckpoints, meter: FitMeter, report: EpochReport | StateReport
) -> None:  # fmt: skip
    """Take what a fit reports: a state is kept, an epoch shown."""
    if isinstance(report, StateReport):
        checkpoints.save_state(model, report.fold, report.network, report.state)
    else:
        meter.epoch(report)


def _fit(fold: Fold, state: bytes | None, task: FitTask, report: Report) -> Arrays:
    """`fit` as an executor calls it."""
    return fit(task, fold, report, state)

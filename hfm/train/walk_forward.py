"""The walk: every model fitted on every fold, then calibrated fold by fold on the validation rows seen so far."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial

import numpy as np

from hfm import plugins
from hfm.config import Train
from hfm.models import inference
from hfm.models.heads import TASKS, blend, columns_of, mix
from hfm.plugins import Arrays, Float, Panel
from hfm.stage import Context
from hfm.tables.records import Records
from hfm.train import calibration, fit_jobs, fold_rows, handed
from hfm.train.fit_checkpoints import FitCheckpoints
from hfm.train.folds import Fold
from hfm.train.training_panel import TrainingRows

FLOORS = ("constant", "persistence", "rule", "har", "logistic")
"""Fitted in every run, whatever the model."""
HIDDEN = frozenset({"rule"})
"""Scored but not among the predictions: it speaks of nothing but the spread's side."""

UNKNOWN_SD = np.array([np.nan])
"""The standard deviation of the return from a model that does not know it: no ret_sd_bps."""


@dataclass
class WalkForward:
    """All fits of a run, and the validation rows that have calibrated them so far."""

    rows: TrainingRows
    plan: list[Fold]
    main: str
    names: tuple[str, ...]
    arrays: dict[tuple[str, int], Arrays]
    blocks: dict[str, list[calibration.ValidationBlock]] = field(default_factory=dict)


def fit(
    data: Panel, plan: list[Fold], names: tuple[str, ...], options: Train, ctx: Context
) -> dict[tuple[str, int], Arrays]:
    """Fit every model on every fold: floors here and now, deep models as jobs, and what a model contains before it.

    Parameters
    ----------
    data : Panel
        All rows.
    plan : list of Fold
        Whose training and validation parts are read.
    names : tuple of str
        Of `model_names`; a member that is fitted fold by fold is fitted by the model that combines it.
    options : Train
        Of the run.
    ctx : Context
        Its checkpoint holds what survives a kill, its workers fit.

    Returns
    -------
    dict
        (model, fold) -> arrays.
    """
    out: dict[tuple[str, int], Arrays] = {}
    checkpoints = FitCheckpoints(ctx, partial(_device, names, options))
    inside = {member for name in names for member in plugins.find("models", name).members}
    for name in names:
        model = plugins.find("models", name)
        if name in inside and model.deep and fit_jobs.is_chained(name, options):
            continue  # fitted by the model that combines it, each fold from the one before
        known = (*FLOORS, *model.members)
        fitted = {fold.number: {part: out[part, fold.number] for part in known if (part, fold.number) in out}
                  for fold in plan}  # fmt: skip
        task = fit_jobs.FitTask(name, data, options, options.seed, fitted)
        if model.deep:
            for fold, arrays in fit_jobs.fit_all(task, plan, ctx, checkpoints):
                for member in model.members:
                    start = f"{member}/"
                    own = {k.removeprefix(start): arrays.pop(k) for k in list(arrays) if k.startswith(start)}
                    out.setdefault((member, fold.number), own)
                out[name, fold.number] = arrays
        else:
            for fold in plan:
                out[name, fold.number] = fit_jobs.fit(task, fold, _ignore)
    return out


def _device(names: tuple[str, ...], options: Train) -> str:
    """The kind of device that the networks among the models are fitted on; without one the processor."""
    if not any(hasattr(plugins.find("models", name), "backends") for name in names):
        return "cpu"
    from hfm.models.networks import device

    return device.of_options(options).type


def model_names(model: str, also: tuple[str, ...] = ()) -> tuple[str, ...]:
    """The models of a run, in the order in which they are calibrated: floors, then each other after its members.

    `also`: asked for beside the model. A name that is not known is a UsageError.

    Returns
    -------
    tuple of str
        Each once.
    """
    wanted = (*(name for name in also if name != model), model)
    return tuple(dict.fromkeys((*FLOORS, *(n for m in wanted for n in (*plugins.find("models", m).members, m)))))


def with_members(walk: WalkForward, name: str, fold: Fold) -> Arrays:
    """What predict needs of one fit: its arrays, and those of its calibrated members.

    Parameters
    ----------
    walk : WalkForward
        Fitted.
    name : str
        Of the model.
    fold : Fold
        Which fit.

    Returns
    -------
    arrays by name
        The members' under <member>/.
    """
    out = dict(walk.arrays[name, fold.number])
    for member in plugins.find("models", name).members:
        out |= {f"{member}/{key}": value for key, value in walk.arrays[member, fold.number].items()}
    return out


def calibrate(walk: WalkForward, name: str, fold: Fold) -> None:
    """Calibrate one fit on all validation blocks up to its own: gates or weights, temperature, confidences.

    Rows in blocks of clock time are many and alike: there weights are free, and a temperature counts blocks.

    Parameters
    ----------
    walk : WalkForward
        Fitted; the fit's arrays and the validation blocks of the model are added to. Its members are calibrated first.
    name : str
        Of the model.
    fold : Fold
        Which fit; those of earlier folds were calibrated before.
    """
    panel, arrays = walk.rows.panel, walk.arrays[name, fold.number]
    valid, lead = fold_rows.purged_part(panel, *fold.valid), fold_rows.lead(panel, *fold.valid)
    model: plugins.Forecaster = plugins.find("models", name)()
    if model.members:
        by_member = [_heads(walk, member, fold, lead.panel)[lead.inside] for member in model.members]
        heads, floor = np.stack(by_member, axis=2), by_member[0]
    else:
        heads = _forecast(name, arrays, lead.panel)[lead.inside]
        floor = heads
        if model.base is not None:
            floor = _forecast(name, {**arrays, "gates": np.zeros(len(TASKS))}, lead.panel)[lead.inside]
    blocks = walk.blocks.setdefault(name, [])
    cluster = fold_rows.cluster(valid)
    block = calibration.ValidationBlock(floor, heads, valid.up, valid.log_vol, valid.log_spread, cluster)
    blocks.append(block)
    pooled = calibration.pool(blocks)
    if model.members:
        arrays["weights"] = calibration.weights(pooled, free=panel.block is not None)
        calibrated = blend(pooled.heads, arrays["weights"])
    elif model.base is not None:
        arrays["gates"] = calibration.gates(pooled)
        calibrated = mix(pooled.floor, pooled.heads, arrays["gates"])
    else:
        calibrated = pooled.heads
    logit = columns_of(calibrated).logit
    inverse = calibration.inverse_temperature(logit, pooled.up, None if panel.block is None else pooled.cluster)
    confidences = calibration.confidences(logit[-len(heads) :], inverse)
    arrays["finish"] = np.concatenate([[inverse], arrays.get("floor/ret_sd", UNKNOWN_SD), confidences])


def _heads(walk: WalkForward, name: str, fold: Fold, rows: Panel) -> Float:
    return _forecast(name, with_members(walk, name, fold), rows)


def _forecast(name: str, arrays: Arrays, rows: Panel) -> Float:
    """[n, 5] what a model says with these arrays."""
    kind = plugins.find("models", name)
    model: plugins.Forecaster = kind()
    return model.predict(handed.arrays(kind, arrays), handed.rows(kind, rows))


def predict(walk: WalkForward, name: str, fold: Fold, rows: Panel) -> tuple[Float, Records]:
    """What one calibrated fit says of rows.

    Parameters
    ----------
    walk : WalkForward
        Fitted.
    name : str
        Of the model.
    fold : Fold
        Which fit.
    rows : Panel
        Of n rows.

    Returns
    -------
    heads : float64 [n, 5]
        HEADS; NaN in masked rows.
    forecasts : records [n] of inference.FORECAST
    """
    heads = _heads(walk, name, fold, rows)
    return heads, inference.finished(heads, rows.spread_bps, walk.arrays[name, fold.number])


def _ignore(report: object) -> None:
    """Floors are fitted before a bar could be drawn."""

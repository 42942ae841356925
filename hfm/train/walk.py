"""The walk: every model fitted on every fold, then settled fold by fold on the validation rows seen so far."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from hfm import plugins
from hfm.config import Train
from hfm.models import step
from hfm.plugins import Arrays, Float, Panel
from hfm.stage import Context
from hfm.train import calibration, jobs
from hfm.train.folds import Fold
from hfm.train.panel import Rows
from hfm.train.record import Record

FLOORS = ("constant", "persistence", "rule", "har", "logistic")
"""Fitted in every run, whatever the model."""
HIDDEN = frozenset({"rule"})
"""Scored but not among the predictions: it speaks of nothing but the spread's side."""


@dataclass
class Walk:
    """All fits of a run, and the validation rows that have settled them so far."""

    rows: Rows
    plan: list[Fold]
    main: str
    names: tuple[str, ...]
    arrays: dict[tuple[str, int], Arrays]
    blocks: dict[str, list[calibration.Block]] = field(default_factory=dict)


def fit(
    data: Panel, plan: list[Fold], names: tuple[str, ...], options: Train, ctx: Context
) -> dict[tuple[str, int], Arrays]:
    """(model, fold) -> arrays: floors here and now, deep models as jobs."""
    out: dict[tuple[str, int], Arrays] = {}
    record = Record(ctx)
    for name in names:
        task = jobs.Task(name, data, options, options.seed)
        if plugins.find("models", name).deep:
            for fold, arrays in jobs.fit_all(task, plan, ctx, record):
                out[name, fold.number] = arrays
        else:
            for fold in plan:
                out[name, fold.number] = jobs.fit(task, fold, _quiet)
    return out


def settle(walk: Walk, name: str, fold: Fold) -> None:
    """Settle gates, temperature and confidences of one fit on all validation blocks up to its own."""
    valid, arrays = walk.rows.panel.of_sessions(*fold.valid), walk.arrays[name, fold.number]
    model: plugins.Forecaster = plugins.find("models", name)()
    heads = model.predict(arrays, valid)
    floor = heads if model.base is None else model.predict({**arrays, "gates": np.zeros(step.GATES)}, valid)
    cluster = np.repeat(valid.session, np.diff(valid.start))
    blocks = walk.blocks.setdefault(name, [])
    blocks.append(calibration.Block(floor, heads, valid.up, valid.log_vol, valid.log_spread, cluster))
    pooled = calibration.pool(blocks)
    if model.base is not None:
        arrays["gates"] = calibration.gates(pooled)
    mixed = calibration.mix(pooled.floor, pooled.heads, arrays.get("gates", np.zeros(step.GATES)))
    inverse = calibration.inverse_temperature(mixed[:, 0], pooled.up)
    own = calibration.confidences(mixed[-len(heads) :, 0], inverse)
    arrays["finish"] = np.concatenate([[inverse], arrays["floor/ret_sd"] * np.sqrt(walk.rows.panel.horizon), own])


def predict(walk: Walk, name: str, fold: Fold, rows: Panel) -> tuple[Float, Float]:
    """(heads [n, 5], finished [n, 8] of step.OUT) of one settled fit."""
    arrays = walk.arrays[name, fold.number]
    model: plugins.Forecaster = plugins.find("models", name)()
    heads = model.predict(arrays, rows)
    out = np.empty((len(heads), len(step.OUT)))
    step.finish(heads, rows.spread_bps, arrays["finish"], out)
    return heads, out


def _quiet(news: jobs.News | jobs.Saved) -> None:
    """Floors are fitted before a bar could be drawn."""

"""What the stage writes, from the walk's arrays: predictions, scores, history, checkpoint."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa

from hfm import __version__, plugins, tables
from hfm.config import Config, Train, as_tree
from hfm.models.checkpoint import describe, dump, prefix
from hfm.models.inference import FORECAST_COLUMNS, calibration
from hfm.plugins import Arrays, Float, Int
from hfm.tables import Array, Reader, TableMeta
from hfm.tables.records import Records
from hfm.train import fold_rows
from hfm.train.folds import Fold
from hfm.train.score_floors import ScoreFloor
from hfm.train.scoring import ModelScore, Truth
from hfm.train.training_panel import ForecastTask, TrainingRows
from hfm.train.walk_forward import WalkForward


def predictions(rows: TrainingRows, fold: Fold, finished: Mapping[str, Records], meta: TableMeta) -> pa.Table:
    """The predictions of one fold.

    Parameters
    ----------
    rows : TrainingRows
        All of them.
    fold : Fold
        Whose test part is shown.
    finished : mapping
        Model -> records [n] of FORECAST of that part.
    meta : TableMeta
        Of the table.

    Returns
    -------
    Table
        predictions, n times as many rows as models, these in spelling order at each row.
    """
    place, test, shown = (
        fold_rows.place(rows.panel, *fold.test),
        fold_rows.part(rows.panel, *fold.test),
        sorted(finished),
    )
    count = np.diff(test.start)
    known = np.isfinite(test.up)
    keys: dict[str, Array] = {
        "symbol": np.repeat(np.array(test.symbols, object)[test.symbol], count),
        "session": np.repeat(test.session.astype("datetime64[D]"), count), "seq": test.slot,
        "time": rows.time[place], "time_label": rows.time_label[place].view("datetime64[ns]"),
        "y_ret_bps": test.ret_bps, "y_spread_bps": np.exp(test.log_spread), "y_vol": test.log_vol,
    }  # fmt: skip
    columns: dict[str, object] = {name: np.repeat(value, len(shown)) for name, value in keys.items()}
    up = np.where(known, test.up, -1).astype(np.int8)
    columns["y_up"] = tables.fixed(np.repeat(up, len(shown)), np.repeat(known, len(shown)))
    for name in FORECAST_COLUMNS:
        columns[name] = np.column_stack([finished[model][name] for model in shown]).ravel()
    columns |= {"model": np.tile(np.array(shown, object), len(test.slot)), "fold": fold.number,
                "horizon": rows.panel.horizon}  # fmt: skip
    return tables.build(tables.PREDICTIONS, columns, meta, "estimated")


def whole_sessions(parts: Iterable[pa.Table]) -> Iterator[pa.Table]:
    """The same rows in tables of whole sessions, in order: folds that are cut inside sessions end where they like."""
    held: list[pa.Table] = []
    for part in parts:
        held.append(part)
        whole = _in_order(held)
        days = tables.column_array(whole.column("session"))
        done = int(np.searchsorted(days, days[-1]))
        if done:
            yield whole.slice(0, done)
        held = [whole.slice(done)]
    if held:
        yield held[0]


def _in_order(parts: Sequence[pa.Table]) -> pa.Table:
    """One table, sorted by session, then symbol; within these the parts follow one another."""
    whole = pa.concat_tables(parts).unify_dictionaries().combine_chunks()
    data = tables.arrays(whole, ["session", "symbol"])
    return whole.take(np.lexsort((data["symbol"].astype(str), data["session"])))


def truth(rows: TrainingRows, plan: Sequence[Fold], oracle: Reader | None) -> Truth:
    """What is scored against: the labels of all test rows, in order.

    Parameters
    ----------
    rows : TrainingRows
        All of them.
    plan : sequence of Fold
        Whose test parts are read.
    oracle : Reader, optional
        The simulator's P(up) and log spread, for horizon 1.

    Returns
    -------
    Truth
        The oracle is NaN or None without one. Stale rows have their labels.
    """
    tested = [fold for fold in plan if fold.number >= 0]
    panel, each = rows.panel, [fold_rows.place(rows.panel, *f.test) for f in tested]
    number = np.concatenate([np.full(len(panel.slot[p]), f.number) for f, p in zip(tested, each, strict=True)])
    place = np.concatenate([np.arange(len(panel.slot))[p] for p in each])
    names = ("p_up", "log_spread_mean")
    # the oracle speaks of the next row, of every row
    speaks = oracle is not None and panel.horizon == 1 and _rows(oracle) == len(panel.slot)
    columns = tables.arrays(oracle.read(names), names) if oracle is not None and speaks else {}
    known, level = (columns.get(name, np.empty(0)) for name in names)
    if not speaks:
        known = level = np.full(len(panel.slot), np.nan)
    label = panel if rows.unmasked is None else rows.unmasked
    return Truth(label.up[place], label.log_spread[place], label.log_vol[place], np.log(panel.spread_bps[place]),
                 known[place], number, fold_rows.cluster(panel)[place],
                 None if rows.ahead is None else rows.ahead[place],
                 level[place] if np.isfinite(level).any() else None,
                 None if rows.stale is None else rows.stale[place])  # fmt: skip


def _rows(table: Reader) -> int:
    """How many rows a table has."""
    return sum(part.num_rows for part in table.parts(["session"]))


def with_staleness(meta: TableMeta, rows: TrainingRows, plan: Sequence[Fold]) -> TableMeta:
    """The metadata with the count of test rows, of the stale ones among them, and of the sessions with one.

    Parameters
    ----------
    meta : TableMeta
        Of the quotes.
    rows : TrainingRows
        All of them.
    plan : sequence of Fold
        Whose test parts are counted.

    Returns
    -------
    TableMeta
        `meta` itself where no row is stale.
    """
    if rows.stale is None:
        return meta
    days = np.repeat(rows.panel.session, np.diff(rows.panel.start))
    each = [fold_rows.place(rows.panel, *fold.test) for fold in plan if fold.number >= 0]
    stale, day = (np.concatenate([values[place] for place in each]) for values in (rows.stale, days))
    count = int(stale.sum())
    return replace(meta, test_rows=len(stale), stale_rows=count, stale_sessions=len(np.unique(day[stale])))


def scores(lines: Sequence[ModelScore], floors: Sequence[ScoreFloor], meta: TableMeta) -> pa.Table:
    """The scores table, in its order.

    Parameters
    ----------
    lines : sequence of ModelScore
        In any order.
    floors : sequence of ScoreFloor
        One a score.
    meta : TableMeta
        Of the table.

    Returns
    -------
    Table
        scores.
    """
    order = sorted(range(len(lines)), key=lambda i: (lines[i].task, lines[i].metric, lines[i].model, lines[i].fold))
    picked = [lines[i] for i in order]
    columns: dict[str, object] = {
        name: np.array([getattr(s, name) for s in picked], kind)
        for name, kind in (("model", object), ("fold", np.int32), ("task", object), ("metric", object),
                           ("value", np.float64), ("se", np.float64), ("n", np.int64))
    }  # fmt: skip
    columns["floor"] = np.array([floors[i].value for i in order], np.float64)
    columns["floor_label"] = np.array([floors[i].label for i in order], object)
    return tables.build(tables.SCORES, columns, meta)


class _NetworkHistory(NamedTuple):
    """The epochs of one network, [epochs] each: number, mean losses of training and validation rows, learning rate."""

    model: str
    fold: int
    seed: int
    epoch: Float
    train: Float
    valid: Float
    lr: Float


def history(walk: WalkForward, meta: TableMeta) -> pa.Table:
    """Losses of every epoch of every network; of no row where the model has none."""
    blocks = [
        _NetworkHistory(name, fold, int(key.removeprefix("history/seed")), *value.T)
        for (name, fold), arrays in sorted(walk.arrays.items())
        for key, value in sorted(arrays.items()) if key.startswith("history/")
    ]  # fmt: skip
    blocks.sort(key=lambda b: (b.model, b.fold, b.seed))
    if not blocks:
        return tables.empty(tables.HISTORY, meta)
    count = [2 * len(b.epoch) for b in blocks]
    epoch = np.concatenate([np.repeat(b.epoch, 2) for b in blocks]).astype(np.int32)
    return tables.build(tables.HISTORY, {
        "model": np.repeat(np.array([b.model for b in blocks], object), count),
        "fold": np.repeat(np.array([b.fold for b in blocks], np.int32), count),
        "seed": np.repeat(np.array([b.seed for b in blocks], np.int32), count), "epoch": epoch,
        "split": np.tile(np.array(["train", "valid"], object), len(epoch) // 2),
        "loss": np.concatenate([np.column_stack([b.train, b.valid]).ravel() for b in blocks]),
        "lr": np.concatenate([np.repeat(b.lr, 2) for b in blocks]),
    }, meta)  # fmt: skip


def checkpoint(walk: WalkForward, options: Train, task: ForecastTask) -> tuple[bytes, dict[str, Any]]:  # Any: JSON
    """Everything that is needed to rebuild features and models.

    Parameters
    ----------
    walk : WalkForward
        Fitted and calibrated.
    options : Train
        Of the run.
    task : ForecastTask
        What is forecast from what.

    Returns
    -------
    data : bytes
        model.safetensors.
    document : dict
        model.json.
    """
    panel, arrays = walk.rows.panel, dict[str, Array]()
    days = np.unique(panel.session)
    for (name, fold), fitted in walk.arrays.items():
        start = prefix(fold, name, walk.main)
        arrays |= {start + key: value for key, value in fitted.items() if not key.startswith("history/")}
    document = {
        **describe(task.features, panel.names, panel.own),
        "hfm": __version__, "model": walk.main, "models": list(walk.names),
        "stepped": [n for n in walk.names if plugins.find("models", n).stepped], "horizon": panel.horizon,
        "symbols": list(panel.symbols), "slots": panel.slots, "options": as_tree(Config(train=options))["train"],
        "data": {"sha256": walk.rows.digest, "rows": len(panel.slot), "sessions": len(days)},
        "folds": [_span(fold, days) if panel.block is None else _stretch(fold, walk.rows) for fold in walk.plan],
        "calibration": {_place(fold): {name: _settled(walk.arrays[name, fold.number]) for name in walk.names}
                        for fold in walk.plan},
    }  # fmt: skip
    if task.events:
        document |= {"target": task.target, "block_s": task.block_s}
    if task.stride > 1:
        document |= {"stride": task.stride}
    return dump(arrays, document)


def _place(fold: Fold) -> str:
    return "final" if fold.number < 0 else f"fold{fold.number}"


def _span(fold: Fold, days: Int) -> dict[str, Any]:  # Any: JSON
    out: dict[str, Any] = {"name": _place(fold)}
    for part in ("train", "valid", "test"):
        a, b = getattr(fold, part)
        out[part] = [str(days[a].astype("datetime64[D]")), str(days[b - 1].astype("datetime64[D]"))] if b > a else None
    return out


def _stretch(fold: Fold, rows: TrainingRows) -> dict[str, Any]:  # Any: JSON
    """The same of blocks: the days, and in `times` the first and last row's time (ns UTC) of each part."""
    out: dict[str, Any] = {"name": _place(fold), "times": {}}
    for part in ("train", "valid", "test"):
        at = fold_rows.place(rows.panel, *getattr(fold, part))
        times = rows.time[at]
        out["times"][part] = [int(times.min()), int(times.max())] if len(times) else None
        days = np.repeat(rows.panel.session, np.diff(rows.panel.start))[at]
        out[part] = [str(d.astype("datetime64[D]")) for d in (days[0], days[-1])] if len(days) else None
    return out


def _settled(arrays: Arrays) -> dict[str, Any]:  # Any: JSON
    final = calibration.py_func(arrays["finish"])
    return {"inverse_temperature": float(final.inverse_temperature), "ret_sd": float(final.ret_sd),
            "gates": arrays.get("gates", np.zeros(0)).tolist(),
            "weights": arrays.get("weights", np.zeros(0)).tolist()}  # fmt: skip

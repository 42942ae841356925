"""The stage: panel, folds, fits, calibration, out-of-sample predictions, scores, checkpoint."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial

import pyarrow as pa

from hfm import artifacts
from hfm.config import INTERVALS, Config, Fetch, Train
from hfm.errors import UsageError, typed
from hfm.plugins import find
from hfm.stage import Context, Product
from hfm.tables import Reader, TableMeta
from hfm.train import (
    fold_rows,
    folds,
    paired_gains,
    score_floors,
    scoring,
    thinned_rows,
    training_output,
    training_panel,
    training_summary,
)
from hfm.train.walk_forward import FLOORS, HIDDEN, WalkForward, calibrate, fit, model_names, predict


def run(inputs: Mapping[str, Reader], config: Config, ctx: Context) -> Iterator[Product]:
    """Train: see hfm.stage.

    Parameters
    ----------
    inputs : mapping
        artifacts.QUOTES, and artifacts.ORACLE where it is there.
    config : Config
        Of which `train` is read, and `fetch` for what an error tells to type.
    ctx : Context
        See hfm.stage.

    Yields
    ------
    (artifact, table, bytes or document)
        Predictions in parts, then scores, history, weights, model and what the recipe adds.

    Raises
    ------
    UsageError
        For a model, a backend or a device that is not here.
    DataError
        Where the data do not fill one fold, with the minimum needed.
    """
    options = config.train
    names = model_names(options.model, options.also)  # a wrong name is said at once, not after the floors are fitted
    _check_fitting(options, names)  # and so is a device that is not here
    quotes = inputs[artifacts.QUOTES]
    task = thinned_rows.thinned(training_panel.task(quotes.meta, options), quotes, options, names)
    plan = _plan(quotes, task, config, ctx)
    rows = _rows(quotes, task, ctx)
    walk = WalkForward(rows, plan, options.model, names, fit(rows.panel, plan, names, options, ctx))
    meta = _meta(training_output.with_staleness(quotes.meta, rows, plan), task, options.model, names)
    said: dict[str, list[scoring.ModelForecast]] = {name: [] for name in names}
    told = _predictions(walk, said, meta)
    for part in told if rows.panel.block is None else training_output.whole_sessions(told):
        yield artifacts.PREDICTIONS, part
    truth = training_output.truth(rows, plan, inputs.get(artifacts.ORACLE))
    models = {name: scoring.joined(parts) for name, parts in said.items()}
    scores, pairs = scoring.score(truth, models), paired_gains.score(truth, models)
    floor = score_floors.floors(scores, FLOORS, truth, models)
    scores, floor = [*scores, *pairs], [*floor, *[score_floors.ScoreFloor(0.0, paired_gains.BESIDE)] * len(pairs)]
    yield artifacts.SCORES, training_output.scores(scores, floor, meta)
    yield artifacts.HISTORY, training_output.history(walk, meta)
    data, document = training_output.checkpoint(walk, options, task)
    yield artifacts.WEIGHTS, data
    yield artifacts.MODEL, document
    yield from find("recipe_parts", "insample")(quotes, options, ctx)
    training_summary.summarise(scores, floor, truth, models, options.model, ctx)


def _rows(quotes: Reader, task: training_panel.ForecastTask, ctx: Context) -> training_panel.TrainingRows:
    """The panel, of which no feature is missing everywhere."""
    rows = thinned_rows.read(quotes, task)
    if task.stride > 1:
        ctx.say(f"rows: one in {task.stride} is fitted and scored, {len(rows.time):,} (train.rows)")
    training_panel.check(rows)
    return rows


def _meta(meta: TableMeta, task: training_panel.ForecastTask, model: str, names: Sequence[str]) -> TableMeta:
    """The metadata of the quotes with what was forecast, and by whom."""
    return replace(
        meta,
        model=model,
        models=tuple(name for name in names if name not in HIDDEN),
        horizon=task.horizon,
        features=task.features,
        target=task.target if task.events else meta.target,
        block_s=meta.block_s if task.block_s is None else task.block_s,
        stride=task.stride if task.stride > 1 else 0,
    )


def _predictions(
    walk: WalkForward, said: dict[str, list[scoring.ModelForecast]], meta: TableMeta
) -> Iterator[pa.Table]:
    """Settle fold by fold; the predictions of each fold's test part, which `said` collects by model."""
    panel = walk.rows.panel
    for fold in walk.plan:
        for name in walk.names:
            calibrate(walk, name, fold)
        if fold.number < 0:
            continue
        test, shown = fold_rows.lead(panel, *fold.test), {}
        for name in walk.names:
            found = predict(walk, name, fold, test.panel)
            heads, finished = found[0][test.inside], found[1][test.inside]
            said[name].append(scoring.ModelForecast(finished["p_up"], finished["p_widen"], heads))
            if name not in HIDDEN:
                shown[name] = finished
        yield training_output.predictions(walk.rows, fold, shown, meta)


def _check_fitting(options: Train, names: Sequence[str]) -> None:
    """Raise UsageError for the backend `fused` of a network or device that has none, and for a device not here."""
    if options.backend == "fused":
        _check_fused(options, names)
    if options.device not in ("auto", "cpu"):
        from hfm.models.networks import device

        device.chosen(options.device)


def _check_fused(options: Train, names: Sequence[str]) -> None:
    """Raise UsageError for a network or a device that has no such backend."""
    if options.device not in ("auto", "cpu"):
        raise UsageError(f"there is no train.backend fused on {options.device}", why="it runs on the processor",
                         hint="--device cpu")  # fmt: skip
    for name in names:
        if "fused" not in getattr(find("models", name), "backends", ("fused",)):
            raise UsageError(f"there is no train.backend fused of {name}", why="it fits LSTMs",
                             hint="--set train.backend=auto")  # fmt: skip


def _plan(quotes: Reader, task: training_panel.ForecastTask, config: Config, ctx: Context) -> list[folds.Fold]:
    """The folds, and the fit on everything."""
    window = config.train.window
    if task.block_s is None:
        sessions = training_panel.sessions(quotes)
        return [
            *folds.plan(sessions, window, partial(more, config.fetch, quotes.meta.symbols, ctx)),
            folds.final(sessions, window),
        ]
    blocks, rows = training_panel.blocks(quotes, task.block_s)
    return [*folds.plan_blocks(blocks, rows, window), folds.final_blocks(blocks, window)]


def more(fetch: Fetch, symbols: Sequence[str], ctx: Context, sessions: int) -> str:
    """What to do to have more sessions.

    Parameters
    ----------
    fetch : Fetch
        How the bars were fetched.
    symbols : sequence of str
        Which.
    ctx : Context
        Of which the run's name is read.
    sessions : int
        How many are needed at least.

    Returns
    -------
    str
        A command where the source can be asked for so many; else a sentence.
    """
    source = find("sources", fetch.source)
    kept = getattr(source, "kept", {}).get(INTERVALS[fetch.interval], 36500)  # calendar days
    if not (source.network or source.synthetic):
        return f"fetch a longer file: of at least {sessions} sessions"
    if sessions * 8 // 5 > kept:
        return f"fetch bars of a longer interval, or on more days: {fetch.source} keeps {kept} calendar days of these"
    run = ("--run", ctx.run) if ctx.run else ()
    return typed("hfm", "fetch", *symbols, "--sessions", str(sessions + 2), *run)

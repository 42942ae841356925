"""The backtest stage: joins, runs the ledgers, writes ledger, trades and trials as it goes, and the metrics last."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from hfm import artifacts, tables
from hfm.backtest import bounce, family, ledger_tables, performance
from hfm.backtest.engine import Engine, base_settings
from hfm.backtest.joined_panel import EXTREMES, RESTING, JoinedPanel, panels, prefetch
from hfm.backtest.totals import Totals
from hfm.config import Backtest, Config
from hfm.errors import UsageError
from hfm.plugins import find
from hfm.policies.one_symbol import deprecated
from hfm.stage import Context, Product
from hfm.tables import TableMeta
from hfm.tables.json_document import to_json

LEDGER, TRADES, TRIALS = artifacts.LEDGER, artifacts.TRADES, artifacts.TRIALS
METRICS, RECONCILIATION, INSAMPLE = artifacts.METRICS, artifacts.BRIDGE, artifacts.INSAMPLE


def run(inputs: Mapping[str, tables.Reader], config: Config, ctx: Context) -> Iterator[Product]:
    """Ledger, trades, trials and metrics of the policy that the settings name, out of sample only.

    Parameters
    ----------
    inputs : quotes and predictions; train/insample.parquet of a run of the original recipe.
    config, ctx : see hfm.stage.

    Yields
    ------
    Row groups of the tables, in order of their sessions, then metrics.json, and the recipe's reconciliation.

    Raises
    ------
    DataError
        Where predictions and quotes do not line up; it names the first offending row.
    UsageError
        For a model without predictions, and for settings that contradict one another or the data.
    """
    quotes, predictions = inputs[artifacts.QUOTES], inputs[artifacts.PREDICTIONS]
    settings, symbols = config.backtest, sorted(quotes.meta.symbols)
    model = settings.model or predictions.meta.model
    horizon = predictions.meta.horizon or config.train.horizon
    _check(settings, quotes.meta, predictions.meta, ctx)
    meta = _meta(settings, quotes.meta, predictions.meta)
    engine = Engine(settings, symbols, meta, horizon)
    if engine.bounce is not None:
        meta = replace(meta, bounce={k: dataclasses.asdict(v) for k, v in engine.bounce.shown.items()})
    trial = engine.trials[engine.user].name
    if deprecated(engine.trials[engine.user].allocator):
        ctx.warn(f"policy {trial}: its `propose` is deprecated and works on; give target weights with `weights`")
    totals = Totals(len(engine.trials))
    last: JoinedPanel | None = None
    count = 0
    for panel in prefetch(panels(quotes, predictions, model, symbols, _columns(settings, meta))):
        outcome = engine.take(panel)
        if outcome is None:
            continue
        last, result = outcome
        family_sums = result.sums[: len(engine.trials)]
        yield LEDGER, ledger_tables.ledger_table(last, result.out, model, trial, meta)
        yield (
            TRIALS,
            ledger_tables.trials_table(last, engine.trials, family_sums, result.bounce, settings.cash, symbols, meta),
        )
        totals.add(last, result.sums, result.out)
        ended = engine.ready()
        if len(ended):
            yield TRADES, ledger_tables.trades_table(ended, count, model, trial, symbols, meta)
            count += len(ended)
        ctx.progress("sessions", totals.sessions, 0)
    assert last is not None  # a model with predictions has a session with one: panels() has raised otherwise
    yield TRADES, ledger_tables.trades_table(engine.rest(last), count, model, trial, symbols, meta)
    _journal(engine, ctx, model)
    metrics = performance.metrics_of(engine, totals, model, meta)
    performance.summarise(metrics, ctx)
    yield METRICS, to_json(metrics)
    if INSAMPLE in inputs:
        yield RECONCILIATION, find("recipe_parts", "reconciliation")(inputs, settings, metrics, len(engine.trials))


def _meta(settings: Backtest, quotes: TableMeta, predictions: TableMeta) -> TableMeta:
    """Metadata of the tables: those of the quotes, what errors are clustered by, and whether fills know the future."""
    return replace(
        quotes, block_s=predictions.block_s, lookahead=True if settings.fill == "close" else quotes.lookahead
    )


def _columns(settings: Backtest, meta: TableMeta) -> tuple[str, ...]:
    """Columns of the quotes beside those that every back-test reads."""
    return RESTING if settings.fill == "passive" else EXTREMES if bounce.possible(meta) else ()


def _check(settings: Backtest, meta: TableMeta, predictions: TableMeta, ctx: Context) -> None:
    """Refuse a fill that knows the future, unless asked for by name, and a queue without a book; name thin predictions.

    Raises
    ------
    UsageError
        With the option that changes it.
    """
    if predictions.stride:
        ctx.warn(
            f"predictions are of one row in {predictions.stride} (train.rows), no position is held between them: "
            "this is not the policy that trades on every row"
        )
    if settings.fill == "close" and not settings.allow_lookahead:
        raise UsageError(
            "--fill close fills at the very price that the signal is made of",
            why="nobody can trade at a close that they have already seen; with --allow-lookahead every result says so",
            hint="--fill next-open, or --fill close --allow-lookahead",
        )
    if settings.queue and meta.every != "event":
        raise UsageError(
            "backtest.queue needs the event rows of a replayed order book",
            why="a bar does not say in which order its trades and quotes came",
            hint="--set backtest.queue=false",
        )


def _journal(engine: Engine, ctx: Context, model: str) -> None:
    """One journal event for each member of the family: the policy, its costs and where it was tried; one for a sweep.

    family: the user's own threshold where it is not among those that every family has.
    """
    days, settings = engine.session_sums.days(), engine.settings
    added = settings.threshold if engine.trials[engine.user].name not in family.names() else ""
    span = [str(np.datetime64(int(d), "D")) for d in (days[0], days[-1])]
    common = {"cost": costs(base_settings(settings)), "symbols": list(engine.symbols), "family": added, "span": span,
              "model": model, "sessions": len(days)}  # fmt: skip
    for trial in engine.trials:
        ctx.events.append({"event": "trial", "trial": trial.name, "policy": {"model": model, **trial.words}, **common})
    if settings.sweep:
        ctx.events.append({"event": "sweep", "levels": settings.sweep, **common})


def costs(settings: Backtest) -> dict[str, Any]:  # Any: JSON values
    """The settings that decide fills and costs, as JSON values."""
    unset = () if settings.lot is not None else ("lot",)  # so that trials of before there were lots are the same
    return {k: v for k, v in dataclasses.asdict(settings).items() if k not in ("model", "threshold", "sweep", *unset)}

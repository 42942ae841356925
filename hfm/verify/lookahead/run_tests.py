"""Does anything in a run know what comes later? Its own source, simulator, features, models and policy are asked again
with another future, or with none, and must say of the past what they said.

Every row that was forecast or traded is compared. The cuts are drawn by a seed that no plug-in can know; plug-ins
answer in a process of their own (isolation.py), in which nothing of an earlier answer is left. A source that asks a
vendor is not asked.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace

import numpy as np

from hfm.artifacts import METRICS, MODEL, PREDICTIONS, QUOTES, WEIGHTS
from hfm.config import Config
from hfm.models.checkpoint import load as load_checkpoint
from hfm.report import leakage
from hfm.runs import freshness
from hfm.runs.manifest import Run
from hfm.stage import Verification
from hfm.tables import MemoryReader, Reader, arrays
from hfm.tables.metrics_document import Metrics, read_metrics
from hfm.train import folds, thinned_rows, training_panel
from hfm.verify.claims import Row
from hfm.verify.lookahead import asof, cuts, decisions, forecasts, rebuilt, refit
from hfm.verify.lookahead.isolation import Isolated

STAGES = ("fetch", "simulate", "train", "backtest")
"""Those that are asked again."""


def of_run(
    run: Run, tell: Callable[[str], None], seed: int | None = None, stages: Sequence[str] = STAGES,
    asked: Isolated | None = None,
) -> list[Row]:  # fmt: skip
    """The look-ahead tests of every stage that a run has. Its files must be those that were committed.

    Parameters
    ----------
    run
        The run.
    tell
        Hears of each stage, and of the seed.
    seed
        Of the cuts; None: a new one.
    stages
        Those that are asked again.
    asked
        The process in which plug-ins are asked again, and which ends with the tests; None: a new one.

    Returns
    -------
    list[Row]
        In the order of STAGES.
    """
    manifest = run.manifest()
    config = freshness.recorded_config(manifest)
    artifacts = {name for entry in manifest.stages.values() for name in entry.artifacts}
    readers: dict[str, Reader] = freshness.readers(run, dict.fromkeys(artifacts, ""))
    seed = cuts.seed_new() if seed is None else seed
    tell(f"look-ahead: the cuts are drawn by --seed {seed}")
    rows: list[Row] = []
    with asked or Isolated() as process:
        for k, stage in enumerate(STAGES):
            if stage in manifest.stages and stage in stages:
                tell(f"look-ahead: {stage}")
                rows += of_stage(stage, readers, config, process, np.random.default_rng([seed, k]))
    return rows


def verification(
    run: Run, tell: Callable[[str], None], seed: int | None = None, asked: Isolated | None = None
) -> Verification:
    """The look-ahead tests of a run, as its report and its journal have them.

    Parameters
    ----------
    run
        The run.
    tell
        Hears of each stage, and of the seed.
    seed
        Of the cuts; None: a new one.
    asked
        The process in which plug-ins are asked again, and which ends with the tests; None: a new one.

    Returns
    -------
    Verification
        How many tests there are, and which failed.
    """
    seed = cuts.seed_new() if seed is None else seed
    return as_verification(of_run(run, tell, seed, asked=asked), seed)


def as_verification(rows: list[Row], seed: int) -> Verification:
    """The table of the tests as a Verification."""
    return Verification(len(rows), seed, tuple(row.claim for row in rows if not row.passed))


def of_stage(
    stage: str, readers: Mapping[str, Reader], config: Config, asked: Isolated, rng: np.random.Generator
) -> list[Row]:
    """The look-ahead tests of one stage.

    Parameters
    ----------
    stage
        Its name.
    readers
        Artifact -> reader, of the run.
    config
        The run's.
    asked
        The process in which plug-ins are asked again.
    rng
        Draws the cuts.

    Returns
    -------
    list[Row]
        Of the table.
    """
    if stage == "fetch":
        return list(asof.of_run(readers, config, asked, rng))
    if stage == "simulate":
        return list(rebuilt.quotes(readers, config, rng))
    return list((trained if stage == "train" else strategy)(readers, config, asked, rng))


def trained(readers: Mapping[str, Reader], config: Config, asked: Isolated, rng: np.random.Generator) -> Iterator[Row]:
    """The rows of the table about features, then about what was learnt from them.

    Parameters
    ----------
    readers
        Artifact -> reader: quotes, predictions and the model.
    config
        The run's.
    asked
        The process in which models are asked again.
    rng
        Draws the cuts.

    Yields
    ------
    Row
        Of the table.
    """
    quotes = readers[QUOTES]
    task = training_panel.task(quotes.meta, config.train)
    table = quotes.read()
    yield from rebuilt.features(table, training_panel.read(MemoryReader(table), task), task, rng)
    yield from learnt(readers, config, asked, rng)


def learnt(readers: Mapping[str, Reader], config: Config, asked: Isolated, rng: np.random.Generator) -> Iterator[Row]:
    """The rows of the table about forecasts and fits of every model of the run that is no floor beside another.

    Parameters
    ----------
    readers
        Artifact -> reader: quotes, predictions and the model.
    config
        The run's.
    asked
        The process in which models are asked again.
    rng
        Draws the cuts.

    Yields
    ------
    Row
        Model by model, all folds together.
    """
    quotes, document = readers[QUOTES], json.loads(readers[MODEL].data())
    task = replace(training_panel.task(quotes.meta, config.train), stride=int(document.get("stride", 1)))
    rows = thinned_rows.read(quotes, task)
    if task.block_s is None:
        plan = folds.plan(len(np.unique(rows.panel.session)), config.train.window)
    else:
        plan = folds.plan_blocks(*training_panel.blocks(quotes, task.block_s), config.train.window)
    checkpoint = load_checkpoint(readers[WEIGHTS].data(), document)
    for model in models(document, config):
        items = [forecasts.forecast(checkpoint, model, rows, fold) for fold in plan]
        yield forecasts.as_written(readers[PREDICTIONS], items)
        yield from forecasts.again(items, asked, rng)
        yield from refit.of_folds(items, rows.panel, config.train, asked, rng)


def models(document: Mapping[str, object], config: Config) -> list[str]:
    """The trained model, those that were asked for beside it, and the one that the back-test trades."""
    known = document["models"]
    assert isinstance(known, list)
    wanted = dict.fromkeys([str(document["model"]), *config.train.also, config.backtest.model or ""])
    return [name for name in wanted if name in known]


def strategy(readers: Mapping[str, Reader], config: Config, asked: Isolated, rng: np.random.Generator) -> Iterator[Row]:
    """The rows of the table about the back-test.

    Its policy sees a row alone; no fill is at its signal's own price; the edge outlives a row's delay.

    Parameters
    ----------
    readers
        Artifact -> reader: the metrics; for the policy also quotes, predictions and ledger.
    config
        The run's.
    asked
        The process in which the policy is asked again.
    rng
        Draws the cuts.

    Yields
    ------
    Row
        Of the table.
    """
    document = read_metrics(readers[METRICS].data())
    cheat = document.lookahead
    words = "backtest: a signal is filled after it is known" if not cheat else (
        "backtest: px_open of every row is the close that its own signal is made of (--fill close)"
    )  # fmt: skip
    yield Row(words, "0 look-ahead fills", float(cheat), 0, 0)
    if PREDICTIONS in readers:
        yield from decisions.of_run(readers, config, document.model, asked, rng)
    yield _delay(readers, document, config)


def _delay(readers: Mapping[str, Reader], document: Metrics, config: Config) -> Row:
    """Share of the gross return that is left with the signals one row later.

    A real edge decays; where direction is called better than honest data allows and a row's delay takes nearly all,
    something knows the next row.

    Parameters
    ----------
    readers
        Artifact -> reader: the predictions.
    document
        Of the back-test.
    config
        The run's.

    Returns
    -------
    Row
        Without a bound where nothing is suspicious.
    """
    now, later = (float(point.gross_return) for point in document.sensitivity.delay[:2])
    kept = later / now if now > 0 else float("nan")
    names = ("p_up", "y_up", "model")
    parts = [arrays(group, names) for group in readers[PREDICTIONS].groups(names, document.model)]
    p, y = (np.concatenate([part[name] for part in parts]) for name in ("p_up", "y_up"))
    judged = (y >= 0) & np.isfinite(p)
    right, n = int(((p > 0.5) == (y == 1))[judged].sum()), int(judged.sum())
    flag = leakage.warning(leakage.Hits(right, n), bars=config.simulate.fidelity != "replay",
                           planted=config.simulate.signal == "planted")  # fmt: skip
    text = f"backtest: gross return left with signals one row later ({right / max(n, 1):.1%} of directions called)"
    if flag is None:
        return Row(text, "no bound: nothing is suspicious", 0.0 if np.isnan(kept) else kept, -np.inf, np.inf)
    return Row(text, "more than 0.2", 0.0 if np.isnan(kept) else kept, 0.2, np.inf)

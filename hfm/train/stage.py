"""The stage: panel, folds, fits, calibration, out-of-sample predictions, scores, checkpoint."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np

from hfm import plugins
from hfm.config import Config
from hfm.stage import Context, Product
from hfm.tables import Reader
from hfm.train import folds, insample, output, panel, scoring, summary
from hfm.train.walk import FLOORS, HIDDEN, Walk, chosen, fit, predict, settle


def run(inputs: Mapping[str, Reader], config: Config, ctx: Context) -> Iterator[Product]:
    """See hfm.stage. Raises DataError where the sessions do not fill one fold, with the minimum needed."""
    options = config.train
    plugins.find("models", options.model)  # a wrong name is said at once, not after the floors are fitted
    if options.device not in ("auto", "cpu"):
        from hfm.models import device

        device.chosen(options.device)  # and so is a device that is not here
    quotes = inputs["simulate/quotes.parquet"]
    sessions = panel.sessions(quotes)
    plan = [*folds.plan(sessions, options.window), folds.final(sessions, options.window)]
    rows = panel.read(quotes, options.features, options.horizon)
    names = chosen(options.model)
    walk = Walk(rows, plan, options.model, names, fit(rows.panel, plan, names, options, ctx))
    meta = {**quotes.meta, "model": options.model, "models": [n for n in names if n not in HIDDEN],
            "horizon": options.horizon, "features": options.features}  # fmt: skip
    said: dict[str, list[scoring.Forecast]] = {name: [] for name in names}
    for fold in plan:
        for name in names:
            settle(walk, name, fold)
        if fold.number >= 0:
            test = rows.panel.of_sessions(*fold.test)
            out = {name: predict(walk, name, fold, test) for name in names}
            for name, (heads, finished) in out.items():
                said[name].append(scoring.Forecast(finished[:, 0], finished[:, 7], heads))
            shown = {name: finished for name, (_, finished) in out.items() if name not in HIDDEN}
            yield "train/predictions.parquet", output.predictions(rows, fold, shown, meta)
    truth = output.truth(rows, plan, inputs.get("simulate/oracle.parquet"))
    models = {name: scoring.joined(parts) for name, parts in said.items()}
    scores = scoring.score(truth, models)
    floor = scoring.floors(scores, FLOORS, truth, models)
    yield "train/scores.parquet", output.scores(scores, floor, meta)
    yield "train/history.parquet", output.history(walk, meta)
    data, document = output.checkpoint(walk, options, np.unique(rows.panel.session))
    yield "train/model.safetensors", data
    yield "train/model.json", document
    if insample.asked(quotes, options) and (table := insample.table(quotes, options, ctx)) is not None:
        yield insample.ARTIFACT, table
    summary.tell(scores, floor, truth, models, options.model, ctx)

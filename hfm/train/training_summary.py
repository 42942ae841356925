"""What a person reads when training has ended: each figure beside its floor and its error."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial

import numpy as np

from hfm.stage import Context
from hfm.train import paired_gains, scoring
from hfm.train.labels import AHEAD
from hfm.train.score_floors import ScoreFloor
from hfm.train.scoring import ALL_ROWS, BEYOND, GAIN, ModelForecast, ModelScore, Truth

Found = Mapping[tuple[str, str, str], tuple[ModelScore, ScoreFloor]]
"""(model, task, metric) -> (score over all folds, its floor)."""
NORMAL = 1.96
"""Standard errors on either side in a 95 % interval."""
Cell = Callable[[ModelScore, ScoreFloor], str]


def _share(s: ModelScore, floor: ScoreFloor) -> str:
    return f"{100 * s.value:.2f} % ({100 * s.se:.2f})"


def _to(digits: int) -> Cell:
    """A value and its error, to so many digits."""
    return lambda s, floor: f"{s.value:.{digits}f} ({s.se:.{digits}f})"


def _beside(s: ModelScore, floor: ScoreFloor) -> str:
    return f"{s.value:.3f} / {floor.value:.3f}"


def _interval(s: ModelScore, floor: ScoreFloor) -> str:
    return f"{s.value:+.4f} [{s.value - NORMAL * s.se:+.4f}, {s.value + NORMAL * s.se:+.4f}]"


def _points(s: ModelScore, floor: ScoreFloor) -> str:
    return f"{100 * s.value:+.2f} [{100 * (s.value - NORMAL * s.se):+.2f}, {100 * (s.value + NORMAL * s.se):+.2f}]"


COLUMNS: Mapping[str, tuple[tuple[str, str, Cell], ...]] = {
    "direction": (
        ("accuracy (se)", "accuracy", _share), ("AUC (se)", "auc", _to(3)), ("log-loss (se)", "log_loss", _to(5)),
        ("ECE / if calibrated", "ece", _beside),
    ),
    "spread": (
        ("widens (se)", "accuracy", _share), ("R2 (se)", "r2", _to(3)), ("MAE (se)", "mae", _to(4)),
        ("pinball (se)", "pinball", _to(4)), ("R2 over HAR [95 %]", GAIN, _interval),
    ),
    "volatility": (("R2 (se)", "r2", _to(3)), ("MAE (se)", "mae", _to(4)), ("R2 over HAR [95 %]", GAIN, _interval)),
}  # fmt: skip
"""Task -> (heading, metric, how it is shown): a table each, of all models that speak of it."""
WITH_STALE: Mapping[str, tuple[tuple[str, str, Cell], ...]] = {
    "direction": (("all rows (se)", "accuracy" + ALL_ROWS, _share),),
    "spread": (("R2, all rows (se)", "r2" + ALL_ROWS, _to(3)),),
    "volatility": (("R2, all rows (se)", "r2" + ALL_ROWS, _to(3)),
                   ("over HAR, all rows [95 %]", GAIN + ALL_ROWS, _interval)),
}  # fmt: skip
"""The columns behind them where some rows are stale and the scores leave them out."""


def summarise(
    scores: Sequence[ModelScore],
    floor: Sequence[ScoreFloor],
    truth: Truth,
    models: Mapping[str, ModelForecast],
    main: str,
    ctx: Context,
) -> None:
    """Put the headline figures and the tables of the models into ctx.

    Parameters
    ----------
    scores : sequence of ModelScore
        Of all models, pooled and by fold.
    floor : sequence of ScoreFloor
        One a score.
    truth : Truth
        What the scores are of.
    models : mapping
        Name -> forecast of every model that is scored.
    main : str
        The run's own model.
    ctx : Context
        Its figures, lines and warnings are added to.
    """
    found = {(s.model, s.task, s.metric): (s, f) for s, f in zip(scores, floor, strict=True) if s.fold < 0}
    _figures(found, truth, main, ctx)
    for task, columns in COLUMNS.items():
        columns = columns if truth.stale is None else (*columns, *WITH_STALE[task])
        _table(task, columns, found, [(name, name == main) for name in (*models, scoring.ORACLE)], ctx)
    if truth.ahead is not None:
        _over(found, models, ctx)
        _beside_trees(found, models, ctx)
    _floor(found, main, ctx)
    _stale(truth, ctx)
    edge = ctx.figures["smallest_edge"]
    if edge is not None:
        ctx.say(f"smallest edge in direction that {ctx.figures['test_rows']} rows could show: {100 * edge:.2f} points")


def _floor(found: Found, main: str, ctx: Context) -> None:
    """The floor of the direction, and which it is."""
    pair = found.get((main, "direction", "accuracy"))
    if pair is None:
        return
    value, label = pair[1].value, pair[1].label
    ctx.figures |= {"direction_floor": _plain(value), "direction_floor_label": label}
    ctx.say(f"direction: {100 * pair[0].value:.2f} %, the floor {100 * value:.2f} % ({label})")


def _stale(truth: Truth, ctx: Context) -> None:
    """How many test rows have prices that seem to be filled forward, and what the scores do with them."""
    if truth.stale is None:
        return
    share, sessions = float(truth.stale.mean()), len(np.unique(truth.cluster[truth.stale]))
    ctx.figures |= {"stale_rows": int(truth.stale.sum()), "stale_share": share}
    text = (
        f"{100 * share:.1f} % of the test rows, in {sessions} of {len(np.unique(truth.cluster))} sessions, have or "
        "forecast a price that seems to be filled forward: the scores leave them out, and stand over all rows too"
    )
    (ctx.warn if share > BEYOND else ctx.say)(text)


def _value(found: Found, model: str, task: str, metric: str) -> float | None:
    """A score; None where there is none, or it is no number."""
    pair = found.get((model, task, metric))
    return _plain(pair[0].value) if pair else None


def _error(found: Found, model: str, task: str, metric: str) -> float | None:
    """Its standard error, likewise."""
    pair = found.get((model, task, metric))
    return _plain(pair[0].se) if pair else None


def _figures(found: Found, truth: Truth, main: str, ctx: Context) -> None:
    value, error = partial(_value, found), partial(_error, found)
    ctx.figures |= {
        "model": main, "test_rows": len(truth.up),
        "test_sessions" if truth.ahead is None else "test_blocks": len(np.unique(truth.cluster)),
        "direction_accuracy": value(main, "direction", "accuracy"),
        "direction_se": error(main, "direction", "accuracy"),
        "direction_base_rate": value("constant", "direction", "accuracy"),
        "direction_log_loss": value(main, "direction", "log_loss"),
        "direction_log_loss_floor": value("constant", "direction", "log_loss"),
        "direction_auc": value(main, "direction", "auc"),
        "smallest_edge": _plain(scoring.smallest_edge(truth)),
        "spread_accuracy": value(main, "spread", "accuracy"), "spread_se": error(main, "spread", "accuracy"),
        "spread_rule": value("rule", "spread", "accuracy"),
        "spread_r2": value(main, "spread", "r2"), "spread_r2_har": value("har", "spread", "r2"),
        "spread_r2_oracle": value(scoring.ORACLE, "spread", "r2"),
        "volatility_r2": value(main, "volatility", "r2"), "volatility_r2_har": value("har", "volatility", "r2"),
    }  # fmt: skip
    share = value(main, "direction", "oracle_share")
    if share is not None:
        ctx.figures["oracle_share"] = share
    for task in ("volatility", "spread"):
        pair = found.get((main, task, GAIN))
        bounds = (pair[0].value, pair[0].value - NORMAL * pair[0].se) if pair else (float("nan"), float("nan"))
        ctx.figures[f"{task}_gain_over_har"] = [_plain(v) for v in bounds]


def _table(
    task: str, columns: Sequence[tuple[str, str, Cell]], found: Found, models: Sequence[tuple[str, bool]], ctx: Context
) -> None:
    """A line a model that has any of the columns; the run's own model bears a star."""
    lines = [("out of sample: " + task, *(head for head, _, _ in columns))]
    for name, main in models:
        pairs = [found.get((name, task, metric)) for _, metric, _ in columns]
        if any(pairs):
            cells = [show(*pair) if pair else "-" for pair, (_, _, show) in zip(pairs, columns, strict=True)]
            lines.append((name + (" *" if main else ""), *cells))
    _say(lines, ctx)


def _over(found: Found, models: Mapping[str, ModelForecast], ctx: Context) -> None:
    """Of event rows: the same forecasts against the sign of the mid's change over so many events."""
    lines = [("sign of the mid's change", *(f"over {n} event{'s' * (n > 1)} (se)" for n in AHEAD))]
    for name in models:
        pairs = [found.get((name, f"direction_{n}", "accuracy")) for n in AHEAD]
        lines.append((name, *(_share(*pair) if pair else "-" for pair in pairs)))
    _say(lines, ctx)


def _beside_trees(found: Found, models: Mapping[str, ModelForecast], ctx: Context) -> None:
    """Of event rows: the paired gains over boosted trees, where those were fitted."""
    lines: list[tuple[str, ...]] = [("paired gain over gbm", "accuracy, points [95 %]", "log-loss, nats [95 %]")]
    for name in models:
        pairs = [found.get((name, "direction", metric)) for metric in (paired_gains.ACCURACY, paired_gains.LOG_LOSS)]
        if all(pairs):
            lines.append((name, *(show(*pair) for show, pair in zip((_points, _interval), pairs, strict=True) if pair)))
    if len(lines) > 1:
        _say(lines, ctx)


def _say(lines: Sequence[tuple[str, ...]], ctx: Context) -> None:
    """Rows of cells under one another: names to the left, figures to the right."""
    width = [max(len(cell) for cell in column) for column in zip(*lines, strict=True)]
    for name, *cells in lines:
        rest = (cell.rjust(w) for cell, w in zip(cells, width[1:], strict=True))
        ctx.say("  ".join((name.ljust(width[0]), *rest)))


def _plain(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None

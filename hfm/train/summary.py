"""What a person reads when training has ended: each figure beside its floor and its error."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from hfm.plugins import Float
from hfm.stage import Context
from hfm.train import scoring
from hfm.train.calibration import clustered
from hfm.train.labels import AHEAD
from hfm.train.scoring import Forecast, Score, Truth


def gain(truth: Truth, model: Forecast, floor: Forecast, task: str) -> tuple[float, float]:
    """(mean over sessions, 95 % lower bound) of the R2 that `model` has beyond `floor`: volatility or spread."""
    y, at = (truth.log_vol, 1) if task == "volatility" else (truth.log_spread, 3)
    rows = np.isfinite(y) & np.isfinite(model.heads[:, at]) & np.isfinite(floor.heads[:, at])
    if rows.sum() < 2 or y[rows].var() == 0:
        return float("nan"), float("nan")
    better = (y - floor.heads[:, at])[rows] ** 2 - (y - model.heads[:, at])[rows] ** 2
    day = np.unique(truth.cluster[rows], return_inverse=True)[1]
    each = np.bincount(day, better) / np.bincount(day) / y[rows].var()
    mean, se = clustered(each, np.arange(len(each)))
    return mean, mean - 1.96 * se


def tell(
    scores: Sequence[Score], floor: Float, truth: Truth, models: Mapping[str, Forecast], main: str, ctx: Context
) -> None:
    """Put the headline figures and a table of the models into ctx."""
    found = {(s.model, s.task, s.metric): (s, f) for s, f in zip(scores, floor, strict=True) if s.fold < 0}

    def value(model: str, task: str, metric: str) -> float | None:
        pair = found.get((model, task, metric))
        return _plain(pair[0].value) if pair else None

    def error(model: str, task: str, metric: str) -> float | None:
        pair = found.get((model, task, metric))
        return _plain(pair[0].se) if pair else None

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
        "volatility_r2": value(main, "volatility", "r2"), "volatility_r2_har": value("har", "volatility", "r2"),
    }  # fmt: skip
    share = value(main, "direction", "oracle_share")
    if share is not None:
        ctx.figures["oracle_share"] = share
    for task in ("volatility", "spread"):
        mean, low = gain(truth, models[main], models["har"], task)
        ctx.figures[f"{task}_gain_over_har"] = [_plain(mean), _plain(low)]
    _table(value, error, models, (main, truth), ctx)


def _over(value, error, models: Mapping[str, Forecast], ctx: Context) -> None:  # type: ignore[no-untyped-def]  # two closures
    """Of event rows: the same forecasts against the sign of the mid's change over so many events."""
    ctx.say(f"sign of the mid's change over {' / '.join(map(str, AHEAD))} events")
    for name in models:
        each = [(value(name, f"direction_{n}", "accuracy"), error(name, f"direction_{n}", "accuracy")) for n in AHEAD]
        cells = [" " * 13 + "-" if v is None or se is None else f"{100 * v:7.2f} % {100 * se:4.2f}" for v, se in each]
        ctx.say(f"{name:<16} {' '.join(cells)}")


def _table(  # type: ignore[no-untyped-def]  # two closures
    value, error, models: Mapping[str, Forecast], about: tuple[str, Truth], ctx: Context
) -> None:
    main, truth = about
    ctx.say("out of sample     direction  (se)    AUC  log-loss    ECE | widens   R2 spread   R2 volatility")
    for name in models:
        cells = [
            _cell(100 * v if v is not None else None, "7.2f", " %") for v in (value(name, "direction", "accuracy"),)
        ]
        se = error(name, "direction", "accuracy")
        cells.append(_cell(100 * se if se is not None else None, "5.2f", ""))
        cells += [
            _cell(value(name, "direction", m), f, "")
            for m, f in (("auc", "6.3f"), ("log_loss", "9.5f"), ("ece", "6.3f"))
        ]
        wide = value(name, "spread", "accuracy")
        tail = [
            _cell(100 * wide if wide is not None else None, "6.2f", " %"),
            _cell(value(name, "spread", "r2"), "10.3f", ""),
            _cell(value(name, "volatility", "r2"), "14.3f", ""),
        ]
        ctx.say(f"{name + (' *' if name == main else ''):<16} {' '.join(cells)} | {' '.join(tail)}")
    if truth.ahead is not None:
        _over(value, error, models, ctx)
    edge = ctx.figures["smallest_edge"]
    if edge is not None:
        ctx.say(f"smallest edge in direction that {ctx.figures['test_rows']} rows could show: {100 * edge:.2f} points")


def _cell(value: float | None, form: str, unit: str) -> str:
    width = int(form.split(".")[0]) + len(unit)
    return " " * (width - 1) + "-" if value is None else format(value, form) + unit


def _plain(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None

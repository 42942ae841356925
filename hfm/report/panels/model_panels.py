"""Panels of the models: losses, scores, calibration, spreads."""

from __future__ import annotations

import math

import numpy as np
from matplotlib.axes import Axes

from hfm.report.evidence import Evidence
from hfm.report.forecast_data import ForecastData, PooledScore
from hfm.report.panels.style import Caption, Ink, clock_axis, frame, legend, limit_ticks, note, percent_axis

SHOWN = (("direction", ("accuracy", "auc")), ("spread", ("accuracy", "r2", "mae")), ("volatility", ("r2", "mae")))
"""Per task, the metric to draw: the first that the scores table has."""
ALL = "_all_rows"
"""Behind the name of a metric over all rows, the stale ones too."""


def loss(ax: Axes, run: Evidence, ink: Ink) -> Caption:
    """Training and validation loss less the floor's validation loss; thin: each network of each fold.

    Parameters
    ----------
    ax, ink
        Where it is drawn, and in which colours.
    run
        Without loss curves it is a note.

    Returns
    -------
    Caption
        How far the best mean validation loss lies below the floor's.
    """
    forecast = run.forecast
    frame(ax, ink, x="epoch", y="loss less the floor's")
    if forecast is None or not forecast.curves:
        note(ax, ink, "no loss history")
        return Caption("No loss history: the model was not trained by epochs.", "No loss history.")
    ax.axhline(0, color=ink.text, linestyle=":", linewidth=1.6, label="floor")
    looks = {"train": (ink.orange, "--", "training"), "valid": (ink.blue, "-", "validation")}
    best = math.nan
    for curve in forecast.curves:
        colour, line, word = looks[curve.split]
        for each in curve.each[:24]:
            ax.plot(each, color=colour, linewidth=0.5, alpha=0.3, linestyle=line)
        ax.plot(curve.mean, color=colour, linewidth=2.2, linestyle=line, label=word)
        best = float(curve.mean.min()) if curve.split == "valid" else best
    means = np.concatenate([c.mean for c in forecast.curves])
    low, high = float(means.min()), float(means.max())
    ax.set_ylim(low - 0.35 * (high - low or 1), high + 0.35 * (high - low or 1))
    limit_ticks(ax, x=6, y=5)
    legend(ax, ink, loc="best")
    better = f"{-best:.4f} below" if best < 0 else "not below"
    count = max(len(c.each) for c in forecast.curves)
    return Caption(
        f"Mean over {count} networks (folds x seeds), each less its own epoch 0, which is the floor itself. The best "
        f"mean validation loss is {better} the floor's; a network is kept only where it helps.",
        f"Loss curves by epoch; the best mean validation loss is {better} the floor's.",
    )


def models(ax: Axes, run: Evidence, ink: Ink) -> Caption:
    """Each model's pooled out-of-sample score with its 95 % interval, and the floor, task by task.

    Parameters
    ----------
    ax, ink
        Where it is drawn, and in which colours.
    run
        Without scores it is a note.

    Returns
    -------
    Caption
        Scores of the model that is traded, beside its floors.
    """
    forecast = run.forecast
    columns = _columns(forecast.scores) if forecast else []
    ax.set_axis_off()
    if forecast is None or not columns:
        note(ax, ink, "no scores")
        return Caption("No scores on record.", "No scores.")
    scored = {s.model for _, found in columns for s in found}
    others = [
        *sorted(scored - set(forecast.models)),
        *(m for m in forecast.models if m in scored and m != forecast.model),
    ]
    names = [*others, forecast.model]
    gap, sentences = 0.07, []
    width = (1 - gap * (len(columns) - 1)) / len(columns)
    for i, (title, found) in enumerate(columns):
        one = ax.inset_axes((i * (width + gap), 0, width, 0.86))
        _dots(one, ink, names, found, first=i == 0)
        one.set_title(title, fontsize=ink.size, color=ink.text, loc="left")
        traded = next((s for s in found if s.model == forecast.model), None)
        if traded is not None:
            floor = (
                f", floor {_number(traded, traded.floor)} ({traded.floor_label})" if math.isfinite(traded.floor) else ""
            )
            sentences.append(f"{title} {_number(traded, traded.value)}{floor}{_all_rows(forecast, traded)}")
    text = f"{forecast.model}: " + "; ".join(sentences) + "." if sentences else f"No score of {forecast.model}."
    text += f" {forecast.stale}" if forecast.stale else ""
    return Caption(
        f"{text} Out of sample, all folds pooled, 95% intervals {forecast.clustered}; dotted: the best floor.",
        f"Dot chart of scores of {len(names)} models. {text}",
    )


def _all_rows(forecast: ForecastData, traded: PooledScore) -> str:
    """The same score with the stale rows, where they are so many that the page speaks of them."""
    every = next(
        (s for s in forecast.scores if (s.model, s.task, s.metric) == (traded.model, traded.task, traded.metric + ALL)),
        None,
    )
    return f" [{_number(traded, every.value)} with filled rows]" if forecast.stale and every is not None else ""


def _columns(scores: tuple[PooledScore, ...]) -> list[tuple[str, list[PooledScore]]]:
    """(title, scores) for each task's metric that is there."""
    out = []
    for task, metrics in SHOWN:
        for metric in metrics:
            found = [s for s in scores if (s.task, s.metric) == (task, metric) and math.isfinite(s.value)]
            if found:
                out.append((f"{task}\n{'R²' if metric == 'r2' else metric}", found))
                break
    return out


def _number(score: PooledScore, value: float) -> str:
    return f"{value:.1%}" if score.metric == "accuracy" else f"{value:.3f}"


def _dots(ax: Axes, ink: Ink, names: list[str], found: list[PooledScore], first: bool) -> None:
    for score in found:
        spot, traded = names.index(score.model), score.model == names[-1]
        half = 1.96 * score.se if math.isfinite(score.se) else 0.0
        colour, mark = (ink.red, "D") if traded else (ink.blue, "o")
        ax.errorbar(score.value, spot, xerr=half, color=colour, fmt=mark, markersize=6, capsize=3, linewidth=1.5)
        if traded and math.isfinite(score.floor):
            ax.axvline(score.floor, color=ink.text, linestyle=":", linewidth=1.4)
    ax.set_ylim(len(names) - 0.5, -0.5)
    frame(ax, ink, grid="x")
    ax.set_yticks(range(len(names)), names if first else [])
    limit_ticks(ax, x=2)
    if found[0].metric == "accuracy":
        percent_axis(ax, "x")


def reliability(ax: Axes, run: Evidence, ink: Ink) -> Caption:
    """Share of moves up among rows given each probability, with Wilson intervals, clustered.

    Parameters
    ----------
    ax, ink
        Where it is drawn, and in which colours.
    run
        Without labelled rows it is a note.

    Returns
    -------
    Caption
        The calibration error, and that of a perfectly calibrated model.
    """
    forecast = run.forecast
    curve = forecast.calibration if forecast else None
    frame(ax, ink, x="forecast P(up)", y="share that rose", grid="both")
    if forecast is None or curve is None:
        note(ax, ink, "no row has a direction")
        return Caption("No row has a direction: the mid never moved, or nothing is labelled.", "No labelled row.")
    low, high = float(curve.forecast.min()), float(curve.forecast.max())
    pad = max(0.01, 0.1 * (high - low))
    ax.plot([0, 1], [0, 1], color=ink.text, linestyle=":", linewidth=1.4, label="perfect")
    bars = np.array([curve.observed - curve.low, curve.high - curve.observed])
    ax.errorbar(curve.forecast, curve.observed, bars, color=ink.blue, fmt="o", markersize=6, capsize=3, linewidth=1.5,
                label=forecast.model)  # fmt: skip
    ax.set_xlim(low - pad, high + pad)
    ax.set_ylim(min(float(curve.low.min()), low) - 0.02, max(float(curve.high.max()), high) + 0.02)
    limit_ticks(ax, x=5, y=5)
    percent_axis(ax, "x")
    percent_axis(ax, "y")
    legend(ax, ink, loc="upper left")
    hits = forecast.right / forecast.labelled
    return Caption(
        f"Expected calibration error over these {curve.rows.size} bins of equal count {curve.ece:.4f} (the table of "
        f"scores has its own); a perfectly calibrated model would show {curve.floor:.4f} at {forecast.labelled:,} "
        f"rows, {forecast.clustered} as the 95% intervals are. Forecasts reach from {low:.1%} to {high:.1%}.",
        f"Reliability diagram in {len(curve.rows)} bins: ECE {curve.ece:.4f}, floor {curve.floor:.4f}; {hits:.1%} "
        "called right.",
    )


EVENTS = 1500
"""About so many of a session's event rows are drawn."""


def spread_series(ax: Axes, run: Evidence, ink: Ink) -> Caption:
    """Predicted quantiles and the realised spread over the last out-of-sample session.

    Parameters
    ----------
    ax, ink
        Where it is drawn, and in which colours.
    run
        Without a spread forecast it is a note.

    Returns
    -------
    Caption
        Share of the session's spreads inside the 10-90 % band.
    """
    bands = run.forecast.bands if run.forecast else None
    frame(ax, ink, x="time of day", y="quoted spread, bp")
    if bands is None or not bands.session.size:
        note(ax, ink, "no spread forecast")
        return Caption("This model has no spread head, or nothing is labelled.", "No spread forecast.")
    last = bands.session == bands.session[-1]
    if bands.hours is None:
        hours, thin = run.market.clock[np.minimum(bands.seq[last], run.market.slots - 1)], 1
    else:
        hours, thin = bands.hours[last], max(1, int(last.sum()) // EVENTS)
    at = slice(None, None, thin)
    ax.fill_between(hours[at], bands.low[last][at], bands.high[last][at], color=ink.sky, alpha=0.4, linewidth=0,
                    label="10–90%")  # fmt: skip
    ax.plot(hours[at], bands.middle[last][at], color=ink.blue, linewidth=1.8, linestyle="--", label="median")
    ax.plot(hours[at], bands.realised[last][at], color=ink.red, linewidth=1.2 if thin == 1 else 0.5,
            marker="." if thin == 1 else "", markersize=4, label="realised")  # fmt: skip
    clock_axis(ax, hours)
    ax.set_ylim(0, float(max(bands.high[last].max(), bands.realised[last].max())) * 1.3)
    legend(ax, ink, loc="upper center", ncols=3, columnspacing=1.0)
    day = np.datetime64(int(bands.session[-1]), "D")
    inside = float(((bands.realised >= bands.low) & (bands.realised <= bands.high))[last].mean())
    return Caption(
        f"{run.market.symbols[0]} on {day}: {inside:.0%} of realised spreads lie in the 10–90% band (80% expected).",
        f"Line chart of the spread on {day}: realised values against the predicted band, {inside:.0%} inside.",
    )


def spread_scatter(ax: Axes, run: Evidence, ink: Ink) -> Caption:
    """Predicted median against realised spread, and how often each quantile held.

    Parameters
    ----------
    ax, ink
        Where it is drawn, and in which colours.
    run
        Without a spread forecast it is a note.

    Returns
    -------
    Caption
        R² of the log spread, and the coverage of each quantile.
    """
    forecast = run.forecast
    bands = forecast.bands if forecast else None
    frame(ax, ink, x="predicted median, bp", y="realised, bp", grid="both")
    if forecast is None or bands is None or not bands.session.size:
        note(ax, ink, "no spread forecast")
        return Caption("This model has no spread head, or nothing is labelled.", "No spread forecast.")
    step = max(1, len(bands.middle) // 600)
    ax.scatter(bands.middle[::step], bands.realised[::step], s=9, color=ink.blue, alpha=0.45, linewidths=0)
    both = np.concatenate([bands.middle, bands.realised])
    ends = np.percentile(both, [0.2, 99.8])
    ax.plot(ends, ends, color=ink.text, linestyle=":", linewidth=1.4)
    if ends[1] > 20 * ends[0]:
        ax.set_xscale("log")
        ax.set_yscale("log")
        for axis in (ax.xaxis, ax.yaxis):
            axis.set_major_formatter("{x:g}")
            axis.set_minor_formatter("")
    else:
        limit_ticks(ax, x=5, y=5)
    ax.set_xlim(*ends)
    ax.set_ylim(*ends)
    lines = "\n".join(f"{q:.0%}: {share:.1%} ± {1.96 * se:.1%}" for q, share, se in bands.coverage)
    ax.text(0.03, 0.97, f"below quantile\n{lines}", transform=ax.transAxes, va="top", color=ink.text, fontsize=ink.size)
    sentences = ", ".join(f"{share:.1%} at or below the {q:.0%} quantile" for q, share, _ in bands.coverage)
    return Caption(
        f"R² of the log spread {bands.r2:.2f}. Coverage: {sentences} (95% intervals {forecast.clustered}).",
        f"Scatter of predicted against realised spread, R² {bands.r2:.2f}; {sentences}.",
    )

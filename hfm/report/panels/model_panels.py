"""Panels of the models: losses, scores, calibration, spreads."""

from __future__ import annotations

import math

import numpy as np
from matplotlib.axes import Axes

from hfm.report.evidence import Evidence
from hfm.report.forecast_data import Forecast, Score
from hfm.report.panels.style import Ink, Told, clock, few, frame, legend, note, percent

SHOWN = (("direction", ("accuracy", "auc")), ("spread", ("accuracy", "r2", "mae")), ("volatility", ("r2", "mae")))
"""Per task, the metric to draw: the first that the scores table has."""
ALL = "_all_rows"
"""Behind the name of a metric over all rows, the stale ones too."""


def loss(ax: Axes, run: Evidence, ink: Ink) -> Told:
    """Training and validation loss less the floor's validation loss; thin: each network of each fold."""
    cast = run.forecast
    frame(ax, ink, x="epoch", y="loss less the floor's")
    if cast is None or not cast.curves:
        note(ax, ink, "no loss history")
        return Told("No loss history: the model was not trained by epochs.", "No loss history.")
    ax.axhline(0, color=ink.text, linestyle=":", linewidth=1.6, label="floor")
    looks = {"train": (ink.orange, "--", "training"), "valid": (ink.blue, "-", "validation")}
    best = math.nan
    for curve in cast.curves:
        colour, line, word = looks[curve.split]
        for each in curve.each[:24]:
            ax.plot(each, color=colour, linewidth=0.5, alpha=0.3, linestyle=line)
        ax.plot(curve.mean, color=colour, linewidth=2.2, linestyle=line, label=word)
        best = float(curve.mean.min()) if curve.split == "valid" else best
    means = np.concatenate([c.mean for c in cast.curves])
    low, high = float(means.min()), float(means.max())
    ax.set_ylim(low - 0.35 * (high - low or 1), high + 0.35 * (high - low or 1))
    few(ax, x=6, y=5)
    legend(ax, ink, loc="best")
    better = f"{-best:.4f} below" if best < 0 else "not below"
    count = max(len(c.each) for c in cast.curves)
    return Told(
        f"Mean over {count} networks (folds x seeds), each less its own epoch 0, which is the floor itself. The best "
        f"mean validation loss is {better} the floor's; a network is kept only where it helps.",
        f"Loss curves by epoch; the best mean validation loss is {better} the floor's.",
    )


def models(ax: Axes, run: Evidence, ink: Ink) -> Told:
    """Each model's pooled out-of-sample score with its 95 % interval, and the floor, task by task."""
    cast = run.forecast
    columns = _columns(cast.scores) if cast else []
    ax.set_axis_off()
    if cast is None or not columns:
        note(ax, ink, "no scores")
        return Told("No scores on record.", "No scores.")
    scored = {s.model for _, found in columns for s in found}
    others = [*sorted(scored - set(cast.models)), *(m for m in cast.models if m in scored and m != cast.model)]
    names = [*others, cast.model]
    gap, said = 0.07, []
    width = (1 - gap * (len(columns) - 1)) / len(columns)
    for i, (title, found) in enumerate(columns):
        one = ax.inset_axes((i * (width + gap), 0, width, 0.86))
        _dots(one, ink, names, found, first=i == 0)
        one.set_title(title, fontsize=ink.size, color=ink.text, loc="left")
        own = next((s for s in found if s.model == cast.model), None)
        if own is not None:
            floor = f", floor {_number(own, own.floor)} ({own.floor_label})" if math.isfinite(own.floor) else ""
            said.append(f"{title} {_number(own, own.value)}{floor}{_all_rows(cast, own)}")
    text = f"{cast.model}: " + "; ".join(said) + "." if said else f"No score of {cast.model}."
    text += f" {cast.stale}" if cast.stale else ""
    return Told(
        f"{text} Out of sample, all folds pooled, 95% intervals {cast.clustered}; dotted: the best floor.",
        f"Dot chart of scores of {len(names)} models. {text}",
    )


def _all_rows(cast: Forecast, own: Score) -> str:
    """The same score with the stale rows, where they are so many that the page speaks of them."""
    every = next(
        (s for s in cast.scores if (s.model, s.task, s.metric) == (own.model, own.task, own.metric + ALL)), None
    )
    return f" [{_number(own, every.value)} with filled rows]" if cast.stale and every is not None else ""


def _columns(scores: tuple[Score, ...]) -> list[tuple[str, list[Score]]]:
    """(title, scores) for each task's metric that is there."""
    out = []
    for task, metrics in SHOWN:
        for metric in metrics:
            found = [s for s in scores if (s.task, s.metric) == (task, metric) and math.isfinite(s.value)]
            if found:
                out.append((f"{task}\n{'R²' if metric == 'r2' else metric}", found))
                break
    return out


def _number(score: Score, value: float) -> str:
    return f"{value:.1%}" if score.metric == "accuracy" else f"{value:.3f}"


def _dots(ax: Axes, ink: Ink, names: list[str], found: list[Score], first: bool) -> None:
    for score in found:
        spot, own = names.index(score.model), score.model == names[-1]
        half = 1.96 * score.se if math.isfinite(score.se) else 0.0
        colour, mark = (ink.red, "D") if own else (ink.blue, "o")
        ax.errorbar(score.value, spot, xerr=half, color=colour, fmt=mark, markersize=6, capsize=3, linewidth=1.5)
        if own and math.isfinite(score.floor):
            ax.axvline(score.floor, color=ink.text, linestyle=":", linewidth=1.4)
    ax.set_ylim(len(names) - 0.5, -0.5)
    frame(ax, ink, grid="x")
    ax.set_yticks(range(len(names)), names if first else [])
    few(ax, x=2)
    if found[0].metric == "accuracy":
        percent(ax, "x")


def reliability(ax: Axes, run: Evidence, ink: Ink) -> Told:
    """Share of moves up among rows given each probability, with Wilson intervals, clustered."""
    cast = run.forecast
    made = cast.calibration if cast else None
    frame(ax, ink, x="forecast P(up)", y="share that rose", grid="both")
    if cast is None or made is None:
        note(ax, ink, "no row has a direction")
        return Told("No row has a direction: the mid never moved, or nothing is labelled.", "No labelled row.")
    low, high = float(made.forecast.min()), float(made.forecast.max())
    pad = max(0.01, 0.1 * (high - low))
    ax.plot([0, 1], [0, 1], color=ink.text, linestyle=":", linewidth=1.4, label="perfect")
    bars = np.array([made.observed - made.low, made.high - made.observed])
    ax.errorbar(made.forecast, made.observed, bars, color=ink.blue, fmt="o", markersize=6, capsize=3, linewidth=1.5,
                label=cast.model)  # fmt: skip
    ax.set_xlim(low - pad, high + pad)
    ax.set_ylim(min(float(made.low.min()), low) - 0.02, max(float(made.high.max()), high) + 0.02)
    few(ax, x=5, y=5)
    percent(ax, "x")
    percent(ax, "y")
    legend(ax, ink, loc="upper left")
    hits = cast.right / cast.labelled
    return Told(
        f"Expected calibration error over these {made.rows.size} bins of equal count {made.ece:.4f} (the table of "
        f"scores has its own); a perfectly calibrated model would show {made.floor:.4f} at {cast.labelled:,} "
        f"rows, {cast.clustered} as the 95% intervals are. Forecasts reach from {low:.1%} to {high:.1%}.",
        f"Reliability diagram in {len(made.rows)} bins: ECE {made.ece:.4f}, floor {made.floor:.4f}; {hits:.1%} called "
        "right.",
    )


EVENTS = 1500
"""About so many of a session's event rows are drawn."""


def spread_series(ax: Axes, run: Evidence, ink: Ink) -> Told:
    """Predicted quantiles and the realised spread over the last out-of-sample session."""
    bands = run.forecast.bands if run.forecast else None
    frame(ax, ink, x="time of day", y="quoted spread, bp")
    if bands is None or not bands.session.size:
        note(ax, ink, "no spread forecast")
        return Told("This model has no spread head, or nothing is labelled.", "No spread forecast.")
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
    clock(ax, hours)
    ax.set_ylim(0, float(max(bands.high[last].max(), bands.realised[last].max())) * 1.3)
    legend(ax, ink, loc="upper center", ncols=3, columnspacing=1.0)
    day = np.datetime64(int(bands.session[-1]), "D")
    inside = float(((bands.realised >= bands.low) & (bands.realised <= bands.high))[last].mean())
    return Told(
        f"{run.market.symbols[0]} on {day}: {inside:.0%} of realised spreads lie in the 10–90% band (80% expected).",
        f"Line chart of the spread on {day}: realised values against the predicted band, {inside:.0%} inside.",
    )


def spread_scatter(ax: Axes, run: Evidence, ink: Ink) -> Told:
    """Predicted median against realised spread, and how often each quantile held."""
    cast = run.forecast
    bands = cast.bands if cast else None
    frame(ax, ink, x="predicted median, bp", y="realised, bp", grid="both")
    if cast is None or bands is None or not bands.session.size:
        note(ax, ink, "no spread forecast")
        return Told("This model has no spread head, or nothing is labelled.", "No spread forecast.")
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
        few(ax, x=5, y=5)
    ax.set_xlim(*ends)
    ax.set_ylim(*ends)
    lines = "\n".join(f"{q:.0%}: {share:.1%} ± {1.96 * se:.1%}" for q, share, se in bands.coverage)
    ax.text(0.03, 0.97, f"below quantile\n{lines}", transform=ax.transAxes, va="top", color=ink.text, fontsize=ink.size)
    said = ", ".join(f"{share:.1%} at or below the {q:.0%} quantile" for q, share, _ in bands.coverage)
    return Told(
        f"R² of the log spread {bands.r2:.2f}. Coverage: {said} (95% intervals {cast.clustered}).",
        f"Scatter of predicted against realised spread, R² {bands.r2:.2f}; {said}.",
    )

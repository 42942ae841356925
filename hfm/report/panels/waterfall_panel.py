"""The waterfall from what the original recipe prints to what holds."""

from __future__ import annotations

import math

from matplotlib.axes import Axes

from hfm.report.evidence import Evidence
from hfm.report.panels.style import Ink, Told, few, frame, inches
from hfm.report.waterfall import WORDS, Step
from hfm.report.wording import number


def bridge(ax: Axes, run: Evidence, ink: Ink) -> Told:
    """Yearly Sharpe ratio step by step, its change as a bar; beside it the return and the trades of each step."""
    levels = [_level(step) for step in run.bridge]
    places = range(len(levels))
    for place, step, before, level in zip(places, run.bridge, [0.0, *levels[:-1]], levels, strict=True):
        colour = ink.blue if place == 0 else ink.sky if level >= before else ink.orange
        ax.barh(place, level - before, left=before, height=0.6, color=colour, edgecolor=ink.text, linewidth=0.8)
        ax.plot([level, level], [place - 0.3, min(place + 1.3, len(levels) - 0.7)], color=ink.text, linewidth=1.0)
        cells = (_sharpe(step), number(step.metrics["return"], "share", True), f"{step.metrics['trades']:,.0f}")
        _beside(ax, ink, place, cells)
    ax.text(1.02, -0.85, "Sharpe, return, trades", transform=ax.get_yaxis_transform(), color=ink.muted,
            fontsize=ink.size, va="center")  # fmt: skip
    ax.axvline(0, color=ink.text, linewidth=1.0)
    frame(ax, ink, x="yearly Sharpe ratio", grid="x")
    low, high = min(0.0, *levels), max(0.0, *levels)
    ax.set_xlim(low - 0.05 * (high - low or 1.0), high + 0.05 * (high - low or 1.0))
    few(ax, x=6 if inches(ax)[0] > 4 else 3)
    ax.set_yticks(places, [WORDS.get(step.name, (step.name, ""))[0] for step in run.bridge])
    ax.set_ylim(len(levels) - 0.5, -0.6)
    words = "; ".join(f"{WORDS.get(s.name, (s.name, ''))[0]} {_sharpe(s)}" for s in run.bridge)
    return Told(
        f"Sharpe ratio a year from what the original recipe prints to what holds: {words}. {_accuracy(run)}",
        f"Waterfall of the yearly Sharpe ratio: {words}.",
    )


def _beside(ax: Axes, ink: Ink, place: float, cells: tuple[str, str, str]) -> None:
    """Three numbers right of the axes, each under the one above it."""
    for inch, cell in zip((0.58, 1.18, 1.5), cells, strict=True):
        ax.annotate(cell, (1.0, place), (inch * 72 * ink.size / 9.5, 0), xycoords=ax.get_yaxis_transform(),
                    textcoords="offset points", va="center", ha="right", color=ink.text, fontsize=ink.size)  # fmt: skip


def _level(step: Step) -> float:
    """Where the step stands; nothing traded stands at 0."""
    value = step.metrics["sharpe"]
    return value if math.isfinite(value) else 0.0


def _sharpe(step: Step) -> str:
    value = step.metrics["sharpe"]
    return f"{value:+.2f}".replace("-", "−") if math.isfinite(value) else "no trade"


def _accuracy(run: Evidence) -> str:
    first, price = run.bridge[0].metrics, run.bridge[-1].metrics
    return (
        f"Its {first['accuracy']:.1%} (larger class {first['floor']:.1%}) is of its simulated spread's direction; of "
        f"the price's direction this run calls {price['accuracy']:.1%} (floor {price['floor']:.1%})."
    )

"""The waterfall from what the original recipe prints to what holds: its panel and its tables of the report."""

from __future__ import annotations

import math
from typing import NamedTuple

from matplotlib.axes import Axes

from hfm.report import wording
from hfm.report.evidence import Evidence
from hfm.report.page_tables import PageTable
from hfm.report.panels.catalogue import Margin, ReportPanel
from hfm.report.panels.style import Caption, Ink, frame, limit_ticks, size_inches
from hfm.report.waterfall import WaterfallStep
from hfm.report.wording import number


class StepName(NamedTuple):
    """A step's name on the axis, and what it changes."""

    label: str
    change: str


STEPS = {
    "in_sample": StepName("as it prints", "the recipe's own figures: in sample, 24 hours a day, costs a haircut"),
    "market_hours": StepName("market hours", "the same, annualised by the bars that a year has"),
    "out_of_sample": StepName("out of sample", "the same network on the fifth of the rows that it was not fitted on"),
    "price_not_spread": StepName("price, not spread", "this run's model of the price's direction, fold by fold, filled "
                                                      "at the signal's own close, free of cost"),
    "next_open": StepName("next-open fills", "the same signals, filled at the next open"),
    "costs": StepName("spread and fees", "the same with this run's spread, fees and impact"),
    "trials_counted": StepName("trials counted", "less what the best of so many worthless trials is expected to show"),
}  # fmt: skip
NOTE = "Accuracy of the first three steps is that of the recipe's simulated spread's direction, not of the price's."
PUBLISHED = (
    ("accuracy", "53.42%", "accuracy_direction", "of its simulated spread's direction, not of the price's"),
    ("return", "0.66%", "return_net", "against 4.41% by buying and holding; costs a haircut, not fills"),
    ("Sharpe ratio", "17.136", "sharpe", "annualised over 24 hours a day"),
    ("largest drawdown", "0.03%", "max_drawdown", "of closes"),
)
"""Figure, what the recipe published, the metric of this run beside it, and what is to be known of the published one."""
COLUMNS_INCHES = (0.58, 1.18, 1.5)
"""Where the three numbers right of the axes end, at the page's text size."""


def draw(ax: Axes, run: Evidence, ink: Ink) -> Caption:
    """Draw the yearly Sharpe ratio step by step, its change as a bar; beside it the return and the trades of each step.

    Parameters
    ----------
    ax : the axes.
    run : of the original recipe.
    ink : colours and size of the text.

    Returns
    -------
    What it shows, in words.
    """
    levels = [_level(step) for step in run.waterfall]
    places = range(len(levels))
    for place, step, before, level in zip(places, run.waterfall, [0.0, *levels[:-1]], levels, strict=True):
        colour = ink.blue if place == 0 else ink.sky if level >= before else ink.orange
        ax.barh(place, level - before, left=before, height=0.6, color=colour, edgecolor=ink.text, linewidth=0.8)
        ax.plot([level, level], [place - 0.3, min(place + 1.3, len(levels) - 0.7)], color=ink.text, linewidth=1.0)
        _numbers(ax, ink, place, step)
    ax.text(1.02, -0.85, "Sharpe, return, trades", transform=ax.get_yaxis_transform(), color=ink.muted,
            fontsize=ink.size, va="center")  # fmt: skip
    ax.axvline(0, color=ink.text, linewidth=1.0)
    frame(ax, ink, x="yearly Sharpe ratio", grid="x")
    low, high = min(0.0, *levels), max(0.0, *levels)
    ax.set_xlim(low - 0.05 * (high - low or 1.0), high + 0.05 * (high - low or 1.0))
    limit_ticks(ax, x=6 if size_inches(ax).width > 4 else 3)
    ax.set_yticks(places, [_name(step).label for step in run.waterfall])
    ax.set_ylim(len(levels) - 0.5, -0.6)
    sharpes = "; ".join(f"{_name(step).label} {_sharpe(step)}" for step in run.waterfall)
    return Caption(
        f"Sharpe ratio a year from what the original recipe prints to what holds: {sharpes}. {_accuracy(run)}",
        f"Waterfall of the yearly Sharpe ratio: {sharpes}.",
    )


PANEL = ReportPanel(
    "bridge", "From the original recipe's figures to honest ones", "backtest", draw, True,
    Margin(left=1.3, right=1.65, top=0.2),
)  # fmt: skip
"""Drawn only where the run is one of the original recipe."""


def tables(run: Evidence) -> tuple[PageTable, PageTable]:
    """The steps with the command that prints each, and the published figures beside this run's; empty without any."""
    return _steps_table(run), _published_table(run)


def _steps_table(run: Evidence) -> PageTable:
    rows = []
    for step in run.waterfall:
        found, name = step.metrics, _name(step)
        rows.append((
            name.label, name.change, f"{number(found['accuracy'], '%')} (floor {number(found['floor'], '%')})",
            number(found["return"], "share", True), number(found["hold"], "share", True),
            number(found["sharpe"], "", True), number(found["drawdown"], "%"), f"{found['trades']:,.0f}", step.command,
        ))  # fmt: skip
    head = ("step", "what changes", "accuracy", "return", "hold", "Sharpe a year", "drawdown", "trades", "printed by")
    return PageTable(PANEL.title, head, tuple(rows), NOTE)


def _published_table(run: Evidence) -> PageTable:
    values = {each.key: each.value for each in wording.figures(run)}
    rows = tuple((name, figure, values.get(key, "–"), text) for name, figure, key, text in PUBLISHED)
    head = ("figure", "published", "this run", "of the published one")
    return PageTable("Cited: what the original recipe published, in sample", head, rows if values else ())


def _name(step: WaterfallStep) -> StepName:
    return STEPS.get(step.name, StepName(step.name, ""))


def _numbers(ax: Axes, ink: Ink, place: float, step: WaterfallStep) -> None:
    """Sharpe ratio, return and trades right of the axes, each under the one above it."""
    cells = (_sharpe(step), number(step.metrics["return"], "share", True), f"{step.metrics['trades']:,.0f}")
    for inch, cell in zip(COLUMNS_INCHES, cells, strict=True):
        ax.annotate(cell, (1.0, place), (inch * 72 * ink.size / 9.5, 0), xycoords=ax.get_yaxis_transform(),
                    textcoords="offset points", va="center", ha="right", color=ink.text, fontsize=ink.size)  # fmt: skip


def _level(step: WaterfallStep) -> float:
    """Where the step stands; nothing traded stands at 0."""
    value = step.metrics["sharpe"]
    return value if math.isfinite(value) else 0.0


def _sharpe(step: WaterfallStep) -> str:
    value = step.metrics["sharpe"]
    return f"{value:+.2f}".replace("-", "−") if math.isfinite(value) else "no trade"


def _accuracy(run: Evidence) -> str:
    """Whose direction the recipe calls, and how often this run calls the price's."""
    first, price = run.waterfall[0].metrics, run.waterfall[-1].metrics
    return (
        f"Its {first['accuracy']:.1%} (larger class {first['floor']:.1%}) is of its simulated spread's direction; of "
        f"the price's direction this run calls {price['accuracy']:.1%} (floor {price['floor']:.1%})."
    )

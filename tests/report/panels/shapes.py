"""Hand-made runs for the tests of panels, each gathered once, and a panel on a figure of its own."""

from __future__ import annotations

import dataclasses
import functools
import warnings
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from hfm.config import Config, Report
from hfm.recipe.recipe_waterfall import PANEL as WATERFALL
from hfm.report import evidence
from hfm.report.evidence import Evidence
from hfm.report.panels.catalogue import PANELS, ReportPanel
from hfm.report.panels.style import Caption, Ink, default_style
from hfm.stage import Record
from tests.report.bridged import reader
from tests.report.builder import make

SHAPES: dict[str, dict[str, Any]] = {  # Any: the fields of Shape
    "long": {"sessions": 90},
    "short": {},
    "flat": {"trades": "none"},
    "constant": {"constant": True},
    "one day": {"sessions": 1},
    "bars": {"stages": ("fetch",)},
}


@functools.cache
def run(shape: str) -> Evidence:
    """The evidence of a shape."""
    return evidence.gather(make(**SHAPES[shape]), Config(report=Report(reps=200)), Record(30))


@functools.cache
def bridged() -> Evidence:
    """A short run of the original recipe."""
    return evidence.gather(make() | {"backtest/bridge.parquet": reader()}, Config(report=Report(reps=200)), Record(30))


def stopped(**stops: int) -> Evidence:
    """A short run whose position was not as wanted for these reasons (spaces as underscores)."""
    whole = run("short")
    assert whole.strategy is not None
    found = tuple((name.replace("_", " "), rows) for name, rows in stops.items())
    return dataclasses.replace(whole, strategy=dataclasses.replace(whole.strategy, stops=found))


def by_name(name: str) -> ReportPanel:
    """The panel of that name."""
    return next(panel for panel in (*PANELS, WATERFALL) if panel.name == name)


def on_paper(panel: ReportPanel, found: Evidence) -> tuple[Figure, Caption]:
    """The panel of that evidence on a figure of its own, every warning an error."""
    with default_style(), warnings.catch_warnings():
        warnings.simplefilter("error")
        figure = Figure(figsize=(4.5, 3))
        return figure, panel.on(figure.add_axes((0.15, 0.15, 0.8, 0.8)), found, Ink())


def drawn(name: str, shape: str) -> tuple[Figure, Caption]:
    """The panel of that name on that shape."""
    return on_paper(by_name(name), run(shape))


def parts(figure: Figure) -> list[Axes]:
    """All axes, insets too."""
    return [each for ax in figure.axes for each in (ax, *ax.child_axes)]


def lines(figure: Figure) -> dict[str, Line2D]:
    """Named lines by their labels."""
    return {str(line.get_label()): line for ax in parts(figure) for line in ax.lines
            if not str(line.get_label()).startswith("_")}  # fmt: skip


def words(figure: Figure) -> str:
    """All text that was put on the axes."""
    return " | ".join(text.get_text() for ax in parts(figure) for text in ax.texts)

"""The panels in the order of the page, and what stands in the place of one that cannot be drawn."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from matplotlib.axes import Axes

from hfm.plugins import find
from hfm.report.evidence import Evidence
from hfm.report.panels import costs, market_panels, model_panels, random_signs, strategy_panels
from hfm.report.panels.style import Caption, Ink, hide_axes, note

Draw = Callable[[Axes, Evidence, Ink], Caption]


@dataclass(frozen=True)
class Margin:
    """Inches around the axes, for labels."""

    left: float = 0.72
    bottom: float = 0.52
    right: float = 0.15
    top: float = 0.12


@dataclass(frozen=True)
class ReportPanel:
    """One picture.

    Attributes
    ----------
    name : its id on the page; title : above it.
    stage : whose artifacts it needs.
    draw : draws it, and says in words what it shows.
    wide : it gains by twice the breadth.
    margin : around the axes.
    """

    name: str
    title: str
    stage: str
    draw: Draw
    wide: bool = False
    margin: Margin = Margin()

    def on(self, ax: Axes, run: Evidence, ink: Ink) -> Caption:
        """Draw the panel, or the command that would make it possible.

        Parameters
        ----------
        ax : the axes.
        run : what is shown.
        ink : colours and size of the text.

        Returns
        -------
        What it shows, in words.
        """
        if self.stage in missing_stages(run):
            hide_axes(ax)
            note(ax, ink, f"not there yet:\nhfm {self.stage}")
            return Caption(f"Nothing to draw: hfm {self.stage} has not been run.", f"Empty: hfm {self.stage} not run.")
        return self.draw(ax, run, ink)


def missing_stages(run: Evidence) -> set[str]:
    """The stages that have left nothing to draw."""
    gone = set()
    if run.forecast is None:
        gone.add("train")
    if run.strategy is None or run.strategy.family is None:
        gone.add("backtest")
    return gone


PANELS = (
    ReportPanel(
        "equity",
        "Equity and drawdown",
        "backtest",
        strategy_panels.equity,
        True,
        Margin(left=0.78, bottom=0.3, top=0.45),
    ),
    ReportPanel(
        "thresholds", "The family of trials", "backtest", strategy_panels.thresholds, margin=Margin(bottom=0.95)
    ),
    ReportPanel("null", "Ours against luck", "backtest", random_signs.null, margin=Margin(left=0.3)),
    ReportPanel("histogram", "Session returns", "backtest", random_signs.histogram),
    ReportPanel("costs", "Where the gross went", "backtest", costs.costs),
    ReportPanel("sensitivity", "Cost and delay", "backtest", strategy_panels.sensitivity),
    ReportPanel("limits", "Limits and stops", "backtest", costs.limits, margin=Margin(left=1.3)),
    ReportPanel(
        "models", "Models against their floors", "train", model_panels.models, margin=Margin(left=1.05, bottom=0.3)
    ),
    ReportPanel("loss", "Loss against the floor", "train", model_panels.loss, margin=Margin(left=0.85)),
    ReportPanel("reliability", "Calibration of P(up)", "train", model_panels.reliability),
    ReportPanel("spread_series", "Spread: predicted, realised", "train", model_panels.spread_series, wide=True),
    ReportPanel("spread_scatter", "Spread: coverage", "train", model_panels.spread_scatter),
    ReportPanel("flow", "Order flow and returns", "simulate", market_panels.flow),
    ReportPanel("diurnal", "Time of day", "fetch", market_panels.diurnal),
    ReportPanel("heat", "Movement by day and time", "fetch", market_panels.heat, margin=Margin(right=0.3)),
    ReportPanel("quality", "Bars there, bars missing", "fetch", market_panels.quality, margin=Margin(bottom=0.3)),
)


def panels(run: Evidence) -> tuple[ReportPanel, ...]:
    """The panels of a run in the order of the page; a run of the original recipe has its waterfall after two."""
    return (*PANELS[:2], find("recipe_parts", "panel"), *PANELS[2:]) if run.waterfall else PANELS

"""The panels in the order of the page, and what stands in the place of one that cannot be drawn."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from matplotlib.axes import Axes

from hfm.report.evidence import Evidence
from hfm.report.panels import (
    costs,
    limits_panel,
    market_panels,
    model_panels,
    random_signs,
    strategy_panels,
    waterfall_panel,
)
from hfm.report.panels.style import Ink, Told, bare, note

Draw = Callable[[Axes, Evidence, Ink], Told]


@dataclass(frozen=True)
class Margin:
    """Inches around the axes, for labels."""

    left: float = 0.72
    bottom: float = 0.52
    right: float = 0.15
    top: float = 0.12


@dataclass(frozen=True)
class Panel:
    """One picture. stage: whose artifacts it needs; wide: it gains by twice the breadth."""

    name: str
    title: str
    stage: str
    draw: Draw
    wide: bool = False
    margin: Margin = Margin()

    def on(self, ax: Axes, run: Evidence, ink: Ink) -> Told:
        """The panel on `ax`, or the command that would make it possible."""
        if self.stage in absent(run):
            bare(ax)
            note(ax, ink, f"not there yet:\nhfm {self.stage}")
            return Told(f"Nothing to draw: hfm {self.stage} has not been run.", f"Empty: hfm {self.stage} not run.")
        return self.draw(ax, run, ink)


def absent(run: Evidence) -> set[str]:
    """The stages that have left nothing to draw."""
    gone = set()
    if run.forecast is None:
        gone.add("train")
    if run.money is None or run.money.family is None:
        gone.add("backtest")
    return gone


PANELS = (
    Panel(
        "equity",
        "Equity and drawdown",
        "backtest",
        strategy_panels.equity,
        True,
        Margin(left=0.78, bottom=0.3, top=0.45),
    ),
    Panel("thresholds", "The family of trials", "backtest", strategy_panels.thresholds, margin=Margin(bottom=0.95)),
    Panel("null", "Ours against luck", "backtest", random_signs.null, margin=Margin(left=0.3)),
    Panel("histogram", "Session returns", "backtest", random_signs.histogram),
    Panel("costs", "Where the gross went", "backtest", costs.costs),
    Panel("sensitivity", "Cost and delay", "backtest", strategy_panels.sensitivity),
    Panel("limits", "Limits and stops", "backtest", limits_panel.limits, margin=Margin(left=1.3)),
    Panel("models", "Models against their floors", "train", model_panels.models, margin=Margin(left=1.05, bottom=0.3)),
    Panel("loss", "Loss against the floor", "train", model_panels.loss, margin=Margin(left=0.85)),
    Panel("reliability", "Calibration of P(up)", "train", model_panels.reliability),
    Panel("spread_series", "Spread: predicted, realised", "train", model_panels.spread_series, wide=True),
    Panel("spread_scatter", "Spread: coverage", "train", model_panels.spread_scatter),
    Panel("flow", "Order flow and returns", "simulate", market_panels.flow),
    Panel("diurnal", "Time of day", "fetch", market_panels.diurnal),
    Panel("heat", "Movement by day and time", "fetch", market_panels.heat, margin=Margin(right=0.3)),
    Panel("quality", "Bars there, bars missing", "fetch", market_panels.quality, margin=Margin(bottom=0.3)),
)
BRIDGE = Panel("bridge", "From the original recipe's figures to honest ones", "backtest", waterfall_panel.bridge, True,
               Margin(left=1.3, right=1.65, top=0.2))  # fmt: skip
"""Drawn only where the run is one of the original recipe."""


def panels(run: Evidence) -> tuple[Panel, ...]:
    """The panels of a run in the order of the page."""
    return (*PANELS[:2], BRIDGE, *PANELS[2:]) if run.bridge else PANELS

"""The way from what the original recipe prints to what holds, as backtest/bridge.parquet has it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from hfm import tables

WORDS = {
    "in_sample": ("as it prints", "the recipe's own figures: in sample, 24 hours a day, costs a haircut"),
    "market_hours": ("market hours", "the same, annualised by the bars that a year has"),
    "out_of_sample": ("out of sample", "the same network on the fifth of the rows that it was not fitted on"),
    "price_not_spread": ("price, not spread", "this run's model of the price's direction, fold by fold, filled at the "
                                              "signal's own close, free of cost"),
    "next_open": ("next-open fills", "the same signals, filled at the next open"),
    "costs": ("spread and fees", "the same with this run's spread, fees and impact"),
    "trials_counted": ("trials counted", "less what the best of so many worthless trials is expected to show"),
}  # fmt: skip
"""Step -> its name on the axis, and what it does."""
LABEL = "Accuracy of the first three steps is that of the recipe's simulated spread's direction, not of the price's."


@dataclass(frozen=True)
class Step:
    """One step. metrics: NaN where not defined; accuracy, floor, return, hold, drawdown as fractions, sharpe a year."""

    name: str
    metrics: Mapping[str, float]
    command: str


def load(inputs: Mapping[str, tables.Reader]) -> tuple[Step, ...]:
    """The steps in order; none where the run is not one of the original recipe."""
    reader = inputs.get("backtest/bridge.parquet")
    if reader is None:
        return ()
    data = tables.arrays(reader.read())
    found: dict[str, tuple[dict[str, float], str]] = {}
    for name, metric, value, command in zip(data["step"], data["metric"], data["value"], data["command"], strict=True):
        found.setdefault(str(name), ({}, str(command)))[0][str(metric)] = float(value)
    return tuple(Step(name, metrics, command) for name, (metrics, command) in found.items())

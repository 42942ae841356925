"""The way from what the original recipe prints to what holds, as backtest/bridge.parquet has it.

How it is shown is the recipe's own: hfm.recipe.waterfall, found by the registry.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from hfm import artifacts, tables


@dataclass(frozen=True)
class WaterfallStep:
    """One step. metrics: NaN where not defined; accuracy, floor, return, hold, drawdown as fractions, sharpe a year."""

    name: str
    metrics: Mapping[str, float]
    command: str


def load(inputs: Mapping[str, tables.Reader]) -> tuple[WaterfallStep, ...]:
    """The steps in order; none where the run is not one of the original recipe."""
    reader = inputs.get(artifacts.BRIDGE)
    if reader is None:
        return ()
    data = tables.arrays(reader.read())
    metrics: dict[str, dict[str, float]] = {}
    commands: dict[str, str] = {}
    for step, metric, value, command in zip(data["step"], data["metric"], data["value"], data["command"], strict=True):
        metrics.setdefault(str(step), {})[str(metric)] = float(value)
        commands.setdefault(str(step), str(command))
    return tuple(WaterfallStep(step, metrics[step], commands[step]) for step in metrics)

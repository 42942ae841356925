"""From what the original recipe prints to what holds, step by step: backtest/bridge.parquet.

Its first three steps are the recipe's own network on the sample it was fitted on (train/insample.parquet), long where
it is sure that the *spread* widens, short where it narrows; the rest is this run's model of the price, out of sample.
Returns are fractions of the capital, Sharpe ratios yearly and from rows, so that one can be set beside another.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator, Mapping
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from hfm import artifacts, tables
from hfm.backtest import performance
from hfm.backtest.engine import Engine
from hfm.backtest.joined_panel import panels
from hfm.backtest.totals import Totals
from hfm.config import Backtest
from hfm.policies.multiple_testing import sharpe_hurdle
from hfm.tables import Array, Reader
from hfm.tables.metrics_document import Metrics

Float = npt.NDArray[np.float64]
Bool = npt.NDArray[np.bool_]
INSAMPLE = artifacts.INSAMPLE
KEEP = 0.998
"""What the recipe leaves of each row's return for costs, traded or not."""
SURE = 0.6
ROUND_THE_CLOCK = 252 * 12 * 24
"""Rows of five minutes by which the recipe annualises."""
WINDOW = 20
RECIPE = "hfm run --set simulate.recipe=seed --set train.features=seed"
FREE = "--fee-bps 0 --set backtest.spread_share=0 --set backtest.impact=0"


class Step(NamedTuple):
    """One step: its metrics (NaN where not defined), and the command that prints it."""

    name: str
    metrics: dict[str, float]
    command: str


def steps(inputs: Mapping[str, Reader], settings: Backtest, metrics: Metrics, trials: int) -> Iterator[Step]:
    """The steps from what the recipe prints to what holds, in order.

    Parameters
    ----------
    inputs : quotes, predictions and train/insample.parquet.
    settings : the run's own.
    metrics : the run's own metrics.json.
    trials : members of the family, for the hurdle.

    Yields
    ------
    Accuracy, floor, return, hold and drawdown as fractions, the Sharpe ratio a year, trades as a count.
    """
    quotes = inputs[artifacts.QUOTES]
    year = float(quotes.meta.slots_per_year)
    data, known = _rows(inputs)
    printed = _recipe(data, known, known)
    yield Step("in_sample", printed | {"sharpe": printed["sharpe"] * math.sqrt(ROUND_THE_CLOCK)}, RECIPE)
    yield Step("market_hours", printed | {"sharpe": printed["sharpe"] * math.sqrt(year)}, RECIPE)
    held_out = _recipe(data, known & ~data["fitted"].astype(bool), known)
    yield Step("out_of_sample", held_out | {"sharpe": held_out["sharpe"] * math.sqrt(year)}, RECIPE)
    free = dataclasses.replace(settings, fee_bps=0.0, spread_share=0.0, impact=0.0)
    at_close = dataclasses.replace(free, fill="close", allow_lookahead=True)
    command = f"hfm backtest --fill close --allow-lookahead {FREE}"
    yield Step("price_not_spread", _of(_replayed(inputs, at_close, metrics.model)), command)
    next_open = dataclasses.replace(free, fill="next-open", allow_lookahead=False)
    yield Step("next_open", _of(_replayed(inputs, next_open, metrics.model)), f"hfm backtest --fill next-open {FREE}")
    paid = _of(metrics)
    yield Step("costs", paid, "hfm backtest")
    root = math.sqrt(float(quotes.meta.sessions_per_year))
    hurdle = sharpe_hurdle(trials, int(metrics.span.sessions)) * root
    counted = {"sharpe": paid["sharpe"] - hurdle, "hurdle": hurdle, "trials": float(trials)}
    yield Step("trials_counted", paid | counted, "hfm report")


def table(inputs: Mapping[str, Reader], settings: Backtest, metrics: Metrics, trials: int) -> pa.Table:
    """The steps as the table that is written.

    Parameters
    ----------
    inputs, settings, metrics, trials : see steps.

    Returns
    -------
    backtest/bridge.parquet, a row for each metric of each step.
    """
    lines = [
        (number, step.name, name, value, step.command)
        for number, step in enumerate(steps(inputs, settings, metrics, trials))
        for name, value in sorted(step.metrics.items())
    ]
    numbers, step, metric, value, command = zip(*lines, strict=True)
    columns = {
        "number": np.array(numbers), "step": np.array(step, object), "metric": np.array(metric, object),
        "value": np.array(value, float), "command": np.array(command, object),
    }  # fmt: skip
    return tables.build(tables.BRIDGE, columns, inputs[artifacts.QUOTES].meta, "estimated")


def _rows(inputs: Mapping[str, Reader]) -> tuple[dict[str, Array], Bool]:
    """Columns of the quotes and of the recipe's network, and the rows [n] in which it traded: all forecast but two."""
    names = ("session", "seq", "mid_close", "spread_bps")
    data = tables.arrays(inputs[artifacts.QUOTES].read(names), names)
    data |= tables.arrays(inputs[INSAMPLE].read(("p_widen", "y_widen", "fitted")), ("p_widen", "y_widen", "fitted"))
    known = np.isfinite(data["p_widen"])
    known[-2:] = False
    return data, known


def _recipe(data: Mapping[str, Array], rows: Bool, known: Bool) -> dict[str, float]:
    """What the recipe's back-test says of some rows.

    Parameters
    ----------
    data : columns [n] of the quotes and of the recipe's network.
    rows : [n] those that it trades in.
    known : [n] those that it has a forecast of.

    Returns
    -------
    accuracy: of the spread's direction, over the rows that the recipe validates on; floor: the larger class.
    accuracy_price: of the price's, over `rows`, taking P(widens) for P(rises) as its trading does. sharpe: a row, to be
    annualised.
    """
    p, close = data["p_widen"], data["mid_close"]
    at = np.flatnonzero(rows)
    moves = close[at + 1] / close[at] - 1.0
    signal = np.where(p[at] > SURE, 1.0, np.where(p[at] < 1.0 - SURE, -1.0, 0.0))
    earned = KEEP * signal * moves
    line = np.cumprod(1.0 + earned)
    peak = np.maximum.accumulate(line)
    sd = float(earned.std())
    judged = np.flatnonzero(~data["fitted"].astype(bool) & (data["y_widen"] >= 0))[WINDOW:]
    widens = data["y_widen"][judged] == 1
    moved = moves != 0
    return {
        "accuracy": float(((p[judged] > 0.5) == widens).mean()),
        "floor": float(max(widens.mean(), 1.0 - widens.mean())),
        "accuracy_price": float(((p[at] > 0.5) == (moves > 0))[moved].mean()),
        "return": float(line[-1] - 1.0),
        "hold": float(close[at[-1] + 1] / close[at[0]] - 1.0),
        "sharpe": float(earned.mean()) / sd if sd > 0 else math.nan,
        "drawdown": float((1.0 - line / peak).max()),
        "trades": float((signal != 0).sum()),
    }


def _replayed(inputs: Mapping[str, Reader], settings: Backtest, model: str) -> Metrics:
    """The metrics of the same predictions under other settings."""
    quotes, predictions = inputs[artifacts.QUOTES], inputs[artifacts.PREDICTIONS]
    meta = quotes.meta
    symbols = sorted(meta.symbols)
    engine = Engine(settings, symbols, meta, predictions.meta.horizon)
    totals = Totals(len(engine.trials))
    for panel in panels(quotes, predictions, model, symbols):
        outcome = engine.take(panel)
        if outcome is not None:
            last, result = outcome
            totals.add(last, result.sums, result.out)
    return performance.metrics_of(engine, totals, model, meta)


def _of(metrics: Metrics) -> dict[str, float]:
    """The metrics of a step from those of a back-test; NaN where not defined."""

    def value(name: str) -> float:
        return _number(metrics.metrics[name].value)

    return {
        "accuracy": value("accuracy_direction"), "floor": _number(metrics.metrics["accuracy_direction"].floor),
        "return": value("return_net"), "hold": value("return_hold"), "sharpe": value("sharpe_bar"),
        "drawdown": value("max_drawdown"), "trades": value("trips"),
    }  # fmt: skip


def _number(value: float | None) -> float:
    return math.nan if value is None else float(value)

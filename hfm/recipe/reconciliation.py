"""From what the original recipe prints to what holds, step by step: backtest/bridge.parquet.

Its first three steps are the recipe's own network on the sample it was fitted on (train/insample.parquet), long where
it is sure that the *spread* widens, short where it narrows; the rest is this run's model of the price, out of sample.
Returns are fractions of the capital, Sharpe ratios yearly and from rows, so that one can be set beside another.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from hfm import tables
from hfm.backtest import performance
from hfm.backtest.engine import Engine
from hfm.backtest.joined_panel import panels
from hfm.backtest.totals import Totals
from hfm.config import Backtest
from hfm.policies.multiple_testing import sharpe_hurdle
from hfm.tables import Array, Reader

Float = npt.NDArray[np.float64]
Bool = npt.NDArray[np.bool_]
Metrics = dict[str, float]
ARTIFACT, INSAMPLE = "backtest/bridge.parquet", "train/insample.parquet"
KEPT = 0.998
"""What the recipe leaves of each row's return for costs, traded or not."""
SURE = 0.6
ROUND_THE_CLOCK = 252 * 12 * 24
"""Rows of five minutes by which the recipe annualises."""
WINDOW = 20
RECIPE = "hfm run --set simulate.recipe=seed --set train.features=seed"
FREE = "--fee-bps 0 --set backtest.spread_share=0 --set backtest.impact=0"


def steps(
    inputs: Mapping[str, Reader], settings: Backtest, document: Mapping[str, Any], trials: int
) -> Iterator[tuple[str, Metrics, str]]:  # Any: metrics.json
    """(step, its metrics, the command that prints it), in order. document: the run's own metrics.json."""
    quotes = inputs["simulate/quotes.parquet"]
    year = float(quotes.meta.slots_per_year)
    data, known = _rows(inputs)
    own = _recipe(data, known, known)
    yield "in_sample", own | {"sharpe": own["sharpe"] * math.sqrt(ROUND_THE_CLOCK)}, RECIPE
    yield "market_hours", own | {"sharpe": own["sharpe"] * math.sqrt(year)}, RECIPE
    fresh = known & ~data["fitted"].astype(bool)
    held_out = _recipe(data, fresh, known)
    yield "out_of_sample", held_out | {"sharpe": held_out["sharpe"] * math.sqrt(year)}, RECIPE
    free = dataclasses.replace(settings, fee_bps=0.0, spread_share=0.0, impact=0.0)
    at_close = dataclasses.replace(free, fill="close", allow_lookahead=True)
    model = str(document["model"])
    command = f"hfm backtest --fill close --allow-lookahead {FREE}"
    yield "price_not_spread", _of(_replayed(inputs, at_close, model)), command
    next_open = dataclasses.replace(free, fill="next-open", allow_lookahead=False)
    yield "next_open", _of(_replayed(inputs, next_open, model)), f"hfm backtest --fill next-open {FREE}"
    paid = _of(document)
    yield "costs", paid, "hfm backtest"
    span = document["span"]
    hurdle = sharpe_hurdle(trials, int(span["sessions"])) * math.sqrt(float(quotes.meta.sessions_per_year))
    counted = {"sharpe": paid["sharpe"] - hurdle, "hurdle": hurdle, "trials": float(trials)}
    yield "trials_counted", paid | counted, "hfm report"


def table(
    inputs: Mapping[str, Reader], settings: Backtest, document: Mapping[str, Any], trials: int
) -> pa.Table:  # Any: metrics.json
    """The steps as the table that is written: a row for each metric of each step."""
    lines = [
        (number, step, metric, value, command)
        for number, (step, metrics, command) in enumerate(steps(inputs, settings, document, trials))
        for metric, value in sorted(metrics.items())
    ]
    numbers, step, metric, value, command = zip(*lines, strict=True)
    columns = {
        "number": np.array(numbers), "step": np.array(step, object), "metric": np.array(metric, object),
        "value": np.array(value, float), "command": np.array(command, object),
    }  # fmt: skip
    return tables.build(tables.BRIDGE, columns, inputs["simulate/quotes.parquet"].meta, "estimated")


def _rows(inputs: Mapping[str, Reader]) -> tuple[dict[str, Array], Bool]:
    """Columns of the quotes and of the recipe's network, and the rows [n] in which it traded: all that it spoke of but
    the last two."""
    names = ("session", "seq", "mid_close", "spread_bps")
    data = tables.arrays(inputs["simulate/quotes.parquet"].read(names), names)
    data |= tables.arrays(inputs[INSAMPLE].read(("p_widen", "y_widen", "fitted")), ("p_widen", "y_widen", "fitted"))
    known = np.isfinite(data["p_widen"])
    known[-2:] = False
    return data, known


def _recipe(data: Mapping[str, Array], rows: Bool, known: Bool) -> Metrics:
    """What the recipe's back-test says of `rows`; sharpe a row, to be annualised.

    accuracy: of the spread's direction, over the rows that the recipe validates on; floor: the larger class.
    accuracy_price: of the price's, over `rows`, taking P(widens) for P(rises) as its trading does.
    """
    p, close = data["p_widen"], data["mid_close"]
    at = np.flatnonzero(rows)
    moves = close[at + 1] / close[at] - 1.0
    signal = np.where(p[at] > SURE, 1.0, np.where(p[at] < 1.0 - SURE, -1.0, 0.0))
    earned = KEPT * signal * moves
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


def _replayed(inputs: Mapping[str, Reader], settings: Backtest, model: str) -> dict[str, Any]:  # Any: metrics.json
    """metrics.json of the same predictions under other settings."""
    quotes, predictions = inputs["simulate/quotes.parquet"], inputs["train/predictions.parquet"]
    meta = quotes.meta
    symbols = sorted(meta.symbols)
    engine = Engine(settings, symbols, meta, predictions.meta.horizon)
    totals = Totals(len(engine.trials))
    for panel in panels(quotes, predictions, model, symbols):
        taken = engine.take(panel)
        if taken is not None:
            last, result = taken
            totals.add(last, result.sums, result.out)
    return performance.document(engine, totals, model, meta)


def _of(document: Mapping[str, Any]) -> Metrics:  # Any: metrics.json
    """The metrics of a step from a metrics.json."""
    found = document["metrics"]

    def value(name: str, key: str = "value") -> float:
        held = found[name][key]
        return math.nan if held is None else float(held)

    return {
        "accuracy": value("accuracy_direction"), "floor": value("accuracy_direction", "floor"),
        "return": value("return_net"), "hold": value("return_hold"), "sharpe": value("sharpe_bar"),
        "drawdown": value("max_drawdown"), "trades": value("trips"),
    }  # fmt: skip

"""The bridge's artifact for report tests, drawn by hand."""

from __future__ import annotations

import numpy as np

from hfm import tables
from hfm.tables import MemoryReader

STEPS = (
    ("in_sample", 2.24, 0.0052, 0.519, 87), ("market_hours", 1.16, 0.0052, 0.519, 87),
    ("out_of_sample", -7.2, -0.0058, 0.519, 13), ("price_not_spread", 4.97, 0.0026, 0.508, 40),
    ("next_open", 4.5, 0.0025, 0.508, 40), ("costs", float("nan"), 0.0, 0.508, 0),
    ("trials_counted", float("nan"), 0.0, 0.508, 0),
)  # fmt: skip


def reader() -> MemoryReader:
    """backtest/bridge.parquet."""
    lines = [
        (i, name, metric, value, f"hfm backtest {name}")
        for i, (name, sharpe, gain, right, trades) in enumerate(STEPS)
        for metric, value in (("accuracy", right), ("drawdown", 0.01), ("floor", 0.503), ("hold", 0.01),
                              ("return", gain), ("sharpe", sharpe), ("trades", trades))
    ]  # fmt: skip
    number, step, metric, value, command = zip(*lines, strict=True)
    columns = {"number": np.array(number), "step": np.array(step, object), "metric": np.array(metric, object),
               "value": np.array(value, float), "command": np.array(command, object)}  # fmt: skip
    return MemoryReader(tables.build(tables.BRIDGE, columns, None, "estimated"))

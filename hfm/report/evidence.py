"""All that the report knows of one run, gathered once: what was found, and what is missing.

Everything after this works on Evidence alone; nothing after this reads a table.
"""

from __future__ import annotations

import dataclasses
import hashlib
import importlib.metadata
import json
import math
import platform
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import hfm
from hfm import config as settings
from hfm import tables
from hfm.config import Config
from hfm.report import assurance, leakage, verdict
from hfm.report import forecast_data as forecast
from hfm.report import market_data as market
from hfm.report import strategy_data as money
from hfm.report import waterfall as bridge
from hfm.report.forecast_data import Forecast
from hfm.report.market_data import Market
from hfm.report.strategy_data import Money
from hfm.report.verdict import Verdict
from hfm.report.waterfall import Step
from hfm.stage import Record, Verification

ARTIFACTS = {
    "simulate": ("simulate/quotes.parquet", "simulate/oracle.parquet", "simulate/facts.json"),
    "train": ("train/predictions.parquet", "train/scores.parquet", "train/history.parquet"),
    "backtest": ("backtest/ledger.parquet", "backtest/trades.parquet", "backtest/trials.parquet",
                 "backtest/metrics.json"),
}  # fmt: skip
"""What each earlier stage makes for the report."""
INTERVAL = 1000
"""Resamples of the interval that stands beside the best Sharpe ratio."""
LOOKAHEAD = (
    "Look-ahead: your trial fills at the very close that made its signal, which nobody can. Its figures are no result; "
    "hfm backtest --fill next-open makes one."
)
PACKAGES = ("numpy", "pyarrow", "numba", "torch", "scikit-learn", "matplotlib")


@dataclass(frozen=True)
class Evidence:
    """One run. forecast, money: None where that stage has not run. missing: a sentence for each artifact not there."""

    market: Market
    forecast: Forecast | None
    money: Money | None
    verdict: Verdict
    facts: dict[str, Any]  # Any: JSON values
    missing: tuple[str, ...]
    origins: tuple[tuple[str, str, str], ...]
    """(table, provenance, its columns), in order."""
    versions: tuple[tuple[str, str], ...]
    config: Config
    config_hash: str
    trials: int
    bridge: tuple[Step, ...] = ()
    verification: dict[str, Any] | None = None  # Any: JSON values
    """What the look-ahead tests said, where an edge would be supported without them."""
    warnings: tuple[str, ...] = ()
    """What fetch and simulate found odd about the data."""

    @property
    def synthetic(self) -> bool:
        """Whether the bars were invented."""
        return self.market.synthetic

    @property
    def replayed(self) -> bool:
        """Whether the quotes are those of an observed order book."""
        return self.config.simulate.fidelity == "replay" and not self.synthetic

    @property
    def lookahead(self) -> bool:
        """Whether the user's own trial fills at prices that it could not have had."""
        return bool(self.money and self.money.metrics.get("lookahead"))

    @property
    def planted(self) -> bool:
        """Whether an edge was put into the market on purpose."""
        return bool(self.forecast and self.forecast.meta.signal not in ("", "none"))


def gather(
    inputs: Mapping[str, tables.Reader], config: Config, record: Record,
    verified: Callable[[], Verification | None] = lambda: None,
) -> Evidence:  # fmt: skip
    """The evidence of one run. record: what was tried before, as the pipeline found it; verified: see Context."""
    seen, cast = market.load(inputs), forecast.load(inputs)
    earned = money.load(inputs, config.backtest.cash)
    facts = inputs.get("simulate/facts.json")
    missing = tuple(
        f"{name} is missing: hfm {stage} makes it"
        for stage, names in ARTIFACTS.items() for name in names if name not in inputs
    )  # fmt: skip
    tree = json.dumps(settings.as_tree(config), sort_keys=True)
    found, checked = assurance.with_verification(_verdict(cast, earned, config, record), verified)
    return Evidence(
        seen, cast, earned, found, json.loads(facts.data()) if facts else {},
        missing, _origins(inputs), _versions(), config, hashlib.sha256(tree.encode()).hexdigest()[:16], record.trials,
        bridge.load(inputs), checked, _warnings(inputs),
    )  # fmt: skip


def _warnings(inputs: Mapping[str, tables.Reader]) -> tuple[str, ...]:
    """What the stages before found odd about the data, as the last of them has it."""
    last = next((inputs[name] for name in ("simulate/quotes.parquet", "fetch/bars.parquet") if name in inputs), None)
    found = last.meta.warnings or () if last is not None else []
    return tuple(str(text) for text in found)


def _verdict(cast: Forecast | None, earned: Money | None, config: Config, record: Record) -> Verdict:
    """The verdict with its flags; where nothing was back-tested, that is the reason."""
    if earned is None or earned.trials is None:
        why = "There is no back-test in this run: hfm backtest makes it."
        known = {"sessions": len(cast.sessions) if cast else 0, "trials": record.trials}
        return Verdict("insufficient data", (why,), known)
    found = verdict.judge(earned.trials, record=record, reps=config.report.reps, seed=config.report.seed)
    numbers = found.numbers | verdict.interval(found, INTERVAL, config.report.seed)
    flag = _leakage(cast, earned) if cast else None
    flags = [LOOKAHEAD] if earned.metrics.get("lookahead") else []
    return dataclasses.replace(found, numbers=numbers, flags=(*flags, *((flag,) if flag else ())))


def _leakage(cast: Forecast, earned: Money) -> str | None:
    """The warning where forecasts are better than honest ones, over all rows or over those with a signal."""
    entry = earned.metrics.get("metrics", {}).get("accuracy_traded", {})
    rows, share = int(entry.get("n") or 0), entry.get("value")
    reversal = earned.metrics.get("bounce", {}).get("reversal_accuracy")
    return leakage.warning(
        cast.right, cast.labelled, traded=(round(share * rows) if share is not None else 0, rows),
        bars=cast.meta.fidelity != "replay", planted=cast.meta.signal not in ("", "none"),
        reversal=math.nan if reversal is None else float(reversal),
    )  # fmt: skip


def _origins(inputs: Mapping[str, tables.Reader]) -> tuple[tuple[str, str, str], ...]:
    """Which columns are observed, estimated, simulated, planted, table by table."""
    lines = []
    for path in ("fetch/bars.parquet", "simulate/quotes.parquet", "simulate/oracle.parquet"):
        if path in inputs:
            by: dict[str, list[str]] = {}
            for column, origin in tables.provenance(inputs[path].schema).items():
                by.setdefault(origin, []).append(column)
            name = path.split("/")[1].removesuffix(".parquet")
            lines += [(name, origin, ", ".join(by[origin])) for origin in sorted(by)]
    return tuple(lines)


def _versions() -> tuple[tuple[str, str], ...]:
    found = [("hfm", hfm.__version__), ("python", platform.python_version())]
    return (*found, *((name, importlib.metadata.version(name)) for name in PACKAGES))

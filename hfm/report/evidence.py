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
from hfm import artifacts, tables
from hfm.config import Config, as_tree
from hfm.report import forecast_data, leakage, market_data, strategy_data, verdict, waterfall
from hfm.report.forecast_data import ForecastData
from hfm.report.leakage import Hits
from hfm.report.market_data import MarketData
from hfm.report.strategy_data import StrategyData
from hfm.report.verdict import Verdict
from hfm.report.verdict_numbers import TrialCounts, VerdictNumbers
from hfm.report.waterfall import WaterfallStep
from hfm.stage import Record, Verification
from hfm.tables.json_document import from_json

ARTIFACTS = {
    "simulate": (artifacts.QUOTES, artifacts.ORACLE, artifacts.FACTS),
    "train": (artifacts.PREDICTIONS, artifacts.SCORES, artifacts.HISTORY),
    "backtest": (artifacts.LEDGER, artifacts.TRADES, artifacts.TRIALS,
                 artifacts.METRICS),
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
    """One run.

    Attributes
    ----------
    market : the data; forecast, strategy : None where that stage has not run.
    verdict : with its flags.
    facts : simulate/facts.json; empty without it.
    missing : a sentence for each artifact that is not there.
    """

    market: MarketData
    forecast: ForecastData | None
    strategy: StrategyData | None
    verdict: Verdict
    facts: dict[str, Any]  # Any: JSON values
    missing: tuple[str, ...]
    origins: tuple[tuple[str, str, str], ...]
    """(table, provenance, its columns), in order."""
    versions: tuple[tuple[str, str], ...]
    config: Config
    config_hash: str
    trials: int
    waterfall: tuple[WaterfallStep, ...] = ()
    """Of a run of the original recipe."""
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
        return bool(self.strategy and self.strategy.document.lookahead)

    @property
    def planted(self) -> bool:
        """Whether an edge was put into the market on purpose."""
        return bool(self.forecast and self.forecast.meta.signal not in ("", "none"))


def gather(
    inputs: Mapping[str, tables.Reader], config: Config, record: Record,
    verified: Callable[[], Verification | None] = lambda: None,
) -> Evidence:  # fmt: skip
    """The evidence of one run.

    Parameters
    ----------
    inputs : the run's artifacts by path.
    config : of the run.
    record : what was tried before, as the pipeline found it.
    verified : see hfm.stage.Context; asked only where an edge would be supported.

    Returns
    -------
    All that the report shows.
    """
    market, forecast = market_data.load(inputs), forecast_data.load(inputs)
    strategy = strategy_data.load(inputs, config.backtest.cash)
    facts = inputs.get(artifacts.FACTS)
    missing = tuple(
        f"{name} is missing: hfm {stage} makes it"
        for stage, names in ARTIFACTS.items() for name in names if name not in inputs
    )  # fmt: skip
    tree = json.dumps(as_tree(config), sort_keys=True)
    found, checked = verdict.with_verification(_verdict(forecast, strategy, config, record), verified)
    return Evidence(
        market, forecast, strategy, found, json.loads(facts.data()) if facts else {},
        missing, _origins(inputs), _versions(), config, hashlib.sha256(tree.encode()).hexdigest()[:16], record.trials,
        waterfall.load(inputs), checked, _warnings(inputs),
    )  # fmt: skip


def _warnings(inputs: Mapping[str, tables.Reader]) -> tuple[str, ...]:
    """What the stages before found odd about the data, as the last of them has it."""
    last = next((inputs[name] for name in (artifacts.QUOTES, artifacts.BARS) if name in inputs), None)
    found = last.meta.warnings or () if last is not None else []
    return tuple(str(text) for text in found)


def _verdict(forecast: ForecastData | None, strategy: StrategyData | None, config: Config, record: Record) -> Verdict:
    """The verdict with its flags; where nothing was back-tested, that is the reason."""
    if strategy is None or strategy.trials is None:
        why = "There is no back-test in this run: hfm backtest makes it."
        known = {"sessions": len(forecast.sessions) if forecast else 0, "trials": record.trials}
        return Verdict("insufficient data", (why,), VerdictNumbers(from_json(TrialCounts, known)))
    found = verdict.judge(strategy.trials, record=record, reps=config.report.reps, seed=config.report.seed)
    interval = verdict.interval(found, INTERVAL, config.report.seed)
    flag = _leakage(forecast, strategy) if forecast else None
    flags = [LOOKAHEAD] if strategy.document.lookahead else []
    numbers = dataclasses.replace(found.numbers, interval=interval)
    return dataclasses.replace(found, numbers=numbers, flags=(*flags, *((flag,) if flag else ())))


def _leakage(forecast: ForecastData, strategy: StrategyData) -> str | None:
    """The warning where forecasts are better than honest ones, over all rows or over those with a signal."""
    entry, bounce = strategy.document.metrics.get("accuracy_traded"), strategy.document.bounce
    rows = entry.n or 0 if entry else 0
    right = round(entry.value * rows) if entry and entry.value is not None else 0
    accuracy = bounce.reversal_accuracy if bounce else None
    return leakage.warning(
        Hits(forecast.right, forecast.labelled), traded=Hits(right, rows),
        bars=forecast.meta.fidelity != "replay", planted=forecast.meta.signal not in ("", "none"),
        reversal=math.nan if accuracy is None else float(accuracy),
    )  # fmt: skip


def _origins(inputs: Mapping[str, tables.Reader]) -> tuple[tuple[str, str, str], ...]:
    """Which columns are observed, estimated, simulated, planted, table by table."""
    lines = []
    for path in (artifacts.BARS, artifacts.QUOTES, artifacts.ORACLE):
        if path in inputs:
            by: dict[str, list[str]] = {}
            for column, origin in tables.provenance(inputs[path].schema).items():
                by.setdefault(origin, []).append(column)
            name = path.split("/")[1].removesuffix(".parquet")
            lines += [(name, origin, ", ".join(by[origin])) for origin in sorted(by)]
    return tuple(lines)


def _versions() -> tuple[tuple[str, str], ...]:
    """Name and version of what figures depend on."""
    found = [("hfm", hfm.__version__), ("python", platform.python_version())]
    return (*found, *((name, importlib.metadata.version(name)) for name in PACKAGES))

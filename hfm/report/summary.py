"""report/summary.json: the verdict, the headline, every stage's figures, and where it all came from.

Returns and shares are fractions (0.01 is 1 %), spreads bp; null stands for a number that there is not.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from hfm.config import as_tree
from hfm.report import wording
from hfm.report.evidence import Evidence
from hfm.report.forecast_data import Coverage, PooledScore
from hfm.tables.json_document import Json, JsonDocument, to_json
from hfm.tables.metrics_document import Metric, Metrics


@dataclass(frozen=True)
class FetchSummary(JsonDocument):
    """The data: symbols, source, sessions, rows, share of bars without volume, and what was found odd."""

    symbols: tuple[str, ...]
    source: str | None
    synthetic: bool
    sessions: int
    rows: int
    empty_share: float
    quality: Json
    warnings: tuple[str, ...]


@dataclass(frozen=True)
class SimulateSummary(JsonDocument):
    """The quotes: median spread, R2 of returns on order flow (None without variance), stylised facts."""

    spread_bps_median: float
    ofi_r2_same: float | None
    ofi_r2_next: float | None
    facts: Json


@dataclass(frozen=True)
class TrainSummary(JsonDocument):
    """The model: out-of-sample rows, those with a direction and those called right, scores, calibration, coverage."""

    model: str
    sessions: int
    rows: int
    labelled: int
    right: int
    scores: tuple[PooledScore, ...]
    ece: float | None
    ece_floor: float | None
    spread_coverage: tuple[Coverage, ...] | None


@dataclass(frozen=True)
class ProvenanceSummary(JsonDocument):
    """Where it came from; columns: table, provenance, its columns."""

    synthetic: bool
    planted: bool
    config_hash: str
    config: Json
    versions: dict[str, str]
    columns: tuple[tuple[str, ...], ...]


@dataclass(frozen=True)
class WaterfallSummary(JsonDocument):
    """A step of the waterfall: its metrics (see waterfall.WaterfallStep), and the command that prints it."""

    step: str
    metrics: dict[str, float]
    command: str


@dataclass(frozen=True)
class Summary(JsonDocument):
    """The whole of summary.json.

    Attributes
    ----------
    schema_version : 1.
    verdict : see verdict.Verdict.document.
    verification : what the look-ahead tests said; None where no edge would be supported without them.
    headline : the mission's figures.
    fetch, simulate, train, backtest : of each stage; None where it has not run.
    missing : a sentence for each artifact that is not there.
    provenance : of data and code.
    bridge : the waterfall of a run of the original recipe.
    """

    schema_version: int
    verdict: Json
    verification: Json | None
    headline: dict[str, Metric]
    fetch: FetchSummary
    simulate: SimulateSummary | None
    train: TrainSummary | None
    backtest: Metrics | None
    missing: tuple[str, ...]
    provenance: ProvenanceSummary
    bridge: tuple[WaterfallSummary, ...] | None = None


def summary(run: Evidence) -> Summary:
    """The summary of a run."""
    metrics = run.strategy.document.metrics if run.strategy else {}
    steps = (WaterfallSummary(s.name, dict(s.metrics), s.command) for s in run.waterfall)
    return Summary(
        schema_version=1,
        verdict=run.verdict.document(),
        verification=run.verification,
        headline={key: metrics[key] for key in wording.HEADLINE if key in metrics},
        fetch=_fetch(run),
        simulate=_simulate(run),
        train=_train(run),
        backtest=run.strategy.document if run.strategy else None,
        missing=run.missing,
        provenance=ProvenanceSummary(
            run.synthetic, run.planted, run.config_hash, as_tree(run.config), dict(run.versions), run.origins
        ),
        bridge=tuple(steps) or None,
    )


def _fetch(run: Evidence) -> FetchSummary:
    market = run.market
    return FetchSummary(
        market.symbols, market.meta.source, run.synthetic, len(market.sessions), market.rows, market.empty,
        dict(market.meta.quality or {}), run.warnings,
    )  # fmt: skip


def _simulate(run: Evidence) -> SimulateSummary | None:
    market = run.market
    if market.slot_spread is None:
        return None
    same, following = (flow.r2 if flow else None for flow in (market.same_bar, market.next_bar))
    return SimulateSummary(market.spread_bps, same, following, run.facts.get("facts", {}))


def _train(run: Evidence) -> TrainSummary | None:
    forecast = run.forecast
    if forecast is None:
        return None
    calibration, bands = forecast.calibration, forecast.bands
    return TrainSummary(
        forecast.model, len(forecast.sessions), forecast.rows, forecast.labelled, forecast.right, forecast.scores,
        calibration.ece if calibration else None, calibration.floor if calibration else None,
        bands.coverage if bands else None,
    )  # fmt: skip


def summary_json(found: Summary) -> Json:
    """summary.json of a summary: null stands for NaN and infinity."""
    document: Json = finite(to_json(found))
    return document


def finite(value: Any) -> Any:  # Any: JSON values
    """The same JSON value with None for each number that is not finite: JSON knows none."""
    if isinstance(value, dict):
        return {key: finite(inner) for key, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [finite(inner) for inner in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value

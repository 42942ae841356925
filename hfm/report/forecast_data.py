"""What the predictions, scores and histories say of the models.

Only out-of-sample rows exist here. Spreads in bp, probabilities in [0, 1], errors clustered by session, or by the
block that a replayed session was split by.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa

from hfm import artifacts, tables
from hfm.models.heads import QUANTILES
from hfm.report import resample, statistics
from hfm.report.statistics import Float, Int, ReliabilityCurve
from hfm.tables import TableMeta
from hfm.tables.json_document import JsonDocument

BEYOND = 0.05
"""Share of stale test rows above which the page says so."""


@dataclass(frozen=True)
class PooledScore(JsonDocument):
    """One line of the scores table, all folds pooled; se and floor are NaN where there is none."""

    model: str
    task: str
    metric: str
    value: float
    se: float
    n: int
    floor: float
    floor_label: str


@dataclass(frozen=True)
class LossCurve:
    """Loss of one split less the floor's on the same rows (epoch 0), by epoch.

    mean: over the networks that are still training, as long as half of them are. each: every network.
    """

    split: str
    mean: Float
    each: tuple[Float, ...]


class Coverage(NamedTuple):
    """A quantile of the spread: the share of rows at or below its forecast, and that share's standard error."""

    quantile: float
    share: float
    se: float


class ProbabilityRange(NamedTuple):
    """The least and the greatest P(up); NaN where there is none."""

    low: float
    high: float


@dataclass(frozen=True)
class SpreadBands:
    """Predicted and realised spread of the shown model, in bp; time orders the rows."""

    session: Int
    seq: Int
    low: Float
    middle: Float
    high: Float
    realised: Float
    coverage: tuple[Coverage, ...]
    r2: float
    """Of log spread, against its own mean."""
    hours: Float | None = None
    """Local time of each row, where rows are events and have no slots."""


@dataclass(frozen=True)
class ForecastData:
    """What is known of the models."""

    model: str
    models: tuple[str, ...]
    meta: TableMeta
    sessions: Int
    rows: int
    """Out-of-sample rows of the shown model."""
    labelled: int
    right: int
    """Rows with a direction, and those called right (P > .5)."""
    p_counts: Int
    """Rows by P(up) in 200 bins from 0 to 1."""
    p_range: ProbabilityRange
    calibration: ReliabilityCurve | None
    bands: SpreadBands | None
    scores: tuple[PooledScore, ...]
    curves: tuple[LossCurve, ...]

    @property
    def stale(self) -> str:
        """What share of the test rows seems to be filled forward, as a sentence; empty up to BEYOND."""
        rows, stale = self.meta.test_rows or 0, self.meta.stale_rows or 0
        if not rows or stale <= BEYOND * rows:
            return ""
        return (
            f"{stale / rows:.1%} of the test rows, in {self.meta.stale_sessions or 0} sessions, have or forecast "
            "a price that seems to be filled forward: scores leave them out."
        )

    @property
    def clustered(self) -> str:
        """How errors of the scores and of the coverage are clustered, in words."""
        block = self.meta.block_s
        return "clustered by session" if block is None else f"clustered by {block:g} s of clock time"


def load(inputs: Mapping[str, tables.Reader]) -> ForecastData | None:
    """The forecasts from train/predictions.parquet and what stands beside it; None without it."""
    reader = inputs.get(artifacts.PREDICTIONS)
    if reader is None:
        return None
    meta = reader.meta
    models = meta.models or tuple(_model_names(reader))
    model = _shown(inputs, models, meta.model or (models[-1] if models else ""))
    names = [
        "symbol",
        "session",
        "seq",
        "time",
        "p_up",
        "y_up",
        "spread_q10",
        "spread_q50",
        "spread_q90",
        "y_spread_bps",
    ]
    groups = list(reader.groups(names, model)) or [reader.schema.empty_table().select(names)]
    data = tables.arrays(pa.concat_tables(groups, promote_options="permissive"), names)
    day = data["session"].astype("datetime64[D]").astype(np.int64)
    labelled = (data["y_up"] >= 0) & np.isfinite(data["p_up"])
    p, hit = data["p_up"][labelled], data["y_up"][labelled].astype(float)
    known_p = data["p_up"][np.isfinite(data["p_up"])]
    return ForecastData(
        model, models, meta, np.unique(day), len(day), int(labelled.sum()), int(((p > 0.5) == (hit > 0.5)).sum()),
        np.histogram(known_p, 200, (0.0, 1.0))[0],
        ProbabilityRange(*((float(known_p.min()), float(known_p.max())) if known_p.size else (math.nan, math.nan))),
        statistics.reliability(p, hit, min(10, max(2, p.size // 40)), _clusters(data, day, meta)[labelled]),
        _bands(data, day, meta),
        _scores(inputs.get(artifacts.SCORES)), _curves(inputs.get(artifacts.HISTORY), model),
    )  # fmt: skip


def _clusters(data: Mapping[str, Any], day: Int, meta: TableMeta) -> Int:  # Any: arrays
    """[n] the session of each row, or the block of clock time that predictions were split by."""
    block = meta.block_s
    return day if block is None else np.asarray(data["time"] // (int(block) * 10**9))


def _model_names(reader: tables.Reader) -> list[str]:
    """The models of a table that does not say which it has, in order of appearance."""
    found: dict[str, None] = {}
    for group in reader.groups(["model"]):
        found |= dict.fromkeys(group.column("model").to_pylist())
    return list(found)


def _shown(inputs: Mapping[str, tables.Reader], models: tuple[str, ...], default: str) -> str:
    """The model that was traded, where one was; else the run's default."""
    traded = inputs.get(artifacts.METRICS)
    name = str(json.loads(traded.data()).get("model", "")) if traded is not None else ""
    return name if name in models else default


def _bands(data: Mapping[str, Any], day: Int, meta: TableMeta) -> SpreadBands | None:  # Any: arrays, JSON values
    """Predicted against realised spread; None where the model has no spread head."""
    events, cluster = meta.every == "event", _clusters(data, day, meta)
    middle, realised = data["spread_q50"], data["y_spread_bps"]
    good = np.isfinite(middle) & np.isfinite(realised) & (middle > 0) & (realised > 0)
    first = data["symbol"] == (data["symbol"][0] if len(middle) else "")
    if good.sum() < 10:
        return None
    coverage = []
    for q in QUANTILES:
        edge = data[f"spread_q{round(q * 100)}"]
        rows = good & np.isfinite(edge)
        below = (realised[rows] <= edge[rows]).astype(float)
        if below.size:
            coverage.append(Coverage(q, float(below.mean()), statistics.clustered_se(below, cluster[rows])))
    y, x = np.log(realised[good]), np.log(middle[good])
    r2 = 1 - float(((y - x) ** 2).sum()) / float(((y - y.mean()) ** 2).sum()) if y.std() > 0 else math.nan
    keep = good & first
    return SpreadBands(
        day[keep], data["seq"][keep], data["spread_q10"][keep], middle[keep], data["spread_q90"][keep], realised[keep],
        tuple(coverage), r2, resample.hours(data["time"][keep], meta.tz or "UTC") if events else None,
    )  # fmt: skip


def _scores(reader: tables.Reader | None) -> tuple[PooledScore, ...]:
    """The pooled lines of the scores table; none without it."""
    if reader is None:
        return ()
    data = tables.arrays(reader.read())
    rows = np.flatnonzero(data["fold"] == -1)
    return tuple(
        PooledScore(
            str(data["model"][i]), str(data["task"][i]), str(data["metric"][i]), float(data["value"][i]),
            float(data["se"][i]), int(data["n"][i]), float(data["floor"][i]),
            str(data["floor_label"][i]),
        )
        for i in rows
    )  # fmt: skip


def _curves(reader: tables.Reader | None, shown: str) -> tuple[LossCurve, ...]:
    """One curve a network (model, fold, seed) and split, rows in order of epoch; none of a model that has no epochs."""
    if reader is None:
        return ()
    data = tables.arrays(reader.read())
    if shown not in ("ensemble", *data["model"]):
        return ()
    curves = []
    for split in ("train", "valid"):
        runs: dict[tuple[str, int, int], list[float]] = {}
        for i in np.flatnonzero(data["split"] == split):
            key = (str(data["model"][i]), int(data["fold"][i]), int(data["seed"][i]))
            runs.setdefault(key, []).append(float(data["loss"][i]))
        lines = [np.array(line) - line[0] for line in runs.values()]
        if lines:
            half = sorted(map(len, lines), reverse=True)[(len(lines) - 1) // 2]
            mean = [float(np.mean([line[e] for line in lines if len(line) > e])) for e in range(half)]
            curves.append(LossCurve(split, np.array(mean), tuple(lines)))
    return tuple(curves)

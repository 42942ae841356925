"""metrics.prom of a run: when each stage last succeeded, how long it took, what it made, and the headline figures.

Written after every stage, from the manifest alone but for the limits that fired, which stand in backtest/metrics.json.
A stream adds its own families (`hfm_stream_...`), which stay as they are here.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from hfm import atomic, prometheus
from hfm.artifacts import METRICS
from hfm.prometheus import MetricFamily, Sample
from hfm.runs.manifest import Manifest, Run

FILE = "metrics.prom"
STAGES, STREAM = "hfm_stage_", "hfm_stream_"
"""Prefixes of the two writers' metrics."""
_FIGURES = (
    ("hfm_stage_direction_log_loss", "Log-loss of the direction, out of sample.", "train", "direction_log_loss"),
    ("hfm_stage_direction_log_loss_floor", "The same of the base rate.", "train", "direction_log_loss_floor"),
    ("hfm_stage_net_return_ratio", "Net return of the back-test (0.01 is 1 %).", "backtest", "return_net"),
    ("hfm_stage_max_drawdown_ratio", "Largest fall of equity from its peak.", "backtest", "max_drawdown"),
    ("hfm_stage_trips", "Round trips of the back-test.", "backtest", "trips"),
)


def families(manifest: Manifest, limits: dict[str, float]) -> list[MetricFamily]:
    """All that the stages say.

    Parameters
    ----------
    manifest
        As committed.
    limits
        Name -> rows on which it fired.

    Returns
    -------
    list[MetricFamily]
        In a fixed order; some without samples.
    """
    stages = manifest.stages.items()
    out = [
        MetricFamily("hfm_stage_last_success_timestamp_seconds", "gauge", "When the stage last committed, UTC.",
               [({"stage": k}, _instant(e.finished)) for k, e in stages]),
        MetricFamily("hfm_stage_duration_seconds", "gauge", "How long it took.",
               [({"stage": k}, e.elapsed_s) for k, e in stages]),
        MetricFamily("hfm_stage_losses", "gauge", "What was asked for and is missing.",
               [({"stage": k}, float(len(e.losses))) for k, e in stages]),
        MetricFamily("hfm_stage_warnings", "gauge", "Warnings.",
                     [({"stage": k}, float(len(e.warnings))) for k, e in stages]),
        MetricFamily("hfm_stage_rows", "gauge", "Rows of an artifact.",
               [({"artifact": name}, float(a.rows))
                for _, e in stages for name, a in sorted(e.artifacts.items()) if a.rows is not None]),
    ]  # fmt: skip
    fetched = manifest.stages.get("fetch")
    quality = fetched.figures.get("quality", {}) if fetched else {}
    missing = [({"symbol": k}, float(q["expected"] - q["present"])) for k, q in quality.items() if "expected" in q]
    out.append(MetricFamily("hfm_stage_missing_bars", "gauge", "Bars that the sessions fetched lack.", missing))
    for name, text, stage, key in _FIGURES:
        entry = manifest.stages.get(stage)
        out.append(MetricFamily(name, "gauge", text, _figure(entry.figures.get(key)) if entry else []))
    fired: list[Sample] = [({"limit": name}, rows) for name, rows in sorted(limits.items())]
    return [
        *out,
        MetricFamily("hfm_stage_limit_rows", "gauge", "Rows on which a reason or limit held a position.", fired),
    ]


def _figure(value: Any) -> list[Sample]:  # Any: JSON, a number or an object with a value
    number = value.get("value") if isinstance(value, dict) else value
    return [] if number is None else [({}, float(number))]


def _instant(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()


def write(run: Run, manifest: Manifest) -> None:
    """Renew the stages' part of the run's metrics.prom. Raises DiskError."""
    limits: dict[str, float] = {}
    with contextlib.suppress(OSError, ValueError):  # no back-test yet, or its files were taken away
        limits = json.loads((run.path / METRICS).read_bytes()).get("reasons", {})
    renew(run, families(manifest, limits), STAGES)


def renew(run: Run, new: Sequence[MetricFamily], prefix: str) -> None:
    """Replace one writer's metrics in the run's metrics.prom, atomically.

    Parameters
    ----------
    run
        Whose file it is.
    new
        All that this writer says; the names start with `prefix`.
    prefix
        Of the writer: STAGES or STREAM.
    """
    path, old = run.path / FILE, ""
    with contextlib.suppress(OSError, UnicodeDecodeError):
        old = path.read_text("utf-8")
    atomic.write(path, prometheus.merge(old, new, prefix, {"run": run.name}).encode())

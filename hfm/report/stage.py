"""The report stage: what the tables hold, as one picture, one page and one document for machines.

It needs the bars, or the order book, alone; what else is missing is named on the page and in the summary.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

from hfm import tables
from hfm.config import Config, as_tree
from hfm.report import evidence, page, poster, svg, wording
from hfm.report.evidence import Evidence
from hfm.report.panels.catalogue import Panel, panels
from hfm.stage import Context, Product

PICTURE, PAGE, SUMMARY = "report/microstructure_performance.png", "report/report.html", "report/summary.json"


def run(inputs: Mapping[str, tables.Reader], config: Config, ctx: Context) -> Iterator[Product]:
    """The picture, the page and the summary. ctx.record is what was tried before."""
    ctx.progress("report", 0, 1, "tables")
    found = evidence.gather(inputs, config, ctx.record, ctx.verified)
    shown = panels(found)
    steps = len(shown) + 1
    done = [0]

    def tell(panel: Panel) -> None:
        done[0] += 1
        ctx.progress("report", done[0], steps, panel.title)

    yield PAGE, page.render(found, svg.draw(found, shown, tell)).encode()
    document = summary(found)
    _tell(found, document, ctx)
    yield SUMMARY, document
    yield PICTURE, poster.draw(found)
    ctx.progress("report", steps, steps, "done")


def summary(run: Evidence) -> dict[str, Any]:  # Any: JSON values
    """summary.json: the verdict, the headline, every stage's figures, and where it all came from."""
    market, cast, money = run.market, run.forecast, run.money
    metrics = money.metrics.get("metrics", {}) if money else {}
    document: dict[str, Any] = {  # Any: JSON values
        "schema_version": 1,
        "verdict": run.verdict.document(),
        "verification": run.verification,
        "headline": {key: metrics[key] for key in wording.HEADLINE if key in metrics},
        "fetch": {
            "symbols": list(market.symbols), "source": market.meta.source, "synthetic": run.synthetic,
            "sessions": len(market.sessions), "rows": market.rows, "empty_share": market.empty,
            "quality": market.meta.quality or {}, "warnings": list(run.warnings),
        },
        "simulate": {
            "spread_bps_median": market.spread_bps, "ofi_r2_same": market.same.r2 if market.same else None,
            "ofi_r2_next": market.ahead.r2 if market.ahead else None, "facts": run.facts.get("facts", {}),
        } if market.slot_spread is not None else None,
        "train": {
            "model": cast.model, "sessions": len(cast.sessions), "rows": cast.rows, "labelled": cast.labelled,
            "right": cast.right, "scores": [vars(score) for score in cast.scores],
            "ece": cast.calibration.ece if cast.calibration else None,
            "ece_floor": cast.calibration.floor if cast.calibration else None,
            "spread_coverage": [list(each) for each in cast.bands.coverage] if cast.bands else None,
        } if cast else None,
        "backtest": money.metrics if money else None,
        "missing": list(run.missing),
        "provenance": {
            "synthetic": run.synthetic, "planted": run.planted, "config_hash": run.config_hash,
            "config": as_tree(run.config), "versions": dict(run.versions),
            "columns": [list(line) for line in run.origins],
        },
    }  # fmt: skip
    if run.bridge:
        document["bridge"] = [{"step": s.name, "metrics": dict(s.metrics), "command": s.command} for s in run.bridge]
    return {key: _finite(value) for key, value in document.items()}


def _finite(value: Any) -> Any:  # Any: JSON values
    """JSON knows no NaN: null stands for a number that there is not."""
    if isinstance(value, dict):
        return {key: _finite(inner) for key, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [_finite(inner) for inner in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


def _tell(run: Evidence, document: Mapping[str, Any], ctx: Context) -> None:  # Any: JSON values
    """The summary for a person, the verdict first; the headline numbers for --json."""
    ctx.say(f"verdict: {run.verdict.label}")
    for reason in run.verdict.reasons:
        ctx.say(f"  {reason}")
    for flag in run.verdict.flags:
        ctx.warn(flag)
    for text in run.warnings:
        ctx.say(f"of the data: {text}")
    for each in wording.headline(run):
        beside = ", ".join(
            part for part in (f"95% {each.interval}" if each.interval else "", each.floor, each.note) if part
        )
        ctx.say(f"{each.label}: {each.value}" + (f" ({beside})" if beside else ""))
    for text in run.missing:
        ctx.say(f"missing: {text}")
    if run.synthetic:
        ctx.say("the bars are SYNTHETIC")
    headline = {key: metric.get("value") for key, metric in document["headline"].items()}
    ctx.figures |= {"verdict": run.verdict.label, **_finite(run.verdict.numbers), **headline}

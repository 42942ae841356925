"""The report stage: what the tables hold, as one picture, one page and one document for machines.

It needs the bars, or the order book, alone; what else is missing is named on the page and in the summary.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterator, Mapping

from hfm import artifacts, tables
from hfm.compute import worker
from hfm.config import Config
from hfm.report import DRAWING, evidence, wording
from hfm.report.evidence import Evidence
from hfm.report.summary import Summary, finite, summary, summary_json
from hfm.stage import Context, Product

PICTURE, PAGE, SUMMARY = artifacts.PICTURE, artifacts.PAGE, artifacts.SUMMARY


def run(inputs: Mapping[str, tables.Reader], config: Config, ctx: Context) -> Iterator[Product]:
    """The picture, the page and the summary.

    Parameters
    ----------
    inputs : the run's artifacts by path; the bars or the order book at least.
    config : of the run.
    ctx : its record is what was tried before.

    Yields
    ------
    The page, the summary, the picture.
    """
    ctx.progress("report", 0, 1, "tables")
    with worker.beside(DRAWING, ctx.workers) as helper:
        found = evidence.gather(inputs, config, ctx.record, ctx.verified)
        drawing = importlib.import_module(DRAWING)  # matplotlib, which the helper imports meanwhile
        pictures = drawing.pictures(found, helper, ctx.progress)
        yield next(pictures)
        document = summary(found)
        _summarise(found, document, ctx)
        yield SUMMARY, summary_json(document)
        yield from pictures


def _summarise(run: Evidence, document: Summary, ctx: Context) -> None:
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
    headline = {key: finite(metric.value) for key, metric in document.headline.items()}
    ctx.figures |= {"verdict": run.verdict.label, **finite(run.verdict.numbers.document()), **headline}

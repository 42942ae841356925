"""The page: report.html, one file that asks for nothing outside itself. Tables in grids, looks in the template.

Everything is a string before it reaches the template, and the template escapes all of it but our own SVG.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import resources

import jinja2
from markupsafe import Markup

from hfm.config import as_tree
from hfm.report import wording
from hfm.report.evidence import Evidence
from hfm.report.page_tables import page_tables
from hfm.report.svg import RenderedPanel
from hfm.tables.metrics_document import Metric

SECTIONS = (
    ("Strategy", ("equity", "thresholds", "bridge", "null", "histogram", "costs", "sensitivity", "limits")),
    ("Models", ("models", "loss", "reliability", "spread_series", "spread_scatter")),
    ("Market and data", ("flow", "diurnal", "heat", "quality")),
)


@dataclass(frozen=True)
class TileBar:
    """An interval drawn in a tile: places in % of its width."""

    low: float
    high: float
    value: float
    floor: float | None


def render(run: Evidence, drawn: Sequence[RenderedPanel]) -> str:
    """The page's HTML. drawn: the panels, in any order."""
    folder = resources.files("hfm.report")
    environment = jinja2.Environment(
        autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters["minus"] = lambda text: re.sub(r"(?<![\w.])-(?=\d)", "−", text)
    template = environment.from_string((folder / "page.html.j2").read_text("utf-8"))
    by_name = {each.name: each for each in drawn}
    document = run.strategy.document if run.strategy else None
    return template.render(
        css=Markup((folder / "page.css").read_text("utf-8")), run=run, subject=wording.subject(run),
        badges=wording.badges(run),
        tiles=[(each, bar(document.metrics[each.key])) for each in wording.headline(run)] if document else [],
        sections=[(title, [(by_name[n], _pictures(by_name[n])) for n in names if n in by_name])
                  for title, names in SECTIONS],
        tables=page_tables(run), simulated=simulated(run), missing=run.missing, origin=wording.origin(run),
        warnings=run.warnings,
        messages=[wording.capital(str(m)) for m in document.messages] if document else [],
        settings=[(s, [(k, str(v)) for k, v in body.items()]) for s, body in as_tree(run.config).items()],
    )  # fmt: skip


def _pictures(each: RenderedPanel) -> list[tuple[str, Markup]]:
    """(class, svg) of a panel: our own SVG, the one thing that is not escaped."""
    if not each.broad:
        return [("", Markup(each.svg))]
    return [("narrow", Markup(each.svg)), ("broad", Markup(each.broad))]


def bar(metric: Metric) -> TileBar | None:
    """Where value, interval and floor lie beside one another; None without an interval."""
    value, low, high, floor = metric.value, metric.lo, metric.hi, metric.floor
    if value is None or low is None or high is None:
        return None
    known = [x for x in (value, low, high, floor) if x is not None and math.isfinite(x)]
    start, width = min(known), max(known) - min(known)
    if width <= 0:
        return None
    first, last, point, line = (
        None if x is None else round(4 + 92 * (x - start) / width, 2) for x in (low, high, value, floor)
    )
    return TileBar(first or 4.0, last or 4.0, point or 4.0, line)


def simulated(run: Evidence) -> list[str]:
    """What is simulated and what is not, in sentences."""
    out = []
    if run.synthetic:
        out.append(
            "The bars are SYNTHETIC: prices and volumes are invented. Nothing here is a statement about a market."
        )
    else:
        source, what = (
            run.market.meta.source or "the source",
            "events of an order book" if run.replayed else "bars",
        )
        out.append(f"Prices and volumes are observed {what} (source: {source}).")
    if run.replayed and run.market.slot_spread is not None:
        out.append("Bid, ask, spread, depth and order flow are the book's own, replayed row by row: none is simulated.")
    elif run.market.slot_spread is not None:
        out.append(
            "Bid, ask, spread, depth and order flow are simulated around the bars: results that hang on them are "
            "statements about the simulator."
        )
    if run.planted:
        out.append(
            "An edge was PLANTED into the mid price on purpose: finding it shows that the method works, no more."
        )
    return out

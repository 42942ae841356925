"""The page: report.html, one file that asks for nothing outside itself. Words and tables here, looks in the template.

Everything is a string before it reaches the template, and the template escapes all of it but our own SVG.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import resources
from typing import Any

import jinja2
from markupsafe import Markup

from hfm.config import as_tree
from hfm.report import wording
from hfm.report.evidence import Evidence
from hfm.report.forecast import Score
from hfm.report.svg import Drawn
from hfm.report.wording import number

SECTIONS = (
    ("Strategy", ("equity", "thresholds", "sensitivity", "null", "histogram")),
    ("Models", ("models", "loss", "reliability", "spread_series", "spread_scatter")),
    ("Market and data", ("flow", "diurnal", "heat", "quality")),
)


@dataclass(frozen=True)
class Grid:
    """A table of the page; `strong` marks rows by index. Cells are text; the first column is the row's head."""

    title: str
    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    note: str = ""
    strong: frozenset[int] = frozenset()


@dataclass(frozen=True)
class Bar:
    """An interval drawn in a tile: places in % of its width."""

    low: float
    high: float
    value: float
    floor: float | None


def render(run: Evidence, drawn: Sequence[Drawn]) -> str:
    """The page's HTML. drawn: the panels, in any order."""
    folder = resources.files("hfm.report")
    environment = jinja2.Environment(
        autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    template = environment.from_string((folder / "page.html.j2").read_text("utf-8"))
    by_name = {each.name: each for each in drawn}
    metrics = run.money.metrics.get("metrics", {}) if run.money else {}
    return template.render(
        css=Markup((folder / "page.css").read_text("utf-8")), run=run, subject=wording.subject(run),
        badges=wording.badges(run),
        tiles=[(each, bar(metrics[each.key])) for each in wording.headline(run)],
        sections=[(title, [(by_name[n], _pictures(by_name[n])) for n in names]) for title, names in SECTIONS],
        grids=grids(run), simulated=simulated(run), missing=run.missing, origin=wording.origin(run),
        messages=[wording.capital(str(m)) for m in run.money.metrics.get("messages", [])] if run.money else [],
        settings=[(s, [(k, str(v)) for k, v in body.items()]) for s, body in as_tree(run.config).items()],
    )  # fmt: skip


def _pictures(each: Drawn) -> list[tuple[str, Markup]]:
    """(class, svg) of a panel: our own SVG, the one thing that is not escaped."""
    if not each.broad:
        return [("", Markup(each.svg))]
    return [("narrow", Markup(each.svg)), ("broad", Markup(each.broad))]


def bar(metric: dict[str, Any]) -> Bar | None:  # Any: JSON values
    """Where value, interval and floor lie beside one another; None without an interval."""
    value, low, high, floor = (metric.get(k) for k in ("value", "lo", "hi", "floor"))
    if value is None or low is None or high is None:
        return None
    known = [x for x in (value, low, high, floor) if x is not None and math.isfinite(x)]
    start, width = min(known), max(known) - min(known)
    if width <= 0:
        return None
    place = [None if x is None else round(4 + 92 * (x - start) / width, 2) for x in (low, high, value, floor)]
    return Bar(place[0] or 4.0, place[1] or 4.0, place[2] or 4.0, place[3])


def grids(run: Evidence) -> list[Grid]:
    """The tables that this run can fill."""
    made = [
        _metrics(run),
        _context(run),
        _trials(run),
        _scores(run),
        _sensitivity(run),
        _stops(run),
        _facts(run),
        _quality(run),
        _origins(run),
    ]
    return [grid for grid in made if grid.rows]


def _metrics(run: Evidence) -> Grid:
    rows = tuple((f.label, f.value, f.interval, f.floor, f.n, f.note) for f in wording.figures(run))
    head = ("figure", "value", "95% interval", "floor", "n", "note")
    return Grid("All figures of the back-test", head, rows, "Each stands beside what doing nothing clever would give.")


def _context(run: Evidence) -> Grid:
    """What stands beside the verdict: the numbers of the best trial."""
    found = run.verdict.numbers
    if "p" not in found:
        return Grid("", (), ())
    low, high = found["best_sharpe_lo"], found["best_sharpe_hi"]
    rows = [
        ("p of the SPA test", f"{found['p']:.4f}", f"{found['reps']:,} resamples, blocks of {found['block']} sessions"),
        ("t of the best trial", number(found["t"], ""), f"{found['t_needed']:.2f} is needed at p = {found['level']}"),
        ("yearly Sharpe ratio of its excess", number(found["best_sharpe"], ""),
         f"95% bootstrap interval over sessions {number(low, '')} to {number(high, '')}"),
        ("P(true Sharpe > 0)", f"{found['psr']:.3f}", "PSR: skewness and kurtosis counted"),
        ("P(true Sharpe > hurdle)", f"{found['dsr']:.3f}",
         f"DSR: the best of {found['trials']} worthless trials is expected at {found['sharpe_hurdle']:.2f}"),
        ("overfitting", "–" if found["pbo"] is None else f"{found['pbo']:.1%}",
         "PBO: share of splits whose best trial falls below the median on the other half"),
        ("smallest edge that would be shown", number(found["smallest_edge_bps"], "bp"),
         f"a session, four times in five; a yearly Sharpe of {found['smallest_edge_sharpe']:.1f}"),
    ]  # fmt: skip
    return Grid(f"Beside the verdict: {found['best_trial']}", ("number", "value", ""), tuple(rows))


def _trials(run: Evidence) -> Grid:
    family = run.money.family if run.money else None
    head = ("trial", "round trips", "sessions traded", "exposure", "gross", "net", "excess a session", "t")
    if family is None:
        return Grid("Trials", head, ())
    sessions = len(family.sessions)
    rows = []
    for k, name in enumerate(family.names):
        excess = family.excess[:, k]
        sd = float(excess.std(ddof=1)) if sessions > 1 else 0.0
        mean = float(excess.mean())
        t = mean / sd * math.sqrt(sessions) if sd > 0 else math.nan
        own = " (yours)" if name == family.user else ""
        cells = (
            f"{int(family.trips[:, k].sum()):,}", f"{int(family.traded[k])}",
            _change(float(family.exposure[k])), _change(float(family.gross[:, k].sum())),
            _change(float(family.net[:, k].sum())),
            f"{number(mean * 1e4, 'bp', True)} ± {1.96e4 * sd / math.sqrt(sessions):.2f}", number(t, ""),
        )  # fmt: skip
        rows.append((name + own, *cells))
    best = run.verdict.numbers.get("best_trial")
    strong = frozenset(k for k, name in enumerate(family.names) if name == best)
    text = (
        f"The same fills and costs over {sessions} sessions; N = {run.verdict.numbers['trials']} with earlier runs on "
        "the same data. Excess: net less mean exposure times the hold. Bold: the trial that the verdict is about."
    )
    return Grid("Trials", head, tuple(rows), text, strong)


def _scores(run: Evidence) -> Grid:
    """Tasks and metrics by models, so that each model stands beside its floors."""
    scores = run.forecast.scores if run.forecast else ()
    order = {"direction": 0, "spread": 1, "volatility": 2}
    lines = sorted({(s.task, s.metric) for s in scores}, key=lambda key: (order.get(key[0], 3), *key))
    known = run.forecast.models if run.forecast else ()
    models = [*(m for m in known if any(s.model == m for s in scores)), *sorted({s.model for s in scores} - set(known))]
    cell = {(s.task, s.metric, s.model): s for s in scores}
    rows = []
    for task, metric in lines:
        found = [cell.get((task, metric, model)) for model in models]
        most = max(score.n for score in found if score is not None)
        rows.append((task, metric, *map(_score, found), f"{most:,}"))
    text = (
        f"Out of sample, all folds pooled, ± 1.96 standard errors clustered by session. The default model is "
        f"{run.forecast.model}; the others are its floors." if run.forecast else ""
    )  # fmt: skip
    return Grid("Models and scores", ("task", "metric", *models, "rows"), tuple(rows), text)


def _score(score: Score | None) -> str:
    if score is None or not math.isfinite(score.value):
        return "–"
    return f"{score.value:.4f}" + (f" ± {1.96 * score.se:.4f}" if math.isfinite(score.se) and score.se > 0 else "")


def _sensitivity(run: Evidence) -> Grid:
    found = run.money.metrics.get("sensitivity", {}) if run.money else {}
    rows = [(f"cost x {c['multiplier']:g}", "–", _change(c["net_return"])) for c in found.get("cost", [])]
    rows += [
        (f"{d['lag']} rows later", _change(d["gross_return"]), _change(d["net_return"])) for d in found.get("delay", [])
    ]
    return Grid("Sensitivity", ("change", "gross return", "net return"), tuple(rows), "Outside the family of trials.")


def _stops(run: Evidence) -> Grid:
    stops = run.money.stops if run.money else ()
    rows = tuple((name, f"{n:,}") for name, n in stops)
    return Grid("Why the position was not what the policy wanted", ("reason", "rows"), rows)


def _facts(run: Evidence) -> Grid:
    found = run.facts.get("facts", {})
    words = {True: "inside", False: "OUTSIDE", None: "not judged"}
    rows = tuple(
        (str(f.get("label", name)), _plain(f.get("value")), _plain(f.get("se")),
         " to ".join(_plain(b) for b in f["band"]) if f.get("band") else "–", words[f.get("pass")])
        for name, f in found.items()
    )  # fmt: skip
    return Grid("Stylised facts of the simulated market", ("fact", "value", "se", "band", ""), rows)


def _change(value: float | None) -> str:
    return number(value, "share", True)


def _plain(value: float | None) -> str:
    return "–" if value is None else f"{value:.4g}"


def _quality(run: Evidence) -> Grid:
    rows = []
    for symbol, account in sorted(run.market.meta.get("quality", {}).items()):
        for name, value in account.items():
            if isinstance(value, dict) and value:
                rows += [(symbol, f"{name}: {key}", str(inner)) for key, inner in value.items()][:40]
            elif isinstance(value, list):
                rows += [(symbol, name, f"{len(value)} listed")] if value else []
            elif not isinstance(value, dict) and value not in (0, ""):
                rows.append((symbol, name, f"{value:,}" if isinstance(value, int) else str(value)))
    for symbol, notes in sorted(run.market.meta.get("notes", {}).items()):
        rows += [(symbol, "note", str(text)) for text in notes]
    return Grid(
        "Data quality", ("symbol", "what", "count"), tuple(rows), "Nothing is filled; what is zero is left out."
    )


def _origins(run: Evidence) -> Grid:
    text = (
        "observed: from the source. estimated: computed from it. simulated: drawn. planted: drawn with an edge in it."
    )
    return Grid("Where each column comes from", ("table", "provenance", "columns"), run.origins, text)


def simulated(run: Evidence) -> list[str]:
    """What is simulated and what is not, in sentences."""
    out = []
    if run.synthetic:
        out.append(
            "The bars are SYNTHETIC: prices and volumes are invented. Nothing here is a statement about a market."
        )
    else:
        source = run.market.meta.get("source", "the source")
        out.append(f"Prices and volumes are observed bars (source: {source}).")
    if run.market.slot_spread is not None:
        out.append(
            "Bid, ask, spread, depth and order flow are simulated around the bars: results that hang on them are "
            "statements about the simulator."
        )
    if run.planted:
        out.append(
            "An edge was PLANTED into the mid price on purpose: finding it shows that the method works, no more."
        )
    return out

"""The page's tables: every figure, trial, score, fact and column in words, each table with what it needs to be read."""

from __future__ import annotations

import math
from dataclasses import dataclass

from hfm.plugins import find
from hfm.report import wording
from hfm.report.evidence import Evidence
from hfm.report.forecast_data import PooledScore
from hfm.report.verdict_reasons import p_text
from hfm.report.wording import number


@dataclass(frozen=True)
class PageTable:
    """A table of the page; `strong` marks rows by index. Cells are text; the first column is the row's head."""

    title: str
    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    note: str = ""
    strong: frozenset[int] = frozenset()


def page_tables(run: Evidence) -> list[PageTable]:
    """The tables that this run can fill, in the order of the page."""
    reconciled, cited = find("recipe_parts", "tables")(run)
    tables = [
        _metrics(run),
        reconciled,
        _context(run),
        _trials(run),
        _scores(run),
        _sensitivity(run),
        _stops(run),
        _facts(run),
        _quality(run),
        _origins(run),
        cited,
    ]
    return [table for table in tables if table.rows]


def _metrics(run: Evidence) -> PageTable:
    rows = tuple((f.label, f.value, f.interval, f.floor, f.n, f.note) for f in wording.figures(run))
    head = ("figure", "value", "95% interval", "floor", "n", "note")
    return PageTable(
        "All figures of the back-test", head, rows, "Each stands beside what doing nothing clever would give."
    )


def _context(run: Evidence) -> PageTable:
    """What stands beside the verdict: the numbers of the best trial."""
    counts, best, test = run.verdict.numbers.counts, run.verdict.numbers.best, run.verdict.numbers.test
    if best is None or test is None:
        return PageTable("", (), ())
    interval = run.verdict.numbers.interval
    around = f"{number(interval.sharpe_lo, '')} to {number(interval.sharpe_hi, '')}" if interval else "–"
    rows = [
        ("p of the family", p_text(test.p, counts.reps).removeprefix("= "),
         f"{counts.reps:,} resamples; the larger of random signs {test.p_signs:.3g} and bootstrap "
         f"{test.p_bootstrap:.3g}"),
        ("t of the family", number(test.t, ""), f"{test.t_needed:.2f} is needed at p = {counts.level:.2g}, "
         f"left for look {counts.looks} at configuration {counts.rank}"),
        ("t of the best trial", number(test.best_t, ""), f"p {test.best_p:.3g} as the best of {counts.judged}"),
        ("yearly Sharpe ratio of its excess", number(best.sharpe, ""),
         f"95% bootstrap interval over sessions {around}"),
        ("P(true Sharpe > 0)", f"{test.psr:.3f}", "PSR: skewness and kurtosis counted"),
        ("P(true Sharpe > hurdle)", f"{test.dsr:.3f}",
         f"DSR: the best of {counts.trials} worthless trials is expected at {test.sharpe_hurdle:.2f}"),
        ("overfitting", "–" if test.pbo is None else f"{test.pbo:.1%}",
         "PBO: share of splits whose best trial falls below the median on the other half"),
        ("smallest edge that would be shown", number(test.smallest_edge_bps, "bp"),
         f"a session, four times in five; a yearly Sharpe of {test.smallest_edge_sharpe:.1f}"),
    ]  # fmt: skip
    return PageTable(f"Beside the verdict: {best.trial}", ("number", "value", ""), tuple(rows))


def _trials(run: Evidence) -> PageTable:
    family = run.strategy.family if run.strategy else None
    head = ("trial", "round trips", "sessions traded", "exposure", "gross", "net", "excess a session", "t")
    if family is None:
        return PageTable("Trials", head, ())
    sessions = len(family.sessions)
    rows = []
    for k, name in enumerate(family.names):
        excess = family.excess[:, k]
        sd = float(excess.std(ddof=1)) if sessions > 1 else 0.0
        mean = float(excess.mean())
        t = mean / sd * math.sqrt(sessions) if sd > 0 else math.nan
        mark = " (yours)" if name == family.user else ""
        cells = (
            f"{int(family.trips[:, k].sum()):,}", f"{int(family.traded[k])}",
            _change(float(family.exposure[k])), _change(float(family.gross[:, k].sum())),
            _change(float(family.net[:, k].sum())),
            number(mean * 1e4, "bp", True) + (f" ± {1.96e4 * sd / math.sqrt(sessions):.2f}" if sessions > 1 else ""),
            number(t, ""),
        )  # fmt: skip
        rows.append((name + mark, *cells))
    best = run.verdict.numbers.best
    strong = frozenset(k for k, name in enumerate(family.names) if best is not None and name == best.trial)
    text = (
        f"The same fills and costs over {sessions} sessions; N = {run.verdict.numbers.counts.trials} with earlier runs "
        "on the same data. Excess: net less mean exposure times the hold. Bold: the trial that the verdict is about."
    )
    return PageTable("Trials", head, tuple(rows), text, strong)


def _scores(run: Evidence) -> PageTable:
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
        f"Out of sample, all folds pooled, ± 1.96 standard errors {run.forecast.clustered}. The model shown is "
        f"{run.forecast.model}; the others are its floors, oracle the simulator itself. {run.forecast.stale}".rstrip()
        if run.forecast else ""
    )  # fmt: skip
    return PageTable("Models and scores", ("task", "metric", *models, "rows"), tuple(rows), text)


def _score(score: PooledScore | None) -> str:
    if score is None or not math.isfinite(score.value):
        return "–"
    return f"{score.value:.4f}" + (f" ± {1.96 * score.se:.4f}" if math.isfinite(score.se) and score.se > 0 else "")


def _sensitivity(run: Evidence) -> PageTable:
    """Net return by cost and by delay."""
    if run.strategy is None:
        return PageTable("", (), ())
    found = run.strategy.document.sensitivity
    rows = [(f"cost x {c.multiplier:g}", "–", _change(c.net_return)) for c in found.cost]
    rows += [(f"{d.lag} rows later", _change(d.gross_return), _change(d.net_return)) for d in found.delay]
    return PageTable(
        "Sensitivity", ("change", "gross return", "net return"), tuple(rows), "Outside the family of trials."
    )


def _stops(run: Evidence) -> PageTable:
    stops = run.strategy.stops if run.strategy else ()
    rows = tuple((name, f"{n:,}") for name, n in stops)
    return PageTable("Why the position was not what the policy wanted", ("reason", "rows"), rows)


def _facts(run: Evidence) -> PageTable:
    found = run.facts.get("facts", {})
    words = {True: "inside", False: "OUTSIDE", None: "not judged"}
    rows = tuple(
        (str(f.get("label", name)), _plain(f.get("value")), _plain(f.get("se")),
         " to ".join(_plain(b) for b in f["band"]) if f.get("band") else "–", words[f.get("pass")])
        for name, f in found.items()
    )  # fmt: skip
    return PageTable("Stylised facts of the simulated market", ("fact", "value", "se", "band", ""), rows)


def _change(value: float | None) -> str:
    return number(value, "share", True)


def _plain(value: float | None) -> str:
    return "–" if value is None else f"{value:.4g}"


def _quality(run: Evidence) -> PageTable:
    rows = []
    for symbol, account in sorted((run.market.meta.quality or {}).items()):
        for name, value in account.items():
            if isinstance(value, dict) and value:
                rows += [(symbol, f"{name}: {key}", str(inner)) for key, inner in value.items()][:40]
            elif isinstance(value, list):
                rows += [(symbol, name, f"{len(value)} listed")] if value else []
            elif not isinstance(value, dict) and value not in (0, ""):
                rows.append((symbol, name, f"{value:,}" if isinstance(value, int) else str(value)))
    for symbol, notes in sorted((run.market.meta.notes or {}).items()):
        rows += [(symbol, "note", str(text)) for text in notes]
    return PageTable(
        "Data quality", ("symbol", "what", "count"), tuple(rows), "Nothing is filled; what is zero is left out."
    )


def _origins(run: Evidence) -> PageTable:
    text = (
        "observed: from the source. estimated: computed from it. simulated: drawn. planted: drawn with an edge in it."
    )
    return PageTable("Where each column comes from", ("table", "provenance", "columns"), run.origins, text)

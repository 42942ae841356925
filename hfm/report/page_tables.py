"""The page's tables: every figure, trial, score, fact and column in words, each table with what it needs to be read."""

from __future__ import annotations

import math
from dataclasses import dataclass

from hfm.report import verdict, wording
from hfm.report.evidence import Evidence
from hfm.report.forecast_data import Score
from hfm.report.waterfall import LABEL, WORDS
from hfm.report.wording import number


@dataclass(frozen=True)
class Grid:
    """A table of the page; `strong` marks rows by index. Cells are text; the first column is the row's head."""

    title: str
    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    note: str = ""
    strong: frozenset[int] = frozenset()


def grids(run: Evidence) -> list[Grid]:
    """The tables that this run can fill."""
    made = [
        _metrics(run),
        _bridge(run),
        _context(run),
        _trials(run),
        _scores(run),
        _sensitivity(run),
        _stops(run),
        _facts(run),
        _quality(run),
        _origins(run),
        _cited(run),
    ]
    return [grid for grid in made if grid.rows]


def _metrics(run: Evidence) -> Grid:
    rows = tuple((f.label, f.value, f.interval, f.floor, f.n, f.note) for f in wording.figures(run))
    head = ("figure", "value", "95% interval", "floor", "n", "note")
    return Grid("All figures of the back-test", head, rows, "Each stands beside what doing nothing clever would give.")


def _bridge(run: Evidence) -> Grid:
    """Each step from the original recipe's figures to honest ones, with the command that prints it."""
    rows = []
    for step in run.bridge:
        found, (name, what) = step.metrics, WORDS.get(step.name, (step.name, ""))
        rows.append((
            name, what, f"{number(found['accuracy'], '%')} (floor {number(found['floor'], '%')})",
            number(found["return"], "share", True), number(found["hold"], "share", True),
            number(found["sharpe"], "", True), number(found["drawdown"], "%"), f"{found['trades']:,.0f}", step.command,
        ))  # fmt: skip
    head = ("step", "what changes", "accuracy", "return", "hold", "Sharpe a year", "drawdown", "trades", "printed by")
    return Grid("From the original recipe's figures to honest ones", head, tuple(rows), LABEL)


def _context(run: Evidence) -> Grid:
    """What stands beside the verdict: the numbers of the best trial."""
    found = run.verdict.numbers
    if "p" not in found:
        return Grid("", (), ())
    low, high = found["best_sharpe_lo"], found["best_sharpe_hi"]
    p = verdict.chance(found["p"], found["reps"]).removeprefix("= ")
    rows = [
        ("p of the family", p, f"{found['reps']:,} resamples; the larger of random signs {found['p_signs']:.3g} and "
         f"bootstrap {found['p_bootstrap']:.3g}"),
        ("t of the family", number(found["t"], ""), f"{found['t_needed']:.2f} is needed at p = {found['level']:.2g}, "
         f"left for look {found['looks']} at configuration {found['rank']}"),
        ("t of the best trial", number(found["best_t"], ""),
         f"p {found['best_p']:.3g} as the best of {found['judged']}"),
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
            number(mean * 1e4, "bp", True) + (f" ± {1.96e4 * sd / math.sqrt(sessions):.2f}" if sessions > 1 else ""),
            number(t, ""),
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
        f"Out of sample, all folds pooled, ± 1.96 standard errors {run.forecast.clustered}. The model shown is "
        f"{run.forecast.model}; the others are its floors, oracle the simulator itself. {run.forecast.stale}".rstrip()
        if run.forecast else ""
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


def _cited(run: Evidence) -> Grid:
    """What the original recipe published, beside this run."""
    own = {each.key: each.value for each in wording.figures(run)}
    lines = (
        ("accuracy", "53.42%", "accuracy_direction", "of its simulated spread's direction, not of the price's"),
        ("return", "0.66%", "return_net", "against 4.41% by buying and holding; costs a haircut, not fills"),
        ("Sharpe ratio", "17.136", "sharpe", "annualised over 24 hours a day"),
        ("largest drawdown", "0.03%", "max_drawdown", "of closes"),
    )
    rows = tuple((name, figure, own.get(key, "–"), text) for name, figure, key, text in lines)
    title = "Cited: what the original recipe published, in sample"
    return Grid(title, ("figure", "published", "this run", "of the published one"), rows if own else ())


def _plain(value: float | None) -> str:
    return "–" if value is None else f"{value:.4g}"


def _quality(run: Evidence) -> Grid:
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
    return Grid(
        "Data quality", ("symbol", "what", "count"), tuple(rows), "Nothing is filled; what is zero is left out."
    )


def _origins(run: Evidence) -> Grid:
    text = (
        "observed: from the source. estimated: computed from it. simulated: drawn. planted: drawn with an edge in it."
    )
    return Grid("Where each column comes from", ("table", "provenance", "columns"), run.origins, text)

"""Panels of where the gross return went, and of why there may be none."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes

from hfm.config import parse_threshold
from hfm.report.evidence import Evidence
from hfm.report.panels.style import Ink, Told, bare, few, frame, legend, note, percent

COSTS = (("spread", "spread"), ("fee", "fee"), ("impact", "impact"), ("borrow", "borrow"))


def costs(ax: Axes, run: Evidence, ink: Ink) -> Told:
    """From gross to net, cost by cost, as returns on capital; the family's where the user's trial is flat."""
    money = run.money
    assert money is not None
    found = money.metrics.get("costs", {})
    if not found.get("gross") and not found.get("net"):
        return _before_and_after(ax, run, ink)
    cash = run.config.backtest.cash
    steps = [("gross", float(found["gross"]) / cash)]
    steps += [(word, -float(found[key]) / cash) for key, word in COSTS if found.get(key)]
    steps += [("dividends", float(found["dividend"]) / cash)] if found.get("dividend") else []
    level = 0.0
    for place, (_, change) in enumerate(steps):
        colour = ink.sky if place == 0 or change > 0 else ink.orange
        ax.bar(place, change, bottom=level, width=0.62, color=colour, edgecolor=ink.text, linewidth=0.8)
        level += change
        _beyond(ax, ink, place, (level, change))
        ax.plot([place + 0.31, place + 0.69], [level, level], color=ink.muted, linewidth=0.8)
    ax.bar(len(steps), level, width=0.62, color=ink.blue, edgecolor=ink.text, linewidth=0.8)
    _beyond(ax, ink, len(steps), (level, level))
    ax.axhline(0, color=ink.text, linewidth=1.0)
    frame(ax, ink, y="return on capital")
    ax.set_xticks(range(len(steps) + 1), [*(word for word, _ in steps), "net"])
    low, high = ax.get_ylim()
    ax.set_ylim(low - 0.12 * (high - low), high + 0.12 * (high - low))
    percent(ax)
    few(ax, y=5)
    words = ", ".join(f"{word} {change:+.2%}" for word, change in steps)
    stops = "; ".join(f"{name} in {rows:,} rows" for name, rows in money.stops)
    return Told(
        f"{words}, net {level:+.2%}." + (f" Position not as wanted: {stops}." if stops else ""),
        f"Waterfall: {words}, net {level:+.2%}.",
    )


def confidence(ax: Axes, run: Evidence, ink: Ink) -> Told:
    """How sure the model ever is, and where the user's threshold lies: why nothing was traded."""
    cast, money = run.forecast, run.money
    if cast is None or money is None or not cast.sure.any():
        bare(ax)
        note(ax, ink, "nothing was traded")
        return Told("Nothing was traded, so that neither cost nor delay changes anything.", "Nothing was traded.")
    middle = (np.arange(len(cast.sure)) + 0.5) / len(cast.sure)
    seen = np.flatnonzero(cast.sure)
    there = slice(int(seen[0]), int(seen[-1]) + 1)  # a bar of nothing takes as long to draw as another
    kind, level = parse_threshold(run.config.backtest.threshold)
    edges = [level, 1 - level] if kind == "p" else []
    ax.bar(
        middle[there], cast.sure[there], width=1 / len(cast.sure), color=ink.sky, edgecolor=ink.blue, linewidth=0.6,
        label=cast.model,
    )  # fmt: skip
    for i, edge in enumerate(edges):
        ax.axvline(edge, color=ink.red, linewidth=2.0, linestyle="--", label=None if i else f"threshold {level:g}")
    known = [*edges, middle[seen[0]], middle[seen[-1]]]
    ax.set_xlim(min(known) - 0.02, max(known) + 0.02)
    frame(ax, ink, x="forecast P(up)", y="rows")
    percent(ax, "x")
    few(ax, x=5, y=5)
    legend(ax, ink, loc="upper left")
    low, high = cast.reach
    held = "; ".join(f"{name} in {rows:,} rows" for name, rows in money.stops)
    back = f" What it wanted was held back: {held}." if held else ""
    return Told(
        "Your trial traded nothing, so that neither cost nor delay changes anything. The forecasts reach from "
        f"{low:.2%} to {high:.2%}; the threshold is {run.config.backtest.threshold}.{back}",
        f"Histogram of P(up) between {low:.2%} and {high:.2%}; nothing was traded.{back}",
        "Why nothing was traded",
    )


def _beyond(ax: Axes, ink: Ink, place: float, bar: tuple[float, float]) -> None:
    """Write the change of a bar, (its end, its change), beyond its end: at others' starts lies the line of zero."""
    end, change = bar
    up = 1 if change > 0 else -1
    ax.annotate(f"{change:+.2%}", (place, end), (0, 2 * up), textcoords="offset points", ha="center",
                va="bottom" if up > 0 else "top", color=ink.text, fontsize=ink.size)  # fmt: skip


def _before_and_after(ax: Axes, run: Evidence, ink: Ink) -> Told:
    """Gross and net return of the trials that traded, where the user's own did not."""
    family = run.verdict.family
    names = [] if family is None else [name != family.user for name in family.names]
    moved = np.flatnonzero(family.traded * names) if family is not None else np.empty(0, np.int64)
    if family is None or not moved.size:
        bare(ax)
        note(ax, ink, "nothing was traded")
        return Told("Nothing was traded, so that neither cost nor delay changes anything.", "Nothing was traded.")
    gross, net = family.gross[:, moved].sum(axis=0), family.net[:, moved].sum(axis=0)
    place = np.arange(moved.size)
    ax.axhline(0, color=ink.text, linewidth=1.0)
    ax.vlines(place, net, gross, color=ink.muted, linewidth=1.2)
    ax.plot(place, gross, color=ink.sky, marker="s", linestyle="none", markersize=6, label="before costs")
    ax.plot(place, net, color=ink.blue, marker="o", linestyle="none", markersize=6, label="after costs")
    frame(ax, ink, y="return on capital")
    ax.set_xticks(place, [family.names[k] for k in moved], rotation=45)
    ax.tick_params(axis="x", labelsize=max(9.0, 0.84 * ink.size))
    percent(ax)
    few(ax, y=5)
    legend(ax, ink, loc="best")
    return Told(
        f"Your trial traded nothing. Of the {moved.size} that did, {int((gross > 0).sum())} earned before costs and "
        f"{int((net > 0).sum())} after them.",
        f"Returns before and after costs of {moved.size} trials, {net.min():+.2%} to {net.max():+.2%} after costs.",
        "Before and after costs",
    )

"""Panels of where the gross return went, of why there may be none, and of what stopped a position."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes

from hfm.config import parse_threshold
from hfm.ledger import reasons
from hfm.report import wording
from hfm.report.evidence import Evidence
from hfm.report.panels.style import Caption, Ink, frame, hide_axes, legend, limit_ticks, note, percent_axis

COSTS = ("spread", "fee", "impact", "borrow")


def costs(ax: Axes, run: Evidence, ink: Ink) -> Caption:
    """From gross to net, cost by cost, as returns on capital.

    Where the user's trial is flat, the family's before and after costs.

    Parameters
    ----------
    ax, ink
        Where it is drawn, and in which colours.
    run
        With its back-test.

    Returns
    -------
    Caption
        Each cost, and the rows in which a position was not as wanted.
    """
    strategy = run.strategy
    assert strategy is not None
    found = strategy.document.costs
    if not found.gross and not found.net:
        return _before_and_after(ax, run, ink)
    cash = run.config.backtest.cash
    steps = [("gross", float(found.gross) / cash)]
    steps += [(name, -float(getattr(found, name)) / cash) for name in COSTS if getattr(found, name)]
    steps += [("dividends", float(found.dividend) / cash)] if found.dividend else []
    level = 0.0
    for place, (_, change) in enumerate(steps):
        colour = ink.sky if place == 0 or change > 0 else ink.orange
        ax.bar(place, change, bottom=level, width=0.62, color=colour, edgecolor=ink.text, linewidth=0.8)
        level += change
        _change_label(ax, ink, place, end=level, change=change)
        ax.plot([place + 0.31, place + 0.69], [level, level], color=ink.muted, linewidth=0.8)
    ax.bar(len(steps), level, width=0.62, color=ink.blue, edgecolor=ink.text, linewidth=0.8)
    _change_label(ax, ink, len(steps), end=level, change=level)
    ax.axhline(0, color=ink.text, linewidth=1.0)
    frame(ax, ink, y="return on capital")
    ax.set_xticks(range(len(steps) + 1), [*(word for word, _ in steps), "net"])
    low, high = ax.get_ylim()
    ax.set_ylim(low - 0.12 * (high - low), high + 0.12 * (high - low))
    percent_axis(ax)
    limit_ticks(ax, y=5)
    words = ", ".join(f"{word} {change:+.2%}" for word, change in steps)
    stops = "; ".join(f"{name} in {rows:,} rows" for name, rows in strategy.stops)
    return Caption(
        f"{words}, net {level:+.2%}." + (f" Position not as wanted: {stops}." if stops else ""),
        f"Waterfall: {words}, net {level:+.2%}.",
    )


def confidence(ax: Axes, run: Evidence, ink: Ink) -> Caption:
    """How sure the model ever is, and where the user's threshold lies: why nothing was traded.

    Parameters
    ----------
    ax, ink
        Where it is drawn, and in which colours.
    run
        Without forecasts or a back-test it is a note.

    Returns
    -------
    Caption
        The range of the forecasts beside the threshold; its title stands for the panel's.
    """
    forecast, strategy = run.forecast, run.strategy
    if forecast is None or strategy is None or not forecast.p_counts.any():
        hide_axes(ax)
        note(ax, ink, "nothing was traded")
        return Caption("Nothing was traded, so that neither cost nor delay changes anything.", "Nothing was traded.")
    middle = (np.arange(len(forecast.p_counts)) + 0.5) / len(forecast.p_counts)
    bins = np.flatnonzero(forecast.p_counts)
    occupied = slice(int(bins[0]), int(bins[-1]) + 1)  # a bar of nothing takes as long to draw as another
    kind, level = parse_threshold(run.config.backtest.threshold)
    edges = [level, 1 - level] if kind == "p" else []
    ax.bar(
        middle[occupied], forecast.p_counts[occupied], width=1 / len(forecast.p_counts), color=ink.sky,
        edgecolor=ink.blue, linewidth=0.6, label=forecast.model,
    )  # fmt: skip
    for i, edge in enumerate(edges):
        ax.axvline(edge, color=ink.red, linewidth=2.0, linestyle="--", label=None if i else f"threshold {level:g}")
    known = [*edges, middle[bins[0]], middle[bins[-1]]]
    ax.set_xlim(min(known) - 0.02, max(known) + 0.02)
    frame(ax, ink, x="forecast P(up)", y="rows")
    percent_axis(ax, "x")
    limit_ticks(ax, x=5, y=5)
    legend(ax, ink, loc="upper left")
    low, high = forecast.p_range
    held = "; ".join(f"{name} in {rows:,} rows" for name, rows in strategy.stops)
    back = f" What it wanted was held back: {held}." if held else ""
    return Caption(
        "Your trial traded nothing, so that neither cost nor delay changes anything. The forecasts reach from "
        f"{low:.2%} to {high:.2%}; the threshold is {run.config.backtest.threshold}.{back}",
        f"Histogram of P(up) between {low:.2%} and {high:.2%}; nothing was traded.{back}",
        "Why nothing was traded",
    )


def _change_label(ax: Axes, ink: Ink, place: float, *, end: float, change: float) -> None:
    """Write the change of a bar beyond its end: at others' starts lies the line of zero."""
    up = 1 if change > 0 else -1
    ax.annotate(f"{change:+.2%}", (place, end), (0, 2 * up), textcoords="offset points", ha="center",
                va="bottom" if up > 0 else "top", color=ink.text, fontsize=ink.size)  # fmt: skip


def _before_and_after(ax: Axes, run: Evidence, ink: Ink) -> Caption:
    """Gross and net return of the trials that traded, where the user's own did not."""
    family = run.verdict.family
    names = [] if family is None else [name != family.user for name in family.names]
    moved = np.flatnonzero(family.traded * names) if family is not None else np.empty(0, np.int64)
    if family is None or not moved.size:
        hide_axes(ax)
        note(ax, ink, "nothing was traded")
        return Caption("Nothing was traded, so that neither cost nor delay changes anything.", "Nothing was traded.")
    gross, net = family.gross[:, moved].sum(axis=0), family.net[:, moved].sum(axis=0)
    place = np.arange(moved.size)
    ax.axhline(0, color=ink.text, linewidth=1.0)
    ax.vlines(place, net, gross, color=ink.muted, linewidth=1.2)
    ax.plot(place, gross, color=ink.sky, marker="s", linestyle="none", markersize=6, label="before costs")
    ax.plot(place, net, color=ink.blue, marker="o", linestyle="none", markersize=6, label="after costs")
    frame(ax, ink, y="return on capital")
    ax.set_xticks(place, [family.names[k] for k in moved], rotation=45)
    ax.tick_params(axis="x", labelsize=max(9.0, 0.84 * ink.size))
    percent_axis(ax)
    limit_ticks(ax, y=5)
    legend(ax, ink, loc="best")
    return Caption(
        f"Your trial traded nothing. Of the {moved.size} that did, {int((gross > 0).sum())} earned before costs and "
        f"{int((net > 0).sum())} after them.",
        f"Returns before and after costs of {moved.size} trials, {net.min():+.2%} to {net.max():+.2%} after costs.",
        "Before and after costs",
    )


def limits(ax: Axes, run: Evidence, ink: Ink) -> Caption:
    """Rows in which the position was not what the policy wanted, by reason; limits in another colour than the rest.

    Parameters
    ----------
    ax, ink
        Where it is drawn, and in which colours.
    run
        With its back-test.

    Returns
    -------
    Caption
        Rows by reason, the limits that are on and those that fired.
    """
    strategy = run.strategy
    assert strategy is not None
    on = wording.limits(run.config.backtest)
    limits_on = f"Limits that are on: {', '.join(on)}." if on else "No limit is on."
    if not strategy.stops:
        hide_axes(ax)
        note(ax, ink, "every position was what\nthe policy wanted")
        return Caption(f"Every position was what the policy wanted. {limits_on}", "No limit fired.")
    names, rows = zip(*sorted(strategy.stops, key=lambda stop: (-stop[1], stop[0])), strict=True)
    fired = set(reasons.spell(reasons.LIMITS))
    places = range(len(names))
    colours = [ink.red if name in fired else ink.sky for name in names]
    ax.barh(places, rows, height=0.6, color=colours, edgecolor=ink.text, linewidth=0.8)
    for place, count in zip(places, rows, strict=True):
        ax.text(count, place, f" {count:,}", va="center", color=ink.text, fontsize=ink.size)
    frame(ax, ink, x="rows", grid="x")
    ax.set_yticks(places, names)
    ax.set_ylim(max(len(names), 3) - 0.5, -0.6)
    ax.set_xlim(0, 1.25 * max(rows))
    limit_ticks(ax, x=4)
    summary = "; ".join(f"{name} in {count:,} rows" for name, count in zip(names, rows, strict=True))
    hit = [name for name in names if name in fired]
    return Caption(
        f"Position not as wanted: {summary}. {limits_on} {'Fired: ' + ', '.join(hit) if hit else 'None fired'}.",
        f"Bars of rows by reason: {summary}.",
    )

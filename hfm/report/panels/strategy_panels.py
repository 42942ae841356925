"""Panels of the back-test: equity, the family of trials, sensitivity."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from hfm.report.evidence import Evidence
from hfm.report.panels.costs import confidence
from hfm.report.panels.style import (
    Caption,
    Ink,
    date_axis,
    frame,
    hide_axes,
    legend,
    limit_ticks,
    note,
    percent_axis,
    size_inches,
)
from hfm.report.statistics import Float, Int
from hfm.report.strategy_data import StrategyData


def equity(ax: Axes, run: Evidence, ink: Ink) -> Caption:
    """Net and gross return beside the exposure-matched hold and full buy-and-hold; below them the drawdown.

    Parameters
    ----------
    ax, ink
        Where it is drawn, and in which colours.
    run
        With its back-test.

    Returns
    -------
    Caption
        Where each curve ends, and the largest drawdown.
    """
    strategy = run.strategy
    assert strategy is not None
    ax.set_axis_off()
    broad = size_inches(ax).width > 6
    top = ax.inset_axes((0, 0.33, 1, 0.67 if broad else 0.58))
    low = ax.inset_axes((0, 0, 1, 0.25))
    _returns(top, run, strategy, ink)
    legend(top, ink, loc="lower right", ncols=5 if broad else 2, bbox_to_anchor=(1, 0.99), columnspacing=1.0)
    top.tick_params(labelbottom=False)
    _drawdown(low, strategy, ink)
    for each in (top, low):
        each.yaxis.set_label_coords(-0.62 * ink.size / 9.5 / size_inches(ax).width, 0.5)
        each.set_xlim(0, max(len(strategy.sessions), 1))
        date_axis(each, strategy.sessions)
    if run.lookahead:
        top.text(0.5, 0.5, "LOOK-AHEAD FILLS: no result", transform=top.transAxes, ha="center", rotation=12,
                 va="center", fontsize=2.2 * ink.size, fontweight="bold", color=ink.red, alpha=0.35)  # fmt: skip
    net, gross, hold, full = _ends(strategy)
    worst = float(strategy.drawdown.min())
    when = "day and night" if strategy.document.trial.hold_overnight else "in the hours traded"
    beside = f"the same mean exposure held {when} {hold:+.2%}, " if math.isfinite(hold) else ""
    fall = strategy.document.metrics.get("max_drawdown")
    full_fall = f" (buy and hold {fall.floor:.2%})" if fall is not None and fall.floor is not None else ""
    return Caption(
        f"Trial {strategy.trial} over {len(strategy.sessions)} out-of-sample sessions: net {net:+.2%}, gross "
        f"{gross:+.2%}; {beside}buy and hold {full:+.2%}. Largest drawdown {abs(worst):.2%}{full_fall}, at every row.",
        f"Line chart of cumulative return. Net ends at {net:+.2%}, gross at {gross:+.2%}, {beside}buy and hold at "
        f"{full:+.2%}. Below, drawdown down to {worst:.2%}.",
    )


class _Ends(NamedTuple):
    """Where the curves end, as fractions of capital; hold: NaN where not known."""

    net: float
    gross: float
    hold: float
    hold_full: float


def _ends(strategy: StrategyData) -> _Ends:
    """Where the curves end."""
    return _Ends(*(float(line[-1]) for line in (strategy.net, strategy.gross, strategy.hold, strategy.hold_full)))


def _returns(top: Axes, run: Evidence, strategy: StrategyData, ink: Ink) -> None:
    """Draw the cumulative returns."""
    net, gross, hold, full = _ends(strategy)
    sessions = np.arange(len(strategy.sessions) + 1)
    top.axhline(0, color=ink.muted, linewidth=0.8)
    top.plot(
        strategy.x,
        strategy.hold_full,
        color=ink.orange,
        linewidth=1.3,
        linestyle="-.",
        label=f"buy and hold {full:+.2%}",
    )
    if math.isfinite(hold):
        top.plot(
            sessions, strategy.hold, color=ink.text, linewidth=1.5, linestyle=":", label=f"matched hold {hold:+.2%}"
        )
    best = verdict_trial(run)
    if best is not None:
        word, line = best.name, np.append(0.0, np.cumsum(best.net))
        days_of = np.append(0, np.searchsorted(strategy.sessions, best.sessions) + 1)
        top.plot(
            days_of, line, color=ink.purple, linewidth=1.4, linestyle=(0, (5, 1, 1, 1)), label=f"{word} {line[-1]:+.2%}"
        )
    top.plot(strategy.x, strategy.gross, color=ink.sky, linewidth=1.5, linestyle="--", label=f"gross {gross:+.2%}")
    top.plot(strategy.x, strategy.net, color=ink.blue, linewidth=2.0, label=f"net {net:+.2%}")
    frame(top, ink, y="return on capital")
    percent_axis(top)
    limit_ticks(top, y=5)


def _drawdown(ax: Axes, strategy: StrategyData, ink: Ink) -> None:
    """Fall from the running peak of net equity."""
    ax.fill_between(strategy.x, strategy.drawdown, 0, color=ink.red, alpha=0.35, linewidth=0)
    ax.plot(strategy.x, strategy.drawdown, color=ink.red, linewidth=1.0)
    frame(ax, ink)
    ax.text(0.006, 0.06, "drawdown", transform=ax.transAxes, color=ink.text, fontsize=ink.size)
    limit_ticks(ax, y=2)
    percent_axis(ax)
    if strategy.drawdown.min() == 0:
        ax.set_yticks([])
        note(ax, ink, "no drawdown: never below a peak", y=0.7)


class VerdictTrial(NamedTuple):
    """A trial of the family: net [S] by session, fractions of fixed capital; sessions [S] days since 1970."""

    name: str
    net: Float
    sessions: Int


def verdict_trial(run: Evidence) -> VerdictTrial | None:
    """The trial that the verdict is about, where it is not the user's."""
    family, best = run.verdict.family, run.verdict.numbers.best
    if family is None or best is None or best.trial == family.user:
        return None
    return VerdictTrial(best.trial, family.net[:, family.names.index(best.trial)], family.sessions)


def thresholds(ax: Axes, run: Evidence, ink: Ink) -> Caption:
    """Each trial's mean excess over its matched exposure, with its 95 % interval.

    Parameters
    ----------
    ax, ink
        Where it is drawn, and in which colours.
    run
        With its back-test's family.

    Returns
    -------
    Caption
        How many intervals lie above zero; none on one session.
    """
    strategy = run.strategy
    family = None if strategy is None else strategy.family
    assert family is not None
    sessions, trips = len(family.sessions), family.trips.sum(axis=0)
    order = np.argsort(-trips, kind="stable")
    mean, place = family.excess.mean(axis=0) * 1e4, np.arange(len(order))
    half = family.excess.std(axis=0, ddof=1) / math.sqrt(sessions) * 1.96e4 if sessions > 1 else np.zeros(len(order))
    ax.axhline(0, color=ink.text, linewidth=1.0)
    for spot, k in zip(place, order, strict=True):
        yours = family.names[k] == family.user
        colour = ink.red if yours else ink.blue
        ax.errorbar(spot, mean[k], half[k] if sessions > 1 else None, color=colour, fmt="D" if yours else "o",
                    markersize=6, capsize=3, linewidth=1.5)  # fmt: skip
    ax.set_xticks(place, [f"{family.names[k]}\n{trips[k]:,}" for k in order])
    frame(ax, ink, x="trial, and its round trips", y="excess, bp a session")
    ax.tick_params(axis="x", labelsize=max(9.0, 0.84 * ink.size), labelrotation=90 if len(order) > 8 else 0)
    limit_ticks(ax, y=6)
    handles = [
        Line2D([], [], color=ink.red, marker="D", linestyle="none", label="yours"),
        Line2D([], [], color=ink.blue, marker="o", linestyle="none", label="the family"),
    ]
    legend(ax, ink, handles=handles, loc="best", ncols=2)
    if sessions == 1:
        return Caption(
            f"Net return beyond the matched exposure of {len(order)} trials on one session: none has an error bar.",
            f"Dot chart of {len(order)} trials, excess return in bp from {mean.min():.2f} to {mean.max():.2f}.",
        )
    above = int(((mean - half > 0) & (trips > 0)).sum())
    return Caption(
        f"Net return beyond the matched exposure, with 95% intervals, of {len(order)} trials on the same data. "
        f"{above} of them {'lies' if above == 1 else 'lie'} above zero one by one; the verdict corrects for having "
        "looked at all.",
        f"Dot chart of {len(order)} trials, excess return in bp a session from {mean.min():.2f} to {mean.max():.2f}; "
        f"{above} intervals lie wholly above zero.",
    )


def sensitivity(ax: Axes, run: Evidence, ink: Ink) -> Caption:
    """Net return by multiples of the assumed cost, and by rows of delay before the fill.

    Parameters
    ----------
    ax, ink
        Where it is drawn, and in which colours.
    run
        With its back-test; where nothing was traded `confidence` is drawn.

    Returns
    -------
    Caption
        The return without costs, and the cost at which the trial breaks even.
    """
    strategy = run.strategy
    assert strategy is not None
    cost, delay = strategy.document.sensitivity.cost, strategy.document.sensitivity.delay
    if not any([*(c.net_return for c in cost), *(d.net_return for d in delay)]):
        return confidence(ax, run, ink)
    hide_axes(ax)
    left, right = ax.inset_axes((0, 0, 0.41, 1)), ax.inset_axes((0.6, 0, 0.4, 1), sharey=None)
    left.axhline(0, color=ink.text, linewidth=1.0)
    right.axhline(0, color=ink.text, linewidth=1.0)
    left.plot([c.multiplier for c in cost], [c.net_return for c in cost], color=ink.blue, marker="o", linewidth=1.8)
    lags = [d.lag for d in delay]
    right.plot(lags, [d.gross_return for d in delay], color=ink.sky, marker="s", linestyle="--", label="gross")
    right.plot(lags, [d.net_return for d in delay], color=ink.blue, marker="o", linewidth=1.8, label="net")
    frame(left, ink, x="cost, × assumed", y="return on capital")
    frame(right, ink, x="delay, rows")
    for each in (left, right):
        percent_axis(each)
        limit_ticks(each, x=4, y=5)
    if delay:
        legend(right, ink, loc="best")
    free = next((c.net_return for c in cost if c.multiplier == 0), math.nan)
    even = strategy.document.metrics.get("break_even_cost_bps")
    caption = (
        f"Without any cost the trial returns {free:+.2%}." if math.isfinite(free) else "No cost sensitivity on record."
    )
    if even is not None and even.value is not None:
        caption += f" It breaks even at {even.value:.2f} bp a side" + (
            f", against {even.floor:.2f} bp assumed." if even.floor is not None else "."
        )
    decay = "An edge that is real decays over a few rows of delay; one that leaks collapses at one."
    return Caption(f"{caption} {decay}", caption)

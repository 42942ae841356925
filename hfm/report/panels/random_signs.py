"""Panels of chance: the family against random signs, and the spread of session returns."""

from __future__ import annotations

import math

import numpy as np
from matplotlib.axes import Axes

from hfm.arrays import Float
from hfm.report.evidence import Evidence
from hfm.report.panels.strategy_panels import verdict_trial
from hfm.report.panels.style import Caption, Ink, frame, hide_axes, legend, limit_ticks, note
from hfm.report.randomization import PROBABILITIES
from hfm.report.verdict_reasons import SESSIONS, p_text
from hfm.report.wording import capital

FEW = 10
"""Sessions with a return below which the user's own trial makes no histogram."""


def null(ax: Axes, run: Evidence, ink: Ink) -> Caption:
    """The t that a worthless family would show, and ours.

    Parameters
    ----------
    ax, ink
        Where it is drawn, and in which colours.
    run
        Where there is too little for a test, each trial's t is drawn.

    Returns
    -------
    Caption
        The t that is needed, ours and its p-value.
    """
    test, counts, figures = run.verdict.test, run.verdict.numbers.counts, run.verdict.numbers.test
    if test is None or figures is None:
        return _untested(ax, run, ink)
    edges, density = _density(test.null)
    ax.fill_between(edges, density, color=ink.sky, alpha=0.5, linewidth=0, label="signs drawn at random")
    ax.plot(edges, density, color=ink.blue, linewidth=1.2)
    tall = 1.06 * float(density.max())
    need = f"needed, {figures.t_needed:.2f}"
    ax.vlines(figures.t_needed, 0, tall, color=ink.text, linestyle="--", linewidth=1.4, label=need)
    ax.vlines(figures.t, 0, tall, color=ink.red, linewidth=2.4, label=f"ours {figures.t:.2f}")
    frame(ax, ink, x="t of the family, weighted by its past", y="density")
    ax.set_yticks([])
    ax.set_ylim(0, tall * 1.65)
    legend(ax, ink, loc="upper left")
    return Caption(
        f"A worthless family exceeds t = {figures.t_needed:.2f} in {counts.level:.2g} of cases, what is left "
        f"for this look; ours is {figures.t:.2f} (p {p_text(figures.p, counts.reps)}).",
        f"Distribution of t under random signs; needed {figures.t_needed:.2f}, ours {figures.t:.2f}.",
    )


def _untested(ax: Axes, run: Evidence, ink: Ink) -> Caption:
    """The t of each trial on a normal curve, where there is too little for a test."""
    family, sessions = run.verdict.family, run.verdict.numbers.counts.sessions
    untested = f"not tested: {sessions} of {SESSIONS} sessions" if sessions < SESSIONS else "not tested: too few trades"
    spread = family.excess.std(axis=0, ddof=1) if family is not None and sessions > 1 else np.empty(0)
    moved = np.flatnonzero(spread)
    if family is None or not moved.size:
        hide_axes(ax)
        note(ax, ink, untested)
        return Caption(f"{capital(untested)}.", untested)
    t = family.excess.mean(axis=0)[moved] / spread[moved] * math.sqrt(sessions)
    reach = max(3.5, float(np.abs(t).max()) * 1.1)
    grid = np.linspace(-reach, reach, 200)
    ax.fill_between(grid, np.exp(-(grid**2) / 2), color=ink.grid, linewidth=0, label="one trial, by luck alone")
    ax.vlines(t, 0, 0.5, color=ink.red, linewidth=1.6, label=f"the trials ({untested})")
    frame(ax, ink, x="t of the excess over the matched exposure", y="")
    ax.set_yticks([])
    ax.set_ylim(0, 1.55)
    legend(ax, ink, loc="upper left")
    return Caption(
        f"{capital(untested)}, so there is no verdict on luck. The t of {moved.size} trials lie between {t.min():.2f} "
        f"and {t.max():.2f}.",
        f"{capital(untested)}: t of {moved.size} trials between {t.min():.2f} and {t.max():.2f}.",
    )


def _density(quantiles: Float) -> tuple[Float, Float]:
    """X and density of a distribution known by its quantiles, smoothed over a quarter of its central width."""
    probabilities = np.linspace(0.005, 0.995, 400)
    points = np.interp(probabilities, PROBABILITIES, quantiles)
    width = max(float(np.interp(0.75, PROBABILITIES, quantiles) - np.interp(0.25, PROBABILITIES, quantiles)) / 4, 1e-6)
    grid = np.linspace(points[0] - 3 * width, points[-1] + 3 * width, 160)
    kernel = np.exp(-0.5 * ((grid[:, None] - points) / width) ** 2).sum(axis=1)
    return grid, kernel / (kernel.sum() * (grid[1] - grid[0]))


def histogram(ax: Axes, run: Evidence, ink: Ink) -> Caption:
    """Session returns, net, in bp: of the user's trial, or of the one that the verdict is about if it hardly trades.

    Parameters
    ----------
    ax, ink
        Where it is drawn, and in which colours.
    run
        With its back-test.

    Returns
    -------
    Caption
        Sessions above zero and flat ones; mean, worst and best, bp.
    """
    strategy, best = run.strategy, verdict_trial(run)
    assert strategy is not None
    few_moves = best is not None and np.count_nonzero(strategy.session_net) < FEW
    name, value = (best.name, best.net * 1e4) if few_moves and best else (strategy.trial, strategy.session_net * 1e4)
    flat = int((value == 0).sum())
    if flat == len(value):
        hide_axes(ax)
        note(ax, ink, "every session is flat")
        return Caption(f"All {len(value)} sessions are flat: nothing was traded.", "No session has a return.")
    moved = value[value != 0]
    reach = float(np.abs(moved).max())
    bins = np.linspace(-reach, reach, 2 * min(12, max(3, round(math.sqrt(len(moved)) + 1))) + 1)
    counts, _, _ = ax.hist(moved, bins=bins.tolist(), color=ink.sky, edgecolor=ink.blue, linewidth=1.0)
    mean = f"mean {value.mean():+.2f} bp"
    tall = float(np.max(counts))
    ax.vlines(0, 0, tall, color=ink.text, linewidth=1.0)
    ax.vlines(float(value.mean()), 0, tall, color=ink.red, linewidth=2.0, linestyle="--", label=f"{name}: {mean}")
    frame(ax, ink, x="net return of a session, bp", y="sessions")
    limit_ticks(ax, x=4, y=5)
    ax.set_ylim(0, tall * 1.25)
    legend(ax, ink, loc="upper left")
    wins = int((value > 0).sum())
    moving = int(np.count_nonzero(strategy.session_net))
    whose = f"Your trial has {moving} session{'s' * (moving != 1)} with a return; this is {name}. " if few_moves else ""
    return Caption(
        f"{whose}{wins} of {len(value)} sessions end above "
        f"zero, {flat} are flat; {mean}, worst {value.min():+.2f}, best {value.max():+.2f}.",
        f"Histogram of {len(moved)} session returns of {name} between {value.min():.2f} and {value.max():.2f} bp.",
    )

"""Panels of the market and its data: time of day, order flow, heat map, coverage."""

from __future__ import annotations

import math

import numpy as np
from matplotlib.axes import Axes

from hfm.report.evidence import Evidence
from hfm.report.panels.style import (
    Caption,
    Ink,
    Percent,
    clock_axis,
    date_axis,
    frame,
    hide_axes,
    legend,
    limit_ticks,
    note,
)
from hfm.report.statistics import Float


def diurnal(ax: Axes, run: Evidence, ink: Ink) -> Caption:
    """Spread, volume and volatility by time of day, each over its own mean.

    Parameters
    ----------
    ax, ink
        Where it is drawn, and in which colours.
    run
        Its market; without quotes there is no spread.

    Returns
    -------
    Caption
        How far above its mean each opens.
    """
    market = run.market
    lines = [("volatility", market.slot_move, ink.orange, "--"), ("volume", market.slot_volume, ink.green, ":")]
    if market.slot_spread is not None:
        lines.append(("spread", market.slot_spread, ink.blue, "-"))
    frame(ax, ink, x="time of day", y="times the day's mean")
    sentences = []
    for word, values, colour, dash in lines:
        level = float(np.nanmean(values)) if np.isfinite(values).any() else 0.0
        if level > 0:
            ax.plot(market.clock, values / level, color=colour, linestyle=dash, linewidth=2.0, label=word)
            sentences.append(f"{word} opens at {values[0] / level:.1f} times its mean")
    ax.axhline(1, color=ink.muted, linewidth=0.8)
    clock_axis(ax, market.clock)
    if not sentences:
        hide_axes(ax)
        note(ax, ink, "nothing moves and nothing trades")
        return Caption("No volume, no movement: there is no time of day to see.", "No movement.")
    ax.set_yscale("log", base=2)
    ax.yaxis.set_major_formatter("{x:g}")
    legend(ax, ink, loc="upper center")
    text = "; ".join(sentences)
    kind = "" if market.slot_spread is None or run.replayed else " The spread is simulated from the bars."
    return Caption(f"{text[0].upper()}{text[1:]}.{kind}", f"Time-of-day curves: {text}.")


def flow(ax: Axes, run: Evidence, ink: Ink) -> Caption:
    """Return of the same and of the next bar by order-flow imbalance, bins of equal count with 95 % intervals.

    Parameters
    ----------
    ax, ink
        Where it is drawn, and in which colours.
    run
        Its market; without quotes it is a note.

    Returns
    -------
    Caption
        R² of both bars.
    """
    same, following = run.market.same_bar, run.market.next_bar
    frame(ax, ink, x="order-flow imbalance, sd", y="mean return, bp", grid="both")
    if same is None or following is None:
        why = "no quotes yet: hfm simulate" if run.market.slot_spread is None else "order flow or price does not vary"
        note(ax, ink, why)
        return Caption(f"No order-flow picture: {why}.", why)
    ax.axhline(0, color=ink.muted, linewidth=0.8)
    for found, colour, mark, dash, word in (
        (same, ink.blue, "o", "-", "same bar"), (following, ink.orange, "s", "--", "next bar"),
    ):  # fmt: skip
        ax.errorbar(found.z, found.mean, 1.96 * found.se, color=colour, marker=mark, markersize=5, linestyle=dash,
                    capsize=2, linewidth=1.6, label=f"{word}, R² {found.r2:.3f}")  # fmt: skip
    limit_ticks(ax, x=6, y=5)
    legend(ax, ink, loc="upper left")
    return Caption(
        f"Order flow and the bar in which it happens: R² {same.r2:.2f}. Order flow and the next bar: R² "
        f"{following.r2:.4f} ({following.rows:,} pairs).",
        f"Mean return by order-flow imbalance: same bar R² {same.r2:.2f}, next bar R² {following.r2:.4f}.",
    )


def heat(ax: Axes, run: Evidence, ink: Ink) -> Caption:
    """Absolute return of each bar, session by time of day; empty cells are bars that are not there.

    Parameters
    ----------
    ax, ink
        Where it is drawn, and in which colours.
    run
        Its market.

    Returns
    -------
    Caption
        Bars, sessions and empty slots.
    """
    market = run.market
    grid = market.move_ST
    frame(ax, ink, x="time of day", grid="")
    ax.set_facecolor(ink.grid)
    found = grid[np.isfinite(grid)]
    top = float(np.percentile(found, 99)) if found.size else 0.0
    step = float(market.clock[1] - market.clock[0]) if market.slots > 1 else 1.0
    box = (float(market.clock[0]), float(market.clock[-1]) + step, len(grid) - 0.5, -0.5)
    shown = _thin(grid, 260)
    image = ax.imshow(shown, aspect="auto", cmap="cividis", vmin=0, vmax=top or 1.0, extent=box, interpolation="none")
    clock_axis(ax, market.clock)
    date_axis(ax, market.sessions, "y")
    bar = ax.figure.colorbar(image, ax=ax, fraction=0.05, pad=0.02)
    bar.ax.tick_params(colors=ink.muted, labelcolor=ink.text, labelsize=ink.size)
    bar.set_label("|return|, bp", color=ink.text, fontsize=ink.size)
    bar.outline.set_visible(False)
    holes = int(np.isnan(grid).sum())
    return Caption(
        f"|open to close| of {market.rows:,} bars, {len(grid)} sessions by {market.slots} slots; {holes:,} slots are "
        "empty (grey).",
        f"Heat map of absolute returns over {len(grid)} sessions and {market.slots} slots of the day.",
    )


def _thin(grid_ST: Float, most: int) -> Float:
    """At most `most` rows: every k-th session."""
    return grid_ST[:: max(1, math.ceil(len(grid_ST) / most))]


def quality(ax: Axes, run: Evidence, ink: Ink) -> Caption:
    """Share of the bars that the calendar has for a session, session by session.

    Parameters
    ----------
    ax, ink
        Where it is drawn, and in which colours.
    run
        Its market.

    Returns
    -------
    Caption
        Complete sessions, short days and missing bars.
    """
    market = run.market
    share = market.bars_S / np.maximum(market.due_S, 1)
    place = np.arange(len(share))
    ax.fill_between(np.append(place, len(share)) - 0.5, np.append(share, share[-1:] if len(share) else 0.0),
                    step="post", color=ink.sky, alpha=0.7, linewidth=0)  # fmt: skip
    ax.axhline(1, color=ink.text, linestyle=":", linewidth=1.2)
    frame(ax, ink, y="bars there, share of the calendar's")
    ax.set_ylim(0, 1.25)
    ax.set_xlim(-0.5, max(len(share) - 0.5, 0.5))
    ax.yaxis.set_major_formatter(Percent())
    date_axis(ax, market.sessions)
    short, half = np.flatnonzero(share < 1), np.flatnonzero(market.due_S < market.due_S.max(initial=0))
    if short.size:
        ax.plot(short, share[short], color=ink.red, marker="v", linestyle="none", markersize=6, label="bars missing")
    if half.size:
        ax.plot(half, np.full(half.size, 1.04), color=ink.purple, marker="s", linestyle="none", markersize=5,
                label="short day")  # fmt: skip
    if short.size or half.size:
        legend(ax, ink, loc="upper right", ncols=2)
    lost = int((market.due_S - market.bars_S).sum())
    return Caption(
        f"{len(share) - short.size} of {len(share)} sessions have every bar that the calendar has for them"
        f"{f', {half.size} of them on short days' if half.size else ''}; {lost:,} bars are missing, {market.empty:.2%} "
        "of the rest have no volume.",
        f"Coverage by session: {short.size} of {len(share)} sessions lack bars, {half.size} are short days.",
    )

"""The panel of what kept a position from being what the policy wanted."""

from __future__ import annotations

from matplotlib.axes import Axes

from hfm.ledger import reasons
from hfm.report import wording
from hfm.report.evidence import Evidence
from hfm.report.panels.style import Ink, Told, bare, few, frame, note


def limits(ax: Axes, run: Evidence, ink: Ink) -> Told:
    """Rows in which the position was not what the policy wanted, by reason; limits in another colour than the rest."""
    money = run.money
    assert money is not None
    on = wording.limits(run.config.backtest)
    armed = f"Limits that are on: {', '.join(on)}." if on else "No limit is on."
    if not money.stops:
        bare(ax)
        note(ax, ink, "every position was what\nthe policy wanted")
        return Told(f"Every position was what the policy wanted. {armed}", "No limit fired.")
    names, rows = zip(*sorted(money.stops, key=lambda stop: (-stop[1], stop[0])), strict=True)
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
    few(ax, x=4)
    said = "; ".join(f"{name} in {count:,} rows" for name, count in zip(names, rows, strict=True))
    hit = [name for name in names if name in fired]
    return Told(
        f"Position not as wanted: {said}. {armed} {'Fired: ' + ', '.join(hit) if hit else 'None fired'}.",
        f"Bars of rows by reason: {said}.",
    )

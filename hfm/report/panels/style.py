"""How every panel looks: the colours (Okabe and Ito 2008), the frame, the axes' formats.

Colours differ in lightness as well as in hue, and every line has its own dashes: nothing is told by red and green.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import Formatter, FuncFormatter, MaxNLocator

from hfm.report.statistics import Float, Int


@dataclass(frozen=True)
class Ink:
    """Colours by role, and the size of the text in points."""

    text: str = "#1a1d21"
    muted: str = "#5a6169"
    grid: str = "#d9dde2"
    paper: str = "#ffffff"
    blue: str = "#0072b2"
    orange: str = "#e69f00"
    green: str = "#009e73"
    red: str = "#d55e00"
    purple: str = "#cc79a7"
    sky: str = "#56b4e9"
    size: float = 11.0


@dataclass(frozen=True)
class Caption:
    """What a panel shows, in words: `text` under it, `alt` instead of it; a title where it differs from the panel's."""

    text: str
    alt: str
    title: str = ""


@contextmanager
def default_style() -> Iterator[None]:
    """Matplotlib as it comes out of the box, whatever the user's own settings are; they are back afterwards."""
    with mpl.rc_context():
        mpl.rcdefaults()
        mpl.rcParams["font.family"] = "DejaVu Sans"
        mpl.rcParams["svg.fonttype"] = "none"
        mpl.rcParams["svg.hashsalt"] = "hfm"
        yield


def frame(ax: Axes, ink: Ink, x: str = "", y: str = "", grid: Literal["x", "y", "both", ""] = "y") -> None:
    """Give the axes labels, a faint grid and ticks in the muted colour; open above and on the right.

    Parameters
    ----------
    ax : the axes.
    ink : colours and size of the text.
    x, y : labels.
    grid : lines across which axis.
    """
    ax.set_facecolor("none")
    for side in ("top", "right"):
        ax.spines[side].set_visible(False)
    for side in ("left", "bottom"):
        ax.spines[side].set_color(ink.muted)
        ax.spines[side].set_linewidth(0.8)
    ax.tick_params(colors=ink.muted, labelcolor=ink.text, labelsize=ink.size, length=3, width=0.8)
    if grid:
        ax.grid(True, axis=grid, color=ink.grid, linewidth=0.7)
    ax.set_axisbelow(True)
    ax.set_xlabel(x, color=ink.text, fontsize=ink.size)
    ax.set_ylabel(y, color=ink.text, fontsize=ink.size)


def hide_axes(ax: Axes) -> None:
    """Leave nothing on the axes but what is put on them."""
    ax.set_axis_off()


def legend(ax: Axes, ink: Ink, **where: Any) -> None:  # Any: what Axes.legend takes
    """Draw the legend, without a box, in the text's colour; where: as Axes.legend takes it."""
    ax.legend(frameon=False, fontsize=ink.size, labelcolor=ink.text, handlelength=2.6, borderaxespad=0.2, **where)


def note(ax: Axes, ink: Ink, text: str, x: float = 0.5, y: float = 0.5) -> None:
    """Write a sentence on the axes.

    Parameters
    ----------
    ax : the axes.
    ink : colours and size of the text.
    text : wrapped by hand.
    x, y : its middle, as shares of the axes.
    """
    ax.text(x, y, text, transform=ax.transAxes, ha="center", va="center", color=ink.muted, fontsize=ink.size)


class Percent(Formatter):
    """Fractions as %, all ticks with as many digits as their step needs."""

    def __call__(self, x: float, pos: int | None = None) -> str:
        """One value on its own."""
        return f"{100 * x:g}%".replace("-", "−")

    def format_ticks(self, values: Sequence[float]) -> list[str]:
        """All ticks of an axis."""
        step = 100 * (values[1] - values[0]) if len(values) > 1 else 1.0
        digits = next((d for d in range(5) if abs(round(step, d) - step) < 1e-3 * abs(step)), 4)
        return [f"{100 * v + 0.0:.{digits}f}%".replace("-", "−") for v in values]


def percent_axis(ax: Axes, axis: Literal["x", "y"] = "y") -> None:
    """Write ticks of fractions as %."""
    (ax.yaxis if axis == "y" else ax.xaxis).set_major_formatter(Percent())


def clock_axis(ax: Axes, hours: Float) -> None:
    """Give an x axis of hours ticks as 10:00, 12:00, ...

    Parameters
    ----------
    ax : the axes.
    hours : [n] local time of day of what is drawn, in order.
    """
    span = float(hours[-1] - hours[0]) if hours.size > 1 else 1.0
    step = next((s for s in (0.25, 0.5, 1.0, 1.5, 2.0, 4.0, 6.0) if span / s <= 5), 6.0)
    first = np.ceil(hours[0] / step) * step if hours.size else 0.0
    ax.set_xticks(np.arange(first, (hours[-1] if hours.size else 1.0) + 1e-9, step))
    ax.xaxis.set_major_formatter(FuncFormatter(lambda v, _: f"{int(v) % 24:02d}:{round(v % 1 * 60) % 60:02d}"))


def date_axis(ax: Axes, sessions: Int, axis: str = "x", most: int = 6) -> None:
    """Label ticks at session numbers (the first is 0) with dates.

    Parameters
    ----------
    ax : the axes.
    sessions : [S] days since 1970.
    axis : "x" or "y".
    most : most ticks.
    """
    places = np.unique(np.linspace(0, max(len(sessions) - 1, 0), min(most, len(sessions))).round().astype(int))
    dates = [str(np.datetime64(int(sessions[i]), "D")) for i in places]
    long = len(sessions) > 1 and sessions[-1] - sessions[0] > 300
    dates = [date[:7] if long else date[5:] for date in dates]
    if axis == "x":
        ax.set_xticks(places, dates)
    else:
        ax.set_yticks(places, dates)


class SizeInches(NamedTuple):
    """Width and height in inches."""

    width: float
    height: float


def size_inches(ax: Axes) -> SizeInches:
    """Width and height of the axes."""
    box = ax.bbox
    return SizeInches(box.width / ax.figure.dpi, box.height / ax.figure.dpi)


def limit_ticks(ax: Axes, x: int | None = None, y: int | None = None) -> None:
    """Draw few ticks.

    Parameters
    ----------
    ax
        The axes.
    x, y
        Most intervals between ticks; None: the axis stays as it is.
    """
    if x:
        ax.xaxis.set_major_locator(MaxNLocator(x))
    if y:
        ax.yaxis.set_major_locator(MaxNLocator(y))

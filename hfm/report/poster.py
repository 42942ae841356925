"""The picture: microstructure_performance.png, all panels on one poster with the verdict on top.

DPI dots an inch and text of 10 points and more, so that it can be read at half its size. It is drawn in STRIPS parts,
which two processes can do side by side. The same run gives the same bytes.
"""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.patches import FancyBboxPatch

from hfm.report import png, wording
from hfm.report.evidence import Evidence
from hfm.report.panels.catalogue import ReportPanel, panels
from hfm.report.panels.style import Ink, default_style

WIDTH, DPI = 17.0, 140
HEAD, ROW, EDGE, FOOT = 4.2, 3.75, 0.45, 2.3
"""Inches: head, one row of panels, outer margin, the provenance box where the last row leaves it no place."""
COLUMNS = 3
BOX, LINE = 1.5, 0.19
"""Least height of the verdict's box, and that of one of its lines, in inches."""
STRIPS = 2
"""Parts of the picture: the head with the upper rows of panels, and the lower rows."""
WARNINGS = 3
"""Warnings about the data that the picture shows."""


class Box(NamedTuple):
    """A rectangle, in inches from the left and the bottom of the poster."""

    left: float
    bottom: float
    width: float
    height: float


def strip(part: int, run: Evidence) -> png.Strip:
    """One part of the picture.

    Parameters
    ----------
    part
        0 is the uppermost, STRIPS - 1 the lowest.
    run
        What is shown.

    Returns
    -------
    png.Strip
        Its rows of pixels, compressed.
    """
    count = len(_rows(panels(run)))
    first, last = (round(count * p / STRIPS) for p in (part, part + 1))
    head = HEAD + _extra_height(run)
    top, bottom = (round(DPI * (head + ROW * row)) for row in (first, last))
    with default_style():
        canvas: Any = FigureCanvasAgg(compose(run, range(first, last)))  # Any: matplotlib leaves draw untyped
        canvas.draw()
    pixels = np.asarray(canvas.buffer_rgba())  # of the whole picture: so each part lies where it would in one piece
    return png.strip(pixels[top if part else 0 : bottom if part < STRIPS - 1 else len(pixels)])


def join(strips: Sequence[png.Strip]) -> bytes:
    """The PNG of all parts, from the top down."""
    return png.join(strips, DPI)


def compose(run: Evidence, drawn: range | None = None) -> Figure:
    """The poster as a figure; within default_style().

    Parameters
    ----------
    run
        What is shown.
    drawn
        Rows of panels that are drawn, the head with the first and the provenance with the last; None: all.

    Returns
    -------
    Figure
        Of the whole poster's size.
    """
    rows, ink = _rows(panels(run)), Ink()
    drawn = range(len(rows)) if drawn is None else drawn
    head = HEAD + _extra_height(run)
    height = head + ROW * len(rows) + 0.2 + (0.0 if _free_columns(rows) else FOOT)
    figure = Figure(figsize=(WIDTH, height), facecolor=ink.paper, dpi=DPI)
    if 0 in drawn:
        _head(figure, run, ink, height)
    for r in drawn:
        column = 0
        for panel in rows[r]:
            _panel(figure, panel, run, ink, column=column, bottom=height - head - ROW * (r + 1))
            column += 2 if panel.wide else 1
    if len(rows) - 1 in drawn:
        _origin(figure, run, ink, _free_columns(rows))
    return figure


def _free_columns(rows: list[list[ReportPanel]]) -> int:
    """Columns that the last row leaves."""
    return COLUMNS - sum(2 if panel.wide else 1 for panel in rows[-1])


def _rows(shown: Sequence[ReportPanel]) -> list[list[ReportPanel]]:
    """The panels in rows of three columns, in order; a wide one takes two."""
    rows: list[list[ReportPanel]] = [[]]
    free = COLUMNS
    for panel in shown:
        span = 2 if panel.wide else 1
        if span > free:
            rows.append([])
            free = COLUMNS
        rows[-1].append(panel)
        free -= span
    return rows


def _panel(figure: Figure, panel: ReportPanel, run: Evidence, ink: Ink, *, column: int, bottom: float) -> None:
    """Draw one panel; column: its first; bottom: inches from the bottom of the poster."""
    span = 2 if panel.wide else 1
    width, height = figure.get_size_inches()
    cell = (width - 2 * EDGE) / COLUMNS
    left, pad, more = EDGE + column * cell, panel.margin, 1.16  # the poster's text is larger than the page's
    ax = figure.add_axes((
        (left + more * pad.left) / width, (bottom + 0.2 + more * pad.bottom) / height,
        (span * cell - more * (pad.left + pad.right) - 0.1) / width,
        (ROW - 0.75 - more * (pad.bottom + pad.top)) / height,
    ))  # fmt: skip
    title = panel.on(ax, run, ink).title or panel.title
    x, y = (left + 0.1) / width, (bottom + ROW - 0.28) / height
    figure.text(x, y, title, fontsize=15, fontweight="bold", color=ink.text, va="center")


def _head(figure: Figure, run: Evidence, ink: Ink, height: float) -> None:
    """Draw title, badges, the verdict with its reasons, and the mission's figures."""
    left, right = EDGE / WIDTH, 1 - EDGE / WIDTH
    title, under = 1 - 0.55 / height, 1 - 1.0 / height
    figure.text(left, title, "Microstructure performance", fontsize=26, fontweight="bold", color=ink.text, va="center")
    figure.text(left, under, wording.subject(run), fontsize=14, color=ink.muted, va="center")
    colours = {"synthetic": ink.orange, "planted": ink.purple, "lookahead": ink.red, "plain": "#dfe6ee"}
    for kind, text in reversed(wording.badges(run)):
        box = {"boxstyle": "round,pad=0.35", "facecolor": colours[kind], "edgecolor": "none"}
        big = kind != "plain"
        figure.text(right, title, f" {text} ", fontsize=17 if big else 13, fontweight="bold" if big else "normal",
                    color="#000000", ha="right", va="center", bbox=box)  # fmt: skip
        right -= (0.165 * len(text) + 0.9) / WIDTH
    _verdict(figure, run, ink, height)
    _tiles(figure, run, ink, height)


def _field(figure: Figure, box: Box, colour: str) -> None:
    """Draw a rounded field."""
    width, height = figure.get_size_inches()
    figure.add_artist(FancyBboxPatch(
        (box.left / width, box.bottom / height), box.width / width, box.height / height, transform=figure.transFigure,
        boxstyle="round,pad=0,rounding_size=0.004", facecolor=colour, edgecolor="none",
    ))  # fmt: skip


def _verdict(figure: Figure, run: Evidence, ink: Ink, height: float) -> None:
    """Draw the label, and every reason as a sentence."""
    left, tall = EDGE / WIDTH, BOX + _extra_height(run)
    middle = 1 - (1.25 + tall / 2) / height
    _field(figure, Box(EDGE, height - 1.25 - tall, WIDTH - 2 * EDGE, tall), "#e9eef4")
    label = run.verdict.label.upper().replace(" ", "\n", 1)
    figure.text(
        left + 0.012, middle, label, fontsize=22, fontweight="bold", color=ink.text, va="center", linespacing=1.25
    )
    lines = _sentences(run)
    figure.text(left + 0.19, middle, "\n".join(lines), fontsize=11.5 if len(lines) < 7 else 10, color=ink.text,
                va="center", linespacing=1.35)  # fmt: skip


def _sentences(run: Evidence) -> list[str]:
    """The lines of the verdict's box: flags, reasons, and the first warnings about the data."""
    more = len(run.warnings) - WARNINGS
    warnings = [f"Of the data: {text}." for text in run.warnings[:WARNINGS]]
    warnings += [f"Of the data: {more} more warnings; the page has them all."] if more > 0 else []
    return [line for each in (*run.verdict.flags, *run.verdict.reasons, *warnings) for line in textwrap.wrap(each, 165)]


def _extra_height(run: Evidence) -> float:
    """Inches that the verdict's box needs beyond BOX for its lines."""
    return max(0.0, LINE * len(_sentences(run)) + 0.2 - BOX)


def _tiles(figure: Figure, run: Evidence, ink: Ink, height: float) -> None:
    """Draw the mission's figures, each with its interval and its floor."""
    found, lower = wording.headline(run), _extra_height(run)
    if not found:
        text = "No figures yet: hfm backtest makes them."
        figure.text(EDGE / WIDTH, 1 - (3.4 + lower) / height, text, fontsize=13, color=ink.muted, va="center")
        return
    for i, each in enumerate(found):
        x = (EDGE + i * (WIDTH - 2 * EDGE) / len(found)) / WIDTH
        figure.text(x, 1 - (3.03 + lower) / height, each.label, fontsize=11.5, color=ink.muted, va="center")
        figure.text(
            x, 1 - (3.35 + lower) / height, each.value, fontsize=20, fontweight="bold", color=ink.text, va="center"
        )
        under = [f"95%: {each.interval}" if each.interval else "", each.floor or ("" if each.interval else each.note)]
        text = "\n".join("\n".join(textwrap.wrap(line, 30)[:2]) for line in under if line)
        figure.text(x, 1 - (3.57 + lower) / height, text, fontsize=10.5, color=ink.muted, va="top", linespacing=1.3)


def _origin(figure: Figure, run: Evidence, ink: Ink, free: int) -> None:
    """Draw the provenance box, in the columns that the last row of panels leaves free, else below it."""
    height = figure.get_size_inches()[1]
    cell = (WIDTH - 2 * EDGE) / COLUMNS
    used = COLUMNS - free if free else 0
    left, wide = EDGE + used * cell + (0.25 if free else 0.0), (COLUMNS - used) * cell - (0.25 if free else 0.0)
    tall = ROW - 0.5 if free else FOOT - 0.2
    _field(figure, Box(left, 0.35, wide, tall), "#f1f3f6")
    pairs = [(name, textwrap.wrap(text, int((wide - 1.55) / 0.084))) for name, text in wording.origin(run)]
    step = (tall - 0.3) / sum(len(lines) for _, lines in pairs)
    y = 0.35 + tall - 0.15 - step / 2
    for name, lines in pairs:
        figure.text((left + 0.2) / WIDTH, y / height, name, fontsize=11, fontweight="bold", color=ink.text, va="center")
        for line in lines:
            figure.text((left + 1.4) / WIDTH, y / height, line, fontsize=11, color=ink.text, va="center")
            y -= step

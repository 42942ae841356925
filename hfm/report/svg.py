"""The panels as inline SVG: text stays text, colours become the page's variables, so that it follows dark mode.

The same run gives the same bytes: no date, no creator, ids from a fixed salt with the panel's name before them.
"""

from __future__ import annotations

import io
import re
from dataclasses import dataclass, fields

from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure

from hfm.report.evidence import Evidence
from hfm.report.panels.catalogue import ReportPanel
from hfm.report.panels.style import Caption, Ink, SizeInches, default_style

ROLES = tuple(f.name for f in fields(Ink) if f.name != "size")
THEMED = Ink(**{role: f"#0{i:x}0{i:x}0{i:x}" for i, role in enumerate(ROLES, 1)}, size=9.5)
"""Stand-in colours that no panel uses otherwise; each is replaced by var(--role)."""
SIZE, WIDE = SizeInches(4.5, 3.0), SizeInches(9.2, 3.3)
"""Inches: about the width of a phone, so that the text is never scaled down much, and twice that."""


@dataclass(frozen=True)
class RenderedPanel:
    """A panel as the page shows it."""

    name: str
    title: str
    svg: str
    caption: Caption
    broad: str = ""
    """The same svg, twice as broad, for those panels that gain by it and screens that have the room."""


def draw(panel: ReportPanel, run: Evidence) -> RenderedPanel:
    """The panel as <svg> elements without prolog, script or reference to anything outside."""
    with default_style():
        svg, caption = _render(panel, run, SIZE, panel.name)
        broad = _render(panel, run, WIDE, f"{panel.name}-broad")[0] if panel.wide else ""
    return RenderedPanel(panel.name, caption.title or panel.title, svg, caption, broad)


def _render(panel: ReportPanel, run: Evidence, size: SizeInches, name: str) -> tuple[str, Caption]:
    """The panel as an svg element whose ids begin with `name`, and its caption."""
    figure, pad = Figure(figsize=size), panel.margin
    FigureCanvasSVG(figure)
    ax = figure.add_axes((
        pad.left / size.width, pad.bottom / size.height, 1 - (pad.left + pad.right) / size.width,
        1 - (pad.bottom + pad.top) / size.height,
    ))  # fmt: skip
    caption = panel.on(ax, run, THEMED)
    figure.patch.set_visible(False)
    sink = io.StringIO()
    figure.savefig(sink, format="svg", metadata={"Date": None, "Creator": None, "Format": None, "Type": None})
    return _inline(sink.getvalue(), name), caption


def _inline(text: str, name: str) -> str:
    """The svg element alone, themed, with ids of its own."""
    text = text[text.index("<svg") :]
    text = re.sub(r"<metadata>.*?</metadata>\s*", "", text, flags=re.DOTALL)
    text = re.sub(r"<defs>\s*<style.*?</style>\s*</defs>\s*", "", text, count=1, flags=re.DOTALL)
    text = re.sub(
        r'(<svg[^>]*?) width="[^"]*"', r"\1", re.sub(r'(<svg[^>]*?) height="[^"]*"', r"\1", text, count=1), count=1
    )
    text = text.replace(' xmlns:xlink="http://www.w3.org/1999/xlink"', "").replace("xlink:href", "href")
    text = re.sub(r"font: (?:(\w+) )?([\d.]+)px [^;\"]*", lambda m: f"font-size: {m[2]}px" + _weight(m[1]), text)
    for role, colour in zip(ROLES, (getattr(THEMED, role) for role in ROLES), strict=True):
        text = text.replace(colour, f"var(--{role})")
    text = re.sub(r'\bid="(?!svg)([^"]+)"', rf'id="{name}-\1"', text)
    text = re.sub(r"url\(#([^)]+)\)", rf"url(#{name}-\1)", text)
    text = re.sub(r'href="#([^"]+)"', rf'href="#{name}-\1"', text)
    text = re.sub(
        r"<[^>]*>", lambda tag: re.sub(r"(?<=\d\.\d\d)\d+", "", tag[0]), text
    )  # a hundredth of a point will do
    return re.sub(r"\n\s*", "\n", text).strip()


def _weight(word: str | None) -> str:
    return f"; font-weight: {word}" if word else ""

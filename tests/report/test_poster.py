"""The sheet: nothing cut off, nothing too small to read, whatever the run."""

from __future__ import annotations

from typing import Any
from unittest import mock

import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.text import Text

from hfm.config import Config, Report
from hfm.report import evidence, poster
from hfm.report.panels.catalogue import panels
from hfm.report.panels.style import default_style
from hfm.stage import Record
from tests.report.builder import make
from tests.report.panels.shapes import bridged
from tests.report.panels.shapes import run as plain


@pytest.mark.parametrize(
    "shape",
    [
        {"trades": "none", "symbols": ("A-RATHER-LONG-NAME", "SPY")},
        {"sessions": 90, "planted": True, "edge": 8.0},
        None,
    ],
    ids=["no trade", "planted", "bridge"],
)
def test_every_word_lies_on_the_sheet_in_nine_points_or_more(shape: dict[str, Any] | None) -> None:
    """No text reaches beyond the paper; none is under 9 points; the verdict's sentences stay in their box."""
    with default_style():
        found = (
            bridged() if shape is None else evidence.gather(make(**shape), Config(report=Report(reps=200)), Record(40))
        )
        figure = poster.compose(found)
        canvas = FigureCanvasAgg(figure)
        drawn: list[Text] = []
        usual = Text.draw

        def draw(self: Text, renderer: Any) -> None:  # Any: matplotlib's renderer
            drawn.append(self)
            usual(self, renderer)

        with mock.patch.object(Text, "draw", draw):  # a tick beyond the axes exists and is not drawn
            canvas.draw()
        wide, high = figure.bbox.width, figure.bbox.height
        drawn = [text for text in drawn if text.get_visible() and text.get_text().strip()]
        for text in drawn:
            box = text.get_window_extent(canvas.get_renderer())
            assert box.x0 >= -1, text.get_text()
            assert box.y0 >= -1, text.get_text()
            assert box.x1 <= wide + 1, text.get_text()
            assert box.y1 <= high + 1, text.get_text()
            assert text.get_fontsize() >= 9, text.get_text()
    assert len(drawn) > 150


@pytest.mark.parametrize("bridge", [False, True])
def test_every_panel_has_a_place_and_the_provenance_its_own(bridge: bool) -> None:
    """Rows of three columns, no panel lost; the box lies in the cells that are left, else below them all."""
    run = bridged() if bridge else plain("short")
    rows = poster._rows(panels(run))
    assert [panel.name for row in rows for panel in row] == [panel.name for panel in panels(run)]
    spans = [sum(2 if panel.wide else 1 for panel in row) for row in rows]
    assert max(spans) <= poster.COLUMNS
    assert poster._free_columns(rows) == poster.COLUMNS - spans[-1]
    with default_style():
        high = poster.compose(run).get_size_inches()[1]
    foot = 0.0 if spans[-1] < poster.COLUMNS else poster.FOOT
    assert high == pytest.approx(poster.HEAD + len(rows) * poster.ROW + 0.2 + foot)

"""The sheet: nothing cut off, nothing too small to read, whatever the run."""

from __future__ import annotations

from typing import Any
from unittest import mock

import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.text import Text

from hfm.config import Config, Report
from hfm.report import evidence, sheet
from hfm.report.panels.catalogue import PANELS
from hfm.report.panels.style import house
from tests.report.builder import make


@pytest.mark.parametrize(
    "shape",
    [{"trades": "none", "symbols": ("A-RATHER-LONG-NAME", "SPY")}, {"sessions": 90, "planted": True, "edge": 8.0}],
    ids=["no trade", "planted"],
)
def test_every_word_lies_on_the_sheet_in_nine_points_or_more(shape: dict[str, Any]) -> None:
    """No text reaches beyond the paper; none is under 9 points; the verdict's sentences stay in their box."""
    with house():
        figure = sheet.compose(evidence.gather(make(**shape), Config(report=Report(reps=200)), 40))
        canvas = FigureCanvasAgg(figure)
        drawn: list[Text] = []
        plain = Text.draw

        def draw(self: Text, renderer: Any) -> None:  # Any: matplotlib's renderer
            drawn.append(self)
            plain(self, renderer)

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


def test_every_panel_has_a_place_and_the_last_row_leaves_one_for_the_provenance() -> None:
    """Rows of three columns, no panel lost, at least one free cell at the end."""
    rows = sheet._rows()
    assert [panel.name for row in rows for panel in row] == [panel.name for panel in PANELS]
    spans = [sum(2 if panel.wide else 1 for panel in row) for row in rows]
    assert max(spans) <= sheet.COLUMNS
    assert spans[-1] < sheet.COLUMNS

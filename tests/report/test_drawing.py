"""What is drawn of a run: the same bytes by one process and by two; the poster in strips is the poster in one piece."""

from __future__ import annotations

import io

import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from PIL import Image

from hfm import artifacts
from hfm.compute import worker
from hfm.report import DRAWING, drawing, poster
from hfm.report.panels.style import default_style
from tests.report.panels.shapes import run


def test_two_processes_draw_the_same_bytes_as_one() -> None:
    """The page and the poster; each panel is told of, in order, then the end."""
    heard: list[tuple[int, int, str]] = []

    def progress(label: str, done: int, total: int, note: str = "") -> None:
        heard.append((done, total, note))

    alone = list(drawing.pictures(run("bars"), None, progress))
    steps, heard[:] = list(heard), []
    with worker.beside(DRAWING, 2) as helper:
        assert helper is not None
        assert helper.answers.poll(60)  # it is ready: else this process may have drawn all before
        both = list(drawing.pictures(run("bars"), helper, progress))
    assert [name for name, _ in alone] == [artifacts.PAGE, artifacts.PICTURE]
    assert both == alone
    assert heard == steps
    assert [done for done, _, _ in steps[:-1]] == list(range(1, len(steps)))
    assert steps[-1] == (steps[0][1], steps[0][1], "done")


@pytest.mark.parametrize("shape", ["bars", pytest.param("long", marks=pytest.mark.slow)])
def test_the_strips_are_the_poster(shape: str) -> None:
    """Pixel by pixel what is drawn in one piece; its size is the figure's."""
    found = run(shape)
    data = poster.join([poster.strip(part, found) for part in range(poster.STRIPS)])
    with default_style():
        canvas = FigureCanvasAgg(poster.compose(found))
        canvas.draw()
    assert np.array_equal(np.asarray(Image.open(io.BytesIO(data))), np.asarray(canvas.buffer_rgba())[..., :3])

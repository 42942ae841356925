"""All that is drawn of a run: its panels in the order of the page, then the poster; by two processes, if there are two.

What a process draws hangs on the run alone, so that bytes are the same however many there are.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

from hfm import artifacts
from hfm.compute import worker
from hfm.compute.worker import Worker
from hfm.report import page, poster, svg
from hfm.report.evidence import Evidence
from hfm.report.panels.catalogue import panels
from hfm.stage import Product, Progress


def pictures(run: Evidence, helper: Worker | None, progress: Progress) -> Iterator[Product]:
    """Draw the run.

    Parameters
    ----------
    run
        What is shown.
    helper
        Draws a part of it; None: it is all drawn here.
    progress
        Told of each panel.

    Yields
    ------
    Product
        The page, the poster.
    """
    shown = panels(run)
    tasks: list[Callable[[Evidence], Any]] = [partial(svg.draw, panel) for panel in shown]  # Any: a panel or a strip
    tasks += [partial(poster.strip, part) for part in range(poster.STRIPS)]
    drawn, made = [], worker.in_order(helper, tasks, run)
    for panel, picture in zip(shown, made, strict=False):
        drawn.append(picture)
        progress("report", len(drawn), len(tasks), panel.title)
    yield artifacts.PAGE, page.render(run, drawn).encode()
    yield artifacts.PICTURE, poster.join(list(made))
    progress("report", len(tasks), len(tasks), "done")

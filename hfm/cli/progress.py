"""Progress bars for whoever watches; rich is imported with the first of them."""

from __future__ import annotations

import os
import sys
from functools import partial
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.progress import Progress as Drawing
    from rich.progress import TaskID

    from hfm.stage import Progress

CURSOR = b"\r\x1b[2K\x1b[?25h"
"""Takes an unfinished line away and gives the cursor back, which a bar hides."""


def fancy() -> bool:
    """Whether stderr is a terminal that wants a moving bar."""
    plain = os.environ.get("NO_COLOR") or os.environ.get("CI") or os.environ.get("TERM") == "dumb"
    return sys.stderr.isatty() and not plain


class ProgressBars:
    """The bars of one command, one a label; they leave nothing behind."""

    def __init__(self) -> None:
        self._drawing: Drawing | None = None
        self._tasks: dict[str, TaskID] = {}

    def stage(self, name: str) -> Progress:
        """What a stage calls as it gets on; the bars of the one before are gone."""
        self.close()
        return partial(self._advance, name)

    def close(self) -> None:
        """Take all bars away and give the terminal its cursor back."""
        if self._drawing is not None:
            self._drawing.stop()
        self._drawing, self._tasks = None, {}

    def _advance(self, stage: str, label: str, done: int, total: int, note: str = "") -> None:
        """One label's bar; of an unknown total (0) it shows the count, until the stage is over."""
        if self._drawing is None:
            self._drawing = _drawing()
            self._drawing.start()
        if label not in self._tasks:
            name = stage if label == stage else f"{stage}: {label}"
            self._tasks[label] = self._drawing.add_task(name, total=total or None, note="")
        text = note or f"{done:,}" * (not total)
        self._drawing.update(self._tasks[label], completed=done, total=total or None, note=text)
        if 0 < total <= done:
            self._drawing.remove_task(self._tasks.pop(label))
            if not self._tasks:
                self.close()


def _drawing() -> Drawing:
    """Name, bar, share and time left keep their places; the note takes what the line has left."""
    from rich import progress
    from rich.console import Console
    from rich.table import Column

    return progress.Progress(
        progress.TextColumn("{task.description}"), progress.BarColumn(bar_width=12), progress.TaskProgressColumn(),
        progress.TimeRemainingColumn(compact=True),
        progress.TextColumn("{task.fields[note]}", markup=False, table_column=Column(ratio=1, no_wrap=True)),
        console=Console(stderr=True), transient=True, expand=True,
    )  # fmt: skip

"""Progress bars for whoever watches; rich is imported with the first of them."""

from __future__ import annotations

import os
import sys
import threading
import time
from functools import partial
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.progress import Progress as Drawing
    from rich.progress import TaskID

    from hfm.stage import Progress

CURSOR = b"\r\x1b[2K\x1b[?25h"
"""Takes an unfinished line away and gives the cursor back, which a bar hides."""
SILENCE_S = 1.0
"""After so long without a bar, one says that the stage runs."""


def fancy() -> bool:
    """Whether stderr is a terminal that wants a moving bar."""
    plain = os.environ.get("NO_COLOR") or os.environ.get("CI") or os.environ.get("TERM") == "dumb"
    return sys.stderr.isatty() and not plain


class ProgressBars:
    """The bars of one command, one a label; they leave nothing behind.

    A stage that shows no bar of its own for SILENCE_S has one that says how long it has run. Any thread may call.
    """

    def __init__(self) -> None:
        self._drawing: Drawing | None = None
        self._tasks: dict[str, TaskID] = {}
        self._guard = threading.RLock()
        self._stage = ""
        self._number = 0
        """Of the stage: what an earlier one still has to say is no longer heard."""
        self._began = self._shown = 0.0

    def stage(self, name: str) -> Progress:
        """What a stage calls as it gets on; the bars of the one before are gone."""
        with self._guard:
            self.close()
            self._stage, self._began = name, time.monotonic()
            self._shown = self._began
        threading.Thread(target=self._stay_awake, args=(self._number,), daemon=True).start()
        return partial(self._advance, self._number)

    def close(self) -> None:
        """Take all bars away and give the terminal its cursor back."""
        with self._guard:
            self._number += 1
            self._clear()

    def _clear(self) -> None:
        if self._drawing is not None:
            self._drawing.stop()
        self._drawing, self._tasks, self._shown = None, {}, time.monotonic()

    def _stay_awake(self, number: int) -> None:
        """Let no stretch be silent as long as the stage lasts."""
        while number == self._number:
            time.sleep(SILENCE_S / 4)
            with self._guard:
                now = time.monotonic()
                if number == self._number and (_WAITING in self._tasks or now - self._shown > SILENCE_S):
                    self._draw(_WAITING, self._stage, 0, 0, f"running, {now - self._began:.0f} s")

    def _advance(self, number: int, label: str, done: int, total: int, note: str = "") -> None:
        """One label's bar; of an unknown total (0) it shows the count, until the stage is over."""
        with self._guard:
            if number != self._number:
                return
            name = self._stage if label == self._stage else f"{self._stage}: {label}"
            self._draw(label, name, done, total, note or f"{done:,}" * (not total))
            if _WAITING in self._tasks and self._drawing is not None:
                self._drawing.remove_task(self._tasks.pop(_WAITING))
            if 0 < total <= done and self._drawing is not None:
                self._drawing.remove_task(self._tasks.pop(label))
                if not self._tasks:
                    self._clear()

    def _draw(self, label: str, name: str, done: int, total: int, note: str) -> None:
        if self._drawing is None:
            self._drawing = _drawing()
            self._drawing.start()
        if label not in self._tasks:
            self._tasks[label] = self._drawing.add_task(name, total=total or None, note="")
        self._drawing.update(self._tasks[label], completed=done, total=total or None, note=note)
        self._shown = float("inf")


_WAITING = ""
"""The label of the bar that says no more than that the stage runs."""


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

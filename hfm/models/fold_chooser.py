"""The fold of a row decides which fit may answer it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np


class FoldChooser:
    """A row's fold answers it, `final` after the data that it was trained on, none before: plugins.FitChooser."""

    def __init__(self, document: Mapping[str, Any]) -> None:  # Any: JSON
        """Read the folds of a checkpoint's document."""
        tested = [f for f in document["folds"] if f["test"]]
        self.within_sessions = any("times" in f for f in tested)
        self._days = [(_day(f["test"][0]), _day(f["test"][1]), str(f["name"])) for f in tested]
        self._times = [(*f["times"]["test"], str(f["name"])) for f in tested if "times" in f]
        self._end = max(_day(f[part][1]) for f in document["folds"] for part in ("train", "valid", "test") if f[part])

    def of_session(self, session: int) -> str | None:
        """The fit of a session (days since 1970); where folds are cut inside sessions, of some of its rows."""
        if session > self._end:
            return "final"
        return next((name for first, last, name in self._days if first <= session <= last), None)

    def of_row(self, session: int, time: int) -> str | None:
        """The fit of a row by its session (days since 1970) and close (ns UTC)."""
        if session > self._end or not self.within_sessions:
            return self.of_session(session)
        return next((name for first, last, name in self._times if first <= time <= last), None)


def _day(text: str) -> int:
    return int(np.datetime64(text, "D").astype(np.int64))

"""Which fit answers a row of a replay, and how one takes over from another inside a session."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from hfm.live import quote_rows, row_step
from hfm.live.node import Engine
from hfm.plugins import Float


class Folds:
    """Which fit may speak of a row: its fold's, `final` after the data it was trained on, none before.

    inside: folds are cut inside sessions, by time.
    """

    def __init__(self, document: Mapping[str, Any]) -> None:  # Any: JSON
        tested = [f for f in document["folds"] if f["test"]]
        self.inside = any("times" in f for f in tested)
        self._spans = [(_day(f["test"][0]), _day(f["test"][1]), str(f["name"])) for f in tested]
        self._times = [(*f["times"]["test"], str(f["name"])) for f in tested if "times" in f]
        self._end = max(_day(f[part][1]) for f in document["folds"] for part in ("train", "valid", "test") if f[part])

    def of(self, day: int) -> str | None:
        """The fit of a session (days since 1970); inside one, of some of its rows."""
        if day > self._end:
            return "final"
        return next((name for first, last, name in self._spans if first <= day <= last), None)

    def at(self, day: int, row: Float) -> str | None:
        """The fit of a row [ROW] of a session, where folds are cut by time."""
        if day > self._end:
            return "final"
        now = day * quote_rows.DAY_NS + int(row[row_step.V_CLOSE_NS])
        return next((name for first, last, name in self._times if first <= now <= last), None)


class Walk:
    """Changes of fit inside a session: a fit that takes over has carried its state since the session's open."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._states = [engine.features_new() for _ in engine.market.symbols]
        self._x: dict[int, Float] = {}
        self._at: list[int] = []

    def see(self, block: Sequence[tuple[int, Float]]) -> None:
        """A session begins."""
        self._x = {symbol: self._engine.read(self._states[symbol], data) for symbol, data in block}
        self._at = [0] * len(self._states)

    def turn(self, fold: str | None, symbol: int, fresh: bool) -> bool:
        """Whether something is to be said of the symbol's next row, by `fold`; fresh: it has not been taken before."""
        if fresh and fold is not None and fold != self._engine.fold:
            self._engine.place(fold)
            for other, x in self._x.items():
                self._engine.carry(other, x[: self._at[other]])
        self._at[symbol] += 1
        return fold is not None


def _day(text: str) -> int:
    return int(np.datetime64(text, "D").astype(np.int64))

"""The stages in order, what each reads and writes; nothing here touches a disk."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from hfm.artifacts import (
    BARS,
    BOOK,
    BRIDGE,
    CHECKPOINT,
    EVENTS,
    FACTS,
    HISTORY,
    INSAMPLE,
    LEDGER,
    METRICS,
    MODEL,
    ORACLE,
    PAGE,
    PICTURE,
    PREDICTIONS,
    PRINTS,
    QUOTES,
    SCORES,
    SNAPSHOTS,
    SUMMARY,
    TRADES,
    TRIALS,
    WEIGHTS,
)  # fmt: skip


@dataclass(frozen=True)
class Stage:
    """One room: where its function is, what it must have, what it takes where it is there, what it makes.

    needs_one, writes_one: exactly one of these is there; () asks for nothing.
    """

    name: str
    function: str
    needs: tuple[str, ...] = ()
    takes: tuple[str, ...] = ()
    writes: tuple[str, ...] = ()
    may_write: tuple[str, ...] = ()
    needs_one: tuple[str, ...] = ()
    writes_one: tuple[str, ...] = ()

    @property
    def reads(self) -> tuple[str, ...]:
        """All that it may read."""
        return (*self.needs, *self.needs_one, *self.takes)

    def promised(self, written: Collection[str]) -> tuple[str, ...]:
        """What it must have made, given what it did make: of writes_one the one that is there, else the first."""
        one = [a for a in self.writes_one if a in written] or list(self.writes_one[:1])
        return (*self.writes, *one[:1])


STAGES: tuple[Stage, ...] = (
    Stage("fetch", "hfm.fetch.stage:run", writes_one=(BARS, BOOK)),
    Stage("simulate", "hfm.simulate.stage:run", needs_one=(BARS, BOOK), writes=(QUOTES, ORACLE, FACTS),
          may_write=(EVENTS, PRINTS, SNAPSHOTS)),
    Stage("train", "hfm.train.stage:run", needs=(QUOTES,), takes=(ORACLE,), writes=(
        WEIGHTS, MODEL, PREDICTIONS, SCORES, HISTORY),
        may_write=(INSAMPLE,)),
    Stage("backtest", "hfm.backtest.stage:run", needs=(QUOTES, PREDICTIONS), takes=(INSAMPLE,), writes=(
        LEDGER, TRADES, TRIALS, METRICS), may_write=(BRIDGE,)),
    Stage("report", "hfm.report.stage:run", needs_one=(BARS, BOOK), takes=(
        QUOTES, ORACLE, FACTS, MODEL, PREDICTIONS, SCORES,
        HISTORY, LEDGER, TRADES, TRIALS,
        METRICS, BRIDGE), writes=(
        PICTURE, PAGE, SUMMARY)),
)  # fmt: skip
FEED = Stage("predict", "", needs=(QUOTES,))
"""What a live forecast reads beside CHECKPOINT, which may be older than the quotes."""
REPLAY = Stage("stream", "", needs=(QUOTES, *CHECKPOINT))


def by_name(name: str) -> Stage:
    """The stage called `name`."""
    return next(s for s in STAGES if s.name == name)


def maker(artifact: str) -> Stage:
    """The stage that makes an artifact."""
    return next(s for s in STAGES if artifact in (*s.writes, *s.may_write, *s.writes_one))

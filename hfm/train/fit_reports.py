"""What fits report on their way, from whatever process they run in: epochs, states to resume from, what is done."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from hfm.config import Train
from hfm.plugins import Arrays
from hfm.stage import Context
from hfm.train.folds import Fold


class EpochReport(NamedTuple):
    """What a fit reports after an epoch: `done` of `total` epochs of the network `label`."""

    fold: int
    label: str
    done: int
    total: int
    note: str


class StateReport(NamedTuple):
    """What a fit can be resumed from; network: the first that it was asked for."""

    fold: int
    network: int
    state: bytes


class FitReport(NamedTuple):
    """A fit of some of a model's networks, done."""

    fold: int
    arrays: Arrays


Report = Callable[[EpochReport | StateReport | FitReport], None]


@dataclass(frozen=True)
class FoldProgress:
    """The progress function of one fold's fit: hands its news on."""

    fold: int
    report: Report

    def __call__(self, label: str, done: int, total: int, note: str = "") -> None:
        """See Progress."""
        self.report(EpochReport(self.fold, label, done, total, note))


@dataclass(frozen=True)
class FoldCheckpoint:
    """The checkpoint of one fold's fit: what it saves is handed on, what it loads is what was handed in."""

    fold: int
    network: int
    report: Report
    state: bytes | None

    def save(self, data: bytes) -> None:
        """See ResumeStore."""
        self.report(StateReport(self.fold, self.network, data))

    def load(self) -> bytes | None:
        """See ResumeStore."""
        return self.state


class FitMeter:
    """Turns the news of single networks into one bar: epochs done of all epochs; an early stop skips the rest."""

    def __init__(self, options: Train, folds: Sequence[Fold], ctx: Context) -> None:
        self._ctx, self._each = ctx, options.epochs * options.seeds
        self._total, self._done = len(folds) * self._each, {f.number: dict[str, int]() for f in folds}

    def epoch(self, report: EpochReport) -> None:
        """One epoch of one network is over."""
        number, label, done, _, note = report
        self._done[number][label] = done
        place = "final" if number < 0 else f"fold {number}"
        self._ctx.progress("train", self._sum(), self._total, f"{place} {label} epoch {done}: {note}")

    def finished(self, number: int) -> None:
        """All networks of a fold are fitted."""
        self._done[number] = {"": self._each}
        self._ctx.progress("train", self._sum(), self._total, "")

    def _sum(self) -> int:
        return sum(sum(networks.values()) for networks in self._done.values())

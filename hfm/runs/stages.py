"""The corridor: the stages in order, what each reads and writes; nothing here touches a disk."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass


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

    def promised(self, made: Collection[str]) -> tuple[str, ...]:
        """What it must have made, given what it did make: of writes_one the one that is there, else the first."""
        one = [a for a in self.writes_one if a in made] or list(self.writes_one[:1])
        return (*self.writes, *one[:1])


BARS, BOOK = "fetch/bars.parquet", "fetch/book.parquet"
QUOTES, ORACLE = "simulate/quotes.parquet", "simulate/oracle.parquet"
EVENTS = "simulate/book.parquet"
PREDICTIONS, TRIALS = "train/predictions.parquet", "backtest/trials.parquet"
INSAMPLE, BRIDGE = "train/insample.parquet", "backtest/bridge.parquet"
STAGES: tuple[Stage, ...] = (
    Stage("fetch", "hfm.fetch.stage:run", writes_one=(BARS, BOOK)),
    Stage("simulate", "hfm.simulate.stage:run", needs_one=(BARS, BOOK), writes=(QUOTES, ORACLE, "simulate/facts.json"),
          may_write=(EVENTS, "simulate/prints.parquet", "simulate/snapshots.parquet")),
    Stage("train", "hfm.train.stage:run", needs=(QUOTES,), takes=(ORACLE,), writes=(
        "train/model.safetensors", "train/model.json", PREDICTIONS, "train/scores.parquet", "train/history.parquet"),
        may_write=(INSAMPLE,)),
    Stage("backtest", "hfm.backtest.stage:run", needs=(QUOTES, PREDICTIONS), takes=(INSAMPLE,), writes=(
        "backtest/ledger.parquet", "backtest/trades.parquet", TRIALS, "backtest/metrics.json"), may_write=(BRIDGE,)),
    Stage("report", "hfm.report.stage:run", needs_one=(BARS, BOOK), takes=(
        QUOTES, ORACLE, "simulate/facts.json", "train/model.json", PREDICTIONS, "train/scores.parquet",
        "train/history.parquet", "backtest/ledger.parquet", "backtest/trades.parquet", TRIALS,
        "backtest/metrics.json", BRIDGE), writes=(
        "report/microstructure_performance.png", "report/report.html", "report/summary.json")),
)  # fmt: skip
MODEL = ("train/model.safetensors", "train/model.json")
FEED = Stage("predict", "", needs=(QUOTES,))
"""What a live forecast reads beside MODEL, which may be older than the quotes."""
REPLAY = Stage("stream", "", needs=(QUOTES, *MODEL))


def by_name(name: str) -> Stage:
    """The stage called `name`."""
    return next(s for s in STAGES if s.name == name)


def maker(artifact: str) -> Stage:
    """The stage that makes an artifact."""
    return next(s for s in STAGES if artifact in (*s.writes, *s.may_write, *s.writes_one))

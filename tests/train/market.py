"""A small invented market, made by the first two stages: quotes and oracle for the tests of models and training."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from functools import cache

import pyarrow as pa

from hfm.config import Config, Fetch, Simulate, Train
from hfm.fetch import stage as fetch
from hfm.simulate import stage as simulate
from hfm.stage import Context
from hfm.tables import MemoryReader
from hfm.train import training_panel

SMALL = Train(epochs=4, seeds=2, hidden=8, layers=2, patience=4)
"""A network that is fitted in a moment."""


@cache
def market(
    sessions: int = 21,
    symbols: tuple[str, ...] = ("SPY",),
    interval: str = "15m",
    signal: str = "none",
    rho: float = 0.1,
    kind: str = "linear",
) -> tuple[pa.Table, pa.Table]:
    """(quotes, oracle) of the synthetic source."""
    config = Config(
        fetch=Fetch(symbols=symbols, source="synthetic", sessions=sessions, interval=interval),  # type: ignore[arg-type]
        simulate=Simulate(signal=signal, rho=rho, kind=kind),  # type: ignore[arg-type]  # one of the words
    )
    bars = pa.concat_tables(
        [p for _, p in fetch.run({}, config, Context("fetch", seed=7, as_of=datetime(2025, 6, 2, tzinfo=UTC)))]
    ).unify_dictionaries()
    made: dict[str, list[pa.Table]] = {}
    inputs = {"fetch/bars.parquet": MemoryReader(bars)}
    for name, payload in simulate.run(inputs, config, Context("simulate", seed=7)):
        if isinstance(payload, pa.Table):
            made.setdefault(name, []).append(payload)
    whole = {name: pa.concat_tables(parts).unify_dictionaries() for name, parts in made.items()}
    return whole["simulate/quotes.parquet"], whole["simulate/oracle.parquet"]


@cache
def rows(
    sessions: int = 21,
    symbols: tuple[str, ...] = ("SPY",),
    signal: str = "none",
    rho: float = 0.1,
    interval: str = "15m",
    kind: str = "linear",
) -> training_panel.Rows:
    """The panel of such a market."""
    return training_panel.read(
        MemoryReader(market(sessions, symbols, interval, signal, rho, kind)[0]), training_panel.Task()
    )


def small(**changes: object) -> Config:
    """A Config with SMALL's training and `changes` to it."""
    return Config(train=replace(SMALL, **changes))  # type: ignore[arg-type]  # fields of Train

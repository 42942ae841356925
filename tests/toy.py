"""Stages small enough to reason about, for tests of the pipeline: each has the contract and no subject."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from hfm import tables
from hfm.config import Config
from hfm.errors import DataError
from hfm.runs import stages
from hfm.runs.freshness import status
from hfm.runs.manifest import Run
from hfm.runs.pipeline import Options, Outcome, run_all
from hfm.runs.stages import Stage
from hfm.stage import Context, Product
from hfm.tables import Reader
from tests.tables.test_rows import bars

NOW = datetime(2026, 3, 2, 14, 30, tzinfo=UTC)
STAGES = (
    Stage("fetch", "tests.toy:fetch", writes=("fetch/bars.parquet",)),
    Stage("simulate", "tests.toy:simulate", needs=("fetch/bars.parquet",), writes=("simulate/facts.json",)),
    Stage(
        "train",
        "tests.toy:train",
        needs=("simulate/facts.json",),
        writes=("train/model.json", "train/model.safetensors"),
    ),
)
EITHER = (
    Stage("fetch", "tests.toy:fetch_either", writes_one=("fetch/bars.parquet", "fetch/book.parquet")),
    Stage(
        "simulate",
        "tests.toy:simulate_either",
        needs_one=("fetch/bars.parquet", "fetch/book.parquet"),
        writes=("simulate/facts.json",),
    ),
)


def fetch(inputs: Mapping[str, Reader], config: Config, ctx: Context) -> Iterator[Product]:
    """Bars whose closes depend on the seed; a loss where a symbol is called X."""
    if "X" in config.fetch.symbols:
        ctx.lose("X: no such symbol")
    rng = ctx.rng("SPY")
    yield "fetch/bars.parquet", bars(sessions=3, close=rng.random(12))


def simulate(inputs: Mapping[str, Reader], config: Config, ctx: Context) -> Iterator[Product]:
    """The mean close, moved by the seed; fails where TOY_FAIL says so, reads nothing where TOY_BLIND does.

    TOY_ODD: "document" gives one that is no JSON, "nothing" gives none.
    """
    if os.environ.get("TOY_FAIL"):
        raise DataError("asked to fail", hint="unset TOY_FAIL")
    close = np.zeros(1)
    if not os.environ.get("TOY_BLIND"):
        close = tables.column_array(inputs["fetch/bars.parquet"].read(["close"])["close"])
    if os.environ.get("TOY_ODD"):
        if os.environ["TOY_ODD"] == "document":
            yield "simulate/facts.json", {"mean": object()}
        return
    ctx.figures["mean"] = np.float64(close.mean())
    ctx.figures["nothing"] = float("nan")
    yield "simulate/facts.json", {"mean": close.mean() + config.simulate.seed, "nan": np.nan}


def train(inputs: Mapping[str, Reader], config: Config, ctx: Context) -> Iterator[Product]:
    """Bytes and a document; trials as a back-test would report them; work in progress where TOY_SAVE says so."""
    if os.environ.get("TOY_SAVE") and ctx.checkpoint is not None:
        ctx.checkpoint.save(b"half of it")
    for name in ("q0.9", "p0.6"):
        trial = {"event": "trial", "trial": name, "policy": name, "cost": 1, "symbols": ["SPY"]}
        ctx.events.append({**trial, "span": ["2025-01-02", "2025-02-03"]})
    yield "train/model.json", {"facts": inputs["simulate/facts.json"].data().decode()}
    if os.environ.get("TOY_FAIL_LATE"):
        raise DataError("asked to fail late", hint="unset TOY_FAIL_LATE")
    yield "train/model.safetensors", b"\x00\x01"


def book(sessions: int = 1) -> pa.Table:
    """Two events a session of a book of one level."""
    n = 2 * sessions
    day = np.datetime64("2025-01-06") + np.repeat(np.arange(sessions), 2)
    columns = {
        "symbol": "SPY", "session": day, "seq": np.tile([0, 1], sessions),
        "time": day.astype("datetime64[ns]") + np.tile([1, 2], sessions),
        "event": "add", "side": np.int8(1), "price": 1.0, "size": 2.0, "order_id": np.arange(n),
        "bid_px_1": 1.0, "bid_sz_1": 2.0, "ask_px_1": np.nan, "ask_sz_1": 0.0,
    }  # fmt: skip
    return tables.build(tables.book(1), columns, tables.TableMeta(levels=1, other={"sessions": sessions}), "observed")


def fetch_either(inputs: Mapping[str, Reader], config: Config, ctx: Context) -> Iterator[Product]:
    """A book where the source is lobster, both where it is tardis, else bars."""
    if config.fetch.source != "lobster":
        yield "fetch/bars.parquet", bars(sessions=3)
    if config.fetch.source in ("lobster", "tardis"):
        yield "fetch/book.parquet", book()


def simulate_either(inputs: Mapping[str, Reader], config: Config, ctx: Context) -> Iterator[Product]:
    """What it was given."""
    yield "simulate/facts.json", {"given": sorted(inputs)}


def placed(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """A new run `r` under `folder`, whose corridor these stages are from now on."""
    monkeypatch.setattr(stages, "STAGES", STAGES)
    run = Run(folder / "runs" / "r")
    run.path.mkdir(parents=True)
    return run


def options(run: Run) -> Options:
    return Options(run.path.parent.parent, clock=lambda: NOW)


def everything(run: Run, config: Config | None = None, refresh: bool = False) -> list[str]:
    """Run all; the names of the stages that really ran."""
    items = list(run_all(run, config or Config(), options(run), refresh))
    return [i.stage for i in items if isinstance(i, Outcome)]


def states(run: Run, config: Config | None = None) -> list[str]:
    return [state for _, state, _ in status(run, run.manifest(), config or Config())]


def bytes_of(run: Run) -> dict[str, bytes]:
    return {str(p.relative_to(run.path)): p.read_bytes() for p in sorted(run.path.rglob("*.*")) if p.parent != run.path}

"""Stages small enough to reason about, for tests of the pipeline: each has the contract and no subject."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping

import numpy as np

from hfm import tables
from hfm.config import Config
from hfm.errors import DataError
from hfm.pipeline import Stage
from hfm.stage import Context, Product
from hfm.tables import Reader
from tests.tables.test_rows import bars

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


def fetch(inputs: Mapping[str, Reader], config: Config, ctx: Context) -> Iterator[Product]:
    """Bars whose closes depend on the seed; a loss where a symbol is called X."""
    if "X" in config.fetch.symbols:
        ctx.lose("X: no such symbol")
    rng = ctx.rng("SPY")
    yield "fetch/bars.parquet", bars(sessions=3, close=rng.random(12))


def simulate(inputs: Mapping[str, Reader], config: Config, ctx: Context) -> Iterator[Product]:
    """The mean close, moved by the seed; fails where TOY_FAIL says so, dies where TOY_DIE does."""
    if os.environ.get("TOY_FAIL"):
        raise DataError("asked to fail", hint="unset TOY_FAIL")
    close = tables.column_array(inputs["fetch/bars.parquet"].read(["close"])["close"])
    ctx.figures["mean"] = np.float64(close.mean())
    ctx.figures["nothing"] = float("nan")
    yield "simulate/facts.json", {"mean": close.mean() + config.simulate.seed, "nan": np.nan}


def train(inputs: Mapping[str, Reader], config: Config, ctx: Context) -> Iterator[Product]:
    """Bytes and a document; trials as a back-test would report them."""
    for name in ("q0.9", "p0.6"):
        trial = {"event": "trial", "trial": name, "policy": name, "cost": 1, "symbols": ["SPY"]}
        ctx.events.append({**trial, "span": ["2025-01-02", "2025-02-03"]})
    yield "train/model.json", {"facts": inputs["simulate/facts.json"].data().decode()}
    if os.environ.get("TOY_FAIL_LATE"):
        raise DataError("asked to fail late", hint="unset TOY_FAIL_LATE")
    yield "train/model.safetensors", b"\x00\x01"

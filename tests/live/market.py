"""A small market, trained and back-tested: what live must reproduce."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from hfm import tables
from hfm.backtest import stage as backtest
from hfm.config import Backtest, Config
from hfm.live import quote_rows
from hfm.models import checkpoint as store
from hfm.plugins import Float
from hfm.stage import Context
from hfm.tables import MemoryReader
from hfm.tables.records import Records, Values
from tests.train.market import market, small
from tests.train.test_stage import train

Q50 = Backtest(threshold="q50")
LEDGER = tuple(tables.LEDGER.names[tables.LEDGER.names.index("signal") :])
"""The ledger's columns from the signal on."""


@dataclass(frozen=True)
class Made:
    """quotes, predictions of the main model, and the checkpoint."""

    quotes: pa.Table
    predictions: pa.Table
    checkpoint: store.Checkpoint
    files: Mapping[str, bytes]
    """train/model.safetensors and train/model.json."""


@cache
def made(symbols: tuple[str, ...] = ("SPY",), model: str = "lstm", interval: str = "15m") -> Made:
    """21 sessions, networks of 8 units."""
    quotes = market(symbols=symbols, interval=interval)[0]
    found, _ = train(quotes, small(model=model, epochs=2))
    document = json.loads(json.dumps(found["train/model.json"]))
    weights = bytes(found["train/model.safetensors"])
    files = {"train/model.safetensors": weights, "train/model.json": json.dumps(document).encode()}
    return Made(quotes, found["train/predictions.parquet"], store.load(weights, document), files)


def ledger(of: Made, settings: Backtest) -> pa.Table:
    """backtest/ledger.parquet of the settings."""
    inputs = {
        "simulate/quotes.parquet": MemoryReader(of.quotes),
        "train/predictions.parquet": MemoryReader(of.predictions),
    }
    config = Config(backtest=settings)
    parts = [payload for name, payload in backtest.run(inputs, config, Context("backtest")) if name == backtest.LEDGER]
    return pa.concat_tables(parts)


def batch(of: Made, settings: Backtest) -> dict[tuple[str, str, int], tuple[Float, Float]]:
    """(symbol, session, seq) -> (FORECAST_COLUMNS, the ledger's columns from `signal` on) by the batch."""
    out: dict[tuple[str, str, int], tuple[Float, Float]] = {}
    model = settings.model or of.checkpoint.document["model"]
    said = of.predictions.filter(pc.equal(of.predictions["model"].cast(pa.string()), model))
    seen = dict(zip(keys(said), numbers(said, said.column_names[said.column_names.index("p_up") :][:8]), strict=True))
    book = ledger(of, settings)
    for key, row in zip(keys(book), numbers(book, list(LEDGER)), strict=True):
        if key in seen:  # of event rows only the second half of a session has a prediction
            out[key] = (seen[key], row)
    assert len(out) == len(seen)
    return out


def records_of(of: Made) -> Records:
    """The quotes as records of QUOTE, symbols numbered by spelling."""
    columns = tables.arrays(of.quotes, quote_rows.COLUMNS)
    return quote_rows.quote_records(columns, {s: k for k, s in enumerate(sorted(set(columns["symbol"])))})


def rows_of(of: Made) -> list[Values]:
    """The quotes row by row, as a node takes them."""
    return list(quote_rows.CODEC.all(records_of(of)))


def keys(table: pa.Table) -> list[tuple[str, str, int]]:
    """(symbol, session, seq) of each row."""
    columns = tables.arrays(table, ["symbol", "session", "seq"])
    return [
        (str(a), str(b), int(c)) for a, b, c in zip(columns["symbol"], columns["session"], columns["seq"], strict=True)
    ]


def numbers(table: pa.Table, names: list[str]) -> Float:
    """float64 [n, len(names)]."""
    columns = tables.arrays(table, names)
    return np.column_stack([columns[n].astype(np.float64) for n in names])


def objects(table: pa.Table) -> list[dict[str, Any]]:
    """The rows as a feed would send them, in time order."""
    columns = tables.arrays(table)
    out = []
    for i in np.argsort(columns["time"], kind="stable"):
        item: dict[str, Any] = {}
        for name, data in columns.items():
            value = data[i]
            if name in ("symbol", "session"):
                item[name] = str(value)
            elif name == "is_last":
                item[name] = bool(value)
            elif name in ("seq", "flags"):
                item[name] = int(value)
            elif name in ("time", "time_open"):
                item[name] = f"{np.datetime64(int(value), 'ns')}Z"
            else:
                item[name] = None if np.isnan(value) else float(value)
        out.append(item)
    return out


def with_fill(fill: str, **changes: Any) -> Backtest:
    """Settings with another fill."""
    return replace(Q50, fill=fill, **changes)

"""The stages in memory: synthetic bars through the real stages, nothing on disk."""

from __future__ import annotations

import importlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa

from hfm.artifacts import BARS, QUOTES
from hfm.config import Config, Layer, load
from hfm.instants import parse_instant
from hfm.runs.stages import by_name
from hfm.stage import Context, Payload
from hfm.tables import MemoryReader

AS_OF = datetime(2026, 3, 6, 22, 0, tzinfo=UTC)
"""The markets of verify end here, so that they are the same on every day."""


@dataclass(frozen=True)
class InMemoryRun:
    """What the stages have made so far: artifact -> table or bytes."""

    config: Config
    artifacts: Mapping[str, pa.Table | bytes]

    def table(self, name: str) -> pa.Table:
        """A table by its artifact name."""
        table = self.artifacts[name]
        assert not isinstance(table, bytes)
        return table

    def document(self, name: str) -> dict[str, Any]:  # Any: JSON
        """A JSON document by its artifact name."""
        raw = self.artifacts[name]
        assert isinstance(raw, bytes)
        body: dict[str, Any] = json.loads(raw)
        return body

    def through(self, *stages: str) -> InMemoryRun:
        """This market after `stages`."""
        artifacts = dict(self.artifacts)
        for name in stages:
            artifacts |= carry_out(name, artifacts, self.config)
        return InMemoryRun(self.config, artifacts)

    def replaced(self, **tables: pa.Table) -> InMemoryRun:
        """This market with other tables: bars=... stands for fetch/bars.parquet, quotes=... for simulate's."""
        places = {"bars": BARS, "quotes": QUOTES}
        return InMemoryRun(self.config, {**self.artifacts, **{places[k]: v for k, v in tables.items()}})


def synthetic(sessions: int, seed: int, settings: Mapping[str, Mapping[str, object]] | None = None) -> InMemoryRun:
    """Bars of the synthetic source: SPY, up to AS_OF.

    Parameters
    ----------
    sessions
        How many.
    seed
        Of fetch, simulate and train.
    settings
        Section -> key -> value, which stand above the seed.

    Returns
    -------
    InMemoryRun
        After fetch.
    """
    fetch: dict[str, object] = {"symbols": ("SPY",), "source": "synthetic", "sessions": sessions, "seed": seed}
    seeds: dict[str, dict[str, object]] = {"fetch": fetch, "simulate": {"seed": seed}, "train": {"seed": seed}}
    return InMemoryRun(load([Layer("verify", seeds), Layer("verify", settings or {})]), {}).through("fetch")


def carry_out(name: str, artifacts: Mapping[str, pa.Table | bytes], config: Config) -> dict[str, pa.Table | bytes]:
    """What one stage makes, at the instant fetch.as_of, else AS_OF.

    Parameters
    ----------
    name
        Of the stage.
    artifacts
        Artifact -> table or bytes; those that the stage reads.
    config
        All settings.

    Returns
    -------
    dict[str, pa.Table | bytes]
        By artifact.
    """
    stage = by_name(name)
    module, _, function = stage.function.partition(":")
    inputs = {a: MemoryReader(artifacts[a]) for a in stage.reads if a in artifacts}
    as_of = AS_OF if config.fetch.as_of is None else parse_instant(config.fetch.as_of)
    ctx = Context(name, seed=getattr(getattr(config, name), "seed", 0), as_of=as_of)
    groups: dict[str, list[Payload]] = {}
    for artifact, payload in getattr(importlib.import_module(module), function)(inputs, config, ctx):
        groups.setdefault(artifact, []).append(payload)
    return {artifact: joined(payloads) for artifact, payloads in groups.items()}


def joined(payloads: Sequence[Payload]) -> pa.Table | bytes:
    """One artifact from its payloads: groups put together, documents as bytes."""
    first = payloads[0]
    if isinstance(first, dict):
        return json.dumps(first).encode()
    if isinstance(first, bytes):
        return first
    return pa.concat_tables([p for p in payloads if isinstance(p, pa.Table)]).unify_dictionaries().combine_chunks()

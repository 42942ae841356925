"""One network for all symbols, each with its own scaler, against a training for each symbol by itself: the same table.

With HFM_REAL_DATA the twenty symbols of five-minute bars, else four invented ones. Each side is a process of its own,
so that its memory is its own; one network (seed) a fit. Folds count the sessions of all that is trained on: where one
symbol begins days before the others, the pooled walk tests the others from fewer of their own sessions on. So only rows
that both sides test are scored; seconds are of the whole walks.
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from hfm import tables
from hfm.config import Config, Fetch, Train
from hfm.fetch import stage as fetch
from hfm.simulate import stage as simulate
from hfm.stage import Context
from hfm.tables import MemoryReader
from hfm.train import fold_rows, folds, score_floors, scoring, training_output, training_panel
from hfm.train.stage import _predictions
from hfm.train.walk_forward import FLOORS, WalkForward, fit, model_names
from tests.bench.figure import Figure

FILE = Path("bars") / "multi20_5m_2025-05_2026-03.parquet"
OPTIONS = Train(seeds=1)
WANTED = (("direction", "accuracy"), ("direction", "auc"), ("direction", "log_loss"), ("spread", "accuracy"),
          ("direction", "ece"), ("spread", "r2"), ("spread", "pinball"), ("volatility", "r2"), ("volatility", "mae"),
          ("volatility", scoring.GAIN), ("spread", scoring.GAIN))  # fmt: skip


def quotes() -> pa.Table:
    """Of all symbols."""
    real = os.environ.get("HFM_REAL_DATA")
    source = Fetch(source="file", path=str(Path(real) / FILE), max_gap=0.1) if real else Fetch(
        symbols=("AAA", "BBB", "CCC", "DDD"), source="synthetic", sessions=60, as_of="2025-06-02T00:00Z")  # fmt: skip
    config = Config(fetch=source)
    ctx = Context("fetch", seed=7, as_of=datetime(2026, 6, 1, tzinfo=UTC))
    bars = pa.concat_tables([p for _, p in fetch.run({}, config, ctx)]).unify_dictionaries()
    made = simulate.run({"fetch/bars.parquet": MemoryReader(bars)}, config, Context("simulate", seed=7))
    return pa.concat_tables([p for name, p in made if name == "simulate/quotes.parquet"]).unify_dictionaries()


def common(table: pa.Table) -> dict[str, int]:
    """Symbol -> first session (days since 1970) whose rows both the pooled walk and its own test."""
    data = tables.arrays(table, ["symbol", "session"])
    days, words = data["session"].astype("datetime64[D]").astype(np.int64), data["symbol"].astype(str)

    def first(sessions: np.ndarray) -> int:
        return int(sessions[folds.plan(len(sessions))[0].test[0]])

    union = first(np.unique(days))
    return {str(s): max(union, first(np.unique(days[words == s]))) for s in np.unique(words)}


def walked(table: pa.Table, since: dict[str, int]) -> tuple[int, scoring.Truth, dict[str, scoring.ModelForecast]]:
    """(test rows of a walk over these quotes; of those from each symbol's `since` on the truth and what models say)."""
    reader = MemoryReader(table)
    task = training_panel.task(reader.meta, OPTIONS)
    rows = training_panel.read(reader, task)
    plan, names = folds.plan(training_panel.sessions(reader)), model_names(OPTIONS.model)
    walk = WalkForward(
        rows, plan, OPTIONS.model, names, fit(rows.panel, plan, names, OPTIONS, Context("train", seed=7))
    )
    said: dict[str, list[scoring.ModelForecast]] = {name: [] for name in names}
    for _ in _predictions(walk, said, reader.meta):
        pass
    begins = np.array([since[s] for s in rows.panel.symbols])[rows.panel.symbol]
    late = np.repeat(rows.panel.session >= begins, np.diff(rows.panel.start))
    good = np.concatenate([late[fold_rows.place(rows.panel, *fold.test)] for fold in plan])
    truth = training_output.truth(rows, plan, None)
    return len(good), truth.take(good), {name: scoring.joined(parts).take(good) for name, parts in said.items()}


def side(kind: str) -> None:
    """Train one side and print its seconds, memory and scores as JSON."""
    table = quotes()
    symbols = sorted(pc.unique(table.column("symbol")).to_pylist())
    parts = [table] if kind == "pooled" else [
        table.filter(pc.equal(table.column("symbol").cast(pa.string()), s)) for s in symbols]  # fmt: skip
    start, processor = time.perf_counter(), time.process_time()
    since = common(table)
    found = [walked(part, since) for part in parts]
    taken = time.perf_counter() - start, time.process_time() - processor
    fields = [name for name, value in vars(found[0][1]).items() if value is not None]
    truth = scoring.Truth(*(np.concatenate([getattr(t, n) for _, t, _ in found]) for n in fields))
    models = {name: scoring.joined([said[name] for *_, said in found]) for name in found[0][2]}
    scores = scoring.score(truth, models)
    floor = score_floors.floors(scores, FLOORS, truth, models)
    told = {f"{s.task} {s.metric}": (s.value, s.se, f.value) for s, f in zip(scores, floor, strict=True)
            if s.fold < 0 and s.model == OPTIONS.model and (s.task, s.metric) in WANTED}  # fmt: skip
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    tested = sum(n for n, *_ in found)
    print(json.dumps({"taken": taken, "memory": memory, "tested": tested, "rows": len(truth.up), "scores": told}))


def figures() -> Iterator[Figure]:
    """Seconds, memory and scores of both."""
    found = {}
    for kind in ("pooled", "apart"):
        command = [sys.executable, "-m", "tests.bench.pooled", kind]
        found[kind] = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    one, two = found["pooled"], found["apart"]
    assert one["rows"] == two["rows"], "both sides score the same rows"
    rows = f"tests {one['tested']:,} rows, the peer {two['tested']:,}; {one['rows']:,} of both are scored"
    for k, name in enumerate(("wall", "processor")):
        yield Figure(f"pooled, {name} time", "s", one["taken"][k], two["taken"][k], two["taken"][k] / one["taken"][k],
                     one["tested"], 1.0, "peer: a training for each symbol", one["memory"])  # fmt: skip
    yield Figure(
        "pooled, memory", "MiB", one["memory"], two["memory"], two["memory"] / one["memory"], one["tested"], 1.0, rows
    )
    for name, (value, error, floor) in one["scores"].items():
        other = two["scores"][name]
        note = f"standard errors {error:.4f}, {other[1]:.4f}; floors {floor:.4f}, {other[2]:.4f}"
        up = name.split()[1] in scoring.HIGHER | {scoring.GAIN}
        ratio = value / other[0] if up else other[0] / value
        yield Figure(f"pooled, {name}", "", value, other[0], ratio, one["rows"], 1.0, note)


if __name__ == "__main__":
    side(sys.argv[1])

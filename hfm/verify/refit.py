"""Features, a fit and its forecasts, made again with another future: the part of the look-ahead tests that trains.

One fold: its features and forecasts with the rows after one of its test rows changed or gone; its fit with everything
after its validation rows changed; its scalers with the validation rows changed too.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from hfm import plugins
from hfm.config import Config
from hfm.features.step import LOOKBACK
from hfm.models import step, store
from hfm.plugins import Arrays, Float, Int
from hfm.tables import MemoryReader, Reader, arrays, column_array
from hfm.train import folds, jobs, panel, spans
from hfm.train.folds import Fold
from hfm.train.panel import Rows, Task
from hfm.verify import compare
from hfm.verify.claims import Row

QUOTES, PREDICTIONS = "simulate/quotes.parquet", "train/predictions.parquet"
MODEL = ("train/model.safetensors", "train/model.json")
SETTLED = ("gates", "weights", "finish")
"""Arrays that are chosen on validation rows, not fitted."""
WITHIN = 0.43
"""Share of the test rows' times before which nothing may change: not a session's first row."""
Keys = dict[str, npt.NDArray[np.generic]]


@dataclass(frozen=True)
class Asked:
    """A stored model and what it says of the test rows of a fold: said [n, 8] of step.OUT, place of these in rows."""

    model: str
    stored: Arrays
    rows: Rows
    fold: Fold

    @property
    def place(self) -> slice | Int:
        """Where the test rows stand."""
        return spans.place(self.rows.panel, *self.fold.test)

    def said(self) -> Float:
        """See Asked."""
        test = spans.lead(self.rows.panel, *self.fold.test)
        heads = plugins.find("models", self.model)().predict(self.stored, test.panel)
        out = np.empty((len(heads), len(step.OUT)))
        step.finish(heads, test.panel.spread_bps, self.stored["finish"], out)
        return np.asarray(out[test.inside])

    def of(self, rows: Rows) -> Asked:
        """The same model about other rows, of whose test part some may be gone."""
        last = rows.panel.block.max() + 1 if rows.panel.block is not None else len(np.unique(rows.panel.session))
        return replace(
            self, rows=rows, fold=replace(self.fold, test=(self.fold.test[0], min(self.fold.test[1], int(last))))
        )


def of_run(readers: dict[str, Reader], config: Config) -> Iterator[Row]:
    """Features, forecasts, fit and scalers of the first fold of a run that was trained."""
    quotes = readers[QUOTES]
    task = panel.task(quotes.meta, config.train)
    whole, fold = _first(quotes, task, config.train.window)
    clean = panel.read(MemoryReader(whole), task)
    document = json.loads(readers[MODEL[1]].data())
    model = str(document["model"])
    asked = Asked(model, _whole(store.load(readers[MODEL[0]].data(), document), model), clean, fold)
    before = asked.said()
    yield _as_written(readers[PREDICTIONS], asked, before)
    known = np.unique(clean.time[asked.place])
    at = int(known[max(int(WITHIN * len(known)), 1)])
    for how, factor in ((compare.GONE, None), (compare.CHANGED, 1.5), (compare.FALLING, 0.5)):
        other = compare.cut(whole, at) if factor is None else compare.poisoned(whole, at, factor)
        again = asked.of(panel.read(MemoryReader(other), task))
        yield _features(clean, again.rows, at, how)
        yield _forecasts((asked, before), (again, again.said()), at, how)
    yield _warm(whole, clean, task)
    yield from _fits(whole, asked, task, config)


def _first(quotes: Reader, task: Task, window: int) -> tuple[pa.Table, Fold]:
    """The quotes as far as the first fold's test part reaches (all of them where folds are cut inside sessions)."""
    if task.block_s is not None:
        return quotes.read(), folds.plan_blocks(*panel.blocks(quotes, task.block_s), window)[0]
    fold = folds.plan(panel.sessions(quotes), window)[0]
    parts, days = [], np.empty(0, "datetime64[D]")
    for group in quotes.groups():
        parts.append(group)
        days = np.union1d(days, np.unique(column_array(group.column("session"))))
        if len(days) > fold.test[1]:
            break
    table = pa.concat_tables(parts).unify_dictionaries().combine_chunks()
    return table.filter(pa.array(column_array(table.column("session")) <= days[fold.test[1] - 1])), fold


def _whole(checkpoint: store.Checkpoint, model: str) -> Arrays:
    """What predict needs of the first fold: the model's arrays and those of its members."""
    out = checkpoint.part("fold0", model)
    for member in plugins.find("models", model).members:
        out |= {f"{member}/{key}": value for key, value in checkpoint.part("fold0", member).items()}
    return out


def _keys(rows: Rows) -> Keys:
    """symbol, session, seq of all rows."""
    data = rows.panel
    count = np.diff(data.start)
    return {
        "symbol": np.repeat(np.array(data.symbols, object)[data.symbol], count),
        "session": np.repeat(data.session, count).astype("datetime64[D]"),
        "seq": data.slot,
    }


def _some(keys: Keys, rows: slice | Int | npt.NDArray[np.bool_]) -> Keys:
    return {name: value[rows] for name, value in keys.items()}


def _as_written(predictions: Reader, asked: Asked, said: Float) -> Row:
    """The stored model says what predictions.parquet holds of its test rows."""
    names = ("fold", *step.OUT)
    parts = [arrays(group, names) for group in predictions.groups(("model", *names), asked.model)]
    written = {name: np.concatenate([part[name][part["fold"] == asked.fold.number] for part in parts])
               for name in step.OUT}  # fmt: skip
    n = min(len(said), len(written["p_up"]))
    good = {name: compare.near(said[:n, j], written[name][:n]) for j, name in enumerate(step.OUT)}
    found = compare.first(good, _some(_some(_keys(asked.rows), asked.place), slice(n)))
    text = f"train: {asked.model} stored says what was written"
    if found.same < found.rows:
        text = f"train: {found.column} of {found.place} is not what the stored {asked.model} says"
    return Row(text, f"{n} of {n}", found.same, n, n, " rows")


def _features(clean: Rows, other: Rows, at: int, how: str) -> Row:
    """Features of the rows known before `at`."""
    one, two = clean.time < at, other.time < at
    a, b = clean.panel.x[one], other.panel.x[two]
    good = {name: _same(a[:, j], b[:, j]) for j, name in enumerate(clean.panel.names)}
    return compare.claim("train", "features", compare.first(good, _some(_keys(clean), one)), how, "feature ")


def _same(a: Float, b: Float) -> npt.NDArray[np.bool_]:
    return np.asarray((a == b) | (np.isnan(a) & np.isnan(b)))


def _forecasts(one: tuple[Asked, Float], two: tuple[Asked, Float], at: int, how: str) -> Row:
    """Forecasts of the test rows known before `at`."""
    picked = []
    for asked, said in (one, two):
        known = asked.rows.time[asked.place] < at
        picked.append((said[known], _some(_some(_keys(asked.rows), asked.place), known)))
    (a, keys), (b, _) = picked
    model = one[0].model
    good = {name: compare.near(a[:, j], b[:, j]) for j, name in enumerate(step.OUT)}
    return compare.claim("train", f"forecasts of {model}", compare.first(good, keys), how, f"{model}'s ")


def _warm(whole: pa.Table, clean: Rows, task: Task) -> Row:
    """Features need the rows that they say they need: begun later, they are the same LOOKBACK rows on."""
    days = np.unique(column_array(whole.column("session")))
    late = whole.filter(pa.array(column_array(whole.column("session")) >= days[min(3, len(days) - 1)]))
    if len(days) == 1:
        late = whole.slice(min(LOOKBACK, whole.num_rows // 2))
    seen = panel.read(MemoryReader(late), task)
    rows = len(seen.time)
    a, b = clean.panel.x[-rows:], seen.panel.x
    warm = _rank(seen) >= LOOKBACK
    good = {name: _same(a[warm, j], b[warm, j]) for j, name in enumerate(clean.panel.names)}
    found = compare.first(good, _some(_keys(seen), warm))
    text = f"train: features need no more than {LOOKBACK} rows before them"
    if found.same < found.rows:
        text = f"train: feature {found.column} of {found.place} needs more than {LOOKBACK} rows before it"
    return Row(text, f"{found.rows} of {found.rows}", found.same, found.rows, found.rows, " rows")


def _rank(rows: Rows) -> Int:
    """How many rows of the same symbol stand before each."""
    symbol = np.repeat(rows.panel.symbol, np.diff(rows.panel.start))
    order = np.argsort(symbol, kind="stable")
    rank = np.empty(len(symbol), np.int64)
    rank[order] = np.arange(len(symbol)) - np.searchsorted(symbol[order], symbol[order])
    return rank


def _fits(whole: pa.Table, asked: Asked, task: Task, config: Config) -> Iterator[Row]:
    """The fit with all rows after its validation changed; its scalers with the validation changed too."""
    options, fold, stored, model = config.train, asked.fold, asked.stored, asked.model
    for first, chosen, names, how in (
        (fold.test[0], options, None, "everything after its validation rows"),
        (fold.valid[0], replace(options, epochs=1, seeds=1), store.SCALERS, "its validation rows and everything after"),
    ):
        start = int(asked.rows.time[spans.place(asked.rows.panel, first, first + 1)].min())
        seen = panel.read(MemoryReader(compare.poisoned(whole, start)), task).panel
        again = jobs.fit(jobs.Task(model, seen, chosen, chosen.seed), fold, lambda _: None)
        keys = [k for k in again if k in stored and not k.startswith("history/") and k.split("/")[-1] not in SETTLED]
        keys = [k for k in keys if names is None or k.endswith(names)]
        wrong = [k for k in keys if not compare.near(np.asarray(again[k], float), np.asarray(stored[k], float)).all()]
        what = "arrays" if names is None else "scalers"
        text = f"train: {what} of {model} do not know {how}"
        if wrong:
            text = f"train: {wrong[0]} of {model}, fold 0, is fitted on {how}"
        yield Row(text, f"{len(keys)} of {len(keys)}", len(keys) - len(wrong), len(keys), len(keys), f" {what}")

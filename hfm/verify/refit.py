"""Features, a fit and its forecasts, made again with another future: the part of the look-ahead tests that trains.

One fold: its features and forecasts with the rows after one of its test rows changed or gone; its fit with everything
after its validation rows changed; its scalers with the validation rows changed too.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pyarrow as pa

from hfm import plugins
from hfm.config import Config
from hfm.features.step import LOOKBACK
from hfm.models import step, store
from hfm.plugins import Arrays, Float
from hfm.tables import MemoryReader, Reader, arrays, column_array
from hfm.train import folds, jobs, panel
from hfm.train.folds import Fold
from hfm.train.panel import Rows
from hfm.verify import compare
from hfm.verify.claims import Row

QUOTES, PREDICTIONS = "simulate/quotes.parquet", "train/predictions.parquet"
MODEL = ("train/model.safetensors", "train/model.json")
SETTLED = ("gates", "weights", "finish")
"""Arrays that are chosen on validation rows, not fitted."""


def of_run(readers: dict[str, Reader], config: Config) -> Iterator[Row]:
    """Features, forecasts, fit and scalers of the first fold of a run that was trained."""
    options = config.train
    quotes = readers[QUOTES]
    fold = folds.plan(panel.sessions(quotes), options.window)[0]
    whole = _first_sessions(quotes, fold.test[1])
    at = _instant(whole, fold)
    clean = panel.read(MemoryReader(whole), options.features, options.horizon)
    document = json.loads(readers[MODEL[1]].data())
    checkpoint = store.load(readers[MODEL[0]].data(), document)
    stored = _whole(checkpoint, document["model"])
    before = _said(stored, document["model"], clean, fold)
    yield _as_written(readers[PREDICTIONS], document["model"], before, clean, fold)
    for how, factor in ((compare.GONE, None), (compare.CHANGED, 1.5), (compare.FALLING, 0.5)):
        other = compare.cut(whole, at) if factor is None else compare.poisoned(whole, at, factor)
        seen = panel.read(MemoryReader(other), options.features, options.horizon)
        yield _features(clean, seen, at, how)
        days = len(np.unique(seen.panel.session))
        part = replace(fold, test=(fold.test[0], min(fold.test[1], days)))
        after = _said(stored, document["model"], seen, part)
        yield _forecasts(document["model"], (before, clean, fold), (after, seen, part), at, how)
    yield _warm(whole, clean, config)
    yield from _fits(whole, fold, stored, document["model"], config)


def _first_sessions(quotes: Reader, count: int) -> pa.Table:
    """The first `count` sessions of the quotes."""
    parts, days = [], np.empty(0, "datetime64[D]")
    for group in quotes.groups():
        parts.append(group)
        days = np.union1d(days, np.unique(column_array(group.column("session"))))
        if len(days) > count:
            break
    table = pa.concat_tables(parts).unify_dictionaries().combine_chunks()
    return table.filter(pa.array(column_array(table.column("session")) <= days[count - 1]))


def _instant(whole: pa.Table, fold: Fold) -> int:
    """A time inside the second test session, or the first where there is no second."""
    days = np.unique(column_array(whole.column("session")))
    day = days[min(fold.test[0] + 1, fold.test[1] - 1)]
    known = np.unique(compare.times(whole)[column_array(whole.column("session")) == day])
    return int(known[min(max(int(0.4 * len(known)), 1), len(known) - 1)])


def _whole(checkpoint: store.Checkpoint, model: str) -> Arrays:
    """What predict needs of the first fold: the model's arrays and those of its members."""
    out = checkpoint.part("fold0", model)
    for member in plugins.find("models", model).members:
        out |= {f"{member}/{key}": value for key, value in checkpoint.part("fold0", member).items()}
    return out


def _said(stored: Arrays, model: str, rows: Rows, fold: Fold) -> Float:
    """[n, 8] of step.OUT over the test rows of a fold."""
    test = rows.panel.of_sessions(*fold.test)
    heads = plugins.find("models", model)().predict(stored, test)
    out = np.empty((len(heads), len(step.OUT)))
    step.finish(heads, test.spread_bps, stored["finish"], out)
    return out


def _keys(rows: Rows, part: slice) -> dict[str, np.ndarray[tuple[int, ...], np.dtype[np.generic]]]:
    """symbol, session, seq of some rows."""
    data = rows.panel
    count = np.diff(data.start)
    return {
        "symbol": np.repeat(np.array(data.symbols, object)[data.symbol], count)[part],
        "session": np.repeat(data.session, count)[part].astype("datetime64[D]"),
        "seq": data.slot[part],
    }


def _test(rows: Rows, fold: Fold) -> slice:
    """Places of the test rows of a fold."""
    days = np.unique(rows.panel.session)
    low, high = np.searchsorted(rows.panel.session, (days[fold.test[0]], days[fold.test[1] - 1] + 1))
    return slice(int(rows.panel.start[low]), int(rows.panel.start[high]))


def _as_written(predictions: Reader, model: str, said: Float, rows: Rows, fold: Fold) -> Row:
    """The stored model says what predictions.parquet holds of its test rows."""
    names = ("symbol", "session", "seq", "model", *step.OUT)
    written = arrays(next(iter(predictions.groups(names, model))), names)
    n = min(len(said), len(written["seq"]))
    good = {name: compare.near(said[:n, j], written[name][:n]) for j, name in enumerate(step.OUT)}
    found = compare.first(good, {k: v[:n] for k, v in _keys(rows, _test(rows, fold)).items()})
    if found.same == found.rows:
        return Row(f"train: {model} stored says what was written", f"{n} of {n}", found.same, n, n, " rows")
    text = f"train: {found.column} of {found.place} is not what the stored {model} says"
    return Row(text, f"{n} of {n}", found.same, n, n, " rows")


def _features(clean: Rows, other: Rows, at: int, how: str) -> Row:
    """Features of the rows known before `at`."""
    one, two = clean.time < at, other.time < at
    a, b = clean.panel.x[one], other.panel.x[two]
    keys = {name: value[one] for name, value in _keys(clean, slice(None)).items()}
    good = {name: (a[:, j] == b[:, j]) | (np.isnan(a[:, j]) & np.isnan(b[:, j]))
            for j, name in enumerate(clean.panel.names)}  # fmt: skip
    return compare.claim("train", "features", compare.first(good, keys), how, "feature ")


def _forecasts(model: str, one: tuple[Float, Rows, Fold], two: tuple[Float, Rows, Fold], at: int, how: str) -> Row:
    """Forecasts of the test rows known before `at`."""
    picked = []
    for said, rows, fold in (one, two):
        part = _test(rows, fold)
        known = rows.time[part] < at
        picked.append((said[known], {k: v[known] for k, v in _keys(rows, part).items()}))
    (a, keys), (b, _) = picked
    good = {name: compare.near(a[:, j], b[:, j]) for j, name in enumerate(step.OUT)}
    return compare.claim("train", f"forecasts of {model}", compare.first(good, keys), how, f"{model}'s ")


def _warm(whole: pa.Table, clean: Rows, config: Config) -> Row:
    """Features need the rows that they say they need: begun three sessions later they are the same from then on."""
    days = np.unique(column_array(whole.column("session")))
    skipped = min(3, len(days) - 1)
    late = whole.filter(pa.array(column_array(whole.column("session")) >= days[skipped]))
    seen = panel.read(MemoryReader(late), config.train.features, config.train.horizon)
    rows = len(seen.time)
    a, b = clean.panel.x[-rows:], seen.panel.x
    order = np.argsort(np.repeat(seen.panel.symbol, np.diff(seen.panel.start)), kind="stable")
    symbol = np.repeat(seen.panel.symbol, np.diff(seen.panel.start))[order]
    rank = np.empty(rows, np.int64)
    rank[order] = np.arange(rows) - np.searchsorted(symbol, symbol)
    warm = rank >= LOOKBACK
    good = {name: (a[warm, j] == b[warm, j]) | (np.isnan(a[warm, j]) & np.isnan(b[warm, j]))
            for j, name in enumerate(clean.panel.names)}  # fmt: skip
    found = compare.first(good, {k: v[warm] for k, v in _keys(seen, slice(None)).items()})
    text = f"train: features need no more than {LOOKBACK} rows before them"
    if found.same < found.rows:
        text = f"train: feature {found.column} of {found.place} needs more than {LOOKBACK} rows before it"
    return Row(text, f"{found.rows} of {found.rows}", found.same, found.rows, found.rows, " rows")


def _fits(whole: pa.Table, fold: Fold, stored: Arrays, model: str, config: Config) -> Iterator[Row]:
    """The fit with all rows after its validation changed; its scalers with the validation changed too."""
    days = np.unique(column_array(whole.column("session")))
    day = column_array(whole.column("session"))
    options = config.train
    quick = replace(options, epochs=1, seeds=1)
    for first, chosen, names, how in (
        (fold.test[0], options, None, "everything after its validation rows"),
        (fold.valid[0], quick, store.SCALERS, "its validation rows and everything after"),
    ):
        start = int(compare.times(whole)[day >= days[first]].min())
        seen = panel.read(MemoryReader(compare.poisoned(whole, start)), options.features, options.horizon).panel
        again = jobs.fit(jobs.Task(model, seen, chosen, chosen.seed), fold, lambda _: None)
        keys = [k for k in again if k in stored and not k.startswith("history/") and k.split("/")[-1] not in SETTLED]
        keys = [k for k in keys if names is None or k.endswith(names)]
        wrong = [k for k in keys if not compare.near(np.asarray(again[k], float), np.asarray(stored[k], float)).all()]
        what = "arrays" if names is None else "scalers"
        text = f"train: {what} of {model} do not know {how}"
        if wrong:
            text = f"train: {wrong[0]} of {model}, fold 0, is fitted on {how}"
        yield Row(text, f"{len(keys)} of {len(keys)}", len(keys) - len(wrong), len(keys), len(keys), f" {what}")

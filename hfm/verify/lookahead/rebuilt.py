"""Quotes made again of bars, and features of quotes, whose future is cut off or another."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np
import pyarrow as pa

from hfm.artifacts import BARS, BOOK, ORACLE, QUOTES
from hfm.config import Config
from hfm.features.bar_features import LOOKBACK
from hfm.plugins import Float, Int
from hfm.tables import MemoryReader, Reader, column_array
from hfm.train import training_panel
from hfm.train.training_panel import ForecastTask, TrainingRows
from hfm.verify.claims import Row
from hfm.verify.in_memory_run import InMemoryRun
from hfm.verify.lookahead import compare, cuts
from hfm.verify.lookahead.compare import Difference, Keys

SESSIONS, BOOK_SESSIONS = 40, 2
NOT_QUOTES = ("symbol", "session", "seq", "time")
SIMULATED, FEATURED = 120_000, 3_000_000
"""Rows that are simulated again, and of which features are made again, at most."""
CUTS = {"simulate": 8, "features": 40}
"""Most cut points of a kind of future."""


def quotes(readers: Mapping[str, Reader], config: Config, rng: np.random.Generator) -> Iterator[Row]:
    """Quotes and oracle up to a row, made of bars (or a book) that are other ones from there on, or end there.

    Parameters
    ----------
    readers
        Artifact -> reader: bars or a book, quotes and oracle.
    config
        The run's.
    rng
        Draws the cuts.

    Yields
    ------
    Row
        One a table and kind of future.
    """
    name = BARS if BARS in readers else BOOK
    book = name == BOOK or config.simulate.fidelity != "bars"
    head = _head(readers[name], BOOK_SESSIONS if book else SESSIONS)
    found: dict[tuple[str, str], list[Difference]] = {}
    before = {a: readers[a].read() for a in (QUOTES, ORACLE)}
    points = [compare.instant(head, 1.0)] if book else _instants(rng, head, SIMULATED, CUTS["simulate"])
    for at in points:
        futures = [(compare.GONE, compare.cut(head, at))]
        if name == BARS:
            futures.append((compare.CHANGED, compare.poisoned(head, at)))
        for how, other in futures:
            market = InMemoryRun(config, {name: other}).through("simulate")
            known = at if name == BARS else min(at, int(compare.times(other).max()))
            for artifact, table in before.items():
                columns = [c for c in table.column_names if c not in NOT_QUOTES]
                part = compare.difference(table, market.table(artifact), known, columns)
                found.setdefault((artifact, how), []).append(part)
    for (artifact, how), parts in sorted(found.items(), key=lambda item: item[0][1] != compare.GONE):
        what = artifact.split("/")[1].removesuffix(".parquet")
        yield compare.claim("simulate", what, compare.total(parts), how, cuts=len(parts))


def _head(reader: Reader, sessions: int) -> pa.Table:
    """The first sessions of a table, read no further than it takes."""
    parts, days = [], np.empty(0, "datetime64[D]")
    for group in reader.groups():
        parts.append(group)
        days = np.union1d(days, np.unique(column_array(group.column("session"))))
        if len(days) > sessions:
            break
    table = pa.concat_tables(parts).unify_dictionaries().combine_chunks()
    day = column_array(table.column("session"))
    return table.filter(pa.array(day <= days[min(sessions, len(days)) - 1]))


def _instants(rng: np.random.Generator, table: pa.Table, budget: int, most: int) -> list[int]:
    """Times of cuts, so many that half the rows of the table each are within the budget."""
    count = int(np.clip(2 * budget // max(table.num_rows, 1), 1, most))
    return cuts.instants(rng, compare.times(table), column_array(table.column("session")), count)


def features(table: pa.Table, clean: TrainingRows, task: ForecastTask, rng: np.random.Generator) -> Iterator[Row]:
    """Features of all rows known before a cut, of quotes that end there or go on otherwise.

    Parameters
    ----------
    table
        The quotes.
    clean
        Their features.
    task
        What is forecast.
    rng
        Draws the cuts.

    Yields
    ------
    Row
        One a kind of future, and one that LOOKBACK rows are enough.
    """
    points = _instants(rng, table, FEATURED, CUTS["features"])
    for how, factor, some in ((compare.GONE, None, points), (compare.CHANGED, 1.5, points[::2]),
                              (compare.FALLING, 0.5, points[::4])):  # fmt: skip
        parts = []
        for at in some:
            other = compare.cut(table, at) if factor is None else compare.poisoned(table, at, factor)
            parts.append(_features(clean, training_panel.read(MemoryReader(other), task), at))
        yield compare.claim("train", "features", compare.total(parts), how, "feature ", len(parts))
    yield _warm(table, clean, task)


def keys(rows: TrainingRows) -> Keys:
    """symbol, session, seq of all rows."""
    data = rows.panel
    count = np.diff(data.start)
    return {
        "symbol": np.repeat(np.array(data.symbols, object)[data.symbol], count),
        "session": np.repeat(data.session, count).astype("datetime64[D]"),
        "seq": data.slot,
    }


def _features(clean: TrainingRows, other: TrainingRows, at: int) -> Difference:
    one, two = clean.time < at, other.time < at
    return _difference(clean, clean.panel.x[one], other.panel.x[two], {k: v[one] for k, v in keys(clean).items()})


def _difference(clean: TrainingRows, a: Float, b: Float, names: Keys) -> Difference:
    if len(a) != len(b):
        return Difference(len(a), min(len(a), len(b)), "count of rows", compare.place(names, 0))
    same = (a == b) | (np.isnan(a) & np.isnan(b))
    if same.all():
        return Difference(len(a), len(a))
    return compare.first({name: same[:, j] for j, name in enumerate(clean.panel.names)}, names)


def _warm(table: pa.Table, clean: TrainingRows, task: ForecastTask) -> Row:
    """Features need the rows that they say they need: begun later, they are the same LOOKBACK rows on."""
    days = np.unique(column_array(table.column("session")))
    late = table.filter(pa.array(column_array(table.column("session")) >= days[min(3, len(days) - 1)]))
    if len(days) == 1:
        late = table.slice(min(LOOKBACK, table.num_rows // 2))
    late_rows = training_panel.read(MemoryReader(late), task)
    rows = len(late_rows.time)
    warm = _rank(late_rows) >= LOOKBACK
    names = {k: v[warm] for k, v in keys(late_rows).items()}
    found = _difference(clean, clean.panel.x[-rows:][warm], late_rows.panel.x[warm], names)
    text = f"train: features need no more than {LOOKBACK} rows before them"
    if found.same < found.rows:
        text = f"train: feature {found.column} of {found.place} needs more than {LOOKBACK} rows before it"
    return compare.line(text, found)


def _rank(rows: TrainingRows) -> Int:
    """How many rows of the same symbol stand before each."""
    symbol = np.repeat(rows.panel.symbol, np.diff(rows.panel.start))
    order = np.argsort(symbol, kind="stable")
    rank = np.empty(len(symbol), np.int64)
    rank[order] = np.arange(len(symbol)) - np.searchsorted(symbol[order], symbol[order])
    return rank

"""Nothing knows what comes later: change the future and the past stands; stop anywhere and go on as if nothing was."""

from __future__ import annotations

import itertools

import numpy as np
import pyarrow as pa

from hfm.artifacts import BARS, ORACLE, PREDICTIONS, QUOTES
from hfm.features.bar_features import state_new
from hfm.features.batch import GROUPS, INPUTS, compute
from hfm.tables import arrays, column_array, meta_of
from hfm.verify.claims import Row
from hfm.verify.in_memory_run import InMemoryRun, synthetic
from hfm.verify.lookahead import compare

SESSIONS = 40


def poisoned(bars: pa.Table, row: int) -> pa.Table:
    """Bars with every price and volume from a row on made another.

    Parameters
    ----------
    bars
        [n].
    row
        The first that changes.

    Returns
    -------
    pa.Table
        [n].
    """
    factor = np.where(np.arange(bars.num_rows) < row, 1.0, 1.5)
    for name in ("open", "high", "low", "close", "volume"):
        at = bars.schema.get_field_index(name)
        bars = bars.set_column(at, bars.schema.field(at), pa.array(column_array(bars[name]) * factor))
    return bars


def equal_rows(a: pa.Table, b: pa.Table, rows: int) -> int:
    """How many of the first rows of two tables are bit-equal.

    Parameters
    ----------
    a, b
        Of the same columns.
    rows
        How many are compared.

    Returns
    -------
    int
        Rows that are equal in every column, NaN being equal to NaN.
    """
    same = np.ones(rows, bool)
    for name in a.column_names:
        x, y = column_array(a[name])[:rows], column_array(b[name])[:rows]
        same &= (x == y) | ((x != x) & (y != y))
    return int(same.sum())


def features_of(run: InMemoryRun, *cuts: int) -> np.ndarray:
    """Default features of a market's quotes, fed in pieces, the state carried over.

    Parameters
    ----------
    run
        With quotes of SPY, n rows.
    *cuts
        Where pieces end; the last ends with the table.

    Returns
    -------
    np.ndarray
        [n, F].
    """
    table = run.table(QUOTES)
    about = meta_of(table.schema)
    states = {"SPY": state_new(about.slots_per_session, about.interval_s)}
    columns = arrays(table, list(INPUTS))
    borders = (0, *cuts, table.num_rows)
    pieces = [slice(a, b) for a, b in itertools.pairwise(borders)]
    return np.concatenate([compute({k: v[p] for k, v in columns.items()}, states, GROUPS["default"]) for p in pieces])


def bit_equal(a: np.ndarray, b: np.ndarray) -> int:
    """How many rows of two matrices are bit-equal.

    Parameters
    ----------
    a, b
        [n, F].

    Returns
    -------
    int
        Rows that are equal in every column, NaN being equal to NaN.
    """
    return int(((a == b) | (np.isnan(a) & np.isnan(b))).all(1).sum())


def future_poison() -> list[Row]:
    """Other bars after row t leave quotes, oracle and features up to t bit-equal."""
    base = synthetic(SESSIONS, 31)
    bars = base.table(BARS)
    rows = bars.num_rows * 3 // 4 + 17
    clean = base.through("simulate")
    other = base.replaced(bars=poisoned(bars, rows)).through("simulate")
    out = []
    for name in (QUOTES, ORACLE):
        got = equal_rows(clean.table(name), other.table(name), rows)
        out.append(Row(f"{name} rows that ignore a poisoned future", f"{rows} of {rows}", got, rows, rows))
    got = bit_equal(features_of(clean)[:rows], features_of(other)[:rows])
    out.append(Row("feature rows that ignore a poisoned future", f"{rows} of {rows}", got, rows, rows))
    return out


def forecast_poison() -> list[Row]:
    """Other bars after row t, carried all the way: forecasts of the rows up to t are the same in every bit."""
    base = synthetic(SESSIONS, 33, {"train": {"model": "logistic"}})
    bars = base.table(BARS)
    at = compare.instant(bars, 0.7)
    clean = base.through("simulate", "train").table(PREDICTIONS)
    other = base.replaced(bars=compare.poisoned(bars, at)).through("simulate", "train").table(PREDICTIONS)
    names = ("p_up", "p_raw", "conf_rank", "ret_sd_bps", "spread_q10", "spread_q50", "spread_q90", "p_widen")
    found = compare.difference(clean, other, at, names)
    text = "forecasts that ignore a poisoned future, from the bars on"
    if found.same < found.rows:
        text = f"{text}: {found.column} of {found.place} does not"
    return [Row(text, f"{found.rows} of {found.rows}", found.same, found.rows, found.rows)]


def split_and_resume() -> list[Row]:
    """Features of a market fed in two pieces, the state carried over, equal those of one piece bit for bit."""
    run = synthetic(SESSIONS, 32).through("simulate")
    base = features_of(run)
    n = len(base)
    got = bit_equal(features_of(run, 5, n // 2 + 7), base)
    return [Row("feature rows of a split feed equal to the whole", f"{n} of {n}", got, n, n)]

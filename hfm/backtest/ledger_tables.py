"""Between tables and the ledger's kernel: rows in time order going in, ledger, trades and trials coming out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from hfm import tables
from hfm.backtest.family import Trial
from hfm.backtest.joined_panel import Panel
from hfm.backtest.prior_sessions import last_valid
from hfm.backtest.sweep.summary_ledger import EDGE, LedgerRows
from hfm.kernels.jit import bare
from hfm.ledger.records import HOT_ROW, LEDGER_ROW
from hfm.tables import TableMeta
from hfm.tables.records import Records

Float = npt.NDArray[np.float64]
Int = npt.NDArray[np.int64]
Sign = npt.NDArray[np.int8]
Array = npt.NDArray[Any]  # Any: floats, integers and flags
TILE = 2048
"""Rows turned between columns and records at a time, so that they stay in the processor's cache."""


def time_order(panel: Panel) -> Int | None:
    """Row numbers in time order, symbols of one instant in their order; None where the rows lie so already."""
    if (panel.time[1:] >= panel.time[:-1]).all():
        return None
    return np.argsort(panel.time, kind="stable")


def kernel_rows(
    panel: Panel, sigma_day: Float, adv: Float, cost_bps: Float, order: Int | None, rows: LedgerRows
) -> None:
    """Write the kernel's input to `rows` in time order, target 0.

    Parameters
    ----------
    panel
        Quotes and forecasts, n rows.
    sigma_day, adv, cost_bps
        Of each row [n]: daily volatility (0.01 is 1 %), average daily volume (units), expected round trip (bp).
    order
        See `time_order`.
    rows
        Room for n rows, overwritten. What the panel has not read is NaN, at which nothing fills.
    """
    columns = {
        **panel.quotes, **panel.forecasts, "symbol": panel.symbol, "session": panel.session, "seq": panel.seq,
        "is_last": panel.is_last, "block": panel.block, "time_open": panel.time_open, "time": panel.time,
        "sigma_day": sigma_day, "adv": adv, "cost_bps": cost_bps,
    }  # fmt: skip
    mid = panel.quotes["mid_close"]
    if order is not None:
        mid = mid[order]
    lay(columns, order, rows)
    rows.full["target"] = 0.0
    rows.full["mark_sum"] = rows.hot["mark_sum"] = np.cumsum(np.where((mid > 0) & (mid < np.inf), mid, 0.0))


def lay(columns: Mapping[str, Array], order: Int | None, rows: LedgerRows) -> None:
    """Write columns [n] to the fields of their names, in `order` (None: theirs); a field without a column is NaN.

    A tile of rows at a time: each is then written while it is in the cache (bench `backtest rows`).
    """
    n = len(rows.full)
    fields = [(rows.full[name], columns[name]) for name in LEDGER_ROW.names or () if name in columns]
    hot = [(rows.hot[name], columns[name]) for name in HOT_ROW.names or () if name in columns]
    for name in LEDGER_ROW.names or ():
        if name not in columns and LEDGER_ROW[name].kind == "f":
            rows.full[name] = np.nan
    for start in range(0, n, TILE):
        part = slice(start, start + TILE)
        source = part if order is None else order[part]
        for field, column in (*fields, *hot):
            field[part] = column[source]


def edges(rows: Records) -> Sign:
    """[n] EDGE on rows that a summary may not pass over, else 0. rows [n] of complete sessions in time order."""
    out = np.empty(len(rows), np.int8)
    _edges(rows, out)
    return out


@bare
def _edges(rows: Records, out: Sign) -> None:
    """See edges."""
    session = 0
    for i in range(out.size):
        row = rows[i]
        inside = i > 0 and row.session == session and not row.is_last and row.mid_close > 0.0 and row.mid_close < np.inf
        session = row.session
        out[i] = 0 if inside else EDGE


def ledger_table(panel: Panel, results: Records, model: str, trial: str, meta: TableMeta) -> pa.Table:
    """The ledger's table: the panel's key, model and trial, and each field of the results under its own name.

    Parameters
    ----------
    panel
        n rows.
    results
        [n] of LEDGER_RESULT in the panel's order.
    model, trial
        Whose predictions, and the name of the policy.
    meta
        Of the table.

    Returns
    -------
    pa.Table
        tables.LEDGER.
    """
    columns: dict[str, object] = {name: panel.key.column(name) for name in panel.key.column_names}
    return tables.build(
        tables.LEDGER, {**columns, "model": model, "trial": trial, **columns_of(results)}, meta, "simulated"
    )


def columns_of(records: Records) -> dict[str, Array]:
    """Each field of records [n] as an array of its own, turned a tile at a time."""
    names = records.dtype.names or ()
    columns = {name: np.empty(len(records), records.dtype[name]) for name in names}
    pairs = [(columns[name], records[name]) for name in names]
    for start in range(0, len(records), TILE):
        part = slice(start, start + TILE)
        for column, field in pairs:
            column[part] = field[part]
    return columns


def trades_table(
    trips: Records, first: int, model: str, trial: str, symbols: Sequence[str], meta: TableMeta
) -> pa.Table:  # fmt: skip
    """Round trips as the trades table.

    Parameters
    ----------
    trips
        [m] of ROUND_TRIP, sorted by entry.
    first
        Running number of the first.
    model, trial
        Whose predictions, and the name of the policy.
    symbols
        Names of the symbols' numbers.
    meta
        Of the table.

    Returns
    -------
    pa.Table
        tables.TRADES.
    """
    fields = columns_of(trips)
    columns: dict[str, object] = {
        **{name: fields[name] for name in tables.TRADES.names if name in fields},
        "symbol": word_column(fields["symbol"].astype(np.int32), symbols),
        "session": fields["session"].astype("datetime64[D]"),
        "trade": np.arange(first, first + len(trips)),
        "model": model,
        "trial": trial,
        "exit_session": fields["exit_session"].astype("datetime64[D]"),
    }
    return tables.build(tables.TRADES, columns, meta, "simulated")


def by_entry(trips: Records) -> Records:
    """Round trips sorted by session, symbol and seq of their entry, then by their end."""
    return trips[np.lexsort((trips["exit_time"], trips["seq"], trips["symbol"], trips["session"]))]


def trials_table(
    panel: Panel,
    trials: Sequence[Trial],
    sums: Records,
    bounce: Mapping[str, Float],
    cash: float,
    symbols: Sequence[str],
    meta: TableMeta,
) -> pa.Table:
    """Each trial's row for each block of the panel; trials sorted by name.

    Parameters
    ----------
    panel
        Whose blocks the rows are of.
    trials
        [K], sorted by name.
    sums
        [K, B] of BLOCK_SUMS.
    bounce
        Further columns, [K, B] each: see Bounce.take; empty where mids are no prices of trades.
    cash
        Capital that returns are over, currency.
    symbols
        Names of the symbols' numbers.
    meta
        Of the table.

    Returns
    -------
    pa.Table
        tables.TRIALS.
    """
    count, blocks = len(trials), len(panel.borders) - 1
    starts = panel.borders[:-1]
    each = np.repeat(np.arange(blocks), count)
    flat = sums.T.reshape(blocks * count)
    place = np.tile(np.arange(count, dtype=np.int32), blocks)
    columns: dict[str, object] = {
        "symbol": word_column(panel.symbol[starts][each].astype(np.int32), symbols),
        "session": panel.session[starts][each].astype("datetime64[D]"),
        "seq": np.zeros(blocks * count, np.int64),
        "time": panel.time[panel.borders[1:] - 1][each],
        "trial": word_column(place, [t.name for t in trials]),
        "user": np.array([t.user for t in trials])[place],
        "net_return": flat["net"] / cash,
        "gross_return": flat["gross"] / cash,
        "exposure": flat["held"] / np.diff(panel.borders)[each] / cash,
        "hold_return": hold(panel)[each],
        "trips": flat["trips"].astype(np.int64),
    }
    for name in ("late_return", "late_exposure", "free_return", "free_turnover"):
        columns[name] = bounce[name].T.reshape(-1) if name in bounce else np.full(blocks * count, np.nan)
    return tables.build(tables.TRIALS, columns, meta, "simulated")


def hold(panel: Panel) -> Float:
    """[B] return of holding over the hours traded: from the open after the first prediction to the last close.

    0 for a block without predictions or without two prices.
    """
    starts, ends = panel.borders[:-1], panel.borders[1:]
    row = np.arange(len(panel.seq))
    first = np.minimum.reduceat(np.where(panel.predicted, row, len(row)), starts) + 1
    fits = first < ends
    begin = panel.quotes["mid_open"][np.where(fits, first, starts)]
    end = last_valid(panel.quotes["mid_close"], panel.borders)
    good = fits & (begin > 0) & (begin < np.inf) & (end > 0)
    return np.where(good, end / np.where(good, begin, 1.0) - 1.0, 0.0)


def word_column(index: npt.NDArray[np.int32], names: Sequence[str]) -> pa.DictionaryArray:
    """A word column from numbers into `names`."""
    return pa.DictionaryArray.from_arrays(tables.fixed(index), tables.strings(names))

"""Between tables and the ledger's kernel: rows in time order going in, ledger, trades and trials coming out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from hfm import tables
from hfm.backtest.family import Trial
from hfm.backtest.holding import hold
from hfm.backtest.joined_panel import JoinedPanel
from hfm.backtest.sweep.summary_ledger import EDGE, LedgerRows
from hfm.kernels.jit import bare, frozen
from hfm.ledger.ledger_records import HOT_ROW, LEDGER_ROW
from hfm.tables import TableMeta
from hfm.tables.records import Records

Float = npt.NDArray[np.float64]
Int = npt.NDArray[np.int64]
Sign = npt.NDArray[np.int8]
Array = npt.NDArray[Any]  # Any: floats, integers and flags
Words = npt.NDArray[np.uint64]
TILE = 8
"""Rows laid at a time: they stay in the processor's nearest memory."""
_HOT = HOT_ROW.itemsize // 8
TURN = 2048
"""Rows turned back into columns at a time."""


def time_order(panel: JoinedPanel) -> Int | None:
    """Row numbers in time order, symbols of one instant in their order; None where the rows lie so already."""
    if (panel.time[1:] >= panel.time[:-1]).all():
        return None
    return np.argsort(panel.time, kind="stable")


def kernel_rows(
    panel: JoinedPanel, sigma_day: Float, adv: Float, cost_bps: Float, order: Int | None, rows: LedgerRows
) -> None:
    """Write the kernel's input to `rows` in time order; their targets stay what they were.

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
    mid = panel.quotes["mid_close"]
    mark = np.where((mid > 0) & (mid < np.inf), mid, 0.0)
    if order is None:
        mark_sum = np.cumsum(mark)
    else:
        mark_sum = np.empty(len(mark))
        mark_sum[order] = np.cumsum(mark[order])
    columns = {
        **panel.quotes, **panel.forecasts, "symbol": panel.symbol, "session": panel.session, "seq": panel.seq,
        "is_last": panel.is_last, "block": panel.block, "time_open": panel.time_open, "time": panel.time,
        "sigma_day": sigma_day, "adv": adv, "cost_bps": cost_bps, "mark_sum": mark_sum,
    }  # fmt: skip
    lay(columns, order, rows)


def lay(columns: Mapping[str, Array], order: Int | None, rows: LedgerRows) -> None:
    """Write columns to the fields of their names; targets stay what they were.

    Every field is eight bytes wide, so that one kernel copies them all as such (bench `backtest rows`: 2.5 times
    NumPy's assignment field by field).

    Parameters
    ----------
    columns
        [n] each, by field of LEDGER_ROW; a field without a column becomes NaN.
    order
        [n] row numbers in which they are written; None: as they lie.
    rows
        Room for n rows, overwritten.
    """
    n = len(rows.full)
    names = [name for name in LEDGER_ROW.names or () if name != "target"]
    unknown = np.full(n, np.nan) if any(name not in columns for name in names) else np.empty(0)
    words = frozen(tuple(_eight_bytes(columns.get(name, unknown)) for name in names))
    places = np.array([_offset(name) // 8 for name in names], np.uint64)
    order = np.arange(n) if order is None else order
    full, hot = (records.view(np.uint64).reshape(n, -1) for records in rows)
    _lay(words, places, order.view(np.uint64), full, hot)


def _offset(name: str) -> int:
    """Bytes before a field of LEDGER_ROW."""
    fields = LEDGER_ROW.fields
    assert fields is not None  # it is a structured dtype
    return int(fields[name][1])


def _eight_bytes(column: Array) -> Words:
    """The bits of a column's values, eight bytes each: floats and integers as they are, flags as 0 and 1."""
    wide = column if column.dtype.itemsize == 8 else column.astype(np.int64)
    return np.ascontiguousarray(wide).view(np.uint64)


@bare
def _lay(words: tuple[Words, ...], places: Words, order: Words, full: Words, hot: Words) -> None:
    """words [n] to column places[k] of full [n, fields], TILE rows at a time; the first of them to hot as well."""
    for start in range(0, order.size, TILE):
        stop = min(start + TILE, order.size)
        for k in range(places.size):
            column, place = words[k], places[k]
            for i in range(start, stop):
                full[i, place] = column[order[i]]
        for i in range(start, stop):
            for k in range(_HOT):
                hot[i, k] = full[i, k]


def edges(rows: Records) -> Sign:
    """Which rows a summary may not pass over.

    Parameters
    ----------
    rows
        [n] of LEDGER_ROW: complete sessions in time order.

    Returns
    -------
    Sign
        [n] EDGE on a session's first and last row and where there is no closing mid, else 0.
    """
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


def ledger_table(panel: JoinedPanel, results: Records, model: str, trial: str, meta: TableMeta) -> pa.Table:
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
        tables.LEDGER, {**columns, "model": model, "trial": trial, **_columns_of(results)}, meta, "simulated"
    )


def _columns_of(records: Records) -> dict[str, Array]:
    """Each field of records [n] as an array of its own, turned a tile at a time."""
    names = records.dtype.names or ()
    columns = {name: np.empty(len(records), records.dtype[name]) for name in names}
    pairs = [(columns[name], records[name]) for name in names]
    for start in range(0, len(records), TURN):
        part = slice(start, start + TURN)
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
    fields = _columns_of(trips)
    columns: dict[str, object] = {
        **{name: fields[name] for name in tables.TRADES.names if name in fields},
        "symbol": _word_column(fields["symbol"].astype(np.int32), symbols),
        "session": fields["session"].astype("datetime64[D]"),
        "trade": np.arange(first, first + len(trips)),
        "model": model,
        "trial": trial,
        "exit_session": fields["exit_session"].astype("datetime64[D]"),
    }
    return tables.build(tables.TRADES, columns, meta, "simulated")


def by_entry(trips: Records) -> Records:
    """Round trips sorted by session, symbol and seq of their entry, then by their end.

    Parameters
    ----------
    trips
        [m] of ROUND_TRIP.

    Returns
    -------
    Records
        [m] of ROUND_TRIP.
    """
    return trips[np.lexsort((trips["exit_time"], trips["seq"], trips["symbol"], trips["session"]))]


def trials_table(
    panel: JoinedPanel,
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
        "symbol": _word_column(panel.symbol[starts][each].astype(np.int32), symbols),
        "session": panel.session[starts][each].astype("datetime64[D]"),
        "seq": np.zeros(blocks * count, np.int64),
        "time": panel.time[panel.borders[1:] - 1][each],
        "trial": _word_column(place, [t.name for t in trials]),
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


def _word_column(index: npt.NDArray[np.int32], names: Sequence[str]) -> pa.DictionaryArray:
    """A word column from numbers [n] into `names`."""
    return pa.DictionaryArray.from_arrays(tables.fixed(index), tables.strings(names))

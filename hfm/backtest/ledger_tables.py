"""Between tables and the ledger's kernel: rows in time order going in, ledger, trades and trials coming out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from hfm import tables
from hfm.backtest.family import Trial
from hfm.backtest.joined_panel import Panel
from hfm.backtest.prior_sessions import last_valid
from hfm.backtest.sweep.summary_ledger import Rows
from hfm.kernels.jit import bare, frozen
from hfm.ledger import layout as at
from hfm.tables import TableMeta

Float = npt.NDArray[np.float64]
Int = npt.NDArray[np.int64]
Sign = npt.NDArray[np.int8]
DAY_NS = 86_400 * 10**9
TILE = 4096
"""Rows turned from columns at a time, so that they stay in the processor's cache."""
_QUOTES = (
    "mid_open", "mid_close", "bid_open", "ask_open", "bid_close", "ask_close", "volume", "cash_dividend", "split_ratio",
    "trade_high", "trade_low", "depth_bid", "depth_ask", "signed_volume",
)  # fmt: skip


def time_order(panel: Panel) -> Int | None:
    """Row numbers in time order, symbols of one instant in their order; None where the rows lie so already."""
    if (panel.time[1:] >= panel.time[:-1]).all():
        return None
    return np.argsort(panel.time, kind="stable")


def kernel_rows(panel: Panel, known: tuple[Float, Float, Float], order: Int | None, rows: Rows) -> None:
    """Write the kernel's input to rows, in time order, signal 0.

    known, of each row: daily volatility (fraction), average daily volume (shares), expected round trip (bps).
    """
    n = len(panel.seq)
    unread = np.broadcast_to(np.nan, n).copy() if "trade_high" not in panel.quotes else np.empty(0)
    prices = tuple(panel.quotes.get(name, unread) for name in _QUOTES)
    forecasts = (panel.forecasts["p_up"], panel.forecasts["ret_sd_bps"])
    keys = (panel.symbol, panel.session, panel.seq, panel.time_open, panel.time, panel.block, panel.is_last.astype(int))
    order = np.arange(n) if order is None else order
    _woven(frozen(keys), frozen((*prices, *known, *forecasts)), order, rows)


@bare
def _woven(keys: tuple[Int, ...], values: tuple[Float, ...], order: Int, rows: Rows) -> None:
    """See kernel_rows."""
    symbol, session, seq, time_open, time, block, last = keys
    (mid_open, mid_close, bid_open, ask_open, bid_close, ask_close, volume, dividend, split, high, low, depth_bid,
     depth_ask, signed, sigma_day, adv, cost, p_up, ret_sd) = values  # fmt: skip
    total = 0.0
    for i in range(order.size):
        j, row = order[i], rows.whole[i]
        midnight = session[j] * DAY_NS
        row[at.R_SYMBOL], row[at.R_SESSION], row[at.R_SEQ] = symbol[j], session[j], seq[j]
        row[at.R_LAST], row[at.R_BLOCK], row[at.R_SIGNAL] = last[j], block[j], 0.0
        row[at.R_OPEN_NS], row[at.R_CLOSE_NS] = time_open[j] - midnight, time[j] - midnight
        row[at.R_MID_OPEN], row[at.R_BID_OPEN], row[at.R_ASK_OPEN] = mid_open[j], bid_open[j], ask_open[j]
        row[at.R_MID_CLOSE], row[at.R_BID_CLOSE], row[at.R_ASK_CLOSE] = mid_close[j], bid_close[j], ask_close[j]
        row[at.R_SIGMA_DAY], row[at.R_ADV], row[at.R_VOLUME] = sigma_day[j], adv[j], volume[j]
        row[at.R_HIGH], row[at.R_LOW], row[at.R_DIVIDEND], row[at.R_SPLIT] = high[j], low[j], dividend[j], split[j]
        row[at.R_P_UP], row[at.R_RET_SD], row[at.R_COST] = p_up[j], ret_sd[j], cost[j]
        row[at.R_DEPTH_BID], row[at.R_DEPTH_ASK], row[at.R_SIGNED] = depth_bid[j], depth_ask[j], signed[j]
        if mid_close[j] > 0.0 and mid_close[j] < np.inf:
            total += mid_close[j]
        row[at.R_SUM] = total
        for k in range(at.NEAR):
            rows.near[i, k] = row[k]


def edges(rows: Float) -> Sign:
    """[n] EDGE on rows that `profit` may not pass over, else 0. rows [n, ROW] of whole sessions in time order."""
    out = np.empty(len(rows), np.int8)
    _edges(rows, out)
    return out


@bare
def _edges(rows: Float, out: Sign) -> None:
    """See edges."""
    session = np.nan
    for i in range(out.size):
        mid = rows[i, at.R_MID_CLOSE]
        inside = rows[i, at.R_SESSION] == session and rows[i, at.R_LAST] == 0.0 and mid > 0.0 and mid < np.inf
        session = rows[i, at.R_SESSION]
        out[i] = 0 if inside else at.EDGE


def ledger_table(panel: Panel, out: Float, names: tuple[str, str], meta: TableMeta) -> pa.Table:
    """The ledger's rows from the kernel's results [n, OUT] in the table's order. names: model and trial."""
    columns: dict[str, object] = {name: panel.key.column(name) for name in panel.key.column_names}
    turned = np.empty((at.OUT, len(out)))
    for start in range(0, len(out), TILE):
        turned[:, start : start + TILE] = out[start : start + TILE].T
    columns |= dict(zip(tables.LEDGER.names[6:], turned, strict=True))
    columns |= {"model": names[0], "trial": names[1]}
    columns["signal"] = turned[at.O_SIGNAL].astype(np.int8)
    columns["reason"] = turned[at.O_REASON].astype(np.int32)
    return tables.build(tables.LEDGER, columns, meta, "simulated")


def trades_table(trips: Float, first: int, names: tuple[str, str], symbols: Sequence[str], meta: TableMeta) -> pa.Table:
    """Round trips [m, TRADE], sorted by entry, as the trades table; numbered from `first`."""
    session, leaving = trips[:, at.T_SESSION].astype(np.int64), trips[:, at.T_EXIT_SESSION].astype(np.int64)
    columns: dict[str, object] = {
        "symbol": words(trips[:, at.T_SYMBOL].astype(np.int32), symbols),
        "session": session.astype("datetime64[D]"),
        "seq": trips[:, at.T_SEQ].astype(np.int64),
        "time": session * DAY_NS + trips[:, at.T_NS].astype(np.int64),
        "trade": np.arange(first, first + len(trips)),
        "model": names[0],
        "trial": names[1],
        "exit_session": leaving.astype("datetime64[D]"),
        "exit_time": leaving * DAY_NS + trips[:, at.T_EXIT_NS].astype(np.int64),
        "side": trips[:, at.T_SIDE].astype(np.int8),
        "bars": trips[:, at.T_BARS].astype(np.int64),
        "reason": trips[:, at.T_REASON].astype(np.int32),
    }
    plain = {
        "qty": at.T_QTY, "entry_price": at.T_ENTRY, "exit_price": at.T_EXIT, "gross": at.T_GROSS,
        "spread_cost": at.T_SPREAD, "fee": at.T_FEE, "impact": at.T_IMPACT, "borrow": at.T_BORROW,
        "dividend": at.T_DIVIDEND, "net": at.T_NET,
    }  # fmt: skip
    columns |= {name: trips[:, place] for name, place in plain.items()}
    return tables.build(tables.TRADES, columns, meta, "simulated")


def by_entry(trips: Float) -> Float:
    """Round trips sorted by session, symbol and seq of their entry, then by their end."""
    end = trips[:, at.T_EXIT_SESSION] * DAY_NS + trips[:, at.T_EXIT_NS]
    return trips[np.lexsort((end, trips[:, at.T_SEQ], trips[:, at.T_SYMBOL], trips[:, at.T_SESSION]))]


def trials_table(
    panel: Panel,
    trials: Sequence[Trial],
    sums: Float,
    bounce: Mapping[str, Float],
    cash: float,
    symbols: Sequence[str],
    meta: TableMeta,
) -> pa.Table:
    """Each trial's row for each block of the panel, from the kernel's sums [K, B, SUMS]; trials sorted by name.

    bounce: see Bounce.take; empty where mids are no prices of trades.
    """
    count, blocks = len(trials), len(panel.borders) - 1
    starts = panel.borders[:-1]
    each = np.repeat(np.arange(blocks), count)
    flat = sums.transpose(1, 0, 2).reshape(blocks * count, at.SUMS)
    place = np.tile(np.arange(count, dtype=np.int32), blocks)
    columns: dict[str, object] = {
        "symbol": words(panel.symbol[starts][each].astype(np.int32), symbols),
        "session": panel.session[starts][each].astype("datetime64[D]"),
        "seq": np.zeros(blocks * count, np.int64),
        "time": panel.time[panel.borders[1:] - 1][each],
        "trial": words(place, [t.name for t in trials]),
        "user": np.array([t.user for t in trials])[place],
        "net_return": flat[:, at.SUM_NET] / cash,
        "gross_return": flat[:, at.SUM_GROSS] / cash,
        "exposure": flat[:, at.SUM_HELD] / np.diff(panel.borders)[each] / cash,
        "hold_return": hold(panel)[each],
        "trips": flat[:, at.SUM_TRIPS].astype(np.int64),
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


def words(index: npt.NDArray[np.int32], names: Sequence[str]) -> pa.DictionaryArray:
    """A word column from numbers into `names`."""
    return pa.DictionaryArray.from_arrays(tables.fixed(index), tables.strings(names))

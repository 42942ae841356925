"""Quotes joined to one model's predictions on (symbol, session, seq), a few whole sessions at a time.

Axes: n rows in the table's order (session, symbol, seq). A prediction without its quote, or at another time, is an
error: back-tests on shifted rows look wonderful.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from hfm import tables
from hfm.arrays import Bool, Float, Int
from hfm.backtest.prediction_feed import FORECASTS, KEY, PredictionFeed, match_rows, row_index, symbol_numbers

PRICES = (
    "mid_open", "mid_close", "bid_open", "ask_open", "bid_close", "ask_close", "volume", "cash_dividend",
    "split_ratio", "spread_bps",
)  # fmt: skip
ROWS = 36_000
"""Most rows worked on at a time, so that they stay in the processor's cache: half a row group and a session."""
EXTREMES = ("trade_high", "trade_low")
"""What the bounce floor looks at, and passive fills."""
RESTING = (*EXTREMES, "depth_bid", "depth_ask", "signed_volume")
"""What only passive fills look at."""
FLOOR = "constant"
"""The model whose direction accuracy is the base rate."""


@dataclass(frozen=True)
class JoinedPanel:
    """Rows of whole sessions. Floats are NaN where there is no prediction, y_up also where there is no label."""

    key: pa.Table
    """The key columns, for the tables that are written."""
    symbol: Int
    """Number of the symbol in the run's list."""
    session: Int
    """Days since 1970."""
    seq: Int
    time: Int
    time_open: Int
    is_last: Bool
    quotes: dict[str, Float]
    forecasts: dict[str, Float]
    y_up: Float
    floor_p: Float
    """P(up) of the constant model."""
    predicted: Bool
    borders: Int
    """[B + 1] of the (session, symbol) blocks."""

    @property
    def block(self) -> Int:
        """Number of each row's block."""
        return np.repeat(np.arange(len(self.borders) - 1), np.diff(self.borders))

    def select(self, keep: Bool) -> JoinedPanel:
        """The rows where `keep` is true.

        Parameters
        ----------
        keep : [n], the same throughout each session.

        Returns
        -------
        A panel of those sessions, in order.
        """
        sizes = np.diff(self.borders)[keep[self.borders[:-1]]]
        return JoinedPanel(
            self.key.filter(tables.fixed(keep)), self.symbol[keep], self.session[keep], self.seq[keep], self.time[keep],
            self.time_open[keep], self.is_last[keep], {k: v[keep] for k, v in self.quotes.items()},
            {k: v[keep] for k, v in self.forecasts.items()}, self.y_up[keep], self.floor_p[keep],
            self.predicted[keep], np.concatenate(([0], np.cumsum(sizes))),
        )  # fmt: skip


def panels(
    quotes: tables.Reader, predictions: tables.Reader, model: str, symbols: Sequence[str], more: Sequence[str] = ()
) -> Iterator[JoinedPanel]:
    """Panels of all sessions of `quotes`, in order.

    Parameters
    ----------
    quotes, predictions : the tables.
    model : whose predictions are joined; those of FLOOR stand beside them.
    symbols : the run's, sorted.
    more : further columns of the quotes, as RESTING.

    Yields
    ------
    Whole sessions, ROWS rows at a time or a session.

    Raises
    ------
    DataError
        For a prediction whose quote is missing or has another time; it names the first.
    UsageError
        For a model without predictions; it names those that have some.
    """
    feed, floor = PredictionFeed(predictions, model, symbols), PredictionFeed(predictions, FLOOR, symbols, ("p_up",))
    prices = (*PRICES, *more)
    for group in quotes.groups([*KEY, "time_open", "is_last", *prices]):
        for part in tables.split_sessions(group, ROWS):
            if part.num_rows:
                yield _panel(part, feed, floor, symbols, prices)
    feed.finish()


def prefetch(found: Iterator[JoinedPanel]) -> Iterator[JoinedPanel]:
    """The same panels, each read and joined while the one before it is worked on.

    Serves the rows `backtest-cold` and `backtest` of the bench: Parquet is decoded outside the interpreter's lock.

    Parameters
    ----------
    found : the panels, made as they are asked for.

    Yields
    ------
    The panels in order; an error comes in its turn.
    """
    with ThreadPoolExecutor(1) as beside:
        following = beside.submit(next, found, None)
        while (panel := following.result()) is not None:
            following = beside.submit(next, found, None)
            yield panel


def _panel(
    group: pa.Table, feed: PredictionFeed, floor_feed: PredictionFeed, symbols: Sequence[str], prices: Sequence[str]
) -> JoinedPanel:
    """The rows of `group` (whole sessions) with the predictions of both feeds for them."""
    session = tables.column_array(group.column("session")).astype(np.int64)
    symbol, seq = symbol_numbers(group.column("symbol"), symbols), tables.column_array(group.column("seq"))
    time = tables.column_array(group.column("time"))
    index = row_index(session, symbol, seq, len(symbols))
    known, floor = (each.until(int(session[-1])) for each in (feed, floor_feed))
    place = match_rows(index, time, known, symbols)
    n = len(index)
    forecasts = {name: _scatter(known.data[name], place, n) for name in FORECASTS}
    predicted = np.zeros(n, bool)
    predicted[place] = True
    return JoinedPanel(
        group.select(KEY), symbol, session, seq, time, tables.column_array(group.column("time_open")),
        tables.column_array(group.column("is_last")),
        {name: tables.column_array(group.column(name)) for name in prices}, forecasts,
        _scatter(known.data["y_up"], place, n),
        _scatter(floor.data["p_up"], match_rows(index, time, floor, symbols), n), predicted, tables.blocks(group),
    )  # fmt: skip


def _scatter(values: Float, place: Int | slice, n: int) -> Float:
    """`values` at rows `place` of n, NaN elsewhere."""
    if isinstance(place, slice):
        return values
    out = np.full(n, np.nan)
    out[place] = values
    return out

"""Quotes joined to one model's predictions on (symbol, session, seq), a few whole sessions at a time.

Axes: n rows in the table's order (session, symbol, seq). A prediction without its quote, or at another time, is an
error: back-tests on shifted rows look wonderful.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from hfm import tables
from hfm.errors import DataError, UsageError, typed

Float = npt.NDArray[np.float64]
Int = npt.NDArray[np.int64]
Bool = npt.NDArray[np.bool_]
KEY = ("symbol", "session", "seq", "time")
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
FORECASTS = ("p_up", "conf_rank", "ret_sd_bps", "p_widen", "y_ret_bps", "y_spread_bps")
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


@dataclass(frozen=True)
class _Predictions:
    """Rows of one model's predictions: `index` [m] is each row's key as one number, see _index; time in ns UTC."""

    index: Int
    time: Int
    data: dict[str, Float]

    def rows(self, rows: slice) -> _Predictions:
        """Some of the rows, without copying."""
        return _Predictions(self.index[rows], self.time[rows], {k: v[rows] for k, v in self.data.items()})


def _concatenate(parts: Sequence[_Predictions], names: Sequence[str]) -> _Predictions:
    """One after the other; names: their columns."""
    if len(parts) == 1:
        return parts[0]
    none: Int = np.empty(0, np.int64)
    return _Predictions(
        np.concatenate([p.index for p in parts] or [none]),
        np.concatenate([p.time for p in parts] or [none]),
        {k: np.concatenate([p.data[k] for p in parts] or [np.empty(0)]) for k in names},
    )


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
    feed, floor = _PredictionFeed(predictions, model, symbols), _PredictionFeed(predictions, FLOOR, symbols, ("p_up",))
    prices = (*PRICES, *more)
    for group in quotes.groups([*KEY, "time_open", "is_last", *prices]):
        for part in tables.split_sessions(group, ROWS):
            if part.num_rows:
                yield _panel(part, feed, floor, symbols, prices)
    feed.finish()


def prefetch(found: Iterator[JoinedPanel]) -> Iterator[JoinedPanel]:
    """The same panels, each read and joined while the one before it is worked on; an error comes in its turn.

    Serves the rows `backtest-cold` and `backtest` of the bench: Parquet is decoded outside the interpreter's lock.
    """
    with ThreadPoolExecutor(1) as beside:
        following = beside.submit(next, found, None)
        while (panel := following.result()) is not None:
            following = beside.submit(next, found, None)
            yield panel


def _panel(
    group: pa.Table, feed: _PredictionFeed, floor_feed: _PredictionFeed, symbols: Sequence[str], prices: Sequence[str]
) -> JoinedPanel:
    """The rows of `group` (whole sessions) with the predictions of both feeds for them."""
    session = tables.column_array(group.column("session")).astype(np.int64)
    symbol, seq = symbol_numbers(group.column("symbol"), symbols), tables.column_array(group.column("seq"))
    time = tables.column_array(group.column("time"))
    index = _index(session, symbol, seq, len(symbols))
    known, floor = (each.until(int(session[-1])) for each in (feed, floor_feed))
    place = _match(index, time, known, symbols)
    n = len(index)
    forecasts = {name: _scatter(known.data[name], place, n) for name in FORECASTS}
    predicted = np.zeros(n, bool)
    predicted[place] = True
    return JoinedPanel(
        group.select(KEY), symbol, session, seq, time, tables.column_array(group.column("time_open")),
        tables.column_array(group.column("is_last")),
        {name: tables.column_array(group.column(name)) for name in prices}, forecasts,
        _scatter(known.data["y_up"], place, n), _scatter(floor.data["p_up"], _match(index, time, floor, symbols), n),
        predicted, tables.blocks(group),
    )  # fmt: skip


def _scatter(values: Float, place: Int | slice, n: int) -> Float:
    """`values` at rows `place` of n, NaN elsewhere."""
    if isinstance(place, slice):
        return values
    out = np.full(n, np.nan)
    out[place] = values
    return out


def _match(index: Int, time: Int, known: _Predictions, symbols: Sequence[str]) -> Int | slice:
    """Row of each prediction among the quotes; all of them, as a slice, where each quote has its prediction.

    index, time [n]: of the quotes. Raises DataError for the first prediction that has no quote, or another time.
    """
    if np.array_equal(index, known.index) and np.array_equal(time, known.time):
        return slice(None)
    place = np.searchsorted(index, known.index)
    safe = np.minimum(place, len(index) - 1)
    bad = np.flatnonzero((index[safe] != known.index) | (time[safe] != known.time))
    if bad.size:
        first = int(bad[0])
        name = _row_name(int(known.index[first]), symbols)
        if index[safe[first]] != known.index[first]:
            raise _mismatch(f"the prediction for {name} has no row in the quotes")
        both = (_utc(int(known.time[first])), _utc(int(time[safe[first]])))
        raise _mismatch(f"the prediction for {name} is timed {both[0]}, its quote {both[1]}")
    return place


def _mismatch(what: str) -> DataError:
    """The error of a prediction and a quote that do not line up."""
    return DataError(what, why="predictions and quotes must line up in symbol, session, seq and time", hint="hfm train")


def _utc(ns: int) -> str:
    """An instant in ns UTC as text, to the second."""
    return f"{np.datetime64(ns, 'ns').astype('datetime64[s]')}Z"


_SEQ = 1 << 32


def _index(session: Int, symbol: Int, seq: Int, count: int) -> Int:
    """(session, symbol, seq) as one number that sorts the same; seq below 2^32."""
    out: Int = (session * count + symbol) * _SEQ + seq
    return out


def _row_name(index: int, symbols: Sequence[str]) -> str:
    """Symbol, session and seq of a key, as text."""
    rest, seq = divmod(index, _SEQ)
    session, symbol = divmod(rest, len(symbols))
    return f"{symbols[symbol]} {np.datetime64(session, 'D')} seq {seq}"


def symbol_numbers(column: pa.ChunkedArray, names: Sequence[str]) -> Int:
    """Each symbol's number.

    Parameters
    ----------
    column : a dictionary column of symbols.
    names : the symbols, sorted by spelling.

    Returns
    -------
    [n] place in `names`; -1 for a symbol that is not among them.
    """
    place = {name: i for i, name in enumerate(names)}
    parts = []
    for chunk in column.chunks:
        symbols = chunk.dictionary.to_pylist()
        lookup = np.array([place.get(symbol, -1) for symbol in symbols] or [-1], np.int64)
        parts.append(lookup[tables.column_array(pa.chunked_array([chunk.indices]))])
    return np.concatenate(parts or [np.empty(0, np.int64)])


class _PredictionFeed:
    """One model's predictions, handed out up to a session; holds one group at a time. names: the columns wanted."""

    def __init__(
        self, reader: tables.Reader, model: str, symbols: Sequence[str], names: Sequence[str] = (*FORECASTS, "y_up")
    ) -> None:
        self._reader, self._model, self._symbols, self._names = reader, model, symbols, tuple(names)
        self._groups = iter(reader.groups([*KEY, *names], model))
        self._rest: _Predictions | None = None
        self._any = False

    def until(self, session: int) -> _Predictions:
        """All that is left up to and with `session` (days since 1970)."""
        taken, end = [], (session + 1) * len(self._symbols) * _SEQ
        while (known := self._rest or self._next()) is not None:
            cut = int(np.searchsorted(known.index, end))
            taken.append(known.rows(slice(cut)))
            self._rest = known.rows(slice(cut, None)) if cut < len(known.index) else None
            if self._rest is not None:
                break
        return _concatenate(taken, self._names)

    def _next(self) -> _Predictions | None:
        """The next group; None at the end. Raises DataError for a symbol without quotes."""
        group = next(self._groups, None)
        if group is None:
            return None
        self._any |= group.num_rows > 0
        symbol = symbol_numbers(group.column("symbol"), self._symbols)
        bad = np.flatnonzero(symbol < 0)
        if bad.size:
            row = group.slice(int(bad[0]), 1).to_pylist()[0]
            raise _mismatch(
                f"the prediction for {row['symbol']} {row['session']} seq {row['seq']} has no row in the quotes"
            )
        data = tables.arrays(group, ["session", "seq", "time", *self._names])
        if "y_up" in data:
            data["y_up"] = np.where(data["y_up"] < 0, np.nan, data["y_up"])
        index = _index(data["session"].astype(np.int64), symbol, data["seq"], len(self._symbols))
        return _Predictions(index, data["time"], {k: data[k] for k in self._names})

    def finish(self) -> None:
        """Check that nothing is left.

        Raises
        ------
        DataError
            For predictions after the last quote, and where there are none at all.
        UsageError
            For a model without predictions, of a table that has those of others.
        """
        known = self.until(2**31)
        if known.index.size:
            raise _mismatch(
                f"the prediction for {_row_name(int(known.index[0]), self._symbols)} has no row in the quotes"
            )
        if self._any:
            return
        found: set[str] = set()
        for group in self._reader.groups(["model"]):
            found.update(np.unique(tables.column_array(group.column("model"))).tolist())
        if not found:
            why = "too few sessions, or all of them went into training"
            raise DataError(
                "there are no out-of-sample predictions",
                why=why,
                hint="fetch more sessions into the run, then train it again",
            )
        if self._model not in found:
            close = difflib.get_close_matches(self._model, sorted(found), 1)
            hint = ", or ".join(typed("--model", name) for name in close or sorted(found))
            raise UsageError(f"there are no predictions of the model {self._model!r}", hint=hint)

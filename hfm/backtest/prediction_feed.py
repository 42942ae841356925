"""One model's predictions, handed out session by session, and their rows among the quotes.

A row's key (session, symbol, seq) is one number, its index, that sorts the same. A prediction without its quote, or at
another time, is an error. Axes: n rows of quotes, m predictions.
"""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from hfm import tables
from hfm.arrays import Float, Int
from hfm.errors import DataError, UsageError, typed

KEY = ("symbol", "session", "seq", "time")
FORECASTS = ("p_up", "conf_rank", "ret_sd_bps", "p_widen", "y_ret_bps", "y_spread_bps")
_WHY = "predictions and quotes must line up in symbol, session, seq and time"


@dataclass(frozen=True)
class Predictions:
    """Rows of one model's predictions: `index` [m] is each row's key as one number, see row_index; time in ns UTC."""

    index: Int
    time: Int
    data: dict[str, Float]

    def rows(self, rows: slice) -> Predictions:
        """Some of the rows, without copying."""
        return Predictions(self.index[rows], self.time[rows], {k: v[rows] for k, v in self.data.items()})


def _concatenate(parts: Sequence[Predictions], names: Sequence[str]) -> Predictions:
    """One after the other; names: their columns."""
    if len(parts) == 1:
        return parts[0]
    none: Int = np.empty(0, np.int64)
    return Predictions(
        np.concatenate([p.index for p in parts] or [none]),
        np.concatenate([p.time for p in parts] or [none]),
        {k: np.concatenate([p.data[k] for p in parts] or [np.empty(0)]) for k in names},
    )


def match_rows(index: Int, time: Int, known: Predictions, symbols: Sequence[str]) -> Int | slice:
    """Row of each prediction among the quotes.

    Parameters
    ----------
    index, time : [n] of the quotes: see row_index; ns UTC.
    known : the predictions of the same sessions.
    symbols : the run's, for the error.

    Returns
    -------
    [m]; all rows, as a slice, where each quote has its prediction.

    Raises
    ------
    DataError
        For the first prediction that has no quote, or another time.
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
            raise DataError(f"the prediction for {name} has no row in the quotes", why=_WHY, hint="hfm train")
        both = (_utc(int(known.time[first])), _utc(int(time[safe[first]])))
        raise DataError(
            f"the prediction for {name} is timed {both[0]}, its quote {both[1]}", why=_WHY, hint="hfm train"
        )
    return place


def _utc(ns: int) -> str:
    """An instant in ns UTC as text, to the second."""
    return f"{np.datetime64(ns, 'ns').astype('datetime64[s]')}Z"


_SEQ = 1 << 32


def row_index(session: Int, symbol: Int, seq: Int, count: int) -> Int:
    """Each key as one number that sorts as (session, symbol, seq).

    Parameters
    ----------
    session, symbol, seq : [n] days since 1970, numbers of symbols, and below 2^32.
    count : symbols of the run.

    Returns
    -------
    [n].
    """
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


class PredictionFeed:
    """One model's predictions, handed out up to a session; holds one group at a time. names: the columns wanted."""

    def __init__(
        self, reader: tables.Reader, model: str, symbols: Sequence[str], names: Sequence[str] = (*FORECASTS, "y_up")
    ) -> None:
        self._reader, self._model, self._symbols, self._names = reader, model, symbols, tuple(names)
        self._groups = iter(reader.groups([*KEY, *names], model))
        self._rest: Predictions | None = None
        self._any = False

    def until(self, session: int) -> Predictions:
        """All that is left up to and with `session` (days since 1970)."""
        taken, end = [], (session + 1) * len(self._symbols) * _SEQ
        while (known := self._rest or self._next()) is not None:
            cut = int(np.searchsorted(known.index, end))
            taken.append(known.rows(slice(cut)))
            self._rest = known.rows(slice(cut, None)) if cut < len(known.index) else None
            if self._rest is not None:
                break
        return _concatenate(taken, self._names)

    def _next(self) -> Predictions | None:
        """The next group; None at the end. Raises DataError for a symbol without quotes."""
        group = next(self._groups, None)
        if group is None:
            return None
        self._any |= group.num_rows > 0
        symbol = symbol_numbers(group.column("symbol"), self._symbols)
        bad = np.flatnonzero(symbol < 0)
        if bad.size:
            row = group.slice(int(bad[0]), 1).to_pylist()[0]
            name = f"{row['symbol']} {row['session']} seq {row['seq']}"
            raise DataError(f"the prediction for {name} has no row in the quotes", why=_WHY, hint="hfm train")
        data = tables.arrays(group, ["session", "seq", "time", *self._names])
        if "y_up" in data:
            data["y_up"] = np.where(data["y_up"] < 0, np.nan, data["y_up"])
        index = row_index(data["session"].astype(np.int64), symbol, data["seq"], len(self._symbols))
        return Predictions(index, data["time"], {k: data[k] for k in self._names})

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
            name = _row_name(int(known.index[0]), self._symbols)
            raise DataError(f"the prediction for {name} has no row in the quotes", why=_WHY, hint="hfm train")
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

"""What a row is: a record of QUOTE, made from the columns of a table or from a JSON object.

A JSON row has the columns of the quotes table by name: `session` an ISO day, `time` and `time_open` ISO times with a
zone (or ns UTC as integers), `is_last` a boolean, finite numbers or null (not known; NaN, too) for the rest. Columns
that no step reads may be left out, and `imbalance` and `micro_bps` too, which only an order book knows. Of a name that
is given twice the last one counts.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any

import numpy as np

from hfm.arrays import Array
from hfm.errors import DataError
from hfm.features import bar_features
from hfm.instants import DAY_NS
from hfm.tables.records import FIELDS, QUOTE, Codec, Records, Values, blank, fill
from hfm.tables.schema import QUOTES

COLUMNS = tuple(QUOTES.names)
"""Columns of the quotes table that become fields."""
CODEC = Codec(QUOTE)
_KEY = ("symbol", "session", "seq", "time_open", "time", "is_last")
READ = {*bar_features.INPUTS, "bid_open", "ask_open", "bid_close", "ask_close", "trade_high", "trade_low"}
"""What the steps read beside the key; the last of them only the ledger."""
_OF_A_BOOK = ("imbalance", "micro_bps")
_PLACE = {name: place for place, name in enumerate(CODEC.names)}
_NEEDED = tuple((_PLACE[name], name) for name in COLUMNS if name in READ - {*_KEY, *_OF_A_BOOK})
_OPTIONAL = tuple((_PLACE[name], name) for name in _OF_A_BOOK)
_UNREAD = tuple(
    (_PLACE[c.name], c.name, FIELDS[c.kind]) for c in QUOTES.columns if c.name not in {*READ, *_KEY, *_OF_A_BOOK}
)
_BLANK = list(blank(1, QUOTE)[0].tolist())
_SYMBOL, _SESSION, _SEQ, _TIME_OPEN, _TIME, _IS_LAST = (_PLACE[name] for name in _KEY)
_LARGEST = 2**31 - 1
"""Of integers in columns that no step reads: any field holds it."""
_HINT = "send a JSON object of quotes columns a line: see hfm/tables/schema.py"
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_FIRST = date(1970, 1, 1).toordinal()


def quote_records(columns: Mapping[str, Array], numbers: Mapping[str, int]) -> Records:
    """Rows of the quotes table as records.

    Parameters
    ----------
    columns : mapping of str to array [n]
        The columns COLUMNS as `tables.arrays` gives them.
    numbers : mapping of str to int
        Number of each symbol; -1 where it has none.

    Returns
    -------
    records [n] of QUOTE
    """
    symbol = np.array([numbers.get(name, -1) for name in columns["symbol"].tolist()], np.int64)
    out = np.empty(len(symbol), QUOTE)
    fill(out, {**columns, "symbol": symbol})
    return out


def parse(item: object, numbers: Mapping[str, int]) -> Values:
    """A JSON row as values of QUOTE.

    Parameters
    ----------
    item : object
        A value that was JSON.
    numbers : mapping of str to int
        Number of each symbol that is known.

    Returns
    -------
    Values
        Floats that are not known are NaN; times are ns UTC, the session days since 1970.

    Raises
    ------
    DataError
        With what is wrong; of a symbol that is not known, too.
    """
    if not isinstance(item, Mapping):
        raise DataError("a row is a JSON object", hint=_HINT)
    values = _BLANK.copy()
    try:
        symbol = item["symbol"]
        day = date.fromisoformat(item["session"]).toordinal() - _FIRST
        seq, last = item["seq"], item["is_last"]
        begin, end = _instant(item["time_open"]), _instant(item["time"])
        _take_numbers(item, values)
    except KeyError as e:
        raise DataError(f"column {e.args[0]} is missing", hint=_HINT) from None
    except (TypeError, ValueError, OverflowError) as e:
        raise DataError(f"a value has the wrong form: {str(e)[:120]}", hint=_HINT) from None
    if not isinstance(symbol, str) or type(seq) is not int or type(last) is not bool:
        raise DataError("symbol is a string, seq an integer, is_last true or false", hint=_HINT)
    midnight = day * DAY_NS
    if not (0 <= seq < 2**32 and abs(day) < 2**16 and -2 * DAY_NS < begin - midnight < end - midnight < 3 * DAY_NS):
        what = "seq is at least 0, and time_open lies before time, both near their session's date (1791 to 2149)"
        raise DataError(what, hint=_HINT)
    number = numbers.get(symbol, -1)
    if number < 0:
        raise DataError(f"symbol {symbol[:20]!r} is not one of the run's", hint="")
    values[_SYMBOL], values[_SESSION], values[_SEQ], values[_IS_LAST] = number, day, seq, last
    values[_TIME_OPEN], values[_TIME] = begin, end
    return CODEC.make(values)


def _take_numbers(item: Mapping[str, Any], values: list[Any]) -> None:  # Any: JSON; numbers of several types
    """Write a row's numbers to their places; of columns that no step reads those that are none are not known."""
    for place, name in _NEEDED:
        value = item[name]
        values[place] = value if type(value) is float and -math.inf < value < math.inf else _number(value)
    for place, name in _OPTIONAL:
        values[place] = _number(item.get(name))
    for place, name, form in _UNREAD:
        value = item.get(name)
        integer = type(value) is int and -_LARGEST <= value <= _LARGEST
        if integer or (form == "f8" and type(value) is float and -math.inf < value < math.inf):
            values[place] = value


def _number(value: Any) -> float:  # Any: JSON
    """A finite number, or NaN for what is not known."""
    if value is None or value != value:
        return math.nan
    if type(value) not in (int, float) or abs(value) == math.inf:
        raise TypeError(f"{value!r} is no finite number")
    return float(value)


def _instant(value: Any) -> int:  # Any: JSON
    """Ns UTC of an ISO time with a zone, or of ns UTC."""
    if type(value) is int:
        return value
    instant = datetime.fromisoformat(value)
    if instant.tzinfo is None:
        raise ValueError(f"{value!r} has no zone")
    return (instant - _EPOCH) // timedelta(microseconds=1) * 1000


def spell_time(ns: int) -> str:
    """ISO time of `ns` UTC, as short as it is exact."""
    text = str(np.datetime64(ns, "ns"))
    return f"{text.rstrip('0').rstrip('.') if '.' in text else text}Z"


def spell_day(day: int) -> str:
    """ISO date of `day` (days since 1970)."""
    return date.fromordinal(_FIRST + day).isoformat()

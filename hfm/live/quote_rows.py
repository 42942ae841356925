"""What a row is: quotes columns of a table, or of a JSON object, as the kernel's vector.

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

from hfm.errors import DataError
from hfm.features import bar_features as features
from hfm.live import row_step
from hfm.plugins import Float
from hfm.tables import Array

DAY_NS = 86_400 * 10**9
NAMES = (
    *features.ROW, "time_open", "time", "is_last", "bid_open", "ask_open", "bid_close", "ask_close", "trade_high",
    "trade_low",
)  # fmt: skip
"""The columns of the vector, in order; times as ns since midnight UTC of the session's date."""
COLUMNS = ("symbol", *NAMES)
_KEY = ("session", "seq", "time_open", "time", "is_last")
_OPTIONAL = tuple((NAMES.index(name), name) for name in ("imbalance", "micro_bps"))
_NUMBERS = tuple((j, name) for j, name in enumerate(NAMES) if name not in _KEY and (j, name) not in _OPTIONAL)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_FIRST = date(1970, 1, 1).toordinal()


def matrix(columns: Mapping[str, Array]) -> Float:
    """float64 [n, ROW] of quotes columns as `tables.arrays` gives them."""
    out = np.empty((len(columns["seq"]), row_step.ROW))
    session = columns["session"].astype("datetime64[D]").astype(np.int64)
    for j, name in enumerate(NAMES):
        data = columns[name]
        out[:, j] = session if name == "session" else data - session * DAY_NS if name in _KEY[2:4] else data
    return out


def parse(item: object, row: Float) -> str:
    """The symbol of a JSON row; its vector is written to `row` [ROW]. Raises DataError with what is wrong."""
    if not isinstance(item, Mapping):
        raise _bad("a row is a JSON object")
    try:
        symbol = item["symbol"]
        day = date.fromisoformat(item["session"]).toordinal() - _FIRST
        seq, last = item["seq"], item["is_last"]
        begin, end = _since(item["time_open"], day), _since(item["time"], day)
        row[0], row[1], row[row_step.V_OPEN_NS], row[row_step.V_CLOSE_NS] = day, seq, begin, end
        row[row_step.V_LAST] = last
        for j, name in _NUMBERS:
            value = item[name]
            row[j] = value if type(value) is float and -math.inf < value < math.inf else _number(value)
        for j, name in _OPTIONAL:
            row[j] = _number(item.get(name))
    except KeyError as e:
        raise _bad(f"column {e.args[0]} is missing") from None
    except (TypeError, ValueError, OverflowError) as e:
        raise _bad(f"a value has the wrong form: {str(e)[:120]}") from None
    if not isinstance(symbol, str) or type(seq) is not int or type(last) is not bool:
        raise _bad("symbol is a string, seq an integer, is_last true or false")
    if not (0 <= seq < 2**32 and abs(day) < 2**16 and -2 * DAY_NS < begin < end < 3 * DAY_NS):
        raise _bad("seq is at least 0, and time_open lies before time, both near their session's date (1791 to 2149)")
    return symbol


def _number(value: Any) -> float:  # Any: JSON
    """A finite number, or NaN for what is not known."""
    if value is None or value != value:
        return math.nan
    if type(value) not in (int, float) or abs(value) == math.inf:
        raise TypeError(f"{value!r} is no finite number")
    return float(value)


def _since(value: Any, day: int) -> int:  # Any: JSON
    """ns since midnight UTC of `day` (days since 1970) of an ISO time with a zone, or of ns UTC."""
    if type(value) is int:
        return value - day * DAY_NS
    instant = datetime.fromisoformat(value)
    if instant.tzinfo is None:
        raise ValueError(f"{value!r} has no zone")
    return (instant - _EPOCH) // timedelta(microseconds=1) * 1000 - day * DAY_NS


def _bad(what: str) -> DataError:
    return DataError(what, hint="send a JSON object of quotes columns a line: see hfm/tables/schema.py")


def spell_time(day: int, ns: float) -> str:
    """ISO time in UTC of `ns` since midnight of `day` (days since 1970)."""
    text = str(np.datetime64(day * DAY_NS + int(ns), "ns"))
    return f"{text.rstrip('0').rstrip('.') if '.' in text else text}Z"


def spell_day(day: int) -> str:
    """ISO date of `day` (days since 1970)."""
    return date.fromordinal(_FIRST + day).isoformat()

"""A JSON row becomes the record that the table's row gives, or an error that says what is wrong with it."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from hfm import tables
from hfm.errors import DataError
from hfm.live import quote_rows
from hfm.tables.records import Values
from tests.live.market import made, objects, rows_of


def parsed(item: object) -> Values:
    """A JSON row of the only symbol."""
    return quote_rows.parse(item, {"SPY": 0})


def test_a_row_of_json_is_the_row_of_the_table_to_the_bit() -> None:
    """Every column, whichever way the times are written."""
    quotes = made().quotes.slice(0, 40)
    raw = tables.arrays(quotes, ["time", "time_open"])
    for i, (item, row) in enumerate(zip(objects(quotes), rows_of(made()), strict=False)):
        np.testing.assert_array_equal(list(parsed(item)), list(row))
        times = {name: int(values[i]) for name, values in raw.items()}
        np.testing.assert_array_equal(list(parsed({**item, **times})), list(row))


def test_null_is_not_known_and_what_only_a_book_knows_may_be_left_out() -> None:
    """Both are NaN."""
    item = objects(made().quotes.slice(0, 1))[0]
    lean = {k: v for k, v in item.items() if k not in ("imbalance", "micro_bps", "trade_open", "flags")}
    row = parsed({**lean, "volume": None, "ofi": float("nan")})
    assert all(math.isnan(v) for v in (row.volume, row.ofi, row.imbalance, row.micro_bps, row.trade_open))
    assert row.flags == 0
    assert parsed({**item, "volume": 7}).volume == 7.0


def test_columns_that_no_step_reads_are_taken_where_they_are_numbers() -> None:
    """Anything else in them is not known, and refuses no row."""
    item = objects(made().quotes.slice(0, 1))[0]
    assert parsed({**item, "trades": 12, "flags": 5}).trades == 12
    assert parsed({**item, "trades": 10**400, "flags": 2**40}).flags == 0
    odd = parsed({**item, "trades": "many", "flags": 1.5, "trade_open": None, "other": {}})
    assert math.isnan(odd.trades)
    assert math.isnan(odd.trade_open)
    assert odd.flags == 0


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"seq": 1.5}, "seq an integer"),
        ({"seq": True}, "seq an integer"),
        ({"is_last": 1}, "true or false"),
        ({"symbol": 3}, "symbol is a string"),
        ({"seq": -1}, "at least 0"),
        ({"time": "2025-01-02T15:00:00"}, "has no zone"),
        ({"time": "1999-01-02T15:00:00Z"}, "near their session's date"),
        ({"session": "soon"}, "wrong form"),
        ({"session": "9999-12-31", "time_open": "9999-12-31T15:00Z", "time": "9999-12-31T15:05Z"}, "1791 to 2149"),
        ({"mid_close": "high"}, "wrong form"),
        ({"mid_close": [1]}, "wrong form"),
        ({"mid_close": "561.2"}, "no finite number"),
        ({"volume": True}, "no finite number"),
        ({"ofi": float("inf")}, "no finite number"),
        ({"micro_bps": float("-inf")}, "no finite number"),
        ({"volume": 10**400}, "wrong form"),
    ],
)
def test_what_is_wrong_with_a_row_is_said(change: dict[str, Any], says: str) -> None:
    """Types, zones, days far away."""
    item = objects(made().quotes.slice(0, 1))[0]
    with pytest.raises(DataError, match=says):
        parsed({**item, **change})


def test_a_missing_column_is_named_and_a_list_is_no_row() -> None:
    """By the first one that is not there."""
    item = objects(made().quotes.slice(0, 1))[0]
    del item["bid_open"]
    with pytest.raises(DataError, match="bid_open is missing"):
        parsed(item)
    with pytest.raises(DataError, match="JSON object"):
        parsed([1, 2])


@pytest.mark.parametrize(
    ("ns", "text"),
    [
        (0, "2025-04-01T00:00:00Z"),
        (500_000_000, "2025-04-01T00:00:00.5Z"),
        (quote_rows.DAY_NS, "2025-04-02T00:00:00Z"),
        (60_000_000_001, "2025-04-01T00:01:00.000000001Z"),
    ],
)
def test_times_are_spelt_without_needless_zeros(ns: int, text: str) -> None:
    """ISO, UTC, as short as it is exact."""
    assert quote_rows.spell_time(20_179 * quote_rows.DAY_NS + ns) == text
    assert quote_rows.spell_day(20_179) == "2025-04-01"

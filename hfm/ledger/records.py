"""The records of the ledger: what a row brings, what a ledger remembers, what it answers, with names and true integers.

Kernels and NumPy read the same fields: `row.mid_open`, `rows["mid_open"]`. A column that a table has as well has its
name, kind and unit from hfm.tables.schema; fields that only the ledger knows stand here. Money in currency, sizes in
units of the symbol, `_ns` in nanoseconds after midnight UTC of the session's date, sessions in days since 1970.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from hfm import tables
from hfm.tables import Table

Records = npt.NDArray[np.void]
"""An array of one of the dtypes below."""
Record = Any
"""One element of such an array. Any: NumPy's stubs give no field its type."""

KINDS = {"f8": "f8", "i8": "i8", "i4": "i4", "i1": "i1", "bool": "?", "date": "i8", "time": "i8"}
"""Kind of a table's column -> NumPy's; a date is its days since 1970."""
Field = tuple[str, str]
"""Name and NumPy's kind, as numpy.dtype takes them."""


def columns_of(table: Table, *names: str) -> list[Field]:
    """Some of a table's columns as fields of a record, in the order asked for."""
    return [(name, KINDS[table[name].kind]) for name in names]


def record(*fields: Field) -> np.dtype[np.void]:
    """A structured dtype of such fields, aligned; attribute access works in plain Python as in kernels."""
    return np.dtype((np.record, np.dtype(list(fields), align=True)))


# ------------------------------------------------------------------------------------------------------ a row's inputs
_QUOTES, _FORECASTS = tables.QUOTES, tables.PREDICTIONS
HOT_ROW = record(
    *columns_of(_QUOTES, "mid_open", "bid_open", "ask_open", "mid_close"),
    ("sigma_day", "f8"),  # daily volatility of earlier sessions (0.01 is 1 %); 0: not known, no impact
    ("adv", "f8"),  # average daily volume of earlier sessions, units; 0: not known, no impact
    ("block", "i8"),  # number of the (session, symbol) block that the row's sums go to
    ("mark_sum", "f8"),  # running sum of mid_close up to the row
)
"""What P&L alone reads inside a session: 64 bytes, one line of the processor's cache (bench `backtest P&L alone`)."""

LEDGER_ROW = record(
    *((name, HOT_ROW[name].str) for name in HOT_ROW.names or ()),
    ("symbol", "i8"),  # its number
    ("session", "i8"),
    ("target", "f8"),  # wanted share of the full position, in [-1, 1], as known at the row's close; NaN: flat
    ("is_last", "?"),  # the session's last slot
    *columns_of(_QUOTES, "bid_close", "ask_close", "volume"),
    ("close_ns", "i8"),
    ("open_ns", "i8"),
    ("seq", "i8"),
    *columns_of(_QUOTES, "trade_high", "trade_low", "cash_dividend", "split_ratio"),
    *columns_of(_FORECASTS, "p_up", "ret_sd_bps"),
    ("cost_bps", "f8"),  # expected round trip
    *columns_of(_QUOTES, "depth_bid", "depth_ask", "signed_volume"),  # only a queue looks at them
)
"""One row of one symbol, HOT_ROW's fields first; then what each row of the ledger needs, then what few do."""

# ---------------------------------------------------------------------------------------------------------- parameters
FILL_NEXT_OPEN, FILL_NEXT_MID, FILL_CROSS, FILL_PASSIVE, FILL_CLOSE = 0, 1, 2, 3, 4
SIZE_FIXED, SIZE_VOL, SIZE_KELLY = 0, 1, 2

PARAMS = record(
    ("size", "f8"),  # share of the session's opening equity that is one full position
    ("spread_share", "f8"),  # effective over quoted half-spread
    ("fee", "f8"),  # a side, over notional
    ("borrow", "f8"),  # a year
    ("impact", "f8"),  # Y of the square-root law
    ("fill", "i8"),  # FILL_...
    ("hold_overnight", "?"),
    ("lot", "f8"),  # positions are multiples of it, units
    ("lots_per_unit", "f8"),  # 1 / lot
    ("tick", "f8"),  # currency
    ("sizing", "i8"),  # SIZE_...
    ("vol_target_bps", "f8"),  # sd of the capital over one row's horizon
    ("kelly", "f8"),  # share of the Kelly bet
    ("max_position", "f8"),  # limits on targets: units in one symbol,
    ("max_gross", "f8"),  # gross and net exposure over the session's opening equity,
    ("max_net", "f8"),
    ("throttle", "f8"),  # least rows between two new positions in one symbol
    ("participation", "f8"),  # limits on fills: share of the volume of the row before,
    ("max_turnover", "f8"),  # notional a session over its opening equity,
    ("max_spread_bps", "f8"),
    ("max_age_ns", "f8"),  # ns between decision and fill,
    ("collar", "f8"),  # move of the mid since the mark, as a fraction
    ("daily_loss", "f8"),  # limits on equity: loss since the session's open,
    ("max_drawdown", "f8"),  # and since the peak, as fractions
    ("keep_trips", "?"),  # no: round trips are counted, but not kept (a sweep needs no more)
    ("queue", "?"),  # a passive order waits for its turn at its price, as well as for a trade through it
)
"""What does not change with a row, one record a symbol. A limit that is not set is infinite."""

# --------------------------------------------------------------------------------------------------------------- state
LEDGER_BOOK = record(
    ("cash", "f8"),
    ("session", "i8"),  # of the last row; -1: none
    ("open_equity", "f8"),  # equity at the session's open
    ("peak", "f8"),  # highest equity
    ("traded", "f8"),  # notional traded in the session
    ("stopped_session", "i8"),  # in which the daily loss struck; -1: none
    ("halt", "i8"),  # reason bits of a halt, which only account.release takes back
)
"""What all symbols share."""

NEVER = np.iinfo(np.int64).min
"""decided_ns where no row of the session has been seen."""

LEDGER_SYMBOL = record(
    ("qty", "f8"),  # position
    ("mark", "f8"),  # the mid that values it
    ("target", "f8"),  # wanted position, units
    ("weight", "f8"),  # share of the full position of which the target was made
    ("session", "i8"),  # of the last row; -1: none
    ("rows", "i8"),  # seen
    ("bid", "f8"),  # quote, volume and time at the last row's close: what an order was decided on
    ("ask", "f8"),
    ("volume", "f8"),
    ("decided_ns", "i8"),
    ("entry_row", "i8"),  # rows seen at the last new position
    ("trip_session", "i8"),  # entry of the round trip under way,
    ("trip_seq", "i8"),
    ("trip_ns", "i8"),
    ("trip_row", "i8"),
    ("trip_side", "i8"),  # 1 long, -1 short, 0: none under way
    ("entered_qty", "f8"),  # units opened and closed (unsigned) and their fill notional,
    ("entered_notional", "f8"),
    ("left_qty", "f8"),
    ("left_notional", "f8"),
    ("mid_cash", "f8"),  # and the cash flow had all been filled at mids
    ("trip_spread", "f8"),
    ("trip_fee", "f8"),
    ("trip_impact", "f8"),
    ("trip_borrow", "f8"),
    ("trip_dividend", "f8"),
    ("queue_side", "i8"),  # of the order that rests; 0: none
    ("queue_ahead", "f8"),  # units before it in its queue
)
"""What one symbol's position, round trip and order are."""


class LedgerState(NamedTuple):
    """All that a ledger remembers, changed in place. book [1] of LEDGER_BOOK; symbol [S] of LEDGER_SYMBOL."""

    book: Records
    symbol: Records

    def copy(self) -> LedgerState:
        """The same in memory of its own."""
        return LedgerState(self.book.copy(), self.symbol.copy())


# ------------------------------------------------------------------------------------------------------------- results
_KEY = ("symbol", "session", "seq", "time")


def result_fields(table: Table) -> list[Field]:
    """The fields of a row's results: the columns of the ledger's table, all but its key and its words."""
    return columns_of(table, *(c.name for c in table.columns if c.name not in _KEY and c.kind != "word"))


LEDGER_RESULT = record(*result_fields(tables.LEDGER))
"""What a row came to: the columns of the ledger table. Another column is one line in its schema, and one in the kernel
that fills it."""

ROUND_TRIP = record(
    ("symbol", "i8"),
    ("session", "i8"),
    ("seq", "i8"),
    ("entry_ns", "i8"),
    ("exit_session", "i8"),
    ("exit_ns", "i8"),
    *columns_of(
        tables.TRADES, "side", "qty", "entry_price", "exit_price", "gross", "spread_cost", "fee", "impact", "borrow",
        "dividend", "net", "bars", "reason",
    ),
)  # fmt: skip
"""A round trip that has ended, entry first; prices in currency, costs of both sides together."""

BLOCK_SUMS = record(("net", "f8"), ("gross", "f8"), ("held", "f8"), ("trips", "f8"))
"""Of a (session, symbol) block: net and gross P&L, position x mark summed over its rows, round trips ended."""

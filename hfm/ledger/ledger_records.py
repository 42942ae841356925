"""The records of the ledger: what a row brings, what a ledger remembers, what it answers.

Kernels and NumPy read the same fields: `row.mid_open`, `rows["mid_open"]`. A column that a table has comes from
hfm.tables.schema; fields that only the ledger knows stand here, with their units. Sizes are in units of the symbol,
times in ns since 1970 UTC, sessions in days since 1970.
"""

from __future__ import annotations

from typing import Any, NamedTuple, TypeAlias

from hfm import tables
from hfm.tables.records import Records, RecordType, columns_dtype
from hfm.tables.schema import Column, Table, columns

Record: TypeAlias = Any  # one element of Records: NumPy's stubs take a field that was set for all that may be set
"""A row of Records."""


def _some(table: Table, names: str) -> tuple[Column, ...]:
    """Some of a table's columns, in the order asked for."""
    return tuple(table[name] for name in names.split())


# ------------------------------------------------------------------------------------------------------ a row's inputs
_HOT = (
    *_some(tables.QUOTES, "mid_open bid_open ask_open mid_close"),
    *columns("""
        sigma_day f8 -        daily volatility of earlier sessions (0.01 is 1 %); 0: not known, no impact
        adv       f8 units    average daily volume of earlier sessions; 0: not known, no impact
        block     i8 -        number of the (session, symbol) block that the row's sums go to
        mark_sum  f8 currency running sum of mid_close up to the row
    """),
)  # fmt: skip
HOT_ROW: RecordType = columns_dtype(_HOT)
"""What P&L alone reads inside a session: 64 bytes, one line of the processor's cache (bench `backtest P&L alone`)."""

LEDGER_ROW: RecordType = columns_dtype((
    *_HOT,
    *columns("""
        symbol    i8 -        its number
        session   i8 days     since 1970
        target    f8 -        wanted share of the full position, in [-1, 1], known at the row's close; NaN: flat
    """),
    *_some(tables.QUOTES, "is_last bid_close ask_close volume time time_open seq trade_high trade_low cash_dividend"),
    *_some(tables.QUOTES, "split_ratio"),
    *_some(tables.PREDICTIONS, "p_up ret_sd_bps"),
    *columns("cost_bps f8 bps expected round trip"),
    *_some(tables.QUOTES, "depth_bid depth_ask signed_volume"),
))  # fmt: skip
"""One row of one symbol: HOT_ROW's fields first, then what each row of the ledger needs, then what few do."""

# ---------------------------------------------------------------------------------------------------------- parameters
FILL_NEXT_OPEN, FILL_NEXT_MID, FILL_CROSS, FILL_PASSIVE, FILL_CLOSE = 0, 1, 2, 3, 4
SIZE_FIXED, SIZE_VOL, SIZE_KELLY = 0, 1, 2

PARAMS: RecordType = columns_dtype(columns("""
    capital_share  f8   -        share of the session's opening equity that is one full position
    spread_share   f8   -        effective over quoted half-spread
    fee            f8   -        a side, over notional
    borrow         f8   -        on shorts, a year
    impact         f8   -        Y of the square-root law
    fill_mode      i8   -        FILL_...
    hold_overnight bool -        positions stay overnight
    lot            f8   units    of which positions are multiples
    lots_per_unit  f8   -        1 / lot
    tick           f8   currency price step
    sizing         i8   -        SIZE_...
    vol_target_bps f8   bps      standard deviation of the capital over one row's horizon
    kelly          f8   -        share of the Kelly bet
    max_position   f8   units    limit on a target in one symbol
    max_gross      f8   -        limit on gross exposure over the session's opening equity
    max_net        f8   -        limit on net exposure over the same
    throttle       f8   rows     least between two new positions in one symbol
    participation  f8   -        limit on a fill: share of the volume of the row before
    max_turnover   f8   -        limit on the notional of a session over its opening equity
    max_spread_bps f8   bps      widest quoted spread at which a position grows
    max_age_ns     f8   ns       longest time between decision and fill
    collar         f8   -        largest move of the mid since the mark
    daily_loss     f8   -        limit on the loss since the session's open
    max_drawdown   f8   -        limit on the loss since the peak
    keep_trips     bool -        no: round trips are counted, but not kept (a sweep needs no more)
    queue          bool -        a passive order waits for its turn at its price, as well as for a trade through it
"""))  # fmt: skip
"""What does not change with a row, one record a symbol. A limit that is not set is infinite."""

# --------------------------------------------------------------------------------------------------------------- state
LEDGER_BOOK: RecordType = columns_dtype(columns("""
    cash            f8 currency cash
    session         i8 days     of the last row; -1: none
    open_equity     f8 currency equity at the session's open
    peak            f8 currency highest equity
    traded          f8 currency notional traded in the session
    stopped_session i8 days     in which the daily loss struck; -1: none
    halt            i8 -        reason bits of a halt, which only account.release takes back
"""))  # fmt: skip
"""What all symbols share."""

LEDGER_SYMBOL: RecordType = columns_dtype(columns("""
    qty              f8 units    position
    mark             f8 currency mid that values it
    session          i8 days     of the last row; -1: none
    rows             i8 rows     seen
    trip_session     i8 days     entry of the round trip under way
    trip_seq         i8 -        its seq
    trip_time        i8 ns       its instant
    trip_row         i8 rows     seen at it
    trip_side        i8 -        1 long, -1 short, 0: none under way
    entered_qty      f8 units    opened, unsigned
    entered_notional f8 currency at fill prices
    exited_qty       f8 units    closed, unsigned
    exited_notional  f8 currency at fill prices
    mid_cash         f8 currency cash flow had all been filled at mids
    trip_spread      f8 currency costs of the round trip
    trip_fee         f8 currency of the same
    trip_impact      f8 currency of the same
    trip_borrow      f8 currency of the same
    trip_dividend    f8 currency received less paid in the same
"""))  # fmt: skip
"""What one symbol's position and round trip are."""


class LedgerState(NamedTuple):
    """All that a ledger remembers, changed in place.

    book [1] of LEDGER_BOOK; symbol [S] of LEDGER_SYMBOL; order [S] of hfm.orders.order_records.ORDER.
    """

    book: Records
    symbol: Records
    order: Records

    def copy(self) -> LedgerState:
        """The same in memory of its own."""
        return LedgerState(self.book.copy(), self.symbol.copy(), self.order.copy())


# ------------------------------------------------------------------------------------------------------------- results
def result_type(table: Table) -> RecordType:
    """A row's results: the columns of the ledger's table, all but its key and its words."""
    return columns_dtype(
        tuple(c for c in table.columns if c.name not in ("session", "seq", "time") and c.kind != "word")
    )


LEDGER_RESULT: RecordType = result_type(tables.LEDGER)
"""What a row came to. Another column of the ledger is a line in its schema, and one in the kernel that fills it."""

ROUND_TRIP: RecordType = columns_dtype((
    *columns("symbol i8 - its number"),
    *_some(tables.TRADES, "session seq time exit_session exit_time side qty entry_price exit_price gross spread_cost"),
    *_some(tables.TRADES, "fee impact borrow dividend net bars reason"),
))  # fmt: skip
"""A round trip that has ended, entry first."""

BLOCK_SUMS: RecordType = columns_dtype(columns("""
    net   f8 currency P&L after costs
    gross f8 currency P&L before costs
    held  f8 currency position x mark, summed over rows
    trips f8 count    round trips ended
"""))  # fmt: skip
"""Of a (session, symbol) block."""

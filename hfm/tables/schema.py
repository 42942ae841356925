"""The schema of every Parquet artifact: column, dtype, unit, doc, version.

A table's meaning is its schema. Rows are ordered and unique by the table's `order`. Floats are NaN where a value is
not known; nothing else is null unless the schema says so (a `?` behind the kind).
"""

from __future__ import annotations

from dataclasses import dataclass

import pyarrow as pa

TYPES: dict[str, pa.DataType] = {
    "f8": pa.float64(), "i8": pa.int64(), "i4": pa.int32(), "i1": pa.int8(), "bool": pa.bool_(), "date": pa.date32(),
    "time": pa.timestamp("ns", tz="UTC"), "word": pa.dictionary(pa.int32(), pa.string()), "text": pa.string(),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Column:
    """One column: `kind` is a key of the type table, `nullable` whether null means 'no value'."""

    name: str
    kind: str
    unit: str
    doc: str
    nullable: bool = False


@dataclass(frozen=True, slots=True)
class Table:
    """The schema of one artifact. `order`: the columns that sort and identify a row.

    `lane`: a column whose values have row groups of their own on disk (see partition.py); readers give the table's
    order.
    """

    name: str
    version: int
    columns: tuple[Column, ...]
    order: tuple[str, ...]
    lane: str | None = None

    def __getitem__(self, name: str) -> Column:
        return next(c for c in self.columns if c.name == name)

    @property
    def names(self) -> list[str]:
        """Column names in order."""
        return [c.name for c in self.columns]


_KEY = """
symbol   word -          exchange symbol
session  date -          trading day in the exchange's zone
seq      i8   -          clock slot in the session for bars (a hole is a missing number), running count for events
time     time UTC        instant at which the row is complete and known (a bar's close)
"""
_ORDER = ("session", "symbol", "seq")


def columns(text: str) -> tuple[Column, ...]:
    """Columns from lines of `name kind unit doc`; a `?` behind the kind marks a nullable column."""
    found = []
    for line in text.strip().splitlines():
        if line.strip():
            name, kind, unit, doc = line.split(maxsplit=3)
            found.append(Column(name, kind.rstrip("?"), unit, doc, kind.endswith("?")))
    return tuple(found)


def _table(
    name: str, version: int, text: str, order: tuple[str, ...] = _ORDER, key: bool = True, lane: str | None = None
) -> Table:
    return Table(name, version, columns((_KEY if key else "") + text), order, lane)


BARS = _table(
    "bars",
    1,
    """
open    f8   currency first traded price
high    f8   currency highest traded price
low     f8   currency lowest traded price
close   f8   currency last traded price
volume  f8   shares   traded volume
is_last bool -        the session's last slot, by the calendar
""",
)

BOOK_LEVELS = 10
BOOK_EVENTS = (
    "add", "reduce", "delete", "execute", "execute_hidden", "cross", "halt", "quoting", "resume", "snapshot",
)  # fmt: skip
"""What can happen to an order book. halt, quoting, resume: trading stops, quotes are taken again, trading goes on.
snapshot: the feed gives the whole book, and not what changed it; it has no side, no price and size 0."""


def book(levels: int = BOOK_LEVELS) -> Table:
    """The schema of an order book with `levels` price levels a side, as it stands after each event."""
    sides = "".join(
        f"{side}_px_{i} f8 currency {word} price at level {i} (NaN: empty)\n"
        f"{side}_sz_{i} f8 shares {word} size at level {i}\n"
        for i in range(1, levels + 1) for side, word in (("bid", "bid"), ("ask", "ask"))
    )  # fmt: skip
    return _table(
        "book",
        1,
        """
event    word -        one of BOOK_EVENTS: add, reduce, delete, execute, execute_hidden, cross, halt, ..., snapshot
side     i1   -        resting side: 1 bid, -1 ask, 0 not known
price    f8   currency price of the event (NaN: none)
size     f8   shares   size of the event
order_id i8?  -        order reference where the feed has one
"""
        + sides,
    )


QUOTES = _table(
    "quotes",
    1,
    """
time_open     time UTC      instant at which the row's interval opens
is_last       bool -        the session's last slot, by the calendar
mid_open      f8   currency mid at the open
mid_high      f8   currency highest mid
mid_low       f8   currency lowest mid
mid_close     f8   currency mid at the close
bid_open      f8   currency best bid at the open
ask_open      f8   currency best ask at the open
bid_close     f8   currency best bid at the close
ask_close     f8   currency best ask at the close
trade_open    f8   currency first trade
trade_high    f8   currency highest trade
trade_low     f8   currency lowest trade
trade_close   f8   currency last trade
spread_bps    f8   bps      time-weighted quoted spread over the mid
half_spread   f8   currency effective half-spread a share
depth_bid     f8   shares   size at the best bid
depth_ask     f8   shares   size at the best ask
volume        f8   shares   traded volume
signed_volume f8   shares   buyer-initiated less seller-initiated volume
ofi           f8   shares   order-flow imbalance (Cont, Kukanov and Stoikov 2014)
trades        f8   count    number of trades (NaN: not known)
imbalance     f8   -        (bid - ask) / (bid + ask) depth at the close (NaN: not known)
micro_bps     f8   bps      microprice less mid over the mid (NaN: not known)
sigma_bps     f8   bps      forecast sd of the row's return, known before the row
cash_dividend f8   currency paid a share at the session's open
split_ratio   f8   -        new shares for one old at the session's open (1: none)
flags         i4   -        bit 0: no volume; 1: a hole lies before; 2: no price moved; 3: improbably so (stale)
""",
)

FLAG_NO_VOLUME, FLAG_AFTER_HOLE, FLAG_UNMOVED, FLAG_STALE = 1, 2, 4, 8

PRINTS = _table(
    "prints",
    1,
    """
price f8   currency of the trade
size  f8   shares   traded
side  i1   -        1 buyer-, -1 seller-initiated, 0 off the book
lit   bool -        whether it was on the book
""",
)

SNAPSHOTS = _table(
    "snapshots",
    1,
    """
bid           f8 currency best bid
ask           f8 currency best ask
depth_bid     f8 shares   size at the best bid
depth_ask     f8 shares   size at the best ask
ofi           f8 shares   order-flow imbalance since the session's open
signed_volume f8 shares   buyer-initiated less seller-initiated volume since the session's open
""",
)

ORACLE = _table(
    "oracle",
    1,
    """
p_up            f8 - exact P(next mid return > 0 | published columns up to the row)
p_up_latent     f8 - the same for one who knows the hidden state
log_spread_mean f8 log(bps) mean of the next row's log spread given the row
log_spread_sd   f8 log(bps) its standard deviation
signal          f8 -        planted signal z (0: none)
""",
)

PREDICTIONS = _table(
    "predictions",
    1,
    """
model        word -        forecaster
fold         i4   -        walk-forward fold whose test part holds the row
horizon      i4   rows     rows ahead (1 as well where the label is the next move of the mid)
time_label   time? UTC     when the label is known (null: no label)
p_up         f8   -        calibrated P(mid up, given that it moves)
p_raw        f8   -        the same before calibration
conf_rank    f8   -        share of the fold's validation |p - .5| below this row's
ret_sd_bps   f8   bps      forecast sd of the return over the horizon (NaN: no such head)
spread_q10   f8   bps      .1 quantile of the quoted spread at the horizon (NaN: no such head)
spread_q50   f8   bps      its median
spread_q90   f8   bps      its .9 quantile
p_widen      f8   -        P(the spread widens) (NaN: no such head)
y_up         i1?  -        1 up, 0 down, null no move or masked
y_ret_bps    f8   bps      mid return over the horizon (NaN: masked)
y_spread_bps f8   bps      quoted spread at the horizon (NaN: masked)
y_vol        f8   log      log volatility of the row at the horizon (NaN: masked)
""",
    (*_ORDER, "model"),
    lane="model",
)

SCORES = _table(
    "scores",
    2,
    """
model  word -    forecaster
fold   i4   -    fold, or -1 for all folds pooled
task   word -    direction, spread, volatility; direction_<n>: the sign n events ahead
metric word -    accuracy, auc, log_loss, ece, r2, mae, pinball, ...; <metric>_all_rows: with the stale rows
value  f8   metric in the metric's own unit
se     f8   metric standard error, clustered by session (NaN: not estimated)
n      i8   rows   scored
floor  f8   metric the best floor's value of the same metric (NaN: none)
floor_label word - which floor that is: a model, the larger class of the rows, ... (empty: none)
""",
    ("task", "metric", "model", "fold"),
    key=False,
)

HISTORY = _table(
    "history",
    1,
    """
model word - forecaster
fold  i4   - fold, or -1 for the final fit
seed  i4   - network of the ensemble
epoch i4   - from 0, the floor itself
split word - train or valid
loss  f8   - mean loss
lr    f8   - learning rate
""",
    ("model", "fold", "seed", "epoch", "split"),
    key=False,
)

INSAMPLE = _table(
    "insample",
    1,
    """
p_widen f8   - what the original recipe's network says of the row: P(the spread widens) (NaN: no window yet)
y_widen i1?  - 1 where the next row's spread is wider, null in the last row
fitted  bool - whether the network was fitted on the row
""",
)

BRIDGE = _table(
    "bridge",
    1,
    """
number  i4   -    of the step, from 0
step    word -    from what the original recipe prints to what holds, in order
metric  word -    accuracy, floor, return, hold, sharpe, drawdown, trades, ...
value   f8   metric in the metric's own unit (NaN: not defined)
command word -    what prints it
""",
    ("number", "metric"),
    key=False,
)

LEDGER = _table(
    "ledger",
    1,
    """
model         word -        whose predictions
trial         word -        name of the policy
signal        i1   -        1 long, -1 short, 0 flat, as known at the row's close
target        f8   shares   position that the policy wants
reason        i4   -        bit mask of why the position differs (ledger/reasons)
qty_open      f8   shares   filled at the open, signed
px_open       f8   currency price of that fill (NaN: none)
mid_at_open   f8   currency mid at that fill
qty_close     f8   shares   filled at the close, signed
px_close      f8   currency price of that fill (NaN: none)
mid_at_close  f8   currency mid at the close
spread_cost   f8   currency paid across the spread (negative: earned)
fee           f8   currency fees
impact        f8   currency market impact
borrow        f8   currency borrow on shorts
dividend      f8   currency received less paid
gross_pnl     f8   currency position times mid change
net_pnl       f8   currency gross - spread_cost - fee - impact - borrow + dividend
cash          f8   currency cash after the row
position      f8   shares   position after the row
mark          f8   currency mid that values the position
equity        f8   currency cash + sum over symbols of position x mark
""",
)

TRADES = _table(
    "trades",
    1,
    """
trade       i8   -        running number
model       word -        whose predictions
trial       word -        name of the policy
exit_session date -       trading day of the exit
exit_time   time UTC      when the round trip ended
side        i1   -        1 long, -1 short
qty         f8   shares   size
entry_price f8   currency fill price
exit_price  f8   currency fill price
gross       f8   currency at mids
spread_cost f8   currency across the spread, both sides
fee         f8   currency both sides
impact      f8   currency both sides
borrow      f8   currency on a short held overnight
dividend    f8   currency received less paid
net         f8   currency gross less costs, plus dividend
bars        i8   rows     held
reason      i4   -        bit mask of why it ended
""",
    (*_ORDER, "trade"),
)

TRIALS = _table(
    "trials",
    2,
    """
trial       word -     name of the policy: q0.9, p0.55, cost, ...
user        bool -     the one that was asked for
net_return  f8   -     net P&L over fixed capital (0.01 is 1 %)
gross_return f8  -     before costs
exposure    f8   -     mean signed position over fixed capital
hold_return f8   -     buy-and-hold over the hours traded
trips       i8   count round trips ended in the session
late_return f8   -     net_return with each signal a row later; NaN but where mids are prices of trades, as all below
late_exposure f8 -     exposure of the same
free_return f8   -     return without any cost, over fixed capital
free_turnover f8 -     notional traded without any cost, over fixed capital
""",
    ("session", "symbol", "trial"),
)

TABLES: dict[str, Table] = {
    t.name: t
    for t in (
        BARS, book(), QUOTES, PRINTS, SNAPSHOTS, ORACLE, PREDICTIONS, SCORES, HISTORY, INSAMPLE, LEDGER, TRADES, TRIALS,
        BRIDGE,
    )
}  # fmt: skip

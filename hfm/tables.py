"""The schema of every Parquet artifact, and the only code that reads or writes Parquet of a run.

A table's meaning is its schema: column, dtype, unit, doc, version. Rows are ordered and unique by the table's key; a
row group holds whole sessions. Each column's provenance (observed, estimated, simulated, planted) stands in its field
metadata, what the whole table is about (source, calendar, synthetic or not) in the schema's metadata under `hfm`.
Floats are NaN where a value is not known; nothing else is null unless the schema says so.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Protocol

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from hfm.errors import DataError

Array = npt.NDArray[Any]  # Any: the dtype is the schema's
Provenance = Literal["observed", "estimated", "simulated", "planted"]
GROUP_ROWS = 65_536
"""Rows after which a group is closed, at the next session border."""

_TYPES: dict[str, pa.DataType] = {
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
    """The schema of one artifact. `order`: the columns that sort and identify a row."""

    name: str
    version: int
    columns: tuple[Column, ...]
    order: tuple[str, ...]

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


def _table(name: str, version: int, text: str, order: tuple[str, ...] = _ORDER, key: bool = True) -> Table:
    columns = []
    for line in ((_KEY if key else "") + text).strip().splitlines():
        if not line.strip():
            continue
        column, kind, unit, doc = line.split(maxsplit=3)
        columns.append(Column(column, kind.rstrip("?"), unit, doc, kind.endswith("?")))
    return Table(name, version, tuple(columns), order)


BARS = _table("bars", 1, """
open    f8   currency first traded price
high    f8   currency highest traded price
low     f8   currency lowest traded price
close   f8   currency last traded price
volume  f8   shares   traded volume
is_last bool -        the session's last slot, by the calendar
""")

BOOK_LEVELS = 10


def book(levels: int = BOOK_LEVELS) -> Table:
    """The schema of an order book with `levels` price levels a side, as it stands after each event."""
    sides = "".join(
        f"{side}_px_{i} f8 currency {word} price at level {i} (NaN: empty)\n"
        f"{side}_sz_{i} f8 shares {word} size at level {i}\n"
        for i in range(1, levels + 1) for side, word in (("bid", "bid"), ("ask", "ask"))
    )  # fmt: skip
    return _table("book", 1, """
event    word -        add, reduce, delete, execute, execute_hidden, cross or halt
side     i1   -        resting side: 1 bid, -1 ask, 0 not known
price    f8   currency price of the event (NaN: none)
size     f8   shares   size of the event
order_id i8?  -        order reference where the feed has one
""" + sides)


QUOTES = _table("quotes", 1, """
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
flags         i4   -        bit 0: no volume; bit 1: a hole lies before the row
""")

FLAG_NO_VOLUME, FLAG_AFTER_HOLE = 1, 2

ORACLE = _table("oracle", 1, """
p_up            f8 - exact P(next mid return > 0 | published columns up to the row)
p_up_latent     f8 - the same for one who knows the hidden state
log_spread_mean f8 log(bps) mean of the next row's log spread given the row
log_spread_sd   f8 log(bps) its standard deviation
signal          f8 -        planted signal z (0: none)
""")

PREDICTIONS = _table("predictions", 1, """
model        word -        forecaster
fold         i4   -        walk-forward fold whose test part holds the row
horizon      i4   rows     rows ahead
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
""", (*_ORDER, "model"))

SCORES = _table("scores", 1, """
model  word -    forecaster
fold   i4   -    fold, or -1 for all folds pooled
task   word -    direction, spread or volatility
metric word -    accuracy, auc, log_loss, ece, r2, mae, pinball, ...
value  f8   metric in the metric's own unit
se     f8   metric standard error, clustered by session (NaN: not estimated)
n      i8   rows   scored
floor  f8   metric the best floor's value of the same metric (NaN: none)
""", ("task", "metric", "model", "fold"), key=False)

HISTORY = _table("history", 1, """
model word - forecaster
fold  i4   - fold, or -1 for the final fit
seed  i4   - network of the ensemble
epoch i4   - from 0, the floor itself
split word - train or valid
loss  f8   - mean loss
lr    f8   - learning rate
""", ("model", "fold", "seed", "epoch", "split"), key=False)

LEDGER = _table("ledger", 1, """
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
""")

TRADES = _table("trades", 1, """
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
net         f8   currency gross less costs
bars        i8   rows     held
reason      i4   -        bit mask of why it ended
""", (*_ORDER, "trade"))

TRIALS = _table("trials", 1, """
trial       word -     name of the policy: q0.9, p0.55, cost, ...
user        bool -     the one that was asked for
net_return  f8   -     net P&L over fixed capital (0.01 is 1 %)
gross_return f8  -     before costs
exposure    f8   -     mean signed position over fixed capital
hold_return f8   -     buy-and-hold over the hours traded
trips       i8   count round trips ended in the session
""", ("session", "symbol", "trial"))

TABLES: dict[str, Table] = {
    t.name: t
    for t in (BARS, book(), QUOTES, ORACLE, PREDICTIONS, SCORES, HISTORY, LEDGER, TRADES, TRIALS)
}  # fmt: skip


# --------------------------------------------------------------------------------------------------- build and check
def build(
    table: Table,
    columns: Mapping[str, object],
    meta: Mapping[str, object] | None = None,
    provenance: Mapping[str, Provenance] | Provenance | None = None,
) -> pa.Table:
    """A row group of `table` from arrays (or scalars, repeated) by column name.

    Times are datetime64[ns] or int64 ns UTC; `word` columns are arrays of str or one str. meta: JSON values for the
    whole table. provenance: of each column or of all. Raises KeyError for a column missing or unknown: a bug.
    """
    unknown = set(columns) - set(table.names)
    if unknown:
        raise KeyError(f"{table.name} has no column {sorted(unknown)}")
    n = next((len(v) for v in columns.values() if isinstance(v, (np.ndarray, pa.Array, pa.ChunkedArray, list))), 1)
    data, fields = [], []
    for column in table.columns:
        data.append(_array(columns[column.name], _TYPES[column.kind], n))
        origin = provenance if isinstance(provenance, str) else (provenance or {}).get(column.name)
        fields.append(_field(column, origin))
    return pa.table(data, schema=pa.schema(fields, metadata=_header(table, meta or {})))


def _array(value: object, kind: pa.DataType, n: int) -> pa.Array:
    if isinstance(value, (pa.Array, pa.ChunkedArray)):
        return value if value.type == kind else value.cast(kind)
    if isinstance(value, (str, int, float, bool, np.generic)) or value is None:
        if pa.types.is_dictionary(kind):
            return pa.DictionaryArray.from_arrays(pa.array(np.zeros(n, np.int32)), pa.array([value], pa.string()))
        return pa.array(np.full(n, value)).cast(kind) if value is not None else pa.nulls(n, kind)
    if pa.types.is_dictionary(kind):
        return pa.array(value, pa.string()).dictionary_encode()
    array = np.asarray(value)
    if pa.types.is_date32(kind):
        return pa.array(array.astype("datetime64[D]"))
    if pa.types.is_timestamp(kind):
        return pa.array(array.astype("datetime64[ns]")).cast(kind)
    return pa.array(array) if pa.array(array[:0]).type == kind else pa.array(array).cast(kind)


def _field(column: Column, origin: str | None) -> pa.Field:
    notes = {"unit": column.unit, "doc": column.doc}
    if origin:
        notes["provenance"] = origin
    return pa.field(column.name, _TYPES[column.kind], column.nullable, notes)


def _header(table: Table, meta: Mapping[str, object]) -> dict[bytes, bytes]:
    head = {"table": table.name, "version": table.version, "meta": dict(meta)}
    return {b"hfm": json.dumps(head, sort_keys=True).encode()}


def header(schema: pa.Schema) -> dict[str, Any]:  # Any: JSON
    """{"table", "version", "meta"} of a schema that `build` made; empty where it has none."""
    raw = (schema.metadata or {}).get(b"hfm")
    return json.loads(raw) if raw else {}


def provenance(schema: pa.Schema) -> dict[str, str]:
    """Column -> provenance, where it is known."""
    return {f.name: f.metadata[b"provenance"].decode() for f in schema if f.metadata and b"provenance" in f.metadata}


def check(group: pa.Table, table: Table) -> None:
    """Raise DataError unless `group` has exactly the schema of `table`, rows in order, keys unique, no stray null."""
    if group.column_names != table.names:
        raise _broken(table, f"columns {group.column_names}")
    for column in table.columns:
        data = group.column(column.name)
        if data.type != _TYPES[column.kind]:
            raise _broken(table, f"column {column.name} is {data.type}, not {_TYPES[column.kind]}")
        if data.null_count and not column.nullable:
            raise _broken(table, f"column {column.name} has {data.null_count} nulls")
    row = first_disorder(group, table.order)
    if row is not None:
        raise _broken(table, f"row {row} is not after the one before it in {', '.join(table.order)}")


def first_disorder(group: pa.Table, order: Sequence[str]) -> int | None:
    """Index of the first row that does not sort strictly after its predecessor by `order`, or None."""
    if group.num_rows < 2:
        return None
    later = np.zeros(group.num_rows - 1, bool)
    tied = np.ones(group.num_rows - 1, bool)
    for name in order:
        key = _rank(group.column(name))
        later |= tied & (key[1:] > key[:-1])
        tied &= key[1:] == key[:-1]
    bad = np.flatnonzero(~later)
    return int(bad[0]) + 1 if bad.size else None


def _rank(data: pa.ChunkedArray) -> Array:
    """Integers that sort as the column does (words by spelling)."""
    if not pa.types.is_dictionary(data.type):
        return column_array(data)
    merged = data.unify_dictionaries().combine_chunks()
    merged = merged.chunk(0) if isinstance(merged, pa.ChunkedArray) else merged
    rank = np.empty(len(merged.dictionary), np.int64)
    rank[np.argsort(np.array(merged.dictionary.to_pylist(), dtype=object))] = np.arange(len(rank))
    return rank[merged.indices.to_numpy()]


def _broken(table: Table, what: str) -> DataError:
    return DataError(f"table {table.name} breaks its schema (version {table.version}): {what}",
                     hint="this is a fault of the stage or plug-in that made it; run hfm verify --run")


# ------------------------------------------------------------------------------------------------------ as NumPy
def column_array(data: pa.ChunkedArray) -> Array:
    """A column as NumPy: dates as datetime64[D], times as int64 ns UTC, words as object, nulls of int8 as -1."""
    if pa.types.is_timestamp(data.type):
        data = data.cast(pa.int64())
        return (data.fill_null(np.iinfo(np.int64).min) if data.null_count else data).to_numpy()
    if pa.types.is_dictionary(data.type):
        return data.cast(pa.string()).to_numpy(zero_copy_only=False)
    if data.null_count and pa.types.is_integer(data.type):
        data = data.fill_null(-1)
    out: Array = data.to_numpy()
    return out


def arrays(group: pa.Table, names: Sequence[str] | None = None) -> dict[str, Array]:
    """Columns of a group as NumPy arrays (see column_array)."""
    return {name: column_array(group.column(name)) for name in (names or group.column_names)}


def blocks(group: pa.Table, by: Sequence[str] = ("session", "symbol")) -> Array:
    """int64 [B+1]: row borders of the runs of equal `by` in an ordered group."""
    change = np.zeros(max(group.num_rows - 1, 0), bool)
    for name in by:
        key = _rank(group.column(name))
        change |= key[1:] != key[:-1]
    return np.concatenate(([0], np.flatnonzero(change) + 1, [group.num_rows])) if group.num_rows else np.array([0])


# ------------------------------------------------------------------------------------------------------- read, write
class Reader(Protocol):
    """One artifact of an earlier stage, read-only. Tables are read by row group; documents as bytes or JSON."""

    @property
    def meta(self) -> dict[str, Any]:  # Any: JSON
        """What the table says of itself: source, calendar, synthetic, ..."""
        ...

    @property
    def schema(self) -> pa.Schema:
        """The Arrow schema, with units and provenance."""
        ...

    def groups(self, columns: Sequence[str] | None = None) -> Iterator[pa.Table]:
        """Row groups in order; each holds whole sessions."""
        ...

    def read(self, columns: Sequence[str] | None = None) -> pa.Table:
        """The whole table."""
        ...

    def data(self) -> bytes:
        """A document's bytes."""
        ...


class MemoryReader:
    """A Reader over a table or a document at hand: for verify and for tests."""

    def __init__(self, content: pa.Table | bytes) -> None:
        self._content = content

    @property
    def meta(self) -> dict[str, Any]:
        """See Reader."""
        return dict(header(self.schema).get("meta", {}))

    @property
    def schema(self) -> pa.Schema:
        """See Reader."""
        return self._content.schema

    def groups(self, columns: Sequence[str] | None = None) -> Iterator[pa.Table]:
        """The one group."""
        yield self.read(columns)

    def read(self, columns: Sequence[str] | None = None) -> pa.Table:
        """See Reader."""
        return self._content.select(list(columns)) if columns else self._content

    def data(self) -> bytes:
        """See Reader."""
        assert isinstance(self._content, bytes)
        return self._content


class FileReader:
    """A Reader over one file. Every page's checksum is verified; a flipped bit is DataError, never a wrong number."""

    def __init__(self, path: Path, remake: str) -> None:
        self.path, self._remake = path, remake

    def _open(self) -> pq.ParquetFile:
        try:
            return pq.ParquetFile(self.path, page_checksum_verification=True)
        except (pa.ArrowInvalid, OSError) as e:
            raise self._corrupt(e) from e

    def _corrupt(self, e: Exception) -> DataError:
        return DataError(f"{self.path} cannot be read", why=str(e).splitlines()[0][:200], hint=f"make it again: {self._remake}")

    @property
    def meta(self) -> dict[str, Any]:
        """See Reader."""
        return dict(header(self.schema).get("meta", {}))

    @property
    def schema(self) -> pa.Schema:
        """See Reader."""
        with self._open() as file:
            return file.schema_arrow

    def groups(self, columns: Sequence[str] | None = None) -> Iterator[pa.Table]:
        """See Reader. Raises DataError on a damaged page."""
        with self._open() as file:
            for i in range(file.num_row_groups):
                try:
                    yield file.read_row_group(i, list(columns) if columns else None)
                except (pa.ArrowInvalid, OSError) as e:
                    raise self._corrupt(e) from e

    def read(self, columns: Sequence[str] | None = None) -> pa.Table:
        """See Reader. Raises DataError on a damaged page."""
        with self._open() as file:
            try:
                return file.read(list(columns) if columns else None)
            except (pa.ArrowInvalid, OSError) as e:
                raise self._corrupt(e) from e

    def data(self) -> bytes:
        """See Reader."""
        return self.path.read_bytes()


class Writer:
    """Writes one table to a stream: checks each group, regroups to whole sessions of about GROUP_ROWS rows."""

    def __init__(self, sink: Any, table: Table) -> None:  # Any: a path or a binary file, as pyarrow takes it
        self._sink, self._table = sink, table
        self._held: list[pa.Table] = []
        self._rows = 0
        self._last: pa.Table | None = None
        self._writer: pq.ParquetWriter | None = None
        self.rows = 0

    def write(self, group: pa.Table) -> None:
        """Take the next rows: whole sessions, after all rows before them. Raises DataError where they are not."""
        check(group, self._table)
        if group.num_rows == 0 and self._writer is not None:
            return
        if self._last is not None and group.num_rows:
            border = pa.concat_tables([self._last, group.slice(0, 1)])
            if first_disorder(border, self._table.order) is not None:
                raise _broken(self._table, f"row {self.rows} (a group's first) sorts before the group before it")
            if "session" in self._table.order and pc.equal(border.column("session")[0], border.column("session")[1]).as_py():
                raise _broken(self._table, f"session {border.column('session')[1]} is spread over two groups")
        if group.num_rows:
            self._last = group.slice(group.num_rows - 1, 1).combine_chunks()
        if self._writer is None:
            self._writer = pq.ParquetWriter(self._sink, group.schema, compression="zstd", write_page_checksum=True,
                                            version="2.6", store_schema=True)
        self._held.append(group)
        self._rows += group.num_rows
        self.rows += group.num_rows
        if self._rows >= GROUP_ROWS:
            self._flush()

    def _flush(self) -> None:
        if self._writer is not None and self._held:
            merged = pa.concat_tables([g.replace_schema_metadata(None) for g in self._held]).unify_dictionaries().combine_chunks()
            for part in split_sessions(merged, GROUP_ROWS):
                self._writer.write_table(part.replace_schema_metadata(self._writer.schema.metadata), row_group_size=max(part.num_rows, 1))
        self._held, self._rows = [], 0

    def close(self) -> None:
        """Write what is held and end the file; a table with no group at all is an empty file of its schema."""
        if self._writer is None:
            self.write(empty(self._table))
        self._flush()
        assert self._writer is not None
        self._writer.close()


def empty(table: Table, meta: Mapping[str, object] | None = None) -> pa.Table:
    """A table of no rows."""
    return pa.schema([_field(c, None) for c in table.columns], metadata=_header(table, meta or {})).empty_table()


def split_sessions(group: pa.Table, rows: int) -> Iterator[pa.Table]:
    """Pieces of an ordered table, each whole sessions and, where they fit, at most about `rows` rows."""
    if "session" not in group.column_names or group.num_rows <= rows:
        yield group
        return
    borders = blocks(group, ("session",))
    start = 0
    for end, following in zip(borders[1:], [*borders[2:], borders[-1]], strict=True):
        if end == borders[-1] or following - start > rows:
            yield group.slice(start, int(end) - start)
            start = int(end)

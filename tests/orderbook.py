"""Order books of a few events, written by hand."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from hfm import tables

OPEN = 1_340_285_400_000_000_000
"""2012-06-21 09:30 in New York, ns UTC."""
SECOND = 1_000_000_000

Event = tuple[float, str, int, float, float, float, float, float, float]
"""seconds after the open, event, resting side, price, size, bid, bid size, ask, ask size."""


def book_table(events: Sequence[Event], symbol: str = "XYZ") -> pa.Table:
    """A one-level book of one session."""
    data = list(zip(*events, strict=True))
    columns: dict[str, Any] = {
        "symbol": symbol, "session": np.full(len(events), np.datetime64("2012-06-21")), "seq": np.arange(len(events)),
        "time": OPEN + (np.array(data[0]) * SECOND).astype(np.int64), "event": np.array(data[1], object),
        "side": np.array(data[2], np.int8), "price": np.array(data[3], float), "size": np.array(data[4], float),
        "order_id": pa.nulls(len(events), pa.int64()),
    }  # fmt: skip
    for name, values in zip(("bid_px_1", "bid_sz_1", "ask_px_1", "ask_sz_1"), data[5:], strict=True):
        columns[name] = np.array(values, float)
    return tables.build(tables.book(1), columns, book_meta((symbol,)), "observed")


def book_meta(symbols: Sequence[str], calendar: str = "XNYS") -> tables.TableMeta:
    """What a book table says of itself."""
    return tables.TableMeta(
        source="lobster", synthetic=False, calendar=calendar, tz="America/New_York", levels=1,
        symbols=tuple(symbols), ticks=dict.fromkeys(symbols, 0.01), notes={}, quality={},
    )  # fmt: skip


NAN = float("nan")
DAY: tuple[Event, ...] = (
    (0.5, "add", 1, 9.99, 100, 9.99, 100, NAN, 0),          # no ask yet
    (1.0, "add", -1, 10.03, 50, 9.99, 100, 10.03, 50),      # mid 10.01, spread .04
    (2.0, "add", 1, 10.01, 30, 10.01, 30, 10.03, 50),       # bid up: ofi +30, mid 10.02
    (2.0, "add", 1, 10.01, 20, 10.01, 50, 10.03, 50),       # same stamp: ofi +20
    (3.0, "execute", -1, 10.03, 10, 10.01, 50, 10.03, 40),  # a buyer takes 10: ofi +10
    (4.5, "execute", 1, 10.01, 50, 9.99, 100, 10.03, 40),   # a seller takes the bid: ofi -50, mid 10.01
    (4.5, "execute_hidden", 0, 10.00, 5, 9.99, 100, 10.03, 40),  # no side: below the mid, a seller
    (6.0, "delete", -1, 10.03, 40, 9.99, 100, NAN, 0),      # the ask empties: ofi +40
    (7.0, "add", -1, 10.02, 10, 9.99, 100, 10.02, 10),      # it comes back lower: ofi -10, mid 10.005
)  # fmt: skip
"""A short day, with an empty side at both ends."""


def queue_race(
    count: int, seed: int = 0, seconds: float = 3600.0, day: str = "2012-06-21", symbol: str = "XYZ"
) -> pa.Table:
    """A one-level book of `count` events in which the queue that empties first says which way both prices move a tick.

    Queues begin with 1 to 4 lots of 100 after each move and shrink by one twice as often as they grow; some of
    the shrinking is trades. So imbalance says which way the mid moves next, and nothing says more. Times are
    those of a Poisson stream, `seconds` long.
    """
    rng = np.random.default_rng(seed)
    gaps = rng.exponential(1.0, count)
    time = np.cumsum(gaps) / gaps.sum() * (seconds - 1.0)
    lot, chance, fresh = rng.integers(0, 2, count), rng.random(count), rng.integers(1, 5, (count, 2))
    bid, size, events = 10_000, [3, 3], list[Event]()
    for i in range(count):
        at = int(lot[i])
        grow, where = chance[i] < 0.35, (bid + at) / 100
        word = "add" if grow else "execute" if chance[i] > 0.8 else "reduce"
        size[at] += 1 if grow else -1
        if size[at] == 0:
            bid, size = bid + (-1 if at == 0 else 1), fresh[i].tolist()
        after = (bid / 100, 100.0 * size[0], (bid + 1) / 100, 100.0 * size[1])
        events.append((float(time[i]), word, 1 if at == 0 else -1, where, 100.0, *after))
    return _on(book_table(events, symbol), day)


def _on(table: pa.Table, day: str) -> pa.Table:
    """The same book on another day."""
    shift = int((np.datetime64(day) - np.datetime64("2012-06-21")).astype(int)) * 86_400 * SECOND
    days, time = np.full(table.num_rows, np.datetime64(day)), tables.column_array(table["time"]) + shift
    for name, values in (("session", days), ("time", time)):
        at = table.schema.get_field_index(name)
        table = table.set_column(at, table.schema.field(at), pa.array(values).cast(table.schema.field(at).type))
    return table


def replayed(*books: pa.Table, every: str = "event") -> pa.Table:
    """Quotes of such books, one row a time stamp (or on a clock), by the simulate stage."""
    from hfm.config import Config, Simulate
    from hfm.simulate import stage
    from hfm.stage import Context

    config, parts = Config(simulate=Simulate(fidelity="replay", every=every)), []
    for book in books:
        made = stage.run({"fetch/book.parquet": tables.MemoryReader(book)}, config, Context("simulate"))
        parts += [part for name, part in made if name == "simulate/quotes.parquet"]
    return pa.concat_tables(parts).unify_dictionaries()

"""Order-book events of one (session, symbol) as a row group of the book table, and what is to be said of them."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from hfm import tables
from hfm.arrays import Float, Int
from hfm.fetch.quality.level_shifts import LEAP
from hfm.raw_data import RawBook
from hfm.tables import BOOK_EVENTS, Provenance, TableMeta

CODE = {name: code for code, name in enumerate(BOOK_EVENTS)}
UNIT = 100_000_000
"""Integer price units in one of currency, for feeds with decimal prices (the finest crypto tick is 1e-8)."""


def level_names(levels: int) -> list[str]:
    """Columns of the book table in the order of RawBook.levels."""
    return tables.book(levels).names[-4 * levels :]


def group(raw: RawBook, symbol: str, meta: TableMeta) -> pa.Table:
    """The events as a row group of tables.book; `seq` goes on from part to part of a session.

    Parameters
    ----------
    raw : one session of one symbol.
    symbol : its name.
    meta : what the table says of itself up to here.

    Returns
    -------
    pa.Table
    """
    n, levels = len(raw.time), len(raw.levels) // 4
    words = pa.array(BOOK_EVENTS, pa.string())
    ids = pa.nulls(n, pa.int64()) if raw.order_id is None else pa.array(raw.order_id, mask=raw.order_id < 0)
    columns: dict[str, object] = {
        "symbol": symbol,
        "session": pa.array(np.full(n, raw.session.astype("datetime64[D]"))),
        "seq": np.arange(raw.start, raw.start + n),
        "time": raw.time,
        "event": pa.DictionaryArray.from_arrays(pa.array(raw.event.astype(np.int32)), words),
        "side": raw.side,
        "price": raw.price,
        "size": raw.size,
        "order_id": ids,
    }
    names = level_names(levels)
    columns.update(zip(names, raw.levels, strict=True))
    rebuilt: Provenance = "estimated" if raw.estimated else "observed"
    origin: dict[str, Provenance] = {name: rebuilt if name in names else "observed" for name in columns}
    return tables.build(tables.book(levels), columns, meta, origin)


def until(raw: RawBook, end: int) -> RawBook:
    """The events that are known by `end` (ns UTC)."""
    n = int(np.searchsorted(raw.time, end, "right"))
    if n == len(raw.time):
        return raw
    return raw.rows(slice(n))


def account(raw: RawBook, mid: float = np.nan) -> dict[str, int]:
    """Counts of one (session, symbol), or of a part of it.

    Parameters
    ----------
    raw : its events.
    mid : currency, before the first of them; NaN where none is known.

    Returns
    -------
    dict
        Rows, each kind of event, rows without a bid or an ask, locked, crossed.
    """
    bid, ask = raw.levels[0], raw.levels[2]
    kinds = np.bincount(raw.event, minlength=len(BOOK_EVENTS))
    return {
        "rows": len(raw.time),
        **{name: int(n) for name, n in zip(BOOK_EVENTS, kinds, strict=True) if n},
        "one_sided": int((np.isnan(bid) | np.isnan(ask)).sum()),
        "locked": int((bid == ask).sum()),
        "crossed": int((bid > ask).sum()),
        **_leaps(bid, ask, mid),
        **raw.counts,
    }


def last_mid(raw: RawBook, before: float) -> float:
    """The last mid of a part, currency; `before` where no row has one."""
    mid = 0.5 * (raw.levels[0] + raw.levels[2])
    rows = np.flatnonzero(np.isfinite(mid) & (mid > 0))
    return float(mid[rows[-1]]) if len(rows) else before


def _leaps(bid: Float, ask: Float, before: float) -> dict[str, int]:
    """The count of rows whose mid is half as much again as, or two thirds of, the mid before; nothing where none is."""
    mid = np.append(before, 0.5 * (bid + ask))
    mid = mid[np.isfinite(mid) & (mid > 0)]
    count = int((np.abs(np.diff(np.log(mid))) > LEAP).sum())
    return {"leaps": count} if count else {}


def tick(price: Int, unit: int) -> float:
    """The largest step that all prices are multiples of.

    Parameters
    ----------
    price : [n], integers.
    unit : how many of them are one of currency.

    Returns
    -------
    float
        Currency; 0 where there is no price.
    """
    distinct = pc.unique(pa.array(price)).to_numpy(zero_copy_only=False)
    return float(np.gcd.reduce(distinct, initial=0)) / unit


def units(price: Float) -> Int:
    """Decimal prices as integers of 1 / UNIT, exact for what was written with up to eight decimals.

    Parameters
    ----------
    price : [n] currency, no NaN.

    Returns
    -------
    int64 [n]
    """
    return np.rint(price * UNIT).astype(np.int64)

"""Lawful bars for tests, from a seed: volatility that clusters, day shapes, no drift, prices that join in a session."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import pyarrow as pa

from hfm import tables
from hfm.tables import Array

INTERVAL = 300


def bar_table(
    sessions: int,
    symbols: Sequence[str] = ("SPY",),
    slots: int = 78,
    seed: int = 0,
    synthetic: bool = True,
    drop: Sequence[int] = (),
    price: float = 500.0,
) -> pa.Table:
    """Bars of `sessions` consecutive days. drop: rows to leave out (after sorting), as a vendor's holes."""
    parts = [_columns(sessions, symbol, slots, seed + i, price) for i, symbol in enumerate(symbols)]
    columns = {name: np.concatenate([p[name] for p in parts]) for name in parts[0]}
    order = np.lexsort((columns["seq"], columns["symbol"].astype(str), columns["session"]))
    order = np.delete(order, list(drop))
    return tables.build(
        tables.BARS, {n: c[order] for n, c in columns.items()}, bar_meta(symbols, slots, synthetic), "observed"
    )


def bar_meta(symbols: Sequence[str], slots: int = 78, synthetic: bool = True) -> tables.TableMeta:
    """What a table of bars says of itself."""
    return tables.TableMeta(
        source="synthetic" if synthetic else "file", synthetic=synthetic, calendar="XNYS", tz="America/New_York",
        interval_s=INTERVAL, slots_per_session=slots, slots_per_year=252 * slots, sessions_per_year=252,
        symbols=tuple(symbols), notes={}, quality={},
    )  # fmt: skip


def _columns(sessions: int, symbol: str, slots: int, seed: int, price: float) -> dict[str, Array]:
    rng = np.random.default_rng(seed)
    shape = (sessions, slots)
    level = np.zeros(sessions)
    for i in range(1, sessions):
        level[i] = 0.9 * level[i - 1] + rng.normal(0, 0.15)
    at = (np.arange(slots) + 0.5) / slots - 0.5
    smile = np.exp(4.0 * at**2 - 0.4)
    sigma = 6e-4 * smile * np.exp(level[:, None] + rng.normal(0, 0.3, shape))
    move = sigma * rng.standard_normal(shape)
    close = price * np.exp(np.cumsum(move, axis=1))
    open_ = np.concatenate((np.full((sessions, 1), price), close[:, :-1]), axis=1)
    up, down = np.exp(np.abs(rng.normal(0, 0.5, (2, *shape))) * sigma)
    days = np.datetime64("2020-01-01") + np.repeat(np.arange(sessions), slots)
    seq = np.tile(np.arange(slots), sessions)
    opening = days.astype("datetime64[ns]").astype(np.int64) + 52_200_000_000_000
    return {
        "symbol": np.full(sessions * slots, symbol, object), "session": days, "seq": seq,
        "time": opening + (seq + 1) * INTERVAL * 1_000_000_000,
        "open": open_.ravel(), "high": (np.maximum(open_, close) * up).ravel(),
        "low": (np.minimum(open_, close) / down).ravel(), "close": close.ravel(),
        "volume": np.round(4e5 * smile * np.exp(rng.normal(0, 0.4, shape))).ravel(), "is_last": seq == slots - 1,
    }  # fmt: skip


def edited(table: pa.Table, **columns: Array) -> pa.Table:
    """The table with some columns replaced."""
    for name, values in columns.items():
        at = table.column_names.index(name)
        table = table.set_column(at, table.schema.field(name), pa.array(values, table.schema.field(name).type))
    return table


def same(a: pa.Table, b: pa.Table) -> bool:
    """Whether two tables hold the same bits (NaN equals NaN)."""
    x, y = tables.arrays(a), tables.arrays(b)
    return all(np.array_equal(x[n], y[n], equal_nan=x[n].dtype.kind == "f") for n in x)


class GroupedReader(tables.MemoryReader):
    """A reader whose groups hold so many sessions each."""

    def __init__(self, content: pa.Table, sessions: int) -> None:
        super().__init__(content)
        self._borders = [*tables.blocks(content, ("session",))[::sessions].tolist(), content.num_rows]

    def groups(self, columns: Sequence[str] | None = None, only: str | None = None) -> Iterator[pa.Table]:
        """See tables.Reader; of tables without a lane."""
        assert only is None
        whole = self.read(columns)
        for start, end in zip(self._borders[:-1], self._borders[1:], strict=True):
            if end > start:
                yield whole.slice(start, end - start)

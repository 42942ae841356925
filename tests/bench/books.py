"""LOBSTER files into the book table, against pandas' read_csv and a Python loop over its rows; events a second.

The files are unpacked before the clock starts: Amazon's day of one level (a pair) and Apple's hour of level-50
messages, rebuilt to ten levels, where HFM_REAL_DATA is set; else a generated day of the same kinds. One thread each.
"""

from __future__ import annotations

import bisect
import gzip
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa

from hfm import tables
from hfm.fetch.book import book_events
from hfm.fetch.book.lobster_files import EMPTY, LobsterDay
from hfm.fetch.sources import lobster
from tests.bench.figure import Figure, rate
from tests.fetch.flow import flow

COLUMNS = ["time", "type", "order", "size", "price", "way"]
SAMPLES = ("AMZN_2012-06-21_34200000_57600000_message_1", "AAPL_2012-06-21_34200000_37800000_message_50")


def figures() -> Iterator[Figure]:
    """A day read as a pair, an hour rebuilt."""
    threads = pa.cpu_count()
    pa.set_cpu_count(1)
    try:
        with tempfile.TemporaryDirectory() as folder:
            _files(Path(folder))
            for day in lobster.days(folder):
                yield _figure(day)
    finally:
        pa.set_cpu_count(threads)


def rows() -> list[tuple[str, float, float | None, float | None, int, float]]:
    """(name, our events a second, the peer's, ratio, events, spread) of each figure."""
    return [(f.name, f.ours, f.peer, f.ratio, f.n, f.spread) for f in figures()]


def _files(folder: Path) -> None:
    """Plain files to read."""
    real = os.environ.get("HFM_REAL_DATA")
    if real:
        for name in (*SAMPLES, SAMPLES[0].replace("message", "orderbook")):
            packed = (Path(real) / "book" / f"{name}.csv.gz").read_bytes()
            (folder / f"{name}.csv").write_bytes(gzip.decompress(packed))
        return
    made = flow(seed=1, events=20_000, level=1)
    for name, text in ((SAMPLES[0], made.messages), (SAMPLES[0].replace("message", "orderbook"), made.orderbook)):
        (folder / f"{name}.csv").write_text(text)
    (folder / f"{SAMPLES[1]}.csv").write_text(made.messages)


def _figure(day: LobsterDay) -> Figure:
    """Raises AssertionError where the two sides do not count the same events and the same best bids."""

    def ours() -> tuple[int, float]:
        raw = lobster.load(day, day.levels)
        return book_events.group(raw, day.symbol, tables.TableMeta()).num_rows, float(np.nansum(raw.levels[0]))

    def peer() -> tuple[int, float]:
        return _pair(day) if day.orderbook else _rebuild(day)

    (count, bids), theirs = ours(), peer()
    if not np.allclose((count, bids), theirs):
        raise AssertionError(f"two books: {count} events, best bids sum to {bids}, against {theirs}")
    how = "messages and orderbook" if day.orderbook else f"rebuilt to level {day.levels}"
    return rate(f"books {day.symbol}, {how}", count, ours, peer, note="events; peer: read_csv and a loop")


def _pair(day: LobsterDay) -> tuple[int, float]:
    """Both files by read_csv, then a record for each event."""
    told = pd.read_csv(day.message, header=None, names=COLUMNS)
    book = pd.read_csv(day.orderbook, header=None)
    opening = pd.Timestamp(day.day, tz="America/New_York").value
    out = []
    for message, levels in zip(told.itertuples(index=False), book.itertuples(index=False), strict=True):
        stamp = opening + round(message.time * 1e9)
        prices = [value / 10_000 if abs(value) < EMPTY else float("nan") for value in levels[0::2]]
        out.append((stamp, message.type, message.order, message.size, message.price / 10_000, message.way, prices,
                    levels[1::2]))  # fmt: skip
    return len(out), float(np.nansum([row[6][1] for row in out]))


def _rebuild(day: LobsterDay) -> tuple[int, float]:
    """Messages by read_csv, then the levels in dicts and sorted lists, ten a side after each event."""
    told = pd.read_csv(day.message, header=None, names=COLUMNS)
    size: dict[int, dict[int, int]] = {1: {}, -1: {}}
    best: dict[int, list[int]] = {1: [], -1: []}
    out = []

    def put(way: int, price: int, change: int) -> None:
        old = size[way].get(price, 0)
        size[way][price] = max(old + change, 0)
        if old == 0 and change > 0:
            bisect.insort(best[way], -way * price)
        elif old > 0 and old + change <= 0:
            best[way].remove(-way * price)

    unseen = _unseen(told)
    for row, message in enumerate(told.itertuples(index=False)):
        for way, price, shares in unseen.get(row, ()):
            put(way, price, shares)
        if message.type <= 4:
            put(message.way, message.price, message.size if message.type == 1 else -message.size)
        out.append([[(-way * key / 10_000, size[way][-way * key]) for key in best[way][:10]] for way in (1, -1)])
    return len(out), float(sum(row[0][0][0] for row in out if row[0]))


def _unseen(told: pd.DataFrame) -> dict[int, list[tuple[int, int, int]]]:
    """Row -> orders that must have come there unseen (see lobster_files.rebuild_book)."""
    new = told[told.type == 1]
    highest = np.maximum.accumulate(np.where(told.type == 1, told.order, 0))
    going = told[told.type.isin([2, 3, 4]) & ~told.order.isin(new.order)]
    out: dict[int, list[tuple[int, int, int]]] = {}
    for order, part in going.groupby("order"):
        row = min(int(np.searchsorted(highest, order, "right")), int(part.index[0]))
        row = 0 if row <= new.index[0] else row
        out.setdefault(row, []).append((int(part.way.iloc[0]), int(part.price.iloc[0]), int(part["size"].sum())))
    return out

"""How near simulated books come to real ones: the odd half-hours of AMZN's day, and of AAPL's ten-level hour, against
the even ones, against ours fitted to the even ones, and against a Cont-Stoikov-Talreja book fitted to them too. Needs
HFM_REAL_DATA.

Ours is played on the bars of the even half-hours, whose flow it was fitted to, and nothing of the odd ones is used: so
a perfect model would be as far from them as the even half-hours themselves.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from hfm import tables
from hfm.config import Config, Fetch, Simulate
from hfm.fetch import stage as fetch
from hfm.simulate import stage
from hfm.simulate.book import fitted, observed_events
from hfm.simulate.replay import book_distance, intervals
from hfm.simulate.replay import event_tape as tape
from hfm.simulate.replay import stage as replay
from hfm.stage import Context
from tests.bars import bar_meta
from tests.bench import cst
from tests.bench.figure import Figure

TICK, DRAWS, SEED = 0.01, 200, 7
SECOND, BAR, BARS_A_HALF, SLOTS = 10**9, 300, 6, 78


@dataclass(frozen=True)
class Real:
    """A real book: its table, tape and rows, the session's open, its half-hours."""

    table: pa.Table
    levels: int
    tape: tape.Tape
    rows: observed_events.ObservedEvents
    start: int
    end: int
    parts: list[book_distance.Window]

    @property
    def even(self) -> npt.NDArray[np.bool_]:
        """[n] rows of the even half-hours."""
        return np.asarray((self.rows.time - self.start) // book_distance.HALF_HOUR % 2 == 0)

    @property
    def depths(self) -> observed_events.ObservedEvents | None:
        """The rows, where the book has levels enough to see orders behind the best ones."""
        return self.rows if self.levels > 1 else None


def real(folder: str, symbol: str, hours: float) -> Real:
    """The LOBSTER sample of a symbol, of so many hours."""
    path = f"{folder}/book"
    if symbol == "AAPL":
        (path,) = (str(p) for p in Path(path).glob("AAPL*message_50.csv*"))
    config = Config(fetch=Fetch(symbols=(symbol,), source="lobster", path=path))
    table = dict(fetch.run({}, config, Context("fetch", as_of=datetime(2025, 1, 1, tzinfo=UTC))))["fetch/book.parquet"]
    assert isinstance(table, pa.Table)
    levels = int(tables.header(table.schema)["meta"]["levels"])
    found = tape.read(table, levels)
    assert found is not None
    start, _ = replay.hours("XNYS", np.datetime64("2012-06-21"))
    rows, end = observed_events.read_events(table, TICK), start + int(hours * 3600) * SECOND
    parts = book_distance.windows(found, start, end, TICK, 1.0, rows if levels > 1 else None)
    return Real(table, levels, found, rows, start, end, parts)


def ours(book: Real, seed: int = SEED) -> list[book_distance.Window]:
    """The even half-hours of our book, fitted to them and played on their five-minute bars."""
    flow = fitted.fit([book.rows], [book.even], 1800.0 * len(book.parts[::2]))
    rows = intervals.by_clock(book.tape, book.start, book.end, BAR * SECOND)
    columns = intervals.columns(book.tape, rows)
    k = np.flatnonzero((rows.seq // BARS_A_HALF) % 2 == 0)
    price = {name: columns[f"trade_{name}"][k] for name in ("open", "high", "low", "close")}
    bars = tables.build(
        tables.BARS,
        price | {
            "symbol": np.full(len(k), "XYZ", object), "session": np.full(len(k), np.datetime64("2012-06-21")),
            "seq": rows.seq[k], "time": rows.t_close[k], "volume": columns["volume"][k],
            "is_last": rows.seq[k] == SLOTS - 1,
        },
        bar_meta(("XYZ",), SLOTS, synthetic=False), "observed",
    )  # fmt: skip
    settings = Simulate(
        fidelity="book", events=True, levels=book.levels, tables={name: tuple(v) for name, v in flow.items()}
    )
    inputs = {"fetch/bars.parquet": tables.MemoryReader(bars)}
    products = stage.run(inputs, Config(simulate=settings), Context("simulate", seed=seed))
    (made,) = [p for name, p in products if name == "simulate/book.parquet"]
    assert isinstance(made, pa.Table)
    found = tape.read(made, book.levels)
    assert found is not None
    depths = observed_events.read_events(made, TICK) if book.levels > 1 else None
    return book_distance.windows(found, book.start, book.end, TICK, 1.0, depths)[: 2 * len(book.parts) : 2]


def peer(book: Real, seed: int = SEED) -> list[book_distance.Window]:
    """The odd half-hours of the Cont-Stoikov-Talreja book fitted to the even ones."""
    columns = tables.arrays(book.table, ("price", "size"))
    added = book.table.column("event").cast(pa.string()).to_numpy(zero_copy_only=False) == "add"
    use = ((book.tape.time - book.start) // book_distance.HALF_HOUR) % 2 == 0
    rates = cst.fit(book.tape, use, added, columns["price"], columns["size"], TICK)
    seconds = (book.end - book.start) / SECOND
    market = cst.simulate(rates, float(book.tape.mid[book.tape.first]), TICK, book.start, seconds, seed)
    return book_distance.windows(market, book.start, book.end, TICK)[1::2]


def figures() -> Iterator[Figure]:
    """Mean Wasserstein-1 distance from the odd half-hours, with its interval; the ratio is to real against real."""
    folder = os.environ.get("HFM_REAL_DATA")
    if not folder:
        yield Figure("book-distance", "W1", 0.0, None, None, 0, 0.0, "HFM_REAL_DATA is unset")
        return
    for symbol, hours in (("AMZN", 6.5), ("AAPL", 1.0)):
        book = real(folder, symbol, hours)
        odd = book.parts[1::2]
        near, _ = book_distance.mean(book_distance.distances(odd, book.parts[::2]))
        yield _figure(f"{symbol}, real, even half-hours", odd, book.parts[::2], near)
        yield _figure(f"{symbol}, ours, fitted on the even", odd, ours(book), near)
        yield _figure(f"{symbol}, Cont-Stoikov-Talreja, fitted on the even", odd, peer(book), near)


def _figure(name: str, odd: list[book_distance.Window], other: list[book_distance.Window], near: float) -> Figure:
    each = book_distance.distances(odd, other)
    found, variation = book_distance.mean(each)
    low, high = book_distance.interval(odd, other, DRAWS, 1)
    samples = ", ".join(f"{n} {d[0]:.2f}" for n, d in each.items())
    range_ = f"95 % {low:.3f} to {high:.3f}" if len(odd) > 1 else "one half-hour a side, so no interval"
    note = f"{range_}, total variation {variation:.3f}; {samples}"
    return Figure(f"book-distance {name}", "W1", found, near, found / near, len(other), 1.0, note)

"""Drives the fetch stage without a run directory, and writes bars as vendors do."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from hfm import tables
from hfm.config import Layer, load
from hfm.fetch import stage
from hfm.fetch.sessions import Sessions, sessions
from hfm.raw_data import RawBars
from hfm.stage import Context

AS_OF = datetime(2026, 3, 14, 12, tzinfo=UTC)
"""A Saturday: all sessions are over. The clocks of New York change a week before, those of Europe two weeks after."""


@dataclass(frozen=True)
class Fetched:
    """What the stage gave: its one table and its context."""

    bars: pa.Table
    ctx: Context

    @property
    def meta(self) -> dict[str, Any]:
        """The table's metadata."""
        return tables.header(self.bars.schema)["meta"]

    def quality(self, symbol: str = "SPY") -> dict[str, Any]:
        """The account of one symbol."""
        return self.meta["quality"][symbol]

    def column(self, name: str) -> np.ndarray:
        """A column as NumPy."""
        return tables.column_array(self.bars.column(name))


def fetch(as_of: datetime = AS_OF, archive: Path | None = None, **settings: object) -> Fetched:
    """The stage's product for `settings` of the section fetch, each group checked against the schema."""
    ctx = Context("fetch", as_of=as_of, archive=archive)
    groups = []
    for artifact, group in stage.run({}, load([Layer("test", {"fetch": settings})]), ctx):
        assert artifact == "fetch/bars.parquet"
        tables.check(group, tables.BARS)
        groups.append(group)
    return Fetched(pa.concat_tables(groups), ctx)


def week(
    calendar: str = "XNYS", interval_s: int = 300, first: str = "2026-03-02", last: str = "2026-03-06"
) -> Sessions:
    """The sessions of one week, by default five full ones."""
    return sessions(calendar, interval_s, first, last)


def raw(over: Sessions, seed: int = 1) -> RawBars:
    """Clean bars in every slot of `over`: a quiet walk around 100."""
    index = np.repeat(np.arange(len(over)), over.slots)
    seq = np.concatenate([np.arange(n) for n in over.slots])
    rng = np.random.default_rng(seed)
    close = np.round(100 * np.exp(np.cumsum(rng.normal(0, 5e-4, len(seq)))), 2)
    opening = np.concatenate([[100.0], close[:-1]])
    high, low = np.maximum(opening, close) + 0.01, np.minimum(opening, close) - 0.01
    volume = np.where((seq == 0) | (seq == over.slots[index] - 1), 9000.0, 1000.0)
    return RawBars(over.slot_end(index, seq), opening, high, low, close, volume)


def frame(bars: RawBars, zone: str = "America/New_York", shift_s: int = -300) -> pd.DataFrame:
    """Bars as a vendor's table: `timestamp` in `zone`, by default at the start of five-minute bars."""
    time = pd.DatetimeIndex(bars.time + shift_s * 10**9).tz_localize("UTC").tz_convert(zone)
    values = {name: getattr(bars, name) for name in ("open", "high", "low", "close", "volume")}
    return pd.DataFrame({"timestamp": time, **values})


def lines(path: Path, rows: Sequence[str] | Iterable[str]) -> Path:
    """A text file of `rows`."""
    path.write_text("\n".join(rows) + "\n")
    return path

"""Prices with another tick than a cent, from the file to the quotes: currencies and coins."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from hfm import tables
from hfm.config import Config, Simulate
from hfm.simulate import stage
from hfm.stage import Context
from tests.fetch.drive import fetch, lines


def hours(path: Path, price: float, decimals: int, volume: float, days: int = 20) -> Path:
    """A file of bars of an hour round the clock from 2024-03-04, its prices in decimals."""
    rng, rows = np.random.default_rng(1), ["timestamp,open,high,low,close,volume"]
    close = price * np.exp(np.cumsum(rng.normal(0, 6e-4, 24 * days)))
    start = np.datetime64("2024-03-04T00:00")
    before = price
    for k, now in enumerate(close):
        high, low = max(before, now) * 1.0003, min(before, now) / 1.0003
        text = ",".join(f"{x:.{decimals}f}" for x in (before, high, low, now))
        if np.is_busday((start + np.timedelta64(k, "h")).astype("datetime64[D]")) or volume:
            rows.append(f"{start + np.timedelta64(k, 'h')}:00+00:00,{text},{volume:.0f}")
        before = now
    return lines(path, rows)


def quoted(bars: pa.Table, **options: Any) -> tuple[pa.Table, Context]:
    """Quotes and context of the simulate stage."""
    ctx = Context("simulate", seed=7)
    made = stage.run({"fetch/bars.parquet": tables.MemoryReader(bars)}, Config(simulate=Simulate(**options)), ctx)
    return pa.concat_tables([t for name, t in made if name == "simulate/quotes.parquet"]), ctx


def imported(path: Path, symbol: str, calendar: str) -> pa.Table:
    """The file's bars."""
    asked = {"source": "file", "path": str(path), "symbols": [symbol], "interval": "1h", "label": "start"}
    return fetch(**asked, calendar=calendar).bars


def spreads(quotes: pa.Table) -> np.ndarray:
    """Quoted spreads in bp, after a look at bids and asks."""
    q = tables.arrays(quotes, ("bid_open", "bid_close", "ask_close", "spread_bps"))
    assert (q["bid_open"] > 0).all()
    assert (q["bid_close"] > 0).all()
    assert np.isfinite(q["ask_close"]).all()
    return q["spread_bps"]


def tick(quotes: pa.Table) -> float:
    """What the table says of its tick."""
    return float(tables.header(quotes.schema)["meta"]["tick"])


def euro(path: Path) -> None:
    """D1: five decimals and no volume: a median spread below 1 bp, and the user is told of the tick."""
    quotes, ctx = quoted(imported(path, "EURUSD=X", "24/5"))
    assert tick(quotes) == 1e-5
    assert np.median(spreads(quotes)) < 1.0
    assert "tick: 1e-05 of EURUSD=X" in ctx.lines


def coin(path: Path) -> None:
    """D2: eight decimals: spreads of some ten bp, above a tick's 3.6 from the second session on."""
    quotes, ctx = quoted(imported(path, "SHIBUSDT", "24/7"))
    assert tick(quotes) == 1e-8
    bps = spreads(quotes)
    assert 3.0 < np.median(bps) < 30.0
    assert bps.max() < 150.0
    assert bps[24:].min() > 3.0
    assert "tick: 1e-08 of SHIBUSDT" in ctx.lines


def test_a_currency_pair_of_five_decimals(tmp_path: Path) -> None:
    """D1, of the test's own making."""
    euro(hours(tmp_path / "x.csv", 1.0850, 5, 0.0))


def test_a_coin_of_eight_decimals(tmp_path: Path) -> None:
    """D2, of the test's own making."""
    coin(hours(tmp_path / "x.csv", 2.8e-5, 8, 4e9))


def test_the_currency_pair_of_the_folder(real: Path) -> None:
    """D1."""
    euro(real / "faults" / "D1_eurusd_1h.csv")


def test_the_coin_of_the_folder(real: Path) -> None:
    """D2."""
    coin(real / "faults" / "D2_shib_1h.csv")


@pytest.mark.slow
@pytest.mark.parametrize(("price", "decimals", "volume"), [(1.085, 5, 0.0), (2.8e-5, 8, 4e9), (151.2, 3, 0.0)])
def test_the_book_takes_them_too(tmp_path: Path, price: float, decimals: int, volume: float) -> None:
    """On the same tick: five sessions of an order book, whose trades make each bar with volume again."""
    bars = imported(hours(tmp_path / "x.csv", price, decimals, volume, 5), "XXX", "24/7" if volume else "24/5")
    quotes, _ = quoted(bars, fidelity="book")
    assert tick(quotes) == pytest.approx(10.0**-decimals)
    assert (spreads(quotes) * tables.arrays(quotes, ("mid_close",))["mid_close"] * 1e-4 >= 0.99 * tick(quotes)).all()


@pytest.mark.parametrize("name", ["clean_5m.csv", "clean_15m.csv"])
def test_clean_files_keep_the_cent(real: Path, name: str) -> None:
    """What has always been right: tick .01, and a median spread of a third of a basis point."""
    bars = fetch(source="file", path=str(real / "faults" / name), symbols=["SPY"], interval=name[6:-4].strip("_")).bars
    quotes, ctx = quoted(bars)
    assert tick(quotes) == 0.01
    assert np.median(spreads(quotes)) < 0.5
    assert not [line for line in ctx.lines if line.startswith("tick")]

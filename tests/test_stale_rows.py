"""Prices that were filled forward are found, in liquid and in quiet markets; honest ones are left alone."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from hfm import stale_rows
from hfm.stale_rows import PriceRows, StaleRows
from tests.filled import filled, fillings, liquid, thin

RNG = np.random.default_rng


def detect(bars: PriceRows) -> StaleRows:
    return stale_rows.detect(stale_rows.new_state(bars.close.shape[1]), bars)[0]


def extent(found: StaleRows) -> np.ndarray:
    session = np.repeat(np.arange(len(found.stale)), found.stale.shape[1])
    return stale_rows.extent(found.unmoved.ravel(), found.stale.ravel(), session).reshape(found.stale.shape)


def part(bars: PriceRows, rows: slice) -> PriceRows:
    return PriceRows(*(getattr(bars, name)[rows] for name in PriceRows.__dataclass_fields__))


def test_a_row_is_unmoved_where_no_price_of_it_is_new() -> None:
    """Flat at the close before, across the night and across a hole too; or the same four prices again. A flat bar at
    another price has moved."""
    o = np.array([[10.0, 11, 11, 12, 12], [12, 12.5, np.nan, 12.5, 13]])
    h = np.array([[11.0, 11, 11, 13, 13], [12, 12.5, np.nan, 12.5, 14]])
    low = np.array([[9.0, 11, 11, 11, 11], [12, 12.5, np.nan, 12.5, 13]])
    c = np.array([[11.0, 11, 11, 12, 12], [12, 12.5, np.nan, 12.5, 14]])
    found = detect(PriceRows(o, h, low, c, np.ones((2, 5)), np.isfinite(c)))
    assert found.unmoved.tolist() == [[False, True, True, False, True], [True, False, False, True, False]]
    assert not found.stale.any()


@pytest.mark.parametrize("volume", [False, True])
@pytest.mark.parametrize(("market", "share", "least"), [
    ("liquid", 0.1, 0.98), ("liquid", 0.23, 0.98), ("liquid", 0.45, 0.98), ("thin", 0.1, 0.75), ("coarse", 0.1, 0.8),
])  # fmt: skip
def test_sessions_that_were_filled_are_found(market: str, share: float, least: float, volume: bool) -> None:
    """Most of a session at one price, in a tenth to most of all sessions, whether volume was filled in or not: the
    history is not fooled by being filled itself. Also where a bar in five has no trade, and where prices move by a
    tick; few honest rows are called stale with them."""
    rng = RNG(4)
    bars = {"liquid": lambda: liquid(rng, 150, 78), "thin": lambda: thin(rng, 150, 78, 3.0),
            "coarse": lambda: liquid(rng, 150, 78, price=10.0)}[market]()  # fmt: skip
    rows = fillings(rng, 150, 78, share)
    rows[:5] = False
    assert abs(rows.mean() - share) < 0.08
    found = extent(detect(filled(bars, rows, volume)))
    assert found[rows].mean() > least
    assert found[~rows].mean() < 0.025


def test_short_fillings_are_found_by_their_number_in_the_session() -> None:
    """A third of the rows at random: few runs are improbable, so many rows are."""
    rng = RNG(5)
    rows = rng.random((100, 78)) < 0.35
    found = extent(detect(filled(liquid(rng, 100, 78), rows)))
    assert found[rows].mean() > 0.8
    assert found[~rows].mean() < 0.001


def test_a_bar_that_is_sent_again_and_again_is_found() -> None:
    """The same four prices, range and all."""
    bars = liquid(RNG(6), 40, 78)
    for name in ("open", "high", "low", "close"):
        getattr(bars, name)[30, 20:40] = getattr(bars, name)[30, 20]
    found = extent(detect(bars))
    assert found[30, 21:40].all()
    assert found.sum() == 19


@pytest.mark.parametrize("rate", [0.1, 0.3, 1.0, 3.0, 10.0])
def test_honest_quiet_markets_are_left_alone(rate: float) -> None:
    """From one trade in ten bars (nine in ten are flat) to ten trades a bar, days of very different activity."""
    found = detect(thin(RNG(7), 200, 78, rate))
    assert found.unmoved.mean() > 0.001
    assert found.stale.mean() < 2e-4


@pytest.mark.parametrize("price", [2.0, 5.0, 10.0, 25.0, 100.0])
def test_honest_coarse_prices_are_left_alone(price: float) -> None:
    """A bar's move of a tenth of a tick to ten ticks."""
    assert detect(liquid(RNG(8), 200, 78, price)).stale.mean() < 2e-4


@pytest.mark.parametrize("cuts", [(60, 90), (1, 2, 3, 50), tuple(range(1, 120))])
def test_rows_know_nothing_of_later_ones_nor_of_the_groups_they_come_in(cuts: tuple[int, ...]) -> None:
    """Filled markets, with holes, in pieces: the same flags; and a session that is cut short has those it had."""
    rng = RNG(9)
    bars = filled(liquid(rng, 120, 26, price=20.0), fillings(rng, 120, 26, 0.2), volume=True)
    hole = rng.random((120, 26)) < 0.05
    bars = PriceRows(
        *(np.where(hole, np.nan, getattr(bars, n)) for n in ("open", "high", "low", "close", "volume")), ~hole
    )
    whole, memory, pieces = detect(bars), stale_rows.new_state(26), []
    for first, last in zip((0, *cuts), (*cuts, 120), strict=True):
        found, memory = stale_rows.detect(memory, part(bars, slice(first, last)))
        pieces.append(found)
    np.testing.assert_array_equal(np.concatenate([p.stale for p in pieces]), whole.stale)
    np.testing.assert_array_equal(np.concatenate([p.unmoved for p in pieces]), whole.unmoved)
    assert 0 < whole.stale.mean() < whole.unmoved.mean()
    busy = int(np.flatnonzero(whole.stale.any(1))[-1])
    short = part(bars, slice(0, busy + 1))
    for values in (short.open, short.high, short.low, short.close, short.volume):
        values[busy, 20:] = np.nan
    short.present[busy, 20:] = False
    np.testing.assert_array_equal(detect(short).stale[:, :20], whole.stale[: busy + 1, :20])


def test_no_bars_and_bars_without_volume() -> None:
    """Nothing of nothing; volumes of 0 or NaN are no reason to speak."""
    assert detect(part(liquid(RNG(1), 1, 5), slice(0, 0))).stale.shape == (0, 5)
    bars = liquid(RNG(1), 30, 26)
    for volume in (np.zeros((30, 26)), np.full((30, 26), np.nan)):
        assert not detect(PriceRows(bars.open, bars.high, bars.low, bars.close, volume, bars.present)).stale.any()
    assert not detect(PriceRows(*(np.full((30, 26), 5.0) for _ in range(4)), np.ones((30, 26)), np.ones((30, 26), bool))
                      ).stale[:1, :5].any()  # fmt: skip


@pytest.mark.parametrize("name", [
    "spy_5m_2024-03_2025-04", "yahoo43_5m_2025-12_2026-03",
    pytest.param("multi20_5m_2025-05_2026-03", marks=pytest.mark.slow),
])  # fmt: skip
def test_no_real_row_is_called_stale(real: Path, name: str) -> None:
    """64 shares and funds, 535,774 bars of two vendors: 207 are unmoved (up to 1.3 % of a share's), none is stale."""
    table = pd.read_parquet(real / "bars" / f"{name}.parquet")
    when = pd.DatetimeIndex(table["timestamp"]).tz_convert("America/New_York")
    slot = (when.hour * 60 + when.minute - 570) // 5
    regular = (slot >= 0) & (slot < 78) & (table["close"] > 0)
    table, slot, day = table[regular], slot[regular], when.normalize()[regular]
    for rows in table.groupby("symbol").indices.values():
        days, at = np.unique(day[rows], return_inverse=True)
        out = np.full((5, len(days) * 78), np.nan)
        out[:, at * 78 + slot[rows]] = table[["open", "high", "low", "close", "volume"]].to_numpy(float)[rows].T
        matrix = out.reshape(5, -1, 78)
        found = detect(PriceRows(*matrix, np.isfinite(matrix[3])))
        assert not found.stale.any()
        assert found.unmoved.sum() < 0.02 * len(rows)

"""Prices on another level: what is an excursion, what a shift, and what ratio it is near."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hfm.fetch.quality import level_shifts, scales
from hfm.fetch.quality.grid_bars import GridBars
from hfm.fetch.quality.level_shifts import nearest_ratio
from hfm.fetch.quality.scales import ScaledBars

SLOTS, DAYS = 26, 8
N = SLOTS * DAYS


def market(seed: int = 1) -> dict[str, np.ndarray]:
    """A quiet walk around 100 with as much volume in each bar."""
    rng = np.random.default_rng(seed)
    close = 100 * np.exp(np.cumsum(rng.normal(0, 1e-3, N)))
    open_ = np.append(100.0, close[:-1]) * np.exp(rng.normal(0, 1e-4, N))
    high, low = np.maximum(open_, close) * 1.0003, np.minimum(open_, close) * 0.9997
    return {"open": open_, "high": high, "low": low, "close": close, "volume": rng.uniform(8e3, 12e3, N)}


def bars(values: dict[str, np.ndarray]) -> ScaledBars:
    session, seq = np.repeat(np.arange(DAYS), SLOTS), np.tile(np.arange(SLOTS), DAYS)
    return scales.measure(GridBars(session, seq, np.arange(N), **values))


def scaled(
    first: int, last: int, factor: float, names: tuple[str, ...] = ("open", "high", "low", "close")
) -> ScaledBars:
    """The market with bars first..last at `factor` times their prices."""
    values = market()
    for name in names:
        values[name] = values[name].copy()
        values[name][first : last + 1] *= factor
    values["high"] = np.maximum.reduce([values[k] for k in ("open", "high", "close")])
    values["low"] = np.minimum.reduce([values[k] for k in ("open", "low", "close")])
    return bars(values)


def test_a_quiet_market_has_neither_excursion_nor_shift() -> None:
    found = level_shifts.find_level_changes(bars(market()), SLOTS)
    assert (found.excursions, found.traded, found.shifts) == ((), (), ())


@given(
    first=st.integers(1, N - 2 * SLOTS), count=st.integers(1, SLOTS), factor=st.sampled_from([100, 1000, 10, 2, 1.7]),
    up=st.booleans(),
)  # fmt: skip
def test_a_stretch_of_at_most_a_session_on_another_level_is_found_bar_for_bar(
    first: int, count: int, factor: float, up: bool
) -> None:
    """Wherever it begins and ends: an excursion of just its bars, and no shift."""
    last = first + count - 1
    found = level_shifts.find_level_changes(scaled(first, last, factor if up else 1 / factor), SLOTS)
    assert [(e.first, e.last) for e in found.excursions] == [(first, last)]
    assert found.excursions[0].factor == pytest.approx(factor if up else 1 / factor, rel=0.02)
    assert found.shifts == ()


@given(row=st.integers(SLOTS, N - SLOTS), factor=st.sampled_from([100.0, 10.0, 2.0, 1.7]), up=st.booleans())
def test_a_level_that_stays_is_a_shift(row: int, factor: float, up: bool) -> None:
    """From its first bar on, with its ratio; the nearest ratio of a split where there is one."""
    ratio = factor if up else 1 / factor
    found = level_shifts.find_level_changes(scaled(row, N - 1, ratio), SLOTS)
    assert found.excursions == ()
    (shift,) = found.shifts
    assert (shift.row, shift.inside) == (row, row % SLOTS != 0)
    assert shift.ratio == pytest.approx(ratio, rel=0.02)
    assert np.isnan(shift.unit) if factor == 1.7 else shift.unit == ratio


@pytest.mark.parametrize("name", ["open", "close"])
def test_one_price_of_a_bar_in_another_unit_is_an_excursion_of_that_bar(name: str) -> None:
    found = level_shifts.find_level_changes(scaled(70, 70, 100.0, (name,)), SLOTS)
    assert [(e.first, e.last) for e in found.excursions] == [(70, 70)]


def test_where_opens_are_the_closes_before_both_bars_that_touch_a_wrong_close_are_wrong() -> None:
    """The next bar opens at a price that was none."""
    values = market()
    values["close"] = values["close"].copy()
    values["close"][70] *= 100
    values["open"] = np.append(100.0, values["close"][:-1])
    values["high"] = np.maximum(values["open"], values["close"])
    values["low"] = np.minimum(values["open"], values["close"])
    assert [(e.first, e.last) for e in level_shifts.find_level_changes(bars(values), SLOTS).excursions] == [(70, 71)]


@pytest.mark.parametrize(("first", "last"), [(N - 3, N - 1), (0, 2)])
def test_the_newest_or_first_bars_in_another_unit_are_wrong_though_nothing_undoes_them(first: int, last: int) -> None:
    found = level_shifts.find_level_changes(scaled(first, last, 100.0), SLOTS)
    assert [(e.first, e.last) for e in found.excursions] == [(first, last)]
    assert found.shifts == ()


def test_the_newest_bars_far_away_by_no_unit_are_a_shift() -> None:
    """It may be news: nothing is dropped."""
    found = level_shifts.find_level_changes(scaled(N - 3, N - 1, 1.7), SLOTS)
    assert found.excursions == ()
    assert [s.row for s in found.shifts] == [N - 3]


def test_a_move_that_is_traded_as_its_size_asks_is_kept_and_named() -> None:
    """A session at 1.7 times the price with a hundred times the volume is news of a day; without, an error."""
    values = market()
    for name in ("open", "high", "low", "close"):
        values[name] = values[name].copy()
        values[name][SLOTS * 3 : SLOTS * 4] *= 1.7
    assert level_shifts.find_level_changes(bars(values), SLOTS).excursions
    values["volume"] = values["volume"].copy()
    values["volume"][SLOTS * 3 : SLOTS * 4] *= 100
    found = level_shifts.find_level_changes(bars(values), SLOTS)
    assert found.excursions == ()
    assert [(e.first, e.last) for e in found.traded] == [(SLOTS * 3, SLOTS * 4 - 1)]


@pytest.mark.parametrize(("ratio", "known"), [
    (0.1, 0.1), (0.105, 0.1), (10.9, 10.0), (1.5, 1.5), (0.66, 1 / 1.5), (99.0, 100.0), (1.06, np.nan), (6.0, np.nan),
    (1.3755, np.nan), (0.7297, np.nan),
])  # fmt: skip
def test_the_nearest_ratio_of_a_split(ratio: float, known: float) -> None:
    """Within a night's move of it; AMD's 1.3755 of 2025-10-06 and SMCI's .7297 are none."""
    assert nearest_ratio(ratio, level_shifts.RATIOS) == pytest.approx(known, nan_ok=True)


@pytest.mark.parametrize("factor", [1.7, 0.45, 10.0, 100.0])
def test_a_first_open_or_an_untraded_last_close_that_stands_alone_is_its_bars_fault(factor: float) -> None:
    """Nothing lies beyond it that an adjustment could mend: the bar goes. A last close that was traded is a shift."""
    for name, row in (("open", 0), ("close", N - 1)):
        found = level_shifts.find_level_changes(scaled(row, row, factor, (name,)), SLOTS)
        assert [(e.first, e.last) for e in found.excursions] == [(row, row)]
        assert found.shifts == ()
    traded = scaled(N - 1, N - 1, factor, ("close",))
    traded.volume[-1] *= 1e3
    assert bool(level_shifts.find_level_changes(traded, SLOTS).shifts) == (factor < 5)

"""A price that one bar alone has: wrong, or traded as such a move is."""

from __future__ import annotations

import numpy as np
import pytest

from hfm.fetch.quality import outliers
from hfm.fetch.quality.grid_bars import GridBars
from tests.fetch.quality.test_level_shifts import SLOTS, bars, market

ROW = 70
"""Inside a session."""


def one(name: str, row: int, factor: float, volume: float = 1.0) -> outliers.Outliers:
    """What is said where one price is `factor` times what it was."""
    values = {k: v.copy() for k, v in market().items()}
    values[name][row] *= factor
    values["high"] = np.maximum.reduce([values[k] for k in ("open", "high", "close")])
    values["low"] = np.minimum.reduce([values[k] for k in ("open", "low", "close")])
    values["volume"][row] *= volume
    judge = {
        "open": outliers.find_opens,
        "high": outliers.find_wicks,
        "low": outliers.find_wicks,
        "close": outliers.find_closes,
    }[name]
    return judge(bars(values))


@pytest.mark.parametrize("name", ["open", "high", "low", "close"])
def test_a_quiet_market_has_none(name: str) -> None:
    found = one(name, ROW, 1.0)
    assert not found.wrong.any()
    assert not found.kept.any()


@pytest.mark.parametrize(("name", "row", "factor"), [
    ("open", ROW, 1.2), ("open", ROW, 0.8), ("open", ROW, 1.03), ("open", SLOTS * 3, 1.2), ("open", SLOTS * 3, 0.85),
    ("high", ROW, 1.2), ("high", SLOTS * 3, 2.0), ("low", ROW, 0.5), ("low", ROW, 0.9),
    ("close", SLOTS * 3 - 1, 1.2), ("close", SLOTS * 3 - 1, 0.8), ("close", SLOTS * 3, 1.2),
])  # fmt: skip
def test_a_price_far_from_all_beside_it_is_wrong(name: str, row: int, factor: float) -> None:
    """In the middle of a session, at its first and at its last bar; no other bar is."""
    assert np.flatnonzero(one(name, row, factor).wrong).tolist() == [row]


@pytest.mark.parametrize(("name", "row", "factor"), [("open", ROW, 1.1), ("high", ROW, 1.1), ("low", ROW, 0.9)])
def test_a_flash_crash_is_no_error(name: str, row: int, factor: float) -> None:
    """With fifty times the volume it is kept and named; beyond half as much again no volume makes it true."""
    found = one(name, row, factor, volume=50.0)
    assert not found.wrong.any()
    assert np.flatnonzero(found.kept).tolist() == [row]
    assert one(name, row, 2.0 if factor > 1 else 0.5, volume=50.0).wrong[row]


def test_an_open_between_the_limits_is_named_and_kept() -> None:
    found = one("open", ROW, 1.015)
    assert not found.wrong.any()
    assert found.kept[ROW]


def test_mild_wicks_do_no_harm_and_are_not_named() -> None:
    assert not one("high", ROW, 1.04).kept.any()


def test_a_gap_that_stays_is_no_border_that_is_wrong() -> None:
    """The night moves by 8 % for good."""
    values = market()
    for name in ("open", "high", "low", "close"):
        values[name] = values[name] * np.where(np.arange(len(values[name])) >= SLOTS * 4, 1.08, 1.0)
    for judge in (outliers.find_opens, outliers.find_wicks, outliers.find_closes):
        assert not judge(bars(values)).wrong.any()


@pytest.mark.parametrize("count", [0, 1, 2])
def test_hardly_any_bars_are_no_trouble(count: int) -> None:
    some = bars(market()).take(np.arange(SLOTS * 8) < count)
    for judge in (outliers.find_opens, outliers.find_wicks, outliers.find_closes):
        assert len(judge(some).wrong) == count


def test_a_run_of_one_price_in_the_first_sessions_is_named_where_others_move() -> None:
    """Eleven of fifty bars, over the night too; not two, and not where every other bar stands still anyway."""
    rng = np.random.default_rng(3)
    close = 100 * np.exp(np.cumsum(rng.normal(0, 1e-3, 50)))
    open_ = np.append(100.0, close[:-1])
    session = np.repeat(np.arange(10), 5)

    def runs(first: int, count: int, rare: bool = True) -> list[tuple[int, int]]:
        values = [open_.copy(), np.maximum(open_, close), np.minimum(open_, close), close.copy()]
        for row in (*range(first, first + count), *([] if rare else range(1, 40, 2))):
            for column in values:
                column[row] = values[3][row - 1]
        rows = np.arange(50)
        return list(outliers.standing_prices(GridBars(session, rows % 5, rows, *values, np.ones(50))))

    assert runs(38, 11) == [(38, 48)]
    assert runs(38, 2) == []
    assert runs(41, 4, rare=False) == []

"""Prices that cannot be: named and dropped, or refused until they are settled; never traded in silence.

C1 to C8b are cases of wrong inputs: each once on bars made here, and once on its file where HFM_REAL_DATA has it.
"""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hfm.errors import DataError
from tests.fetch.drive import Fetched, fetch, frame, raw, week

PRICES = ("open", "high", "low", "close")
LATER = datetime(2027, 1, 1, tzinfo=UTC)
OVER = week(first="2026-02-09", last="2026-03-06")
SLOTS, N = 78, 78 * 19


def wrong(kind: str, row: int, factor: float) -> pd.DataFrame:
    """Clean bars with one fault of a kind at, or from, a row."""
    table = frame(raw(OVER))
    day = row - row % SLOTS
    rows = {
        "bar": slice(row, row), "three": slice(row, row + 2), "session": slice(day, day + SLOTS - 1),
        "from": slice(day, N), "split": slice(day, N),
    }.get(kind, slice(row, row))  # fmt: skip
    columns = [kind] if kind in PRICES else list(PRICES)
    table.loc[rows, columns] *= factor
    if kind == "split":
        table.loc[rows, "volume"] = (table.loc[rows, "volume"] / factor).round()
    table["high"] = table[list(PRICES)].max(axis=1)
    table["low"] = table[list(PRICES)].min(axis=1)
    return table


def got(table: pd.DataFrame, folder: Path, **more: object) -> Fetched:
    table.to_csv(folder / "SPY.csv", index=False)
    return fetch(LATER, source="file", path=str(folder / "SPY.csv"), symbols=["SPY"], **more)


def true(bars: Fetched) -> bool:
    """Whether every bar that is there is the true one."""
    truth = frame(raw(OVER))
    place = np.searchsorted(raw(OVER).time, bars.column("time"))
    return all(np.allclose(bars.column(name), truth[name].to_numpy()[place], rtol=1e-9) for name in PRICES)


CASES = [
    ("C1 last bar of a session", "bar", SLOTS * 8 - 1, 100.0), ("C2 one open", "open", SLOTS * 12 + 30, 1.2),
    ("C3 one open in another unit", "open", SLOTS * 3 + 30, 100.0), ("C4 one low", "low", SLOTS * 3 + 30, 0.5),
    ("C5 three bars", "three", SLOTS * 12 + 30, 100.0), ("C6 a session in pounds", "session", SLOTS * 12, 0.01),
    ("the newest bar", "bar", N - 1, 100.0), ("the first bar", "bar", 0, 0.01),
    ("a session's first open", "open", SLOTS * 12, 0.8), ("a session's last close", "close", SLOTS * 12 - 1, 1.2),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "row", "factor"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
def test_a_wrong_price_is_dropped_by_name_and_no_other_bar_is(
    kind: str, row: int, factor: float, tmp_path: Path
) -> None:
    """Exit 7 with the first bar's time; all that is left is true."""
    bars = got(wrong(kind, row, factor), tmp_path)
    count = {"three": 3, "session": SLOTS}.get(kind, 1)
    assert len(bars.bars) == N - count
    assert true(bars)
    start = row - row % SLOTS if kind == "session" else row
    first = f"{np.datetime64(int(raw(OVER).time[start]), 'ns').astype('datetime64[s]')}Z"
    assert f"{count} row{'s' * (count > 1)} rejected" in bars.ctx.losses[0]
    assert first in bars.ctx.losses[0]
    assert bars.meta["warnings"][0] == bars.ctx.losses[0]


@pytest.mark.parametrize(("kind", "factor", "typed"), [
    ("from", 0.01, "=100"), ("from", 100.0, "=1/100"), ("split", 0.1, "=10"), ("split", 2.0, "=1/2"),
    ("split", 2 / 3, "=3/2"),
], ids=["C7 pounds for good", "pence for good", "C8 10 for 1", "1 for 2", "3 for 2"])  # fmt: skip
def test_a_level_that_stays_is_refused_until_it_is_typed(kind: str, factor: float, typed: str, tmp_path: Path) -> None:
    """Exit 4 names session and ratio; what the last line says gives true returns."""
    table = wrong(kind, SLOTS * 12, factor)
    with pytest.raises(DataError) as caught:
        got(table, tmp_path)
    day = str(OVER.day[12])
    assert day in caught.value.what
    assert caught.value.hint == f"--adjust {day}{typed}, or --adjust no"
    bars = got(table, tmp_path, adjust=[f"{day}{typed}"])
    assert len(bars.bars) == N
    ratio = bars.column("close") / raw(OVER).close
    assert np.ptp(ratio) < 1e-9 * ratio[0]
    assert any("multiplied by" in text for text in bars.ctx.warnings)
    kept = got(table, tmp_path, adjust=["no"])
    assert any("kept as asked" in text for text in kept.ctx.warnings)


def silent(table: pd.DataFrame, folder: Path) -> bool:
    """Whether a wrong bar got in without a word."""
    try:
        bars = got(table, folder)
    except DataError:
        return False
    return not true(bars) and not bars.ctx.losses and not bars.ctx.warnings


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    kind=st.sampled_from(["open", "close", "high", "low", "bar", "three", "session", "from", "split"]),
    row=st.integers(SLOTS, N - SLOTS), factor=st.sampled_from([100.0, 1000.0, 10.0, 2.0, 3.0, 1.3, 5.0, 1e-2, 0.5]),
)  # fmt: skip
def test_no_wrong_price_is_silent(kind: str, row: int, factor: float, tmp_path: Path) -> None:
    """Of any kind, at any row, by any factor of a unit or a split, or 30 %: named, or refused."""
    if kind in ("from", "split", "session") and factor == 1.3:
        factor = 4.0  # a night of 30 % may be news
    if kind == "high":
        factor = max(factor, 1 / factor)
    if kind == "low":
        factor = min(factor, 1 / factor)
    assert not silent(wrong(kind, row, factor), tmp_path)


def case(real: Path, name: str, **more: object) -> Fetched:
    (path,) = (real / "faults").glob(f"{name}_*.csv")
    return fetch(LATER, source="file", path=str(path), symbols=["VOD"], interval="15m", **more)


@pytest.mark.parametrize(("name", "bars", "first"), [
    ("C1", 519, "2024-03-19T20:00:00Z"), ("C2", 519, "2024-03-20T16:15:00Z"), ("C3", 519, "2024-03-13T16:15:00Z"),
    ("C4", 519, "2024-03-13T16:15:00Z"), ("C5", 517, "2024-03-20T16:15:00Z"), ("C6", 494, "2024-03-13T13:45:00Z"),
])  # fmt: skip
def test_the_file_of_a_case_loses_its_wrong_bars_alone(real: Path, name: str, bars: int, first: str) -> None:
    """All other bars are those of the clean file."""
    found = case(real, name)
    assert len(found.bars) == bars
    assert first in found.ctx.losses[0]
    clean = fetch(LATER, source="file", path=str(real / "faults" / "clean_15m.csv"), symbols=["VOD"], interval="15m")
    place = np.searchsorted(clean.column("time"), found.column("time"))
    for column in PRICES:
        assert np.allclose(found.column(column), clean.column(column)[place], rtol=1e-9)


@pytest.mark.parametrize(("name", "typed"), [("C7", "2024-03-13=100"), ("C8", "2024-03-20=10"),
                                             ("C8b", "2024-03-13=10")])  # fmt: skip
def test_the_file_of_a_case_is_refused_until_its_ratio_is_typed(real: Path, name: str, typed: str) -> None:
    """Then its returns are those of the clean file to the cent."""
    with pytest.raises(DataError) as caught:
        case(real, name)
    assert caught.value.hint == f"--adjust {typed}, or --adjust no"
    found = case(real, name, adjust=[typed])
    clean = fetch(LATER, source="file", path=str(real / "faults" / "clean_15m.csv"), symbols=["VOD"], interval="15m")
    ratio = found.column("close") / clean.column("close")
    assert np.ptp(ratio) < 2e-3 * ratio[0]


@pytest.mark.parametrize(("name", "options", "doubtful"), [
    ("spy_5m_2024-03_2025-04.parquet", {}, 0), ("spy_1m_2024-03_2025-04.parquet", {"interval": "1m"}, 0),
    ("multi20_5m_2025-05_2026-03.parquet", {"max_gap": 0.1}, 1), ("yahoo43_5m_2025-12_2026-03.parquet",
    {"max_gap": 0.6}, 0),
])  # fmt: skip
def test_real_news_is_no_error(real: Path, name: str, options: dict[str, object], doubtful: int) -> None:
    """Fed days, tariff days, nights of 32 %: no bar of 64 real symbols is dropped for its price, none is refused."""
    found = fetch(LATER, source="file", path=str(real / "bars" / name), **options)
    accounts = found.meta["quality"].values()
    assert sum(sum(q["rejected"].values()) for q in accounts) == 0
    assert sum(len(q["doubtful"]) for q in accounts) == doubtful
    assert found.ctx.losses == []

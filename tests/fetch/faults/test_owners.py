"""Whose bars a file or a folder holds: several symbols are never run together as one."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from tests.fetch.drive import fetch, frame, raw
from tests.fetch.faults.truth import (
    LATER,
    OVER,
    TRUE,
    folder,
    refused,
    same,
    save,
    typed,
)


def test_a_folder_of_one_file_a_symbol_is_several_symbols(tmp_path: Path) -> None:
    """By the files' names, whatever else these say; asked for one, only its file is taken."""
    other = frame(raw(OVER, 2))
    for k, pair in enumerate([("SPY", "QQQ"), ("SPY_5min", "QQQ_5min"), ("2026-03-02_SPY", "2026-03-02_QQQ")]):
        path = folder(tmp_path / str(k), **{pair[0]: frame(TRUE), pair[1]: other})
        both = fetch(source="file", path=str(path))
        assert both.meta["symbols"] == ["QQQ", "SPY"]
        assert same(both)
        alone = fetch(source="file", path=str(path), symbols=("SPY",))
        assert alone.meta["symbols"] == ["SPY"]
        assert same(alone)
        error = refused(path, symbols=("IWM",))
        assert "it has QQQ, SPY" in error.why
        assert fetch(**typed(error.hint)).meta["symbols"] == ["QQQ"]


def test_parts_of_one_symbol_are_run_together_and_may_overlap(tmp_path: Path) -> None:
    """Months, days, numbered parts; a resource fork beside them is no file of bars."""
    table = frame(TRUE)
    for k, (a, b) in enumerate([("SPY_2026-02", "SPY_2026-03"), ("20260302", "20260304"), ("SPY_part1", "SPY_part2")]):
        path = folder(tmp_path / str(k), **{a: table[:200], b: table[150:]})
        (path / "._SPY.csv").write_bytes(b"\0\5\x16\7")
        assert same(fetch(source="file", path=str(path), symbols=("SPY",)))


@pytest.mark.parametrize(("a", "b"), [("export1", "export2"), ("2024", "2025"), ("SPY_adjusted", "SPY_unadjusted")])
def test_files_that_contradict_each_other_in_all_bars_are_never_one_symbol(tmp_path: Path, a: str, b: str) -> None:
    """Both are named; one alone can be asked for."""
    path = folder(tmp_path / "f", **{a: frame(TRUE), b: frame(raw(OVER, 2))})
    error = refused(path, symbols=("SPY",))
    assert f"{a}.csv" in error.what
    assert f"{b}.csv contradict each other: 39" in error.what
    assert same(fetch(**typed(error.hint)))


def test_a_corrected_bar_in_an_overlap_is_no_contradiction(tmp_path: Path) -> None:
    """The newest stays, as in one file."""
    table = frame(TRUE)
    late = table[150:].copy()
    late.loc[150, "close"] += 0.01
    late.loc[150, "high"] += 0.01
    got = fetch(source="file", path=str(folder(tmp_path / "f", SPY_1=table[:200], SPY_2=late)), symbols=("SPY",))
    assert (got.quality()["duplicates"], got.quality()["conflicts"]) == (50, 1)


@pytest.mark.parametrize("column", ["Name", "level_1", "instrument_id"])
def test_an_unknown_column_of_symbols_is_named_before_bars_are_mixed(tmp_path: Path, column: str) -> None:
    """A table of two symbols whose column has a name of its own."""
    words = (15144, 3403) if column == "instrument_id" else ("SPY", "QQQ")
    both = [frame(bars).assign(**{column: word}) for bars, word in zip((TRUE, raw(OVER, 2)), words, strict=True)]
    path = save(pd.concat(both), tmp_path / "a.csv")
    error = refused(path, symbols=("SPY",))
    assert "contradict each other" in error.what
    assert same(fetch(**typed(error.hint, source="file", path=str(path))), str(words[0]))


def test_a_file_that_is_called_otherwise_is_warned_of(tmp_path: Path) -> None:
    """SPY.csv taken as QQQ; not bars.csv, nor SPY.csv as SPY=X."""
    for name, asked, count in (("SPY", "QQQ", 1), ("SPY", "SPY=X", 0), ("bars", "QQQ", 0), ("mine", "QQQ", 0)):
        path = save(frame(TRUE), tmp_path / f"{name}.csv")
        got = fetch(source="file", path=str(path), symbols=(asked,))
        assert same(got, asked)
        assert len(got.ctx.warnings) == count


def test_a_folder_of_folders_is_answered_with_the_first(tmp_path: Path) -> None:
    """One folder a symbol."""
    for name in ("QQQ data", "SPY"):
        folder(tmp_path / name, part_1=frame(TRUE))
    error = refused(tmp_path, symbols=("QQQ",))
    assert same(fetch(**typed(error.hint, source="file", symbols=("QQQ",))), "QQQ")


def test_case_b1(real: Path) -> None:
    """AAPL.csv and SPY.csv."""
    path = str(real / "faults/B1_one_file_a_symbol")
    assert fetch(source="file", path=path, as_of=LATER).meta["symbols"] == ["AAPL", "SPY"]
    alone = fetch(source="file", path=path, as_of=LATER, symbols=("AAPL",))
    assert (alone.bars.num_rows, alone.column("close")[0]) == (390, 171.92)

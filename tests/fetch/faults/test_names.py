"""Symbols and volumes: what stands in the file is a symbol, and a volume that is not known is none."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from tests.fetch.drive import fetch, frame, raw
from tests.fetch.faults.truth import (
    OVER,
    TRUE,
    refused,
    same,
    save,
    typed,
)
from tests.fetch.faults.writer import columns


@pytest.mark.parametrize(
    "name", ["#AAPL", "BTC/USDT", "BRK B", "ES H4", "NA", "NULL", "NAN", "NONE", "TRUE", "^GSPC", "600519"]
)
@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_a_name_that_stands_in_the_file_is_a_symbol(tmp_path: Path, name: str, ending: str) -> None:
    """It can be asked for as it stands, and without its marks; the hint that offers it works."""
    bars = {name: frame(TRUE), "zzz": frame(raw(OVER, 2))}
    path = tmp_path / f"a.{ending}"
    if ending == "csv":
        save(pd.concat([table.assign(symbol=symbol) for symbol, table in bars.items()]), path)
    else:
        columns(bars, path)
    for asked in {name, name.lower(), name.replace("/", "").replace(" ", "")}:
        got = fetch(source="file", path=str(path), symbols=(asked,))
        assert got.meta["symbols"] == [name]
        assert same(got, name)
    assert fetch(**typed(refused(path, symbols=("SPY",)).hint)).meta["symbols"] == [name]


def test_a_row_that_begins_with_a_hash_is_a_row(tmp_path: Path) -> None:
    """A broker's #AAPL in the first column, beside comments."""
    table = pd.concat([frame(TRUE).assign(symbol="#AAPL"), frame(raw(OVER, 2)).assign(symbol="EURUSD")])
    text = table[["symbol", *frame(TRUE).columns]].to_csv(index=False)
    (tmp_path / "a.csv").write_text(f"# bars of a broker\n{text}# the end\n")
    got = fetch(source="file", path=str(tmp_path / "a.csv"))
    assert got.meta["symbols"] == ["#AAPL", "EURUSD"]
    assert same(got, "#AAPL")


def test_an_empty_symbol_is_named_as_it_stands(tmp_path: Path) -> None:
    """Only an empty cell is no symbol; nor is one that a terminal would obey."""
    table = frame(TRUE).assign(symbol="SPY")
    for cell in ("", "\x1b[2J"):
        table.loc[7, "symbol"] = cell
        error = refused(save(table, tmp_path / "a.csv"))
        assert "data row 8" in error.what
        assert "\x1b" not in "".join(error.lines())


@pytest.mark.parametrize("cells", [[-1.0], [np.nan], [-1.0, 0.0]])
def test_a_volume_that_is_not_known_is_taken_as_none_and_said(tmp_path: Path, cells: list[float]) -> None:
    """-1 or nothing in every row of a symbol; beside real volumes it is a rejected row."""
    table = frame(TRUE).assign(volume=np.resize(cells, 390))
    got = fetch(source="file", path=str(save(table, tmp_path / "a.csv")), symbols=("SPY",))
    assert same(got, volume=False)
    assert not got.column("volume").any()
    assert "the volume is not known" in got.ctx.warnings[0]
    some = frame(TRUE).assign(volume=np.where(np.arange(390) == 7, -1.0, TRUE.volume))
    assert fetch(source="file", path=str(save(some, tmp_path / "b.csv")), symbols=("SPY",)).quality()["rejected"] == {
        "volume": 1
    }


def test_a_file_without_a_volume_is_taken_with_no_volume(tmp_path: Path) -> None:
    """The hint of its refusal."""
    path = save(frame(TRUE).drop(columns="volume"), tmp_path / "a.csv")
    error = refused(path, symbols=("SPY",))
    assert error.hint == "--no-volume"
    assert same(fetch(source="file", path=str(path), symbols=("SPY",), no_volume=True), volume=False)


@pytest.mark.parametrize("name", ["<TICKVOL>", "tick_volume", "Volume 'USDT'"])
def test_a_volume_of_zeros_beside_a_real_one_is_warned_of(tmp_path: Path, name: str) -> None:
    """The option that the warning names takes the real one."""
    path = save(frame(TRUE).assign(**{name: TRUE.volume, "volume": 0}), tmp_path / "a.csv")
    (warning,) = fetch(source="file", path=str(path), symbols=("SPY",)).ctx.warnings
    option = warning[warning.index("--map") : warning.index(" takes it")]
    assert same(fetch(**typed(option, source="file", path=str(path), symbols=("SPY",))))


def test_of_two_volumes_the_one_in_the_symbols_own_coin_is_taken(tmp_path: Path) -> None:
    """CryptoDataDownload's; without a symbol it is asked for."""
    table = frame(TRUE).rename(columns={"volume": "Volume BTC"}).assign(**{"Volume USDT": TRUE.volume * 100})
    assert same(fetch(source="file", path=str(save(table.assign(symbol="BTC/USDT"), tmp_path / "a.csv"))), "BTC/USDT")
    path = save(table, tmp_path / "b.csv")
    error = refused(path, symbols=("SPY",))
    assert same(fetch(**typed(error.hint, source="file", path=str(path), symbols=("SPY",))))

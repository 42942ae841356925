"""Which column of a vendor's table is what."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import pytest

from hfm.errors import DataError, UsageError
from hfm.fetch.files.columns import read_columns
from hfm.fetch.files.roles import roles_of
from tests.fetch.drive import lines

HEAD = "time,open,high,low,close,volume"
ROW = "2026-03-02 09:30,1,3,0.5,2,100"


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (["Timestamp", "Open", "HIGH", "low", "Close", "Volume"], "Timestamp Open HIGH low Close Volume"),
        (["t", "o", "h", "l", "c", "v"], "t o h l c v"),
        (["Datetime", "Adj Close", "Close", "High", "Low", "Open", "Volume"], "Datetime Open High Low Close Volume"),
        (["ts_event", "symbol", "open", "high", "low", "close", "volume"], "ts_event open high low close volume"),
        (["open_time", "open", "high", "low", "close", "volume", "close_time"], "open_time open high low close volume"),
        (["window_start", "open", "close", "high", "low", "volume"], "window_start open high low close volume"),
    ],
)
def test_roles_are_found_by_name_whatever_the_case_and_the_vendor(names: list[str], expected: str) -> None:
    """Polygon, Binance, Databento, yfinance, short names."""
    roles = roles_of(names, {}, Path("x"))
    found = [names[roles[r]] for r in ("time", "open", "high", "low", "close", "volume")]
    assert found == expected.split()


def test_a_date_and_a_time_column_are_one_time() -> None:
    """MetaTrader and Kibot write two columns."""
    roles = roles_of(["<DATE>", "<TIME>", "<OPEN>", "<HIGH>", "<LOW>", "<CLOSE>", "<VOL>"], {}, Path("x"))
    assert (roles["time"], roles["clock"]) == (0, 1)


def test_a_map_names_what_the_file_calls_otherwise(tmp_path: Path) -> None:
    """--map close=Settle, whatever else is there."""
    path = lines(tmp_path / "a.csv", ["when,open,high,low,Settle,volume", "2026-03-02 09:30,1,3,0.5,2,100"])
    (columns,) = read_columns(path, {"close": "Settle", "time": "when"})
    assert columns.values["close"].tolist() == [2.0]
    with pytest.raises(DataError, match="no column 'Price'"):
        read_columns(path, {"close": "Price"})
    with pytest.raises(UsageError, match="there is no role 'cloze'"):
        read_columns(path, {"cloze": "Settle"})


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ([], "is empty"),
        ([HEAD], "has no rows"),
        (["time,open,high,low,close", "2026-03-02 09:30,1,3,0.5,2"], "has no volume column"),
        (["a,b,c", "1,2,3"], "has no time and no open"),
        ([HEAD, ROW, "2026-03-02 09:35,1,3,0.5,junk,100"], "data row 2: 'junk' is not a number"),
        ([HEAD, ROW, "2026-03-02 09:35,1,3"], "line 3 has 3 columns, most have 6"),
        (["time,open,high,low,close,close,volume", "2026-03-02 09:30,1,3,0.5,2,1,100"], "two columns 'close'"),
        (["time,open,high,low,close,vol,qty", "2026-03-02 09:30,1,3,0.5,2,100,7"], "could each be the volume"),
        ([HEAD.replace(",", ";"), "2026-03-02 09:30;1,5;3.5;0,5;2;100"], "has a comma before its decimals"),
    ],
)
def test_a_file_that_is_not_certain_is_refused_with_the_reason(tmp_path: Path, rows: list[str], said: str) -> None:
    """Exit 4 and one line, never a guess."""
    with pytest.raises(DataError, match=said) as e:
        read_columns(lines(tmp_path / "a.csv", rows) if rows else _touch(tmp_path / "a.csv"), {})
    assert e.value.hint


def _touch(path: Path) -> Path:
    path.touch()
    return path


def test_empty_cells_and_words_for_nothing_are_not_numbers(tmp_path: Path) -> None:
    """They come out NaN, for the quality account."""
    rows = [HEAD, ROW, "2026-03-02 09:35,,NaN,null,N/A,"]
    (columns,) = read_columns(lines(tmp_path / "a.csv", rows), {})
    assert all(np.isnan(v[1]) for v in columns.values.values())


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_the_delimiter_is_read_off_the_header(tmp_path: Path, delimiter: str) -> None:
    """Commas, semicolons, tabs, bars; packed or not; with a byte order mark."""
    text = "\n".join([HEAD, ROW]).replace(",", delimiter) + "\n"
    path = tmp_path / "a.csv.gz"
    path.write_bytes(gzip.compress(("\ufeff" + text).encode()))
    (columns,) = read_columns(path, {})
    assert columns.values["close"].tolist() == [2.0]


def test_the_three_line_header_of_yfinance_is_one_part_a_symbol(tmp_path: Path) -> None:
    """`yf.download(["SPY", "QQQ"]).to_csv()`, either level first."""
    rows = [
        "Price,Close,Close,High,High,Low,Low,Open,Open,Volume,Volume",
        "Ticker,QQQ,SPY" + ",QQQ,SPY" * 4,
        "Datetime" + "," * 10,
        "2026-03-02 14:30:00+00:00,1,2,3,4,0.5,0.6,1,2,100,200",
    ]
    for head in (rows, [rows[1], rows[0], *rows[2:]]):
        parts = read_columns(lines(tmp_path / "a.csv", head), {})
        assert [p.symbol.to_pylist() for p in parts] == [["QQQ"], ["SPY"]]
        assert [p.values["close"][0] for p in parts] == [1.0, 2.0]


def test_a_torn_parquet_and_a_picture_are_refused(tmp_path: Path) -> None:
    """Not Parquet, not text."""
    (tmp_path / "a.parquet").write_bytes(b"PAR1 nonsense")
    (tmp_path / "b.csv").write_bytes(bytes(range(256)) * 20)
    for name in ("a.parquet", "b.csv"):
        with pytest.raises(DataError):
            read_columns(tmp_path / name, {})

"""A source asked for what there was earlier, and a file without its end."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from hfm.artifacts import BARS
from hfm.config import Config, Fetch
from hfm.errors import DataError
from hfm.tables import MemoryReader, arrays
from hfm.verify.in_memory_run import InMemoryRun, synthetic
from hfm.verify.lookahead import asof, compare
from hfm.verify.lookahead.isolation import Isolated
from tests.bars import bar_table


def test_text_and_parquet_are_cut_by_their_rows_and_others_are_not(tmp_path: Path) -> None:
    """The first lines, header included; the first rows; no other suffix, and no folder."""
    text = tmp_path / "a.csv"
    text.write_text("t,p\n" + "".join(f"{i},{i}\n" for i in range(9)))
    other = tmp_path / "b"
    assert asof._headed(text, other, 0.4)
    assert other.read_text() == "t,p\n0,0\n1,1\n2,2\n"
    pq.write_table(pa.table({"x": range(8)}), tmp_path / "a.parquet")
    assert asof._headed(tmp_path / "a.parquet", other, 0.75)
    assert pq.read_table(other).num_rows == 6
    assert not asof._headed(tmp_path / "a.feather", other, 0.5)
    assert not asof._headed(tmp_path / "folder.csv", other, 0.5)


def test_bars_are_compared_from_the_later_of_two_beginnings() -> None:
    """A count of sessions reaches back less far at an earlier moment: that is no difference."""
    table = bar_table(4, slots=5)
    late = table.slice(5)
    at = int(compare.times(table)[12])
    found = asof._compared(table, late, at)
    assert (found.rows, found.same) == (7, 7)
    assert asof._compared(late, table, at) == found
    wrong = late.set_column(7, table.schema.field(7), pa.array(np.append(late["close"].to_numpy()[:-9], np.zeros(9))))
    assert asof._compared(table, wrong, int(compare.times(table).max())).same < 15


def test_an_error_in_place_of_bars_is_a_difference_unless_both_are_errors() -> None:
    """Its text is what is named."""
    table, error = bar_table(2, slots=4), DataError("nothing there", hint="--days 2")
    found = asof._compared(table, error, int(compare.times(table)[3]))
    assert (found.rows, found.same, found.column) == (1, 0, "answer (nothing there)")
    assert asof._compared(error, error, 0).same == 1


def test_moments_leave_a_whole_session_before_them() -> None:
    """A source need have no bars of a first session's minutes."""
    day = np.array(["2026-03-02", "2026-03-03"], "datetime64[D]")
    noon = int(np.datetime64("2026-03-03T12:00", "ns").astype(np.int64))
    assert asof._since(day, noon)
    assert not asof._since(day, noon - 86_400 * 10**9)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Twelve sessions of half-hour bars as a user has them."""
    x = arrays(synthetic(12, 5, {"fetch": {"interval": "30m"}}).table(BARS))
    stamps = np.datetime_as_string(x["time"].astype("datetime64[ns]"), unit="s")
    lines = [f"{t}Z,{o!r},{h!r},{low!r},{c!r},{v!r}" for t, o, h, low, c, v in zip(
        stamps, *(x[n].tolist() for n in ("open", "high", "low", "close", "volume")), strict=True)]  # fmt: skip
    path = tmp_path / "SPY.csv"
    path.write_text("\n".join(["time,open,high,low,close,volume", *lines]) + "\n")
    return path


def test_a_files_bars_stand_without_its_end(file: Path) -> None:
    """Asked again, asked as of earlier moments, and cut: all the same; rows are compared in each."""
    fetch = Fetch(symbols=("SPY",), source="file", path=str(file), interval="30m", label="end")
    config = replace(Config(), fetch=fetch)
    bars = InMemoryRun(config, {}).through("fetch").table(BARS)
    with Isolated() as asked:
        rows = list(asof.of_run({BARS: MemoryReader(bars)}, config, asked, np.random.default_rng(4)))
    assert [row.claim for row in rows if not row.passed] == []
    assert any("cut off the file" in row.claim for row in rows)
    assert all(row.got > 0 for row in rows)


def test_a_vendor_is_not_asked() -> None:
    """Nor is a run without bars."""
    with Isolated() as asked:
        yahoo = replace(Config(), fetch=Fetch(symbols=("SPY",), source="yahoo"))
        assert list(asof.of_run({}, yahoo, asked, np.random.default_rng(1))) == []
        assert asked._process is None

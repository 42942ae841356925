"""Bars from files of any vendor: the same instants, or a refusal."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hfm.errors import DataError, HfmError, UsageError
from tests.fetch.drive import Fetched, fetch, frame, lines, raw, week

LATER = datetime(2027, 1, 1, tzinfo=UTC)
OVER = week()
TRUE = raw(OVER)


def same(got: Fetched, symbol: str = "SPY") -> bool:
    """Whether the bars are exactly the true ones."""
    assert got.meta["symbols"] == [symbol]
    columns = {"time": TRUE.time, "open": TRUE.open, "high": TRUE.high, "low": TRUE.low, "close": TRUE.close}
    return all(np.array_equal(got.column(name), value) for name, value in columns.items())


WAYS: dict[str, tuple[Callable[[pd.DataFrame, Path], None], dict[str, object]]] = {
    "csv with a zone": (lambda d, p: d.to_csv(p, index=False), {}),
    "csv in UTC": (lambda d, p: d.assign(timestamp=d.timestamp.dt.tz_convert("UTC")).to_csv(p, index=False), {}),
    "csv in local time": (
        lambda d, p: d.assign(timestamp=d.timestamp.dt.tz_localize(None)).to_csv(p, index=False),
        {"tz": "America/New_York"},
    ),
    "end labels": (lambda d, p: d.assign(timestamp=d.timestamp + pd.Timedelta("5min")).to_csv(p, index=False), {}),
    "end labels as told": (
        lambda d, p: d.assign(timestamp=d.timestamp + pd.Timedelta("5min")).to_csv(p, index=False),
        {"label": "end"},
    ),
    "epoch ms": (lambda d, p: d.assign(timestamp=d.timestamp.astype("int64") // 10**6).to_csv(p, index=False), {}),
    "unsorted": (lambda d, p: d.sample(frac=1, random_state=1).to_csv(p, index=False), {}),
    "parquet in Tokyo's time": (
        lambda d, p: d.assign(timestamp=d.timestamp.dt.tz_convert("Asia/Tokyo")).to_parquet(p),
        {},
    ),
    "parquet with an index": (lambda d, p: d.set_index("timestamp").to_parquet(p), {}),
    "other names": (
        lambda d, p: d.rename(columns={"timestamp": "Date", "close": "Settle", "volume": "Vol."}).to_csv(
            p, index=False
        ),
        {"map": {"close": "Settle"}},
    ),
    "two columns of time": (
        lambda d, p: (
            d.assign(Date=d.timestamp.dt.strftime("%m/%d/%Y"), Time=d.timestamp.dt.strftime("%H:%M"))
            .drop(columns="timestamp")
            .to_csv(p, index=False)
        ),
        {"tz": "America/New_York"},
    ),
}


@pytest.mark.parametrize("way", WAYS)
def test_one_week_written_in_many_ways_is_the_same_bars(tmp_path: Path, way: str) -> None:
    """Zones, labels, units, formats, order: equal to the bit. Slashed dates of 2 to 6 March are refused."""
    write, settings = WAYS[way]
    path = tmp_path / ("bars.parquet" if "parquet" in way else "bars.csv")
    write(frame(TRUE), path)
    if way == "two columns of time":
        with pytest.raises(DataError, match="can be read as"):
            fetch(symbols=("SPY",), source="file", path=str(path), **settings)
        return
    got = fetch(symbols=("SPY",), source="file", path=str(path), **settings)
    assert same(got)
    assert not got.ctx.losses
    assert "end" in got.meta["notes"]["SPY"][-1] if "end" in way else "start" in got.meta["notes"]["SPY"][-1]


def test_local_time_without_a_zone_is_refused_until_the_zone_is_given(tmp_path: Path) -> None:
    """Exit 4 and the flag to add."""
    frame(TRUE).assign(timestamp=lambda d: d.timestamp.dt.tz_localize(None)).to_csv(tmp_path / "a.csv", index=False)
    with pytest.raises(DataError, match="has no time zone") as e:
        fetch(symbols=("SPY",), source="file", path=str(tmp_path / "a.csv"))
    assert "--tz America/New_York" in e.value.hint


def test_duplicates_and_broken_rows_are_repaired_or_named_and_the_rest_is_exact(tmp_path: Path) -> None:
    """A doubled row keeps its newest, a NaN price and a high below the low are rejected by name: exit 7."""
    table = pd.concat([frame(TRUE), frame(TRUE).iloc[[40]].assign(volume=7.0)])
    table.iloc[10, table.columns.get_loc("close")] = np.nan
    table.iloc[20, table.columns.get_loc("high")] = 1.0
    table.to_csv(tmp_path / "a.csv", index=False)
    got = fetch(symbols=("SPY",), source="file", path=str(tmp_path / "a.csv"))
    quality = got.quality()
    assert (quality["duplicates"], quality["conflicts"], quality["rejected"]) == (1, 1, {"price": 1, "disorder": 1})
    assert got.ctx.losses == ["SPY: 2 rows rejected (1 price, 1 disorder), the first at 2026-03-02T15:25:00Z"]
    assert got.column("volume")[38] == 7.0
    assert got.bars.num_rows == 388


def test_hours_around_the_session_are_left_out_and_counted(tmp_path: Path) -> None:
    """Pre-market and post-market rows are no bars of the session, and no loss."""
    extra = frame(TRUE).iloc[::78].assign(timestamp=lambda d: d.timestamp - pd.Timedelta("2h"), volume=0.0)
    pd.concat([frame(TRUE), extra]).to_csv(tmp_path / "a.csv", index=False)
    got = fetch(symbols=("SPY",), source="file", path=str(tmp_path / "a.csv"))
    assert same(got)
    assert got.quality()["outside"] == 5
    assert not got.ctx.losses


def test_a_symbol_column_gives_all_symbols_or_those_asked_for(tmp_path: Path) -> None:
    """None asked: all. Case does not matter. One that is not there is named (exit 7), and is the error if alone."""
    both = pd.concat([frame(TRUE).assign(symbol="SPY"), frame(raw(OVER, 2)).assign(symbol="BRK-B")])
    path = tmp_path / "a.parquet"
    both.to_parquet(path)
    assert fetch(source="file", path=str(path)).meta["symbols"] == ["BRK-B", "SPY"]
    got = fetch(source="file", path=str(path), symbols=("spy", "QQQ"))
    assert same(got)
    assert "QQQ is left out" in got.ctx.losses[0]
    with pytest.raises(DataError, match="has no symbol QQQ") as e:
        fetch(source="file", path=str(path), symbols=("QQQ",))
    assert "BRK-B, SPY" in e.value.why


def test_a_file_without_symbols_needs_exactly_one_name(tmp_path: Path) -> None:
    """None and two are usage errors."""
    frame(TRUE).to_csv(tmp_path / "a.csv", index=False)
    for symbols in ((), ("SPY", "QQQ")):
        with pytest.raises(UsageError, match="has no symbol column"):
            fetch(source="file", path=str(tmp_path / "a.csv"), symbols=symbols)


def test_a_folder_is_its_files_one_after_the_other(tmp_path: Path) -> None:
    """A file a day, each in its own order; other files are not touched."""
    for day, part in frame(TRUE).groupby(frame(TRUE).timestamp.dt.date):
        part.to_csv(tmp_path / f"{day}.csv", index=False)
    (tmp_path / "notes.md").write_text("not bars")
    assert same(fetch(source="file", path=str(tmp_path), symbols=("SPY",)))


@pytest.mark.parametrize(("settings", "sessions"), [({"sessions": 2}, 2), ({"days": 2}, 2), ({}, 5)])
def test_days_and_sessions_count_back_from_the_last_bar(
    tmp_path: Path, settings: dict[str, int], sessions: int
) -> None:
    """The file's own end stands for now; without either the whole file is taken."""
    frame(TRUE).to_csv(tmp_path / "a.csv", index=False)
    got = fetch(source="file", path=str(tmp_path / "a.csv"), symbols=("SPY",), **settings)
    assert got.quality()["sessions"] == sessions
    assert got.quality()["last"] == "2026-03-06T21:00:00Z"
    assert not got.ctx.losses


def test_more_sessions_than_the_file_has_are_a_loss_with_names(tmp_path: Path) -> None:
    """Six asked, five there: committed, exit 7."""
    frame(TRUE).to_csv(tmp_path / "a.csv", index=False)
    got = fetch(source="file", path=str(tmp_path / "a.csv"), symbols=("SPY",), sessions=6)
    assert got.ctx.losses == ["SPY: 1 sessions without a bar: 2026-02-27"]


@pytest.mark.parametrize(
    ("settings", "kind", "said"),
    [
        ({}, UsageError, "needs a file"),
        ({"path": "/nowhere/a.csv"}, DataError, "does not exist"),
        ({"path": "."}, DataError, "holds no .csv"),
    ],
)
def test_a_path_that_leads_nowhere_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, settings: dict[str, str], kind: type[HfmError], said: str
) -> None:
    """No path, no file, no bars in the folder."""
    monkeypatch.chdir(tmp_path)
    with pytest.raises(kind, match=said):
        fetch(source="file", symbols=("SPY",), **settings)


def test_a_cup_of_junk_is_one_clear_error(tmp_path: Path) -> None:
    """Mixed junk in every column."""
    path = lines(tmp_path / "a.csv", ["time,open,high,low,close,volume", "x,y,z,1,2,3", ",,,,,", "2026,,,,q,7"])
    with pytest.raises(DataError):
        fetch(source="file", path=str(path), symbols=("SPY",))


SHAPES = {
    "bars/spy_5m_30d.csv": ({"symbols": ("SPY",)}, 30, 2_340),
    "bars/spy_5m_2024-03_2025-04.parquet": ({"symbols": ("SPY",)}, 255, 19_782),
    "bars/spy_1m_2024-03_2025-04.parquet": ({"interval": "1m"}, 256, 99_264),
    "bars/multi20_5m_2025-05_2026-03.parquet": ({"max_gap": 0.1}, 218, 321_618),
    "bars/yahoo43_5m_2025-12_2026-03.parquet": ({}, 60, 194_370),
    "import_traps/SPY_5m.csv": ({"symbols": ("SPY",)}, 9, 625),
    "import_traps/SPY_1m.csv": ({"interval": "1m"}, 6, 1_946),
    "import_traps/alphavantage_end_labelled_1m_2019.parquet": ({"interval": "1m", "max_gap": 1.0}, 5, 43_164),
    "import_traps/yahoo_extended_hours_5m_2025.parquet": ({}, 60, 40_850),
}


@pytest.mark.parametrize("name", SHAPES)
def test_real_files_import_with_their_sessions_and_without_loss(real: Path, name: str) -> None:
    """Every file of the collection: sessions and bars as its notes say, nothing rejected, no session lost."""
    settings, sessions, bars = SHAPES[name]
    got = fetch(source="file", path=str(real / name), as_of=LATER, **settings)
    assert (got.ctx.figures["sessions"], got.bars.num_rows) == (sessions, bars)
    assert not got.ctx.losses


def test_start_and_end_labels_are_brought_to_the_same_instants(real: Path) -> None:
    """2019's end-labelled file closes at 16:00 New York; the start-labelled ones too."""
    for name, interval in (
        ("alphavantage_end_labelled_1m_2019.parquet", "1m"),
        ("yahoo_extended_hours_5m_2025.parquet", "5m"),
    ):
        got = fetch(source="file", path=str(real / "import_traps" / name), interval=interval, symbols=("SPY",))
        local = pd.DatetimeIndex(got.column("time")).tz_localize("UTC").tz_convert("America/New_York")
        last = local[got.column("is_last")].strftime("%H:%M").unique().tolist()
        assert last in (["16:00"], ["16:00", "13:00"])


def test_the_thin_days_of_a_real_set_are_named(real: Path) -> None:
    """Yahoo lost most of 30 January and 2 February 2026; 1,778 bars are without volume."""
    got = fetch(source="file", path=str(real / "bars/yahoo43_5m_2025-12_2026-03.parquet"), as_of=LATER)
    assert "2026-01-30 (10 to 13 bars), 2026-02-02 (24 to 27 bars)" in got.ctx.warnings[0]
    assert sum(q["zero_volume"] for q in got.meta["quality"].values()) == 1_778


def test_an_interval_that_the_file_does_not_have_is_refused(real: Path) -> None:
    """One-minute bars for the default of five."""
    with pytest.raises(DataError, match="60 s apart"):
        fetch(source="file", path=str(real / "bars/spy_1m_2024-03_2025-04.parquet"))


TOKENS = [
    "",
    "NaN",
    "inf",
    "-1",
    "0",
    "1e309",
    '"',
    ",",
    ";",
    "\r",
    "\x00",
    "é",
    "2026-03-02",
    "2026-03-02 09:30",
    "timestamp",
    "9999999999999999999",
    "1,000",
    "2300-01-01 00:00:00+00:00",
    "1600-01-01 00:00:00+00:00",
    "1772461800",
    "٣",
]


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture], derandomize=True)
@given(
    rows=st.integers(0, 40),
    changes=st.lists(st.tuples(st.integers(0, 39), st.integers(0, 5), st.sampled_from(TOKENS)), max_size=6),
    zone=st.sampled_from([None, "UTC", "../x", ""]),
    side=st.sampled_from(["auto", "start"]),
)
def test_any_file_is_read_or_refused_in_one_line(
    tmp_path: Path, rows: int, changes: list[tuple[int, int, str]], zone: str | None, side: str
) -> None:
    """Cells replaced by anything: bars, or an HfmError of one line with a hint; never another exception."""
    cells = [line.split(",") for line in frame(TRUE).head(rows).to_csv(index=False).splitlines()]
    for row, column, token in changes:
        cells[row % len(cells)][column] = token
    (tmp_path / "a.csv").write_text("\n".join(",".join(line) for line in cells), "utf-8")
    try:
        fetch(source="file", path=str(tmp_path / "a.csv"), symbols=("SPY",), tz=zone, label=side)
    except HfmError as e:
        assert e.hint
        assert "\n" not in e.what + e.why

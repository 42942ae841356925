"""Which lines are the header, and which column plays which role."""

from __future__ import annotations

import zipfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from tests.fetch.drive import fetch, frame, lines, raw, week
from tests.fetch.faults.truth import (
    OVER,
    PRICES,
    TRUE,
    Write,
    clocked,
    refused,
    same,
    save,
    typed,
)

NAMELESS: dict[str, Write] = {
    "FirstRate": lambda d, p: save(clocked(d, "%Y-%m-%d %H:%M:%S"), p, header=False),
    "NinjaTrader": lambda d, p: save(clocked(d, "%Y%m%d %H%M%S"), p, header=False, sep=";"),
    "MetaTrader": lambda d, p: save(clocked(d, "%Y.%m.%d,%H:%M"), p, header=False, quoting=3, escapechar="\0"),
    "a symbol in front": lambda d, p: save(
        clocked(d, "%Y-%m-%d %H:%M:%S").assign(s="SPY")[["s", *d.columns]], p, header=False
    ),
    "a symbol behind": lambda d, p: save(clocked(d, "%Y-%m-%d %H:%M:%S").assign(s="SPY"), p, header=False),
}


@pytest.mark.parametrize("vendor", NAMELESS)
def test_a_file_without_a_header_is_read_by_position_and_loses_no_bar(tmp_path: Path, vendor: str) -> None:
    """The values prove the positions; a warning says which they are."""
    NAMELESS[vendor](frame(TRUE), tmp_path / "a.txt")
    path = tmp_path / "a.txt"
    path.write_text(path.read_text().replace("\0", ""))
    got = fetch(source="file", path=str(path), symbols=("SPY",), tz="America/New_York")
    assert same(got)
    assert "the file has no header; columns are taken by position" in got.ctx.warnings[0]


@pytest.mark.parametrize("factor", [10**3, 10**6])
def test_klines_of_twelve_columns_are_known(tmp_path: Path, factor: int) -> None:
    """Milliseconds and microseconds; plain, with a header and in a zip; the first column is the bar's open."""
    table = frame(TRUE)
    opens = table.timestamp.astype("int64") // 10**3 // (10**6 // factor)
    more = dict.fromkeys(("quote_volume", "count", "taker_buy_volume", "taker_buy_quote_volume", "ignore"), 0)
    klines = table.drop(columns="timestamp").assign(close_time=opens + 300 * factor - 1, **more)
    klines.insert(0, "open_time", opens)
    save(klines, tmp_path / "a.csv", header=False)
    save(klines, tmp_path / "b.csv")
    with zipfile.ZipFile(tmp_path / "c.zip", "w") as archive:
        archive.write(tmp_path / "a.csv", "BTCUSDT-5m.csv")
    for name in ("a.csv", "b.csv", "c.zip"):
        assert same(fetch(source="file", path=str(tmp_path / name), symbols=("SPY",)))


@pytest.mark.parametrize(
    "order", ["open close high low volume", "close high low open volume", "open high low close volume n"]
)
def test_positions_that_are_not_certain_are_refused_with_those_that_the_values_show(tmp_path: Path, order: str) -> None:
    """Other orders, and two columns that could be the volume: the hint, typed, gives the true bars."""
    path = save(frame(TRUE).assign(n=3)[["timestamp", *order.split()]], tmp_path / "a.csv", header=False)
    error = refused(path, symbols=("SPY",))
    assert "its columns are not certain" in error.what
    assert same(fetch(**typed(error.hint, source="file", path=str(path), symbols=("SPY",))))


@pytest.mark.parametrize("order", ["volume open high low close", "n open high low close volume"])
def test_a_volume_before_the_prices_is_no_high(tmp_path: Path, order: str) -> None:
    """It is above all of them: no position is offered, for the ones that the values seem to show are wrong."""
    path = save(frame(TRUE).assign(n=10**6)[["timestamp", *order.split()]], tmp_path / "a.csv", header=False)
    assert refused(path, symbols=("SPY",)).hint.startswith("write a header line")


def test_an_average_behind_the_prices_is_no_volume(tmp_path: Path) -> None:
    """Nor is an adjusted close; --no-volume is offered, and works."""
    table = frame(TRUE).assign(volume=TRUE.close * 0.9)
    path = save(table, tmp_path / "a.csv", header=False)
    error = refused(path, symbols=("SPY",))
    got = fetch(**typed(error.hint, source="file", path=str(path), symbols=("SPY",)))
    assert same(got, volume=False)
    assert not got.column("volume").any()


@pytest.mark.parametrize("name", ["", "Unnamed: 0", "index", "when"])
def test_the_one_column_of_times_is_the_time_whatever_its_name(tmp_path: Path, name: str) -> None:
    """Also beside running numbers without a name, and where the header has one name fewer."""
    table = frame(TRUE).rename(columns={"timestamp": name})
    assert same(fetch(source="file", path=str(save(table, tmp_path / "a.csv")), symbols=("SPY",)))
    table.to_csv(tmp_path / "b.csv")
    assert same(fetch(source="file", path=str(tmp_path / "b.csv"), symbols=("SPY",)))
    head, *rows = (tmp_path / "a.csv").read_text().splitlines()
    assert same(
        fetch(source="file", path=str(lines(tmp_path / "c.csv", [head.split(",", 1)[1], *rows])), symbols=("SPY",))
    )


def test_a_role_that_no_name_plays_is_offered_the_column_that_can_play_it(tmp_path: Path) -> None:
    """Typed, the hint gives the bars; where no column can, it says so and offers no option."""
    path = save(frame(TRUE).rename(columns={"close": "Price", "volume": "Traded Vol."}), tmp_path / "a.csv")
    error = refused(path, symbols=("SPY",))
    assert error.hint == "--map close=Price --map 'volume=Traded Vol.'"
    assert same(fetch(**typed(error.hint, source="file", path=str(path), symbols=("SPY",))))
    assert "--" not in refused(save(frame(TRUE).drop(columns="open"), tmp_path / "b.csv"), symbols=("SPY",)).hint


def test_a_map_that_names_nothing_is_answered_with_what_is_near(tmp_path: Path) -> None:
    """A role or a column that was mistyped: the hint, typed, works; what is like nothing is answered with the names."""
    path = save(frame(TRUE).rename(columns={"close": "Settle (d)"}), tmp_path / "a.csv")
    for mapping in ({"cloze": "Settle (d)"}, {"close": "Settel (d)"}):
        error = refused(path, symbols=("SPY",), map=mapping)
        assert error.hint == "--map 'close=Settle (d)'"
    assert same(fetch(**typed(error.hint, source="file", path=str(path), symbols=("SPY",))))
    for mapping in ({"qqq": "open"}, {"close": "???"}):
        assert "--" not in refused(path, symbols=("SPY",), map=mapping).hint


def test_only_columns_that_play_a_role_must_be_unique(tmp_path: Path) -> None:
    """Two equal names that play none, two equal columns of one role: read. Two unlike ones: by position."""
    plot = pd.Series(TRUE.close, name="Plot")
    assert same(
        fetch(
            source="file",
            path=str(save(pd.concat([frame(TRUE), plot, plot], axis=1), tmp_path / "a.csv")),
            symbols=("SPY",),
        )
    )
    double = save(pd.concat([frame(TRUE), frame(TRUE).close], axis=1), tmp_path / "b.csv")
    assert same(fetch(source="file", path=str(double), symbols=("SPY",)))
    unlike = save(pd.concat([frame(TRUE), frame(TRUE).close.rename("Close") * 2], axis=1), tmp_path / "c.csv")
    error = refused(unlike, symbols=("SPY",))
    assert "two columns" in error.what
    assert same(fetch(**typed(error.hint, source="file", path=str(unlike), symbols=("SPY",))))


def _yahoo() -> pd.DataFrame:
    """As yf.download gives SPY and QQQ: two levels of columns."""
    found = {symbol: frame(bars).set_index("timestamp") for symbol, bars in (("SPY", TRUE), ("QQQ", raw(OVER, 2)))}
    table = pd.concat(found, axis=1).rename(columns=str.title, level=1).swaplevel(axis=1).sort_index(axis=1)
    table.index.name, table.columns.names = "Datetime", ["Price", "Ticker"]
    table[("Adj Close", "SPY")] = table[("Close", "SPY")] * 0.9
    return table


def _flat(table: pd.DataFrame) -> pd.DataFrame:
    return table.set_axis([f"{symbol}.{field}" for field, symbol in table.columns], axis=1)


YAHOO: dict[str, Write] = {
    "three lines": lambda d, p: d.to_csv(p),
    "reset_index": lambda d, p: d.reset_index().to_csv(p, index=False),
    "reset_index, with numbers": lambda d, p: d.reset_index().to_csv(p),
    "by ticker": lambda d, p: d.swaplevel(axis=1).sort_index(axis=1).to_csv(p),
    "by ticker, reset_index": lambda d, p: d.swaplevel(axis=1).sort_index(axis=1).reset_index().to_csv(p, index=False),
    "levels without names": lambda d, p: d.rename_axis(columns=[None, None]).to_csv(p),
    "stacked": lambda d, p: d.stack(level=1).reset_index().to_csv(p, index=False),
    "one level": lambda d, p: _flat(d).to_csv(p),
    "parquet": lambda d, p: d.to_parquet(p),
}


@pytest.mark.parametrize("way", YAHOO)
def test_what_yfinance_writes_is_read_in_every_shape(tmp_path: Path, way: str) -> None:
    """Levels of columns in either order, with and without an index; an adjusted close beside the close."""
    YAHOO[way](_yahoo(), tmp_path / "a.csv")
    got = fetch(source="file", path=str(tmp_path / "a.csv"))
    assert got.meta["symbols"] == ["QQQ", "SPY"]
    assert same(got)
    assert "it has QQQ, SPY" in refused(tmp_path / "a.csv", symbols=("IWM",)).why


def test_lines_that_are_certainly_no_row_are_left_out_and_said(tmp_path: Path) -> None:
    """Before, between and behind the rows: titles, comments, blank lines, the header again, a source."""
    head, *rows = frame(TRUE).to_csv(index=False).splitlines()
    text = [
        "Bars of SPY, exported 2026-03-14",
        "",
        head,
        *rows[:50],
        "# a comment",
        head,
        *rows[50:],
        ",,,,,",
        "Data by Example, Inc.",
    ]
    got = fetch(source="file", path=str(lines(tmp_path / "a.csv", text)), symbols=("SPY",))
    assert same(got)
    notes = " ".join([*got.meta["notes"]["SPY"], *got.ctx.warnings])
    for part in (
        "line 1 is no row",
        "1 lines that begin with #",
        "the header comes again 1 times",
        "Data by Example, Inc.",
    ):
        assert part in notes
    for odd in (rows[-1][:30], "Total,390", rows[-1] + ",7"):
        error = refused(lines(tmp_path / "b.csv", [head, *rows[:-1], odd]), symbols=("SPY",))
        assert f"line {len(rows) + 1} has" in error.what


def test_a_time_beside_a_date_that_has_its_own_date_is_the_time(tmp_path: Path) -> None:
    """As ISO with its zone, or since 1970: the column of dates adds nothing to it."""
    table = frame(TRUE).rename(columns={"timestamp": "time"})
    utc = pd.DatetimeIndex(table.time).tz_convert("UTC")
    for time in (utc.strftime("%Y-%m-%dT%H:%M:%SZ"), utc.as_unit("s").asi8, utc.strftime("%d-%b-%Y %H:%M+00:00")):
        both = table.assign(date=utc.strftime("%Y-%m-%d"), time=time)
        assert same(fetch(source="file", path=str(save(both, tmp_path / "a.csv")), symbols=("SPY",)))
    digits = table.assign(date=utc.strftime("%Y%m%d"), time=utc.strftime("%H%M%S000"))
    assert same(fetch(source="file", path=str(save(digits, tmp_path / "b.csv")), symbols=("SPY",), tz="UTC"))


def test_names_of_other_letters_that_are_left_out_are_named(tmp_path: Path) -> None:
    """SPY and spy in one column: the rows of one are not lost without a word."""
    table = frame(TRUE).assign(symbol=np.where(np.arange(390) < 200, "SPY", "spy"))
    path = str(save(table, tmp_path / "a.csv"))
    got = fetch(source="file", path=path, symbols=("SPY",))
    assert got.ctx.warnings[0].startswith("SPY: the file also has rows of spy, which are left out")


def test_twelve_columns_without_a_header_are_klines_by_their_values_alone(tmp_path: Path) -> None:
    """Of a market that never closes nothing else tells the labels: told columns are no open times for their number."""
    over = week("24/7", 3600)
    table = frame(raw(over), "UTC", 0).assign(**dict.fromkeys("abcdef", 1))
    path = save(table, tmp_path / "a.csv", header=False)
    told = {role: str(k + 1) for k, role in enumerate(("time", *PRICES, "volume"))}
    error = refused(path, symbols=("BTC",), interval="1h", calendar="24/7", map=told)
    assert error.hint == "--label start, or --label end"

"""Numbers, containers, clocks and calendars of files; and the cases of the folder of faults."""

from __future__ import annotations

import shlex
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from hfm.errors import ConfigError, is_typed
from tests.fetch.drive import fetch, frame, lines
from tests.fetch.faults.truth import (
    FIRST,
    LAST,
    LATER,
    PRICES,
    TRUE,
    VOLUME,
    clocked,
    refused,
    same,
    save,
    typed,
)


def test_marks_that_read_both_ways_are_refused_until_one_is_given(tmp_path: Path) -> None:
    """1,085 may be 1085 or 1.085: the setting decides, and a mark that does not fit is refused."""
    table = frame(TRUE)
    table[PRICES] = (table[PRICES] / 90).round(3)
    words = table.assign(
        **{c: [f"{v:.3f}".replace(".", ",") for v in table[c]] for c in PRICES}, volume=TRUE.volume.astype(int)
    )
    path = save(words, tmp_path / "a.csv", sep=";")
    assert "thousands or decimals" in refused(path, symbols=("SPY",)).what
    for decimal, factor in (("comma", 1.0), ("point", 1000.0)):
        got = fetch(source="file", path=str(path), symbols=("SPY",), decimal=decimal)
        assert np.allclose(got.column("close"), table.close * factor, rtol=1e-12)
    mixed = save(words.assign(volume=[f"{v:.1f}" for v in TRUE.volume]), tmp_path / "b.csv", sep=";")
    assert "thousands or decimals" in refused(mixed, symbols=("SPY",)).what


@pytest.mark.parametrize("sep", [";", "\t", "|"])
def test_points_before_thousands_alone_are_refused_whatever_parts_the_columns(tmp_path: Path, sep: str) -> None:
    """18.766 and 21.045 in all rows are an index and its volume, or a thousandth of both; with a point that no
    thousands have, or volumes without one, they are plain numbers."""
    table = frame(TRUE)
    dotted = table.assign(
        **{c: [f"{v * 40:,.0f}".replace(",", ".") for v in table[c]] for c in PRICES},
        volume=[f"{v * 100:,.0f}".replace(",", ".") for v in TRUE.volume],
    )
    path = save(dotted, tmp_path / "a.csv", sep=sep)
    assert "thousands or decimals" in refused(path, symbols=("SPY",)).what
    got = fetch(source="file", path=str(path), symbols=("SPY",), decimal="comma")
    assert np.array_equal(got.column("close"), (TRUE.close * 40).round())
    plain = save(dotted.assign(volume=TRUE.volume), tmp_path / "b.csv", sep=sep)
    assert fetch(source="file", path=str(plain), symbols=("SPY",)).column("close")[0] < 100


@pytest.mark.parametrize(
    ("cell", "value"),
    [("$1,234.50", 1234.5), ("1.234,50", 1234.5), ("1'234.5", 1234.5), ("1 234,5 €", 1234.5), ("1\u202f234,5", 1234.5)],
)
def test_a_price_with_marks_of_its_country_is_a_number(tmp_path: Path, cell: str, value: float) -> None:
    """Currency, thousands of several kinds, blanks that do not break."""
    rows = [
        "time;open;high;low;close;volume",
        *(f"2026-03-02 14:{m}:00Z;{cell};{cell};{cell};{cell};7" for m in range(30, 60, 5)),
    ]
    got = fetch(source="file", path=str(lines(tmp_path / "a.csv", rows)), symbols=("SPY",), label="start", max_gap=1.0)
    assert set(got.column("close")) == {value}


def test_volumes_with_letters_are_read_and_percentages_are_no_prices(tmp_path: Path) -> None:
    """1.5K is 1,500."""
    table = frame(TRUE).assign(volume=[f"{v / 1000:g}K" for v in TRUE.volume])
    assert same(fetch(source="file", path=str(save(table, tmp_path / "a.csv")), symbols=("SPY",)))
    percent = frame(TRUE).assign(close=[f"{v}%" for v in TRUE.close])
    assert "is not a number" in refused(save(percent, tmp_path / "b.csv"), symbols=("SPY",)).what


def test_prices_in_whole_units_are_read_by_their_scale_or_refused(tmp_path: Path) -> None:
    """Databento's by its columns; others by the setting; multiples of a hundred are warned of."""
    nano = frame(TRUE).assign(**{c: (frame(TRUE)[c] * 1e9).round().astype("int64") for c in PRICES})
    dbn = nano.assign(rtype=33, publisher_id=2, instrument_id=7)
    assert same(fetch(source="file", path=str(save(dbn, tmp_path / "a.csv")), symbols=("SPY",)))
    dbn.to_parquet(tmp_path / "a.parquet")
    assert same(fetch(source="file", path=str(tmp_path / "a.parquet"), symbols=("SPY",)))
    path = save(nano, tmp_path / "b.csv")
    error = refused(path, symbols=("SPY",))
    assert same(fetch(**typed(error.hint, source="file", path=str(path), symbols=("SPY",))))
    mill = frame(TRUE).assign(**{c: (frame(TRUE)[c] * 1e4).round().astype("int64") for c in PRICES})
    path = save(mill, tmp_path / "c.csv")
    (warning,) = fetch(source="file", path=str(path), symbols=("SPY",)).ctx.warnings
    assert same(fetch(**typed(warning[warning.index("--set") :], source="file", path=str(path), symbols=("SPY",))))


def test_prices_that_databento_writes_with_decimals_are_as_they_stand(tmp_path: Path) -> None:
    """Nine of them."""
    pretty = frame(TRUE).assign(**{c: [f"{v:.9f}" for v in frame(TRUE)[c]] for c in PRICES}, rtype=33, publisher_id=2)
    assert same(fetch(source="file", path=str(save(pretty, tmp_path / "a.csv")), symbols=("SPY",)))


def test_a_container_is_known_by_its_first_bytes(tmp_path: Path) -> None:
    """Parquet by any name; what is neither table nor text is named, with what to do, and never printed raw."""
    for name in ("a.csv", "a.parq", "a.parquet.gzip", "a"):
        frame(TRUE).to_parquet(tmp_path / name)
        assert same(fetch(source="file", path=str(tmp_path / name), symbols=("SPY",)))
    with zipfile.ZipFile(tmp_path / "a.xlsx", "w") as archive:
        archive.writestr("xl/workbook.xml", "<workbook/>")
    with zipfile.ZipFile(tmp_path / "two.zip", "w") as archive:
        archive.writestr("a.csv", "x")
        archive.writestr("b.csv", "x")
    (tmp_path / "page.csv").write_text("<!DOCTYPE html>\n<html></html>\n")
    (tmp_path / "bytes.csv").write_bytes(b"\x1b[2J" * 999)
    for name, what in (
        ("a.xlsx", "Excel"),
        ("two.zip", "2 files"),
        ("page.csv", "HTML"),
        ("bytes.csv", "neither text"),
    ):
        error = refused(tmp_path / name, symbols=("SPY",))
        assert what in error.what
        assert "".join(error.lines()).isprintable()


@pytest.mark.parametrize("name", ["minute", "time", "clock", "Time of day"])
def test_a_column_of_clock_times_beside_a_date_is_the_clock(tmp_path: Path, name: str) -> None:
    """Also where the date has a midnight; not where the date has a clock of its own."""
    table = frame(TRUE)
    clock = table.timestamp.dt.strftime("%H:%M")
    for form in ("%Y-%m-%d", "%Y-%m-%d 00:00:00", "%Y-%m-%d %H:%M:%S"):
        path = save(
            clocked(table, form).rename(columns={"timestamp": "date"}).assign(**{name: clock}), tmp_path / "a.csv"
        )
        assert same(fetch(source="file", path=str(path), symbols=("SPY",), tz="America/New_York"))


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("NSE", "XBOM"),
        ("xnse", "XBOM"),
        ("XNSE", "XBOM"),
        ("forex", "24/5"),
        ("crypto", "24/7"),
        ("xnys", "XNYS"),
        ("Tokyo", "XTKS"),
    ],
)
def test_a_calendar_is_offered_by_the_names_of_its_market(tmp_path: Path, name: str, hint: str) -> None:
    """Never another market's for its alike letters; an unknown name is answered with the list."""
    path = save(frame(TRUE), tmp_path / "a.csv")
    assert refused(path, symbols=("SPY",), calendar=name).hint == f"--set fetch.calendar={hint}"
    error = refused(path, symbols=("SPY",), calendar="XNYZ")
    assert isinstance(error, ConfigError)
    assert "XNYS, XNZE" in error.why


def test_every_calendar_that_is_offered_exists() -> None:
    """And no name of exchange_calendars is taken for another's."""
    import exchange_calendars

    from hfm.fetch.calendars import MARKETS

    known = set(exchange_calendars.get_calendar_names())
    words = [word for names in MARKETS.values() for word in names.split()]
    assert set(MARKETS) <= known
    assert not known & set(words)
    assert len(words) == len(set(words))


CASES: dict[str, tuple[dict[str, Any], tuple[int, float, float, float | None]]] = {
    "H2_no_header_firstrate.txt": ({"tz": "America/New_York"}, (390, FIRST, LAST, VOLUME)),
    "H2c_no_header_binance_klines_us.csv": ({"calendar": "24/7"}, (576, 68014.10, 67496.65, 163.0)),
    "H3_index_without_a_name.csv": ({}, (390, FIRST, LAST, VOLUME)),
    "H4_symbols_with_a_slash.csv": ({"symbols": ("BTCUSDT",)}, (156, FIRST, 466.44, 17_053.0)),
    "H7_volume_minus_one_ib_midpoint.csv": ({}, (390, FIRST, LAST, 0.0)),
    "H11_date_and_minute_columns.csv": ({"tz": "America/New_York"}, (390, FIRST, LAST, VOLUME)),
    "H12_no_volume_column.csv": ({"no_volume": True}, (390, FIRST, LAST, 0.0)),
    "I2_ticker_NA.csv": ({}, (156, FIRST, 466.44, 17_053.0)),
    "I3_tradingview_two_plots.csv": ({}, (390, FIRST, LAST, VOLUME)),
    "I4_yfinance_reset_index.csv": ({}, (390, FIRST, LAST, VOLUME)),
    "I5_decimal_comma.csv": ({}, (390, FIRST, LAST, VOLUME)),
    "I7_first_line_is_a_comment.csv": ({}, (390, FIRST, LAST, VOLUME)),
    "I8_utf16.csv": ({}, (390, FIRST, LAST, VOLUME)),
    "L1_databento_fixed_prices.csv": ({}, (390, FIRST, LAST, VOLUME)),
    "N1_metatrader5_vol_zero.csv": (
        {"tz": "Europe/Athens", "map": {"volume": "<TICKVOL>"}},
        (390, FIRST, LAST, VOLUME),
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_a_case_of_the_folder_gives_its_bars(real: Path, name: str) -> None:
    """Bars, first and last close, last volume; nothing lost."""
    settings, wanted = CASES[name]
    got = fetch(source="file", path=str(real / "faults" / name), as_of=LATER, **{"symbols": ("SPY",), **settings})
    close, volume = got.column("close"), got.column("volume")
    assert (got.bars.num_rows, close[0], close[-1], volume[-1]) == wanted
    assert not got.ctx.losses


def test_cases_of_the_folder_that_are_warned_of_or_refused(real: Path) -> None:
    """H4's hint, H8, H12, I2's other symbol, N1's warning."""
    faults = real / "faults"
    error = refused(faults / "H4_symbols_with_a_slash.csv", symbols=("SPY",), as_of=LATER)
    assert fetch(as_of=LATER, **typed(error.hint)).meta["symbols"] == ["BTC/USDT"]
    for name in ("NSE", "XNSE"):
        error = refused(faults / "H8_nse_india_5m.csv", symbols=("NIFTY",), calendar=name, as_of=LATER)
        assert error.hint == "--set fetch.calendar=XBOM"
    assert refused(faults / "H12_no_volume_column.csv", symbols=("SPY",), as_of=LATER).hint == "--no-volume"
    path = str(faults / "I2_ticker_NA.csv")
    assert fetch(source="file", path=path, symbols=("NA",), as_of=LATER).bars.num_rows == 156
    path = str(faults / "N1_metatrader5_vol_zero.csv")
    got = fetch(source="file", path=path, symbols=("SPY",), tz="Europe/Athens", as_of=LATER)
    assert "--map 'volume=<TICKVOL>'" in got.ctx.warnings[0]


@pytest.mark.parametrize("rows", [slice(0, None), slice(0, 300)])
def test_volumes_that_are_none_are_left_out_by_what_is_typed(tmp_path: Path, rows: slice) -> None:
    """All of them below zero, or so many that bars are missing: no price is at fault."""
    table = frame(TRUE)
    volume = TRUE.volume.copy()
    volume[rows] = -2.0
    path = save(table.assign(volume=volume), tmp_path / "a.csv")
    error = refused(path, symbols=("SPY",))
    assert error.hint == "--no-volume"
    assert same(fetch(source="file", path=str(path), symbols=("SPY",), no_volume=True), volume=False)


def test_a_name_that_no_file_has_is_answered_by_the_file(tmp_path: Path) -> None:
    """No command of another source is offered for it."""
    assert not is_typed(refused(save(frame(TRUE), tmp_path / "a.csv"), symbols=("~~",)).hint)


def test_one_of_several_symbols_is_left_out_with_the_option_that_settles_it(tmp_path: Path) -> None:
    """As printed, its name quoted for the shell, it brings the symbol back."""
    table = frame(TRUE)
    early = np.arange(len(table)) < 3 * 78
    split = table.assign(**{c: np.where(early, table[c] * 10, table[c]) for c in PRICES})
    split["volume"] = np.where(early, TRUE.volume / 10, TRUE.volume)
    both = pd.concat([table.assign(symbol="SPY"), split.assign(symbol="X:NV DA")])
    settings = {"source": "file", "path": str(save(both, tmp_path / "a.csv"))}
    (loss,) = fetch(**settings).ctx.losses
    option = shlex.split(loss[loss.rindex("(") + 1 : -1].split(", or ")[0])
    got = fetch(**settings, adjust=tuple(option[1:]))
    assert got.meta["symbols"] == ["SPY", "X:NV DA"]
    assert got.ctx.losses == []


def test_a_symbol_that_begins_later_is_judged_by_its_own_sessions(tmp_path: Path) -> None:
    """Its holes are counted and named there, whatever sessions other symbols have; here the last bars of each."""
    table = frame(TRUE)
    second = table[156:][np.arange(234) % 78 < 60]
    both = pd.concat([table[:200].assign(symbol="EARLY"), second.assign(symbol="LATE")])
    error = refused(save(both, tmp_path / "a.csv"))
    assert "2 symbols" in error.what
    assert error.hint == "--max-gap 15%"
    got = fetch(source="file", path=str(tmp_path / "a.csv"), max_gap=0.15)
    assert got.meta["symbols"] == ["EARLY"]
    assert "LATE is left out: it misses 16.67% of the bars in its 3 sessions" in got.ctx.losses[0]


def test_a_file_of_databento_is_answered_by_the_source_that_reads_it(tmp_path: Path) -> None:
    """Words for a shell and no others, with the file's own path."""
    path = tmp_path / "a day.dbn.csv"
    path.write_bytes(b"DBN\x01" + bytes(100))
    hint = refused(path, symbols=("SPY",)).hint
    assert shlex.split(hint) == ["hfm", "fetch", "SYMBOL", "--source", "databento", "--path", str(path)]

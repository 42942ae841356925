"""Siblings of the cases of wrong inputs: small splits, the newest bar, mixed rows, names of files, units, copies."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from hfm.errors import DataError
from hfm.fetch.book import book_events
from hfm.fetch.files import filenames
from hfm.fetch.quality import adjustments, splits
from tests.fetch.drive import Fetched, fetch, frame, raw, week
from tests.fetch.faults.truth import LATER, PRICES, TRUE, folder, refused, same, save, typed

OVER = week(first="2026-02-09", last="2026-03-06")
SLOTS = 78
MIDDLE = SLOTS * 9


def scaled(rows: slice, factor: float, volume: float = 1.0) -> pd.DataFrame:
    """Clean bars whose prices, and volumes, are multiplied in some rows (labels, the last one too)."""
    table = frame(raw(OVER))
    table.loc[rows, PRICES] *= factor
    table.loc[rows, "volume"] *= volume
    return table


def got(table: pd.DataFrame, where: Path, **more: object) -> Fetched:
    return fetch(LATER, source="file", path=str(save(table, where / "SPY.csv")), symbols=["SPY"], **more)


@pytest.mark.parametrize(("many", "for_one"), [(6, 5), (5, 4), (4, 3), (11, 10), (21, 20), (4, 5), (10, 11)])
def test_a_split_too_small_to_be_refused_is_named_with_its_ratio(tmp_path: Path, many: int, for_one: int) -> None:
    found = got(scaled(slice(0, MIDDLE - 1), many / for_one, for_one / many), tmp_path)
    text = next(w for w in found.ctx.warnings if "small split" in w)
    assert text.endswith(f"--adjust {OVER.day[9]}={many}/{for_one}")
    assert not found.ctx.losses


def test_a_spin_off_is_named_with_what_was_measured(tmp_path: Path) -> None:
    text = next(w for w in got(scaled(slice(0, MIDDLE - 1), 1.287), tmp_path).ctx.warnings if "spin-off" in w)
    assert float(Fraction(text.rpartition("=")[2])) == pytest.approx(1.287, rel=0.01)


def test_a_night_that_volume_explains_is_no_small_split(tmp_path: Path) -> None:
    table = scaled(slice(MIDDLE, None), 0.85)
    table.loc[MIDDLE : MIDDLE + SLOTS - 1, "volume"] *= 4
    assert not [w for w in got(table, tmp_path).ctx.warnings if "small split" in w]
    assert not [w for w in got(frame(raw(OVER)), tmp_path).ctx.warnings if "split" in w]


@pytest.mark.parametrize("many", [6, 9, 12, 40, 2.5])
def test_the_ratio_to_be_typed_is_the_one_measured(tmp_path: Path, many: float) -> None:
    """9 for 1 is not offered as 10 for 1."""
    table = scaled(slice(0, MIDDLE - 1), many, 1 / many)
    hint = refused(save(table, tmp_path / "SPY.csv"), as_of=LATER, symbols=["SPY"]).hint
    assert hint.split(", or ")[0] == f"--adjust {OVER.day[9]}={adjustments.ratio_text(many)}"


@pytest.mark.parametrize("measured", [0.105, 0.096, 0.1])
def test_a_common_ratio_is_kept_on_a_bad_night(measured: float) -> None:
    assert splits.likely_ratio(measured, 0.1) == 0.1


@pytest.mark.parametrize("row", [0, len(OVER) * SLOTS - 1])
def test_the_first_and_newest_bar_are_dropped_or_named(tmp_path: Path, row: int) -> None:
    for factor in (2.0, 0.5, 1.7):
        found = got(scaled(slice(row, row), factor), tmp_path)
        assert len(found.ctx.losses) == 1
        assert found.bars.num_rows == len(OVER) * SLOTS - 1
    for factor in (1.2, 0.94):
        found = got(scaled(slice(row, row), factor), tmp_path)
        assert [w for w in found.ctx.warnings if "far from those beside it" in w]


def test_a_session_that_repeats_the_one_before_is_named(tmp_path: Path) -> None:
    table = frame(raw(OVER))
    names = [*PRICES, "volume"]
    table.loc[MIDDLE : MIDDLE + SLOTS - 1, names] = table.loc[MIDDLE - SLOTS : MIDDLE - 1, names].to_numpy()
    assert [w for w in got(table, tmp_path).ctx.warnings if str(OVER.day[9]) in w and "session before" in w]


@pytest.mark.parametrize("name", ["side", "exchange"])
def test_bid_and_ask_rows_of_one_symbol_are_never_one(tmp_path: Path, name: str) -> None:
    own = frame(TRUE).assign(symbol="SPY")
    other = own.assign(**{price: own[price] + 0.02 for price in PRICES})
    both = pd.concat([own.assign(**{name: "bid"}), other.assign(**{name: "ask"})])
    error = refused(save(both, tmp_path / "a.csv"), symbols=["SPY"])
    assert "contradict" in error.what
    assert name in error.hint
    assert "bid, ask" in error.hint
    twice = pd.concat([own.assign(side="bid"), own.assign(side="ask")])
    assert same(fetch(source="file", path=str(save(twice, tmp_path / "b.csv")), symbols=["SPY"]))


@pytest.mark.parametrize(("name", "symbol"), [
    ("SPY_full_5min_UNADJ.txt", "SPY"), ("SPY_unadj.csv", "SPY"), ("BATS_AAPL, 5.csv", "AAPL"),
    ("Binance_BTCUSDT_5m.csv", "BTCUSDT"), ("NASDAQ.csv", "NASDAQ"), ("CME.csv", "CME"), ("CME_5min.csv", "CME"),
])  # fmt: skip
def test_words_and_markets_beside_a_symbol(name: str, symbol: str) -> None:
    assert filenames.symbol(Path(name)) == symbol


def test_two_files_of_one_symbol_adjusted_and_not_are_refused(tmp_path: Path) -> None:
    table = frame(TRUE)
    half = table.assign(**{price: table[price] / 2 for price in PRICES})
    where = folder(tmp_path / "both", SPY_adj=half, SPY_unadj=table)
    assert "contradict each other" in refused(where, symbols=["SPY"]).what


@pytest.mark.parametrize("power", [7, 8, 9, 10])
def test_the_unit_that_makes_cents_of_fixed_prices_is_offered_first(tmp_path: Path, power: int) -> None:
    table = frame(TRUE)
    cents = table.assign(**{p: (table[p] * 100).round().astype(np.int64) * 10 ** (power - 2) for p in PRICES})
    path = save(cents, tmp_path / "SPY.csv")
    hint = refused(path, symbols=["SPY"]).hint
    assert same(fetch(source="file", **typed(hint, path=str(path), symbols=["SPY"])))


@pytest.mark.parametrize("power", [2, 3, 4, 5])
def test_whole_prices_that_may_be_cents_are_warned_of(tmp_path: Path, power: int) -> None:
    table = frame(TRUE)
    whole = table.assign(**{p: (table[p] * 300).round().astype(np.int64) * 10 ** (power - 2) for p in PRICES})
    found = fetch(source="file", path=str(save(whole, tmp_path / "SPY.csv")), symbols=["SPY"])
    assert [w for w in found.ctx.warnings if f"--set fetch.price_unit=1e-{power}" in w]


def test_semicolons_make_the_comma_the_first_choice(tmp_path: Path) -> None:
    table = frame(TRUE)
    words = table.assign(volume=table.volume.astype(int)).assign(
        **{p: table[p].map("{:.3f}".format).str.replace(".", ",") for p in PRICES}
    )
    path = save(words, tmp_path / "SPY.csv", sep=";")
    hint = refused(path, symbols=["SPY"]).hint
    assert same(fetch(source="file", **typed(hint, path=str(path), symbols=["SPY"])))


def test_a_mark_that_does_not_read_the_file_is_said_so(tmp_path: Path) -> None:
    """9000.0 shares have a point before their decimals, whatever the prices have."""
    table = frame(TRUE)
    words = table.assign(**{p: table[p].map("{:.3f}".format).str.replace(".", ",") for p in PRICES})
    path = save(words, tmp_path / "SPY.csv", sep=";")
    assert refused(path, symbols=["SPY"]).hint == "--set fetch.decimal=point"
    assert "9000.0" in refused(path, symbols=["SPY"], decimal="comma").what


def test_the_volume_in_units_is_offered_before_its_worth(tmp_path: Path) -> None:
    table = frame(TRUE)
    two = table.drop(columns="volume").assign(**{"Volume USDT": table.volume * 100, "Volume BTC": table.volume})
    path = save(two, tmp_path / "SPY.csv")
    hint = refused(path, symbols=["SPY"]).hint
    assert same(fetch(source="file", **typed(hint, path=str(path), symbols=["SPY"])))


def test_a_line_of_dashes_is_no_symbol(tmp_path: Path) -> None:
    lines = save(frame(TRUE), tmp_path / "SPY.csv").read_text().splitlines()
    (tmp_path / "SPY.csv").write_text("\n".join([lines[0], ",".join(["---"] * 6), *lines[1:]]))
    error = refused(tmp_path / "SPY.csv", symbols=["SPY"])
    assert isinstance(error, DataError)
    assert "symbol" not in error.what
    assert "hfm fetch" not in error.hint


def test_coins_by_the_hour_on_a_calendar_of_shares_are_sent_round_the_clock(tmp_path: Path) -> None:
    coins = frame(raw(week("24/7", 3600, last="2026-03-12")), "UTC", -3600)
    path = save(coins, tmp_path / "BTC.csv")
    assert refused(path, symbols=["BTC"], interval="1h", label="start").hint == "--set fetch.calendar=24/7"


@pytest.mark.parametrize("form", ["%Hh%M", "%-H.%M", "%-I:%M%p", "number", "part"])
def test_a_clock_beside_a_date_as_people_write_it(tmp_path: Path, form: str) -> None:
    table = frame(TRUE)
    minutes = table.timestamp.dt.hour * 60 + table.timestamp.dt.minute
    if form == "number":
        clock = (minutes // 60 * 100 + minutes % 60).astype(float).astype(str)
    elif form == "part":
        clock = (minutes / 1440).round(9).astype(str)
    else:
        clock = table.timestamp.dt.strftime(form).str.replace("AM", "a").str.replace("PM", "p")
    table.insert(0, "Time", clock)
    table.insert(0, "Date", table.timestamp.dt.strftime("%d-%b-%Y"))
    path = save(table.drop(columns="timestamp"), tmp_path / "SPY.csv")
    assert same(fetch(source="file", path=str(path), symbols=["SPY"], tz="America/New_York"))


def test_a_quote_in_another_unit_is_counted_and_warned_of() -> None:
    bid = np.full(6, 100.0)
    bid[3] = 10_000.0
    assert book_events._leaps(bid, bid + 0.01, np.nan) == {"leaps": 2}
    assert book_events._leaps(bid, bid + 0.01, 1.0) == {"leaps": 3}  # the part before ended in another unit
    assert book_events._leaps(np.array([100.0, np.nan, 101.0]), np.array([100.1, 100.2, 101.1]), 100.0) == {}

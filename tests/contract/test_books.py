"""The contract of book sources, for the built-in ones."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from hfm import plugins
from hfm.plugins import BarRequest, BookSource
from tests.contract.books import BookContract
from tests.fetch.flow import flow
from tests.fetch.levels import messages
from tests.fetch.orderflow import made
from tests.fetch.sources import test_binance, test_databento, test_lobster, test_tardis


def request_of(path: Path, *symbols: str, calendar: str = "24/7") -> BarRequest:
    """All of the files there."""
    as_of = datetime(2030, 1, 1, tzinfo=UTC)
    return BarRequest(symbols=symbols, interval_s=300, calendar=calendar, as_of=as_of, path=str(path))


class TestLobster(BookContract):
    """A pair, and messages to rebuild from."""

    @pytest.fixture
    def source(self) -> BookSource:
        """As the registry gives it."""
        found: BookSource = plugins.find("sources", "lobster")()
        return found

    @pytest.fixture
    def request_(self, tmp_path: Path) -> BarRequest:
        """Two symbols of one day."""
        test_lobster.write(tmp_path, flow(seed=1, events=200, level=3), 3, "ABC")
        test_lobster.write(tmp_path, flow(seed=2, events=200, level=10, resting=20), 50, "ZED", pair=False)
        return request_of(tmp_path, "ABC", "ZED", calendar="XNYS")


class TestTardis(BookContract):
    """Changes, two days of two symbols, and trades."""

    @pytest.fixture
    def source(self) -> BookSource:
        """As the registry gives it."""
        found: BookSource = plugins.find("sources", "tardis")()
        return found

    @pytest.fixture
    def request_(self, tmp_path: Path) -> BarRequest:
        """Two symbols of two days."""
        for day in range(2):
            feed = messages(seed=day, count=60, start_us=test_tardis.START + day * 86_400_000_000, again=30)
            for symbol in ("BTCUSDT", "ETHUSDT"):
                date = f"2020-07-0{day + 1}"
                text = test_tardis.changes(feed, symbol)
                (tmp_path / test_tardis.name("incremental_book_L2", symbol, date)).write_text(text)
                text = test_tardis.trades([(feed[9].time_us, "buy", 100.0, 1.0)], symbol)
                (tmp_path / test_tardis.name("trades", symbol, date)).write_text(text)
        return request_of(tmp_path, "BTCUSDT", "ETHUSDT")


class TestBinance(BookContract):
    """Depth of one symbol, best quotes of another."""

    @pytest.fixture
    def source(self) -> BookSource:
        """As the registry gives it."""
        found: BookSource = plugins.find("sources", "binance")()
        return found

    @pytest.fixture
    def request_(self, tmp_path: Path) -> BarRequest:
        """Two symbols of one day."""
        feed = messages(seed=1, count=80, start_us=test_binance.START, again=40)
        for kind, whole in (("snap", True), ("update", False)):
            path = tmp_path / f"BTCUSDT_T_DEPTH_2024-03-01_depth_{kind}.csv"
            path.write_text(test_binance.depth(feed, whole))
        ticker = "".join(
            f"{k},{100 - k},2,{101 + k},3,{test_binance.milli(test_binance.START) + k},0\n" for k in range(9)
        )
        (tmp_path / "ETHUSDT-bookTicker-2024-03-01.csv").write_text(test_binance.TICKER + ticker)
        return request_of(tmp_path, "BTCUSDT", "ETHUSDT")


class TestDatabento(BookContract):
    """Two symbols in one file; needs the extra."""

    @pytest.fixture
    def source(self) -> BookSource:
        """As the registry gives it."""
        pytest.importorskip("databento", reason="the extra databento is not installed")
        found: BookSource = plugins.find("sources", "databento")()
        return found

    @pytest.fixture
    def request_(self, tmp_path: Path) -> BarRequest:
        """Market by order."""
        records = test_databento.orders(made(1, 80, 10), 5) + test_databento.orders(made(2, 80, 10), 6)
        (tmp_path / "x.mbo.dbn").write_bytes(test_databento.header("mbo", {"ABC": 5, "ZED": 6}) + records)
        return request_of(tmp_path, "ABC", "ZED", calendar="XNYS")


def test_every_registered_source_has_a_contract() -> None:
    """Of bars or of books: a new line of the registry must not be forgotten."""
    kinds = {name: hasattr(plugins.find("sources", name), "books") for name in plugins.REGISTRY["sources"]}
    assert {name for name, books in kinds.items() if books} == {"lobster", "tardis", "binance", "databento"}

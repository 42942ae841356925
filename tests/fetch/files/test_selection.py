"""The symbols asked for among those of a file, and the command line that asks for one."""

from __future__ import annotations

import shlex
from datetime import UTC, datetime

import numpy as np
import pytest

from hfm.errors import DataError, UsageError
from hfm.fetch.files.parts import FilePart
from hfm.fetch.files.selection import choose_parts, fetch_command
from hfm.plugins import BarRequest


def request(*symbols: str, path: str = "a b.csv") -> BarRequest:
    return BarRequest(symbols, 300, "XNYS", datetime(2026, 3, 6, tzinfo=UTC), path=path)


def part(symbol: str | None) -> FilePart:
    return FilePart(symbol, np.arange(3), {}, (), path="a b.csv")


@pytest.mark.parametrize("asked", ["BTC/USDT", "btc/usdt", "BTCUSDT", "btc-usdt"])
def test_a_symbol_is_found_by_its_letters(asked: str) -> None:
    """Case and marks aside."""
    assert list(choose_parts([part("BTC/USDT"), part("ETH/USDT")], request(asked))) == ["BTC/USDT"]


def test_without_a_symbol_all_are_taken() -> None:
    """In order of their names."""
    assert list(choose_parts([part("B"), part("A"), part("B")], request())) == ["A", "B"]


def test_a_symbol_that_is_not_there_is_answered_with_one_that_is() -> None:
    """A command that can be typed, with the path quoted."""
    error = choose_parts([part("SPY")], request("QQQ"))["QQQ"]
    assert isinstance(error, DataError)
    assert shlex.split(error.hint) == ["hfm", "fetch", "SPY", "--source", "file", "--path", "a b.csv"]


def test_a_file_without_symbols_takes_the_one_asked_for() -> None:
    """And no two."""
    (chosen,) = choose_parts([part(None)], request("SPY"))["SPY"]
    assert chosen.symbol in (None, "SPY")
    with pytest.raises(UsageError, match="no symbol column"):
        choose_parts([part(None)], request("SPY", "QQQ"))


def test_the_command_line_names_what_is_not_usual() -> None:
    """Interval, calendar, and nothing that is the default."""
    words = shlex.split(fetch_command(BarRequest((), 60, "24/7", datetime(2026, 3, 6, tzinfo=UTC), path="x")))
    assert words[words.index("--interval") + 1] == "1m"
    assert "fetch.calendar=24/7" in words
    assert "--tz" not in words

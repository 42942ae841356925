"""The real yfinance client, unpatched and in another process, against a stand-in on this machine."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from hfm.errors import DataError, RateLimitError, UpstreamError
from hfm.fetch.sources import yahoo as client
from hfm.stage import Context
from tests.conftest import CLOSED
from tests.fetch.child import NOW, Child, start
from tests.yahoo import Yahoo


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Yahoo]:
    """One stand-in for the module."""
    with Yahoo(tmp_path_factory.mktemp("yahoo"), NOW) as found:
        yield found


@pytest.fixture(scope="module")
def shared(server: Yahoo) -> Iterator[Child]:
    """One child for the module: importing the client takes a second. At its end stderr must be empty."""
    child = start(server.env())
    child.ask(symbols=["QQQ"])
    yield child
    assert child.end() == ""


@pytest.fixture
def vendor(server: Yahoo) -> Yahoo:
    """Yahoo on a Friday after the close, with nothing wrong."""
    server.reset(NOW)
    return server


def test_five_days_of_two_symbols_arrive_whole_and_quietly(vendor: Yahoo, shared: Child) -> None:
    """Two chart requests, every bar; nothing on stderr (seen at the child's end): no warning, no log of yfinance."""
    said = shared.ask(symbols=["SPY", "qqq"])
    assert said["code"] == 0, said
    assert {s: q["present"] for s, q in said["quality"].items()} == {"SPY": 390, "QQQ": 390}
    assert vendor.count("chart") == 2
    assert vendor.count("refused") == 0


FAILURES = [
    (401, 5, "refuses the session's crumb", 2),
    (404, 4, "No data found, symbol may be delisted", 2),
    (422, 4, "must be within the last 60 days", 2),
    (429, 6, "429, too many requests", 2),
    (500, 5, "makes no sense", 2),
    ("html", 5, "makes no sense", 1),
    ("truncated", 5, "makes no sense", 1),
    ("reset", 5, "cannot be reached", 1),
    ("empty", 4, "no price data found", 1),
]


@pytest.mark.parametrize(("what", "code", "line", "requests"), FAILURES, ids=[str(f[0]) for f in FAILURES])
def test_each_failure_has_its_exit_code_and_one_clear_line(
    vendor: Yahoo, shared: Child, what: int | str, code: int, line: str, requests: int
) -> None:
    """yfinance asks twice on a status of 400 and more; what is final is not asked for again by us."""
    vendor.script("chart", what, times=100)
    said = shared.ask(max_time=0.6)
    assert (said["code"], line in said["lines"][0]) == (code, True), said
    assert said["lines"][-1].startswith("  next: ")
    assert vendor.count("chart") >= requests
    if what in (404, 422, 429, "empty"):
        assert vendor.count("chart") == requests


def test_a_vendor_that_is_slower_than_max_time_is_left(server: Yahoo) -> None:
    """Exit 5 at the deadline, whatever yfinance still waits for."""
    server.reset(NOW)
    server.script("crumb", "slow", times=9, seconds=1.5)
    server.script("chart", "slow", times=9, seconds=1.5)
    child = start(server.env())
    said = child.ask(max_time=0.5)
    assert (said["code"], "within --max-time" in said["lines"][0]) == (5, True), said
    assert child.end() == ""


@pytest.mark.parametrize("what", [429, 500, 401, "html", "truncated", "reset"])
def test_a_failure_that_passes_is_survived(vendor: Yahoo, shared: Child, what: int | str) -> None:
    """Once, then normal: the bad answer that yfinance caches is not seen again."""
    vendor.script("chart", what)
    said = shared.ask(max_time=60)
    assert said["code"] == 0, said
    assert said["quality"]["SPY"]["present"] == 390
    assert vendor.count("chart") == 2


def test_a_crumb_that_is_refused_does_not_stop_the_chart(vendor: Yahoo, shared: Child) -> None:
    """429 on the crumb alone: the chart needs none."""
    vendor.script("crumb", 429, times=5)
    assert shared.ask()["code"] == 0


def test_no_network_fails_at_once_with_one_line(server: Yahoo) -> None:
    """A closed port: exit 5, no retry, no second symbol asked for, within two seconds on a busy machine."""
    child = start({k: CLOSED if "proxy" in k.lower() and v else v for k, v in server.env().items()})
    for limit in (60.0, 2.0):
        begun = time.monotonic()
        said = child.ask(symbols=["SPY", "QQQ"])
        assert said["code"] == 5
        assert said["lines"][0].startswith("error: none of 2 symbols is left: SPY, QQQ: Yahoo cannot be reached")
        assert time.monotonic() - begun < limit
    assert child.end() == ""


def test_an_unknown_symbol_is_named_and_the_others_are_kept(vendor: Yahoo, shared: Child) -> None:
    """Exit 7 with the loss; symbols of other markets' spelling are asked for as they are."""
    vendor.symbols |= {"BRK-B", "^GSPC"}
    said = shared.ask(symbols=["SPY", "NOPE", "brk-b", "^GSPC"])
    assert said["code"] == 7
    assert said["losses"] == ["NOPE is left out: No data found, symbol may be delisted"]
    assert sorted(said["quality"]) == ["BRK-B", "SPY", "^GSPC"]


def test_the_forming_bar_and_the_blemishes_of_the_feed_are_accounted_for(vendor: Yahoo, shared: Child) -> None:
    """Mid-session: the live bar is dropped; null, silent, shifted and forgotten bars are each counted."""
    vendor.now = "2026-03-13T15:32:00+00:00"
    first = int(vendor.sessions(vendor.clock(), vendor.clock(), 300).open[-1] // 10**9)
    vendor.null, vendor.silent = {first}, {first + 300}
    vendor.drop, vendor.shift = {first + 900}, {first + 1200: 17}
    said = shared.ask(now=vendor.now)
    quality = said["quality"]["SPY"]
    assert quality["last"] == "2026-03-13T15:30:00Z"
    told = {name: quality[name] for name in ("future", "empty", "zero_volume", "rejected", "stale")}
    assert told == {"future": 1, "empty": 1, "zero_volume": 1, "rejected": {"off_grid": 1}, "stale": 0}
    assert said["code"] == 7
    assert quality["expected"] - quality["present"] == 3


def test_one_minute_bars_are_asked_for_week_by_week(vendor: Yahoo, shared: Child) -> None:
    """Thirty days back, at most eight a request; 29 days fit into five."""
    said = shared.ask(interval="1m", days=29)
    assert said["code"] == 0, said
    assert said["quality"]["SPY"]["present"] == 20 * 390
    assert vendor.count("chart") == 5


def test_coins_trade_on_every_day_of_a_calendar_without_end(vendor: Yahoo, shared: Child) -> None:
    """BTC-USD on 24/7: weekends too; on the stock exchange's calendar most rows are outside, and that is said."""
    vendor.reset(NOW, ("BTC-USD",))
    vendor.calendar = "24/7"
    said = shared.ask(symbols=["btc-usd"], calendar="24/7", days=6)
    vendor.calendar = "XNYS"
    assert said["code"] == 0, said
    assert said["quality"]["BTC-USD"]["expected"] == 5 * 288 + 246
    assert said["quality"]["BTC-USD"]["gap"] == 0


def test_more_days_than_yahoo_keeps_are_a_loss_with_names(vendor: Yahoo, shared: Child) -> None:
    """Ninety asked, sixty there: no 422, exit 7, the sessions named and the reason noted."""
    said = shared.ask(days=90)
    assert said["code"] == 7
    assert "sessions without a bar: 2025-12-15" in said["losses"][0]
    assert said["notes"]["SPY"] == ["Yahoo keeps 60 calendar days of these bars"]


def test_a_429_with_patience_left_waits_and_tries_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """The wait is at least 30 s, jittered; with less time left it is not begun."""
    from yfinance.exceptions import YFRateLimitError

    waits: list[float] = []
    monkeypatch.setattr(client.time, "sleep", waits.append)
    tries = iter([YFRateLimitError(), YFRateLimitError(), None])

    def ask_once() -> str:
        failed = next(tries)
        if failed is not None:
            raise failed
        return "bars"

    budget = client.TimeBudget(time.monotonic() + 100)
    assert client.with_retries(ask_once, "SPY", budget, Context("fetch")) == "bars"
    assert len(waits) == 2
    assert all(30 <= w <= 31 for w in waits)
    tries = iter([YFRateLimitError()])
    budget = client.TimeBudget(time.monotonic() + 20)
    with pytest.raises(RateLimitError):
        client.with_retries(ask_once, "SPY", budget, Context("fetch"))
    assert len(waits) == 2
    assert isinstance(budget.dead, RateLimitError)


def test_five_tries_are_the_most(monkeypatch: pytest.MonkeyPatch) -> None:
    """Four waits of full jitter below .5, 1, 2, 4 s; then the error, and the next symbol may still be asked for."""
    waits: list[float] = []
    monkeypatch.setattr(client.time, "sleep", waits.append)

    def ask_once() -> None:
        raise ValueError("Expecting value")

    budget = client.TimeBudget(time.monotonic() + 100)
    with pytest.raises(UpstreamError):
        client.with_retries(ask_once, "SPY", budget, Context("fetch"))
    assert len(waits) == 4
    assert all(0 <= w <= limit for w, limit in zip(waits, (0.5, 1, 2, 4), strict=True))
    assert budget.dead is None
    with pytest.raises(DataError):
        client.with_retries(_missing, "SPY", budget, Context("fetch"))
    assert len(waits) == 4


def _missing() -> None:
    from yfinance.exceptions import YFPricesMissingError

    raise YFPricesMissingError("SPY", "", yahoo_reason="No data found")


@pytest.mark.parametrize(
    ("name", "symbol", "now", "calendar", "told"),
    [
        (
            "aapl_5m_1d_midsession.json",
            "AAPL",
            "2026-10-05T13:58:30+00:00",
            "XNYS",
            {"present": 5, "future": 1, "off_grid": 0, "empty": 0},
        ),
        (
            "toyota_5m_1d_null_bars.json",
            "7203.T",
            "2026-10-05T08:00:00+00:00",
            "XTKS",
            {"present": 4, "future": 0, "off_grid": 0, "empty": 1, "outside": 4},
        ),
        (
            "reconstructed_SPY_5m_60d.json",
            "SPY",
            "2026-03-20T22:00:00+00:00",
            "XNYS",
            {"present": 4520, "future": 0, "off_grid": 0, "empty": 0},
        ),
    ],
)
def test_recorded_answers_of_yahoo_are_read(
    vendor: Yahoo, shared: Child, real: Path, name: str, symbol: str, now: str, calendar: str, told: dict[str, int]
) -> None:
    """A live last row is no bar, nulls are none, rows in a lunch break are outside; the thin days are named."""
    vendor.reset(now, (symbol,))
    vendor.recorded[symbol] = (real / "yahoo" / name).read_bytes()
    days = 88 if symbol == "SPY" else 1
    said = shared.ask(symbols=[symbol], now=now, calendar=calendar, days=days, max_gap=1.0)
    quality = said["quality"][symbol]
    assert {
        "off_grid": quality["rejected"].get("off_grid", 0),
        **{k: quality[k] for k in told if k != "off_grid"},
    } == told
    if symbol == "SPY":
        assert list(quality["thin_sessions"]) == ["2026-01-30", "2026-02-02"]


ERRORS = [
    ("error_401_crumb.json", 401, 5),
    ("error_404_not_found.json", 404, 4),
    ("error_422_range_60_days.json", 422, 4),
]


@pytest.mark.parametrize(("name", "status", "code"), ERRORS)
def test_recorded_errors_of_yahoo_are_told_apart(
    vendor: Yahoo, shared: Child, real: Path, name: str, status: int, code: int
) -> None:
    """The bodies that Yahoo really sends."""
    vendor.recorded["SPY"] = (real / "yahoo" / name).read_bytes()
    vendor.status = status
    assert shared.ask(max_time=0.6)["code"] == code


def test_a_damaged_or_full_cache_of_the_client_is_named(tmp_path: Path, server: Yahoo) -> None:
    """Its cookie jar overwritten: exit 10 with the folder to remove, not a fault of ours."""
    server.reset(NOW)
    cache = tmp_path / "cache"
    (cache / "yfinance").mkdir(parents=True)
    (cache / "yfinance" / "cookies.db").write_bytes(b"no database at all, and a hundred bytes long at that" * 20)
    child = start({**server.env(), "HFM_CACHE": str(cache)})
    said = child.ask(max_time=3)
    assert (said["code"], str(cache) in said["lines"][0]) == (10, True), said
    assert "remove" in said["lines"][-1]
    assert child.end() == ""

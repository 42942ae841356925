"""A stand-in for Yahoo on 127.0.0.1 that the unpatched yfinance client talks to, driven by the environment alone.

It is an HTTPS forward proxy: it answers CONNECT to Yahoo's hosts itself with a throw-away certificate, serves the
chart, crumb and cookie endpoints, and refuses every other host; it holds no upstream socket. Prices come from a hash of
(symbol, day), so that the same bar has the same value in whatever range it is asked for.

    with Yahoo(tmp_path, now="2026-03-06T21:05Z") as yahoo:
        yahoo.script("chart", 429, times=2)
        subprocess.run([...], env={**os.environ, **yahoo.env()})
        assert yahoo.count("chart") == 3
"""

from __future__ import annotations

import contextlib
import hashlib
import http.server
import json
import socket
import ssl
import threading
import time
import urllib.parse
from collections import deque
from datetime import datetime
from functools import lru_cache
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import trustme

from hfm.fetch.sessions import Sessions, sessions
from hfm.instants import SECOND_NS

HOSTS = (
    "query1.finance.yahoo.com",
    "query2.finance.yahoo.com",
    "finance.yahoo.com",
    "fc.yahoo.com",
    "guce.yahoo.com",
    "consent.yahoo.com",
)
STEP = {"1m": 60, "2m": 120, "5m": 300, "15m": 900, "30m": 1800, "1h": 3600, "60m": 3600}
KEPT = {"1m": 30, "2m": 60, "5m": 60, "15m": 60, "30m": 60, "1h": 730, "60m": 730}
DAY_S = 86_400


@lru_cache(maxsize=8)
def certificate(folder: Path) -> tuple[Path, Path]:
    """(CA, server) PEM files, made once in `folder`."""
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(folder / "ca.pem"))
    authority.issue_cert(*HOSTS).private_key_and_cert_chain_pem.write_to_path(str(folder / "server.pem"))
    return folder / "ca.pem", folder / "server.pem"


@lru_cache(maxsize=4096)
def day_bars(symbol: str, day: str, count: int) -> np.ndarray:
    """[count, 5] open, high, low, close (float32 widened, as Yahoo sends them) and volume of one session."""
    seed = hashlib.sha256(f"{symbol} {day}".encode()).digest()
    rng = np.random.default_rng(int.from_bytes(seed[:8], "little"))
    close = 500 * np.exp(np.cumsum(rng.normal(0, 0.0008, count)) + rng.normal(0, 0.01))
    opening = np.concatenate([[close[0] * 1.0002], close[:-1]])
    high = np.maximum(opening, close) * (1 + abs(rng.normal(0, 0.0003, count)))
    low = np.minimum(opening, close) * (1 - abs(rng.normal(0, 0.0003, count)))
    prices = np.stack([opening, high, low, close], axis=1).astype(np.float32).astype(np.float64)
    return np.column_stack([prices, rng.integers(100_000, 2_000_000, count)])


class Yahoo:
    """The server, and what is wrong with its data. `now`: ISO time at which it stands; move it by assigning."""

    def __init__(
        self, folder: Path, now: str, symbols: tuple[str, ...] = ("SPY", "QQQ"), calendar: str = "XNYS"
    ) -> None:
        self.folder, self.calendar, self._lock = folder, calendar, threading.Lock()
        self.reset(now, symbols)

    def reset(self, now: str, symbols: tuple[str, ...] = ("SPY", "QQQ")) -> None:
        """As new: nothing wrong with the data, nothing scripted, nothing asked yet."""
        self.now = now
        self.symbols = set(symbols)
        self.drop: set[int] = set()
        """Start stamps (epoch s) of bars that Yahoo has forgotten."""
        self.null: set[int] = set()
        """Bars sent as null."""
        self.silent: set[int] = set()
        """Bars without volume."""
        self.shift: dict[int, int] = {}
        """Start stamp -> seconds that it is off the grid."""
        self.twice: set[int] = set()
        """Bars sent twice."""
        self.factor: dict[int, float] = {}
        """Start stamp -> factor of its prices: a revision."""
        self.split: tuple[str, float] | None = None
        """(day, ratio): from that day on all prices are divided by ratio, those before it too."""
        self.recorded: dict[str, bytes] = {}
        """Symbol -> a body that Yahoo once sent, served as it is with `status`."""
        self.status = 200
        self.log: list[dict[str, Any]] = []
        self._scripts: dict[str, deque[tuple[Any, float]]] = {}

    # -- control ------------------------------------------------------------------------------------------------------
    def script(self, kind: str, what: int | str, times: int = 1, seconds: float = 3.0) -> None:
        """The next `times` answers of kind chart, crumb or cookie: a status, or html, truncated, empty, reset, slow."""
        with self._lock:
            self._scripts.setdefault(kind, deque()).extend([(what, seconds)] * times)

    def count(self, kind: str = "chart") -> int:
        """Requests of a kind so far."""
        return sum(1 for entry in self.log if entry["kind"] == kind)

    def env(self) -> dict[str, str]:
        """Environment that sends libcurl here, and yfinance's cookies to a folder of this stand-in's."""
        url, ca = f"http://127.0.0.1:{self.port}", str(certificate(self.folder)[0])
        proxies = {name: url for key in ("HTTPS_PROXY", "HTTP_PROXY", "ALL_PROXY") for name in (key, key.lower())}
        return {
            **proxies,
            "NO_PROXY": "",
            "no_proxy": "",
            "CURL_CA_BUNDLE": ca,
            "REQUESTS_CA_BUNDLE": ca,
            "SSL_CERT_FILE": ca,
            "HFM_CACHE": str(self.folder / "cache"),
        }

    def __enter__(self) -> Yahoo:
        self.folder.mkdir(parents=True, exist_ok=True)
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        tls.load_cert_chain(certificate(self.folder)[1])
        tls.set_alpn_protocols(["http/1.1"])
        handler = type("Bound", (Handler,), {"yahoo": self, "tls": tls})
        self._server = Quiet(("127.0.0.1", 0), handler)
        self.port = self._server.server_address[1]
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        return self

    def __exit__(self, *exception: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def answer(self, kind: str) -> tuple[Any, float]:
        """The next scripted answer, or (None, 0)."""
        with self._lock:
            queue = self._scripts.get(kind)
            return queue.popleft() if queue else (None, 0.0)

    # -- content ------------------------------------------------------------------------------------------------------
    def clock(self) -> int:
        """Epoch seconds of `now`."""
        return int(datetime.fromisoformat(self.now).timestamp())

    def sessions(self, start: int, end: int, step: int) -> Sessions:
        """Sessions that meet [start, end] (epoch s)."""
        first, last = (str(np.datetime64(t, "s").astype("datetime64[D]")) for t in (start - DAY_S, end + DAY_S))
        found = sessions(self.calendar, step, first, last)
        return found.pick((found.close > start * SECOND_NS) & (found.open <= end * SECOND_NS))

    def rows(self, symbol: str, start: int, end: int, interval: str) -> list[tuple[int, list[Any]]]:
        """(start stamp, [open, high, low, close, volume]) of the bars that begin in [start, end) and by now."""
        step, now, out = STEP[interval], self.clock(), []
        found = self.sessions(start, min(end, now), step)
        for i, day in enumerate(found.day):
            values = day_bars(symbol, f"{day} {step}", int(found.slots[i]))
            for k in range(len(values)):
                stamp = int(found.open[i]) // SECOND_NS + k * step
                if start <= stamp < end and stamp <= now and stamp not in self.drop:
                    out += self._row(stamp, str(day), [float(v) for v in values[k]])
        return out

    def _row(self, stamp: int, day: str, row: list[Any]) -> list[tuple[int, list[Any]]]:
        scale = self.factor.get(stamp, 1.0)
        if self.split and self.now[:10] >= self.split[0]:
            scale /= self.split[1]
        row = [price * scale for price in row[:4]] + [0 if stamp in self.silent else int(row[4])]
        if stamp in self.null:
            row = [None] * 5
        return [(stamp + self.shift.get(stamp, 0), row)] * (2 if stamp in self.twice else 1)

    def chart(self, symbol: str, query: dict[str, str]) -> tuple[int, dict[str, Any]]:
        """(status, body) of /v8/finance/chart/<symbol>."""
        interval, now = query.get("interval", "1d"), self.clock()
        if symbol not in self.symbols:
            return 404, failed("Not Found", "No data found, symbol may be delisted")
        if interval not in STEP or "period1" not in query:
            return 400, failed("Bad Request", f"not served here: {query}")
        start, end = int(query["period1"]), int(query["period2"])
        told = f"{interval} data not available for startTime={start} and endTime={end}. "
        if start < now - KEPT[interval] * DAY_S - 60:
            told += f"The requested range must be within the last {KEPT[interval]} days."
            return 422, failed("Unprocessable Entity", told)
        if interval == "1m" and end - start > 8 * DAY_S + 60:
            told += "Only 8 days worth of 1m granularity data are allowed to be fetched per request."
            return 422, failed("Unprocessable Entity", told)
        rows = self.rows(symbol, start, end, interval)
        found = self.sessions(start, min(end, now), STEP[interval])
        result: dict[str, Any] = {"meta": self._meta(symbol, interval, found), "indicators": {"quote": [{}]}}
        if rows:
            columns = list(zip(*(row for _, row in rows), strict=True))
            names = ("open", "high", "low", "close", "volume")
            result["timestamp"] = [stamp for stamp, _ in rows]
            result["indicators"]["quote"] = [{name: list(c) for name, c in zip(names, columns, strict=True)}]
        return 200, {"chart": {"result": [result], "error": None}}

    def _meta(self, symbol: str, interval: str, found: Sessions) -> dict[str, Any]:
        periods = [
            [{"timezone": "X", "start": int(a) // SECOND_NS, "end": int(b) // SECOND_NS, "gmtoffset": 0}]
            for a, b in zip(found.open, found.close, strict=True)
        ]
        return {
            "currency": "USD",
            "symbol": symbol,
            "exchangeName": "PCX",
            "instrumentType": "EQUITY",
            "exchangeTimezoneName": found.tz,
            "timezone": "X",
            "gmtoffset": 0,
            "firstTradeDate": 728317800,
            "regularMarketTime": self.clock(),
            "regularMarketPrice": 500.0,
            "priceHint": 2,
            "dataGranularity": interval,
            "range": "",
            "validRanges": ["1d", "5d", "1mo"],
            "tradingPeriods": periods,
            "currentTradingPeriod": {k: periods[-1][0] if periods else {} for k in ("pre", "regular", "post")},
        }


def failed(code: str, text: str) -> dict[str, Any]:
    """Yahoo's error body."""
    return {"chart": {"result": None, "error": {"code": code, "description": text}}}


class Quiet(http.server.ThreadingHTTPServer):
    """A server whose clients may hang up."""

    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Resets are part of the job."""


class Handler(http.server.BaseHTTPRequestHandler):
    """CONNECT to a known host, then GETs inside the tunnel."""

    protocol_version = "HTTP/1.1"
    yahoo: ClassVar[Yahoo]
    tls: ClassVar[ssl.SSLContext]
    timeout = 30
    host = ""

    def log_message(self, format: str, *args: object) -> None:
        """Nothing."""

    def do_CONNECT(self) -> None:
        """A tunnel that ends here; 403 for a host that is not Yahoo's."""
        self.host, _, port = self.path.partition(":")
        if port != "443" or self.host not in HOSTS:
            self.yahoo.log.append({"kind": "refused", "host": self.host})
            self.send_error(403, f"{self.host} is not stood in for")
            return
        self.send_response(200, "Connection established")
        self.end_headers()
        self.wfile.flush()
        self.connection = self.tls.wrap_socket(self.connection, server_side=True)
        self.rfile = self.connection.makefile("rb", -1)
        self.wfile = self.connection.makefile("wb", 0)
        self.close_connection = False

    def do_GET(self) -> None:
        """One request: scripted, or served."""
        url = urllib.parse.urlsplit(self.path)
        query = {k: v[-1] for k, v in urllib.parse.parse_qs(url.query).items()}
        kind = "chart" if "/v8/finance/chart/" in url.path else "crumb" if "getcrumb" in url.path else "other"
        kind = "cookie" if self.host == "fc.yahoo.com" else kind
        symbol = urllib.parse.unquote(url.path.rsplit("/", 1)[1])
        self.yahoo.log.append({"kind": kind, "host": self.host, "path": url.path, "query": query, "symbol": symbol})
        what, seconds = self.yahoo.answer(kind)
        if what == "slow":
            time.sleep(seconds)
        if what is not None and what != "slow":
            self._scripted(what, symbol, query)
        elif kind == "chart" and symbol in self.yahoo.recorded:
            self._send(self.yahoo.status, self.yahoo.recorded[symbol], "application/json;charset=utf-8")
        elif kind == "chart":
            self._json(*self.yahoo.chart(symbol, query))
        elif kind == "crumb":
            self._send(200, b"crumb01", "text/plain")
        elif kind == "cookie":
            expires = time.strftime("%a, %d %b %Y %H:%M:%S GMT", time.gmtime(time.time() + 300 * DAY_S))
            cookie = f"A3=d=stand-in; Expires={expires}; Domain=.yahoo.com; Path=/; SameSite=None; Secure; HttpOnly"
            self._send(404, b"", "text/html", {"Set-Cookie": cookie})
        else:
            self._send(404, b"<html></html>", "text/html")

    do_POST = do_GET

    def _scripted(self, what: int | str, symbol: str, query: dict[str, str]) -> None:
        if what == 429:
            self._send(429, b"Too Many Requests\r\n", "text/html")
        elif what == 401:
            told = {"code": "Unauthorized", "description": "Invalid Crumb"}
            self._json(401, {"finance": {"result": None, "error": told}})
        elif what == 404:
            self._json(404, failed("Not Found", "No data found, symbol may be delisted"))
        elif what == 422:
            told = "5m data not available. The requested range must be within the last 60 days."
            self._json(422, failed("Unprocessable Entity", told))
        elif isinstance(what, int):
            self._send(what, b"<html><body>upstream error</body></html>", "text/html")
        elif what == "html":
            self._send(200, b"<!doctype html><html><body>consent</body></html>", "text/html")
        elif what == "truncated":
            body = json.dumps(self.yahoo.chart(symbol, query)[1]).encode()
            self._send(200, body[: len(body) // 2], "application/json")
        elif what == "empty":
            found = self.yahoo.sessions(self.yahoo.clock(), self.yahoo.clock(), 300)
            result = {"meta": self.yahoo._meta(symbol, "5m", found), "indicators": {"quote": [{}]}}
            self._json(200, {"chart": {"result": [result], "error": None}})
        elif what == "reset":
            self.close_connection = True
            with contextlib.suppress(OSError):
                self.connection.shutdown(socket.SHUT_RDWR)
        else:
            raise ValueError(what)

    def _json(self, status: int, body: dict[str, Any]) -> None:
        self._send(status, json.dumps(body).encode(), "application/json;charset=utf-8")

    def _send(self, status: int, body: bytes, kind: str, headers: dict[str, str] | None = None) -> None:
        self.send_response(status)
        for name, value in {"Content-Type": kind, "Content-Length": str(len(body)), **(headers or {})}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)
